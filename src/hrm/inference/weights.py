"""From a name to a network: of a shipped model, a checkpoint folder, a run folder, or a model on the hub."""

from collections.abc import Iterable
from pathlib import Path

import torch

from hrm import puzzles
from hrm.checkpoint import Checkpoint, config_of, latest_checkpoint, load_checkpoint
from hrm.config import RunConfig, from_toml
from hrm.data.prepare import family
from hrm.data.task_table import TaskTable
from hrm.errors import DataError, UsageError
from hrm.inference.origin import BEST, CHECKPOINTS, locate
from hrm.model.build import build
from hrm.model.network import Network
from hrm.puzzles.table import TABLE
from hrm.runtime.allocator import keep_freed_memory
from hrm.runtime.device import choose_device, choose_dtype

PUZZLES = "f_I.puzzle_embedding.weight"


def find_checkpoint(name: str | Path) -> Path:
    """Return the checkpoint folder behind a run folder, a checkpoint folder, a shipped model or one on the hub.

    A folder of the user's own comes before a shipped model of the same name.

    A run gives its best checkpoint, or the newest one where none was chosen yet.

    Raises:
        UsageError: no such name or folder.
        DataError: the folder holds no checkpoint.
    """
    folder = locate(name).folder
    if (folder / BEST).is_dir():
        return folder / BEST
    if (folder / CHECKPOINTS).is_dir():
        newest, _ = latest_checkpoint(folder / CHECKPOINTS)
        if newest is None:
            raise DataError(f"the run {folder} has no usable checkpoint yet; let it train on, or choose another")
        return newest
    return folder


def require_family(name: str, models: Iterable[str]) -> None:
    """Refuse a family that is not the one that all of these models were trained on.

    Raises:
        UsageError: a model of another family, or a name that no family has.
    """
    for model in models:
        try:
            trained_on = str(config_of(find_checkpoint(model))["data"]["puzzle"])
        except (KeyError, TypeError):
            continue  # reading the model says what is wrong
        if not puzzles.same(trained_on, name):
            if name != TABLE:
                puzzles.get(name)  # a misspelled name is told the nearest
            remedy = f"give --puzzle {trained_on}" if ":" in trained_on else "leave --puzzle out"
            raise UsageError(f"{model} solves {trained_on}, not {name}: {remedy}, or choose another model")


def load_model(
    name: str | Path, device: str = "auto", precision: str = "auto"
) -> tuple[Network, RunConfig, Checkpoint]:
    """Load the weights to use, verified and without gradient, with the configuration that they were trained under.

    Args:
        precision: auto is what the run was trained in, where this machine has it.

    Raises:
        UsageError: no such name.
        DataError: not a checkpoint, or a damaged one.
    """
    checkpoint = load_checkpoint(find_checkpoint(name))
    try:
        config = from_toml(checkpoint.config, str(checkpoint.path / "config.toml"))
    except UsageError as error:
        raise DataError(f"the checkpoint was written by another version: {error}") from None
    _require_sizes(config, checkpoint)
    keep_freed_memory()
    place = choose_device(device)
    table, rows = checkpoint.table, checkpoint.weights.get(PUZZLES)
    if table is not None:
        table.require_variants(family(config.data), checkpoint.path, "choose another")
        if rows is not None and len(rows) != len(table):
            raise DataError(f"{checkpoint.path} has {len(rows)} puzzle rows for {len(table)} ids; choose another")
    model = build(config.model, dtype=choose_dtype(config.train.precision if precision == "auto" else precision, place))
    load_weights(model, checkpoint)
    model.requires_grad_(False)  # so that they are cast once, not at every call
    return model.to(place).eval(), config, checkpoint


def _require_sizes(config: RunConfig, checkpoint: Checkpoint) -> None:
    """Refuse a network that is larger than the weights, or of other puzzles than its data, before it is built.

    Raises:
        DataError: what does not fit.
    """
    claimed, held = sum(config.model.parameters), sum(tensor.numel() for tensor in checkpoint.weights.values())
    if claimed > held:
        raise DataError(f"{checkpoint.path} does not fit: its [model] has {claimed:,} numbers, and {held:,} are there")
    try:
        spec = family(config.data).spec
    except UsageError:  # somebody's own family, without which the weights can still be counted
        return
    own = config.model.cells, config.model.vocab_size
    if own != (spec.cells, spec.vocab_size):
        raise DataError(
            f"{checkpoint.path} does not fit: its [model] is for {own[0]} cells of {own[1]} symbols, and {spec.name} "
            f"has {spec.cells} of {spec.vocab_size}"
        )


def load_weights(model: Network, checkpoint: Checkpoint, table: TaskTable | None = None) -> None:
    """Put a checkpoint's weights into a network of the same sizes.

    Args:
        table: of a family with tasks, the puzzle ids that the network is for: a variant that the checkpoint knows
            brings its row of the puzzle embedding along, any other begins at the mean of all rows. None: those of the
            checkpoint.

    Raises:
        DataError: tensors that are missing, extra or wrongly shaped, by name.
    """
    own = model.state_dict()
    weights = dict(checkpoint.weights)
    if table is not None and PUZZLES in own and PUZZLES in weights:
        old = weights[PUZZLES]
        weights[PUZZLES] = old.mean(0, keepdim=True).repeat(len(table), 1)
        if checkpoint.table is not None:
            new_rows, old_rows = map(torch.from_numpy, table.shared_with(checkpoint.table))
            weights[PUZZLES][new_rows] = old[old_rows]
    problems = [f"missing {name!r}" for name in own if name not in weights]
    for name, tensor in weights.items():
        if name not in own:
            problems.append(f"extra {name!r}")
        elif tensor.shape != own[name].shape:
            problems.append(f"{name!r} has shape {tuple(tensor.shape)}, expected {tuple(own[name].shape)}")
    if problems:
        more = f" and {len(problems) - 3} more; compare the [model] sections" if len(problems) > 3 else ""
        raise DataError(f"{checkpoint.path} does not fit this network: {'; '.join(problems[:3])}{more}")
    model.load_state_dict(weights)
