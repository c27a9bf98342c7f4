"""From logits to logarithms of probabilities: softmax, and stablemax. Axes: V vocabulary."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor


def log_probabilities(logits: Float[Tensor, "*B V"], kind: Literal["stablemax", "softmax"]) -> Float[Tensor, "*B V"]:
    """Return the natural logarithms of the probabilities that logits stand for."""
    return log_stablemax(logits) if kind == "stablemax" else torch.log_softmax(logits, dim=-1)


def log_stablemax(logits: Float[Tensor, "*B V"]) -> Float[Tensor, "*B V"]:
    """Return log(s(x_i) / Σ s(x_j)) with s(x) = x+1 for x ≥ 0 and 1/(1−x) below.

    log s is ±log1p(|x|), so fp32 is within 1e-6 of fp64 and nothing can overflow.

    Source: Prieto et al. 2025 (arXiv 2501.04697). Differs: fp32 in log space, the official code computes in
    fp64; its ε of 1e-30 has no effect and is left out (paper.md 4).
    """
    above, below = torch.log1p(logits.clamp(min=0)), torch.log1p((-logits).clamp(min=0))
    log_s = torch.where(logits >= 0, above, -below)  # at 0 the gradient is that of one branch, 1
    return log_s - torch.logsumexp(log_s, dim=-1, keepdim=True)
