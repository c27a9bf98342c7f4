"""Whether the model compresses the solutions."""

from typing import TYPE_CHECKING, Any

import numpy as np

from hrm.viz.figures.style import in_digits, legend_below, style_axes
from hrm.viz.palette import FAINT, INK, SERIES

if TYPE_CHECKING:
    from matplotlib.figure import SubFigure


def sentence(numbers: dict[str, Any]) -> str:
    """Answer the question in a sentence."""
    bits = f"{numbers['bits_per_cell'][-1]:.2g} bits a cell instead of {numbers['plain_bits_per_cell']:.2f}"
    even, trained = numbers["puzzles_to_break_even"], numbers["training_puzzles"]
    if even is None:
        return f"No: {bits}, so the parameters are never paid for."
    price = f"{bits}; with its parameters counted, it pays from {even:,.0f} puzzles on"
    if trained is None:
        return f"Yes: {price}."
    return f"{'Yes' if trained >= even else 'Not on its training set'}: {price}, and it was trained on {trained:,}."


def draw(part: "SubFigure", numbers: dict[str, Any]) -> None:
    """Draw the bits a cell over the segments, and where the parameters' own bits are paid back."""
    bits, total = part.subplots(1, 2)
    bits.plot(
        numbers["segments"], numbers["bits_per_cell"], color=SERIES[0], marker="o", ms=3, label="the model, bits a cell"
    )
    # bits of a cell, against those of a plain code
    plain = numbers["plain_bits_per_cell"]
    bits.axhline(plain, color=SERIES[1], ls="--", lw=1.4)
    bits.annotate(f"plain code: {plain:.2f} bits", (1, plain), (0, -10), textcoords="offset points", fontsize=8)
    bits.set_yscale("log")
    if plain < 30 * min(numbers["bits_per_cell"]):  # else powers of ten are enough
        bits.yaxis.set_minor_formatter(lambda value, _: f"{value:g}")
        bits.tick_params(which="minor", labelsize=8)
    in_digits(bits.yaxis)
    style_axes(bits, "", "segment", "bits a cell to fill in")
    # bits of all puzzles, and where the parameters are paid back
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
    title = f"{numbers['parameters']:,} parameters × {numbers['bits_per_parameter']} bits"
    style_axes(total, title, "puzzles coded", "bits in all")
    legend_below(total)
