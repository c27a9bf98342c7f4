"""Direct prediction: a Transformer that answers in one pass, without any recurrence.

ŷ = f_O(block_K(… block_1(x̃)))

Source: HRM paper (arXiv 2506.21734), "Direct pred" of figure 1 and the Transformers of figure 2: the same blocks,
input, output, loss and optimizer as HRM.
"""

from collections import deque
from collections.abc import Iterator
from typing import Literal

import torch
from torch import nn

from hrm.model.config import DirectConfig
from hrm.model.grid_io import CellNetwork
from hrm.model.network import Embedded, Latents, Segment
from hrm.model.recursion import Runner, matrices, q_head


class Direct(CellNetwork[DirectConfig]):
    """A stack of blocks, each with weights of its own and run once; the Q-head only learns whether the answer is right.

    Latents given to a segment are not read, so every segment gives the same answer.

    Args:
        config: the sizes.
        seed: seed of the initial weights.
        dtype: dtype of the states and of the arithmetic; norms, rotations, Q-values stay in fp32.
    """

    def __init__(self, config: DirectConfig, seed: int = 0, dtype: torch.dtype = torch.float32):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self._add_input(config, dtype, generator)
        self.blocks = nn.ModuleList(self._blocks(config.layers, generator))
        self._add_output(generator)
        self.q_head = q_head(config.width, 1)
        self._runs = [Runner(block, dtype) for block in self.blocks]

    def initial(self, x: Embedded | int, generator: torch.Generator | None = None) -> Latents:
        """Return what the first block reads, x̃, or zeros for a number of puzzles; a segment reads neither.

        ``generator`` draws nothing.
        """
        if isinstance(x, Embedded):
            return Latents.single(x.x.detach())
        shape = (x, self.config.length, self.config.width)
        return Latents.single(torch.zeros(shape, dtype=self.dtype, device=self.token_embedding.weight.device))

    def timesteps(
        self, latents: Latents, x: Embedded, cycles: int | None = None
    ) -> Iterator[tuple[int, int, Literal["H"], Latents]]:
        """Yield (0, block, "H", what it gives) for every block; neither ``latents`` nor ``cycles`` are read."""
        state, beside = x.x, self._beside(x)
        for number, run in enumerate(self._runs):
            state = run(state, *beside)
            yield 0, number, "H", Latents.single(state)

    def provisional(self, latents: Latents, x: Embedded) -> Latents:
        """Return the latents as they are: the state after any block can be decoded."""
        return latents

    def segment(self, latents: Latents, x: Embedded, cycles: int | None = None) -> Segment:
        """Run all blocks and decode; neither ``latents`` nor ``cycles`` are read."""
        [(_, _, _, latents)] = deque(self.timesteps(latents, x), maxlen=1)
        return Segment(latents, self.decode(latents), *self.halting_values(latents))

    def compile_levels(self) -> None:
        """Compile the calls of the blocks from now on: one piece of code for all of them."""
        for run in self._runs:
            run.compile()

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Return the weights of the blocks, biases of relations apart."""
        return matrices(self.blocks)
