"""Figures of the answers: timestep by timestep, halting, depth, and what the Q-head knows."""

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.plot.canvas import COLOURS, FAINT, INK, RIGHT, WRONG, dress, legend
from hrm.plot.states import label_of_timesteps

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

MOST_FRAMES, FRAMES_IN_A_ROW = 12, 6
"""Grids that a figure shows."""
INCHES_OF_CURVES, INCHES_OF_ROW = 3.0, 2.15
BLUE, CHANGED, WALL = "#0b4f9c", "#d1d1d1", "#404047"


def draw_intermediate(part: "SubFigure", numbers: dict[str, Any], title: str) -> None:
    """Draw accuracy over the timesteps, and below it the answers to one puzzle."""
    frames = chosen_frames(numbers["example"]["frames"])
    rows = -(-len(frames) // FRAMES_IN_A_ROW)
    heights = (INCHES_OF_CURVES, INCHES_OF_ROW * rows)
    above, below = part.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    left, right = above.subplots(1, 2)
    for key, label, colour in (
        ("exact", "whole answers", COLOURS[2]),
        ("cell", "cells", COLOURS[0]),
    ):
        left.plot(numbers["timestep"], numbers[key], color=colour, marker="o", ms=2.5, lw=1.2, label=label)
    left.set_ylim(-0.03, 1.03)
    for key, label, colour in (
        ("changed", f"changed since the {numbers['unit']} before", FAINT),
        ("breaking", "breaking a rule", WRONG),
    ):
        right.plot(numbers["timestep"], numbers[key], color=colour, marker="o", ms=2.5, lw=1.2, label=label)
    per_segment = numbers["cycles"] * numbers["timesteps"]
    for axes in (left, right):
        for number in range(1, numbers["segments"]):
            axes.axvline(number * per_segment + 0.5, color=FAINT, lw=0.5, alpha=0.6)
    dress(left, title, label_of_timesteps(numbers), "share right")
    dress(right, "", label_of_timesteps(numbers), "cells a puzzle")
    legend(left, loc="lower right")
    legend(right, loc="upper right")
    panels = below.subplots(rows, FRAMES_IN_A_ROW, squeeze=False).ravel()
    for axes in panels:
        axes.axis("off")
    for axes, frame in zip(panels, frames, strict=False):
        _grid(axes, frame, numbers)
    below.suptitle(
        f"puzzle {numbers['example']['puzzle']}, {numbers['unit']}s at which the answer changed: "
        f"givens bold, changes since the {numbers['unit']} before on grey, red breaks a rule",
        fontsize=9, color=INK,
    )  # fmt: skip


def height_of_intermediate(numbers: dict[str, Any]) -> float:
    """Return the inches that the curves and the grids take."""
    frames = chosen_frames(numbers["example"]["frames"])
    return INCHES_OF_CURVES + INCHES_OF_ROW * -(-len(frames) // FRAMES_IN_A_ROW)


def chosen_frames(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the frames worth showing: where something changed, and of these the first, the last and some between."""
    telling = [frame for frame in frames if frame["changed"]] or frames[:1]
    if len(telling) <= MOST_FRAMES:
        return telling
    return [telling[i] for i in np.linspace(0, len(telling) - 1, MOST_FRAMES).round().astype(int)]


def _grid(axes: "Axes", frame: dict[str, Any], numbers: dict[str, Any]) -> None:
    from matplotlib.patches import Rectangle

    (rows, columns), (box_rows, box_columns) = numbers["shape"], numbers["box"]
    changed, breaking = set(frame["changed"]), set(frame["breaking"])
    given = set(numbers["example"]["given"])
    for y in range(rows):
        fills = [_fill(frame["tokens"][cell], cell, numbers["solid"], given, changed) for cell in _row(y, columns)]
        x = 0
        for fill, run in groupby(fills):  # as areas: an image would keep its colours on dark paper
            width = len(list(run))
            if fill:
                axes.add_patch(Rectangle((x, y), width, 1, fc=fill, lw=0, zorder=0))
            x += width
    axes.set_aspect("equal")
    size = min(11.0, 78 / max(rows, columns))
    for cell, token in enumerate(frame["tokens"]):
        symbol = numbers["tokens"][token]
        if token == 0 or token in numbers["solid"] or symbol in ". ":
            continue
        y, x = divmod(cell, columns)
        axes.text(
            x + 0.5, y + 0.52, symbol, ha="center", va="center", fontsize=size,
            color=WRONG if cell in breaking else INK if cell in given else BLUE,
            fontweight="bold" if cell in given else "normal",
        )  # fmt: skip
    if max(rows, columns) <= 16:
        for y in range(rows + 1):
            axes.axhline(y, color=INK, lw=1.2 if box_rows and y % box_rows == 0 else 0.3)
        for x in range(columns + 1):
            axes.axvline(x, color=INK, lw=1.2 if box_columns and x % box_columns == 0 else 0.3)
    axes.set_xlim(-0.05, columns + 0.05)
    axes.set_ylim(rows + 0.05, -0.05)
    verdict = "right" if frame["exact"] else f"{len(breaking)} break a rule" if breaking else "not yet right"
    axes.set_title(f"{numbers['unit']} {frame['timestep']}: {verdict}", fontsize=8, color=INK)


def _row(y: int, columns: int) -> range:
    return range(y * columns, (y + 1) * columns)


def _fill(token: int, cell: int, solid: list[int], given: set[int], changed: set[int]) -> str:
    """Return the colour behind a cell; empty: that of the paper."""
    if token in solid:
        return WALL if cell in given else BLUE
    return CHANGED if cell in changed else ""


def draw_halting(part: "SubFigure", numbers: dict[str, Any], title: str) -> None:
    """Draw the segments used against difficulty, and how many puzzles use how many."""
    points, shares = part.subplots(1, 2, width_ratios=(1.4, 1))
    used, difficulty = np.array(numbers["segments"]), np.array(numbers["difficulty"])
    exact = np.array(numbers["exact"], bool)
    rng = np.random.default_rng(0)  # apart from one another, so that equal points are seen
    spread = (np.ptp(difficulty) or 1) / 60
    x = difficulty + rng.uniform(-spread, spread, len(used))
    y = used + rng.uniform(-0.16, 0.16, len(used))
    for chosen, colour, marker, label in ((exact, RIGHT, "o", "right"), (~exact, WRONG, "x", "wrong")):
        if chosen.any():
            points.scatter(x[chosen], y[chosen], s=16, c=colour, marker=marker, alpha=0.6, lw=1, label=label)
    edges = np.unique(np.quantile(difficulty, np.linspace(0, 1, 6)))
    if len(edges) > 2:
        place = np.searchsorted(edges[1:-1], difficulty, side="right")
        chosen = sorted(set(place.tolist()))
        means = [(difficulty[place == k].mean(), used[place == k].mean()) for k in chosen]
        points.plot(*zip(*means, strict=True), color=INK, lw=1.4, marker="D", ms=4, label="means of fifths")
    if difficulty.max() > 20 * max(float(np.median(difficulty)), 1):
        points.set_xscale("symlog", linthresh=1)
    line = next(entry for entry in numbers["correlations"] if entry["measure"] == numbers["measure"])
    said = "" if line["spearman"] is None else f"Spearman's ρ = {line['spearman']:.2f}"
    if line["ci95"]:
        said += f" (95 %: {line['ci95'][0]:.2f} to {line['ci95'][1]:.2f})"
    dress(points, f"{title}\n{said}" if said else title, numbers["measure"], f"segments used (of {numbers['budget']})")
    legend(points, loc="best")
    budgets = np.arange(1, numbers["budget"] + 1)
    for offset, chosen, colour, label in ((-0.2, exact, RIGHT, "right"), (0.2, ~exact, WRONG, "wrong")):
        counts = [int(((used == budget) & chosen).sum()) for budget in budgets]
        shares.bar(budgets + offset, counts, 0.4, color=colour, label=label)
    shares.set_yscale("symlog", linthresh=1)
    dress(shares, f"mean {numbers['segments_mean']:.2f} segments", "segments used", "puzzles")
    legend(shares, loc="best")


def draw_depth(part: "SubFigure", found: Sequence[tuple[str, dict[str, Any]]], title: str) -> None:
    """Draw segments used and accuracy against the budget, one colour a model, with the M that it was trained with."""
    from matplotlib.lines import Line2D

    used, accuracy = part.subplots(1, 2)
    keys = []
    for (name, numbers), colour in zip(found, COLOURS * len(found), strict=False):
        M, low_high, trained = numbers["segments"], np.array(numbers["exact_ci95"]).T, numbers["trained_budget"]
        used.plot(M, numbers["early_segments_mean"], color=colour, ls="--", lw=1.6)
        accuracy.plot(M, numbers["exact"], color=colour, marker="o", ms=2.5, lw=1.4)
        accuracy.fill_between(M, *low_high, color=colour, alpha=0.15, lw=0)
        accuracy.plot(M, numbers["early_exact"], color=colour, ls="--", lw=1.4)
        for axes, curve in ((used, "early_segments_mean"), (accuracy, "exact")):
            axes.axvline(trained, color=colour, lw=1, ls=":", alpha=0.9)
            if trained in M:
                axes.plot(trained, numbers[curve][M.index(trained)], marker="*", ms=11, color=colour, ls="")
        keys.append(Line2D([], [], color=colour, lw=4, label=f"{name}, trained with M = {trained}"))
    longest = max(numbers["segments"][-1] for _, numbers in found)
    used.plot([1, longest], [1, longest], color=FAINT, lw=1.2)
    used.set_xscale("log", base=2)
    used.set_yscale("log", base=2)
    accuracy.set_xscale("log", base=2)
    for axes in (used, accuracy):
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    used.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    accuracy.set_ylim(-0.02, 1.02)
    dress(used, title, "budget of segments M at inference", "segments used, mean")
    dress(accuracy, "", "segments M at inference", "whole answers right (95 % band)")
    keys += [
        Line2D([], [], color=INK, lw=1.4, label="exactly M segments"),
        Line2D([], [], color=INK, lw=1.4, ls="--", label="early exit, budget M"),
        Line2D([], [], color=INK, lw=1, ls=":", marker="*", ms=9, label="M of the training"),
    ]
    accuracy.legend(handles=keys, fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def draw_calibration(part: "SubFigure", numbers: dict[str, Any], title: str) -> None:
    """Draw the reliability of q_halt and how often it takes which value."""
    curve, counts = part.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    curve.plot([0, 1], [0, 1], color=FAINT, lw=1, label="perfect")
    for key, colour, offset in (("all_segments", COLOURS[0], -0.011), ("last_segment", COLOURS[1], 0.011)):
        rows = [row for row in numbers[key]["bins"] if row["count"]]
        x, y = [row["q_halt_mean"] for row in rows], [row["exact"] for row in rows]
        spread = np.array([(max(0, r["exact"] - r["exact_ci95"][0]), r["exact_ci95"][1] - r["exact"]) for r in rows])
        said = ", ".join(
            f"{name} {numbers[key][score]['value']:.3f}"
            for name, score in (("ECE", "ece"), ("Brier", "brier"), ("AUROC", "auroc"))
            if numbers[key][score]["value"] is not None
        )
        label = f"{key.replace('_', ' ')}: {said}"
        line = "-" if key == "all_segments" else ""
        curve.errorbar(x, y, spread.T, color=colour, marker="o", ls=line, ms=4, lw=1.2, capsize=2, label=label)
        bins = numbers[key]["bins"]
        centres = np.array([(row["low"] + row["high"]) / 2 for row in bins])
        counts.bar(centres + 2 * offset, [row["count"] for row in bins], 0.04, color=colour)
    curve.set_ylim(-0.03, 1.03)
    counts.set_yscale("symlog", linthresh=1)
    dress(curve, title, y="share right (95 % interval)")
    dress(counts, "", "q_halt: probability of being right, as the Q-head sees it", "answers")
    legend(curve, loc="upper left")
