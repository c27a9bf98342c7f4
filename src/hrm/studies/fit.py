"""Fit a configuration to puzzles that only their owner knows."""

from pathlib import Path

from hrm.config import RunConfig
from hrm.data.prepare import declared, family
from hrm.data.store import open_store
from hrm.puzzles.arc_family import ARC

RECIPE = "own"
"""The recipe that leaves the sizes of its network open."""


def fitted(config: RunConfig) -> RunConfig:
    """Return the configuration with what a table leaves open, and the sizes that follow, read off the puzzles.

    The recipe ``own`` leaves all sizes open; the relations between cells are those that the family declares. The
    puzzle embedding gets a row for each puzzle id of a store, where the recipe leaves their number open.

    Raises:
        UsageError: no file is named where one is needed.
        DataError: the rows are not what they should be.
    """
    config = config.model_copy(update={"data": declared(config.data)})
    config = _with_puzzle_rows(config)
    if config.recipe != RECIPE:
        return config
    puzzle = family(config.data)
    sizes: dict[str, object] = {"vocab_size": puzzle.spec.vocab_size, "cells": puzzle.spec.cells}
    if puzzle.spec.has_rules:
        sizes["relation_kinds"] = tuple(int(matrix.max(initial=1)) for matrix in puzzle.relation_matrices)
    return config.model_copy(update={"model": config.model.model_copy(update=sizes)})


def _with_puzzle_rows(config: RunConfig) -> RunConfig:
    path, model = Path(config.data.path), config.model
    if not config.data.path or not path.is_dir() or not getattr(model, "puzzle_width", 0):
        return config
    store = open_store(path, verify=False, puzzle=None if config.data.puzzle == ARC else family(config.data))
    left_open = getattr(model, "puzzles", 1) == 1 or store.table is not None
    if not left_open or store.puzzle_rows == getattr(model, "puzzles", 1):
        return config
    return config.model_copy(update={"model": model.model_copy(update={"puzzles": store.puzzle_rows})})
