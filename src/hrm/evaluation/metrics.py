"""Formulas of the metrics, and intervals of them."""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int, Num


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
) -> tuple[float, float] | None:
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
    low, high = np.quantile(values, (0.025, 0.975))
    return float(low), float(high)


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
