"""Figures of rest, of code length, and of memory."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.style import in_percent, legend, legend_below, style_axes
from hrm.viz.palette import FAINT, INK, RIGHT, SERIES, WRONG

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure

LEAST_MOVEMENT = 1e-6
"""Smaller movements are drawn here."""


def draw_fixed_points(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw how much right and wrong states still move, and the puzzles with one blank."""
    from matplotlib.ticker import MaxNLocator

    rest, blank = part.subplots(1, 2)
    movement = np.maximum(np.array(numbers["movement"]), LEAST_MOVEMENT)
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
    found = numbers["one_blank"]
    if found is None:
        blank.axis("off")
        blank.text(0.5, 0.5, "one blank: these puzzles never give\nthe symbols of their answers", ha="center")
        return
    blank.plot(found["segments"], found["cell"], color=SERIES[0], lw=5, alpha=0.4, label="the blank cell")
    blank.plot(found["segments"], found["exact"], color=RIGHT, marker="o", ms=3, lw=1.4, label="the whole grid")
    blank.fill_between(found["segments"], *np.array(found["exact_ci95"]).T, color=RIGHT, alpha=0.18, lw=0)
    blank.set_ylim(-0.03, 1.03)
    in_percent(blank.yaxis)
    said = f"solved puzzles with one cell blanked ({found['puzzles']})"
    style_axes(blank, said, "segment", "share right (95 % band)")
    legend(blank, loc="lower right")


def draw_code_length(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw the bits a cell over the segments, and where the parameters' own bits are paid back."""
    bits, total = part.subplots(1, 2)
    bits.plot(
        numbers["segments"], numbers["bits_per_cell"], color=SERIES[0], marker="o", ms=3, label="the model, bits a cell"
    )
    plain = numbers["plain_bits_per_cell"]
    bits.axhline(plain, color=SERIES[1], ls="--", lw=1.4)
    bits.annotate(f"plain code: {plain:.2f} bits", (1, plain), (0, -10), textcoords="offset points", fontsize=8)
    bits.set_yscale("log")
    if plain < 30 * min(numbers["bits_per_cell"]):  # else powers of ten are enough
        bits.yaxis.set_minor_formatter(lambda value, _: f"{value:g}")
        bits.tick_params(which="minor", labelsize=8)
    bits.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    style_axes(bits, "", "segment", "bits a cell to fill in")
    cells, weights = numbers["cells_per_puzzle"], numbers["parameter_bits"]
    even, trained = numbers["puzzles_to_break_even"], numbers["training_puzzles"]
    puzzles = np.geomspace(1, 10 * max(even or 1e6, trained or 1), 120)
    total.plot(puzzles, puzzles * cells * plain, color=SERIES[1], ls="--", lw=1.4, label="plain code")
    model = weights + puzzles * cells * numbers["bits_per_cell"][-1]
    total.plot(puzzles, model, color=SERIES[0], lw=1.6, label="parameters and solutions under the model")
    if even is not None:
        total.plot([even], [weights + even * cells * numbers["bits_per_cell"][-1]], "o", color=INK, ms=5)
        total.annotate(
            f"even at {even:,.0f} puzzles", (even, weights), (-6, 10), textcoords="offset points",
            ha="right", fontsize=8,
        )  # fmt: skip
    if trained:
        total.axvline(trained, color=FAINT, lw=1.2, ls=":", label=f"trained on {trained:,} (and their symmetries)")
    total.set_xscale("log")
    total.set_yscale("log")
    said = f"{numbers['parameters']:,} parameters × {numbers['bits_per_parameter']} bits"
    style_axes(total, said, "puzzles coded", "bits in all")
    legend_below(total)


def draw_memory(part: "SubFigure", found: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Draw what is held for the gradient against N·T, one color a model."""
    axes = part.subplots()
    written: list[tuple[float, float]] = []
    for (name, numbers), color in zip(found, SERIES * len(found), strict=False):
        for key, style, label in (("one_step_bytes", "-", "one-step gradient"), ("full_bytes", "--", "all calls")):
            mib = [size / 2**20 for size in numbers[key]]
            axes.plot(numbers["NT"], mib, style, color=color, marker="o", ms=4, lw=1.5, label=f"{name}, {label}")
            for x, y in zip(numbers["NT"], mib, strict=True):
                if any(x == at and max(y, told) < 1.25 * min(y, told) for at, told in written):
                    continue  # the number would lie on another
                written.append((x, y))
                axes.annotate(f"{y:.3g}", (x, y), (0, 5), textcoords="offset points", ha="center", fontsize=8)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.margins(y=0.15)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    first = found[0][1]
    style_axes(
        axes, "", f"timesteps of a segment N·T (T = {first['timesteps']})",
        "MiB held for the gradient",
    )  # fmt: skip
    legend_below(axes)
