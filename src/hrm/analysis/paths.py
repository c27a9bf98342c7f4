"""The way of the states: every call of f_L and f_H of every segment, for puzzles in batches.

Axes: B batch, S positions, D width, C cells.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.inference.solver import Solver, filled_up
from hrm.model.config import EquivariantConfig, NetworkConfig
from hrm.model.contract import Embedded, Latents
from hrm.model.recursion import RecursiveNetwork
from hrm.puzzles.base import PAD

Progress = Callable[[int, int], None]


def silent(done: int, total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True)
class Call:
    """The latents after one call of f_L or f_H."""

    segment: int
    """From 1."""
    timestep: int
    """From 1, counted on through all segments: N·T a segment. A call of f_H has the timestep of the f_L before it."""
    level: Literal["L", "H"]
    latents: Latents

    @property
    def state(self) -> Float[Tensor, "B S D"]:
        """Return the state that this call has written."""
        return self.latents.z_L if self.level == "L" else self.latents.z_H


@dataclass(frozen=True)
class Batch:
    """Some puzzles, embedded; rows that only fill the batch up come last."""

    rows: slice
    """Which puzzles of the split these are."""
    count: int
    inputs: UInt8[np.ndarray, "B C"]
    x: Embedded
    positions: Bool[Tensor, "B S"]
    """Which positions exist: all but those of padding."""

    def over_positions(self, values: Float[Tensor, "B S"]) -> Float[np.ndarray, " n"]:
        """Return for each puzzle the mean over its positions."""
        exists = self.positions.to(values.dtype)
        means = (values * exists).sum(1) / exists.sum(1)
        return means[: self.count].double().cpu().numpy()


def recursive(solver: Solver) -> RecursiveNetwork:
    """Return the network of a solver, where it has the two states that analyses of states are about.

    Raises:
        UsageError: it has none.
    """
    if not isinstance(solver.model, RecursiveNetwork):
        raise UsageError(f"a {type(solver.model).__name__} has no states z_H and z_L to look into")
    return solver.model


def batches(solver: Solver, split: Split, progress: Progress = silent) -> Iterator[Batch]:
    """Yield the puzzles of a split as the network sees them; a batch is filled up as the solver does."""
    model, size = recursive(solver), solver.batch_size
    for start in range(0, len(split), size):
        stop = min(start + size, len(split))
        inputs = filled_up(np.asarray(split.inputs[start:stop]), size)
        ids = filled_up(np.asarray(split.puzzle_ids[start:stop]), size)
        exists = torch.from_numpy(inputs != PAD) if solver.puzzle.spec.padded else torch.ones(inputs.shape).bool()
        positions = positions_of(model.config, exists).to(solver.device)
        with torch.inference_mode():
            x = solver.embed(inputs, ids)
        yield Batch(slice(start, stop), stop - start, inputs, x, positions)
        progress(stop, len(split))


def calls(model: RecursiveNetwork, latents: Latents, x: Embedded, segments: int) -> Iterator[Call]:
    """Yield the latents after every call of so many segments, without gradient."""
    T = model.config.timesteps
    with torch.inference_mode():
        for segment in range(segments):
            for cycle, timestep, level, now in model.timesteps(latents, x):
                number = (segment * model.config.cycles + cycle) * T + timestep + 1
                yield Call(segment + 1, number, level, now)
                latents = now


def positions_of(config: NetworkConfig, exists: Bool[Tensor, "B C"]) -> Bool[Tensor, "B S"]:
    """Say which positions of the states exist.

    A network of cells has its prefix in front of the cells; one of cells and symbols has all symbols of a cell in turn.
    """
    if isinstance(config, EquivariantConfig):
        return exists.repeat_interleave(config.symbols, dim=1)
    return torch.nn.functional.pad(exists, (config.prefix, 0), value=True)
