"""What a solver that never learnt anything needs for the same puzzles."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hrm.puzzles.base import Puzzle

PUZZLES, SECONDS = 100, 20.0
"""So many puzzles are solved, fewer where they take longer than this."""


def plain_solver(
    puzzle: Puzzle, inputs: UInt8[np.ndarray, "n C"], clock: Callable[[], float] = time.perf_counter
) -> dict[str, Any] | None:
    """Return what the family's plain solver needs for the first of these puzzles, one by one in one thread.

    ``puzzles`` were tried and ``solved`` of them; ``guesses_mean``, ``ms_mean`` and ``ms_median`` are of those
    tried. None where the family has no plain solver.

    Args:
        clock: seconds since any fixed time.
    """
    if puzzle.plain_solve(inputs[0]) is None:  # also fills the solver's tables, which are not to be timed
        return None
    seconds: list[float] = []
    guesses: list[int] = []
    solved = 0
    for given in inputs[:PUZZLES]:
        began = clock()
        found = puzzle.plain_solve(given)
        seconds.append(clock() - began)
        assert found is not None, "a family has a plain solver or has none"
        guesses.append(found.guesses)
        solved += found.answer is not None and bool(puzzle.verify(given[None], found.answer[None])[0])
        if sum(seconds) > SECONDS:
            break
    return {
        "name": puzzle.plain_solver,
        "puzzles": len(seconds),
        "solved": solved,
        "guesses_mean": float(np.mean(guesses)),
        "ms_mean": 1000 * float(np.mean(seconds)),
        "ms_median": 1000 * float(np.median(seconds)),
    }
