"""The models that come with the package: a checkpoint folder each, with its card."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hrm.errors import UsageError, did_you_mean

_HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the shipped models."""
    return sorted(folder.name for folder in _HERE.iterdir() if (folder / "manifest.json").is_file())


def path(name: str) -> Path:
    """Return the checkpoint folder of a shipped model; the caller checks that the name is one of ``names``."""
    return _HERE / name


def require(name: str | Path, others: Sequence[str] = ()) -> None:
    """Check that a name can be that of a model, before anything slow is imported.

    Args:
        others: names that are allowed beside those of models.

    Raises:
        UsageError: it is neither a shipped model nor a folder nor one of the others.
    """
    known = [*others, *names()]
    if str(name) in known or Path(name).exists():
        return
    lists = f"{'a recipe or ' if others else ''}a shipped model ({', '.join(names())})"
    raise UsageError(
        f"there is no {'recipe or ' if others else ''}model {str(name)!r}: give a run folder, a checkpoint folder, or "
        f"{lists}.{did_you_mean(str(name), known)}"
    )


def described() -> list[dict[str, Any]]:
    """Return the name, puzzle family, size, result and card of every shipped model, as their cards say."""
    found = []
    for name in names():
        card = path(name) / "README.md"
        text = card.read_text(encoding="utf-8")
        config = tomllib.loads((path(name) / "config.toml").read_text(encoding="utf-8"))
        found.append(
            {
                "name": name,
                "puzzle": config["data"]["puzzle"],
                "trainable": int(_fact(text, r"Parameters: ([\d,]+) trainable").replace(",", "")),
                "reached": _fact(text, r"Reached: (.*)"),
                "card": str(card),
            }
        )
    return found


def _fact(card: str, pattern: str) -> str:
    found = re.search(rf"^- {pattern}$" if pattern.endswith(")") else rf"^- {pattern}", card, re.MULTILINE)
    assert found, f"a shipped card says nothing of {pattern}"
    return found[1]
