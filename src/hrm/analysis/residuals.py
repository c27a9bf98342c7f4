"""How far each call of f_L and f_H moves its state: the forward residuals of figure 3.

Axes: K calls of one level, n puzzles.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hrm.analysis.paths import Progress, batches, calls, recursive, silent
from hrm.data.store import Split
from hrm.inference.solver import Solver


@dataclass(frozen=True)
class Movement:
    """How far the calls of one level move their state, call by call."""

    timestep: list[int]
    """From 1, through all segments."""
    absolute: list[float]
    """‖z − z before‖ at a position, mean over positions and puzzles."""
    relative: list[float]
    """‖z − z before‖ / ‖z before‖ at a position, mean over positions and puzzles."""
    relative_low: list[float]
    relative_high: list[float]
    """The 10th and the 90th percentile over puzzles."""


@dataclass(frozen=True)
class Residuals:
    """Forward residuals of both levels."""

    cycles: int
    timesteps: int
    segments: int
    z_H: Movement
    z_L: Movement
    falls_within_cycle: float | None
    """z_L's movement at the first timestep of a cycle over that at its last, geometric mean; None: T = 1."""
    jumps_after_H: float | None
    """z_L's movement at the first timestep of a cycle over that at the last timestep before, geometric mean."""

    @property
    def summary(self) -> dict[str, float | None]:
        """Return the headline numbers."""
        per_segment = self.cycles * self.timesteps
        return {
            "relative movement of z_L, first segment": float(np.mean(self.z_L.relative[:per_segment])),
            "relative movement of z_L, last segment": float(np.mean(self.z_L.relative[-per_segment:])),
            "relative movement of z_H, first segment": float(np.mean(self.z_H.relative[: self.cycles])),
            "relative movement of z_H, last segment": float(np.mean(self.z_H.relative[-self.cycles :])),
            "z_L falls within a cycle by a factor of": self.falls_within_cycle,
            "z_L jumps after a call of f_H by a factor of": self.jumps_after_H,
        }


def residuals(solver: Solver, split: Split, segments: int, progress: Progress = silent) -> Residuals:
    """Measure the movement of z_H at every call of f_H and of z_L at every call of f_L.

    A state is (S, D), one vector a position: prefix and cells, or cells times symbols; padding is left out. Norms are
    Euclidean over the D numbers of a position.

    Source: HRM paper, figure 3, "forward residuals". Differs: the paper does not say how positions and puzzles are
    averaged (docs/paper.md).
    """
    model = recursive(solver)
    found: dict[str, list[list[tuple[np.ndarray, np.ndarray]]]] = {"L": [], "H": []}
    numbers: dict[str, list[int]] = {"L": [], "H": []}
    for batch in batches(solver, split, progress):
        latents = model.initial(batch.x)
        before = {"L": latents.z_L, "H": latents.z_H}
        rows: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {"L": [], "H": []}
        numbers = {"L": [], "H": []}
        for call in calls(model, latents, batch.x, segments):
            old = before[call.level].float()
            moved = (call.state.float() - old).norm(dim=-1)
            relative = moved / old.norm(dim=-1).clamp(min=1e-12)
            rows[call.level].append((batch.over_positions(moved), batch.over_positions(relative)))
            numbers[call.level].append(call.timestep)
            before[call.level] = call.state
        for level in ("L", "H"):
            found[level].append(rows[level])
    z_H, z_L = (_movement(found[level], numbers[level]) for level in ("H", "L"))
    cycles, T = model.config.cycles, model.config.timesteps
    by_cycle = np.array(z_L.absolute).reshape(-1, T)
    return Residuals(
        cycles, T, segments, z_H, z_L,
        falls_within_cycle=_factor(by_cycle[:, 0], by_cycle[:, -1]) if T > 1 else None,
        jumps_after_H=_factor(by_cycle[1:, 0], by_cycle[:-1, -1]),
    )  # fmt: skip


def _movement(batches: list[list[tuple[np.ndarray, np.ndarray]]], timesteps: list[int]) -> Movement:
    """Join the batches: each has for each call the movements of its puzzles."""
    absolute, relative = (
        np.concatenate([np.stack([call[kind] for call in batch]) for batch in batches], axis=1) for kind in (0, 1)
    )  # K n
    low, high = np.quantile(relative, (0.1, 0.9), axis=1)
    return Movement(
        timesteps, absolute.mean(1).tolist(), relative.mean(1).tolist(), low.tolist(), high.tolist()
    )  # fmt: skip


def _factor(above: Float[np.ndarray, " K"], below: Float[np.ndarray, " K"]) -> float | None:
    """Return the geometric mean of the ratios; None where there is none, or a state stood still."""
    if not len(above) or min(above.min(), below.min()) <= 0:
        return None
    return float(np.exp(np.log(above / below).mean()))
