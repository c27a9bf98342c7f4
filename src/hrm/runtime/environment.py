"""What modules below take as arguments: the folder for caches, and the present time."""

import os
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from hrm.errors import UsageError


def present() -> str:
    """Return the present time as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def cache_folder(chosen: str | Path | None = None) -> Path:
    """Return the cache folder: the chosen one, ``$HRM_CACHE``, or the user's cache folder.

    Raises:
        UsageError: none is chosen, and the user has no home folder.
    """
    if folder := chosen or os.environ.get("HRM_CACHE"):
        return Path(folder)
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "hrm"
    if sys.platform != "darwin" and (xdg := os.environ.get("XDG_CACHE_HOME")):
        return Path(xdg) / "hrm"
    home = os.path.expanduser("~")
    if home == "~":
        raise UsageError("this user has no home folder for the cache: give --cache FOLDER, or set HRM_CACHE")
    return Path(home) / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "hrm"


_JOB = "WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"
"""What torchrun tells each of several processes."""


def rank() -> int | None:
    """Return the number of this process among those that torchrun has started; None: it is alone."""
    size, own = os.environ.get("WORLD_SIZE", ""), os.environ.get("RANK", "")
    return int(own) if size.isdecimal() and int(size) > 1 and own.isdecimal() else None


def require_whole_job() -> None:
    """Refuse a process that is told of others, but not how to meet them: some schedulers set a part of the variables.

    Raises:
        UsageError: which variable is missing or wrong.
    """
    told = {name: os.environ.get(name, "") for name in _JOB}
    size = told["WORLD_SIZE"]
    if not size or (size.isdecimal() and int(size) < 2):
        return
    wrong = [name for name, value in told.items() if not (value if name == "MASTER_ADDR" else value.isdecimal())]
    if not wrong and int(told["RANK"]) >= int(size):
        wrong = ["RANK"]
    if wrong:
        raise UsageError(
            f"WORLD_SIZE={size} says that several processes work together, but {', '.join(wrong)} "
            f"{'is' if len(wrong) == 1 else 'are'} missing or wrong: start them with torchrun, or unset WORLD_SIZE"
        )


def end(code: int) -> NoReturn:
    """End one of several processes at once, once its output is written.

    On its usual way down, after Python's end, torch 2.13 aborts now and then where processes were connected (gloo).
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def keep_compiled_code() -> None:
    """Let torch's compiler keep its results in the user's cache folder, not in one that a restart empties."""
    try:
        folder = cache_folder() / "compiled"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, UsageError):
        return
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))
