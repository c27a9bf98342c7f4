"""How many dimensions the states of each level fill: the participation ratio of figure 8.

Axes: P puzzles, D width, K weightings of puzzles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from hrm.analysis.calls import batches, calls, traceable
from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.solver import Solver
from hrm.model.build import build
from hrm.model.network_config import LevelName

Pooling = Literal["positions", "means"]
UNTRAINED_SEEDS = (0, 1, 2)
SUBSETS = 20
"""Random sets of puzzles behind each point of the growth."""


@dataclass(frozen=True)
class Moments:
    """First and second moments of the states of each puzzle; each puzzle counts the same."""

    mean: Float[np.ndarray, "P D"]
    square: Float[np.ndarray, "P D D"]
    """Mean of z zᵀ."""

    def standardised(self) -> "Moments":
        """Return the moments of z, less its mean over all puzzles, at a total variance of 1."""
        center = self.mean.mean(0)
        cross = self.mean[:, :, None] * center
        square = self.square - cross - cross.swapaxes(1, 2) + np.outer(center, center)
        variance = np.trace(square.mean(0))
        return Moments((self.mean - center) / np.sqrt(variance), square / variance)


@dataclass(frozen=True)
class Growth:
    """Participation ratio of random sets of so many puzzles."""

    puzzles: list[int]
    z_H: list[float]
    z_L: list[float] | None
    """Means over the sets."""
    z_H_range: list[list[float]]
    z_L_range: list[list[float]] | None
    """Least and greatest."""


@dataclass(frozen=True)
class Dimensionality:
    """Participation ratios of all levels, and what they are held against.

    Where there is one state, z_H, all that is about z_L or compares the two is None.
    """

    pooling: Pooling
    width: int
    segments: int
    samples_per_puzzle: dict[str, int]
    """States pooled of each puzzle, by level."""
    z_H: float
    z_L: float | None
    z_H_ci95: list[float]
    z_L_ci95: list[float] | None
    """Jackknife over puzzles."""
    ratio: float | None
    """PR(z_H) / PR(z_L)."""
    ratio_ci95: list[float] | None
    untrained: list[dict[str, float | None]]
    """The same network with fresh weights: ``seed``, ``z_H``, ``z_L``."""
    growth: Growth
    permutations: int
    p_value: float | None
    """Share of permutations (the observed one counted) in which PR(z_H) − PR(z_L) is as great."""

    @property
    def summary(self) -> dict[str, float | str | None]:
        """Return the headline numbers."""
        runs = {level: [run[level] for run in self.untrained] for level in ("z_H", "z_L")}
        known = {level: [value for value in values if value is not None] for level, values in runs.items()}
        fresh = {level: float(np.mean(values)) if values else None for level, values in known.items()}
        low, high = self.ratio_ci95 or (None, None)
        return {
            "PR(z_H)": self.z_H, "PR(z_L)": self.z_L, "ratio": self.ratio,
            "ratio, 95 % from": low, "ratio, 95 % to": high,
            "untrained PR(z_H)": fresh["z_H"], "untrained PR(z_L)": fresh["z_L"],
            f"p of PR(z_H) > PR(z_L), {self.permutations} permutations": self.p_value,
            "of dimensions": float(self.width), "pooling": self.pooling,
        }  # fmt: skip


def participation_ratio(covariance: Float[np.ndarray, "*K D D"]) -> Float[np.ndarray, "*K"]:
    """Return (Σλ)² / Σλ² of the eigenvalues λ of covariances: k where k of them are equal and the rest are 0.

    No eigenvalue is computed: Σλ is the trace and Σλ² the sum of the squared entries. NaN where all are 0.

    Source: HRM paper, section on brain correspondence, equation of PR.
    """
    trace = np.trace(covariance, axis1=-2, axis2=-1)
    squares = (covariance**2).sum((-2, -1))
    return np.divide(trace**2, squares, out=np.full_like(trace, np.nan), where=squares > 0)


def dimensionality(
    solver: Solver,
    split: Split,
    segments: int,
    pooling: Pooling = "positions",
    permutations: int = 1000,
    seed: int = 0,
    untrained_seeds: Sequence[int] = UNTRAINED_SEEDS,
    progress: Progress = no_progress,
) -> Dimensionality:
    """Measure the participation ratio of z_H and z_L over the paths of all puzzles.

    Pooled are z_H after every call of f_H and z_L after every call of f_L, of all segments and puzzles, without the
    starting states; centered by their common mean. With the pooling ``positions`` each position is a sample of D
    numbers (padding left out); with ``means`` each state is one, the mean over its positions. A network of one state
    has PR(z_H) alone, over all its calls or blocks.

    * The interval is a jackknife over puzzles. A bootstrap would draw fewer different puzzles than there are, and
      the participation ratio of fewer puzzles is lower.
    * The test permutes which state is called H within each puzzle, after each level was centered and scaled to the same
      total variance, which leaves its ratio as it is: only the shapes of the clouds are exchanged. It tells whether
      these puzzles show a difference in this network, not whether another training would.

    Args:
        seed: of the random sets and permutations.
        untrained_seeds: of the fresh weights.

    Raises:
        UsageError: there are fewer than two puzzles.

    Source: HRM paper, figure 8. Differs: the paper does not say how positions and timesteps are pooled and centered.
    """
    if len(split) < 2:
        raise UsageError(f"a participation ratio with its interval needs at least 2 puzzles (got {len(split)})")
    model = traceable(solver)

    # the trained network, with a jackknife over puzzles
    moments, samples = _moments(solver, split, segments, pooling, progress)
    count = len(split)
    everyone, left_out = np.full((1, count), 1 / count), (1 - np.eye(count)) / (count - 1)
    ratios = {level: float(_ratios(part, everyone)[0]) for level, part in moments.items()}
    without = {level: _ratios(part, left_out) for level, part in moments.items()}
    intervals = {level: _jackknife(ratios[level], without[level]) for level in moments}
    rng = np.random.default_rng(seed)

    # the same network with fresh weights
    untrained: list[dict[str, float | None]] = []
    for fresh_seed in untrained_seeds:
        fresh = build(model.config, seed=fresh_seed, dtype=model.dtype).to(solver.device).eval()
        beside = Solver(fresh, solver.puzzle, solver.max_segments, solver.batch_size)
        fresh_moments, _ = _moments(beside, split, segments, pooling, progress)
        values = {level: float(_ratios(part, everyone)[0]) for level, part in fresh_moments.items()}
        untrained.append({"seed": float(fresh_seed), "z_H": values["H"], "z_L": values.get("L")})

    # sets of fewer puzzles, and the comparison of the two levels
    growth = _growth(moments, rng)
    ratio = ratio_ci95 = p_value = None
    if "L" in moments:
        ratio = ratios["H"] / ratios["L"]
        ratio_ci95 = _jackknife(ratio, without["H"] / without["L"])
        p_value = _permutation_test(moments["H"], moments["L"], permutations, rng)
    return Dimensionality(
        pooling, model.config.width, segments, samples, ratios["H"], ratios.get("L"), intervals["H"],
        intervals.get("L"), ratio, ratio_ci95, untrained, growth, permutations, p_value,
    )  # fmt: skip


def _moments(
    solver: Solver, split: Split, segments: int, pooling: Pooling, progress: Progress
) -> tuple[dict[LevelName, Moments], dict[str, int]]:
    """Return by level the moments of each puzzle's states, and how many states were pooled for one puzzle."""
    model = traceable(solver)
    levels = model.config.loop.levels
    parts: dict[LevelName, list[Moments]] = {level: [] for level in levels}
    samples: dict[str, int] = {}
    for batch in batches(solver, split, progress):
        exists = batch.positions[: batch.count].float()
        n, width = batch.count, model.config.width
        mean = {level: np.zeros((n, width)) for level in levels}
        square = {level: np.zeros((n, width, width)) for level in levels}
        states = dict.fromkeys(levels, 0)
        for call in calls(solver, batch, segments):
            z = call.state[:n].float() * exists.unsqueeze(-1)
            if pooling == "means":
                z = z.sum(1, keepdim=True)
            z = z / (exists.sum(1)[:, None, None] if pooling == "means" else exists.sum(1)[:, None, None].sqrt())
            # weights of the positions sum to one a puzzle: sqrt in z, so that z zᵀ has the whole of it
            scale = 1.0 if pooling == "means" else exists.sum(1)[:, None].rsqrt()
            mean[call.level] += (z.sum(1) * scale).double().cpu().numpy()
            square[call.level] += torch.bmm(z.transpose(1, 2), z).double().cpu().numpy()
            states[call.level] += 1
        for level in levels:
            parts[level].append(Moments(mean[level] / states[level], square[level] / states[level]))
        positions = 1 if pooling == "means" else int(exists.sum(1).max())
        samples = {f"z_{level}": states[level] * positions for level in levels}
    moments: dict[LevelName, Moments] = {
        level: Moments(np.concatenate([m.mean for m in rows]), np.concatenate([m.square for m in rows]))
        for level, rows in parts.items()
    }
    return moments, samples


