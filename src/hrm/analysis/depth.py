"""Accuracy against the number of segments at inference, in training and far beyond: figure 5.

Axes: M segments, n puzzles.
"""

from dataclasses import dataclass

from hrm.data.store import Split
from hrm.evaluation.evaluate import scores_of
from hrm.evaluation.metrics import wilson_interval
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.solver import Solver


@dataclass(frozen=True)
class Depth:
    """What each budget of segments reaches, run in full and with early exit."""

    trained_budget: int
    """M_max of the training."""
    segments: list[int]
    """1 … M."""
    exact: list[float]
    """Share of right answers if every puzzle runs exactly this many segments."""
    exact_ci95: list[list[float]]
    cell: list[float]
    early_exact: list[float]
    """Share right with early exit under this budget."""
    early_segments_mean: list[float]
    """Segments used with early exit under this budget, mean over puzzles."""

    @property
    def summary(self) -> dict[str, float | str | None]:
        """Return the headline numbers."""
        at = self.trained_budget - 1
        reached = at < len(self.segments)
        return {
            "training budget": float(self.trained_budget),
            "exact at the training budget": self.exact[at] if reached else None,
            "exact with early exit, training budget": self.early_exact[at] if reached else None,
            "segments with early exit, training budget": self.early_segments_mean[at] if reached else None,
            "most segments": float(self.segments[-1]),
            "exact at the most segments": self.exact[-1],
            "exact with early exit, most segments": self.early_exact[-1],
            "segments with early exit, most segments": self.early_segments_mean[-1],
        }


def depth(solver: Solver, split: Split, segments: int, progress: Progress = no_progress) -> Depth:
    """Measure every budget up to so many segments, which may be far beyond the budget of the training.

    Source: HRM paper, figure 5: mean segments of ACT beside a fixed M, accuracy against M, inference-time scaling.
    """
    scores = scores_of(solver, split, segments, progress)
    count = len(split)
    used = [scores.segments_used(budget) for budget in range(1, segments + 1)]
    return Depth(
        trained_budget=solver.max_segments,
        segments=list(range(1, segments + 1)),
        exact=scores.exact.mean(1).tolist(),
        exact_ci95=[list(wilson_interval(int(row.sum()), count)) for row in scores.exact],
        cell=scores.cell.mean(1).tolist(),
        early_exact=[float(scores.exact_after(row).mean()) for row in used],
        early_segments_mean=[float(row.mean()) for row in used],
    )
