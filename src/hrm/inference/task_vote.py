"""Solve examples of tasks: each in every variant of its task that the model knows, and then by a vote."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import UInt8

from hrm.data.task_table import TaskTable, require_known_tasks
from hrm.errors import UsageError
from hrm.inference.slots import pad_batch
from hrm.inference.solver import Solver
from hrm.inference.vote import Candidate, vote

Test = tuple[str, int]
"""A task's id and the number of one of its tests, counted from 0."""
Stages = tuple[tuple[Candidate, ...], ...]
"""The candidates, the best first, after the last segment only or after each."""


def solve_tasks(
    solver: Solver,
    tests: Sequence[Test],
    inputs: UInt8[np.ndarray, "n C"],
    segments: int,
    variants: int | None = None,
    table: TaskTable | None = None,
    trace: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[Test, Stages]:
    """Answer tests of tasks that the model was trained on, and return the candidates for each, by test.

    Every variant of a test's task is asked for its answer, what the variant did is undone, and equal answers are
    counted. Tasks are found by name, whatever the puzzle ids of their examples are elsewhere.

    Args:
        inputs: the input of each test.
        segments: run this many.
        variants: at most this many variants of a task vote, its original among them; None: all of them.
        table: the puzzle ids of the model; None: those of the solver.
        trace: return the candidates after every segment.
        progress: called with (answers given, answers wanted).

    Raises:
        UsageError: the model has no table of tasks, or has never seen a task.
    """
    table = table or solver.table
    if table is None:
        raise UsageError("the model has no table of tasks, so it does not know what to do with a task's test")
    require_known_tasks(table, [task for task, _ in tests])

    # one row to answer for each variant of each test
    ids = [table.puzzle_ids(task)[: variants or None] for task, _ in tests]
    asked = np.repeat(np.arange(len(tests)), list(map(len, ids)))
    puzzle_ids = np.concatenate(ids)
    size = min(solver.batch_size, len(asked))  # a canvas has too many cells to fill up a batch with

    # the answers, with what the variants did undone
    def answers() -> Iterator[tuple[tuple[int, Test], UInt8[np.ndarray, "..."], float]]:
        for start in range(0, len(asked), size):
            rows = slice(start, start + size)
            shown, how = inputs[asked[rows]], table.variants[puzzle_ids[rows] - 1]
            shown, _ = solver.puzzle.in_variants(shown, np.zeros_like(shown), how)
            outputs = solver.run(pad_batch(shown, size), segments, pad_batch(puzzle_ids[rows], size))
            for segment, output in enumerate(outputs, start=1):
                if trace or segment == segments:
                    grids = solver.puzzle.without_variants(output.tokens[: len(shown)], how)
                    for test, grid, q_halt in zip(asked[rows].tolist(), grids, output.q_halt.tolist(), strict=False):
                        yield (segment, tests[test]), grid, q_halt
            progress(start + len(shown), len(asked))

    # the vote, for each test and segment apart
    ranked = vote(answers())
    stages = range(1 if trace else segments, segments + 1)
    return {test: tuple(ranked[segment, test] for segment in stages) for test in sorted(set(tests))}
