"""Fit a configuration to puzzles that only their owner knows."""

from hrm.config import RunConfig
from hrm.data.prepare import declared, family

RECIPE = "own"
"""The recipe that leaves the sizes of its network open."""


def fitted(config: RunConfig) -> RunConfig:
    """Return the configuration with what a table leaves open, and the sizes that follow, read off the puzzles.

    Only the recipe ``own`` leaves sizes open; the relations between cells are those that the family declares.

    Raises:
        UsageError: no file is named where one is needed.
        DataError: the rows are not what they should be.
    """
    config = config.model_copy(update={"data": declared(config.data)})
    if config.recipe != RECIPE:
        return config
    puzzle = family(config.data)
    sizes: dict[str, object] = {"vocab_size": puzzle.spec.vocab_size, "cells": puzzle.spec.cells}
    if puzzle.spec.has_rules:
        sizes["relation_kinds"] = tuple(int(matrix.max(initial=1)) for matrix in puzzle.relation_matrices)
    return config.model_copy(update={"model": config.model.model_copy(update=sizes)})
