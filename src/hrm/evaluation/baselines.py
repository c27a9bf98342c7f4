"""Classical solvers on the same puzzles, as baselines."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hrm.puzzles.base import ClassicalSolver, Puzzle

PUZZLES, SECONDS = 100, 20.0
"""So many puzzles are solved, fewer where they take longer than this."""


def classical(
    puzzle: Puzzle,
    inputs: UInt8[np.ndarray, "n C"],
    solver: ClassicalSolver,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Return what a classical solver needs for the first of these puzzles, one by one in one thread.

    ``puzzles`` were tried and ``solved`` of them: a legal answer was found. ``nodes_mean`` (in ``unit``), ``ms_mean``
    and ``ms_median`` are of those tried, and so are the shares of the family's own metrics.

    Args:
        clock: seconds since any fixed time.
    """
    solver.solve(inputs[0])  # fills the tables of some, which are not to be timed
    seconds: list[float] = []
    nodes: list[int] = []
    answers: list[np.ndarray] = []
    for given in inputs[:PUZZLES]:
        began = clock()
        solution = solver.solve(given)
        seconds.append(clock() - began)
        nodes.append(solution.nodes)
        answers.append(given if solution.answer is None else solution.answer)
        if sum(seconds) > SECONDS:
            break
    tried = inputs[: len(seconds)]
    extra = puzzle.extra_metrics(tried, np.stack(answers))
    return {
        "name": solver.name,
        "unit": solver.unit,
        "puzzles": len(seconds),
        "solved": int(puzzle.verify(tried, np.stack(answers)).sum()),
        **{name: float(values.mean()) for name, values in extra.items()},
        "nodes_mean": float(np.mean(nodes)),
        "ms_mean": 1000 * float(np.mean(seconds)),
        "ms_median": 1000 * float(np.median(seconds)),
    }
