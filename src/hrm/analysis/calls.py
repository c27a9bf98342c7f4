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
from hrm.model.follow import Call, Record, Row, follow, require_timesteps
from hrm.model.network import Embedded, Latents, Network, Segment
from hrm.puzzles.base import PAD


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

    def at(self, segment: int) -> list[Row]:
        """Return what the rows are in this segment; those that fill the batch up repeat the last puzzle."""
        last = self.rows.stop - 1
        return [Row(min(self.rows.start + row, last), 1, segment) for row in range(len(self.inputs))]

    def over_positions(self, values: Float[Tensor, "B S"]) -> Float[np.ndarray, " n"]:
        """Return for each puzzle the mean over its positions."""
        exists = self.positions.to(values.dtype)
        means = (values * exists).sum(1) / exists.sum(1)
        return means[: self.count].double().cpu().numpy()


def traceable(solver: Solver) -> Network:
    """Return the network of a solver, where its calls can be followed.

    Raises:
        UsageError: it is a network of somebody's own, which shows none.
    """
    require_timesteps(solver.model)
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


def calls(solver: Solver, batch: Batch, segments: int) -> Iterator[Call]:
    """Yield every call of so many segments from the starting state on, without gradient.

    A network that answers in one pass reads x̃ in every segment: its first block replaces x̃.
    """
    model, record = traceable(solver), Record()
    with torch.inference_mode():
        latents = model.initial(batch.x)
        for segment in range(1, segments + 1):
            for *_, after in follow(model, latents, batch.x, batch.at(segment), (*solver.hooks, record)):
                latents = after
                yield from record.take()


def run_segments(solver: Solver, batch: Batch, segments: int) -> Iterator[tuple[Latents, Segment]]:
    """Yield for each segment the latents before it and what comes out of it, without gradient."""
    with torch.inference_mode():
        latents = solver.model.initial(batch.x)
        for number in range(1, segments + 1):
            segment = solver.advance(latents, batch.x, batch.at(number))
            yield latents, segment
            latents = segment.latents
