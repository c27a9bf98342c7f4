"""Figures of the answers: halting, depth, and what the Q-head knows."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.style import in_percent, legend_below, style_axes
from hrm.viz.palette import FAINT, INK, RIGHT, SERIES, WRONG

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure


def draw_halting(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw the segments used against difficulty, and how many puzzles use how many."""
    from matplotlib.ticker import MaxNLocator

    points, shares = part.subplots(1, 2, width_ratios=(1.4, 1))
    used, difficulty = np.array(numbers["segments"]), np.array(numbers["difficulty"])
    exact = np.array(numbers["exact"], bool)
    rng = np.random.default_rng(0)  # apart from one another, so that equal points are seen
    spread = (np.ptp(difficulty) or 1) / 60
    x = difficulty + rng.uniform(-spread, spread, len(used))
    y = used + rng.uniform(-0.16, 0.16, len(used))
    for chosen, color, marker, label in ((exact, RIGHT, "o", "right"), (~exact, WRONG, "x", "wrong")):
        if chosen.any():
            points.scatter(x[chosen], y[chosen], s=16, c=color, marker=marker, alpha=0.6, lw=1, label=label)
    edges = np.unique(np.quantile(difficulty, np.linspace(0, 1, 6)))
    if len(edges) > 2:
        place = np.searchsorted(edges[1:-1], difficulty, side="right")
        chosen = sorted(set(place.tolist()))
        means = [(difficulty[place == k].mean(), used[place == k].mean()) for k in chosen]
        label = f"means of {len(means)} groups by difficulty"
        points.plot(*zip(*means, strict=True), color=INK, lw=1.4, marker="D", ms=4, label=label)
    if difficulty.max() > 20 * max(float(np.median(difficulty)), 1):
        points.set_xscale("symlog", linthresh=1)
    else:
        points.xaxis.set_major_locator(MaxNLocator(8, integer=bool((difficulty % 1 == 0).all())))
    points.yaxis.set_major_locator(MaxNLocator(integer=True))
    style_axes(points, "", numbers["measure"], f"segments used (of {numbers['budget']})")
    budgets = np.arange(1, numbers["budget"] + 1)
    below = np.zeros(len(budgets))
    for chosen, color in ((exact, RIGHT), (~exact, WRONG)):
        counts = np.array([((used == budget) & chosen).sum() for budget in budgets], float)
        if counts.any():
            shares.bar(budgets, counts, 0.8, bottom=below, color=color)
            below += counts
    shares.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    shares.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    style_axes(shares, "", "segments used", "puzzles")
    shares.grid(False, axis="x")
    legend_below(points)


def draw_depth(part: "SubFigure", found: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Draw segments used and accuracy against the budget, one color a model, with the M that it was trained with."""
    from matplotlib.lines import Line2D

    used, accuracy = part.subplots(1, 2)
    keys = []
    for (name, numbers), color in zip(found, SERIES * len(found), strict=False):
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
    longest = max(numbers["segments"][-1] for _, numbers in found)
    used.plot([1, longest], [1, longest], color=FAINT, lw=1.2)
    used.set_xscale("log", base=2)
    used.set_yscale("log", base=2)
    accuracy.set_xscale("log", base=2)
    for axes in (used, accuracy):
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    used.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    accuracy.set_ylim(-0.03, 1.03)
    in_percent(accuracy.yaxis)
    style_axes(used, "", "budget of segments M at inference", "segments used, mean")
    style_axes(accuracy, "", "segments M at inference", "whole answers right (95 % band)")
    keys += [
        Line2D([], [], color=INK, lw=5, alpha=0.35, label="exactly M segments"),
        Line2D([], [], color=INK, lw=1.6, ls="--", label="early exit, budget M"),
        Line2D([], [], color=INK, lw=1, ls=":", marker="*", ms=9, label="M of the training"),
    ]
    legend_below(accuracy, handles=keys, labels=[str(key.get_label()) for key in keys])


def draw_calibration(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw the reliability of q_halt and how often it takes which value."""
    curve, counts = part.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    curve.plot([0, 1], [0, 1], color=FAINT, lw=1, label="perfect")
    for key, color, offset in (("all_segments", SERIES[0], -0.011), ("last_segment", SERIES[1], 0.011)):
        rows = [row for row in numbers[key]["bins"] if row["count"]]
        x, y = [row["q_halt_mean"] for row in rows], [row["exact"] for row in rows]
        spread = np.array([(max(0, r["exact"] - r["exact_ci95"][0]), r["exact_ci95"][1] - r["exact"]) for r in rows])
        said = ", ".join(
            f"{name} {numbers[key][score]['value']:.2g}"
            for name, score in (("ECE", "ece"), ("Brier", "brier"), ("AUROC", "auroc"))
            if numbers[key][score]["value"] is not None
        )
        label = f"{key.replace('_', ' ')}: {said}"
        line = "-" if key == "all_segments" else ""
        curve.errorbar(x, y, spread.T, color=color, marker="o", ls=line, ms=4, lw=1.2, capsize=2, label=label)
        bins = numbers[key]["bins"]
        centers = np.array([(row["low"] + row["high"]) / 2 for row in bins])
        counts.bar(centers + 2 * offset, [row["count"] for row in bins], 0.04, color=color)
    curve.set_ylim(-0.03, 1.03)
    counts.set_yscale("symlog", linthresh=1)
    in_percent(curve.yaxis)
    in_percent(counts.xaxis)
    style_axes(curve, "", y="share right (95 % interval)")
    style_axes(counts, "", "q_halt: how likely the Q-head holds the answer to be right", "answers (log)")
    legend_below(curve, ncols=1)
