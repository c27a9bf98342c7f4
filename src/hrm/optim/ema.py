"""The running average of everything that is learned; it is what gets evaluated and shipped."""

from collections.abc import Mapping

import torch
from torch import Tensor


def ema_decay(update: int, decay: float) -> float:
    """Return the decay at an update: (1 + t)/(10 + t) until that exceeds ``decay``.

    The ramp lets short runs forget their initial weights.

    Source: Polyak averaging as in TensorFlow's ExponentialMovingAverage(num_updates).
    """
    return min(decay, (1 + update) / (10 + update))


@torch.no_grad()
def update_ema(average: Mapping[str, Tensor], weights: Mapping[str, Tensor], decay: float) -> None:
    """Move the average, in place, toward the weights of the same names."""
    torch._foreach_lerp_(list(average.values()), [weights[name] for name in average], 1 - decay)
