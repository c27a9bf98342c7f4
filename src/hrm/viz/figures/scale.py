"""What more thought buys: accuracy against segments, a panel for each class of numbers, which are not compared."""

from typing import TYPE_CHECKING, Any

from hrm.viz.figures.curves import MARKERS
from hrm.viz.figures.style import canvas, heading, in_digits, in_shares, percent, plain, style_axes
from hrm.viz.palette import SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 5.2
TITLES = {
    "one answer": "one answer a puzzle",
    "selection without rules": "one of several answers, chosen without the rules",
    "rule checker": "until the rules accept an answer",
}


def sentence(numbers: dict[str, Any]) -> str:
    """Say what the best method of each class reaches, and how often its own verdict is wrong."""
    parts = []
    for kind, title in TITLES.items():
        ends = [(curve, curve["points"][-1]) for curve in numbers["curves"] if curve["kind"] == kind]
        if ends:
            curve, end = max(ends, key=lambda each: each[1]["exact"])
            reached = f"{percent(end['exact'])} in {end['segments']:.0f} segments by {curve['method']}"
            parts.append(f"{title}: {reached} ({_accepted(end)})")
    return "; ".join(parts) + "."


def _accepted(end: dict[str, Any]) -> str:
    rate = end["false_accept_rate"]
    wrong = "" if rate is None else f", {percent(rate)} of them wrong"
    return f"{percent(end['accepted'])} accepted{wrong}"


def draw_scale(numbers: dict[str, Any]) -> "Figure":
    """Draw every method: on the x axis segments (below) and seconds (above) of a puzzle, on average.

    Args:
        numbers: what ``evaluation.scale`` gave, as the JSON file has it.
    """
    from matplotlib.ticker import LogLocator, NullFormatter

    # a panel for each class, with room for its key
    kinds = [kind for kind in TITLES if any(curve["kind"] == kind for curve in numbers["curves"])]
    heights = [2.3 + 0.17 * sum(curve["kind"] == kind for curve in numbers["curves"]) for kind in kinds]
    figure = canvas(WIDTH, sum(heights) + 0.6)
    heading(figure, plain(f"{numbers['model']}, {numbers['data']}"), "", WIDTH)
    # one pace for all: the mean over the methods
    pace = [p["seconds"] / p["segments"] for curve in numbers["curves"] for p in curve["points"][-1:]]
    second = sum(pace) / len(pace)
    most = max(point["segments"] for curve in numbers["curves"] for point in curve["points"])
    rows = figure.subplots(len(kinds), 1, squeeze=False, height_ratios=heights)[:, 0]
    for number, (axes, kind) in enumerate(zip(rows, kinds, strict=True)):
        _panel(axes, [curve for curve in numbers["curves"] if curve["kind"] == kind])
        axes.set_xscale("log", base=2)
        axes.set_xlim(0.9, 1.1 * most)
        in_digits(axes.xaxis)
        in_shares(axes)
        style_axes(axes, TITLES[kind], "segments a puzzle, mean", "right (band: 95 %)")
        if number == 0:
            above = axes.secondary_xaxis("top", functions=(lambda x: x * second, lambda s: s / second))
            above.set_xlabel("seconds a puzzle, in a batch on this machine", fontsize=8)
            above.tick_params(labelsize=7)
            above.set_xscale("log")
            above.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            in_digits(above.xaxis)
            above.xaxis.set_minor_formatter(NullFormatter())
    return figure


def _panel(axes: "Axes", curves: list[dict[str, Any]]) -> None:
    """Draw the curves of one class; the key says what each accepts at its end, and what share of that is wrong."""
    from matplotlib.transforms import ScaledTranslation

    for curve, color, marker in zip(curves, SERIES, MARKERS, strict=False):
        x, y = ([point[name] for point in curve["points"]] for name in ("segments", "exact"))
        low, high = zip(*(point["exact_ci95"] for point in curve["points"]), strict=True)
        end = curve["points"][-1]
        label = f"{curve['method']}: {_accepted(end)}"
        axes.plot(x, y, color=color, marker=marker, ms=3.5, lw=1.4, label=label)
        axes.fill_between(x, low, high, color=color, alpha=0.08, lw=0)
    below = axes.transAxes + ScaledTranslation(-0.1, -0.42, axes.figure.dpi_scale_trans)
    axes.legend(
        fontsize=7.5, frameon=False, loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below, borderaxespad=0,
        labelspacing=0.25,
    )  # fmt: skip
