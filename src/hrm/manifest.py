"""Manifests: what the files of a folder must be, to the byte.

A store and a checkpoint are folders with a ``manifest.json``. It names the kind of the folder, the number of its
format, and the size and SHA-256 of every file, so that a folder that was cut short or altered is refused, with the file
named, before anything is built from it. Each kind has a ``Form``; ``read_manifest`` reads them all.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from hrm.errors import DataError
from hrm.files import MANIFEST, MANIFEST_BYTES, open_file, read_bounded, sha256_of

M = TypeVar("M", bound=BaseModel)


class FileRecord(BaseModel):
    """What a file must be, to the byte."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Form(Generic[M]):
    """The manifests of one kind of folder, and what messages about them say."""

    kind: str
    """What the manifest calls the folder: ``hrm-store`` or ``hrm-checkpoint``."""
    model: type[M]
    source: str
    """What to do where there is no such folder."""
    remedy: str
    """What to do about a damaged one."""
    formats: tuple[int, ...] = (1,)
    """The numbers of the formats that this version reads."""
    sealed: bool = False
    """Whether the manifest holds a hash of itself."""


def read_manifest(folder: Path, form: Form[M]) -> M:
    """Return the manifest of a folder of one kind.

    Raises:
        DataError: there is no manifest, it is of another kind or format, or damaged; says what to do.
    """
    file, noun = folder / MANIFEST, form.kind.removeprefix("hrm-")
    # Read no more than a manifest can have, as JSON.
    try:
        raw = read_bounded(file, MANIFEST_BYTES)
        fields = json.loads(raw)
        if not isinstance(fields, dict):
            raise ValueError("not an object")
        intact = not form.sealed or raw == seal(fields)
    except FileNotFoundError:
        lack = f"it has no {MANIFEST}" if folder.is_dir() else "there is no such folder"
        raise DataError(f"{folder} is not a {noun}: {lack}; {form.source}") from None
    except NotADirectoryError:
        raise DataError(f"{folder} is not a {noun}: it is a file; {form.source}") from None
    except OSError as error:
        raise DataError(f"{folder} is not a {noun}: {MANIFEST}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise damaged(file, f"not a manifest: {str(error)[:80]}", form.remedy) from None
    # Only then look at what it says: another kind or format is no damage.
    if fields.get("kind") != form.kind:
        raise DataError(f"{folder} is not a {noun}: {MANIFEST} has kind {fields.get('kind')!r}, not {form.kind!r}")
    if not intact:
        raise damaged(file, "its content is not what was saved", form.remedy)
    if fields.get("format") not in form.formats:
        raise DataError(
            f"{folder} has {noun} format {fields.get('format')!r}; this version of hrm reads format "
            f"{' or '.join(map(str, form.formats))}: install the version that wrote it, or {form.remedy}"
        )
    try:
        return form.model.model_validate(fields)
    except ValidationError as error:
        raise damaged(file, first_fault(error), form.remedy) from None


def seal(fields: Mapping[str, Any]) -> bytes:
    """Return the bytes of a manifest with the hash of itself; no other spelling of it is accepted.

    Args:
        fields: whatever JSON can hold, without NaN; an older hash among them is replaced.
    """
    content = {key: value for key, value in fields.items() if key != "sha256"}
    return _spelled(content | {"sha256": hashlib.sha256(_spelled(content)).hexdigest()})


def record(content: bytes) -> FileRecord:
    """Return what a manifest says of a file with this content."""
    return FileRecord(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def record_of(file: Path) -> FileRecord:
    """Return what a manifest says of a file on disk."""
    return FileRecord(bytes=file.stat().st_size, sha256=sha256_of(file))


def check_size(file: Path, promised: FileRecord, remedy: str, most: int | None = None) -> None:
    """Refuse a file that is missing, or of another size than its manifest says, without reading it.

    Args:
        remedy: what to do about a damaged file, for the message.
        most: refuse a larger file, whatever its manifest says.

    Raises:
        DataError: what is wrong, in which file.
    """
    with _readable(file, remedy), open_file(file) as f:
        size = os.fstat(f.fileno()).st_size
    if size != promised.bytes:
        raise damaged(file, f"it has {size} bytes of {promised.bytes}", remedy)
    if most is not None and size > most:
        raise DataError(f"{file} has {size} bytes; at most {most} are read")


def check_content(file: Path, promised: FileRecord, remedy: str) -> None:
    """Refuse a file whose content is not that of its manifest, in little memory.

    Raises:
        DataError: the content is another.
    """
    with _readable(file, remedy):
        sha256 = sha256_of(file)
    if sha256 != promised.sha256:
        raise _altered(file, remedy)


def read_listed(file: Path, promised: FileRecord, remedy: str, most: int | None = None) -> bytes:
    """Return the content of a file once its size and hash are those of its manifest.

    Raises:
        DataError: what is wrong, in which file.
    """
    check_size(file, promised, remedy, most)
    with _readable(file, remedy):
        content = file.read_bytes()
    if record(content) != promised:
        raise _altered(file, remedy)
    return content


def damaged(file: Path, fault: str, remedy: str) -> DataError:
    """Return the error that a file is damaged: in what way, and what to do."""
    return DataError(f"{file} is damaged: {fault}; {remedy}")


def first_fault(error: ValidationError) -> str:
    """Return the first thing that is wrong with a record, in one line."""
    fault = error.errors()[0]
    return f"{'.'.join(map(str, fault['loc'])) or 'it'}: {fault['msg']}"


@contextmanager
def _readable(file: Path, remedy: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise damaged(file, "the file is missing", remedy) from None
    except OSError as error:
        raise damaged(file, str(error.strerror), remedy) from None


def _altered(file: Path, remedy: str) -> DataError:
    return damaged(file, "its content is not what was saved: the sha256 is not the manifest's", remedy)


def _spelled(fields: Mapping[str, Any]) -> bytes:
    return (json.dumps(fields, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
