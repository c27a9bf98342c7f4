"""A sheet of attempts at ARC tests: one row a test, with its input, the attempts and the true output.

As one HTML file that needs nothing else, or as a PNG. Whether an attempt is right is said by colour and by word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hrm.errors import HrmError, UsageError
from hrm.evaluation.arc_vote import Candidate, Test
from hrm.puzzles.arc_family import PALETTE
from hrm.puzzles.arc_tasks import Grid, Task

MOST_ROWS = 512
"""Tests that one sheet may show."""
MOST_DRAWN = 64
"""Tests that one PNG may show: more would make an image too large for many viewers."""
MOST_ATTEMPTS = 10

_LINE, _RIGHT, _WRONG, _INK, _PAPER = "555555", "1a7f37", "c1121f", "141418", "ffffff"
_PIXELS = 180
"""Longest side of a drawn grid."""
_font = cache(ImageFont.load_default)


@dataclass(frozen=True, eq=False)
class Row:
    """One test and what was attempted."""

    title: str
    input: Grid
    attempts: tuple[Candidate, ...]
    output: Grid | None
    """None where it is not known."""

    @property
    def panels(self) -> list[tuple[str, Grid | None, bool | None]]:
        """Caption, grid and whether it is right, from left to right; None: nothing to be said."""
        known = self.output is not None
        panels: list[tuple[str, Grid | None, bool | None]] = [("input", self.input, None)]
        for number, candidate in enumerate(self.attempts, start=1):
            hit = np.array_equal(candidate.grid, self.output) if self.output is not None else None
            word = {None: "", True: ", right", False: ", wrong"}[hit]
            votes = f"{candidate.votes} vote{'' if candidate.votes == 1 else 's'}"
            panels.append((f"attempt {number}{word}: {votes}, q_halt {candidate.q_halt:.2f}", candidate.grid, hit))
        if not self.attempts:
            panels.append(("no attempt", None, False if known else None))
        return [*panels, ("true output", self.output, None)] if known else panels


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
    made = [
        Row(f"{task.id}, test {test + 1}", pair.input, tuple(ranked.get((task.id, test), ())[:attempts]), pair.output)
        for task in sorted(tasks, key=lambda task: task.id)
        for test, pair in enumerate(task.tests)
    ]
    return made[:limit]


def sheet_html(shown: Sequence[Row], title: str = "ARC attempts") -> str:
    """Return one HTML page with all grids drawn inside it; it loads nothing and runs nothing."""
    judged = [row for row in shown if row.output is not None]
    hits = sum(any(right for _, _, right in row.panels) for row in judged)
    summary = f"{hits} of {len(judged)} tests with a known output are hit." if judged else "No output is known."
    body = "\n".join(
        f"<section><h2>{escape(row.title)}</h2><div>{''.join(_figure(*panel) for panel in row.panels)}</div></section>"
        for row in shown
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>{escape(title)}</h1><p>{summary}</p>\n{body}\n</body></html>\n"
    )


def sheet_image(shown: Sequence[Row]) -> Image.Image:
    """Draw the rows one below the other, each with its title, its panels and their captions.

    Raises:
        UsageError: there are no rows, or more than ``MOST_DRAWN``.
    """
    if not 1 <= len(shown) <= MOST_DRAWN:
        raise UsageError(f"a PNG shows 1 to {MOST_DRAWN} tests (got {len(shown)}); choose fewer, or save as .html")
    margin, text_px = 16, 13
    title, small = _font(text_px + 3), _font(text_px)
    captions = [caption for row in shown for caption, _, _ in row.panels]
    across = max(_PIXELS + 8, *(round(small.getlength(caption)) for caption in captions)) + margin
    down = _PIXELS + 3 * text_px + 3 * margin
    width = max(
        across * max(len(row.panels) for row in shown), *(round(title.getlength(row.title)) + margin for row in shown)
    )
    image = Image.new("RGB", (width + margin, down * len(shown) + margin), f"#{_PAPER}")
    draw = ImageDraw.Draw(image)
    for number, row in enumerate(shown):
        top = margin + number * down
        draw.text((margin, top), row.title, f"#{_INK}", title)
        for place, (caption, grid, right) in enumerate(row.panels):
            left, upper = margin + place * across, top + text_px + margin
            if grid is not None:
                _draw(draw, grid, left, upper, right)
            draw.text((left, upper + _PIXELS + 8), caption, f"#{_ink(right)}", small)
    return image


def save(shown: Sequence[Row], file: Path, title: str = "ARC attempts") -> None:
    """Save a sheet as what the suffix says, ``.html`` or ``.png``.

    Raises:
        UsageError: another suffix, or a PNG of too many tests.
        HrmError: the file cannot be written.
    """
    suffix = file.suffix.lower()
    if suffix not in (".html", ".png"):
        raise UsageError(f"cannot draw into {str(file)!r}: its name must end in .html or .png")
    encoded = BytesIO()
    if suffix == ".html":
        encoded.write(sheet_html(shown, title).encode())
    else:
        sheet_image(shown).save(encoded, "PNG")
    try:
        file.write_bytes(encoded.getvalue())
    except OSError as error:
        raise HrmError(f"cannot write {file}: {error.strerror}; name a file that you can write") from None


_STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2rem;color:#141418;background:#fff}"
    "section{border-top:1px solid #ccc;padding:.5rem 0}h2{font-size:1rem;margin:.3rem 0}"
    "section div{display:flex;flex-wrap:wrap;gap:1.5rem}figure{margin:0}figcaption{font-size:.85rem;max-width:190px}"
    f"svg{{display:block;outline:3px solid transparent}}.right svg{{outline-color:#{_RIGHT}}}"
    f".wrong svg{{outline-color:#{_WRONG}}}.right figcaption{{color:#{_RIGHT}}}.wrong figcaption{{color:#{_WRONG}}}"
)


def _figure(caption: str, grid: Grid | None, right: bool | None) -> str:
    name = {None: "", True: ' class="right"', False: ' class="wrong"'}[right]
    picture = "" if grid is None else _svg(grid, caption)
    return f"<figure{name}>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _svg(grid: Grid, label: str) -> str:
    """Draw a grid with one path a colour: small, however many cells there are."""
    height, width = grid.shape
    cell = _PIXELS / max(height, width)
    paths: list[str] = []
    for colour in np.unique(grid).tolist():
        squares = "".join(f"M{x} {y}h1v1h-1z" for y, x in np.argwhere(grid == colour).tolist())
        paths.append(f'<path fill="{PALETTE[colour]}" d="{squares}"/>')
    return (
        f'<svg role="img" aria-label="{escape(label)}, {height} by {width}" width="{width * cell:.0f}" '
        f'height="{height * cell:.0f}" viewBox="0 0 {width} {height}"><g stroke="#{_LINE}" stroke-width=".04">'
        f"{''.join(paths)}</g></svg>"
    )


def _draw(draw: ImageDraw.ImageDraw, grid: Grid, left: int, top: int, right: bool | None) -> None:
    height, width = grid.shape
    cell = max(1, _PIXELS // max(height, width))
    if right is not None:
        draw.rectangle((left - 4, top - 4, left + width * cell + 4, top + height * cell + 4), f"#{_ink(right)}")
    for y in range(height):
        for x in range(width):
            x0, y0 = left + x * cell, top + y * cell
            draw.rectangle((x0, y0, x0 + cell, y0 + cell), PALETTE[grid[y, x]], f"#{_LINE}")


def _ink(right: bool | None) -> str:
    return _INK if right is None else _RIGHT if right else _WRONG
