"""What to do with a run that has ended: complete commands, which work as they are printed. Free of torch."""

import os
from pathlib import Path

import numpy as np

from hrm import pretrained
from hrm.config import RunConfig
from hrm.data.store import Split, Store

LONGEST = 200
"""Characters of a puzzle that is shown on a command line."""


def next_commands(config: RunConfig, folder: Path, store: Store, splits: dict[str, Split]) -> list[list[str]]:
    """Return commands that measure the model, and that solve one of its puzzles, as lists of arguments."""
    name, puzzle = model_name(folder), config.data.puzzle
    own = ["--puzzle", puzzle] if ":" in puzzle else []
    if store.table is not None:
        return [["hrm", "eval", name, "--data", str(store.path)]]
    split = next(name for name in ("test", "validation", "train") if name in splits)
    if split in store.splits:
        measured = ["--data", str(store.path), *(["--split", split] if len(store.splits) > 1 else [])]
    else:
        measured = ["--data", config.data.validation_path]
    commands = [["hrm", "eval", name, *measured, *own]]
    text = store.puzzle.text(np.asarray(splits[split].inputs[0]))
    if len(text) <= LONGEST and "\n" not in text and not text.startswith("-"):
        commands.append(["hrm", "solve", name, text, *own])
    return commands


def model_name(folder: Path) -> str:
    """Return what names the model of a run folder, and never a shipped model of the same name."""
    return f".{os.sep}{folder}" if str(folder) in pretrained.names() else str(folder)
