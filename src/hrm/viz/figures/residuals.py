"""How far each call moves its state: figure 3 of the paper."""

from collections.abc import Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from hrm.viz.figures.levels import label_of_timesteps, levels_of, mark_segments
from hrm.viz.figures.style import LETTERS_AN_INCH, legend_below, percent, style_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure


MOST_IN_A_ROW = 4
"""Models beside one another."""


def sentence(numbers: dict[str, Any]) -> str:
    """Answer the question in a sentence."""
    settles, jumps = numbers["falls_within_cycle"], numbers["jumps_after_H"]
    if settles is None or jumps is None:
        moved = numbers["z_H"]["relative"]
        more = f", the last one by {percent(moved[-1])}" if len(moved) > 1 else ""
        return f"The first {numbers['unit']} moves the state by {percent(moved[0])} of its length{more}."
    steps = f"z_L's steps shrink {settles:.1f}-fold within a cycle and jump {jumps:.1f}-fold after each update of z_H"
    if settles > 1.25 and jumps > 1.25:
        return f"{steps}: yes, the sawtooth of the paper's figure 3."
    return f"{steps}: no, not the sawtooth of the paper's figure 3."


def size(models: int) -> tuple[float, float]:
    """Return the inches that so many models take."""
    in_a_row = min(models, MOST_IN_A_ROW)
    return 7.5 if in_a_row == 1 else 4.2 * in_a_row, 6.4 * -(-models // MOST_IN_A_ROW)


def draw(part: "SubFigure", models: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Draw how far each call moves its state, model beside model: every panel its own calls, all the same scale."""
    columns = min(len(models), MOST_IN_A_ROW)
    panels = part.subplots(2 * -(-len(models) // columns), columns, squeeze=False, sharey="row")
    for axes in panels[-2:, (len(models) - 1) % columns + 1 :].ravel():
        axes.axis("off")
    limits = {kind: _limits([numbers for _, numbers in models], kind) for kind in ("absolute", "relative")}
    for place, (name, numbers) in enumerate(models):
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


def _movements(axes: "Axes", numbers: dict[str, Any], kind: str) -> None:
    mark_segments(axes, numbers)
    for level, color, name in levels_of(numbers):
        moved = numbers[level]
        call = f"{name}, a call of $f_{level[-1]}$" if numbers["z_L"] else f"{name}, a {numbers['unit']}"
        axes.plot(moved["timestep"], moved[kind], color=color, marker="o", ms=2.5, lw=1.2, label=call)
        if kind == "relative":
            bounds = moved["relative_low"], moved["relative_high"]
            band = f"{name}, 10th to 90th percentile"
            axes.fill_between(moved["timestep"], *bounds, color=color, alpha=0.18, lw=0, label=band)
    axes.set_yscale("log")
    axes.set_xlim(0.5, numbers["z_H"]["timestep"][-1] + 0.5)
    if kind == "relative":
        axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")


def _limits(models: Sequence[dict[str, Any]], kind: str) -> tuple[float, float]:
    """Return bounds that hold the movements of all models, whatever stands still apart."""
    keys = (kind, "relative_low", "relative_high") if kind == "relative" else (kind,)
    moved = [numbers[level][key] for numbers in models for level, _, _ in levels_of(numbers) for key in keys]
    values = [value for curve in moved for value in curve if value > 0] or [1.0]
    return min(values) / 1.3, max(values) * 1.3
