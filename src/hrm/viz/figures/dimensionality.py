"""How many dimensions the states fill: figure 8 of the paper."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.levels import levels_of
from hrm.viz.figures.style import legend, style_axes
from hrm.viz.palette import INK

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure


def sentence(numbers: dict[str, Any]) -> str:
    """Answer the question in a sentence."""
    high, low, ratio = numbers["z_H"], numbers["z_L"], numbers["ratio"]
    fresh = [run["z_H"] for run in numbers["untrained"]]
    untrained = f"{sum(fresh) / len(fresh):.1f} before training"
    if low is None or ratio is None:
        return f"The state fills {high:.1f} of {numbers['width']} dimensions, against {untrained}."
    outcome = f"z_H fills {high:.1f} dimensions and z_L {low:.1f}, a ratio of {ratio:.2f}"
    bounds = numbers["ratio_ci95"]
    outcome += f" (95 %: {bounds[0]:.2f} to {bounds[1]:.2f}; z_H had {untrained})"
    if bounds[0] > 1 and numbers["p_value"] < 0.05:
        return f"{outcome}: yes, z_H fills more, as in the paper's figure 8."
    if bounds[1] < 1:
        return f"{outcome}: no, z_H fills fewer, against the paper's figure 8."
    return f"{outcome}: no clear difference."


def draw(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw the participation ratios beside those without training, and their growth with the number of puzzles."""
    bars, growth = part.subplots(1, 2, width_ratios=(1, 1.35))
    levels = levels_of(numbers)[::-1]
    offset, places, names = len(levels) + 0.5, list[float](), list[str]()
    for place, (level, color, name) in enumerate(levels):
        # the trained network
        value, (low, high) = numbers[level], numbers[f"{level}_ci95"]
        bars.bar(place, value, 0.6, color=color)
        label = "95 % interval" if place == 0 else None
        bars.errorbar(place, value, [[value - low], [high - value]], color=INK, capsize=3, lw=1, label=label)
        # beside it, networks that were not trained
        fresh = [run[level] for run in numbers["untrained"]]
        mean = float(np.mean(fresh))
        bars.bar(place + offset, mean, 0.6, color=color, alpha=0.35, hatch="//", edgecolor=color)
        label = "one seed of fresh weights" if place == 0 else None
        bars.plot([place + offset] * len(fresh), fresh, "o", ms=4, mfc="white", mec=INK, mew=0.8, label=label)
        places += [place, place + offset]
        names += [f"{name}\ntrained\n{value:.1f}", f"{name}\nuntrained\n{mean:.1f}"]
        # its growth with the number of puzzles
        rows = numbers["growth"]
        growth.plot(rows["puzzles"], rows[level], color=color, marker="o", ms=3, label=f"{name}, trained")
        bounds = np.array(rows[f"{level}_range"]).T
        label = "least to greatest of 20 random sets" if place == 0 else None
        growth.fill_between(rows["puzzles"], *bounds, color=color, alpha=0.18, lw=0, label=label)
    # labels
    bars.set_xticks(places, names)
    style_axes(bars, "", "", f"participation ratio (of {numbers['width']})")
    bars.grid(False, axis="x")
    legend(bars, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2, frameon=False)
    growth.set_ylim(bottom=0)
    counted = {"positions": "every cell is a sample", "means": "the mean over cells is a sample"}[numbers["pooling"]]
    style_axes(growth, "", f"puzzles ({counted})", "participation ratio")
    legend(growth, loc="lower right")
