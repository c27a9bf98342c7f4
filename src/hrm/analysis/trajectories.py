"""The path of the states of a puzzle, seen along its principal components.

Axes: K states of a path (the starting state first), S positions, D width, E components.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from hrm.analysis.calls import batches, calls, traceable
from hrm.data.store import Split
from hrm.evaluation.metrics import compare
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.solver import Solver
from hrm.model.follow import state_of

COMPONENTS = 5
"""So many are kept."""
StateKind = Literal["flattened", "mean"]


@dataclass(frozen=True)
class Path:
    """The states of one level on the way to the answer of one puzzle."""

    timestep: list[int]
    """When each state was written; 0: the starting state."""
    coordinates: list[list[float]]
    """Along the first components, in the units of the states, a row a state."""
    explained: list[float]
    """Share of the path's variance along each of these components."""
    components_for_90: int
    """How many components hold nine tenths of the variance."""


@dataclass(frozen=True)
class PuzzlePaths:
    """All levels of one puzzle."""

    puzzle: int
    """Number of the puzzle, from 0."""
    right: bool
    """Whether the answer after the last segment is the stored one."""
    z_H: Path
    z_L: Path | None
    """None: there is one state, z_H."""


@dataclass(frozen=True)
class Trajectories:
    """The paths of some puzzles."""

    state: StateKind
    timesteps_per_segment: int
    segments: int
    unit: str
    """What a timestep is: that of a loop, or a block."""
    puzzles: list[PuzzlePaths]

    @property
    def summary(self) -> dict[str, float | str | None]:
        """Return the headline numbers."""
        numbers: dict[str, float | str | None] = {"state": self.state}
        both = (("z_H", [puzzle.z_H for puzzle in self.puzzles]), ("z_L", [puzzle.z_L for puzzle in self.puzzles]))
        for level, maybe in both:
            paths = [path for path in maybe if path is not None]
            two, enough = ([sum(p.explained[:2]) for p in paths], [p.components_for_90 for p in paths])
            numbers[f"variance along two components, {level}"] = float(np.mean(two)) if paths else None
            numbers[f"components for 90 %, {level}"] = float(np.mean(enough)) if paths else None
        return numbers


def trajectories(
    solver: Solver, split: Split, segments: int, state: StateKind = "flattened", progress: Progress = no_progress
) -> Trajectories:
    """Follow z_H after every call of f_H and z_L after every call of f_L, from the starting state on.

    A network of one state has z_H after every call; one that answers in one pass starts at x̃ and has z_H after every
    block.

    Each path has principal components of its own: of its K states, centered, a state being

    * ``flattened``: all its S·D numbers (padding left out);
    * ``mean``: the mean over its positions, D numbers.

    A component points to where the path ends.

    Source: HRM paper, figure 3, "PCA trajectories". Differs: the paper does not say what a state is.
    """
    model = traceable(solver)
    loop, levels = model.config.loop, model.config.loop.levels
    puzzles: list[PuzzlePaths] = []
    for batch in batches(solver, split, progress):
        exists = batch.positions[: batch.count].cpu()
        latents = model.initial(batch.x)
        rows = {level: [_rows(state_of(latents, level), exists, state)] for level in levels}
        numbers = {level: [0] for level in levels}
        for call in calls(solver, batch, segments):
            rows[call.level].append(_rows(call.state, exists, state))
            numbers[call.level].append(call.number)
            latents = call.latents
        with torch.inference_mode():
            logits = model.decode(latents)
        tokens, _ = solver.decide(logits, batch.inputs)
        right, _ = compare(tokens[: batch.count], np.asarray(split.labels[batch.rows]))
        for n in range(batch.count):
            z = {level: principal_path(numbers[level], np.stack([row[n] for row in rows[level]])) for level in levels}
            puzzles.append(PuzzlePaths(batch.rows.start + n, bool(right[n]), z["H"], z.get("L")))
    return Trajectories(
        state, loop.cycles * loop.timesteps, segments, loop.unit, puzzles
    )  # fmt: skip


def principal_path(timesteps: list[int], states: Float[np.ndarray, "K F"]) -> Path:
    """Return a path along its principal components.

    They come from the K×K products of the centered states, which are far fewer than the F numbers of a state.
    """
    centered = states - states.mean(0)
    values, vectors = np.linalg.eigh((centered @ centered.T).astype(np.float64))
    values, vectors = values[::-1].clip(min=0), vectors[:, ::-1]
    coordinates = vectors[:, :COMPONENTS] * np.sqrt(values[:COMPONENTS])
    coordinates = coordinates * np.where(coordinates[-1] < 0, -1.0, 1.0)
    shares = values / values.sum() if values.sum() > 0 else np.zeros_like(values)
    enough = int(np.searchsorted(shares.cumsum(), 0.9) + 1) if values.sum() > 0 else 0
    return Path(timesteps, coordinates.tolist(), shares[:COMPONENTS].tolist(), enough)


def _rows(state: torch.Tensor, exists: torch.Tensor, kind: StateKind) -> list[np.ndarray]:
    """Return the state of each puzzle as one row of numbers."""
    state = state[: len(exists)].float().cpu()
    kept = [state[n][exists[n]] for n in range(len(exists))]
    return [(row.mean(0) if kind == "mean" else row.flatten()).numpy() for row in kept]
