"""Direct prediction: a Transformer that answers in one pass, without any recurrence.

ŷ = f_O(block_K(… block_1(f_I(x))))

Source: HRM paper (arXiv 2506.21734), "Direct pred" of figure 1 and the Transformers of figure 2: the same blocks,
input, output, loss and optimizer as HRM.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm.model.casting import Runner
from hrm.model.config import DirectConfig
from hrm.model.grid_io import GridInput, GridOutput, fresh_q_head, grid_block
from hrm.model.network import Embedded, Latents, Network, Segment
from hrm.model.network_config import LevelName
from hrm.model.recursion import Level


class Direct(Network):
    """A stack of blocks, f_L, each run once; the Q-head only learns whether the answer is right.

    Latents given to a segment are not read, so every segment gives the same answer.

    Args:
        config: the sizes.
        seed: seed of the initial weights.
        dtype: dtype of the states and of the arithmetic; norms, rotations, Q-values stay in fp32.
    """

    def __init__(self, config: DirectConfig, seed: int = 0, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.config, self.dtype = config, dtype
        generator = torch.Generator().manual_seed(seed)
        self.f_I = GridInput(config, dtype, generator)
        self.f_L = Level(grid_block(config, generator) for _ in range(config.layers))
        self.f_H = None
        self.f_O = GridOutput(config, generator)
        self.q_head = fresh_q_head(config.width, 1)
        self._runs = [Runner(block, dtype) for block in self.f_L.blocks]

    def embed(
        self,
        inputs: Int[Tensor, "B C"],
        puzzle_ids: Int[Tensor, " B"] | None = None,
        mask: Bool[Tensor, "B C"] | None = None,
        relations: Int[Tensor, "*R C C"] | None = None,
    ) -> Embedded:
        """Return x̃ = f_I(x) and the context of the blocks."""
        return self.f_I(inputs, puzzle_ids, mask, relations)

    def initial(self, x: Embedded | int, generator: torch.Generator | None = None) -> Latents:
        """Return what the first block reads, x̃, or zeros for a number of puzzles; a segment reads neither.

        ``generator`` draws nothing.
        """
        if isinstance(x, Embedded):
            return Latents.single(x.x.detach())
        shape = (x, self.config.length, self.config.width)
        return Latents.single(torch.zeros(shape, dtype=self.dtype, device=self.q_head.weight.device))

    def timesteps(
        self, latents: Latents, x: Embedded, cycles: int | None = None
    ) -> Iterator[tuple[int, int, LevelName, Latents]]:
        """Yield (0, block, "H", what it gives) for every block; neither ``latents`` nor ``cycles`` are read."""
        state = x.x
        for number, run in enumerate(self._runs):
            state = run(state, x.context)
            yield 0, number, "H", Latents.single(state)

    def segment(self, latents: Latents, x: Embedded, cycles: int | None = None) -> Segment:
        """Run all blocks and decode; neither ``latents`` nor ``cycles`` are read."""
        for _, _, _, after in self.timesteps(latents, x):
            latents = after
        return Segment(latents, self.decode(latents), self.q_head(latents.z_H[:, 0]).float()[:, 0], None)

    def decode(self, latents: Latents) -> Float[Tensor, "B C V"]:
        """Return ŷ = f_O(z_H) as logits."""
        return self.f_O(latents.z_H)

    def positions(self, exists: Bool[Tensor, "B C"]) -> Bool[Tensor, "B S"]:
        """Say which positions of the states exist, given which cells do."""
        return self.f_I.positions(exists)

    def compile_levels(self) -> None:
        """Compile the calls of the blocks from now on: one piece of code for all of them."""
        for run in self._runs:
            run.compile()

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Return the weights of the blocks, biases of relations apart."""
        return self.f_L.matrices()

    def puzzle_tables(self) -> list[nn.Parameter]:
        """Return the puzzle embedding, where there is one."""
        return self.f_I.tables()
