"""The one recursion of HRM and its successors. Read ``timesteps`` beside the paper's equations.

    two states:  z_L ← f_L(z_L + z_H + x̃)    T times a cycle
                 z_H ← f_H(z_H + z_L)        once a cycle, N cycles a segment

    one state:   z_H ← f_L(z_H + x̃)          N·T times a segment

Source: HRM paper (arXiv 2506.21734), section "Hierarchical Reasoning Model". TRM (arXiv 2510.04871) is the
same loop with one network in both roles and more calls that carry gradient.
"""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hrm.model.network import Embedded, Latents, Timesteps
from hrm.model.network_config import Loop
from hrm.nn.layers import Context, Linear

Call = Callable[[Float[Tensor, "B S D"], Float[Tensor, "B S D"], Context], Float[Tensor, "B S D"]]
"""One call of f_L or f_H: (state, what is injected into it, context) -> the next state."""


def timesteps(f_L: Call, f_H: Call, latents: Latents, embedded: Embedded, loop: Loop) -> Timesteps:
    """Yield (cycle, timestep, level, latents) after every call of f_L and f_H of one segment.

    Only the last ``grad_calls`` calls are in the graph: with 2, gradient flows through the last f_L and the last f_H,
    which is the paper's one-step gradient. Latents that are sent in reply take the place of those yielded.

    Source: HRM paper, equations of z_L and z_H and "approximate gradient".
    """
    z_H, z_L = latents.z_H, latents.z_L
    x, context = embedded.x, embedded.context
    calls_left = loop.calls
    learning = torch.is_grad_enabled()
    for cycle in range(loop.cycles):
        injection = None  # z_H + x̃, which is the same for all timesteps of a cycle
        for timestep in range(loop.timesteps):
            with torch.set_grad_enabled(learning and calls_left <= loop.grad_calls):
                if loop.states == 2:
                    if injection is None or calls_left == loop.grad_calls:  # the first that must carry gradient
                        injection = z_H + x
                    z_L = f_L(z_L, injection, context)
                else:
                    z_H = f_L(z_H, x, context)
            calls_left -= 1
            sent = yield cycle, timestep, loop.levels[0], Latents(z_H, z_L)
            if sent is not None:
                z_H, z_L, injection = sent.z_H, sent.z_L, None
        if loop.states == 2:
            with torch.set_grad_enabled(learning and calls_left <= loop.grad_calls):
                z_H = f_H(z_H, z_L, context)
            calls_left -= 1
            sent = yield cycle, loop.timesteps - 1, "H", Latents(z_H, z_L)
            z_H, z_L = (z_H, z_L) if sent is None else (sent.z_H, sent.z_L)


class Level(nn.Module):
    """f_L or f_H: a stack of blocks that refines one state, given what is injected into it."""

    def __init__(self, blocks: Iterable[nn.Module]):
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    def forward(
        self, state: Float[Tensor, "B S D"], injection: Float[Tensor, "B S D"], context: Context
    ) -> Float[Tensor, "B S D"]:
        """Return the next state."""
        state = state + injection
        for block in self.blocks:
            state = block(state, context)
        return state

    def matrices(self) -> list[nn.Parameter]:
        """Return the weights of all linear maps, biases of relations apart."""
        return [module.weight for module in self.modules() if isinstance(module, Linear)]
