"""How right answers are, what early exit makes of them, and intervals of such numbers: every metric, once.

Axes: M segments, n puzzles, C cells.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Num, Shaped, UInt8

from hrm.evaluation.rollout import Step, by_batch
from hrm.puzzles.base import PAD, Puzzle


def compare(
    tokens: UInt8[np.ndarray, "*M n C"], labels: UInt8[np.ndarray, "n C"]
) -> tuple[Bool[np.ndarray, "*M n"], Float[np.ndarray, "*M n"]]:
    """Return whether every supervised cell is right, and the share of the supervised cells that are."""
    supervised = labels != PAD
    right = (tokens == labels) | ~supervised
    return right.all(-1), (right & supervised).sum(-1) / supervised.sum(-1).clip(min=1)


@dataclass(frozen=True)
class Scores:
    """How right the answer to each puzzle is after every segment."""

    exact: Bool[np.ndarray, "M n"]
    """Whether every supervised cell is right."""
    cell: Float[np.ndarray, "M n"]
    """Share of the supervised cells that are right."""
    q_halt: Float[np.ndarray, "M n"]
    """Probability that the answer is right, as the Q-head estimates it."""
    prefers_halt: Bool[np.ndarray, "M n"]
    """Whether the Q-head would stop."""
    done: Bool[np.ndarray, "M n"]
    """Whether a run of ``hrm solve`` would stop: the rules hold, or where none are known, the network is sure."""
    by_rules: dict[str, Shaped[np.ndarray, "M n"]] = field(default_factory=dict)
    """``valid``, where the family knows its rules, and the family's own metrics."""

    @staticmethod
    def join(parts: Sequence["Scores"], axis: int) -> "Scores":
        """Return the scores of several segments (axis 0) or of several batches (axis 1) as one."""
        names = ("exact", "cell", "q_halt", "prefers_halt", "done")
        columns = {name: np.concatenate([getattr(part, name) for part in parts], axis) for name in names}
        by_rules = {name: np.concatenate([part.by_rules[name] for part in parts], axis) for name in parts[0].by_rules}
        return Scores(**columns, by_rules=by_rules)

    def segments_used(self, budget: int) -> Int[np.ndarray, " n"]:
        """Return the segments that each puzzle uses with early exit under a budget."""
        return _first(self.prefers_halt[:budget])

    def segments_until_done(self) -> Int[np.ndarray, " n"]:
        """Return the segments that each puzzle uses in a run of ``hrm solve``."""
        return _first(self.done)

    def exact_after(self, used: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Say which puzzles are right after as many segments as each has used."""
        return self.exact[used - 1, np.arange(len(used))]


def _first(stops: Bool[np.ndarray, "M n"]) -> Int[np.ndarray, " n"]:
    """Return the first segment that stops, counted from 1, or the last one where none does."""
    return np.where(stops.any(0), stops.argmax(0) + 1, len(stops))


def score(steps: Iterable[Step], puzzle: Puzzle | None = None) -> Iterator[Scores]:
    """Yield the scores of each batch.

    Args:
        puzzle: the family, for what its rules say of the answers; None: they are compared with the stored ones only.
    """
    for batch in by_batch(steps):
        yield Scores.join([_score_step(step, puzzle) for step in batch], axis=0)


def _score_step(step: Step, puzzle: Puzzle | None) -> Scores:
    output, by_rules = step.output, dict[str, np.ndarray]()
    exact, cell = compare(output.tokens, step.labels)
    if puzzle is not None:
        valid = {"valid": puzzle.verify(step.inputs, output.tokens)} if puzzle.spec.has_rules else {}
        by_rules = valid | puzzle.extra_metrics(step.inputs, output.tokens)
    columns = {name: values[None] for name, values in by_rules.items()}
    done, q_halt = by_rules.get("valid", output.stops), output.q_halt.astype(np.float64)
    return Scores(exact[None], cell[None], q_halt[None], output.prefers_halt[None], done[None], columns)


@dataclass(frozen=True)
class Summary:
    """The scores of all puzzles together."""

    examples: int
    shares: list[dict[str, float]]
    """The mean of every metric, after each segment."""
    intervals: list[list[float]]
    """The 95 % interval of ``exact``, after each segment."""
    right: list[int]
    wrong: list[int]
    """How many puzzles early exit answers right and wrong with 1, 2 … segments."""
    early_exit: dict[str, float]
    """What stopping by the Q-head gives: ``exact`` and ``halted_by_choice`` as shares, ``segments_mean``."""
    solve_exit: dict[str, float]
    """The same where each puzzle stops as in a run of ``hrm solve``."""


def summarize(batches: Iterable[Scores], segments: int) -> Summary:
    """Add up the scores of batches; none is kept, so that there may be many."""
    by_choice, done, done_exact, done_segments = 0, 0, 0, 0
    sums: dict[str, Any] = {}
    right, wrong = np.zeros(segments + 1, np.int64), np.zeros(segments + 1, np.int64)
    for batch in batches:
        used = batch.segments_used(segments)
        exact = batch.exact_after(used)
        right += np.bincount(used[exact], minlength=segments + 1)
        wrong += np.bincount(used[~exact], minlength=segments + 1)
        by_choice += int(batch.prefers_halt.any(0).sum())
        until_done = batch.segments_until_done()
        done, done_segments = done + int(batch.done.any(0).sum()), done_segments + int(until_done.sum())
        done_exact += int(batch.exact_after(until_done).sum())
        for name, values in {"exact": batch.exact, "cell": batch.cell, **batch.by_rules}.items():
            sums[name] = sums.get(name, 0) + values.sum(1)
    count = int((right + wrong).sum())
    early_exit = {
        "exact": int(right.sum()) / count,
        "segments_mean": int(np.arange(segments + 1) @ (right + wrong)) / count,
        "halted_by_choice": by_choice / count,
    }
    solve_exit = {
        "exact": done_exact / count, "segments_mean": done_segments / count, "halted_by_choice": done / count
    }  # fmt: skip
    shares = [{name: float(total[number]) / count for name, total in sums.items()} for number in range(segments)]
    intervals = [list(wilson_interval(int(exact), count)) for exact in sums["exact"]]
    return Summary(count, shares, intervals, right[1:].tolist(), wrong[1:].tolist(), early_exit, solve_exit)


def wilson_interval(hits: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share (z = 1.96), which stays inside [0, 1] and never has width zero.

    Source: Wilson 1927, score interval.
    """
    if trials <= 0:
        raise ValueError(f"an interval needs at least one trial (got {trials})")
    share, squared = hits / trials, z * z
    center = share + squared / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + squared / (4 * trials * trials))
    scale = 1 + squared / trials
    low = (center - spread) / scale if hits else 0.0  # at the ends the formula is exact but for rounding
    high = (center + spread) / scale if hits < trials else 1.0
    return low, high


