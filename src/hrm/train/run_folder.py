"""The run folder: whose it is, what may be done with it, and commands that use what it holds. Free of torch."""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hrm import pretrained
from hrm.config import RunConfig, flat, from_toml, read_config, validated
from hrm.data.store import Split, Store
from hrm.errors import DataError, HrmError, UsageError
from hrm.files import CHECKPOINT, MANIFEST, MANIFEST_BYTES, read_bounded, require_writable
from hrm.inference.origin import BEST, CHECKPOINTS, as_path
from hrm.manifest import FileRecord, read_listed
from hrm.train.lock import LOCK, refuse_held

CONFIG, CARD = "config.toml", "README.md"
"""Inside a run folder: the resolved configuration and, once the run has finished, the card of its best weights."""
LONGEST_SHOWN = 200
"""Characters of a puzzle that is shown on a command line."""


def default_folder(config: RunConfig) -> Path:
    """Return where a run goes by default: ``runs/RECIPE-DIGEST``."""
    return Path("runs") / f"{config.recipe}-{config.digest()}"


def claim(folder: Path, config: RunConfig, writes: bool = True) -> str:
    """Refuse a folder that cannot be written or is not this run's, before any work is done.

    A run may go on to more updates than it was begun with; nothing else of its configuration may change.

    Args:
        writes: whether the run will be written; else its place is not tried.

    Returns:
        What the run does with what lies there, for its header: empty where it begins anew.

    Raises:
        UsageError: the folder is something else, a run with another configuration, or one without its checkpoints.
        DataError: none of its checkpoints can be used.
        HrmError: it cannot be written, or another process is writing it.
    """
    if writes:
        refuse_held(folder)
    checkpoints, best = _checkpoints(folder), folder / BEST
    old = next((found for place in (*checkpoints, best) if (found := _saved(place)) is not None), None)
    if old is None and not _is_ours(folder):
        raise UsageError(f"{folder} exists and is not a run folder: nothing was changed; choose another --out")
    if old is None and (checkpoints or best.is_dir()):
        raise DataError(f"no checkpoint of {folder} can be used: delete the folder, or choose another --out")
    if writes:
        require_writable(folder / "config" if folder.exists() else folder, CHECKPOINT)
    if old is None:
        return ""
    changes = differences(old.config, config)
    changes.pop("train.micro_batch", None)  # another machine may need another one
    before, after = old.config.train, config.train
    longer = changes.keys() == {"train.updates"} and after.updates > before.updates
    if changes and not longer:
        raise _refused(folder, changes)
    if checkpoints:
        return _continued(before.updates, after.updates)
    if old.update > before.checkpoint_every or (folder / CARD).exists():
        raise UsageError(
            f"{folder} holds the best weights of a run, those of update {old.update}, but no checkpoint to go on from: "
            f"choose another --out; --init {folder} starts from these weights"
        )
    return "begins again: it was stopped before its first checkpoint"


def _continued(before: int, after: int) -> str:
    if before == after:
        return "resumes the run that is there"
    return f"goes on from {before} to {after} updates; from here the learning rate follows the longer schedule"


def _refused(folder: Path, changes: Mapping[str, tuple[str, str]]) -> UsageError:
    listed = ", ".join(f"{path} {before} → {after}" for path, (before, after) in list(changes.items())[:4])
    more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
    return UsageError(
        f"{folder} holds a run with another configuration ({listed}{more}): repeat the command that started it, choose "
        f"another --out, or start from its weights with --init {folder} and another --out"
    )


class _Saved(NamedTuple):
    config: RunConfig
    update: int


def _checkpoints(folder: Path) -> list[Path]:
    """Return what may be checkpoints that a run resumes from, the newest first."""
    found = [path for path in (folder / CHECKPOINTS).glob("*update-*") if ".tmp-" not in path.name]
    return sorted(found, key=lambda path: path.name.lstrip(".").split(".")[0].zfill(30), reverse=True)


def _saved(checkpoint: Path) -> _Saved | None:
    """Return the configuration and the update of a checkpoint, or None where they are not what was saved.

    Unlike the ``config.toml`` of the run folder, nobody has edited or emptied it.
    """
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError, HrmError):
        manifest = json.loads(read_bounded(checkpoint / MANIFEST, MANIFEST_BYTES))
        content = read_listed(checkpoint / CONFIG, FileRecord.model_validate(manifest["files"][CONFIG]), "")
        return _Saved(from_toml(content.decode(), str(checkpoint / CONFIG)), int(manifest["meta"]["update"]))


def _is_ours(folder: Path) -> bool:
    """Say whether a folder without a usable checkpoint is absent, empty, or that of a run that was only begun."""
    if not folder.is_dir():
        return not folder.exists()
    names = {entry.name for entry in folder.iterdir()}
    if not names or LOCK in names:
        return True
    with suppress(OSError, HrmError):
        validated(read_config(folder / CONFIG), str(folder / CONFIG))
        return True
    return False


def differences(old: RunConfig, new: RunConfig) -> dict[str, tuple[str, str]]:
    """Return the values in which two configurations differ: dotted path -> (old, new)."""
    before, after = (flat(config.model_dump(mode="json")) for config in (old, new))
    paths = [path for path in before | after if before.get(path) != after.get(path)]
    return {path: (_shown(before.get(path)), _shown(after.get(path))) for path in paths}


def _shown(value: object) -> str:
    text = "(none)" if value is None else "(empty)" if value in ("", []) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def next_commands(config: RunConfig, folder: Path, store: Store, splits: dict[str, Split]) -> list[list[str]]:
    """Return commands that measure the model, and that solve one of its puzzles, as lists of arguments."""
    puzzle = config.data.puzzle
    name = as_path(folder) if str(folder) in pretrained.names() else str(folder)  # a folder, never the shipped model
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
    if len(text) <= LONGEST_SHOWN and "\n" not in text and not text.startswith("-"):
        commands.append(["hrm", "solve", name, text, *own])
    return commands
