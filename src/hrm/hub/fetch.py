"""From ``hf:ORG/NAME@REVISION`` to a checkpoint folder in the cache of huggingface_hub. Free of torch.

Only the files that a checkpoint has are fetched, none of which can hold code, and none before its size is known.
Reading the checkpoint then compares every byte with its manifest.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from hrm.data import task_table
from hrm.errors import DataError, HrmError, UsageError
from hrm.files import MANIFEST, MANIFEST_BYTES, read_bounded

PREFIX = "hf:"
EXTRA = "pip install 'hierarchical-reasoning[hub]'"
CARD = "README.md"
MOST_BYTES = {
    MANIFEST: MANIFEST_BYTES, "config.json": 1 << 20, "config.toml": 1 << 20, CARD: 1 << 20,
    "model.safetensors": 8 << 30, **task_table.MOST_BYTES,
}  # fmt: skip
"""The files that are fetched, each with its largest size."""
MAIN = "main"
PATIENCE_S = 4.0
"""How long the hub may take to answer the first question; HF_HUB_ETAG_TIMEOUT sets another time."""
_ID = re.compile(r"([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@(\w[\w./-]{0,254}))?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


class HubName(NamedTuple):
    """A model on the hub."""

    repo: str
    """``ORG/NAME``"""
    revision: str | None
    """Branch, tag or commit; None: the present state of ``main``."""

    def __str__(self) -> str:
        """Return it as ``hrm.load`` reads it."""
        return f"{PREFIX}{self.repo}" + (f"@{self.revision}" if self.revision else "")


def parse(name: str) -> HubName:
    """Read ``hf:ORG/NAME`` or ``hf:ORG/NAME@REVISION``.

    Raises:
        UsageError: it is neither.
    """
    found = _ID.fullmatch(name.removeprefix(PREFIX))
    if not found or ".." in name or "--" in found[1]:
        raise UsageError(f"{name!r} is not the name of a model on the hub: write hf:ORG/NAME or hf:ORG/NAME@REVISION")
    return HubName(found[1], found[2])


@lru_cache
def folder_of(name: str) -> Path:
    """Return the checkpoint folder of a model on the hub, asked for once in a process.

    Raises:
        UsageError, DataError, HrmError: as ``fetch``.
    """
    return fetch(parse(name))


def library() -> ModuleType:
    """Return huggingface_hub.

    Raises:
        UsageError: it is not installed; says how to.
    """
    try:
        import huggingface_hub
    except ImportError:
        raise UsageError(f"models on the hub need huggingface_hub: {EXTRA}") from None
    return huggingface_hub


def fetch(
    wanted: HubName,
    *,
    token: str | bool | None = None,
    cache_dir: str | Path | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
) -> Path:
    """Bring a model into the cache of huggingface_hub, where it is not there yet, and return its folder.

    A revision that is no commit is looked up each time, and the log says which commit it is. Without a network, or
    with ``HF_HUB_OFFLINE=1``, what was fetched before is used.

    Args:
        token, cache_dir, local_files_only, force_download: as in ``huggingface_hub.hf_hub_download``.

    Raises:
        UsageError: huggingface_hub is missing, or there is no such model or revision.
        DataError: what is there is no model of this package, or larger than it says.
        HrmError: the hub cannot be reached, or refuses.
    """
    hub, options = library(), {"repo_id": wanted.repo, "token": token, "cache_dir": cache_dir}
    options |= {"local_files_only": local_files_only, "force_download": force_download, "library_name": "hrm"}

    def bring(file: str, revision: str, promised: int | None = None) -> Path:
        """Fetch one file once its size is known and right."""
        seen = hub.hf_hub_download(filename=file, revision=revision, dry_run=True, **options)
        size, most = seen.file_size, MOST_BYTES[file]
        if not _COMMIT.fullmatch(seen.commit_hash):
            raise DataError(f"{wanted} is refused: its commit is called {seen.commit_hash[:60]!r}")
        if size is None or size > most:
            raise DataError(f"{wanted} is refused: {file} has {size or 'an unknown number of'} bytes (allowed: {most})")
        if promised is not None and size != promised:
            raise DataError(f"{wanted} is refused: {file} has {size} bytes, its {MANIFEST} says {promised}")
        return Path(hub.hf_hub_download(filename=file, revision=revision, **options))

    with explained(wanted):
        if not local_files_only and not _answers(hub, wanted, token, cache_dir):
            options["local_files_only"] = True  # else huggingface_hub tries again for half a minute
        # The manifest says what else there is; all of it comes from the commit that the manifest came from.
        manifest = bring(MANIFEST, wanted.revision or MAIN)
        commit = manifest.parent.name
        files = _listed(manifest, wanted)
        for file, promised in files.items():
            if file != CARD:
                bring(file, commit, promised)
        # The card is for readers: it may be missing, or edited.
        if CARD in files:
            from huggingface_hub.errors import EntryNotFoundError

            with suppress(EntryNotFoundError):
                bring(CARD, commit)
    if wanted.revision != commit:
        pinned = HubName(wanted.repo, commit)
        logging.getLogger("hrm").warning(f"{wanted} is now {pinned}: write that to get the same weights every time")
    return manifest.parent


@contextmanager
def explained(wanted: HubName) -> Iterator[None]:
    """Say in one line why the hub did not do what it was asked for.

    Raises:
        UsageError: no such model or revision, for this user.
        DataError: what is there is no model of this package.
        HrmError: the hub cannot be reached, or refuses.
    """
    from huggingface_hub import errors

    where = f"the model {wanted.repo} on the hub"
    try:
        with _retries_in_one_line():
            yield
    except errors.GatedRepoError:
        raise HrmError(f"{where} is gated: accept its terms on its page, and log in with `hf auth login`") from None
    except errors.RepositoryNotFoundError:
        remedy = "check the name; for a private one, log in with `hf auth login`"
        raise UsageError(f"there is no model {wanted.repo} on the hub, or it is not yours to see: {remedy}") from None
    except errors.RevisionNotFoundError:
        raise UsageError(f"{where} has no revision {wanted.revision!r}: give a branch, a tag or a commit") from None
    except errors.RemoteEntryNotFoundError:
        remedy = "`hrm import` reads the checkpoints of the official code, once you have downloaded them"
        raise DataError(f"{where} has no whole checkpoint of this package; {remedy}") from None
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled):
        remedy = "fetch it once with a network, without HF_HUB_OFFLINE"
        raise HrmError(f"{where} is not in the cache, and the hub is out of reach: {remedy}") from None
    except errors.HFValidationError as error:
        raise UsageError(f"{wanted}: {_line(error)}") from None
    except (errors.HTTPError, OSError) as error:
        raise HrmError(f"{where}: {_line(error)}") from None


def _answers(hub: ModuleType, wanted: HubName, token: str | bool | None, cache_dir: str | Path | None) -> bool:
    """Say whether the hub can be reached, whatever it answers; nothing is asked where a commit is in the cache."""
    from huggingface_hub import constants, errors

    revision = wanted.revision or MAIN
    if _COMMIT.fullmatch(revision) and hub.try_to_load_from_cache(wanted.repo, MANIFEST, cache_dir, revision):
        return True
    own = constants.HF_HUB_ETAG_TIMEOUT != constants.DEFAULT_ETAG_TIMEOUT
    timeout = constants.HF_HUB_ETAG_TIMEOUT if own else PATIENCE_S
    try:
        hub.get_hf_file_metadata(hub.hf_hub_url(wanted.repo, MANIFEST, revision=revision), token=token, timeout=timeout)
    except (errors.HfHubHTTPError, OSError):
        return True  # a refusal: what it means is said when the file is fetched
    except errors.HTTPError:
        return False
    return True


class _OneLine(logging.Filter):
    """Replaces what huggingface_hub says of each of its retries by one line before the first."""

    said = False

    def filter(self, record: logging.LogRecord) -> bool:
        """Say it once, and let nothing else of this logger pass."""
        if not self.said:
            says = "waiting for the hub, which is busy or out of reach (HF_HUB_OFFLINE=1: ask the cache only)"
            logging.getLogger("hrm").warning(says)
            self.said = True
        return False


@contextmanager
def _retries_in_one_line() -> Iterator[None]:
    source, one_line = logging.getLogger("huggingface_hub.utils._http"), _OneLine()
    source.addFilter(one_line)
    try:
        yield
    finally:
        source.removeFilter(one_line)


def _listed(manifest: Path, wanted: HubName) -> dict[str, int]:
    """Return name -> bytes of the files that a manifest lists, if a checkpoint can have them."""
    try:
        fields: Any = json.loads(read_bounded(manifest, MANIFEST_BYTES))
        files = {str(name): int(entry["bytes"]) for name, entry in fields["files"].items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        raise DataError(f"{wanted} is refused: {MANIFEST} does not say which files a model has") from None
    foreign = [name for name in files if name not in MOST_BYTES or name == MANIFEST]
    if foreign:
        names = ", ".join(map(repr, foreign[:3]))[:100]
        raise DataError(f"{wanted} is refused: {MANIFEST} lists {names}, which no model for use has")
    return files


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
