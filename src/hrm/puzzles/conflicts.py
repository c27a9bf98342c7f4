"""Which cells of a grid break a rule between cells. Axes: C cells."""

import numpy as np
from jaxtyping import Bool, UInt8

from hrm.puzzles.base import Puzzle


def conflicts(
    puzzle: Puzzle, tokens: UInt8[np.ndarray, " C"], start: UInt8[np.ndarray, " C"] | None = None
) -> Bool[np.ndarray, " C"]:
    """Say which cells hold the symbol of a cell from which they must differ, by ``PuzzleSpec.differ``.

    Args:
        start: the puzzle, where relations depend on it; None: ``tokens`` is the puzzle.
    """
    spec = puzzle.spec
    own = puzzle.relations_of((tokens if start is None else start)[None])
    matrices = puzzle.relation_matrices if own is None else own[0]
    differ = (matrices[[name in spec.differ for name in spec.relations]] != 0).any(axis=0)
    differ &= ~np.eye(len(tokens), dtype=bool)
    return spec.given(tokens) & (differ & (tokens[:, None] == tokens[None, :])).any(axis=1)
