"""One state and one stack of blocks with tied weights: the recurrent Transformer, and HRM without hierarchy.

z ← f(z + x̃)    N·T calls a segment; the last ``grad_calls`` of them carry gradient

With gradient through all calls of a single segment it is the recurrent Transformer that HRM is compared with; carried
on from segment to segment, and with gradient through the last calls only, it is HRM without a second state.

Source: HRM paper (arXiv 2506.21734), figure 2; Ge, Liao and Poggio (arXiv 2510.00355) and the ablation with one latent
of TRM (arXiv 2510.04871) for the network without hierarchy.
"""

from collections import deque
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from hrm.model.config import RecurrentConfig
from hrm.model.grid_io import CellNetwork
from hrm.model.network import Embedded, Latents, Segment
from hrm.model.recursion import Level, Runner, matrices, q_head
from hrm.nn.init import truncated_normal_


class Recurrent(CellNetwork[RecurrentConfig]):
    """One state z, which lies in z_H of the latents; there is no low-level state.

    Args:
        config: the sizes.
        seed: seed of the initial weights.
        dtype: dtype of the states and of the arithmetic; norms, rotations, Q-values stay in fp32.
    """

    start_H: Tensor

    def __init__(self, config: RecurrentConfig, seed: int = 0, dtype: torch.dtype = torch.float32):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self._add_input(config, dtype, generator)
        self.f = Level(self._blocks(config.layers, generator))
        self._add_output(generator)
        self.q_head = q_head(config.width, 2 if config.q_continue else 1)
        self.register_buffer("start_H", truncated_normal_(torch.empty(config.width), 1.0, generator))
        self._run = Runner(self.f, dtype)

    def initial(self, x: Embedded | int, generator: torch.Generator | None = None) -> Latents:
        """Return the fixed starting state at every position, or random ones where a generator is given.

        Args:
            x: the embedded puzzles, or how many there are.
            generator: draws every position of every puzzle from a standard normal distribution.
        """
        shape = (x if isinstance(x, int) else len(x), self.config.length, self.config.width)
        if generator is None:
            return Latents.single(self.start_H.to(self.dtype).expand(shape))
        state = torch.randn(shape, generator=generator, device=generator.device).to(self.start_H.device)
        return Latents.single(state.to(self.dtype))

    def timesteps(
        self, latents: Latents, x: Embedded, cycles: int | None = None
    ) -> Iterator[tuple[int, int, Literal["H"], Latents]]:
        """Yield (cycle, timestep, "H", latents) after every call of one segment; ``cycles`` stands in for N."""
        state, beside, loop = latents.z_H, self._beside(x), self.config
        cycles = loop.cycles if cycles is None else cycles
        calls_left = cycles * loop.timesteps
        learning = torch.is_grad_enabled()
        for cycle in range(cycles):
            for timestep in range(loop.timesteps):
                with torch.set_grad_enabled(learning and calls_left <= loop.grad_calls):
                    state = self._run(state, x.x, *beside)
                calls_left -= 1
                yield cycle, timestep, "H", Latents.single(state)

    def provisional(self, latents: Latents, x: Embedded) -> Latents:
        """Return the latents as they are: the one state can be decoded after any call."""
        return latents

    def segment(self, latents: Latents, x: Embedded, cycles: int | None = None) -> Segment:
        """Run all calls of a segment and decode the state."""
        [(_, _, _, latents)] = deque(self.timesteps(latents, x, cycles), maxlen=1)  # only the last latents are kept
        return Segment(latents, self.decode(latents), *self.halting_values(latents))

    def compile_levels(self) -> None:
        """Compile the call of the stack from now on."""
        self._run.compile()

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Return the weights of the stack, biases of relations apart."""
        return matrices([self.f])
