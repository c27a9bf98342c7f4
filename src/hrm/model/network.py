"""What every network fulfills: embed a puzzle once, start the latents, run segments.

The Trainer, the Solver, the evaluators and the analyses know this file and never ask which network they hold.
Axes: B batch, C cells, S positions (prefix and cells), D width, V vocabulary, Q kinds of relation.
"""

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm.errors import UsageError
from hrm.model.network_config import LevelName, NetworkConfig
from hrm.nn.layers import Context


@dataclass(frozen=True)
class Latents:
    """The states that a segment refines: two, or one and no positions of a second."""

    z_H: Float[Tensor, "B S D"]
    z_L: Float[Tensor, "B low D"]

    @classmethod
    def single(cls, state: Float[Tensor, "B S D"]) -> "Latents":
        """Return the latents of a network of one state: the one that is decoded, z_H."""
        return cls(state, state.new_empty(state.shape[0], 0, state.shape[-1]))

    def __getitem__(self, rows: slice) -> "Latents":
        """Return the latents of some puzzles of the batch."""
        return Latents(self.z_H[rows], self.z_L[rows])

    def detach(self) -> "Latents":
        """Return the same states, cut from the graph."""
        return Latents(self.z_H.detach(), self.z_L.detach())

    def where(self, chosen: Bool[Tensor, " B"], other: "Latents") -> "Latents":
        """Return these states where chosen, the other ones elsewhere."""
        rows = chosen[:, None, None]
        return Latents(torch.where(rows, self.z_H, other.z_H), torch.where(rows, self.z_L, other.z_L))


Timesteps = Generator[tuple[int, int, LevelName, Latents], Latents | None, None]
"""(cycle, timestep, level, latents) after every call; it goes on with the latents that are sent to it, if any are."""


@dataclass(frozen=True)
class Embedded:
    """A batch of puzzles as the network sees it: computed once, used by every segment."""

    x: Float[Tensor, "B S D"]
    context: Context

    def __len__(self) -> int:
        return self.x.shape[0]


@dataclass(frozen=True)
class Segment:
    """What one supervised forward gives."""

    latents: Latents
    """The states after the segment: what the next one starts from.

    Where gradient is enabled they keep their graph, through the segment's last ``grad_calls`` calls, so that a head of
    your own can train the network. Deep supervision cuts them between segments: ``segment.latents.detach()``.
    """
    logits: Float[Tensor, "B C V"]
    q_halt_logit: Float[Tensor, " B"]
    q_continue_logit: Float[Tensor, " B"] | None
    """None where the network only estimates the value of halting."""


class Network(nn.Module, ABC):
    """The contract. Parameters are fp32; what is not a parameter or a buffer is configuration.

    A network without ``timesteps`` and ``decode`` can be trained and solves puzzles, but cannot be looked into.
    """

    config: NetworkConfig
    """What ``hrm.model.build`` makes it from."""
    dtype: torch.dtype
    """Arithmetic of the states."""

    @abstractmethod
    def embed(
        self,
        inputs: Int[Tensor, "B C"],
        puzzle_ids: Int[Tensor, " B"] | None = None,
        mask: Bool[Tensor, "B C"] | None = None,
        relations: Int[Tensor, "*R C C"] | None = None,
    ) -> Embedded:
        """Return the embedded puzzles x̃ = f_I(x)."""

    @abstractmethod
    def initial(self, x: Embedded | int, generator: torch.Generator | None = None) -> Latents:
        """Return the latents that a fresh puzzle starts from."""

    @abstractmethod
    def segment(self, latents: Latents, x: Embedded, cycles: int | None = None) -> Segment:
        """Run one segment and decode it; ``cycles`` stands in for the network's own number of cycles."""

    def forward(
        self,
        inputs: Int[Tensor, "B C"],
        segments: int = 1,
        *,
        puzzle_ids: Int[Tensor, " B"] | None = None,
        mask: Bool[Tensor, "B C"] | None = None,
        relations: Int[Tensor, "*R C C"] | None = None,
    ) -> Segment:
        """Run ``segments`` segments from fresh latents and return the last one, the only one that carries gradient.

        >>> import torch
        >>> from hrm.model.config import HRMConfig
        >>> from hrm.model.hrm import HRM
        >>> model = HRM(HRMConfig(vocab_size=11, cells=81, width=64))
        >>> model(torch.ones(2, 81, dtype=torch.int64), segments=2).logits.shape
        torch.Size([2, 81, 11])

        Args:
            inputs: token ids.
            segments: how many segments to run.
            puzzle_ids: rows of the puzzle embedding; None: row 0 for all.
            mask: cells that exist; None: all.
            relations: the puzzle's relations between cells, for networks that use them.

        Raises:
            UsageError: fewer than one segment.
        """
        if segments < 1:
            raise UsageError(f"segments must be 1 or more (got {segments})")
        x = self.embed(inputs, puzzle_ids, mask, relations)
        latents = self.initial(x)
        with torch.no_grad():
            for _ in range(segments - 1):
                latents = self.segment(latents, x).latents
        return self.segment(latents, x)

    def timesteps(self, latents: Latents, x: Embedded, cycles: int | None = None) -> Timesteps:
        """Yield (cycle, timestep, level, latents) after every call of one segment: the loop that ``segment`` runs.

        Go on with what is sent in reply, where something is (``sent = yield …``), so that states can be patched.
        """
        raise UsageError(f"the calls of a {type(self).__name__} cannot be followed: it has no timesteps")

    def decode(self, latents: Latents) -> Float[Tensor, "B C V"]:
        """Return the logits of every token at every cell, ŷ = f_O(z_H)."""
        raise UsageError(f"the latents of a {type(self).__name__} cannot be read: it has no decode")

    def provisional(self, latents: Latents, x: Embedded) -> Latents:
        """Return the latents to decode in the middle of a segment: as they are, where any can be decoded."""
        return latents

    def positions(self, exists: Bool[Tensor, "B C"]) -> Bool[Tensor, "B S"]:
        """Say which positions of the states exist, given which cells do."""
        return exists

    def compile_levels(self) -> None:
        """Compile the repeated part from now on, where the machine can; a network may have nothing to compile."""

    @abstractmethod
    def hidden_matrices(self) -> list[nn.Parameter]:
        """Return the weights that map states to states: those that Muon may orthogonalize."""

    def puzzle_tables(self) -> list[nn.Parameter]:
        """Return the tables that have a row for each puzzle id, which sign-SGD moves; most networks have none."""
        return []


def parameter_counts(model: Network) -> tuple[dict[str, int], int]:
    """Return the trainable parameters of each component, and those of the puzzle table apart."""
    counts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        component = name.removeprefix("f_I.").removeprefix("f_O.").split(".")[0]
        counts[component] = counts.get(component, 0) + parameter.numel()
    return counts, counts.pop("puzzle_embedding", 0)
