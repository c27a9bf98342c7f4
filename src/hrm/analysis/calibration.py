"""Whether the Q-head knows when the answer is right. Axes: M segments, n puzzles."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hrm.data.store import Split
from hrm.evaluation.evaluate import scores_of
from hrm.evaluation.metrics import auroc, bootstrap_interval, wilson_interval
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.solver import Solver

Rows = tuple[Float[np.ndarray, "M n"], Bool[np.ndarray, "M n"]]


@dataclass(frozen=True)
class Bin:
    """The moments whose q_halt lies in one interval."""

    low: float
    high: float
    count: int
    q_halt_mean: float | None
    exact: float | None
    """Share right; None in an empty bin."""
    exact_ci95: list[float] | None


@dataclass(frozen=True)
class Score:
    """One figure of merit, with a bootstrap interval over puzzles."""

    value: float | None
    ci95: list[float] | None


@dataclass(frozen=True)
class Reliability:
    """How q_halt agrees with being right, over some moments."""

    moments: int
    base_rate: float
    """Share right."""
    bins: list[Bin]
    ece: Score
    """Expected calibration error: |share right − mean q_halt| of the bins, weighted by their counts."""
    brier: Score
    """Mean of (q_halt − right)²."""
    accuracy: Score
    """How often (q_halt ≥ 0.5) says what is true."""
    auroc: Score
    """Probability that a right answer has a higher q_halt than a wrong one."""


@dataclass(frozen=True)
class Calibration:
    """Reliability of the Q-head over all segments, and of the last one alone."""

    segments: int
    all_segments: Reliability
    last_segment: Reliability

    @property
    def summary(self) -> dict[str, float | str | None]:
        """Return the headline numbers."""
        numbers: dict[str, float | str | None] = {}
        for name, part in (("all segments", self.all_segments), ("last segment", self.last_segment)):
            numbers |= {
                f"share right, {name}": part.base_rate, f"ECE, {name}": part.ece.value,
                f"Brier, {name}": part.brier.value, f"q_halt ≥ ½ is true, {name}": part.accuracy.value,
                f"AUROC, {name}": part.auroc.value,
            }  # fmt: skip
        return numbers


def calibration(
    solver: Solver, split: Split, segments: int, bins: int = 10, seed: int = 0, progress: Progress = no_progress
) -> Calibration:
    """Compare q_halt with whether the answer is the stored one, after every segment of every puzzle.

    Args:
        bins: of equal width, from 0 to 1.
        seed: of the bootstrap, which draws puzzles with all their segments.

    Source: Guo et al. 2017 (expected calibration error); Brier 1950.
    """
    scores = scores_of(solver, split, segments, progress)
    return Calibration(
        segments,
        reliability((scores.q_halt, scores.exact), bins, seed),
        reliability((scores.q_halt[-1:], scores.exact[-1:]), bins, seed),
    )


def reliability(rows: Rows, bins: int, seed: int = 0) -> Reliability:
    """Return the reliability of probabilities, given what came true."""
    q, right = rows[0].ravel(), rows[1].ravel()
    place = _bin_of(q, bins)
    lines = [_bin(number, bins, q[place == number], right[place == number]) for number in range(bins)]
    return Reliability(
        len(q), float(right.mean()), lines,
        ece=_score(rows, lambda q, right: expected_calibration_error(q, right, bins), seed),
        brier=_score(rows, lambda q, right: float(((q - right) ** 2).mean()), seed),
        accuracy=_score(rows, lambda q, right: float(((q >= 0.5) == right).mean()), seed),
        auroc=_score(rows, auroc, seed),
    )  # fmt: skip


def _bin(number: int, bins: int, q: Float[np.ndarray, " n"], right: Bool[np.ndarray, " n"]) -> Bin:
    low, high, count, hits = number / bins, (number + 1) / bins, len(q), int(right.sum())
    if not count:
        return Bin(low, high, 0, None, None, None)
    return Bin(low, high, count, float(q.mean()), hits / count, list(wilson_interval(hits, count)))


def expected_calibration_error(q: Float[np.ndarray, " n"], right: Bool[np.ndarray, " n"], bins: int) -> float:
    """Return Σ over the bins of (count / n) · |share right − mean q|."""
    place = _bin_of(q, bins)
    return float(np.abs(np.bincount(place, right - q, minlength=bins)).sum() / len(q))


def _bin_of(q: Float[np.ndarray, " n"], bins: int) -> np.ndarray:
    return np.minimum((q * bins).astype(np.int64), bins - 1)


def _score(rows: Rows, measure: Callable[[np.ndarray, np.ndarray], float], seed: int) -> Score:
    q, right = rows
    value = measure(q.ravel(), right.ravel())
    if math.isnan(value):
        return Score(None, None)
    interval = bootstrap_interval(
        lambda chosen: measure(q[:, chosen].ravel(), right[:, chosen].ravel()), q.shape[1], draws=400, seed=seed
    )
    return Score(value, interval)
