"""The one recursion of HRM and its successors. Read ``timesteps`` beside the paper's equations.

z_L ← f_L(z_L + z_H + x̃)    T times a cycle
z_H ← f_H(z_H + z_L)        once a cycle, N cycles a segment

Source: HRM paper (arXiv 2506.21734), section "Hierarchical Reasoning Model". TRM (arXiv 2510.04871) is the
same loop with one network in both roles and more calls that carry gradient.
"""

import copy
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hrm.model.config import NetworkConfig
from hrm.model.contract import Latents
from hrm.nn.compiling import compiled
from hrm.nn.layers import Linear

Level = Callable[[Float[Tensor, "B S D"], Float[Tensor, "B S D"]], Float[Tensor, "B S D"]]
"""f_L or f_H: (state, what is injected into it) -> the next state."""


def timesteps(
    f_L: Level, f_H: Level, latents: Latents, x: Float[Tensor, "B S D"], loop: NetworkConfig
) -> Iterator[tuple[int, int, Literal["L", "H"], Latents]]:
    """Yield (cycle, timestep, level, latents) after every call of f_L and f_H of one segment.

    Only the last ``grad_calls`` calls are in the graph: with 2, gradient flows through the last f_L and the
    last f_H, which is the paper's one-step gradient.

    Source: HRM paper, equations of z_L and z_H and "approximate gradient".
    """
    z_H, z_L = latents.z_H, latents.z_L
    calls_left = loop.cycles * (loop.timesteps + 1)
    learning = torch.is_grad_enabled()
    for cycle in range(loop.cycles):
        for timestep in range(loop.timesteps):
            with torch.set_grad_enabled(learning and calls_left <= loop.grad_calls):
                z_L = f_L(z_L, z_H + x)
            calls_left -= 1
            yield cycle, timestep, "L", Latents(z_H, z_L)
        with torch.set_grad_enabled(learning and calls_left <= loop.grad_calls):
            z_H = f_H(z_H, z_L)
        calls_left -= 1
        yield cycle, loop.timesteps - 1, "H", Latents(z_H, z_L)


class Runner:
    """Runs a module of fp32 weights the cheapest way that gives the same numbers.

    Calls that carry gradient go through the module itself, which casts its weights at each call so that autograd
    sums the gradients of all calls in fp32. Calls without gradient go through a copy whose weights are cast once
    after each change of the weights.
    """

    def __init__(self, module: nn.Module):
        self._module = module
        self._copy: nn.Module | None = None
        self._versions: list[int] = []
        self._kind: tuple[torch.dtype, torch.device] | None = None
        self._run: Callable[..., Any] = _run

    def compile(self) -> None:
        """Compile the call from now on; where that is impossible it stays as it is."""
        self._run = compiled(_run)

    def __call__(self, dtype: torch.dtype, *arguments: object) -> Any:
        """Return ``module(*arguments)`` with the arithmetic in ``dtype``."""
        weights: list[Tensor] = list(self._module.parameters())
        if torch.is_grad_enabled() or dtype == torch.float32:
            return self._run(self._module, *arguments)
        return self._run(self._cast_copy(weights, dtype), *arguments)

    def _cast_copy(self, weights: list[Tensor], dtype: torch.dtype) -> nn.Module:
        versions, kind = [w._version for w in weights], (dtype, weights[0].device)
        with torch.inference_mode(False), torch.no_grad():  # so that the copy can be refreshed in any mode
            if self._copy is None or kind != self._kind:
                self._copy, self._kind = copy.deepcopy(self._module).requires_grad_(False), kind
                for module in self._copy.modules():
                    if isinstance(module, Linear):
                        module.to(dtype)
            elif versions != self._versions:
                torch._foreach_copy_(list(self._copy.parameters()), weights)
        self._versions = versions
        return self._copy


def _run(module: nn.Module, *arguments: object) -> Any:
    return module(*arguments)
