"""Fit a configuration to puzzles that only their owner knows.

The recipe ``own`` leaves the sizes of its network open, and says little about the network itself: what is left out is
chosen here, once the puzzles are known. A value that the user has given is never changed.
"""

from collections.abc import Mapping
from pathlib import Path

from hrm.config import RunConfig, flat
from hrm.data.prepare import family, infer_table
from hrm.data.store import Split, Store, open_store
from hrm.errors import UsageError
from hrm.model.config import CellConfig, NetworkConfig
from hrm.puzzles.base import Puzzle
from hrm.puzzles.table import Table

OWN = "own"
"""The recipe that leaves the sizes of its network open."""
FOR_ROWS = {"model.positions": "learned", "eval.every": 500}
"""What suits rows of a file, of which nothing is known: attention, and a learned vector for each place."""
FOR_RELATIONS = {
    "model.mixer": "messages", "model.positions": "none", "model.q_continue": False,
    "optim.kind": "muon", "optim.muon_lr": 0.01, "eval.every": 100,
}  # fmt: skip
"""What suits puzzles whose class declares relations: messages along them, and Muon."""


def infer_sizes(config: RunConfig) -> RunConfig:
    """Return the configuration with what it leaves open chosen for its puzzles, or the same where nothing is open.

    A table is declared by its rows. The recipe ``own`` gets the sizes of the puzzles and a network that suits them. The
    puzzle embedding gets a row for each puzzle id of the store.

    Raises:
        UsageError: no file is named where one is needed.
        DataError: the rows are not what they should be.
    """
    config = config.model_copy(update={"data": infer_table(config.data)})
    if config.recipe == OWN:
        config = _for_puzzle(config, family(config.data))
    return _with_a_row_for_each_id(config)


def _for_puzzle(config: RunConfig, puzzle: Puzzle) -> RunConfig:
    related = bool(puzzle.spec.relations) and not isinstance(puzzle, Table)
    given = flat(config.model_dump(exclude_unset=True))
    free = related and given.get("model.mixer", "messages") == "messages"
    chosen: dict[str, object] = {
        path: value for path, value in (FOR_RELATIONS if free else FOR_ROWS).items() if path not in given
    }
    mixer = (given | chosen).get("model.mixer")
    if (mixer == "messages" or (related and mixer != "mlp")) and "model.relation_kinds" not in given:
        chosen["model.relation_kinds"] = tuple(int(matrix.max(initial=1)) for matrix in puzzle.relation_matrices)
    return config.changed(chosen | {"model.vocab_size": puzzle.spec.vocab_size, "model.cells": puzzle.spec.cells})


def _with_a_row_for_each_id(config: RunConfig) -> RunConfig:
    path, model = Path(config.data.path), config.model
    if not (config.data.path and path.is_dir() and isinstance(model, CellConfig) and model.puzzle_width):
        return config
    # whoever reads the rows verifies them
    store = open_store(path, verify=False, puzzle=family(config.data))
    left_open = model.puzzles == 1 or store.table is not None
    if not left_open or store.puzzle_rows == model.puzzles:
        return config
    return config.model_copy(update={"model": model.model_copy(update={"puzzles": store.puzzle_rows})})


def require_puzzle_rows(model: NetworkConfig, store: Store, splits: Mapping[str, Split]) -> None:
    """Refuse a puzzle embedding without a row for each puzzle id, or of ARC with rows that belong to none.

    Raises:
        UsageError: how many rows are needed.
    """
    if not (isinstance(model, CellConfig) and model.puzzle_width):
        return
    needed = max(int(split.puzzle_ids.max()) + 1 for split in splits.values())
    if store.table is not None:
        needed = store.puzzle_rows
    if model.puzzles < needed or (model.puzzles > needed and store.table is not None):
        raise UsageError(
            f"model.puzzles is {model.puzzles}; the puzzle ids of {store.path} need {needed}: give --model.puzzles "
            f"{needed}"
        )
