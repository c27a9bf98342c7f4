"""Initial weights: a truncated normal distribution that has the standard deviation it is asked for.

Cutting a standard normal at ±2 leaves the variance 1 − 4·φ(2)/(Φ(2) − Φ(−2)) = 0.7737, so what torch calls
``std`` in ``trunc_normal_`` comes out 12 % too small. We draw with std / √0.7737 and cut at ±2 of that.
"""

import math

import torch
from torch import Tensor

_PHI = math.exp(-2.0) / math.sqrt(2 * math.pi)  # density of the standard normal at 2
_MASS = math.erf(2 / math.sqrt(2))  # probability of |x| < 2
TRUNCATED_STD = math.sqrt(1 - 4 * _PHI / _MASS)
"""Standard deviation that is left of a standard normal cut at ±2: 0.8796."""


def truncated_normal_(tensor: Tensor, std: float, generator: torch.Generator | None = None) -> Tensor:
    """Fill a tensor in place with a normal distribution of the given std, cut at ±2.27 std.

    Source: JAX ``truncated_normal`` as used by the official code; HRM paper, appendix on initialization.
    """
    with torch.no_grad():
        if std == 0:
            return tensor.zero_()
        sigma = std / TRUNCATED_STD
        return torch.nn.init.trunc_normal_(tensor, std=sigma, a=-2 * sigma, b=2 * sigma, generator=generator)


def lecun_normal_(weight: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Fill a (out, in) weight in place with std 1/√in, which keeps the variance of what passes through."""
    return truncated_normal_(weight, weight.shape[-1] ** -0.5, generator)
