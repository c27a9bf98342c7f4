"""The way of the states: every call of every segment of a network, for puzzles in batches.

A call is one of f_L or f_H; of the stack, where a network has one state; or one block, where it answers in one pass.
A network can be followed that has ``timesteps`` and ``decode``, which any network may have.

Axes: B batch, S positions, D width, C cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.slots import pad_batch
from hrm.inference.solver import Solver
from hrm.model.network import Embedded, Latents, Network, Segment
from hrm.model.network_config import LevelName
from hrm.puzzles.base import PAD


@dataclass(frozen=True)
class Call:
    """One call: what it found and what it left."""

    segment: int
    """From 1."""
    timestep: int
    """From 1, counted on through all segments: N·T a segment. A call of f_H has the timestep of the f_L before it."""
    level: LevelName
    before: Latents
    latents: Latents

    @property
    def old(self) -> Float[Tensor, "B S D"]:
        """Return the state that this call has replaced."""
        return state_of(self.before, self.level)

    @property
    def state(self) -> Float[Tensor, "B S D"]:
        """Return the state that this call has written."""
        return state_of(self.latents, self.level)


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


def state_of(latents: Latents, level: LevelName) -> Float[Tensor, "B S D"]:
    """Return the state of a level."""
    return latents.z_L if level == "L" else latents.z_H


def traceable(solver: Solver) -> Network:
    """Return the network of a solver, where its calls can be followed.

    Raises:
        UsageError: it is a network of somebody's own, which shows none.
    """
    if type(solver.model).timesteps is Network.timesteps:
        raise UsageError(f"the calls of a {type(solver.model).__name__} cannot be followed: it has no timesteps")
    return solver.model


def require_recurrent(solver: Solver, so: str) -> Network:
    """Return the network of a solver, where it goes on from its latents.

    Args:
        so: what is not to be asked of one that does not.

    Raises:
        UsageError: it answers in one pass.
    """
    model = traceable(solver)
    if not model.config.recurrent:
        raise UsageError(f"{model.config.title} of kind {model.config.kind!r} answers in one pass, {so}")
    return model


def segments_of(model: Network, asked: int) -> int:
    """Return how many segments there are to look at: one, where a second would repeat the first."""
    return asked if model.config.recurrent else 1


def batches(solver: Solver, split: Split, progress: Progress = no_progress) -> Iterator[Batch]:
    """Yield the puzzles of a split as the network sees them; a batch is filled up as the solver does."""
    model, size = traceable(solver), solver.batch_size
    for start in range(0, len(split), size):
        stop = min(start + size, len(split))
        inputs = pad_batch(np.asarray(split.inputs[start:stop]), size)
        ids = pad_batch(np.asarray(split.puzzle_ids[start:stop]), size)
        exists = torch.from_numpy(inputs != PAD) if solver.puzzle.spec.padded else torch.ones(inputs.shape).bool()
        positions = model.positions(exists).to(solver.device)
        with torch.inference_mode():
            x = solver.embed(inputs, ids)
        yield Batch(slice(start, stop), stop - start, inputs, x, positions)
        progress(stop, len(split))


def calls(model: Network, x: Embedded, segments: int) -> Iterator[Call]:
    """Yield every call of so many segments from the starting state on, without gradient.

    A network that answers in one pass reads x̃ in every segment: its first block replaces x̃.
    """
    loop = model.config.loop
    with torch.inference_mode():
        before = model.initial(x)
        for segment in range(segments):
            before = before if model.config.recurrent else model.initial(x)
            for cycle, timestep, level, latents in model.timesteps(before, x):
                number = (segment * loop.cycles + cycle) * loop.timesteps + timestep + 1
                yield Call(segment + 1, number, level, before, latents)
                before = latents


def run_segments(model: Network, x: Embedded, segments: int) -> Iterator[tuple[Latents, Segment]]:
    """Yield for each segment the latents before it and what comes out of it, without gradient."""
    with torch.inference_mode():
        latents = model.initial(x)
        for _ in range(segments):
            segment = model.segment(latents, x)
            yield latents, segment
            latents = segment.latents
