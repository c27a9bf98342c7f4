"""Folders and files that appear whole or not at all, and what shows that they are what they should be.

Stores and checkpoints are folders with a ``manifest.json``; both are written by ``replacing``. A file that stands
alone is written by ``replace_file``, and one that grows by ``append_line``. Nothing else in the package writes a file
under its final name.
"""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path

from hrm.errors import HrmError, UsageError

CHECKPOINT = "hrm-checkpoint"
"""Kind of a checkpoint folder."""
_LEFTOVER = re.compile(r"\.(?P<name>.+)\.(?P<what>tmp|old|gone|probe)-[0-9a-f]{8}", re.ASCII)
MANIFEST, MANIFEST_BYTES = "manifest.json", 1 << 20
"""The file that says what a folder is, and its largest size: a longer one is refused unread."""


def open_file(path: Path) -> BufferedReader:
    """Open a file to read its bytes, and neither a pipe nor a device: reading these may never end.

    Raises:
        OSError: there is no such file, it may not be read, or it is something else than a file.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is a folder, a pipe or a device, not a file", str(path))
    return open(handle, "rb")


def read_bounded(path: Path, most: int) -> bytes:
    """Return the content of a file, of which at most ``most`` bytes are read.

    Raises:
        OSError: there is no such file, it may not be read, or it is longer.
    """
    with open_file(path) as f:
        content = f.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it is longer than {most} bytes", str(path))
    return content


def kind_of(folder: Path) -> str | None:
    """Return the ``kind`` in a folder's manifest, or None where there is no readable one."""
    try:
        manifest = json.loads(read_bounded(folder / MANIFEST, MANIFEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    return str(manifest.get("kind")) if isinstance(manifest, dict) else None


def sha256_of(file: Path) -> str:
    """Return the sha256 of a file as hexadecimal digits."""
    with open_file(file) as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


@contextmanager
def replacing(folder: Path, needed_bytes: int, kind: str) -> Iterator[Path]:
    """Give an empty folder to fill; afterwards it is on disk under the wanted name, or nothing has changed.

    An older folder of the same kind is moved aside, and deleted once the new one has its name.

    Args:
        needed_bytes: refuse before writing where fewer are free.
        kind: what a manifest in a folder that may be replaced says.

    Raises:
        HrmError: the disk is full or the place cannot be written; says how much is needed and free.
        UsageError: the name belongs to something of another kind.
    """
    folder = _resolved(folder)
    parent, mark = folder.parent, secrets.token_hex(4)
    work, aside = parent / f".{folder.name}.tmp-{mark}", parent / f".{folder.name}.old-{mark}"
    _refuse_foreign(folder, kind)
    try:
        # Refuse early where there is no room, and give a folder beside the wanted one.
        parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(parent).free
        if free < needed_bytes:
            raise HrmError(
                f"cannot write {folder}: it needs {needed_bytes} bytes and {free} are free; make room or "
                "choose another folder"
            )
        work.mkdir()
        yield work
        # Once everything is on the disk, exchange the two by renaming.
        for entry in sorted(work.rglob("*"), reverse=True):
            flush(entry)
        flush(work)
        if folder.exists():
            folder.rename(aside)
        try:
            work.rename(folder)
        except BaseException:
            if aside.exists() and not folder.exists():
                aside.rename(folder)
            raise
        flush(parent)
        shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise HrmError(
            f"cannot write {folder}: {error.strerror or error} (needed {needed_bytes} bytes, free "
            f"{_free(parent)}); choose a folder on a disk with room that you may write to"
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def tidy(folder: Path) -> None:
    """Undo what writers that were killed in this folder left behind; only who holds it alone may call this.

    What was half written goes. What had been moved aside comes back where nothing has taken its place.
    """
    for entry in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not (match := _LEFTOVER.fullmatch(entry.name)):
            continue
        place = folder / match["name"]
        if match["what"] == "old" and not os.path.lexists(place):
            entry.rename(place)
        elif entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def require_writable(folder: Path, kind: str) -> None:
    """Refuse a place that ``replacing`` could not write, before work is spent on what belongs there.

    Raises:
        HrmError: the place cannot be written.
        UsageError: the name belongs to something of another kind.
    """
    folder = _resolved(folder)
    _refuse_foreign(folder, kind)
    _probe(folder)


def fill(work: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder that ``replacing`` gave; a name may have folders before it."""
    for name, data in contents.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(data)


def replace_file(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, in place of an older one of that name.

    A pipe or device, such as ``/dev/stdout``, gets the bytes and stays what it is.

    Raises:
        HrmError: the place cannot be written, or the disk is full.
    """
    stream = _is_stream(path)
    path = path if stream else _resolved(path)
    work = _beside(path, "tmp")
    try:
        if stream:
            with open(path, "ab") as f:
                f.write(data)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        work.write_bytes(data)
        if path.exists():
            shutil.copymode(path, work)
        move_into_place(work, path)
    except OSError as error:
        raise HrmError(
            f"cannot write {path}: {error.strerror or error} (needed {len(data)} bytes, free {_free(path.parent)}); "
            "choose a file in a folder with room that you may write to"
        ) from error
    finally:
        with suppress(OSError):
            work.unlink()


def move_into_place(work: Path, path: Path) -> None:
    """Give a file that was written beside its place its name, once it is on the disk.

    Raises:
        OSError: the disk is full, or the place cannot be written.
    """
    flush(work)
    os.replace(work, path)
    flush(path.parent)


def append_line(path: Path, line: str) -> None:
    """Write a line at the end of a file, which is made where there is none; a full disk may cut it short.

    Raises:
        HrmError: the place cannot be written, or the disk is full.
    """
    try:
        with open(path, "a", encoding="utf-8") as f:
            f.write(line + "\n")
    except OSError as error:
        raise _cut_short(path, error) from error


@contextmanager
def appending(path: Path, size: int, keep: int) -> Iterator[Callable[[bytes], None]]:
    """Hold a file for one writer and give what writes at its end; the file is made where there is none.

    What was written is with the system before the next line of the program, so that a process that is killed loses
    none of it; a full disk may cut the last piece short.

    Args:
        size: bytes that the file must have.
        keep: how many of these stay.

    Raises:
        HrmError: another process is writing it, it cannot be written, or the disk is full.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            if not _locked(handle) or os.fstat(handle).st_size != size:
                raise HrmError(f"another process is writing {path}: wait for it, or choose another file")
            os.ftruncate(handle, keep)
            os.lseek(handle, 0, os.SEEK_END)

            def append(data: bytes) -> None:
                try:
                    while data:
                        data = data[os.write(handle, data) :]
                except OSError as error:
                    raise _cut_short(path, error) from error

            yield append
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise _cut_short(path, error) from error


def require_writable_file(path: Path) -> None:
    """Refuse a place that ``replace_file`` could not write, before work is spent on what belongs there.

    Raises:
        HrmError: the place cannot be written.
        UsageError: the name belongs to a folder.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder: give the name of a file")
    if not _is_stream(path):
        _probe(_resolved(path))


def flush(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    if path.is_dir():
        if os.name == "nt":  # Windows has no handle for a folder
            return
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    else:
        with open(path, "rb+") as f:
            os.fsync(f.fileno())


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except RuntimeError:  # of Python before 3.13
        raise HrmError(f"cannot write {path}: it is a link that leads in a circle; choose another name") from None


def _beside(path: Path, what: str) -> Path:
    """Return a new name in the folder of a file, short enough for any name that the file may have."""
    return path.parent / f".{path.name[:40]}.{what}-{secrets.token_hex(4)}"


def _is_stream(path: Path) -> bool:
    """Say whether there is something of this name that takes bytes and cannot be replaced: a pipe or a device."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not stat.S_ISDIR(mode) and (not stat.S_ISREG(mode) or path.is_relative_to("/dev"))


def _probe(path: Path) -> None:
    probe = _beside(path, "probe")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        raise HrmError(
            f"cannot write {path}: {error.strerror or error}; choose a folder that you may write to"
        ) from None


def _cut_short(path: Path, error: OSError) -> HrmError:
    return HrmError(
        f"cannot write {path}: {error.strerror or error} (free {_free(path.parent)}); make room, then run the same "
        "command again"
    )


def _locked(handle: int) -> bool:
    """Say whether an open file is now this process's alone; always so where the system has no such locks.

    The library filelock would empty the file.
    """
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # Windows, or a file system without locks
        return True
    return True


def _free(folder: Path) -> str:
    try:
        return str(shutil.disk_usage(folder).free)
    except OSError:
        return "unknown"


def _refuse_foreign(folder: Path, kind: str) -> None:
    if not os.path.lexists(folder):
        return
    present = kind_of(folder)
    damaged = present is None and (folder / MANIFEST).is_file()  # its own manifest, no longer readable
    empty = folder.is_dir() and not any(folder.iterdir())
    if present != kind and not damaged and not empty:
        raise UsageError(f"{folder} exists and is not a {kind} folder: nothing was changed; choose another name")
