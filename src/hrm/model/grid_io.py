"""What networks of one state a cell share, HRM and those that it is compared with: f_I, f_O and reading the Q-head.

ŷ = f_O(z_H),  Q̂ = σ(q_head(z_H at position 0))

Source: HRM paper (arXiv 2506.21734), section "Hierarchical Reasoning Model".
"""

import math
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm.model.config import CellConfig
from hrm.model.network import Embedded, Latents, Network
from hrm.nn.init import truncated_normal_
from hrm.nn.layers import Block, Context, Linear, Rotary, relation_planes

Config = TypeVar("Config", bound=CellConfig)


class CellNetwork(Network, Generic[Config]):
    """Embeds puzzles position by position, and reads answers and Q-values off z_H.

    A subclass calls ``_add_input`` before it draws its blocks by ``_blocks``, and ``_add_output`` after them, so that
    the seed names all weights; the Q-head ``q_head`` is its own.
    """

    config: Config
    q_head: Linear

    def _add_input(self, config: Config, dtype: torch.dtype, generator: torch.Generator) -> None:
        """Add the tables of f_I."""
        self.config = config
        self.dtype = dtype
        width, scale = config.width, config.width**-0.5
        self.token_embedding = nn.Embedding(
            config.vocab_size,
            width,
            _weight=truncated_normal_(torch.empty(config.vocab_size, width), scale, generator),
        )
        self.position_embedding = (
            nn.Parameter(truncated_normal_(torch.empty(config.length, width), scale, generator))
            if config.positions == "learned"
            else None
        )
        self.puzzle_embedding = (
            nn.Embedding(
                config.puzzles,
                config.puzzle_width,
                sparse=config.puzzles
                > 1,  # a batch touches few of many rows; torch's own optimizers want dense gradients
                _weight=torch.zeros(config.puzzles, config.puzzle_width),
            )
            if config.puzzle_width
            else None
        )
        self.rotary = (
            Rotary(config.length, width // config.heads, config.rope_theta)
            if config.positions == "rope" and config.mixer == "attention"
            else None
        )

    def _blocks(self, layers: int, generator: torch.Generator) -> list[nn.Module]:
        """Return so many fresh blocks."""
        config = self.config
        return [
            Block(
                width=config.width,
                heads=config.heads,
                positions=config.length,
                expansion=config.expansion,
                mixer=config.mixer,
                relation_kinds=sum(config.relation_kinds),
                norm_eps=config.norm_eps,
                generator=generator,
            )
            for _ in range(layers)
        ]

    def _add_output(self, generator: torch.Generator) -> None:
        """Add f_O."""
        self.output_head = Linear(self.config.width, self.config.vocab_size, generator=generator)

    def embed(
        self,
        inputs: Int[Tensor, "B C"],
        puzzle_ids: Int[Tensor, " B"] | None = None,
        mask: Bool[Tensor, "B C"] | None = None,
        relations: Int[Tensor, "*R C C"] | None = None,
    ) -> Embedded:
        """Return x̃ = f_I(x): the puzzle's prefix and its cells, scaled to unit variance.

        Args:
            inputs: token ids.
            puzzle_ids: rows of the puzzle embedding; None: row 0 for all.
            mask: cells that exist; None: all. Prefix positions always exist.
            relations: 0 where two cells are unrelated, else the kind (1, 2, …), one matrix a relation, shared by
                the batch or one set a puzzle; ignored where ``relation_kinds`` is empty.
        """
        config = self.config
        x = F.embedding(inputs, self.token_embedding.weight).to(self.dtype)
        if config.prefix:
            x = torch.cat((self._puzzle(inputs, puzzle_ids), x), dim=1)  # B C D -> B S D
        elif config.puzzle_width:
            x = x + self._puzzle(inputs, puzzle_ids)
        if self.position_embedding is not None:
            x = math.sqrt(0.5) * (x + self.position_embedding.to(self.dtype))
        if mask is not None:
            mask = F.pad(mask, (config.prefix, 0), value=True)
        planes = relation_planes(relations, config.relation_kinds)
        if planes is not None:  # the prefix is related to nothing
            planes = F.pad(planes, (config.prefix, 0, config.prefix, 0))
            if config.mixer == "messages":
                planes = planes.to(self.dtype)  # once, not at every call
        around = Context(mask, planes)
        return Embedded(math.sqrt(config.width) * x, around)

    def decode(self, latents: Latents) -> Float[Tensor, "B C V"]:
        """Return the logits of f_O at every cell."""
        return self.output_head(latents.z_H)[:, self.config.prefix :]  # B S V -> B C V

    def halting_values(self, latents: Latents) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"] | None]:
        """Return the logits of halting and, if the network has one, of continuing, read at position 0."""
        q = self.q_head(latents.z_H[:, 0]).float()
        return q[:, 0], q[:, 1] if q.shape[1] > 1 else None

    def puzzle_tables(self) -> list[nn.Parameter]:
        """Return the puzzle embedding, where there is one."""
        return [] if self.puzzle_embedding is None else [nn.Module.get_parameter(self.puzzle_embedding, "weight")]

    def _beside(self, x: Embedded) -> tuple[object, ...]:
        return x.around, self.rotary

    def _puzzle(self, inputs: Int[Tensor, "B C"], puzzle_ids: Int[Tensor, " B"] | None) -> Float[Tensor, "B P D"]:
        """Return the puzzle embedding as the vectors of the prefix, or as one where there is none."""
        prefix, width = max(self.config.prefix, 1), self.config.width
        if self.puzzle_embedding is None:
            return torch.zeros(len(inputs), prefix, width, dtype=self.dtype, device=inputs.device)
        if puzzle_ids is None:
            puzzle_ids = torch.zeros(len(inputs), dtype=torch.long, device=inputs.device)
        vector = self.puzzle_embedding(puzzle_ids).to(self.dtype)
        vector = F.pad(vector, (0, prefix * width - vector.shape[-1]))
        return vector.unflatten(-1, (prefix, width))  # B P·D -> B P D
