"""What the commands share: output, the cache folder, the present time."""

import json as json_module
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

Json = Annotated[bool, Parameter(negative="", help="Print one JSON object on stdout and nothing else there.")]
Model = Annotated[str, Parameter(help="A run folder, a checkpoint folder or a shipped model's name.")]
Own = Annotated[
    str, Parameter(name="--puzzle", help="module:Class of the model's puzzles where they are your own; runs that code.")
]
Cache = Annotated[Path | None, Parameter(help="Folder for data stores made from files; default: the user cache.")]
Device = Annotated[str, Parameter(help="auto, cpu, cuda or mps.")]
Precision = Annotated[str, Parameter(help="auto (as trained, where the hardware has it), fp32 or bf16.")]


def stdout() -> Console:
    """Return the console for results."""
    return Console(highlight=False)


def stderr() -> Console:
    """Return the console for progress and notes."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print one JSON object as one line."""
    sys.stdout.write(json_module.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def admit_own(name: str) -> None:
    """Let a family of the user's own be found, in this folder or among what is installed."""
    from hrm import puzzles

    puzzles.admit(name, Path.cwd())


def present() -> str:
    """Return the present time as ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def cache_folder(given: Path | None) -> Path:
    """Return the folder for data stores: the given one, $HRM_CACHE, or the user's cache folder."""
    if given is not None:
        return given
    if chosen := os.environ.get("HRM_CACHE"):
        return Path(chosen)
    home = Path("~").expanduser()
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "hrm"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", home)) / "hrm"
    return Path(os.environ.get("XDG_CACHE_HOME", home / ".cache")) / "hrm"


def keep_compiled_code() -> None:
    """Let torch's compiler keep its results in the user's cache folder, not in one that a restart empties."""
    folder = cache_folder(None) / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(folder))


def progress_line(console: Console, what: str) -> Callable[[int, int], None]:
    """Return a callback that shows done/total, on one line in a terminal; elsewhere at every tenth of a long job."""
    tenths = 0

    def report(done: int, total: int) -> None:
        nonlocal tenths
        before, tenths = tenths, done * 10 // total
        if console.is_terminal:
            console.print(f"{what}: {done}/{total}", end="\n" if done == total else "\r")
        elif total >= 100 and tenths > before:
            console.print(f"{what}: {done}/{total}")

    return report
