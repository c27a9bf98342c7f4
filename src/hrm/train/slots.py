"""The bank of puzzles in flight: each slot holds one puzzle until it halts, then takes the next one.

Deep supervision trains every segment with an update of its own, so a puzzle lives in its slot over several
updates and its latents are carried from one to the next. Axes: B slots, C cells.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hrm.model.network import Latents


@dataclass(frozen=True)
class Slots:
    """The state of the bank between two updates."""

    inputs: Int[Tensor, "B C"]
    labels: Int[Tensor, "B C"]
    puzzle_ids: Int[Tensor, " B"]
    draws: Int[Tensor, " B"]
    """The number under which each puzzle was drawn: it names its random numbers."""
    segments: Int[Tensor, " B"]
    """Segments used so far."""
    halted: Bool[Tensor, " B"]
    """Slots that take a fresh puzzle before the next segment."""
    latents: Latents


def empty_slots(initial: Latents, cells: int) -> Slots:
    """Return a bank in which every slot is free."""
    batch, device = len(initial.z_H), initial.z_H.device

    def zeros(*shape: int) -> Int[Tensor, "..."]:
        return torch.zeros(shape, dtype=torch.int64, device=device)

    return Slots(
        inputs=zeros(batch, cells),
        labels=zeros(batch, cells),
        puzzle_ids=zeros(batch),
        draws=zeros(batch),
        segments=zeros(batch),
        halted=torch.ones(batch, dtype=torch.bool, device=device),
        latents=initial,
    )


def admit(
    slots: Slots,
    inputs: Int[Tensor, "B C"],
    labels: Int[Tensor, "B C"],
    puzzle_ids: Int[Tensor, " B"],
    draws: Int[Tensor, " B"],
    initial: Latents,
) -> Slots:
    """Put fresh puzzles into the free slots; busy slots are left alone.

    All shapes are those of the bank, so that a GPU need not be asked how many slots are free.

    Args:
        inputs, labels, puzzle_ids, draws: for every slot of the bank; only the free ones take theirs.
        initial: starting latents, likewise.
    """
    free = slots.halted

    def fill(old: Tensor, new: Tensor) -> Tensor:
        return torch.where(free.reshape(-1, *[1] * (old.dim() - 1)), new.to(old.dtype), old)

    return Slots(
        inputs=fill(slots.inputs, inputs),
        labels=fill(slots.labels, labels),
        puzzle_ids=fill(slots.puzzle_ids, puzzle_ids),
        draws=fill(slots.draws, draws),
        segments=slots.segments.masked_fill(free, 0),
        halted=torch.zeros_like(free),
        latents=initial.where(free, slots.latents),
    )


def advance(slots: Slots, latents: Latents, halted: Bool[Tensor, " B"]) -> Slots:
    """Carry the latents on and free the slots that halted."""
    return replace(slots, latents=latents.detach(), segments=slots.segments + 1, halted=halted)


_ARRAYS = ("inputs", "labels", "puzzle_ids", "draws", "segments", "halted")


def slots_state(slots: Slots) -> dict[str, Tensor]:
    """Return every tensor of the bank by name, as checkpoints keep them."""
    return {name: getattr(slots, name) for name in _ARRAYS} | {"z_H": slots.latents.z_H, "z_L": slots.latents.z_L}


def slots_from(state: Mapping[str, Tensor]) -> Slots:
    """Return the bank whose tensors ``slots_state`` returned."""
    return Slots(**{name: state[name] for name in _ARRAYS}, latents=Latents(state["z_H"], state["z_L"]))
