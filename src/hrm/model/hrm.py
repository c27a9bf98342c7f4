"""The Hierarchical Reasoning Model: f_I, f_L and f_H in the loop of ``recursion``, f_O, and the Q-head.

ŷ = f_O(z_H),  Q̂ = σ(q_head(z_H at position 0))

Source: HRM paper (arXiv 2506.21734), section "Hierarchical Reasoning Model".
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm.model.config import HRMConfig
from hrm.model.contract import Embedded, Latents, Network
from hrm.model.recursion import Level, RecursiveNetwork
from hrm.nn.init import truncated_normal_
from hrm.nn.layers import Block, Linear, Rotary, Surroundings, relation_planes


class HRM(RecursiveNetwork[HRMConfig]):
    """The four networks f_I (embed), f_L, f_H, f_O (output head), and the Q-head.

    Parameters are fp32; states and products are in ``dtype``.

    Args:
        config: the sizes.
        seed: seed of the initial weights.
        dtype: dtype of the states and of the arithmetic; norms, rotations, Q-values stay in fp32.
    """

    def __init__(self, config: HRMConfig, seed: int = 0, dtype: torch.dtype = torch.float32):
        super().__init__()
        self.config = config
        self.dtype = dtype
        generator = torch.Generator().manual_seed(seed)
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
                sparse=True,
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
        self.f_L = _level(config, config.l_layers, generator)
        self.f_H = None if config.tied else _level(config, config.h_layers, generator)
        self.output_head = Linear(width, config.vocab_size, generator=generator)
        self._complete(2 if config.q_continue else 1, generator)

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
        around = Surroundings(mask, planes)
        return Embedded(math.sqrt(config.width) * x, around)

    def decode(self, latents: Latents) -> Float[Tensor, "B C V"]:
        """Return the logits of f_O at every cell."""
        return self.output_head(latents.z_H)[:, self.config.prefix :]  # B S V -> B C V

    def halting_values(self, latents: Latents) -> tuple[Float[Tensor, " B"], Float[Tensor, " B"] | None]:
        """Return the logits of halting and of going on, read at position 0."""
        q = self.q_head(latents.z_H[:, 0]).float()
        return q[:, 0], q[:, 1] if self.config.q_continue else None

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


def _level(config: HRMConfig, layers: int, generator: torch.Generator) -> Level:
    return Level(
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
    )


def parameter_counts(model: Network) -> tuple[dict[str, int], int]:
    """Return the trainable parameters of each component, and those of the puzzle table apart."""
    counts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        component = name.split(".")[0]
        counts[component] = counts.get(component, 0) + parameter.numel()
    return counts, counts.pop("puzzle_embedding", 0)
