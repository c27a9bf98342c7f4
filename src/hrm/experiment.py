"""A configuration together with its puzzles: sizes inferred and everything checked, once for all that train or compare.

The recipe ``own`` leaves the sizes of its network open, and says little about the network itself: what is left out is
chosen here, once the puzzles are known. A value that the user has given is never changed. Free of torch.
"""

from dataclasses import dataclass
from pathlib import Path

from hrm.config import RunConfig, flat
from hrm.data.build import Progress
from hrm.data.prepare import family, infer_table, prepare, require_source
from hrm.data.store import Split, Store, open_store
from hrm.errors import UsageError
from hrm.model.config import NetworkConfig
from hrm.puzzles.base import Puzzle, PuzzleSpec
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


@dataclass(frozen=True)
class Experiment:
    """A configuration with nothing left open, and the puzzles that it is about."""

    config: RunConfig
    puzzle: Puzzle
    source: Store | None
    """The opened store at ``data.path``; None: the puzzles come from a file, or are generated."""

    @classmethod
    def of(cls, config: RunConfig) -> "Experiment":
        """Infer what a configuration leaves open, and refuse what cannot be trained, before anything slow happens.

        A table is declared by its rows. The recipe ``own`` gets the sizes of the puzzles and a network that suits them.
        The puzzle embedding gets a row for each puzzle id of the store.

        Raises:
            UsageError: nothing to train on, or a network of other puzzles.
            DataError: the puzzles are not what they should be.
        """
        require_source(config.data)
        config = config.model_copy(update={"data": infer_table(config.data)})
        puzzle, path = family(config.data), Path(config.data.path)
        source = open_store(path, puzzle=puzzle) if config.data.path and path.is_dir() else None
        if config.recipe == OWN:
            config = _for_puzzle(config, puzzle)
        if source is not None:
            config = _with_puzzle_rows(config, source)
        _require_fit(config.model, puzzle.spec)
        return cls(config, puzzle, source)

    def puzzles(
        self, cache_dir: str | Path, now: str, progress: Progress | None = None
    ) -> tuple[Store, dict[str, Split]]:
        """Return the store of the puzzles, generated or read if need be, and its splits.

        Args: as those of ``hrm.data.prepare.prepare``.

        Raises:
            UsageError: a puzzle embedding without a row for each puzzle id.
            DataError: a file or store is not what it should be.
        """
        store, splits = prepare(self.config.data, cache_dir, now, progress, self.source or self.puzzle)
        _require_puzzle_rows(self.config.model, store, splits)
        return store, splits


def _for_puzzle(config: RunConfig, puzzle: Puzzle) -> RunConfig:
    """Give a network the sizes of the puzzles, and choose what suits them where nothing was given."""
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


def _with_puzzle_rows(config: RunConfig, store: Store) -> RunConfig:
    rows = config.model.puzzle_rows
    left_open = rows == 1 or (rows and store.table is not None)
    return config.changed("model.puzzles", store.puzzle_rows) if left_open and rows != store.puzzle_rows else config


def _require_fit(model: NetworkConfig, spec: PuzzleSpec) -> None:
    """Refuse a network that was made for other puzzles, and name the size that differs."""
    for name, value in {"vocab_size": spec.vocab_size, "cells": spec.cells}.items():
        if getattr(model, name) != value:
            raise UsageError(f"model.{name} is {getattr(model, name)}; {spec.name} needs {value}")
    symbols, names = getattr(model, "symbols", None), spec.vocab_size - spec.blank - 1
    if symbols not in (None, names):
        raise UsageError(f"model.symbols is {symbols}; {spec.name} has {names} tokens after the blank")
    if len(model.relation_kinds) > len(spec.relations):
        raise UsageError(
            f"model.relation_kinds names {len(model.relation_kinds)} relations; {spec.name} declares "
            f"{len(spec.relations)}: {', '.join(spec.relations)}"
        )


def _require_puzzle_rows(model: NetworkConfig, store: Store, splits: dict[str, Split]) -> None:
    """Refuse a puzzle embedding without a row for each puzzle id, or of tasks with rows that belong to none."""
    rows = model.puzzle_rows
    needed = max(int(split.puzzle_ids.max()) + 1 for split in splits.values())
    if store.table is not None:
        needed = store.puzzle_rows
    if rows and (rows < needed or (rows > needed and store.table is not None)):
        raise UsageError(
            f"model.puzzles is {rows}; the puzzle ids of {store.path} need {needed}: give --model.puzzles {needed}"
        )
