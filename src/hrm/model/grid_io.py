"""From cells to states and back: f_I, f_O and the blocks of networks with one state for each cell.

x̃ = f_I(x),  ŷ = f_O(z_H),  Q̂ = σ(q_head(z_H at position 0))

Source: HRM paper (arXiv 2506.21734), section "Hierarchical Reasoning Model".
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm.model.config import CellConfig
from hrm.model.network import Embedded
from hrm.nn.init import truncated_normal_
from hrm.nn.layers import Block, Context, Linear, Rotary, links_of, relation_planes


class GridInput(nn.Module):
    """f_I: the puzzle's prefix and its cells, position by position.

    Args:
        config: the sizes.
        dtype: dtype of the states.
        generator: draws the initial weights.
    """

    def __init__(self, config: CellConfig, dtype: torch.dtype, generator: torch.Generator):
        super().__init__()
        self.config, self.dtype = config, dtype
        width, scale = config.width, config.width**-0.5

        def table(rows: int) -> Tensor:
            return truncated_normal_(torch.empty(rows, width), scale, generator)

        self.token_embedding = nn.Embedding(config.vocab_size, width, _weight=table(config.vocab_size))
        self.position_embedding = nn.Parameter(table(config.length)) if config.positions == "learned" else None
        self.puzzle_embedding = None
        if config.puzzle_width:
            self.puzzle_embedding = nn.Embedding(
                config.puzzles,
                config.puzzle_width,
                sparse=config.puzzles > 1,  # a batch touches few rows; torch's own optimizers want dense gradients
                _weight=torch.zeros(config.puzzles, config.puzzle_width),
            )
        self.rotary = None
        if config.positions == "rope" and config.mixer == "attention":
            self.rotary = Rotary(config.length, width // config.heads, config.rope_theta)

    def forward(
        self,
        inputs: Int[Tensor, "B C"],
        puzzle_ids: Int[Tensor, " B"] | None = None,
        mask: Bool[Tensor, "B C"] | None = None,
        relations: Int[Tensor, "*R C C"] | None = None,
    ) -> Embedded:
        """Return x̃ = f_I(x), scaled to unit variance, and the context of the blocks."""
        config = self.config
        x = F.embedding(inputs, self.token_embedding.weight).to(self.dtype)
        if config.prefix:
            x = torch.cat((self._puzzle(inputs, puzzle_ids), x), dim=1)  # B C D -> B S D
        elif config.puzzle_width:
            x = x + self._puzzle(inputs, puzzle_ids)
        if self.position_embedding is not None:
            x = math.sqrt(0.5) * (x + self.position_embedding.to(self.dtype))
        planes = relation_planes(relations, config.relation_kinds)
        links = None
        if planes is not None:  # the prefix is related to nothing
            planes = F.pad(planes, (config.prefix, 0, config.prefix, 0))
            if config.mixer == "messages":
                links = links_of(planes)
                planes = planes.to(self.dtype)  # once, not at every call
        context = Context(None if mask is None else self.positions(mask), planes, self.rotary, links)
        return Embedded(math.sqrt(config.width) * x, context)

    def positions(self, exists: Bool[Tensor, "B C"]) -> Bool[Tensor, "B S"]:
        """Say which positions exist: those of the prefix always do."""
        return F.pad(exists, (self.config.prefix, 0), value=True)

    def tables(self) -> list[nn.Parameter]:
        """Return the puzzle embedding, where there is one."""
        return [] if self.puzzle_embedding is None else [nn.Module.get_parameter(self.puzzle_embedding, "weight")]

    def _puzzle(self, inputs: Int[Tensor, "B C"], puzzle_ids: Int[Tensor, " B"] | None) -> Float[Tensor, "B P D"]:
        """Return the puzzle embedding as the vectors of the prefix, or as one where there is none."""
        prefix, width = max(self.config.prefix, 1), self.config.width
        if self.puzzle_embedding is None:
            return torch.zeros(inputs.shape[0], prefix, width, dtype=self.dtype, device=inputs.device)
        if puzzle_ids is None:
            puzzle_ids = torch.zeros(inputs.shape[0], dtype=torch.long, device=inputs.device)
        vector = self.puzzle_embedding(puzzle_ids).to(self.dtype)
        vector = F.pad(vector, (0, prefix * width - vector.shape[-1]))
        return vector.unflatten(-1, (prefix, width))  # B P·D -> B P D


class GridOutput(nn.Module):
    """f_O: one linear map from the state of a cell to the logits of its tokens."""

    def __init__(self, config: CellConfig, generator: torch.Generator):
        super().__init__()
        self.prefix = config.prefix
        self.output_head = Linear(config.width, config.vocab_size, generator=generator)

    def forward(self, z_H: Float[Tensor, "B S D"]) -> Float[Tensor, "B C V"]:
        """Return ŷ = f_O(z_H) as logits."""
        return self.output_head(z_H)[:, self.prefix :]  # B S V -> B C V

    def summary(self, z_H: Float[Tensor, "B S D"]) -> Float[Tensor, "B D"]:
        """Return what the Q-head reads: the state at position 0."""
        return z_H[:, 0]


def grid_block(config: CellConfig, generator: torch.Generator) -> Block:
    """Return a fresh block of f_L or f_H."""
    return Block(
        width=config.width,
        heads=config.heads,
        positions=config.length,
        expansion=config.expansion,
        mixer=config.mixer,
        relation_kinds=sum(config.relation_kinds),
        norm_eps=config.norm_eps,
        generator=generator,
    )
