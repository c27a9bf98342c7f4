"""Which cells must differ, and which of them do not. Axes: C cells, R relations, P pairs."""

import numpy as np
from jaxtyping import Bool, Int, Shaped, UInt8

from hrm.puzzles.base import Puzzle, PuzzleSpec


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
    differ = _differ(spec, matrices)
    differ &= ~np.eye(len(tokens), dtype=bool)
    return spec.given(tokens) & (differ & (tokens[:, None] == tokens[None, :])).any(axis=1)


def pairs_that_differ(spec: PuzzleSpec, matrices: Shaped[np.ndarray, "R C C"]) -> Int[np.ndarray, "P 2"]:
    """Return the pairs of cells that must hold different symbols, the smaller number first, in order.

    Args:
        matrices: the relations of the family, or of one puzzle.
    """
    differ = _differ(spec, matrices)
    return np.argwhere(np.triu(differ | differ.T, k=1))


def _differ(spec: PuzzleSpec, matrices: Shaped[np.ndarray, "R C C"]) -> Bool[np.ndarray, "C C"]:
    return (matrices[[name in spec.differ for name in spec.relations]] != 0).any(axis=0)
