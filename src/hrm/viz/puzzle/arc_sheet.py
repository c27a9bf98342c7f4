"""A sheet of answers to ARC tests: the demonstrations, then the test's input, the answers and the true output.

As one HTML file that needs nothing else, or as a PNG. Whether an answer is right is said by color and by word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hrm.errors import UsageError
from hrm.inference.task_vote import Test
from hrm.inference.vote import Candidate
from hrm.puzzles.arc.family import PALETTE
from hrm.puzzles.arc.tasks import Grid, Pair, Task
from hrm.viz import palette
from hrm.viz.palette import INK, PAPER, TASK_LINE, TASK_RIGHT, TASK_RULE, TASK_WRONG
from hrm.viz.puzzle.encode import png, save_by_suffix
from hrm.viz.templates import render

SUFFIXES = (".html", ".png")
MOST_ROWS = 512
"""Tests that one sheet may show."""
MOST_DRAWN = 64
"""Tests that one PNG may show: more would make an image too large for many viewers."""
MOST_ATTEMPTS = 10

_PIXELS, _SMALL = 180, 90
"""Longest side of a drawn grid, and of one in a demonstration."""
_MOST_EXAMPLES = 6
"""Demonstrations that are drawn; RE-ARC has a thousand."""
_MARGIN, _TEXT_PX = 16, 13
_font = cache(ImageFont.load_default)


class Panel(NamedTuple):
    """One picture of a row."""

    caption: str
    grid: Grid | None
    is_right: bool | None = None
    """None: nothing to be said."""


@dataclass(frozen=True, eq=False)
class Row:
    """One test as a sheet shows it."""

    title: str
    demonstrations: tuple[Pair, ...]
    panels: tuple[Panel, ...]
    """The input, the answers and, where it is known, the true output."""
    solved: bool | None
    """None where the true output is not known."""

    @classmethod
    def of(cls, task: Task, test: int, answers: Sequence[Panel], solved: bool) -> "Row":
        """Return the row of a test with these answers."""
        pair = task.tests[test]
        panels = (Panel("input", pair.input), *answers)
        if pair.output is not None:
            panels = (*panels, Panel("true output", pair.output))
        solution = None if pair.output is None else solved
        return cls(f"{task.id}, test {test + 1}", task.demonstrations, panels, solution)


def judged(name: str, candidate: Candidate, output: Grid | None) -> Panel:
    """Return the panel of a candidate, which says whether it is right where that is known."""
    is_right = np.array_equal(candidate.grid, output) if output is not None else None
    word = {None: "", True: ", right", False: ", wrong"}[is_right]
    votes = f"{candidate.votes} vote{'' if candidate.votes == 1 else 's'}"
    return Panel(f"{name}{word}: {votes}, q_halt {candidate.q_halt:.2f}", candidate.grid, is_right)


def rows(
    tasks: Sequence[Task], ranked: Mapping[Test, Sequence[Candidate]], attempts: int = 2, limit: int = MOST_ROWS
) -> list[Row]:
    """Return a row for each test of the tasks, by task id; at most ``limit``.

    Raises:
        UsageError: more attempts or rows than a sheet may show, or none.
    """
    if not 1 <= attempts <= MOST_ATTEMPTS or not 1 <= limit <= MOST_ROWS:
        raise UsageError(
            f"a sheet shows 1 to {MOST_ATTEMPTS} attempts (got {attempts}) at 1 to {MOST_ROWS} tests (got {limit})"
        )
    made = []
    for task in sorted(tasks, key=lambda task: task.id):
        for test, pair in enumerate(task.tests):
            best = ranked.get((task.id, test), ())[:attempts]
            answers = [judged(f"attempt {number}", each, pair.output) for number, each in enumerate(best, start=1)]
            nothing = Panel("no attempt", None, None if pair.output is None else False)
            solved = any(panel.is_right for panel in answers)
            made.append(Row.of(task, test, answers or [nothing], solved))
    return made[:limit]


def sheet_html(rows: Sequence[Row], title: str = "ARC attempts") -> str:
    """Return one HTML page with all grids drawn inside it; it loads nothing and runs nothing."""
    return render(
        "arc_sheet.html", rows=rows, title=title, summary=_summary(rows), paths=_paths, colors=vars(palette),
        large=_PIXELS, small=_SMALL, most_examples=_MOST_EXAMPLES,
    )  # fmt: skip


def sheet_image(rows: Sequence[Row], title: str = "ARC attempts") -> Image.Image:
    """Draw the rows one below the other, each with its title, its panels and their captions, the outputs in a column.

    Raises:
        UsageError: there are no rows, or more than ``MOST_DRAWN``.
    """
    if not 1 <= len(rows) <= MOST_DRAWN:
        raise UsageError(f"a PNG shows 1 to {MOST_DRAWN} tests (got {len(rows)}); choose fewer, or save as .html")

    # sizes
    heading, small = _font(_TEXT_PX + 3), _font(_TEXT_PX)
    captions = [panel.caption for row in rows for panel in row.panels]
    columns = max(len(row.panels) for row in rows)
    across = max(_PIXELS + 8, *(round(small.getlength(caption)) for caption in captions)) + _MARGIN
    tallest = [max(grid.shape[0] * _cell(grid) for _, grid, _ in row.panels if grid is not None) for row in rows]
    lines = [title, _summary(rows), *(row.title for row in rows)]
    widths = [
        across * columns,
        *(_strip_width(row.demonstrations) for row in rows),
        *(round(heading.getlength(line)) + _MARGIN for line in lines),
    ]
    top = _MARGIN + 2 * (_TEXT_PX + _MARGIN)
    strips = [_SMALL + 36 if row.demonstrations else 0 for row in rows]
    height = top + sum(tallest) + sum(strips) + len(rows) * 3 * (_TEXT_PX + _MARGIN)
    image = Image.new("RGB", (max(widths) + _MARGIN, height), PAPER)
    draw = ImageDraw.Draw(image)

    # what stands above the rows, then each row with its demonstrations above its panels
    draw.text((_MARGIN, _MARGIN), title, INK, heading)
    draw.text((_MARGIN, _MARGIN + _TEXT_PX + 8), _summary(rows), INK, small)
    for row, high, strip in zip(rows, tallest, strips, strict=True):
        draw.line((_MARGIN, top - 8, image.width - _MARGIN, top - 8), TASK_RULE)
        draw.text((_MARGIN, top), row.title, INK, heading)
        upper = top + _TEXT_PX + _MARGIN
        _draw_examples(draw, row.demonstrations, _MARGIN, upper)
        upper += strip
        for place, (caption, grid, is_right) in enumerate(row.panels):
            is_output = row.solved is not None and place == len(row.panels) - 1
            left = _MARGIN + (columns - 1 if is_output else place) * across
            if grid is not None:
                _draw(draw, grid, left, upper, is_right)
            draw.text((left, upper + high + 8), caption, _ink(is_right), small)
        top = upper + high + 2 * _TEXT_PX + 2 * _MARGIN
    return image


def save(rows: Sequence[Row], file: Path, title: str = "ARC attempts") -> None:
    """Save a sheet as what the suffix says, ``.html`` or ``.png``.

    Raises:
        UsageError: another suffix, or a PNG of too many tests.
        HrmError: the file cannot be written.
    """
    encoders = {".html": lambda: sheet_html(rows, title).encode(), ".png": lambda: png(sheet_image(rows, title))}
    save_by_suffix(file, encoders)


def save_sheet(tasks: Sequence[Task], ranked: Mapping[Test, Sequence[Candidate]], file: Path, title: str) -> None:
    """Save the two best attempts at every test, or at as many as such a file may show.

    Raises:
        UsageError: there are no tests: the puzzles were not of ARC.
    """
    if not tasks:
        raise UsageError("a sheet needs answers to ARC tasks; evaluate on the tests of a store of `hrm data arc`")
    most = MOST_ROWS if file.suffix.lower() == ".html" else MOST_DRAWN
    number = sum(len(task.tests) for task in tasks)
    part = f", the first {most} of {number} tests" if number > most else ""
    save(rows(tasks, ranked, limit=most), file, f"ARC attempts: {title}{part}")


def _summary(rows: Sequence[Row]) -> str:
    known = [row.solved for row in rows if row.solved is not None]
    return f"{sum(known)} of {len(known)} tests with a known output are solved." if known else "No output is known."


def _paths(grid: Grid) -> list[tuple[str, str]]:
    """Return a grid as one SVG path for each color: small, however many cells there are."""
    return [
        (PALETTE[color], "".join(f"M{x} {y}h1v1h-1z" for y, x in np.argwhere(grid == color).tolist()))
        for color in np.unique(grid).tolist()
    ]


def _cell(grid: Grid, pixels: int = _PIXELS) -> int:
    """Return the pixels of a cell's side; a grid of few cells is not blown up."""
    return max(1, min(pixels // max(grid.shape), pixels // 5))


def _strip_width(demonstrations: Sequence[Pair]) -> int:
    """Return how wide ``_draw_examples`` draws."""
    grids = [grid for pair in demonstrations[:_MOST_EXAMPLES] for grid in pair if grid is not None]
    return sum(grid.shape[1] * _cell(grid, _SMALL) + 32 for grid in grids)


def _draw_examples(draw: ImageDraw.ImageDraw, demonstrations: Sequence[Pair], left: int, top: int) -> None:
    for number, pair in enumerate(demonstrations[:_MOST_EXAMPLES], start=1):
        draw.text((left, top + _SMALL + 4), f"example {number}", INK, _font(12))
        for side, grid in enumerate(pair):
            if grid is None:
                continue
            if side:
                middle = top + _SMALL // 2
                draw.line((left, middle, left + 14, middle), INK, 2)
                draw.polygon([(left + 10, middle - 4), (left + 10, middle + 4), (left + 16, middle)], INK)
                left += 24
            _draw(draw, grid, left, top, None, _SMALL)
            left += grid.shape[1] * _cell(grid, _SMALL) + 8
        left += 24


def _draw(
    draw: ImageDraw.ImageDraw, grid: Grid, left: int, top: int, is_right: bool | None, pixels: int = _PIXELS
) -> None:
    height, width = grid.shape
    cell = _cell(grid, pixels)
    if is_right is not None:
        draw.rectangle((left - 4, top - 4, left + width * cell + 4, top + height * cell + 4), _ink(is_right))
    for y in range(height):
        for x in range(width):
            x0, y0 = left + x * cell, top + y * cell
            draw.rectangle((x0, y0, x0 + cell, y0 + cell), PALETTE[grid[y, x]], TASK_LINE)


def _ink(is_right: bool | None) -> str:
    return INK if is_right is None else TASK_RIGHT if is_right else TASK_WRONG
