"""A network that treats symbols as a set: one state for each cell and symbol, the same weights for all.

Renaming the digits of a Sudoku renames the answer and changes nothing else, by construction, so that no example
is spent on learning it. A state gets four kinds of messages: from the same symbol in the cells of the same row,
column and box, whatever relations the puzzle declares, and from the other symbols of its cell.

m = [Σ_related W_r x, for each relation r; Σ_other symbols W_s x],  x ← norm(x + W_2 (SiLU(W_g [x, m]) · W_u [x, m]))

The loop, of one state or two, is that of ``hrm.py``.

Axes: B batch, C cells, N symbols, S = C·N positions, D width, M message width, R kinds of relation.

Source: symbol equivariance from SE-RRM (arXiv 2603.02193). Differs: messages are summed with fixed weights, not
by attention; the relations take the place of position embeddings.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm.model.config import EquivariantConfig
from hrm.model.hrm import HRM, Parts
from hrm.model.network import Embedded
from hrm.nn.init import truncated_normal_
from hrm.nn.layers import Context, Linear, relation_planes, rms_norm

_NEVER = -1e4
"""Logit of the tokens that are no symbol: they are never an answer."""


class SymbolInput(nn.Module):
    """f_I: for each cell and symbol, whether its cell shows this symbol, another symbol, or one of the other tokens."""

    def __init__(self, config: EquivariantConfig, dtype: torch.dtype, generator: torch.Generator):
        super().__init__()
        self.config, self.dtype = config, dtype
        self.others = config.vocab_size - config.symbols
        rows = torch.empty(self.others + 2, config.width)
        self.token_embedding = nn.Parameter(truncated_normal_(rows, 1.0, generator))

    def forward(
        self,
        inputs: Int[Tensor, "B C"],
        puzzle_ids: Int[Tensor, " B"] | None = None,
        mask: Bool[Tensor, "B C"] | None = None,
        relations: Int[Tensor, "*R C C"] | None = None,
    ) -> Embedded:
        """Return x̃ = f_I(x), and the relations as matrices of weights; there is no puzzle embedding."""
        symbols = torch.arange(self.others, self.config.vocab_size, device=inputs.device)
        tokens = inputs.unsqueeze(-1)  # B C 1
        elsewhere = torch.where(tokens >= self.others, self.others + 1, tokens)
        shown = torch.where(tokens == symbols, self.others, elsewhere).flatten(1)  # B S
        # as a product, whose gradient is summed in fp32: that of an index would be summed, and lost, in bf16
        rows = torch.arange(self.others + 2, device=inputs.device)
        x = (shown.unsqueeze(-1) == rows).to(self.dtype) @ self.token_embedding.to(self.dtype)
        planes = relation_planes(relations, self.config.relation_kinds)
        assert planes is not None
        planes = planes * (1 - torch.eye(planes.shape[-1], device=planes.device))  # no message to itself
        if mask is not None:  # none from cells that do not exist
            planes = planes * mask[:, None, None, :]
        planes = planes * planes.sum(-1, keepdim=True).clamp(min=1).rsqrt()
        return Embedded(x, Context(relations=planes.to(self.dtype)))

    def positions(self, exists: Bool[Tensor, "B C"]) -> Bool[Tensor, "B S"]:
        """Say which positions exist: all symbols of a cell that does."""
        return exists.repeat_interleave(self.config.symbols, dim=1)

    def tables(self) -> list[nn.Parameter]:
        """Return nothing: there is no puzzle embedding."""
        return []


class MessageBlock(nn.Module):
    """Send messages along the relations, add up those that arrive, map them with the state, add, normalize."""

    def __init__(self, config: EquivariantConfig, generator: torch.Generator):
        super().__init__()
        self.symbols, self.norm_eps = config.symbols, config.norm_eps
        self.kinds = sum(config.relation_kinds)
        messages = (self.kinds + 1) * config.message
        self.project = Linear(config.width, messages, generator=generator)
        self.gate_up = Linear(config.width + messages, 2 * config.inner, generator=generator)
        self.down = Linear(config.inner, config.width, generator=generator)

    def forward(self, x: Float[Tensor, "B S D"], context: Context) -> Float[Tensor, "B S D"]:
        """Return the next states."""
        planes = context.relations
        assert planes is not None
        messages = self.project(x).unflatten(1, (-1, self.symbols))  # B C N (R+1)·M
        *along, within = messages.chunk(self.kinds + 1, dim=-1)
        aggregated = [
            (planes[..., r, :, :] @ message.flatten(2)).unflatten(-1, message.shape[2:])  # C C @ B C N·M
            for r, message in enumerate(along)
        ]
        aggregated.append((within.sum(2, keepdim=True) - within) * (self.symbols - 1) ** -0.5)
        known = torch.cat((x, torch.cat(aggregated, dim=-1).flatten(1, 2)), dim=-1)
        gate, up = self.gate_up(known).chunk(2, dim=-1)
        return rms_norm(x + self.down(F.silu(gate) * up), self.norm_eps)


class SymbolOutput(nn.Module):
    """f_O: one linear map from the state of a cell and symbol to the logit of that symbol."""

    def __init__(self, config: EquivariantConfig, generator: torch.Generator):
        super().__init__()
        self.config = config
        self.output_head = Linear(config.width, 1, generator=generator)

    def forward(self, z_H: Float[Tensor, "B S D"]) -> Float[Tensor, "B C V"]:
        """Return ŷ = f_O(z_H) as logits."""
        config = self.config
        logits = self.output_head(z_H).float().view(-1, config.cells, config.symbols)
        return F.pad(logits, (config.vocab_size - config.symbols, 0), value=_NEVER)

    def summary(self, z_H: Float[Tensor, "B S D"]) -> Float[Tensor, "B D"]:
        """Return what the Q-head reads: the mean over all states."""
        return z_H.float().mean(1)


class EquivariantHRM(HRM):
    """The recursion of HRM over states of cells and symbols."""

    parts: ClassVar[Parts] = Parts(SymbolInput, MessageBlock, SymbolOutput)
