"""Adam with atan2 in place of the division: bounded, free of ε, invariant to the scale of the loss."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class AdamATan2(Optimizer):
    """θ ← θ·(1 − lr·wd) − lr/(1 − β1ᵗ) · atan2(m, √v / √(1 − β2ᵗ)).

    Plain torch on any device. Decay acts on every parameter it is given, biases included, as in the official
    code.

    Source: Everett et al. 2024 (arXiv 2407.05872); the formula is that of the adam-atan2 CUDA package, which has
    neither the factors a and b nor the first correction inside atan2 that other versions have.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.0,
    ):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                self._move(params, group)

    def _move(self, params: list[Tensor], group: dict[str, Any]) -> None:
        grads = [p.grad for p in params if p.grad is not None]
        for p in params:
            if not self.state[p]:
                self.state[p] = {
                    "step": torch.zeros(()), "m": torch.zeros_like(p), "v": torch.zeros_like(p)
                }  # fmt: skip
        moments = [self.state[p]["m"] for p in params]
        squares = [self.state[p]["v"] for p in params]
        counts = [self.state[p]["step"] for p in params]
        torch._foreach_add_(counts, 1.0)
        beta1, beta2 = group["betas"]
        torch._foreach_lerp_(moments, grads, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, grads, grads, value=1 - beta2)
        roots = torch._foreach_sqrt(squares)
        # parameters may have joined at different updates, so the corrections are each parameter's own
        torch._foreach_div_(roots, [(1 - beta2 ** float(t)) ** 0.5 for t in counts])
        for root, moment in zip(roots, moments, strict=True):
            torch.atan2(moment, root, out=root)
        torch._foreach_mul_(roots, [-group["lr"] / (1 - beta1 ** float(t)) for t in counts])
        torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(params, roots)
