"""Figures of the states: residuals, paths, dimensions. They take what models gave, as plain numbers."""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.style import LETTERS_AN_INCH, legend, legend_below, style_axes
from hrm.viz.palette import FAINT, HIGH, INK, LOW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import SubFigure
    from matplotlib.ticker import Locator

LEVELS = (("z_L", LOW, "$z_L$"), ("z_H", HIGH, "$z_H$"))
MOST_IN_A_ROW = 4
"""Models beside one another."""


def levels_of(numbers: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return key, color and name of each state that there is; the only one is called z."""
    if numbers["z_L"] is None:
        return [("z_H", HIGH, "$z$")]
    return list(LEVELS)


def size_of_residuals(models: int) -> tuple[float, float]:
    """Return the inches that so many models take."""
    in_a_row = min(models, MOST_IN_A_ROW)
    return 7.5 if in_a_row == 1 else 4.2 * in_a_row, 6.4 * -(-models // MOST_IN_A_ROW)


def draw_residuals(part: "SubFigure", found: Sequence[tuple[str, dict[str, Any]]]) -> None:
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
        inches = (7.0 if columns == 1 else 3.8) * LETTERS_AN_INCH
        words = "\n".join(fill(line, int(inches)) for line in name.split("\n"))
        style_axes(panels[row][column], words, y="movement  ‖Δz‖ at a position" if first else "")
        style_axes(panels[row + 1][column], "", label_of_timesteps(numbers), "relative  ‖Δz‖ / ‖z‖" if first else "")
        panels[row][column].title.set_fontsize(9)
    legend_below(panels[1][0])


def label_of_timesteps(numbers: dict[str, Any]) -> str:
    """Say what the timesteps of one model are: those of a loop, segment after segment, or the blocks of one pass."""
    each = numbers.get("timesteps_per_segment") or numbers["cycles"] * numbers["timesteps"]
    if numbers["unit"] == "block":
        return f"block ({each} in one pass)"
    return f"{numbers['unit']} ({each} a segment)"


def _movements(axes: "Axes", numbers: dict[str, Any], kind: str) -> None:
    per_segment = numbers["cycles"] * numbers["timesteps"]
    last = numbers["z_H"]["timestep"][-1]
    for number in range(1, numbers["segments"]):
        label = "end of a segment" if number == 1 else None
        axes.axvline(number * per_segment + 0.5, color=FAINT, lw=0.6, alpha=0.7, label=label)
    for level, color, name in levels_of(numbers):
        moved = numbers[level]
        call = f"{name}, a call of $f_{level[-1]}$" if numbers["z_L"] else f"{name}, a {numbers['unit']}"
        axes.plot(moved["timestep"], moved[kind], color=color, marker="o", ms=2.5, lw=1.2, label=call)
        if kind == "relative":
            bounds = moved["relative_low"], moved["relative_high"]
            band = f"{name}, 10th to 90th percentile"
            axes.fill_between(moved["timestep"], *bounds, color=color, alpha=0.18, lw=0, label=band)
    axes.set_yscale("log")
    axes.set_xlim(0.5, last + 0.5)
    axes.xaxis.set_major_locator(segment_ticks(per_segment, numbers["segments"]))
    if kind == "relative":
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")


def segment_ticks(per_segment: int, segments: int) -> "Locator":
    """Return a locator whose ticks are the last timesteps of segments, at most about eight."""
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    if segments == 1:
        return MaxNLocator(8, integer=True)
    return MultipleLocator(per_segment * -(-segments // 8))


def _limits(models: Sequence[dict[str, Any]], kind: str) -> tuple[float, float]:
    """Return bounds that hold the movements of all models, whatever stands still apart."""
    keys = (kind, "relative_low", "relative_high") if kind == "relative" else (kind,)
    moved = [numbers[level][key] for numbers in models for level, _, _ in levels_of(numbers) for key in keys]
    values = [value for curve in moved for value in curve if value > 0] or [1.0]
    return min(values) / 1.3, max(values) * 1.3


MOST_PATHS = 2
INCHES_OF_PATHS = 3.1


def height_of_trajectories(numbers: dict[str, Any]) -> float:
    """Return the inches that the paths of the states of one model take."""
    return 0.9 + INCHES_OF_PATHS * len(levels_of(numbers["puzzles"][0]))


def draw_trajectories(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw the paths of the first puzzles along their first two components, whole and from the end of segment 1.

    The first steps are far longer than the others: beside them these are a dot.
    """
    puzzles = numbers["puzzles"][:MOST_PATHS]
    levels = levels_of(puzzles[0])[::-1]
    panels = part.subplots(len(levels), 2 * len(puzzles), squeeze=False)
    points = None
    for column, puzzle in enumerate(puzzles):
        verdict = "solved" if puzzle["right"] else "not solved"
        for row, (level, _, name) in enumerate(levels):
            path = puzzle[level]
            first, second = path["explained"][:2]
            later, told = _after_the_start(path, numbers)
            for beside, skipped in enumerate((0, later)):
                axes = panels[row][2 * column + beside]
                points = _path(axes, path, skipped)
                said = f"{name}, puzzle {puzzle['puzzle']} ({verdict})" if not beside else told
                style_axes(
                    axes, said, f"component 1 ({first:.0%})", f"component 2 ({second:.0%})" if not beside else ""
                )
                axes.title.set_fontsize(9)
    if points is not None:
        bar = part.colorbar(points, ax=panels, shrink=0.6, pad=0.01)
        bar.set_label(label_of_timesteps(numbers), fontsize=8)
        bar.ax.tick_params(labelsize=8)
    state = {"flattened": "state: all its numbers", "mean": "state: mean over positions"}[numbers["state"]]
    drawn = f"{state}; components of each path alone; the first {len(puzzles)} of {len(numbers['puzzles'])} puzzles"
    legend_below(panels[0][0], title=drawn, title_fontsize=8)


def _after_the_start(path: dict[str, Any], numbers: dict[str, Any]) -> tuple[int, str]:
    """Return how many states to leave out so that the end is seen, and what to call the rest."""
    if numbers["segments"] == 1:
        return min(1, len(path["timestep"]) - 1), "the same without the start"
    first = numbers["timesteps_per_segment"]
    return sum(step < first for step in path["timestep"]), "the same from the end of segment 1"


def _path(axes: "Axes", path: dict[str, Any], skipped: int) -> "PathCollection":
    """Draw a path without so many of its first states, and return its points."""
    xy, steps = np.array(path["coordinates"])[skipped:], path["timestep"][skipped:]
    axes.plot(xy[:, 0], xy[:, 1], color=FAINT, lw=0.7, zorder=1)
    times = {"vmin": path["timestep"][0], "vmax": path["timestep"][-1]}
    points = axes.scatter(xy[:, 0], xy[:, 1], c=steps, cmap="viridis", s=16, zorder=2, **times)
    if not skipped:
        axes.plot(*xy[0, :2], marker="s", ms=9, mfc="none", mec=INK, zorder=3, ls="", label="start")
    axes.plot(*xy[-1, :2], marker="o", ms=9, mfc="none", mec=HIGH, mew=1.4, zorder=3, ls="", label="end")
    return points


def draw_dimensionality(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw the participation ratios beside those without training, and their growth with the number of puzzles."""
    bars, growth = part.subplots(1, 2, width_ratios=(1, 1.35))
    levels = levels_of(numbers)[::-1]
    beside, places, names = len(levels) + 0.5, list[float](), list[str]()
    for place, (level, color, name) in enumerate(levels):
        value, (low, high) = numbers[level], numbers[f"{level}_ci95"]
        bars.bar(place, value, 0.6, color=color)
        label = "95 % interval" if place == 0 else None
        bars.errorbar(place, value, [[value - low], [high - value]], color=INK, capsize=3, lw=1, label=label)
        fresh = [run[level] for run in numbers["untrained"]]
        mean = float(np.mean(fresh))
        bars.bar(place + beside, mean, 0.6, color=color, alpha=0.35, hatch="//", edgecolor=color)
        label = "one seed of fresh weights" if place == 0 else None
        bars.plot([place + beside] * len(fresh), fresh, "o", ms=4, mfc="white", mec=INK, mew=0.8, label=label)
        places += [place, place + beside]
        names += [f"{name}\ntrained\n{value:.1f}", f"{name}\nuntrained\n{mean:.1f}"]
        rows = numbers["growth"]
        growth.plot(rows["puzzles"], rows[level], color=color, marker="o", ms=3, label=f"{name}, trained")
        bounds = np.array(rows[f"{level}_range"]).T
        label = "least to greatest of 20 random sets" if place == 0 else None
        growth.fill_between(rows["puzzles"], *bounds, color=color, alpha=0.18, lw=0, label=label)
    bars.set_xticks(places, names)
    style_axes(bars, "", "", f"participation ratio (of {numbers['width']})")
    bars.grid(False, axis="x")
    legend(bars, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2, frameon=False)
    growth.set_ylim(bottom=0)
    counted = {"positions": "every cell is a sample", "means": "the mean over cells is a sample"}[numbers["pooling"]]
    style_axes(growth, "", f"puzzles ({counted})", "participation ratio")
    legend(growth, loc="lower right")
