"""Answer the tests of ARC tasks by vote: records that turn into plain values, for the command line and for others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hrm.evaluation.arc import predict_tasks
from hrm.evaluation.arc_vote import count_votes
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.solver import Solver
from hrm.inference.vote import Candidate
from hrm.puzzles.arc.tasks import Grid, Task

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
    stages: tuple[tuple[Candidate, ...], ...]
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
    """
    segments = segments or solver.max_segments
    predictions = predict_tasks(solver, tasks, segments, variants, progress, every=trace)
    ranked = [count_votes(each) for each in predictions]
    inputs = {(task.id, number): pair.input for task in tasks for number, pair in enumerate(task.tests)}
    return [TaskAnswer(*test, inputs[test], segments, tuple(each[test] for each in ranked)) for test in sorted(inputs)]


def _plain(candidate: Candidate) -> dict[str, Any]:
    return {"answer": candidate.grid.tolist(), "votes": candidate.votes, "q_halt": candidate.q_halt}
