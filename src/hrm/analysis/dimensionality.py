"""How many dimensions the states of each level fill: the participation ratio of figure 8.

Axes: P puzzles, D width, K weightings of puzzles.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from hrm.analysis.paths import Progress, batches, calls, recursive, silent
from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.inference.solver import Solver
from hrm.model.build import build

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
        centre = self.mean.mean(0)
        cross = self.mean[:, :, None] * centre
        square = self.square - cross - cross.swapaxes(1, 2) + np.outer(centre, centre)
        variance = np.trace(square.mean(0))
        return Moments((self.mean - centre) / np.sqrt(variance), square / variance)


@dataclass(frozen=True)
class Growth:
    """Participation ratio of random sets of so many puzzles."""

    puzzles: list[int]
    z_H: list[float]
    z_L: list[float]
    """Means over the sets."""
    z_H_range: list[list[float]]
    z_L_range: list[list[float]]
    """Least and greatest."""


@dataclass(frozen=True)
class Dimensionality:
    """Participation ratios of both levels, and what they are held against."""

    pooling: Pooling
    width: int
    segments: int
    samples_per_puzzle: dict[str, int]
    """States pooled of each puzzle, by level."""
    z_H: float
    z_L: float
    z_H_ci95: list[float]
    z_L_ci95: list[float]
    """Jackknife over puzzles."""
    ratio: float
    """PR(z_H) / PR(z_L)."""
    ratio_ci95: list[float]
    untrained: list[dict[str, float]]
    """The same network with fresh weights: ``seed``, ``z_H``, ``z_L``."""
    growth: Growth
    permutations: int
    p_value: float
    """Share of permutations (the observed one counted) in which PR(z_H) − PR(z_L) is as great."""

    @property
    def summary(self) -> dict[str, float | str | None]:
        """Return the headline numbers."""
        fresh = {level: float(np.mean([run[level] for run in self.untrained])) for level in ("z_H", "z_L")}
        return {
            "PR(z_H)": self.z_H, "PR(z_L)": self.z_L, "ratio": self.ratio,
            "ratio, 95 % from": self.ratio_ci95[0], "ratio, 95 % to": self.ratio_ci95[1],
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
    progress: Progress = silent,
) -> Dimensionality:
    """Measure the participation ratio of z_H and z_L over the paths of all puzzles.

    Pooled are z_H after every call of f_H and z_L after every call of f_L, of all segments and puzzles, without the
    starting states; centred by their common mean. With the pooling ``positions`` each position is a sample of D
    numbers (padding left out); with ``means`` each state is one, the mean over its positions.

    * The interval is a jackknife over puzzles. A bootstrap would draw fewer different puzzles than there are, and
      the participation ratio of fewer puzzles is lower.
    * The test permutes which state is called H within each puzzle, after each level was centred and scaled to the same
      total variance, which leaves its ratio as it is: only the shapes of the clouds are exchanged. It tells whether
      these puzzles show a difference in this network, not whether another training would.

    Args:
        seed: of the random sets and permutations.
        untrained_seeds: of the fresh weights.

    Raises:
        UsageError: there are fewer than two puzzles.

    Source: HRM paper, figure 8. Differs: the paper does not say how positions and timesteps are pooled and centred.
    """
    if len(split) < 2:
        raise UsageError(f"a participation ratio with its interval needs 2 puzzles at the least (got {len(split)})")
    model = recursive(solver)
    high, low, samples = _moments(solver, split, segments, pooling, progress)
    count = len(high.mean)
    everyone = np.full((1, count), 1 / count)
    ratios = {"z_H": float(_ratios(high, everyone)[0]), "z_L": float(_ratios(low, everyone)[0])}
    left_out = (1 - np.eye(count)) / (count - 1)
    without = {"z_H": _ratios(high, left_out), "z_L": _ratios(low, left_out)}
    ratio = ratios["z_H"] / ratios["z_L"]
    rng = np.random.default_rng(seed)
    untrained = []
    for fresh_seed in untrained_seeds:
        fresh = build(model.config, seed=fresh_seed, dtype=model.dtype).to(solver.device).eval()
        beside = Solver(fresh, solver.puzzle, solver.max_segments, solver.batch_size)
        fresh_high, fresh_low, _ = _moments(beside, split, segments, pooling, progress)
        z_H, z_L = (float(_ratios(moments, everyone)[0]) for moments in (fresh_high, fresh_low))
        untrained.append({"seed": float(fresh_seed), "z_H": z_H, "z_L": z_L})
    return Dimensionality(
        pooling, model.config.width, segments, samples, ratios["z_H"], ratios["z_L"],
        z_H_ci95=_jackknife(ratios["z_H"], without["z_H"]),
        z_L_ci95=_jackknife(ratios["z_L"], without["z_L"]),
        ratio=ratio,
        ratio_ci95=_jackknife(ratio, without["z_H"] / without["z_L"]),
        untrained=untrained,
        growth=_growth(high, low, rng),
        permutations=permutations,
        p_value=_permutation_test(high, low, permutations, rng),
    )  # fmt: skip


def _moments(
    solver: Solver, split: Split, segments: int, pooling: Pooling, progress: Progress
) -> tuple[Moments, Moments, dict[str, int]]:
    """Return the moments of z_H and z_L of each puzzle, and how many states of each were pooled for one puzzle."""
    model = recursive(solver)
    parts: dict[str, list[Moments]] = {"H": [], "L": []}
    samples = {"z_H": 0, "z_L": 0}
    for batch in batches(solver, split, progress):
        exists = batch.positions[: batch.count].float()
        n, width = batch.count, model.config.width
        mean = {level: np.zeros((n, width)) for level in ("H", "L")}
        square = {level: np.zeros((n, width, width)) for level in ("H", "L")}
        states = {"H": 0, "L": 0}
        for call in calls(model, model.initial(batch.x), batch.x, segments):
            z = call.state[:n].float() * exists.unsqueeze(-1)
            if pooling == "means":
                z = z.sum(1, keepdim=True)
            z = z / (exists.sum(1)[:, None, None] if pooling == "means" else exists.sum(1)[:, None, None].sqrt())
            # weights of the positions sum to one a puzzle: sqrt in z, so that z zᵀ has the whole of it
            scale = 1.0 if pooling == "means" else exists.sum(1)[:, None].rsqrt()
            mean[call.level] += (z.sum(1) * scale).double().cpu().numpy()
            square[call.level] += torch.bmm(z.transpose(1, 2), z).double().cpu().numpy()
            states[call.level] += 1
        for level in ("H", "L"):
            parts[level].append(Moments(mean[level] / states[level], square[level] / states[level]))
        positions = 1 if pooling == "means" else int(exists.sum(1).max())
        samples = {"z_H": states["H"] * positions, "z_L": states["L"] * positions}
    high, low = (
        Moments(np.concatenate([m.mean for m in parts[level]]), np.concatenate([m.square for m in parts[level]]))
        for level in ("H", "L")
    )
    return high, low, samples


def _ratios(moments: Moments, weights: Float[np.ndarray, "K P"]) -> Float[np.ndarray, " K"]:
    """Return the participation ratio under each weighting of the puzzles; weights sum to one."""
    _, count, width = (len(weights), *moments.mean.shape)
    squares, found = moments.square.reshape(count, -1), []
    for start in range(0, len(weights), 50):  # bounds the memory for wide states
        chosen = weights[start : start + 50]
        mean = chosen @ moments.mean
        covariance = (chosen @ squares).reshape(-1, width, width) - mean[:, :, None] * mean[:, None, :]
        found.append(participation_ratio(covariance))
    return np.concatenate(found)


def _jackknife(value: float, without: Float[np.ndarray, " P"]) -> list[float]:
    """Return the 95 % interval from the values without each puzzle in turn.

    Source: Tukey 1958; the variance is (n − 1)/n times the sum of squares about the mean.
    """
    n = len(without)
    spread = 1.959964 * float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return [value - spread, value + spread]


def _growth(high: Moments, low: Moments, rng: np.random.Generator) -> Growth:
    """Return the participation ratios of random sets of more and more puzzles."""
    count = len(high.mean)
    sizes = sorted({max(1, round(count * tenth / 10)) for tenth in range(1, 11)})
    means: dict[str, list[float]] = {"H": [], "L": []}
    ranges: dict[str, list[list[float]]] = {"H": [], "L": []}
    for size in sizes:
        sets = [rng.permutation(count)[:size] for _ in range(1 if size == count else SUBSETS)]
        weights = np.zeros((len(sets), count))
        for row, members in zip(weights, sets, strict=True):
            row[members] = 1 / size
        for level, moments in (("H", high), ("L", low)):
            values = _ratios(moments, weights)
            means[level].append(float(values.mean()))
            ranges[level].append([float(values.min()), float(values.max())])
    return Growth(sizes, means["H"], means["L"], ranges["H"], ranges["L"])


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
