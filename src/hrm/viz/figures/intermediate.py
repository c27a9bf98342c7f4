"""What the model would answer at every timestep: figure 7 of the paper."""

from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.levels import label_of_timesteps, mark_segments
from hrm.viz.figures.style import in_shares, legend, percent, style_axes
from hrm.viz.palette import ANSWER, CHANGED, CLASH, FAINT, INK, SERIES, WALL, contrast, ink_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

MOST_FRAMES, FRAMES_IN_A_ROW = 12, 6
"""Grids that a figure shows."""
INCHES_OF_CURVES, INCHES_OF_ROW = 3.6, 2.15


def sentence(numbers: dict[str, Any]) -> str:
    """Answer the question in a sentence."""
    exact, per_segment = numbers["exact"], numbers["cycles"] * numbers["timesteps"]
    parts = [f"{percent(exact[0])} of the answers are right at the first {numbers['unit']}"]
    if per_segment < len(exact):
        parts.append(f"{percent(exact[per_segment - 1])} after the first segment")
    parts.append(f"{percent(exact[-1])} at the end")
    grows = "The answer is improved step by step" if exact[-1] > exact[0] else "The answer does not improve"
    return f"{grows}: {', '.join(parts)}."


def draw(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw accuracy over the timesteps, and below it the answers to one puzzle."""
    frames = chosen_frames(numbers["example"]["frames"])
    rows = -(-len(frames) // FRAMES_IN_A_ROW)
    heights = (INCHES_OF_CURVES, INCHES_OF_ROW * rows)
    above, below = part.subfigures(2, 1, squeeze=False, height_ratios=heights)[:, 0]
    left, right = above.subplots(1, 2)
    for key, label, color in (("exact", "whole answers", SERIES[2]), ("cell", "cells", SERIES[0])):
        left.plot(numbers["timestep"], numbers[key], color=color, marker="o", ms=2.5, lw=1.2, label=label)
    in_shares(left)
    for values, label, color in _counts(numbers):
        right.plot(numbers["timestep"], values, color=color, marker="o", ms=2.5, lw=1.2, label=label)
    mark_segments(left, numbers)
    mark_segments(right, numbers)
    style_axes(left, "", label_of_timesteps(numbers), "share right")
    style_axes(right, "", label_of_timesteps(numbers), "cells a puzzle")
    legend(left, loc="best")
    legend(right, loc="best")
    panels = below.subplots(rows, FRAMES_IN_A_ROW, squeeze=False).ravel()
    for axes in panels:
        axes.axis("off")
    for axes, frame in zip(panels, frames, strict=False):
        _grid(axes, frame, numbers)
    below.suptitle(_caption(frames, numbers), fontsize=9, color=INK)


def _counts(numbers: dict[str, Any]) -> list[tuple[list[float], str, str]]:
    """Return the curves of cells a puzzle; those that break a rule only where the rules say so of single cells."""
    supervised = sum(label > 0 for label in numbers["example"]["labels"])
    curves = [
        ([(1 - share) * supervised for share in numbers["cell"]], "differ from the stored answer", SERIES[4]),
        (numbers["changed"], f"changed since the {numbers['unit']} before", FAINT),
    ]
    if any(numbers["breaking"]):
        curves.append((numbers["breaking"], "clash by a rule", CLASH))
    return curves


def _caption(frames: list[dict[str, Any]], numbers: dict[str, Any]) -> str:
    """Return which puzzle it is, and the meaning of those signs that occur."""
    solid, fills = set(numbers["solid"]), dict(numbers.get("fills", ()))
    written = {cell for frame in frames for cell, token in enumerate(frame["tokens"]) if token not in solid | {*fills}}
    signs = [
        ("givens bold", any(cell in written for cell in numbers["example"]["given"]) and not fills),
        ("changed cells on gray", any(frame["changed"] for frame in frames)),
        ("clashing cells red", any(frame["breaking"] for frame in frames)),
    ]
    signs_shown = "".join(f", {sign}" for sign, occurs in signs if occurs)
    return f"puzzle {numbers['example']['puzzle']}, {numbers['unit']}s at which its answer changed{signs_shown}"


def height(numbers: dict[str, Any]) -> float:
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
    # grounds
    breaking, given = set(frame["breaking"]), set(numbers["example"]["given"])
    grounds = [_ground(frame, cell, numbers) for cell in range(rows * columns)]
    for y in range(rows):
        x = 0
        for ground, run in groupby(grounds[y * columns : (y + 1) * columns]):  # as areas: pixels would not follow dark
            width = len(list(run))
            if ground:
                axes.add_patch(Rectangle((x, y), width, 1, fc=ground, lw=0, zorder=0))
            x += width
    # symbols
    axes.set_aspect("equal")
    size = min(11.0, 78 / max(rows, columns))
    for cell, token in enumerate(frame["tokens"]):
        symbol = numbers["tokens"][token]
        if token == 0 or token in numbers["solid"] or symbol in ". ":
            continue
        y, x = divmod(cell, columns)
        ink = CLASH if cell in breaking else INK if cell in given else ANSWER
        if grounds[cell] and contrast(ink, grounds[cell]) < 4.5:
            ink = ink_on(grounds[cell])
        axes.text(
            x + 0.5, y + 0.52, symbol, ha="center", va="center", fontsize=size, color=ink,
            fontweight="bold" if cell in given else "normal",
        )  # fmt: skip
    # lines, those of boxes thick
    thin = 0.3 if max(rows, columns) <= 16 else 0.0
    for count, box, line in ((rows, box_rows, axes.hlines), (columns, box_columns, axes.vlines)):
        for at in range(count + 1):
            thick = at in (0, count) or (box and at % box == 0)
            if thick or thin:
                line(at, 0, columns if line == axes.hlines else rows, color=INK, lw=1.2 if thick else thin)
    axes.set_xlim(-0.1, columns + 0.1)
    axes.set_ylim(rows + 0.1, -0.1)
    verdict = "right" if frame["exact"] else f"{len(breaking)} clash" if breaking else "not yet right"
    axes.set_title(f"{numbers['unit']} {frame['timestep']}: {verdict}", fontsize=8, color=INK)


def _ground(frame: dict[str, Any], cell: int, numbers: dict[str, Any]) -> str:
    """Return the color behind a cell; empty: that of the paper."""
    token = frame["tokens"][cell]
    fill = dict(numbers.get("fills", ())).get(token)
    if fill:
        return fill
    if token in numbers["solid"]:
        return WALL if cell in numbers["example"]["given"] else ANSWER
    return CHANGED if cell in frame["changed"] else ""
