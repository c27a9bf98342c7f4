"""What more segments give at inference: figure 5 of the paper."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.style import in_digits, in_shares, legend_below, percent, style_axes
from hrm.viz.palette import FAINT, INK, SERIES

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure


def sentence(numbers: dict[str, Any]) -> str:
    """Answer the question in a sentence."""
    exact, last, trained = numbers["exact"], numbers["segments"][-1], numbers["trained_budget"]
    steps = sorted({1, min(trained, last), last})
    shares = ", ".join(f"{percent(exact[n - 1])} with {n}" for n in steps)
    early = f"with early exit {percent(numbers['early_exact'][-1])} in {numbers['early_segments_mean'][-1]:.1f}"
    if last <= trained:
        return f"Right answers by number of segments: {shares}; {early} on average."
    gain = exact[-1] - exact[trained - 1]
    more = "help" if gain > 0 else "change nothing" if gain == 0 else "harm"
    return f"Segments beyond the {trained} of the training {more}: {shares} are right; {early} on average."


def draw(part: "SubFigure", models: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Draw segments used and accuracy against the budget, one color a model, with the M that it was trained with."""
    from matplotlib.lines import Line2D

    used, accuracy = part.subplots(1, 2)
    keys = []
    # each model: what it uses and how much it gets right; a star where it was trained
    for (name, numbers), color in zip(models, SERIES * len(models), strict=False):
        M, low_high, trained = numbers["segments"], np.array(numbers["exact_ci95"]).T, numbers["trained_budget"]
        used.plot(M, numbers["early_segments_mean"], color=color, ls="--", lw=1.6)
        accuracy.plot(M, numbers["exact"], color=color, lw=5, alpha=0.35, solid_capstyle="butt")
        accuracy.fill_between(M, *low_high, color=color, alpha=0.12, lw=0)
        accuracy.plot(M, numbers["early_exact"], color=color, ls="--", lw=1.6)  # over the wide line, often on it
        for axes, curve in ((used, "early_segments_mean"), (accuracy, "exact")):
            axes.axvline(trained, color=color, lw=1, ls=":", alpha=0.9)
            if trained in M:
                axes.plot(trained, numbers[curve][M.index(trained)], marker="*", ms=11, color=color, ls="")
        keys.append(Line2D([], [], color=color, lw=4, label=f"{name}, trained with M = {trained}"))
    # the line of those that use all that they may, scales, labels
    longest = max(numbers["segments"][-1] for _, numbers in models)
    used.plot([1, longest], [1, longest], color=FAINT, lw=1.2)
    used.set_xscale("log", base=2)
    used.set_yscale("log", base=2)
    accuracy.set_xscale("log", base=2)
    in_digits(used.xaxis, used.yaxis, accuracy.xaxis)
    in_shares(accuracy)
    style_axes(used, "", "budget of segments M at inference", "segments used, mean")
    style_axes(accuracy, "", "segments M at inference", "whole answers right (95 % band)")
    # the key: models by color, kinds of curves by style
    keys += [
        Line2D([], [], color=INK, lw=5, alpha=0.35, label="exactly M segments"),
        Line2D([], [], color=INK, lw=1.6, ls="--", label="early exit, budget M"),
        Line2D([], [], color=INK, lw=1, ls=":", marker="*", ms=9, label="M of the training"),
    ]
    legend_below(accuracy, handles=keys, labels=[str(key.get_label()) for key in keys])
