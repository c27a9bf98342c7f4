"""The one recursion of HRM and its successors. Read ``timesteps`` beside the paper's equations.

z_L ← f_L(z_L + z_H + x̃)    T times a cycle
z_H ← f_H(z_H + z_L)        once a cycle, N cycles a segment

Source: HRM paper (arXiv 2506.21734), section "Hierarchical Reasoning Model". TRM (arXiv 2510.04871) is the
same loop with one network in both roles and more calls that carry gradient.
"""

import copy
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hrm.model.config import EquivariantConfig, HRMConfig
from hrm.model.network import Embedded, Latents, Network, Segment
from hrm.nn.init import truncated_normal_
from hrm.nn.layers import Linear
from hrm.runtime.compiling import compiled

Config = TypeVar("Config", HRMConfig, EquivariantConfig)

Call = Callable[[Float[Tensor, "B S D"], Float[Tensor, "B S D"]], Float[Tensor, "B S D"]]
"""One call of f_L or f_H: (state, what is injected into it) -> the next state."""


def timesteps(
    f_L: Call,
    f_H: Call,
    latents: Latents,
    x: Float[Tensor, "B S D"],
    loop: HRMConfig | EquivariantConfig,
    cycles: int | None = None,
) -> Iterator[tuple[int, int, Literal["L", "H"], Latents]]:
    """Yield (cycle, timestep, level, latents) after every call of f_L and f_H of one segment.

    ``cycles`` stands in for N where it is given. Only the last ``grad_calls`` calls are in the graph: with 2,
    gradient flows through the last f_L and the last f_H, which is the paper's one-step gradient.

    Source: HRM paper, equations of z_L and z_H and "approximate gradient".
    """
    z_H, z_L = latents.z_H, latents.z_L
    cycles = loop.cycles if cycles is None else cycles
    calls_left = cycles * (loop.timesteps + 1)
    learning = torch.is_grad_enabled()
    for cycle in range(cycles):
        for timestep in range(loop.timesteps):
            with torch.set_grad_enabled(learning and calls_left <= loop.grad_calls):
                z_L = f_L(z_L, z_H + x)
            calls_left -= 1
            yield cycle, timestep, "L", Latents(z_H, z_L)
        with torch.set_grad_enabled(learning and calls_left <= loop.grad_calls):
            z_H = f_H(z_H, z_L)
        calls_left -= 1
        yield cycle, loop.timesteps - 1, "H", Latents(z_H, z_L)


class Level(nn.Module):
    """f_L or f_H: a stack of blocks that refines one state, given what is injected into it."""

    def __init__(self, blocks: Iterable[nn.Module]):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(
        self, state: Float[Tensor, "B S D"], injection: Float[Tensor, "B S D"], *beside: object
    ) -> Float[Tensor, "B S D"]:
        """Return the next state; every block is told what lies ``beside`` it."""
        state = state + injection
        for block in self.blocks:
            state = block(state, *beside)
        return state


