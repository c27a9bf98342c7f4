"""Formulas of the metrics; all are fractions between 0 and 1."""

import math


def wilson_interval(hits: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share (z = 1.96), which stays inside [0, 1] and never has width zero.

    Source: Wilson 1927, score interval.
    """
    if trials <= 0:
        raise ValueError(f"an interval needs at least one trial (got {trials})")
    share, squared = hits / trials, z * z
    centre = share + squared / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + squared / (4 * trials * trials))
    scale = 1 + squared / trials
    low = (centre - spread) / scale if hits else 0.0  # at the ends the formula is exact but for rounding
    high = (centre + spread) / scale if hits < trials else 1.0
    return low, high
