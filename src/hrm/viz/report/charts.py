"""The small charts of a report, as SVG whose colors, fonts and sizes are those of the page.

They are not drawn by matplotlib, which figures take, because a report must have them without the extra ``plot``, and
because they follow the page: its light and dark colors, its fonts, and text that can be selected and read aloud.
Units inside: a chart is ``WIDTH`` by ``HEIGHT``, and the page scales it to its column.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from markupsafe import Markup

from hrm.viz.templates import render

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 14, 52
MOST_DOTS = 32

Point = tuple[float, float]
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Curve:
    """A line through points, with a band around it where there is an interval."""

    name: str
    points: Sequence[Point]
    style: str
    """Class of the page's style: ``main``, ``second``, ``third``."""
    band: Sequence[Point] = ()
    """Low and high at each point."""


def percent(value: float) -> str:
    """Return a share in words that fit on an axis."""
    return f"{100 * value:.0f} %"


def plain(value: float) -> str:
    """Return a number as short as it may be."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def line_chart(
    curves: Sequence[Curve],
    x: str,
    label: str,
    low: float,
    high: float,
    *,
    y: Callable[[float], str] = percent,
    is_log: bool = False,
) -> Markup:
    """Draw curves over a common x axis.

    Args:
        x: what the x axis counts.
        label: the chart in words, for those who do not see it.
        low, high: of the y axis; above 0 where it is logarithmic.
        y: how its values are written.
    """
    # scales of both axes
    steps = [step for curve in curves for step, _ in curve.points]
    first, last = min(steps), max(steps)
    if first == last:
        first, last = first - 1, last + 1
    across, height = _scale(first, last, LEFT, WIDTH - RIGHT), _height(low, high, is_log)

    def points(pairs: Sequence[Point]) -> str:
        return " ".join(f"{across(step):.1f},{height(value):.1f}" for step, value in pairs)

    return _chart(
        x, label,
        levels=[(height(value), y(value)) for value in (_powers(low, high) if is_log else _ticks(low, high, 5))],
        marks=[(across(value), plain(value)) for value in _ticks(first, last, 8, whole=True)],
        bands=[(curve.style, points(_edge(curve))) for curve in curves if curve.band],
        lines=[
            (curve.style, points(curve.points),
             [(across(step), height(value)) for step, value in curve.points if len(curve.points) <= MOST_DOTS])
            for curve in reversed(curves)
        ],
        key=[(curve.style, curve.name) for curve in curves],
    )  # fmt: skip


def bar_chart(right: Sequence[int], wrong: Sequence[int], x: str, label: str) -> Markup:
    """Draw how many are right and, on top, wrong, at 1, 2, … of what the x axis counts."""
    totals, count = [good + bad for good, bad in zip(right, wrong, strict=True)], len(right)
    highest = max(1, *totals)
    height, room = _height(0, highest * 1.12), (WIDTH - LEFT - RIGHT) / count
    width = min(46.0, room * 0.72)
    centers = [LEFT + room * (place + 0.5) for place in range(count)]
    stacks = zip(centers, right, totals, strict=True)
    parts = [(x0, *part) for x0, good, total in stacks for part in ((0, good, "main"), (good, total, "wrong"))]
    every = ceil(count / 16)
    return _chart(
        x, label,
        levels=[(height(value), plain(value)) for value in _ticks(0, highest, 4, whole=True)],
        marks=[(center, str(number)) for number, center in enumerate(centers, start=1) if number % every == 0],
        bars=[
            (style, center - width / 2, height(end), width, height(begin) - height(end))
            for center, begin, end, style in parts if end > begin
        ],
        counts=[(x0, height(n) - 6, n) for x0, n in zip(centers, totals, strict=True) if n and count <= 24],
        key=[(style, f"{word} when it stops")
             for style, word, counts in (("main", "right", right), ("wrong", "wrong", wrong)) if any(counts)],
    )  # fmt: skip


def _chart(x: str, label: str, **parts: Any) -> Markup:
    sizes = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT, "bottom": HEIGHT - BOTTOM}
    empty = dict.fromkeys(("bands", "lines", "bars", "counts"), ())
    return render("chart.html", x_axis=x, label=label, **{**sizes, **empty, **parts})


def _edge(curve: Curve) -> list[Point]:
    """Return the outline of a band: along its upper bounds, and back along its lower ones."""
    steps = [step for step, _ in curve.points]
    if len(steps) == 1:  # a point has a whisker
        low, high = curve.band[0]
        return [(steps[0] + shift, value) for shift, value in ((-0.03, high), (0.03, high), (0.03, low), (-0.03, low))]
    upper = [(step, high) for step, (_, high) in zip(steps, curve.band, strict=True)]
    return upper + [(step, low) for step, (low, _) in zip(steps, curve.band, strict=True)][::-1]


def _scale(low: float, high: float, begin: float, end: float) -> Scale:
    return lambda value: begin + (value - low) / (high - low) * (end - begin)


def _height(low: float, high: float, is_log: bool = False) -> Scale:
    if not is_log:
        return _scale(low, high, HEIGHT - BOTTOM, TOP)
    linear = _scale(log10(low), log10(high), HEIGHT - BOTTOM, TOP)
    return lambda value: linear(log10(max(value, low)))


def _powers(low: float, high: float) -> list[float]:
    powers = [10.0**power for power in range(ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9) + 1)]
    return powers[:: ceil(len(powers) / 6)] if powers else [low, high]


def _ticks(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """Return round numbers within a range, at most so many."""
    rough = (high - low) / max(1, most - 1)
    unit = 10.0 ** floor(log10(rough))
    width = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    if whole:
        width = max(1.0, float(ceil(width)))
    return [n * width for n in range(ceil(low / width - 1e-9), floor(high / width + 1e-9) + 1)]
