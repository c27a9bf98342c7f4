"""Which cells of a grid break a rule between cells. Axes: C cells."""

import numpy as np
from jaxtyping import Bool, UInt8

from hrm.puzzles.base import Puzzle


def conflicts(
    puzzle: Puzzle, tokens: UInt8[np.ndarray, " C"], start: UInt8[np.ndarray, " C"] | None = None
) -> Bool[np.ndarray, " C"]:
    """Say which cells hold the same token as a cell that they are related to.

    This breaks a rule only in families with boxes (Sudoku); in others no cell is marked.

    Args:
        start: the puzzle, where relations depend on it; None: ``tokens`` is the puzzle.
    """
    if puzzle.spec.box == (0, 0):
        return np.zeros(len(tokens), bool)
    found = puzzle.relations_of((tokens if start is None else start)[None])
    matrices = puzzle.relation_matrices if found is None else found[0]
    related = (matrices != 0).any(axis=0) & ~np.eye(len(tokens), dtype=bool)
    filled = puzzle.spec.given(tokens)
    return filled & (related & (tokens[:, None] == tokens[None, :])).any(axis=1)
