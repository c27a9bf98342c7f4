"""The Hierarchical Reasoning Model on one page.

    x̃   = f_I(x)                     once
    z_L ← f_L(z_L + z_H + x̃)        T times a cycle
    z_H ← f_H(z_H + z_L)            once a cycle, N cycles a segment
    ŷ   = f_O(z_H)                   once a segment, as are
    Q̂   = σ(q_head(z_H))            the values of halting and of continuing

With one state in place of two, z_H ← f_L(z_H + x̃), N·T times: the recurrent Transformer, and HRM without hierarchy.

Source: HRM paper (arXiv 2506.21734), section "Hierarchical Reasoning Model"; for one state Ge, Liao and Poggio
(arXiv 2510.00355) and the ablation with one latent of TRM (arXiv 2510.04871).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm.model.casting import Runner
from hrm.model.grid_io import GridInput, GridOutput, grid_block
from hrm.model.network import Embedded, Latents, Network, Segment, Timesteps
from hrm.model.network_config import NetworkConfig
from hrm.model.recursion import Level, timesteps
from hrm.nn.init import truncated_normal_
from hrm.nn.layers import Linear


class Parts(NamedTuple):
    """Where networks of this loop differ; each part is made from its configuration."""

    f_I: Callable[..., Any]
    """From puzzles to x̃."""
    block: Callable[..., nn.Module]
    """What f_L and f_H are stacks of."""
    f_O: Callable[..., Any]
    """From z_H to logits, and to what the Q-head reads."""


class HRM(Network):
    """The four networks f_I, f_L, f_H, f_O, and the Q-head. Parameters are fp32; states and products are in ``dtype``.

    Args:
        config: the sizes.
        seed: seed of the initial weights.
        dtype: dtype of the states and of the arithmetic; norms, rotations, Q-values stay in fp32.
    """

    parts: ClassVar[Parts] = Parts(GridInput, grid_block, GridOutput)
    f_I: Any
    """From the puzzle to x̃: tables of the tokens, positions and puzzles."""
    f_L: Level
    """The low level; the one stack, where there is one state."""
    f_H: Level | None
    """The high level; None where f_L is called in both roles, and where there is one state."""
    f_O: Any
    """From z_H to the logits of the answer."""
    q_head: Linear
    """From what f_O sums up of z_H to the values of halting and of continuing."""
    start_H: Tensor
    start_L: Tensor

    def __init__(self, config: NetworkConfig, seed: int = 0, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.config, self.dtype = config, dtype
        generator = torch.Generator().manual_seed(seed)
        self.f_I = self.parts.f_I(config, dtype, generator)
        levels = [Level(self.parts.block(config, generator) for _ in range(blocks)) for blocks in config.stacks]
        self.f_L, self.f_H = levels[0], levels[1] if len(levels) == 2 else None
        self.f_O = self.parts.f_O(config, generator)
        self.q_head = Linear(config.width, 2 if config.q_continue else 1, bias=True)
        nn.init.zeros_(self.q_head.weight)
        nn.init.constant_(self.q_head.get_parameter("bias"), -5.0)  # unlikely at first, so that nothing halts early
        for name in ("start_H", "start_L")[: config.loop.states] if config.recurrent else ():
            self.register_buffer(name, truncated_normal_(torch.empty(config.width), 1.0, generator))
        self._runs = [Runner(level, dtype) for level in levels]

    def embed(
        self,
        inputs: Int[Tensor, "B C"],
        puzzle_ids: Int[Tensor, " B"] | None = None,
        mask: Bool[Tensor, "B C"] | None = None,
        relations: Int[Tensor, "*R C C"] | None = None,
    ) -> Embedded:
        """Return x̃ = f_I(x) and the context of the blocks.

        Args:
            inputs: token ids.
            puzzle_ids: rows of the puzzle embedding, where there is one; None: row 0 for all.
            mask: cells that exist; None: all.
            relations: 0 where two cells are unrelated, else the kind (1, 2, …), one matrix a relation, shared by
                the batch or one set a puzzle; ignored where ``relation_kinds`` is empty.
        """
        return self.f_I(inputs, puzzle_ids, mask, relations)

    def initial(self, x: Embedded | int, generator: torch.Generator | None = None) -> Latents:
        """Return the fixed initial states at every position, or random ones if a generator is given.

        Args:
            x: the embedded puzzles, or how many there are.
            generator: draws every position of every puzzle from a standard normal distribution.
        """
        starts = [self.start_H] if self.config.loop.states == 1 else [self.start_H, self.start_L]
        shape = (x if isinstance(x, int) else len(x), self.config.length, self.config.width)
        if generator is None:
            states = [start.to(self.dtype).expand(shape) for start in starts]
        else:
            drawn = torch.randn((len(starts), *shape), generator=generator, device=generator.device)
            states = list(drawn.to(self.start_H.device).to(self.dtype))
        return Latents(*states) if len(states) == 2 else Latents.single(states[0])

    def timesteps(self, latents: Latents, x: Embedded, cycles: int | None = None) -> Timesteps:
        """Yield (cycle, timestep, level, latents) after every call of f_L and f_H of one segment of N cycles."""
        loop = self.config.loop if cycles is None else replace(self.config.loop, cycles=cycles)
        return timesteps(self._runs[0], self._runs[-1], latents, x, loop)

    def segment(self, latents: Latents, x: Embedded, cycles: int | None = None) -> Segment:
        """Run N cycles of T timesteps and decode the high-level state."""
        for _, _, _, after in self.timesteps(latents, x, cycles):
            latents = after
        return Segment(latents, self.decode(latents), *self.halting_values(latents))

    def decode(self, latents: Latents) -> Float[Tensor, "B C V"]:
        """Return ŷ = f_O(z_H) as logits."""
        return self.f_O(latents.z_H)

    def halting_values(self, latents: Latents) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"] | None]:
        """Return the logits of halting and, if the network has one, of continuing."""
        q = self.q_head(self.f_O.summary(latents.z_H)).float()
        return q[:, 0], q[:, 1] if q.shape[1] > 1 else None

    def provisional(self, latents: Latents, x: Embedded) -> Latents:
        """Return the latents after one extra call of f_H: how the high level would read the current z_L.

        One state can be decoded as it is. Source: HRM paper, visualization of intermediate timesteps (figure 7).
        """
        if self.config.loop.states == 1:
            return latents
        return Latents(self._runs[-1](latents.z_H, latents.z_L, x.context), latents.z_L)

    def positions(self, exists: Bool[Tensor, "B C"]) -> Bool[Tensor, "B S"]:
        """Say which positions of the states exist, given which cells do."""
        return self.f_I.positions(exists)

    def compile_levels(self) -> None:
        """Compile the calls of f_L and f_H from now on."""
        for run in self._runs:
            run.compile()

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Return the weights of f_L and f_H, except the biases of relations."""
        return self.f_L.matrices() + ([] if self.f_H is None else self.f_H.matrices())

    def puzzle_tables(self) -> list[nn.Parameter]:
        """Return the puzzle embedding, where there is one."""
        return self.f_I.tables()
