"""Whether the recursion comes to rest on wrong answers."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.style import in_shares, legend, percent, style_axes
from hrm.viz.palette import INK, RIGHT, SERIES, WRONG

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure


_LEAST_MOVEMENT = 1e-6
"""Smaller movements are drawn as this one."""


def sentence(numbers: dict[str, Any]) -> str:
    """Answer the question in a sentence."""
    share, (low, high) = numbers["false_fixed_points"], numbers["false_fixed_points_ci95"]
    rests = f"{percent(share)} of the puzzles come to rest on a wrong answer (95 %: {percent(low)} to {percent(high)})"
    wrong = 1 - sum(numbers["right"]) / len(numbers["right"])
    return f"{'Yes' if share else 'No'}: {rests}; {percent(wrong)} are wrong in the end."


def draw(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw how much right and wrong states still move, and the puzzles with one blank."""
    from matplotlib.ticker import MaxNLocator

    rest, blank = part.subplots(1, 2)
    # how far right and wrong states still move
    movement = np.maximum(np.array(numbers["movement"]), _LEAST_MOVEMENT)
    right = np.array(numbers["right"], bool)
    edges = np.geomspace(min(movement.min(), numbers["tolerance"]) / 2, max(2.0, movement.max() * 1.01), 34)
    groups = ((right, RIGHT, "right"), (~right, WRONG, "wrong"))
    present = [group for group in groups if group[0].any()]
    shown = [(movement[chosen], color, f"{label}: {int(chosen.sum())}") for chosen, color, label in present]
    values, colors, labels = zip(*shown, strict=True)
    rest.hist(values, edges, stacked=True, color=colors, label=labels)
    rest.axvline(numbers["tolerance"], color=INK, lw=1, ls="--", label=f"at rest below {numbers['tolerance']:g}")
    rest.set_xscale("log")
    rest.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    style_axes(
        rest, "",
        f"greatest movement of $z_H$ a segment, last {numbers['window']} of {numbers['segments']}", "puzzles",
    )  # fmt: skip
    legend(rest, loc="best")
    # puzzles with one blank, the easiest that there are
    one_blank = numbers["one_blank"]
    if one_blank is None:
        blank.axis("off")
        blank.text(0.5, 0.5, "one blank: these puzzles never give\nthe symbols of their answers", ha="center")
        return
    blank.plot(one_blank["segments"], one_blank["cell"], color=SERIES[0], lw=5, alpha=0.4, label="the blank cell")
    blank.plot(one_blank["segments"], one_blank["exact"], color=RIGHT, marker="o", ms=3, lw=1.4, label="the whole grid")
    blank.fill_between(one_blank["segments"], *np.array(one_blank["exact_ci95"]).T, color=RIGHT, alpha=0.18, lw=0)
    in_shares(blank)
    title = f"solved puzzles with one cell blanked ({one_blank['puzzles']})"
    style_axes(blank, title, "segment", "share right (95 % band)")
    legend(blank, loc="lower right")
