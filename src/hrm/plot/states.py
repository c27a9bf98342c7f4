"""Figures of the states: residuals, paths, dimensions. Each takes what one model gave, as plain numbers."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.plot.canvas import FAINT, HIGH, INK, LOW, dress, legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

LEVELS = (("z_L", LOW, "$z_L$"), ("z_H", HIGH, "$z_H$"))


def draw_residuals(part: "SubFigure", numbers: dict[str, Any], title: str) -> None:
    """Draw how far each call moves its state, over the timesteps."""
    per_segment, last = numbers["cycles"] * numbers["timesteps"], numbers["z_L"]["timestep"][-1]
    panels = part.subplots(2, 1, sharex=True)
    for axes, kind in zip(panels, ("absolute", "relative"), strict=True):
        _segments(axes, per_segment, numbers["segments"])
        for level, colour, name in LEVELS:
            found = numbers[level]
            call = f"{name}, a call of $f_{level[-1]}$"
            axes.plot(found["timestep"], found[kind], color=colour, marker="o", ms=2.5, lw=1.2, label=call)
            if kind == "relative":
                bounds = found["relative_low"], found["relative_high"]
                axes.fill_between(found["timestep"], *bounds, color=colour, alpha=0.18, lw=0)
        axes.set_yscale("log")
        axes.set_xlim(0.5, last + 0.5)
    dress(panels[0], title, y="movement  ‖Δz‖ at a position")
    dress(panels[1], "", f"timestep ({per_segment} a segment, segments apart by grey lines)", "relative  ‖Δz‖ / ‖z‖")
    panels[1].text(
        0.99, 0.97, "band: 10th to 90th percentile of puzzles", transform=panels[1].transAxes,
        ha="right", va="top", fontsize=7, color=FAINT,
    )  # fmt: skip
    legend(panels[0], loc="upper right")


def _segments(axes: "Axes", per_segment: int, segments: int) -> None:
    for number in range(1, segments):
        axes.axvline(number * per_segment + 0.5, color=FAINT, lw=0.5, alpha=0.6)


MOST_PATHS = 4


def draw_trajectories(part: "SubFigure", numbers: dict[str, Any], title: str) -> None:
    """Draw the paths of the first puzzles along their first two components."""
    puzzles = numbers["puzzles"][:MOST_PATHS]
    panels = part.subplots(2, len(puzzles), squeeze=False)
    points = None
    for column, puzzle in enumerate(puzzles):
        for row, level in enumerate(("z_H", "z_L")):
            axes, path = panels[row][column], puzzle[level]
            xy = np.array(path["coordinates"])
            axes.plot(xy[:, 0], xy[:, 1], color=FAINT, lw=0.7, zorder=1)
            points = axes.scatter(xy[:, 0], xy[:, 1], c=path["timestep"], cmap="viridis", s=14, zorder=2)
            axes.plot(*xy[0, :2], marker="s", ms=7, mfc="none", mec=INK, zorder=3, ls="", label="start")
            axes.plot(*xy[-1, :2], marker="*", ms=11, mfc="none", mec=HIGH, zorder=3, ls="", label="end")
            first, second = path["explained"][:2]
            name = f"$z_{level[-1]}$"
            said = f"puzzle {puzzle['puzzle']}, {'right' if puzzle['right'] else 'wrong'}: " if row == 0 else ""
            dress(axes, f"{said}{name}", f"component 1 ({first:.0%})", f"component 2 ({second:.0%})")
    if points is not None:
        bar = part.colorbar(points, ax=panels, shrink=0.6, pad=0.01)
        bar.set_label(f"timestep ({numbers['timesteps_per_segment']} a segment)", fontsize=8)
        bar.ax.tick_params(labelsize=8)
    state = {"flattened": "state: all S·D numbers", "mean": "state: mean over positions"}[numbers["state"]]
    part.suptitle(f"{title}\n{state}; components of each path alone", fontsize=10, color=INK)
    legend(panels[0][0], loc="best")


def draw_dimensionality(part: "SubFigure", numbers: dict[str, Any], title: str) -> None:
    """Draw the participation ratios beside those without training, and their growth with the number of puzzles."""
    bars, growth = part.subplots(1, 2, width_ratios=(1, 1.35))
    for place, (level, colour, name) in enumerate(reversed(LEVELS)):
        value, (low, high) = numbers[level], numbers[f"{level}_ci95"]
        bars.bar(place, value, 0.6, color=colour)
        bars.errorbar(place, value, [[value - low], [high - value]], color=INK, capsize=3, lw=1)
        fresh = [run[level] for run in numbers["untrained"]]
        bars.bar(place + 2.5, float(np.mean(fresh)), 0.6, color=colour, alpha=0.35, hatch="//", edgecolor=colour)
        bars.plot([place + 2.5] * len(fresh), fresh, "o", ms=4, mfc="white", mec=INK, mew=0.8)
        for x, shown, top in ((place, value, high), (place + 2.5, float(np.mean(fresh)), max(fresh))):
            bars.annotate(f"{shown:.1f}", (x, top), (0, 4), textcoords="offset points", ha="center", fontsize=8)
        rows = numbers["growth"]
        growth.plot(rows["puzzles"], rows[level], color=colour, marker="o", ms=3, label=f"{name}, trained")
        growth.fill_between(rows["puzzles"], *np.array(rows[f"{level}_range"]).T, color=colour, alpha=0.18, lw=0)
    states = ("trained", "untrained")
    bars.set_xticks([0, 1, 2.5, 3.5], [f"{name}\n{state}" for state in states for name in ("$z_H$", "$z_L$")])
    bars.margins(y=0.12)
    dress(bars, title, "circles: seeds of fresh weights", f"participation ratio (of {numbers['width']})")
    growth.set_ylim(bottom=0)
    said = f"p(H > L) = {numbers['p_value']:.3f}, ratio {numbers['ratio']:.2f}; pooled: {numbers['pooling']}"
    dress(growth, said, "puzzles (bands: least to greatest of 20 random sets)", "participation ratio")
    legend(growth, loc="lower right")
