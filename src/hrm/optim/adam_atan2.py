"""Adam with atan2 in place of the division: bounded, free of ε, invariant to the scale of the loss."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from hrm.runtime.compiling import compiled


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
        self._arithmetic: Callable[..., object] = _moved

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                self._move(params, group)

    def compile(self) -> None:
        """Compile the arithmetic from now on: one pass over memory for each parameter instead of ten."""
        self._arithmetic = compiled(_moved)

    def _move(self, params: list[Tensor], group: dict[str, Any]) -> None:
        for p in params:
            if not self.state[p]:
                self.state[p] = {
                    "step": torch.zeros(()), "m": torch.zeros_like(p), "v": torch.zeros_like(p)
                }  # fmt: skip
        # parameters may have joined at different updates, so the corrections are those of each one's own count
        by_count: dict[float, list[Tensor]] = {}
        for p in params:
            self.state[p]["step"] += 1.0
            by_count.setdefault(float(self.state[p]["step"]), []).append(p)
        beta1, beta2 = group["betas"]
        for count, alike in by_count.items():
            factors = (
                1 - group["lr"] * group["weight_decay"],
                -group["lr"] / (1 - beta1**count),
                (1 - beta2**count) ** 0.5,
            )
            if self._arithmetic is not _moved:  # numbers would be compiled in as constants
                factors = tuple(torch.tensor(factor, dtype=torch.float64) for factor in factors)
            moments, squares = ([self.state[p][name] for p in alike] for name in ("m", "v"))
            self._arithmetic(alike, [p.grad for p in alike], moments, squares, beta1, beta2, *factors)


def _moved(
    params: list[Tensor],
    grads: list[Tensor],
    moments: list[Tensor],
    squares: list[Tensor],
    beta1: float,
    beta2: float,
    kept: float | Tensor,
    scale: float | Tensor,
    correction: float | Tensor,
) -> None:
    """Move parameters and their moments in place.

    Args:
        kept: what decay leaves of a parameter.
        scale: of the step, its sign and the correction of the first moment included.
        correction: of the root of the second moment.
    """
    torch._foreach_lerp_(moments, grads, 1 - beta1)
    torch._foreach_mul_(squares, beta2)
    torch._foreach_addcmul_(squares, grads, grads, value=1 - beta2)
    roots = torch._foreach_sqrt(squares)
    torch._foreach_div_(roots, correction)
    for root, moment in zip(roots, moments, strict=True):
        torch.atan2(moment, root, out=root)
    torch._foreach_mul_(roots, scale)
    torch._foreach_mul_(params, kept)
    torch._foreach_add_(params, roots)