def bootstrap_interval(
    statistic: Callable[[Int[np.ndarray, " n"]], float], n: int, draws: int = 1000, seed: int = 0
) -> list[float] | None:
    """Return the 95 % percentile interval of a statistic over n units drawn again with replacement.

    Args:
        statistic: of the units with these numbers; NaN where it is undefined for them.

    Returns:
        None where the statistic is undefined for more than half of the draws.

    Source: Efron 1979.
    """
    rng = np.random.default_rng(seed)
    values = np.array([statistic(rng.integers(n, size=n)) for _ in range(draws)])
    values = values[np.isfinite(values)]
    if 2 * len(values) < draws:
        return None
    return np.quantile(values, (0.025, 0.975)).tolist()


def spearman(a: Num[np.ndarray, " n"], b: Num[np.ndarray, " n"]) -> float:
    """Return Spearman's rank correlation, equal values sharing their mean rank; NaN where one side is constant."""
    ranks = [_mean_ranks(side) for side in (a, b)]
    x, y = (side - side.mean() for side in ranks)
    scale = math.sqrt(float((x * x).sum() * (y * y).sum()))
    return float((x * y).sum()) / scale if scale > 0 else math.nan


def auroc(scores: Float[np.ndarray, " n"], hits: Bool[np.ndarray, " n"]) -> float:
    """Return the probability that a hit scores higher than a miss, equal scores counting half; NaN without both.

    Source: the statistic of Mann and Whitney, divided by the number of pairs.
    """
    positives = int(hits.sum())
    negatives = len(hits) - positives
    if not positives or not negatives:
        return math.nan
    above = _mean_ranks(scores)[hits].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def _mean_ranks(values: Num[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Return ranks from 1; equal values share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]
