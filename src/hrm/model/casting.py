"""Run a module of fp32 weights in the arithmetic of the states."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from hrm.nn.layers import Linear
from hrm.runtime.compiling import compiled


class Runner:
    """Runs a module of fp32 weights the cheapest way that gives the same numbers.

    Calls that carry gradient go through the module itself, which casts its weights at each call so that autograd
    sums the gradients of all calls in fp32. Calls without gradient go through a copy with cast weights. Of weights that
    are not trained it is made once after each change that torch counts. Fused and foreach updates, the usual ones on
    GPUs, are not counted; so weights that are trained, or lie on another device than the CPU, are cast at each call.
    """

    def __init__(self, module: nn.Module, dtype: torch.dtype):
        self._module, self._dtype = module, dtype
        self._copy: nn.Module | None = None
        self._copied: tuple[torch.device, list[int]] | None = None  # where the weights lay, and in which version
        self._run: Callable[..., Any] = _run

    def compile(self) -> None:
        """Compile the call from now on; where that is impossible it stays as it is."""
        self._run = compiled(_run)

    def __call__(self, *arguments: object) -> Any:
        """Return ``module(*arguments)``."""
        casts = self._dtype != torch.float32 and not torch.is_grad_enabled()
        return self._run(self._cast_copy() if casts else self._module, *arguments)

    def _cast_copy(self) -> nn.Module:
        weights: list[Tensor] = list(self._module.parameters())
        device, versions = weights[0].device, [w._version for w in weights]
        with torch.inference_mode(False), torch.no_grad():  # so that the copy can be refreshed in any mode
            if self._copy is None or self._copied is None or self._copied[0] != device:
                self._copy = copy.deepcopy(self._module).requires_grad_(False)
                for module in self._copy.modules():
                    if isinstance(module, Linear):
                        module.to(self._dtype)
            elif device.type != "cpu" or weights[0].requires_grad or self._copied[1] != versions:
                torch._foreach_copy_(list(self._copy.parameters()), weights)
        self._copied = device, versions
        return self._copy


def _run(module: nn.Module, *arguments: object) -> Any:
    return module(*arguments)
