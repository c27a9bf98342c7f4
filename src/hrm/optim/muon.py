"""Muon for the hidden matrices, AdamW for everything else."""

from collections.abc import Sequence

from torch import nn
from torch.optim import AdamW, Muon, Optimizer


def muon_with_adamw(
    matrices: Sequence[nn.Parameter],
    others: Sequence[nn.Parameter],
    *,
    muon_lr: float,
    muon_weight_decay: float,
    lr: float,
    betas: tuple[float, float],
    weight_decay: float,
) -> list[Optimizer]:
    """Return torch's Muon over the matrices and torch's AdamW over the rest.

    Source: Jordan et al. 2024, Muon; torch.optim.Muon with its original scaling √max(1, out/in).
    """
    return [
        Muon(matrices, lr=muon_lr, weight_decay=muon_weight_decay, adjust_lr_fn="original"),
        AdamW(others, lr=lr, betas=betas, weight_decay=weight_decay),
    ]
