"""A network that treats symbols as a set: one state for each cell and symbol, the same weights for all.

Renaming the digits of a Sudoku renames the answer and changes nothing else, by construction, so that no example
is spent on learning it. A state hears four kinds of messages: from the same symbol in the cells of the same row,
column and box, whatever relations the puzzle declares, and from the other symbols of its cell.

Axes: B batch, C cells, N symbols, S = C·N positions, D width, M message width, R kinds of relation.

Source: symbol equivariance from SE-RRM (arXiv 2603.02193). Differs: messages are summed with fixed weights, not
by attention; the relations take the place of position embeddings.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm.model.config import EquivariantConfig
from hrm.model.network import Embedded, Latents
from hrm.model.recursion import Level, RecursiveNetwork
from hrm.nn.init import truncated_normal_
from hrm.nn.layers import Context, Linear, relation_planes, rms_norm

_NEVER = -1e4
"""Logit of the tokens that are no symbol: they are never an answer."""


class MessageBlock(nn.Module):
    """Tell the related states, hear them, map what was heard and held, add, normalize."""

    def __init__(self, config: EquivariantConfig, generator: torch.Generator):
        super().__init__()
        self.symbols, self.norm_eps = config.symbols, config.norm_eps
        self.kinds = sum(config.relation_kinds)
        heard = (self.kinds + 1) * config.message
        self.tell = Linear(config.width, heard, generator=generator)
        self.gate_up = Linear(config.width + heard, 2 * config.inner, generator=generator)
        self.down = Linear(config.inner, config.width, generator=generator)

    def forward(self, x: Float[Tensor, "B S D"], planes: Float[Tensor, "*B R C C"]) -> Float[Tensor, "B S D"]:
        """Return the next states."""
        told = self.tell(x).unflatten(1, (-1, self.symbols))  # B C N (R+1)·M
        *along, here = told.chunk(self.kinds + 1, dim=-1)
        heard = [
            (planes[..., r, :, :] @ message.flatten(2)).unflatten(-1, message.shape[2:])  # C C @ B C N·M
            for r, message in enumerate(along)
        ]
        heard.append((here.sum(2, keepdim=True) - here) * (self.symbols - 1) ** -0.5)
        known = torch.cat((x, torch.cat(heard, dim=-1).flatten(1, 2)), dim=-1)
        gate, up = self.gate_up(known).chunk(2, dim=-1)
        return rms_norm(x + self.down(F.silu(gate) * up), self.norm_eps)


class EquivariantHRM(RecursiveNetwork[EquivariantConfig]):
    """The recursion of HRM over states of cells and symbols.

    Parameters are fp32; states and products are in ``dtype``.

    Args:
        config: the sizes.
        seed: seed of the initial weights.
        dtype: dtype of the states and of the arithmetic; norms, logits and Q-values are in fp32.
    """

    def __init__(self, config: EquivariantConfig, seed: int = 0, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.config = config
        self.dtype = dtype
        generator = torch.Generator().manual_seed(seed)
        width, others = config.width, config.vocab_size - config.symbols
        # a state begins with what its cell shows: this symbol, another symbol, or one of the other tokens
        self.token_embedding = nn.Parameter(truncated_normal_(torch.empty(others + 2, width), 1.0, generator))
        self.f_L = _level(config, generator)
        self.f_H = None if config.tied else _level(config, generator)
        self.output_head = Linear(width, 1, generator=generator)
        self._complete(1, generator)

    def embed(
        self,
        inputs: Int[Tensor, "B C"],
        puzzle_ids: Int[Tensor, " B"] | None = None,
        mask: Bool[Tensor, "B C"] | None = None,
        relations: Int[Tensor, "*R C C"] | None = None,
    ) -> Embedded:
        """Return for each cell and symbol what its cell shows.

        Args:
            inputs: token ids.
            puzzle_ids: not used: there is no puzzle embedding.
            mask: cells that exist; None: all. Others are heard by nobody.
            relations: 0 where two cells are unrelated, else the kind (1, 2, …), one matrix a relation.
        """
        others = self.config.vocab_size - self.config.symbols
        symbols = torch.arange(others, self.config.vocab_size, device=inputs.device)
        here = inputs.unsqueeze(-1)  # B C 1
        shown = torch.where(here == symbols, others, torch.where(here >= others, others + 1, here))  # B C N
        x = self.token_embedding.to(self.dtype)[shown.flatten(1)]
        planes = relation_planes(relations, self.config.relation_kinds)
        assert planes is not None
        planes = planes * (1 - torch.eye(planes.shape[-1], device=planes.device))  # a state does not hear itself
        if mask is not None:
            planes = planes * mask[:, None, None, :]
        planes = planes * planes.sum(-1, keepdim=True).clamp(min=1).rsqrt()
        return Embedded(x, Context(relations=planes.to(self.dtype)))

    def decode(self, latents: Latents) -> Float[Tensor, "B C V"]:
        """Return the logits of every token at every cell."""
        logits = self.output_head(latents.z_H).float().view(-1, self.config.cells, self.config.symbols)
        return F.pad(logits, (self.config.vocab_size - self.config.symbols, 0), value=_NEVER)

    def halting_values(self, latents: Latents) -> tuple[Float[Tensor, " B"], None]:
        """Return the logit of halting, read from the mean over all states."""
        return self.q_head(latents.z_H.float().mean(1))[:, 0], None

    def _beside(self, x: Embedded) -> tuple[object, ...]:
        return (x.around.relations,)


def _level(config: EquivariantConfig, generator: torch.Generator) -> Level:
    return Level(MessageBlock(config, generator) for _ in range(config.layers))
