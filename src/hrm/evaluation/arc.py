"""Answer the tests of ARC tasks, score the answers, and write them as the ARC Prize wants them.

The vote is in ``hrm.inference.task_vote``, which asks every variant, and ``hrm.inference.vote``, which counts.

Source: HRM paper, section on ARC evaluation, and ``arc_eval.ipynb`` of the official code. Differs: a canvas without
any grid is no vote, where the official count has empty grids take part; and ties are decided by the grids themselves,
so that the order of the answers cannot matter.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hrm.data.store import Store
from hrm.errors import UsageError
from hrm.evaluation.rollout import Progress, no_progress
from hrm.files import replace_file
from hrm.inference.solver import Solver
from hrm.inference.task_vote import Stages, Test, solve_tasks
from hrm.inference.vote import Candidate
from hrm.puzzles.arc.canvas import decode, encode
from hrm.puzzles.arc.family import Arc
from hrm.puzzles.arc.tasks import Grid, Pair, Task

ATTEMPTS = 2
"""Grids that answer a test, as the ARC Prize allows."""


@dataclass(frozen=True, eq=False)
class TaskAnswer:
    """The answer to one test of a task."""

    task: str
    test: int
    """Its number within the task, from 0."""
    input: Grid
    segments: int
    stages: Stages
    """The candidates, the best first, after each segment where a trace was asked for; else after the last one only."""

    @property
    def attempts(self) -> tuple[Candidate, ...]:
        """The best grids after the last segment."""
        return self.stages[-1][:ATTEMPTS]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as ``hrm solve --json`` prints them."""
        attempts = [_plain(candidate) for candidate in self.attempts]
        best = attempts[0] if attempts else {"answer": None, "q_halt": None}
        return {
            "task": self.task, "test": self.test + 1, "puzzle": self.input.tolist(), "answer": best["answer"],
            "verified": None, "segments": self.segments, "q_halt": best["q_halt"], "attempts": attempts,
        }  # fmt: skip

    def trace(self) -> list[dict[str, Any]]:
        """Return the best grid of each stage as plain values."""
        nothing = {"answer": None, "votes": 0, "q_halt": None}
        return [
            {"segment": number, **(_plain(stage[0]) if stage else nothing)}
            for number, stage in enumerate(self.stages, start=1)
        ]


def answer_tasks(
    solver: Solver,
    tasks: Sequence[Task],
    segments: int | None = None,
    variants: int | None = None,
    trace: bool = False,
    progress: Progress = no_progress,
) -> list[TaskAnswer]:
    """Answer every test of tasks, by task and test.

    Args:
        segments: run this many; None: the budget of the solver.
        variants: this many variants of a task vote at most; None: all of them.
        trace: keep the candidates after every segment.
        progress: called with (answers given, answers wanted).

    Raises:
        UsageError: the model is not of ARC, or has never seen a task; or no task has a test.
        DataError: a grid is larger than the canvas of the model.
    """
    segments = segments or solver.max_segments
    if solver.table is None or not isinstance(solver.puzzle, Arc):
        raise UsageError("tasks of ARC need a model of ARC with a table of its puzzle ids")
    inputs = {(task.id, number): pair.input for task in tasks for number, pair in enumerate(task.tests)}
    if not inputs:
        raise UsageError("there are demonstrations only, and no test to answer")
    solver.puzzle.require_fit(tasks)
    grids = encode(list(inputs.values()), side=solver.puzzle.side)
    stages = solve_tasks(solver, list(inputs), grids, segments, variants, trace=trace, progress=progress)
    return [TaskAnswer(*test, inputs[test], segments, each) for test, each in stages.items()]


def tested_tasks(store: Store, limit: int | None = None) -> list[Task]:
    """Return the tasks of a store with the first so many of their tests, and as demonstrations what is trained on.

    Raises:
        DataError: the store holds no ARC tests.
    """
    names, split = store.held_out_tests()[:limit], store.splits["test"]
    tests: dict[str, tuple[Pair, ...]] = {}
    grids = (decode(np.asarray(array[:limit])) for array in (split.inputs, split.labels))
    for (task, _), given, output in zip(names, *grids, strict=True):
        tests[task] = (*tests.get(task, ()), Pair(given, output if output.size else None))
    shown = _demonstrations(store, set(tests))
    return [Task(task, shown.get(task, ()), pairs, "evaluation") for task, pairs in tests.items()]


def _demonstrations(store: Store, task_ids: set[str]) -> dict[str, tuple[Pair, ...]]:
    """Return the training examples of tasks."""
    if store.table is None or "train" not in store.splits:
        return {}
    split, pairs = store.splits["train"], dict[str, tuple[Pair, ...]]()
    names = [store.table.lookup(number)[0] for number in np.asarray(split.puzzle_ids).tolist()]
    rows = np.array([row for row, name in enumerate(names) if name in task_ids], np.int64)
    grids = (decode(np.asarray(array[rows])) for array in (split.inputs, split.labels))
    for row, given, output in zip(rows.tolist(), *grids, strict=True):
        pairs[names[row]] = (*pairs.get(names[row], ()), Pair(given, output))
    return pairs


def write_submission(file: Path, ranked: Mapping[Test, Sequence[Candidate]]) -> None:
    """Write the two best answers to every test in the layout of the ARC Prize.

    Raises:
        UsageError: there are no answers: the puzzles were not of ARC.
        HrmError: the file cannot be written.
    """
    if not ranked:
        raise UsageError("a submission needs answers to ARC tasks; evaluate on a store that `hrm data arc` built")
    tests: dict[str, int] = {}
    for task, number in ranked:
        tests[task] = max(tests.get(task, 0), number + 1)
    replace_file(file, json.dumps(submission(ranked, tests)).encode())


def submission(
    ranked: Mapping[Test, Sequence[Candidate]], tests: Mapping[str, int], attempts: int = ATTEMPTS
) -> dict[str, list[dict[str, list[list[int]]]]]:
    """Return what goes into ``submission.json`` of the ARC Prize: every test of every task, by task id.

    Every attempt must be there: where there are too few candidates the best one stands again, and where there is
    none a single black cell.

    Args:
        tests: number of tests of each task.
    """
    result: dict[str, list[dict[str, list[list[int]]]]] = {}
    for task_id in sorted(tests):
        result[task_id] = []
        for test in range(tests[task_id]):
            grids = [candidate.grid.tolist() for candidate in ranked.get((task_id, test), ())[:attempts]] or [[[0]]]
            grids += grids[:1] * (attempts - len(grids))
            result[task_id].append({f"attempt_{number}": grid for number, grid in enumerate(grids, start=1)})
    return result


def _plain(candidate: Candidate) -> dict[str, Any]:
    return {"answer": candidate.grid.tolist(), "votes": candidate.votes, "q_halt": candidate.q_halt}
