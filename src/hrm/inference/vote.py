"""Choose between several answers to one puzzle by their votes.

The answers may be those to the variants of an ARC task, or to symmetric images of a Sudoku, each mapped back.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import TypeVar

import numpy as np
from jaxtyping import UInt8

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Candidate:
    """An answer with at least one vote."""

    grid: UInt8[np.ndarray, "..."]
    votes: int
    q_halt: float
    """Probability that it is right, as the Q-head estimates it: the mean over its votes."""


def vote(answers: Iterable[tuple[Key, UInt8[np.ndarray, "..."], float]]) -> dict[Key, tuple[Candidate, ...]]:
    """Return for each puzzle its candidates, the best first; the order of the answers does not matter.

    More votes are better, then a higher mean of q_halt; what is still equal is ordered by its shape and cells.

    Args:
        answers: the key of a puzzle, an answer to it, and its q_halt. An empty answer is no vote, but its puzzle gets
            an entry.
    """
    votes: dict[Key, dict[tuple[tuple[int, ...], bytes], list[float]]] = {}
    for key, grid, q_halt in answers:
        of_key = votes.setdefault(key, defaultdict(list))
        if grid.size:
            of_key[grid.shape, grid.tobytes()].append(q_halt)
    return {key: _ranked(of_key) for key, of_key in votes.items()}


def _ranked(votes: Mapping[tuple[tuple[int, ...], bytes], Sequence[float]]) -> tuple[Candidate, ...]:
    candidates = [
        Candidate(np.frombuffer(cells, np.uint8).reshape(shape), len(each), fsum(each) / len(each))
        for (shape, cells), each in votes.items()  # fsum: the same in any order
    ]
    return tuple(sorted(candidates, key=lambda each: (-each.votes, -each.q_halt, each.grid.shape, each.grid.tobytes())))
