"""How far each call moves the state that it replaces: the forward residuals of figure 3.

Axes: K calls of one level, n puzzles.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hrm.analysis.calls import batches, calls, traceable
from hrm.data.store import Split
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.solver import Solver


@dataclass(frozen=True)
class Movement:
    """How far the calls of one level move their state, call by call."""

    timestep: list[int]
    """From 1, through all segments."""
    absolute: list[float]
    """‖z − z before‖ at a position, mean over positions and puzzles."""
    relative: list[float]
    """‖z − z before‖ over ‖z before‖, each a mean over positions; mean over puzzles."""
    relative_low: list[float]
    relative_high: list[float]
    """The 10th and the 90th percentile over puzzles."""


@dataclass(frozen=True)
class Residuals:
    """Forward residuals of all levels."""

    cycles: int
    timesteps: int
    segments: int
    unit: str
    """What a timestep is: that of a loop, or a block."""
    z_H: Movement
    z_L: Movement | None
    """None: there is one state, z_H."""
    falls_within_cycle: float | None
    """z_L's movement at the first timestep of a cycle over that at its last, geometric mean; None: T = 1, or no z_L."""
    jumps_after_H: float | None
    """z_L's movement at the first timestep of a cycle over that at the last timestep before, geometric mean."""

    @property
    def summary(self) -> dict[str, float | None]:
        """Return the headline numbers."""
        numbers: dict[str, float | None] = {}
        for name, level in (("z_L", self.z_L), ("z_H", self.z_H)):
            relative = [] if level is None else level.relative
            a_segment = len(relative) // self.segments
            numbers |= {
                f"relative movement of {name}, first call": relative[0] if relative else None,
                f"relative movement of {name}, first segment": _mean(relative[:a_segment]),
                f"relative movement of {name}, last segment": _mean(relative[-a_segment:]),
                f"relative movement of {name}, last call": relative[-1] if relative else None,
            }
        return numbers | {
            "z_L falls within a cycle by a factor of": self.falls_within_cycle,
            "z_L jumps after a call of f_H by a factor of": self.jumps_after_H,
        }


def residuals(solver: Solver, split: Split, segments: int, progress: Progress = no_progress) -> Residuals:
    """Measure the movement of z_H at every call of f_H and of z_L at every call of f_L.

    A network of one state has z_H, and every call moves it; one that answers in one pass has a call for each block, of
    which the first moves x̃.

    A state is (S, D), one vector a position: prefix and cells, or cells times symbols; padding is left out. Norms are
    Euclidean over the D numbers of a position. Lengths are averaged before they are divided, because single positions
    of x̃ may be next to nothing: those of a puzzle embedding, which begins at zero.

    Source: HRM paper, figure 3, "forward residuals". Differs: the paper does not say how positions and puzzles are
    averaged (docs/paper.md).
    """
    model = traceable(solver)
    loop, levels = model.config.loop, model.config.loop.levels
    movements: dict[str, list[list[tuple[np.ndarray, np.ndarray]]]] = {level: [] for level in levels}
    numbers: dict[str, list[int]] = {}
    for batch in batches(solver, split, progress):
        rows: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {level: [] for level in levels}
        numbers = {level: [] for level in levels}
        for call in calls(solver, batch, segments):
            old = call.old.float()
            moved = batch.over_positions((call.state.float() - old).norm(dim=-1))
            length = batch.over_positions(old.norm(dim=-1)).clip(min=1e-12)
            rows[call.level].append((moved, moved / length))
            numbers[call.level].append(call.number)
        for level in levels:
            movements[level].append(rows[level])
    z = {level: _movement(movements[level], numbers[level]) for level in levels}
    cycles, T = loop.cycles, loop.timesteps
    falls, jumps = _saw(np.array(z["L"].absolute).reshape(-1, T)) if "L" in z else (None, None)
    return Residuals(cycles, T, segments, loop.unit, z["H"], z.get("L"), falls, jumps)


def _movement(batches: list[list[tuple[np.ndarray, np.ndarray]]], timesteps: list[int]) -> Movement:
    """Join the batches: each has for each call the movements of its puzzles."""
    absolute, relative = (
        np.concatenate([np.stack([call[kind] for call in batch]) for batch in batches], axis=1) for kind in (0, 1)
    )  # K n
    low, high = np.quantile(relative, (0.1, 0.9), axis=1)
    return Movement(
        timesteps, absolute.mean(1).tolist(), relative.mean(1).tolist(), low.tolist(), high.tolist()
    )  # fmt: skip


def _saw(by_cycle: Float[np.ndarray, "cycles T"]) -> tuple[float | None, float | None]:
    """Return by what factors z_L's movement falls within a cycle, and jumps from one cycle to the next."""
    falls = _factor(by_cycle[:, 0], by_cycle[:, -1]) if by_cycle.shape[1] > 1 else None
    return falls, _factor(by_cycle[1:, 0], by_cycle[:-1, -1])


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _factor(above: Float[np.ndarray, " K"], below: Float[np.ndarray, " K"]) -> float | None:
    """Return the geometric mean of the ratios; None where there is none, or a state stood still."""
    if not len(above) or min(above.min(), below.min()) <= 0:
        return None
    return float(np.exp(np.log(above / below).mean()))