class RecursiveNetwork(Network, Generic[Config]):
    """A network that runs its two levels in this loop; what is around the loop is its own.

    A subclass sets ``config``, ``dtype``, ``f_L`` and ``f_H`` (None: f_L in both roles), and calls ``_complete`` at the
    end of its constructor.
    """

    config: Config
    f_L: Level
    f_H: Level | None
    start_H: Tensor
    start_L: Tensor

    def _complete(self, q_values: int, generator: torch.Generator) -> None:
        """Add the Q-head, the starting states and what runs the levels."""
        width = self.config.width
        self.q_head = q_head(width, q_values)
        self.register_buffer("start_H", truncated_normal_(torch.empty(width), 1.0, generator))
        self.register_buffer("start_L", truncated_normal_(torch.empty(width), 1.0, generator))
        self._run_L = Runner(self.f_L, self.dtype)
        self._run_H = self._run_L if self.f_H is None else Runner(self.f_H, self.dtype)

    @abstractmethod
    def decode(self, latents: Latents) -> Float[Tensor, "B C V"]:
        """Return the logits of every token at every cell."""

    @abstractmethod
    def halting_values(self, latents: Latents) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"] | None]:
        """Return the logits of halting and of going on."""

    @abstractmethod
    def _beside(self, x: Embedded) -> tuple[object, ...]:
        """Return what both levels are told beside the states."""

    def initial(self, x: Embedded | int, generator: torch.Generator | None = None) -> Latents:
        """Return the fixed initial states at every position, or random ones if a generator is given.

        Args:
            x: the embedded puzzles, or how many there are.
            generator: draws every position of every puzzle from a standard normal distribution.
        """
        batch = x if isinstance(x, int) else len(x)
        shape = (batch, self.config.length, self.config.width)
        if generator is None:
            return Latents(self.start_H.to(self.dtype).expand(shape), self.start_L.to(self.dtype).expand(shape))
        z_H, z_L = torch.randn((2, *shape), generator=generator, device=generator.device).to(self.start_H.device)
        return Latents(z_H.to(self.dtype), z_L.to(self.dtype))

    def timesteps(
        self, latents: Latents, x: Embedded, cycles: int | None = None
    ) -> Iterator[tuple[int, int, Literal["L", "H"], Latents]]:
        """Yield (cycle, timestep, level, latents) after every call of f_L and f_H of one segment of N cycles."""
        beside = self._beside(x)

        def f_L(state: Tensor, injection: Tensor) -> Tensor:
            return self._run_L(state, injection, *beside)

        def f_H(state: Tensor, injection: Tensor) -> Tensor:
            return self._run_H(state, injection, *beside)

        yield from timesteps(f_L, f_H, latents, x.x, self.config, cycles)

    def provisional(self, latents: Latents, x: Embedded) -> Latents:
        """Return the latents after one extra call of f_H: how the high level would read the current z_L.

        Source: HRM paper, visualization of intermediate timesteps (figure 7).
        """
        return Latents(self._run_H(latents.z_H, latents.z_L, *self._beside(x)), latents.z_L)

    def segment(self, latents: Latents, x: Embedded, cycles: int | None = None) -> Segment:
        """Run N cycles of T timesteps and decode the high-level state."""
        [(_, _, _, latents)] = deque(self.timesteps(latents, x, cycles), maxlen=1)  # only the last latents are kept
        return Segment(latents, self.decode(latents), *self.halting_values(latents))

    def compile_levels(self) -> None:
        """Compile the calls of f_L and f_H from now on."""
        self._run_L.compile()
        self._run_H.compile()

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Return the weights of f_L and f_H, except the biases of relations."""
        return matrices([self.f_L] if self.f_H is None else [self.f_L, self.f_H])


def q_head(width: int, values: int) -> Linear:
    """Return the map from a state to its Q-values: equal and unlikely at first, so that nothing halts early."""
    head = Linear(width, values, bias=True)
    with torch.no_grad():
        head.weight.zero_()
        assert head.bias is not None
        head.bias.fill_(-5.0)
    return head


def matrices(modules: Iterable[nn.Module]) -> list[nn.Parameter]:
    """Return the weights of all linear maps in these modules, biases of relations apart."""
    return [m.weight for module in modules for m in module.modules() if isinstance(m, Linear)]


class Runner:
    """Runs a module of fp32 weights the cheapest way that gives the same numbers.

    Calls that carry gradient go through the module itself, which casts its weights at each call so that autograd
    sums the gradients of all calls in fp32. Calls without gradient go through a copy whose weights are cast once
    after each change of the weights.
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
            elif self._copied[1] != versions:
                torch._foreach_copy_(list(self._copy.parameters()), weights)
        self._copied = device, versions
        return self._copy


def _run(module: nn.Module, *arguments: object) -> Any:
    return module(*arguments)
