"""Evaluate a solver on tests of tasks, in families that have some: how many are answered within K attempts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hrm.data.store import Split, Store
from hrm.data.task_table import TaskTable, require_known_tasks
from hrm.errors import DataError, UsageError
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.solver import Solver
from hrm.inference.task_vote import Test, solve_tasks
from hrm.inference.vote import Candidate
from hrm.runtime.world import ALONE, World

KS = (1, 2, 10, 100, 1000)
"""How many attempts are scored; the paper reports 2."""
Output = UInt8[np.ndarray, "..."]
Ranked = dict[Test, tuple[Candidate, ...]]
"""The candidates for each test, the best first."""


def in_own_ids(split: Split, table: TaskTable | None, of: Store, limit: int | None = None) -> Split:
    """Return the first rows of a split of a store with the puzzle ids that a model gives to their tasks.

    Args:
        table: the model's.
        of: the store.
        limit: how many rows are wanted; None: all.

    Raises:
        DataError: the model has no table.
        UsageError: the store has none, or the model has never seen a task.
    """
    if of.table is None:
        raise UsageError(f"{of.path} does not say which task each grid belongs to: build a store by `hrm data arc`")
    if table is None:
        raise DataError(
            "the model came without the table of its puzzle ids, so its tasks cannot be told: train it again"
        )
    ids, inverse = np.unique(np.asarray(split.puzzle_ids[:limit]), return_inverse=True)
    names = [of.table.lookup(puzzle_id)[0] for puzzle_id in ids.tolist()]
    require_known_tasks(table, names)
    own = np.array([table.puzzle_ids(name)[0] for name in names], np.int32)[inverse]
    return Split(split.inputs[:limit], split.labels[:limit], own, split.ratings[:limit])


def solve_tests(
    solver: Solver,
    store: Store,
    segments: int,
    variants: int | None = None,
    limit: int | None = None,
    progress: Progress = no_progress,
    world: World = ALONE,
) -> Ranked:
    """Answer every test of a store by a vote of the variants of its task; arguments as for ``solve_tasks``.

    A solver without a table was trained on this store.

    Args:
        limit: only this many tests, from the start.
        world: processes that take the tests in turn; all of them get all answers.

    Raises:
        DataError: the store holds no tests.
        UsageError: the model has never seen a task.
    """
    tests = store.held_out_tests()[:limit]
    table = store.table if solver.table is None else solver.table
    inputs = np.asarray(store.splits["test"].inputs[:limit])
    own = slice(world.rank, None, world.size)
    stages = {}
    if tests[own]:
        stages = solve_tasks(solver, tests[own], inputs[own], segments, variants, table, progress=progress)
    everyones = {test: last for part in world.all_of(stages) for test, (last,) in part.items()}
    return {test: everyones[test] for test in tests}


def truth_of(store: Store, limit: int | None = None) -> dict[str, tuple[Output, ...]]:
    """Return the outputs of the tests, by task; a task with a hidden test is left out."""
    tests, split = store.held_out_tests()[:limit], store.splits["test"].take(slice(limit))
    assert store.table is not None
    originals = store.table.originals(np.asarray(split.puzzle_ids))
    outputs = store.puzzle.without_variants(np.asarray(split.labels), originals)
    hidden = {task for (task, _), answered in zip(tests, split.answered, strict=True) if not answered}
    truth: dict[str, tuple[Output, ...]] = {}
    for (task, _), output in zip(tests, outputs, strict=True):
        if task not in hidden:
            truth[task] = (*truth.get(task, ()), output)
    return truth


@dataclass(frozen=True)
class Score:
    """Shares of what is hit within K attempts, by K. Both rules, because they are often confused."""

    tests: int
    tasks: int
    pass_at_test: dict[int, float]
    """Share of the tests that are hit: the rule of the ARC Prize."""
    pass_at_task: dict[int, float]
    """Share of the tasks all of whose tests are hit: the rule of the paper."""


def score(
    ranked: Mapping[Test, Sequence[Candidate]], truth: Mapping[str, Sequence[Output]], ks: Sequence[int] = KS
) -> Score:
    """Score candidates against the true outputs; a test without candidates is missed.

    Raises:
        DataError: a candidate belongs to no test of these tasks.
        UsageError: nothing is to be scored, or a K is below 1.
    """
    if not truth or min(ks, default=1) < 1:
        raise UsageError("a score needs tasks with known outputs, and numbers of attempts of 1 or more")
    for task_id, test in ranked:
        if test >= len(truth.get(task_id, ())):
            raise DataError(f"there are predictions for test {test + 1} of task {task_id!r}, which is not to be scored")
    places = {task: [_place(ranked.get((task, i), ()), grid) for i, grid in enumerate(truth[task])] for task in truth}
    tests = sum(map(len, places.values()))
    return Score(
        tests=tests,
        tasks=len(places),
        pass_at_test={k: sum(place < k for each in places.values() for place in each) / tests for k in ks},
        pass_at_task={k: sum(max(each) < k for each in places.values()) / len(places) for k in ks},
    )


def scored(ranked: Ranked, truth: dict[str, tuple[Output, ...]]) -> dict[str, Any]:
    """Return ``pass_at`` by test, as the ARC Prize counts, and ``pass_at_task``, as the paper does, for each K.

    Tests of tasks without known outputs are counted as ``hidden_tests``, and nothing is claimed of them.
    """
    known = {test: candidates for test, candidates in ranked.items() if test[0] in truth}
    hidden = {"hidden_tests": len(ranked) - len(known)}
    if not truth:
        return hidden
    scores = score(known, truth, KS)
    return hidden | {
        "tests": scores.tests,
        "tasks": scores.tasks,
        "pass_at": {str(k): share for k, share in scores.pass_at_test.items()},
        "pass_at_task": {str(k): share for k, share in scores.pass_at_task.items()},
    }


def _place(candidates: Sequence[Candidate], truth: Output) -> float:
    """Return where the true output stands, counted from 0; infinity where it does not."""
    hits = (place for place, candidate in enumerate(candidates) if np.array_equal(candidate.grid, truth))
    return next(hits, float("inf"))
