"""Small charts as SVG whose colors and sizes are the page's.

Units inside: a chart is ``WIDTH`` by ``HEIGHT``, and the page scales it to its column.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 560, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 14, 14, 52
MOST_DOTS = 32

Point = tuple[float, float]


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
    said: str,
    low: float,
    high: float,
    *,
    y: Callable[[float], str] = percent,
    is_log: bool = False,
) -> str:
    """Draw curves over a common x axis.

    Args:
        x: what the x axis counts.
        said: the chart in words, for those who do not see it.
        low, high: of the y axis; above 0 where it is logarithmic.
        y: how its values are written.
    """
    steps = [at for curve in curves for at, _ in curve.points]
    first, last = min(steps), max(steps)
    if first == last:
        first, last = first - 1, last + 1
    height = _logarithmic(low, high) if is_log else _linear(low, high)
    ticks = _powers(low, high) if is_log else _ticks(low, high, 5)

    def across(value: float) -> float:
        return LEFT + (value - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    parts = [_level(height(value), y(value)) for value in ticks]
    parts += [_mark(across(value), plain(value)) for value in _ticks(first, last, 8, whole=True)]
    for curve in curves:
        if curve.band:
            edge = [(at, bounds[1]) for (at, _), bounds in zip(curve.points, curve.band, strict=True)]
            edge += [(at, bounds[0]) for (at, _), bounds in zip(curve.points, curve.band, strict=True)][::-1]
            if len(edge) == 2:  # a point has a whisker
                edge = [(at + shift, value) for at, value in edge for shift in (-0.03, 0.03)]
                edge[2:] = edge[:1:-1]
            parts.append(f'<polygon class="band {curve.style}" points="{_points(edge, across, height)}"/>')
    for curve in reversed(curves):
        parts.append(f'<polyline class="line {curve.style}" points="{_points(curve.points, across, height)}"/>')
        if len(curve.points) <= MOST_DOTS:
            parts += [
                f'<circle class="dot {curve.style}" cx="{across(at):.1f}" cy="{height(value):.1f}" r="3.5"/>'
                for at, value in curve.points
            ]
    return _chart(parts, x, said)


def bar_chart(right: Sequence[int], wrong: Sequence[int], x: str, said: str) -> str:
    """Draw how many are right and, on top, wrong, at 1, 2, … of what the x axis counts."""
    highest = max(1, *(a + b for a, b in zip(right, wrong, strict=True)))
    height, count = _linear(0, highest * 1.12), len(right)
    room = (WIDTH - LEFT - RIGHT) / count
    width = min(46.0, room * 0.72)
    parts = [_level(height(value), plain(value)) for value in _ticks(0, highest, 4, whole=True)]
    every = ceil(count / 16)
    for place, (good, bad) in enumerate(zip(right, wrong, strict=True)):
        center = LEFT + room * (place + 0.5)
        if (place + 1) % every == 0 or count <= 16:
            parts.append(_mark(center, str(place + 1)))
        for begin, end, style in ((0, good, "main"), (good, good + bad, "wrong")):
            if end > begin:
                top = height(end)
                box = (
                    f'x="{center - width / 2:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height(begin) - top:.1f}"'
                )
                parts.append(f'<rect class="bar {style}" {box}/>')
        if good + bad and count <= 24:
            parts.append(f'<text class="count" x="{center:.1f}" y="{height(good + bad) - 6:.1f}">{good + bad}</text>')
    return _chart(parts, x, said)


def _chart(parts: list[str], x: str, said: str) -> str:
    foot = f'<text class="label" x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 6}">{escape(x)}</text>'
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(said)}">'
        f"{''.join(parts)}{foot}</svg>"
    )


def _level(y: float, words: str) -> str:
    line = f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
    return f'{line}<text class="tick y" x="{LEFT - 9}" y="{y + 4.5:.1f}">{escape(words)}</text>'


def _mark(x: float, words: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{HEIGHT - BOTTOM + 21}">{escape(words)}</text>'


def _points(points: Sequence[Point], across: Callable[[float], float], height: Callable[[float], float]) -> str:
    return " ".join(f"{across(x):.1f},{height(y):.1f}" for x, y in points)


def _linear(low: float, high: float) -> Callable[[float], float]:
    return lambda value: HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - BOTTOM - TOP)


def _logarithmic(low: float, high: float) -> Callable[[float], float]:
    linear = _linear(log10(low), log10(high))
    return lambda value: linear(log10(max(value, low)))


def _powers(low: float, high: float) -> list[float]:
    found = [10.0**power for power in range(ceil(log10(low) - 1e-9), floor(log10(high) + 1e-9) + 1)]
    return found[:: ceil(len(found) / 6)] if found else [low, high]


def _ticks(low: float, high: float, most: int, whole: bool = False) -> list[float]:
    """Return round numbers within a range, at most so many."""
    rough = (high - low) / max(1, most - 1)
    unit = 10.0 ** floor(log10(rough))
    width = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    if whole:
        width = max(1.0, float(ceil(width)))
    found, number = [], ceil(low / width - 1e-9)
    while number * width <= high + 1e-9 * width:
        found.append(number * width)
        number += 1
    return found
