"""The learning rate as a pure function of the update, so that a resumed run cannot drift."""

import math


def lr_factor(update: int, *, warmup_updates: int, updates: int, min_lr_ratio: float) -> float:
    """Return the factor on the peak learning rate.

    Args:
        update: number of the update, from 1.
        warmup_updates: the factor is update/warmup_updates up to here.
        updates: total number of updates, where the cosine reaches its end.
        min_lr_ratio: the factor at the end.

    Source: official code (linear warm-up, then cosine; the counter is raised before it is used).
    """
    if update < warmup_updates:
        return update / warmup_updates
    progress = min(1.0, (update - warmup_updates) / max(1, updates - warmup_updates))
    return min_lr_ratio + (1 - min_lr_ratio) * 0.5 * (1 + math.cos(math.pi * progress))
