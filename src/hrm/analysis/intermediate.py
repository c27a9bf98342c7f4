"""What the network would answer at every timestep: a provisional call of f_H, decoded, as in figure 7.

Where there is one state, it is decoded as it stands: after every call, or after every block.

Axes: K timesteps of all segments, n puzzles, C cells.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, UInt8

from hrm.analysis.calls import batches, calls, traceable
from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.evaluation.metrics import compare
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.solver import Solver
from hrm.puzzles.conflicts import conflicts


@dataclass(frozen=True)
class Frame:
    """One puzzle at one timestep."""

    timestep: int
    """From 1, through all segments; 0 would be the puzzle."""
    tokens: list[int]
    changed: list[int]
    """Cells that differ from the frame before; in the first one, from the puzzle."""
    breaking: list[int]
    """Cells that break a rule: equal to a related cell (Sudoku), or a given that was overwritten."""
    exact: bool


@dataclass(frozen=True)
class Example:
    """The puzzle that is shown."""

    puzzle: int
    """Number of the puzzle, from 0."""
    inputs: list[int]
    labels: list[int]
    given: list[int]
    """Cells that are given."""
    frames: list[Frame]


@dataclass(frozen=True)
class Intermediate:
    """Preliminary answers at every timestep, averaged over puzzles, and those of one puzzle."""

    cycles: int
    timesteps: int
    segments: int
    unit: str
    """What a timestep is: that of a loop, or a block."""
    timestep: list[int]
    exact: list[float]
    """Share of the puzzles that are right."""
    cell: list[float]
    """Share of the supervised cells that are right, mean over puzzles."""
    changed: list[float]
    """Cells that differ from the timestep before, mean over puzzles."""
    breaking: list[float]
    """Cells that break a rule, mean over puzzles; 0 throughout where the family marks no cell."""
    shape: tuple[int, int]
    box: tuple[int, int]
    tokens: list[str]
    """A character for each token."""
    solid: list[int]
    """Tokens that are drawn as filled cells."""
    fills: list[tuple[int, str]]
    """Tokens whose cells have a color of their own, each with the color."""
    example: Example

    @property
    def summary(self) -> dict[str, float | str | None]:
        """Return the headline numbers."""
        per_segment = self.cycles * self.timesteps
        return {
            "exact at the first timestep": self.exact[0],
            "exact after the first segment": self.exact[per_segment - 1],
            "exact at the last timestep": self.exact[-1],
            "cells that break a rule, first timestep": self.breaking[0],
            "cells that break a rule, last timestep": self.breaking[-1],
            "cells changed in all": sum(self.changed),
        }


def preliminary_answers(
    solver: Solver, split: Split, segments: int, progress: Progress = no_progress
) -> UInt8[np.ndarray, "K n C"]:
    """Return the provisional answer to each puzzle at every timestep: after every call of f_L, or of the one level.

    At the end of a cycle the provisional call is the network's own, so the last answer of a segment is the solver's.
    """
    model = traceable(solver)
    parts: list[np.ndarray] = []
    for batch in batches(solver, split, progress):
        rows = []
        for call in calls(solver, batch, segments):
            if call.level == model.config.loop.levels[0]:
                logits = model.decode(model.provisional(call.latents, batch.x))
                rows.append(solver.decide(logits, batch.inputs)[0][: batch.count])
        parts.append(np.stack(rows))
    return np.concatenate(parts, axis=1)


def intermediate(
    solver: Solver, split: Split, segments: int, shown: int | None = None, progress: Progress = no_progress
) -> Intermediate:
    """Decode f_O(f_H(z_H, z_L)) at every timestep of every segment; f_O(z_H) where there is one state.

    Args:
        shown: the puzzle whose answers are kept; None: the one that the most timesteps went by before it was right
            for good, among those that are right in the end.

    Raises:
        UsageError: there is no puzzle of this number.

    Source: HRM paper, "visualising intermediate timesteps", figure 7: ŷ^i = f_O(f_H(z_H^i, z_L^i)).
    """
    if shown is not None and not 0 <= shown < len(split):
        raise UsageError(f"puzzle {shown} cannot be shown: there are puzzles 0 to {len(split) - 1}")
    loop, spec = traceable(solver).config.loop, solver.puzzle.spec
    tokens = preliminary_answers(solver, split, segments, progress)
    inputs, labels = np.asarray(split.inputs), np.asarray(split.labels)

    # all puzzles together
    exact, cell = compare(tokens, labels)
    changed = tokens != np.concatenate((inputs[None], tokens[:-1]))
    breaking = np.stack([breaking_cells(solver, inputs, answers) for answers in tokens])

    # the puzzle that is shown
    if shown is None:
        shown = _slowest_right(exact)
    frames = [
        Frame(
            timestep=k + 1,
            tokens=tokens[k, shown].tolist(),
            changed=np.flatnonzero(changed[k, shown]).tolist(),
            breaking=np.flatnonzero(breaking[k, shown]).tolist(),
            exact=bool(exact[k, shown]),
        )
        for k in range(len(tokens))
    ]
    given = np.flatnonzero(spec.given(inputs[shown])).tolist()
    return Intermediate(
        loop.cycles, loop.timesteps, segments, loop.unit, list(range(1, len(tokens) + 1)),
        exact.mean(1).tolist(), cell.mean(1).tolist(), changed.sum(-1).mean(1).tolist(),
        breaking.sum(-1).mean(1).tolist(), spec.shape, spec.box, list(spec.tokens), list(spec.solid),
        list(spec.fills),
        Example(shown, inputs[shown].tolist(), labels[shown].tolist(), given, frames),
    )  # fmt: skip


def breaking_cells(
    solver: Solver, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
) -> Bool[np.ndarray, "n C"]:
    """Say which cells of answers break a rule that cells show; a whole maze may be wrong without one that does."""
    puzzle = solver.puzzle
    clashing = np.stack([conflicts(puzzle, *pair) for pair in zip(answers, inputs, strict=True)])
    return clashing | (puzzle.spec.given(inputs) & (answers != inputs))


def _slowest_right(exact: Bool[np.ndarray, "K n"]) -> int:
    """Return the puzzle that was wrong longest, among those that are right in the end; else the first."""
    if not exact[-1].any():
        return 0
    wrong_until = np.where(~exact, np.arange(1, len(exact) + 1)[:, None], 0).max(0)
    return int(np.where(exact[-1], wrong_until, -1).argmax())
