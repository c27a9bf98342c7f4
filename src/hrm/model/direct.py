"""Direct prediction: a Transformer that answers in one pass, without any recurrence.

ŷ = f_O(block_K(… block_1(f_I(x))))

Source: HRM paper (arXiv 2506.21734), "Direct pred" of figure 1 and the Transformers of figure 2: the same blocks,
input, output, loss and optimizer as HRM.
"""

import torch

from hrm.model.casting import Runner
from hrm.model.config import DirectConfig
from hrm.model.hrm import HRM
from hrm.model.network import Embedded, Latents, Timesteps


class Direct(HRM):
    """HRM without its loop: the blocks of f_L, each run once; the Q-head only learns whether the answer is right.

    Latents given to a segment are not read, so every segment gives the same answer.

    Args:
        config: the sizes.
        seed: seed of the initial weights.
        dtype: dtype of the states and of the arithmetic; norms, rotations, Q-values stay in fp32.
    """

    def __init__(self, config: DirectConfig, seed: int = 0, dtype: torch.dtype = torch.float32):
        super().__init__(config, seed, dtype)
        self._runs = [Runner(block, dtype) for block in self.f_L.blocks]  # compiled, one piece of code for all of them

    def initial(self, x: Embedded | int, generator: torch.Generator | None = None) -> Latents:
        """Return what the first block reads, x̃, or zeros for a number of puzzles; a segment reads neither.

        ``generator`` draws nothing.
        """
        if isinstance(x, Embedded):
            return Latents.single(x.x.detach())
        shape = (x, self.config.length, self.config.width)
        return Latents.single(torch.zeros(shape, dtype=self.dtype, device=self.q_head.weight.device))

    def timesteps(self, latents: Latents, x: Embedded, cycles: int | None = None) -> Timesteps:
        """Yield (0, block, "H", what it gives) for every block; neither ``latents`` nor ``cycles`` are read."""
        state = x.x
        for number, run in enumerate(self._runs):
            state = run(state, x.context)
            sent = yield 0, number, "H", Latents.single(state)
            state = state if sent is None else sent.z_H
