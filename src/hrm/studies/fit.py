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

    The recipe ``own`` leaves all sizes open; the relations between cells are those that the family declares. For ARC
    the puzzle embedding gets a row for each puzzle id of the store.

    Raises:
        UsageError: no file is named where one is needed.
        DataError: the rows are not what they should be.
    """
    config = config.model_copy(update={"data": declared(config.data)})
    if (
        config.data.puzzle == ARC
        and Path(config.data.path).is_dir()
        and (table := open_store(Path(config.data.path), verify=False).table)
    ):
        return config.model_copy(update={"model": config.model.model_copy(update={"puzzles": len(table)})})
    if config.recipe != RECIPE:
        return config
    puzzle = family(config.data)
    sizes: dict[str, object] = {"vocab_size": puzzle.spec.vocab_size, "cells": puzzle.spec.cells}
    if puzzle.spec.has_rules:
        sizes["relation_kinds"] = tuple(int(matrix.max(initial=1)) for matrix in puzzle.relation_matrices)
    return config.model_copy(update={"model": config.model.model_copy(update=sizes)})
