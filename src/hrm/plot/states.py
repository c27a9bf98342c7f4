"""Figures of the states: residuals, paths, dimensions. They take what models gave, as plain numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.plot.canvas import FAINT, HIGH, INK, LOW, dress, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

LEVELS = (("z_L", LOW, "$z_L$"), ("z_H", HIGH, "$z_H$"))
MOST_IN_A_ROW = 4
"""Models beside one another."""


def levels_of(numbers: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return key, colour and name of each state that there is; the only one is called z."""
    if numbers["z_L"] is None:
        return [("z_H", HIGH, "$z$")]
    return list(LEVELS)


def size_of_residuals(models: int) -> tuple[float, float]:
    """Return the inches that so many models take."""
    in_a_row = min(models, MOST_IN_A_ROW)
    return 7.5 if in_a_row == 1 else 3.7 * in_a_row, 5.2 * -(-models // MOST_IN_A_ROW)


def draw_residuals(part: "SubFigure", found: Sequence[tuple[str, dict[str, Any]]], title: str) -> None:
    """Draw how far each call moves its state, model beside model: every panel its own calls, all the same scale."""
    columns = min(len(found), MOST_IN_A_ROW)
    panels = part.subplots(2 * -(-len(found) // columns), columns, squeeze=False, sharey="row")
    for axes in panels[-2:, (len(found) - 1) % columns + 1 :].ravel():
        axes.axis("off")
    limits = {kind: _limits([numbers for _, numbers in found], kind) for kind in ("absolute", "relative")}
    for place, (name, numbers) in enumerate(found):
        row, column = 2 * (place // columns), place % columns
        for axes, kind in zip(panels[row : row + 2, column], limits, strict=True):
            _movements(axes, numbers, kind)
            axes.set_ylim(limits[kind])
        first = column == 0
        dress(panels[row][column], name, y="movement  ‖Δz‖ at a position" if first else "")
        dress(panels[row + 1][column], "", label_of_timesteps(numbers), "relative  ‖Δz‖ / ‖z‖" if first else "")
        legend(panels[row][column], loc="best")
    panels[1][0].text(
        0.99, 0.97, "band: 10th to 90th percentile of puzzles", transform=panels[1][0].transAxes,
        ha="right", va="top", fontsize=7, color=FAINT,
    )  # fmt: skip
    part.suptitle(title, fontsize=9, color=INK)


def label_of_timesteps(numbers: dict[str, Any]) -> str:
    """Say what the timesteps of one model are: those of a loop, segment after segment, or the blocks of one pass."""
    each = numbers.get("timesteps_per_segment") or numbers["cycles"] * numbers["timesteps"]
    if numbers["unit"] == "block":
        return f"block ({each} in one pass)"
    return f"{numbers['unit']} ({each} a segment)"


def _movements(axes: "Axes", numbers: dict[str, Any], kind: str) -> None:
    from matplotlib.ticker import MaxNLocator

    per_segment = numbers["cycles"] * numbers["timesteps"]
    last = numbers["z_H"]["timestep"][-1]
    for number in range(1, numbers["segments"]):
        axes.axvline(number * per_segment + 0.5, color=FAINT, lw=0.5, alpha=0.6)
    for level, colour, name in levels_of(numbers):
        moved = numbers[level]
        call = f"{name}, a call of $f_{level[-1]}$" if numbers["z_L"] else f"{name}, a {numbers['unit']}"
        axes.plot(moved["timestep"], moved[kind], color=colour, marker="o", ms=2.5, lw=1.2, label=call)
        if kind == "relative":
            bounds = moved["relative_low"], moved["relative_high"]
            axes.fill_between(moved["timestep"], *bounds, color=colour, alpha=0.18, lw=0)
    axes.set_yscale("log")
    axes.set_xlim(0.5, last + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))


def _limits(models: Sequence[dict[str, Any]], kind: str) -> tuple[float, float]:
    """Return bounds that hold the movements of all models, whatever stands still apart."""
    keys = (kind, "relative_low", "relative_high") if kind == "relative" else (kind,)
    moved = [numbers[level][key] for numbers in models for level, _, _ in levels_of(numbers) for key in keys]
    values = [value for curve in moved for value in curve if value > 0] or [1.0]
    return min(values) / 1.3, max(values) * 1.3


MOST_PATHS = 4
INCHES_OF_PATHS = 2.8


def height_of_trajectories(numbers: dict[str, Any]) -> float:
    """Return the inches that the paths of the states of one model take."""
    return INCHES_OF_PATHS * len(levels_of(numbers["puzzles"][0]))


def draw_trajectories(part: "SubFigure", numbers: dict[str, Any], title: str) -> None:
    """Draw the paths of the first puzzles along their first two components."""
    puzzles = numbers["puzzles"][:MOST_PATHS]
    levels = levels_of(puzzles[0])[::-1]
    panels = part.subplots(len(levels), len(puzzles), squeeze=False)
    points = None
    for column, puzzle in enumerate(puzzles):
        for row, (level, _, name) in enumerate(levels):
            axes, path = panels[row][column], puzzle[level]
            xy = np.array(path["coordinates"])
            axes.plot(xy[:, 0], xy[:, 1], color=FAINT, lw=0.7, zorder=1)
            points = axes.scatter(xy[:, 0], xy[:, 1], c=path["timestep"], cmap="viridis", s=14, zorder=2)
            axes.plot(*xy[0, :2], marker="s", ms=7, mfc="none", mec=INK, zorder=3, ls="", label="start")
            axes.plot(*xy[-1, :2], marker="*", ms=11, mfc="none", mec=HIGH, zorder=3, ls="", label="end")
            first, second = path["explained"][:2]
            said = f"puzzle {puzzle['puzzle']}, {'right' if puzzle['right'] else 'wrong'}: " if row == 0 else ""
            dress(axes, f"{said}{name}", f"component 1 ({first:.0%})", f"component 2 ({second:.0%})")
    if points is not None:
        bar = part.colorbar(points, ax=panels, shrink=0.6, pad=0.01)
        bar.set_label(label_of_timesteps(numbers), fontsize=8)
        bar.ax.tick_params(labelsize=8)
    state = {"flattened": "state: all S·D numbers", "mean": "state: mean over positions"}[numbers["state"]]
    part.suptitle(f"{title}\n{state}; components of each path alone", fontsize=10, color=INK)
    legend(panels[0][0], loc="best")


def draw_dimensionality(part: "SubFigure", numbers: dict[str, Any], title: str) -> None:
    """Draw the participation ratios beside those without training, and their growth with the number of puzzles."""
    bars, growth = part.subplots(1, 2, width_ratios=(1, 1.35))
    levels = levels_of(numbers)[::-1]
    beside = len(levels) + 0.5
    for place, (level, colour, name) in enumerate(levels):
        value, (low, high) = numbers[level], numbers[f"{level}_ci95"]
        bars.bar(place, value, 0.6, color=colour)
        bars.errorbar(place, value, [[value - low], [high - value]], color=INK, capsize=3, lw=1)
        fresh = [run[level] for run in numbers["untrained"]]
        bars.bar(place + beside, float(np.mean(fresh)), 0.6, color=colour, alpha=0.35, hatch="//", edgecolor=colour)
        bars.plot([place + beside] * len(fresh), fresh, "o", ms=4, mfc="white", mec=INK, mew=0.8)
        for x, shown, top in ((place, value, high), (place + beside, float(np.mean(fresh)), max(fresh))):
            bars.annotate(f"{shown:.1f}", (x, top), (0, 4), textcoords="offset points", ha="center", fontsize=8)
        rows = numbers["growth"]
        growth.plot(rows["puzzles"], rows[level], color=colour, marker="o", ms=3, label=f"{name}, trained")
        growth.fill_between(rows["puzzles"], *np.array(rows[f"{level}_range"]).T, color=colour, alpha=0.18, lw=0)
    states = ("trained", "untrained")
    places = [start + place for start in (0, beside) for place in range(len(levels))]
    bars.set_xticks(places, [f"{name}\n{state}" for state in states for _, _, name in levels])
    bars.margins(y=0.12)
    dress(bars, title, "circles: seeds of fresh weights", f"participation ratio (of {numbers['width']})")
    growth.set_ylim(bottom=0)
    both = "" if numbers["z_L"] is None else f"p(H > L) = {numbers['p_value']:.3f}, ratio {numbers['ratio']:.2f}; "
    said = f"{both}pooled: {numbers['pooling']}"
    dress(growth, said, "puzzles (bands: least to greatest of 20 random sets)", "participation ratio")
    legend(growth, loc="lower right")
