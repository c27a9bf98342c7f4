"""Records of evaluations: a JSON file with all that is needed to get the numbers again."""

import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hrm.files import replace_file
from hrm.runtime.quoting import json_text

PACKAGE = Path(__file__).parents[1]
SECONDS = 10
"""Git that takes longer is taken for none."""


def write_record(file: Path, metrics: dict[str, Any], source: dict[str, Any], command: str, wall_s: float) -> None:
    """Write a record whole or not at all, in place of an older one of that name.

    It is what ``evaluate_model`` returns, with ``source``, ``command`` and ``wall_s``.

    Args:
        source: the code that measured it: ``source_tree``, asked when the command began.
        command: the command line that measured it.
        wall_s: seconds that it took.

    Raises:
        HrmError: the place cannot be written.
    """
    record = metrics | {"source": source, "command": command, "wall_s": round(wall_s, 3)}
    replace_file(file, (json_text(record, indent=1) + "\n").encode())


def source_tree() -> dict[str, Any]:
    """Return which code runs: ``version``, ``commit`` and ``changed``.

    Outside a checkout of this package ``commit`` and ``changed`` are None. A package that is installed within
    another project's checkout is not taken for a part of it.
    """
    tracked = _git("ls-files", "--error-unmatch", "__init__.py")
    commit = _git("rev-parse", "HEAD") if tracked else None
    changes = _git("status", "--porcelain", "--", ".") if commit else None
    return {
        "version": version("hierarchical-reasoning"),
        "commit": commit,
        "changed": None if changes is None else bool(changes),
    }


def _git(*arguments: str) -> str | None:
    """Return what git says in the folder of the package, or None where it fails or is absent."""
    command = ["git", "--no-optional-locks", "-C", str(PACKAGE), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
