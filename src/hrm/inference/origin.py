"""Which model is meant by a name, and where a loaded one comes from.

A name is that of a folder of the user's own, of a shipped model, or of one on the hub. Needs no torch, so that a typo
is reported at once.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm import pretrained
from hrm.config import RunConfig
from hrm.hub import fetch

CHECKPOINTS, BEST, WEIGHTS = "checkpoints", "best", "model.safetensors"
"""Inside a run folder: ``checkpoints/update-000100`` …, and ``best``, the checkpoint that validation chose."""


@dataclass(frozen=True)
class Located:
    """Where the weights behind a name lie."""

    folder: Path
    """A run folder or a checkpoint folder."""
    shipped: bool
    """Whether the model came with the package."""
    hub: str = ""
    """Of a model on the hub, its name with the commit."""

    def __str__(self) -> str:
        """Return which weights these are, in a few words."""
        if self.hub:
            return self.hub
        return f"{self.folder.name} (shipped)" if self.shipped else f"{as_path(self.folder)} (local folder)"


@dataclass(frozen=True)
class Origin:
    """The configuration and history of a model that was loaded."""

    name: str
    """The name or folder that it was loaded by."""
    path: Path
    """The checkpoint folder."""
    config: RunConfig
    """What it was trained under."""
    meta: dict[str, Any]
    """Facts that the checkpoint keeps: the update, the scores, the training data."""
    card: str | None
    """The model card as Markdown."""
    weights_sha256: str


def locate(name: str | Path) -> Located:
    """Find a model: a run or checkpoint folder of this name comes first, then a shipped model.

    One on the hub, ``hf:ORG/NAME@REVISION``, is fetched where it is not in the cache.

    Raises:
        UsageError: no model has this name.
        DataError: what the hub has is no model of this package.
        HrmError: the hub cannot be reached.
    """
    if is_on_hub(name):
        folder, wanted = fetch.folder_of(str(name)), fetch.parse(str(name))
        return Located(folder, shipped=False, hub=str(wanted._replace(revision=folder.name)))
    folder, shipped = Path(name), pretrained.names()
    if _holds_a_model(folder):
        return Located(folder, shipped=False)
    if str(name) in shipped:
        return Located(pretrained.path(str(name)), shipped=True)
    pretrained.require(name)
    return Located(folder, shipped=False)


def require(name: str | Path, others: Sequence[str] = ()) -> None:
    """Check that a name can be that of a model, before anything slow is imported.

    Args:
        others: names that are allowed beside those of models.

    Raises:
        UsageError: it is the name of none.
    """
    if is_on_hub(name):
        fetch.parse(str(name))
    else:
        pretrained.require(name, others)


def is_on_hub(name: str | Path) -> bool:
    """Say whether a name is that of a model on the hub."""
    return str(name).startswith(fetch.PREFIX)


def as_path(folder: Path) -> str:
    """Return a folder as an argument that no command takes for the name of something else: ``./sudoku-4x4``."""
    return str(folder) if folder.is_absolute() or len(folder.parts) != 1 else f".{os.sep}{folder}"


def _holds_a_model(folder: Path) -> bool:
    try:
        return any((folder / name).is_dir() for name in (BEST, CHECKPOINTS)) or (folder / WEIGHTS).is_file()
    except OSError:  # such as a name that is too long
        return False
