"""One writer for a run folder: two processes that train in one folder would delete each other's checkpoints.

The lock is the system's own (``flock``) on a file in the folder. It ends with the process that holds it, even one that
was killed, so no lock is ever left over. Free of torch.
"""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from hrm.errors import HrmError

LOCK = ".lock"
"""Inside a run folder: the file that is locked; it names its last holder, and stays when the run has ended."""
PATIENCE_S = 0.5
"""How long to wait for somebody who only looks whether the lock is free."""
OWNER_BYTES = 1000
"""Of the text that names the holder, no more is read."""


@contextmanager
def sole_writer(folder: Path) -> Iterator[None]:
    """Hold a run folder, which is made where there is none; of several ranks only one may do this.

    Raises:
        HrmError: another process holds it, which is named, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(folder, error) from None
    lock = _taken(folder)
    try:
        with suppress(OSError):  # such as a full disk: the name is only for messages
            (folder / LOCK).write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}) + "\n")
        yield
    finally:
        lock.release()


def refuse_held(folder: Path) -> None:
    """Refuse a run folder that another process is writing, before any work is done for it.

    Raises:
        HrmError: it is held, and by whom; or its lock cannot be opened.
    """
    if (folder / LOCK).exists():
        _taken(folder).release()


def _taken(folder: Path) -> FileLock:
    lock = FileLock(folder / LOCK, thread_local=False)
    try:
        lock.acquire(timeout=PATIENCE_S)
    except Timeout:
        raise HrmError(
            f"{folder} is being written by {_owner(folder)}: wait until that run ends, stop it, or choose another --out"
        ) from None
    except OSError as error:
        raise _unwritable(folder, error) from None
    return lock


def _owner(folder: Path) -> str:
    try:
        with open(folder / LOCK, encoding="utf-8") as f:
            owner = json.loads(f.read(OWNER_BYTES))
        return f"process {int(owner['pid'])} on {str(owner['host'])!r}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _unwritable(folder: Path, error: OSError) -> HrmError:
    return HrmError(f"cannot write {folder}: {error.strerror or error}; choose a folder that you may write to")