def _ratios(moments: Moments, weights: Float[np.ndarray, "K P"]) -> Float[np.ndarray, " K"]:
    """Return the participation ratio under each weighting of the puzzles; weights sum to one."""
    _, count, width = (len(weights), *moments.mean.shape)
    squares, ratios = moments.square.reshape(count, -1), []
    for start in range(0, len(weights), 50):  # bounds the memory for wide states
        chosen = weights[start : start + 50]
        mean = chosen @ moments.mean
        covariance = (chosen @ squares).reshape(-1, width, width) - mean[:, :, None] * mean[:, None, :]
        ratios.append(participation_ratio(covariance))
    return np.concatenate(ratios)


def _jackknife(value: float, without: Float[np.ndarray, " P"]) -> list[float]:
    """Return the 95 % interval from the values without each puzzle in turn.

    Source: Tukey 1958; the variance is (n − 1)/n times the sum of squares about the mean.
    """
    n = len(without)
    spread = 1.959964 * float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return [value - spread, value + spread]


def _growth(moments: dict[LevelName, Moments], rng: np.random.Generator) -> Growth:
    """Return the participation ratios of random sets of more and more puzzles."""
    count = len(moments["H"].mean)
    sizes = sorted({max(1, round(count * tenth / 10)) for tenth in range(1, 11)})
    means: dict[LevelName, list[float]] = {level: [] for level in moments}
    ranges: dict[LevelName, list[list[float]]] = {level: [] for level in moments}
    for size in sizes:
        sets = [rng.permutation(count)[:size] for _ in range(1 if size == count else SUBSETS)]
        weights = np.zeros((len(sets), count))
        for row, members in zip(weights, sets, strict=True):
            row[members] = 1 / size
        for level, part in moments.items():
            values = _ratios(part, weights)
            means[level].append(float(values.mean()))
            ranges[level].append([float(values.min()), float(values.max())])
    return Growth(sizes, means["H"], means.get("L"), ranges["H"], ranges.get("L"))


def _permutation_test(high: Moments, low: Moments, permutations: int, rng: np.random.Generator) -> float:
    """Return the one-sided p-value of PR(z_H) − PR(z_L), the labels permuted within puzzles."""
    count = len(high.mean)
    high, low = high.standardised(), low.standardised()
    both = Moments(np.concatenate((high.mean, low.mean)), np.concatenate((high.square, low.square)))
    swapped = np.concatenate((np.zeros((1, count), bool), rng.random((permutations, count)) < 0.5))
    called_high = np.concatenate((~swapped, swapped), axis=1) / count
    called_low = np.concatenate((swapped, ~swapped), axis=1) / count
    difference = _ratios(both, called_high) - _ratios(both, called_low)
    as_great = difference[1:] >= difference[0] - 1e-9 * abs(difference[0])
    return float((1 + as_great.sum()) / (1 + permutations))
