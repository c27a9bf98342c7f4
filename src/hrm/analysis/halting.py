"""Whether harder puzzles get more segments. Axes: n puzzles."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hrm.analysis.calls import require_recurrent
from hrm.data.store import Split
from hrm.errors import DataError, UsageError
from hrm.evaluation.evaluate import scores_of
from hrm.evaluation.metrics import bootstrap_interval, spearman
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.solver import Solver
from hrm.puzzles.base import Puzzle


@dataclass(frozen=True)
class Correlation:
    """Spearman's rank correlation of a measure of difficulty with the segments used."""

    measure: str
    spearman: float | None
    """None where all puzzles are equally difficult, or use equally many segments."""
    ci95: list[float] | None
    """Bootstrap over puzzles."""


@dataclass(frozen=True)
class Halting:
    """Segments that early exit uses, puzzle by puzzle."""

    budget: int
    segments: list[int]
    halted_by_choice: list[bool]
    exact: list[bool]
    """Whether the answer at the exit is the stored one."""
    difficulty: list[float]
    """In the unit of ``measure``."""
    measure: str
    """The first measure that tells the puzzles apart: the data's rating, what a plain search needs, the blanks."""
    correlations: list[Correlation]
    """Of every measure there is."""
    segments_mean: float
    exact_share: float
    exact_at_budget: float
    """Share that is right where every puzzle uses the whole budget."""

    @property
    def summary(self) -> dict[str, float | str | None]:
        """Return the headline numbers."""
        first = next((line for line in self.correlations if line.measure == self.measure), None)
        interval = first.ci95 if first and first.ci95 else [None, None]
        return {
            "segments, mean": self.segments_mean, "budget": float(self.budget),
            "exact with early exit": self.exact_share, "exact with the whole budget": self.exact_at_budget,
            "difficulty": self.measure, "Spearman's ρ": first.spearman if first else None,
            "ρ, 95 % from": interval[0], "ρ, 95 % to": interval[1],
        }  # fmt: skip


def halting(solver: Solver, split: Split, budget: int, seed: int = 0, progress: Progress = no_progress) -> Halting:
    """Compare the segments that early exit uses with the difficulty of the puzzles.

    Args:
        budget: segments at which a puzzle stops whatever the Q-head says; 2 or more.
        seed: of the bootstrap.

    Raises:
        UsageError: too small a budget, or a network that answers in one pass.

    Source: HRM paper, adaptive computation time.
    """
    require_recurrent(solver, "so hard puzzles cannot get more segments than easy ones")
    if budget < 2:
        raise UsageError(f"the analysis of halting needs a budget of at least 2 segments (got {budget})")
    scores = scores_of(solver, split, budget, progress)
    used = scores.segments_used(budget)
    exact = scores.exact_after(used)
    measures = difficulties(solver.puzzle, split)
    lines = [_correlation(name, values, used.astype(np.float64), seed) for name, values in measures.items()]
    telling = [name for name, values in measures.items() if len(np.unique(values)) > 1]
    measure = (telling or list(measures))[0]
    return Halting(
        budget, used.tolist(), np.any(scores.prefers_halt[:budget], axis=0).tolist(), exact.tolist(),
        measures[measure].tolist(), measure, lines,
        float(used.mean()), float(exact.mean()), float(scores.exact[budget - 1].mean()),
    )  # fmt: skip


def difficulties(puzzle: Puzzle, split: Split) -> dict[str, Float[np.ndarray, " n"]]:
    """Return how difficult each puzzle is, by measure: the data's rating first, where all have one."""
    measures: dict[str, np.ndarray] = {}
    ratings = np.asarray(split.ratings, np.float64)
    if np.isfinite(ratings).all():
        measures["rating of the data"] = ratings
    inputs = np.asarray(split.inputs)
    for solver in puzzle.classical_solvers[:1]:
        try:
            measures[f"{solver.unit} of a plain search"] = np.array([float(solver.solve(row).nodes) for row in inputs])
        except DataError:
            continue
    supervised = np.asarray(split.labels) != 0
    measures["cells to fill in"] = (supervised & ~puzzle.spec.given(inputs)).sum(1).astype(np.float64)
    return measures


def _correlation(
    name: str, difficulty: Float[np.ndarray, " n"], used: Float[np.ndarray, " n"], seed: int
) -> Correlation:
    rho = spearman(difficulty, used)
    if math.isnan(rho):
        return Correlation(name, None, None)
    interval = bootstrap_interval(lambda rows: spearman(difficulty[rows], used[rows]), len(used), seed=seed)
    return Correlation(name, rho, interval)
