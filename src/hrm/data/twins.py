"""Which classes of symmetric twins a set of puzzles holds, to keep new puzzles apart from them.

Twins between the splits of a data set are found by ``hrm.data.audit``; the key that twins share is ``Puzzle.twin_key``.
"""

from collections import defaultdict

import numpy as np
from jaxtyping import UInt8

from hrm.puzzles.base import Puzzle


class TwinClasses:
    """Puzzles by their twin class: a cheap invariant first, the exact key only where two invariants meet."""

    def __init__(self, puzzle: Puzzle) -> None:
        self.puzzle = puzzle
        self.rows: defaultdict[int, list[tuple[np.ndarray, np.ndarray]]] = defaultdict(list)
        self.keys: dict[int, set[bytes]] = {}

    def add(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> None:
        """Take puzzles in."""
        for i, invariant in enumerate(self.puzzle.twin_invariants(inputs, answers).tolist()):
            self.rows[invariant].append((inputs[i], answers[i]))
            self.keys.pop(invariant, None)

    def has(
        self, inputs: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"], invariant: int | None = None
    ) -> bool:
        """Say whether a twin of this puzzle was taken in."""
        if not self.rows:
            return False
        if invariant is None:
            invariant = int(self.puzzle.twin_invariants(inputs[None], answer[None])[0])
        if invariant not in self.rows:
            return False
        if invariant not in self.keys:
            self.keys[invariant] = {self.puzzle.twin_key(*pair) for pair in self.rows[invariant]}
        return self.puzzle.twin_key(inputs, answer) in self.keys[invariant]
