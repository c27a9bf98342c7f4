"""Measure a solver on a split: every segment, and what early exit would have answered."""

from typing import Any

from hrm.data.store import Split
from hrm.evaluation.metrics import Scores, score, summarize
from hrm.evaluation.rollout import Progress, no_progress, rollout
from hrm.inference.solver import Solver
from hrm.runtime.world import ALONE, World


def evaluate(
    solver: Solver,
    split: Split,
    segments: int,
    limit: int | None = None,
    progress: Progress = no_progress,
    world: World = ALONE,
) -> dict[str, Any]:
    """Return every metric by name; all puzzles run all segments.

    * ``exact``: the answer equals the stored one at every supervised cell; ``valid``: the rules hold, None where
      the family knows none; ``cell``: share of supervised cells that are right; and the family's own metrics
      (``Puzzle.extra_metrics``). Each after the last segment and per segment.
    * ``early_exit``: each puzzle's answer at the first segment where the Q-head prefers to halt.
    * ``solve_exit``: the same where a run of ``hrm solve`` stops: where the answer keeps the rules, or where none are
      known, where the Q-head prefers to halt and every cell is sure.

    Args:
        segments: how many to run.
        limit: only this many puzzles, from the start.
        progress: called with (puzzles done, puzzles in all) after every batch.
        world: processes that share the work; the numbers do not depend on how many there are.
    """
    steps = rollout(solver, split.take(slice(limit)), segments, progress, world)
    total = summarize(world.in_turn(score(steps, solver.puzzle)), segments)
    shares: list[dict[str, Any]] = [{"valid": None, **line} for line in total.shares]
    return {
        "task": solver.puzzle.spec.name,
        "examples": total.examples,
        **shares[-1],
        "exact_ci95": total.intervals[-1],
        "per_segment": [{"segment": number, **line} for number, line in enumerate(shares, start=1)],
        "early_exit": total.early_exit,
        "solve_exit": total.solve_exit,
    }


def scores_of(solver: Solver, split: Split, segments: int, progress: Progress = no_progress) -> Scores:
    """Return how right each puzzle's answer is after every segment."""
    return Scores.join(list(score(rollout(solver, split, segments, progress))), axis=1)
