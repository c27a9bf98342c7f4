"""Where a model comes from, and how to save it again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from hrm.checkpoint import save_checkpoint
from hrm.config import RunConfig
from hrm.data.task_table import TaskTable
from hrm.errors import UsageError


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


def save_model(folder: Path, model: nn.Module, origin: Origin | None, table: TaskTable | None = None) -> None:
    """Save a model as a checkpoint without the state of its training.

    Raises:
        UsageError: nothing is known of its configuration, or the folder holds something else.
        HrmError: the folder cannot be written.
    """
    if origin is None:
        raise UsageError("this solver does not know its configuration: save a model that hrm.load or a Trainer made")
    save_checkpoint(
        folder,
        config=origin.config.to_toml(),
        weights=model.state_dict(),
        meta=origin.meta,
        card=origin.card,
        table=table,
    )
