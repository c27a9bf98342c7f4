"""The paths of the states along their principal components: figure 3 of the paper."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.levels import label_of_timesteps, levels_of
from hrm.viz.figures.style import legend_below, percent, style_axes
from hrm.viz.palette import FAINT, HIGH, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.figure import SubFigure


MOST_PATHS = 2
_INCHES_OF_PATHS = 3.1


def sentence(numbers: dict[str, Any]) -> str:
    """Answer the question in a sentence."""
    levels = [level for level in ("z_H", "z_L") if numbers["puzzles"][0][level] is not None]
    shares = {}
    for level in levels:
        paths = [puzzle[level] for puzzle in numbers["puzzles"]]
        shares[level] = sum(sum(path["explained"][:2]) for path in paths) / len(paths)
    parts = " and ".join(f"{percent(share)} of {level}'s" for level, share in shares.items())
    flat = "nearly flat" if min(shares.values()) >= 0.8 else "not flat"
    return f"The paths are {flat}: two components hold {parts} variance."


def height(numbers: dict[str, Any]) -> float:
    """Return the inches that the paths of the states of one model take."""
    return 0.9 + _INCHES_OF_PATHS * len(levels_of(numbers["puzzles"][0]))


def draw(part: "SubFigure", numbers: dict[str, Any]) -> None:
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
            whole = (0, f"{name}, puzzle {puzzle['puzzle']} ({verdict})", f"component 2 ({second:.0%})")
            for place, (skipped, title, y) in enumerate((whole, (*_later_part(path, numbers), ""))):
                axes = panels[row][2 * column + place]
                points = _path(axes, path, skipped)
                style_axes(axes, title, f"component 1 ({first:.0%})", y)
                axes.title.set_fontsize(9)
    if points is not None:
        bar = part.colorbar(points, ax=panels, shrink=0.6, pad=0.01)
        bar.set_label(label_of_timesteps(numbers), fontsize=8)
        bar.ax.tick_params(labelsize=8)
    state = {"flattened": "state: all its numbers", "mean": "state: mean over positions"}[numbers["state"]]
    drawn = f"{state}; components of each path alone; the first {len(puzzles)} of {len(numbers['puzzles'])} puzzles"
    legend_below(panels[0][0], title=drawn, title_fontsize=8)


def _later_part(path: dict[str, Any], numbers: dict[str, Any]) -> tuple[int, str]:
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
