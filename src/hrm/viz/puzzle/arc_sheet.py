"""A sheet of attempts at ARC tests: the demonstrations, then the test's input, the attempts and the true output.

As one HTML file that needs nothing else, or as a PNG. Whether an attempt is right is said by color and by word.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hrm.errors import HrmError, UsageError
from hrm.inference.tasks import Test
from hrm.inference.vote import Candidate
from hrm.puzzles.arc.family import PALETTE
from hrm.puzzles.arc.tasks import Grid, Pair, Task

MOST_ROWS = 512
"""Tests that one sheet may show."""
MOST_DRAWN = 64
"""Tests that one PNG may show: more would make an image too large for many viewers."""
MOST_ATTEMPTS = 10

_LINE, _RIGHT, _WRONG, _INK, _PAPER = "555555", "1a7f37", "c1121f", "141418", "ffffff"
_PIXELS, _SMALL = 180, 90
"""Longest side of a drawn grid, and of one in a demonstration."""
_SHOWN = 6
"""Demonstrations that are drawn; RE-ARC has a thousand."""
_font = cache(ImageFont.load_default)

Panel = tuple[str, Grid | None, bool | None]
"""Caption, grid and whether it is right; None: nothing to be said."""


@runtime_checkable
class Shown(Protocol):
    """One test as a sheet shows it."""

    @property
    def title(self) -> str:
        """Return which test it is."""
        ...

    @property
    def demonstrations(self) -> Sequence[Pair]:
        """Return the examples that the reader judges by."""
        ...

    @property
    def panels(self) -> list[Panel]:
        """Return what to draw, from left to right."""
        ...

    @property
    def output(self) -> Grid | None:
        """Return the true output, the last panel where it is known."""
        ...

    @property
    def solved(self) -> bool:
        """Return whether what is shown answers the test; only asked where the output is known."""
        ...


@dataclass(frozen=True, eq=False)
class Row:
    """One test and what was attempted."""

    title: str
    input: Grid
    attempts: tuple[Candidate, ...]
    output: Grid | None
    """None where it is not known."""
    demonstrations: tuple[Pair, ...] = ()

    @property
    def panels(self) -> list[Panel]:
        """Return the input, the attempts and the true output."""
        known = self.output is not None
        panels: list[Panel] = [("input", self.input, None)]
        panels += [judged(f"attempt {n}", each, self.output) for n, each in enumerate(self.attempts, start=1)]
        if not self.attempts:
            panels.append(("no attempt", None, False if known else None))
        return [*panels, ("true output", self.output, None)] if known else panels

    @property
    def solved(self) -> bool:
        """Return whether one of the attempts is right."""
        return any(right for _, _, right in self.panels)


def judged(name: str, candidate: Candidate, output: Grid | None) -> Panel:
    """Return the panel of a candidate, which says whether it is right where that is known."""
    hit = np.array_equal(candidate.grid, output) if output is not None else None
    word = {None: "", True: ", right", False: ", wrong"}[hit]
    votes = f"{candidate.votes} vote{'' if candidate.votes == 1 else 's'}"
    return f"{name}{word}: {votes}, q_halt {candidate.q_halt:.2f}", candidate.grid, hit


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
        Row(
            f"{task.id}, test {test + 1}",
            pair.input,
            tuple(ranked.get((task.id, test), ())[:attempts]),
            pair.output,
            task.demonstrations,
        )
        for task in sorted(tasks, key=lambda task: task.id)
        for test, pair in enumerate(task.tests)
    ]
    return made[:limit]


def sheet_html(shown: Sequence[Shown], title: str = "ARC attempts") -> str:
    """Return one HTML page with all grids drawn inside it; it loads nothing and runs nothing."""
    body = "\n".join(
        f"<section><h2>{escape(row.title)}</h2>{_examples(row.demonstrations)}"
        f"<div>{''.join(_figure(*panel) for panel in row.panels)}</div></section>"
        for row in shown
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>\n"
        f"<h1>{escape(title)}</h1><p>{_summary(shown)}</p>\n{body}\n</body></html>\n"
    )


def sheet_image(shown: Sequence[Shown], title: str = "ARC attempts") -> Image.Image:
    """Draw the rows one below the other, each with its title, its panels and their captions, the outputs in a column.

    Raises:
        UsageError: there are no rows, or more than ``MOST_DRAWN``.
    """
    if not 1 <= len(shown) <= MOST_DRAWN:
        raise UsageError(f"a PNG shows 1 to {MOST_DRAWN} tests (got {len(shown)}); choose fewer, or save as .html")
    margin, text_px = 16, 13
    heading, small = _font(text_px + 3), _font(text_px)
    captions = [caption for row in shown for caption, _, _ in row.panels]
    columns = max(len(row.panels) for row in shown)
    across = max(_PIXELS + 8, *(round(small.getlength(caption)) for caption in captions)) + margin
    tallest = [max(grid.shape[0] * _cell(grid) for _, grid, _ in row.panels if grid is not None) for row in shown]
    lines = [title, _summary(shown), *(row.title for row in shown)]
    width = (
        max(
            across * columns,
            *(_strip_width(row.demonstrations) for row in shown),
            *(round(heading.getlength(line)) + margin for line in lines),
        )
        + margin
    )
    top = margin + 2 * (text_px + margin)
    strips = [_strip_height(row.demonstrations) for row in shown]
    height = top + sum(tallest) + sum(strips) + len(shown) * (3 * text_px + 3 * margin)
    image = Image.new("RGB", (width, height), f"#{_PAPER}")
    draw = ImageDraw.Draw(image)
    draw.text((margin, margin), title, f"#{_INK}", heading)
    draw.text((margin, margin + text_px + 8), _summary(shown), f"#{_INK}", small)
    for row, high, strip in zip(shown, tallest, strips, strict=True):
        draw.line((margin, top - 8, width - margin, top - 8), "#cccccc")
        draw.text((margin, top), row.title, f"#{_INK}", heading)
        upper = top + text_px + margin
        _draw_examples(draw, row.demonstrations, margin, upper)
        upper += strip
        for place, (caption, grid, right) in enumerate(row.panels):
            is_output = row.output is not None and place == len(row.panels) - 1
            left = margin + (columns - 1 if is_output else place) * across
            if grid is not None:
                _draw(draw, grid, left, upper, right)
            draw.text((left, upper + high + 8), caption, f"#{_ink(right)}", small)
        top = upper + high + 2 * text_px + 2 * margin
    return image


def require_suffix(file: Path) -> None:
    """Refuse a name that does not say what to draw, before anything is worked out.

    Raises:
        UsageError: another suffix than .html or .png.
    """
    if file.suffix.lower() not in (".html", ".png"):
        raise UsageError(f"cannot draw into {str(file)!r}: its name must end in .html or .png")


def save(shown: Sequence[Shown], file: Path, title: str = "ARC attempts") -> None:
    """Save a sheet as what the suffix says, ``.html`` or ``.png``.

    Raises:
        UsageError: another suffix, or a PNG of too many tests.
        HrmError: the file cannot be written.
    """
    require_suffix(file)
    encoded = BytesIO()
    if file.suffix.lower() == ".html":
        encoded.write(sheet_html(shown, title).encode())
    else:
        sheet_image(shown, title).save(encoded, "PNG")
    try:
        file.write_bytes(encoded.getvalue())
    except OSError as error:
        raise HrmError(f"cannot write {file}: {error.strerror}; name a file that you can write") from None


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


_STYLE = (
    "body{font:15px/1.4 system-ui,sans-serif;margin:2rem;color:#141418;background:#fff}"
    "section{border-top:1px solid #ccc;padding:.5rem 0}h2{font-size:1rem;margin:.3rem 0}"
    "section div{display:flex;flex-wrap:wrap;gap:1.5rem}figure{margin:0}figcaption{font-size:.85rem;max-width:190px}"
    ".examples span{display:flex;align-items:center;gap:.4rem}.examples{margin-bottom:1rem}"
    f"svg{{display:block;outline:3px solid transparent}}.right svg{{outline-color:#{_RIGHT}}}"
    "h1{font-size:1.3rem;overflow-wrap:anywhere}"
    "@media(max-width:500px){body{margin:1rem}section div{gap:1rem}svg{max-width:165px;height:auto}"
    "figcaption{max-width:165px}}"
    f".wrong svg{{outline-color:#{_WRONG}}}.right figcaption{{color:#{_RIGHT}}}.wrong figcaption{{color:#{_WRONG}}}"
)


def _summary(shown: Sequence[Shown]) -> str:
    known = [row for row in shown if row.output is not None]
    solved = sum(row.solved for row in known)
    return f"{solved} of {len(known)} tests with a known output are solved." if known else "No output is known."


def _cell(grid: Grid, pixels: int = _PIXELS) -> int:
    """Return the pixels of a cell's side; a grid of few cells is not blown up."""
    return max(1, min(pixels // max(grid.shape), pixels // 5))


def _examples(demonstrations: Sequence[Pair]) -> str:
    """Return the demonstrations as small pictures, each an input and what it turns into."""
    figures: list[str] = []
    for number, pair in enumerate(demonstrations[:_SHOWN], start=1):
        grids = [_svg(grid, f"example {number}, {side}", _SMALL) for side, grid in zip(Pair._fields, pair, strict=True)
                 if grid is not None]  # fmt: skip
        figures.append(f"<figure><span>{' → '.join(grids)}</span><figcaption>example {number}</figcaption></figure>")
    if len(demonstrations) > _SHOWN:
        figures.append(f"<p>and {len(demonstrations) - _SHOWN} more examples</p>")
    return f'<div class="examples">{"".join(figures)}</div>' if figures else ""


def _strip_height(demonstrations: Sequence[Pair]) -> int:
    return _SMALL + 36 if demonstrations else 0


def _strip_width(demonstrations: Sequence[Pair]) -> int:
    """Return how wide ``_draw_examples`` draws."""
    grids = [grid for pair in demonstrations[:_SHOWN] for grid in pair if grid is not None]
    return sum(grid.shape[1] * _cell(grid, _SMALL) + 32 for grid in grids)


def _draw_examples(draw: ImageDraw.ImageDraw, demonstrations: Sequence[Pair], left: int, top: int) -> None:
    small = _font(12)
    for number, pair in enumerate(demonstrations[:_SHOWN], start=1):
        draw.text((left, top + _SMALL + 4), f"example {number}", f"#{_INK}", small)
        for side, grid in enumerate(pair):
            if grid is None:
                continue
            if side:
                middle = top + _SMALL // 2
                draw.line((left, middle, left + 14, middle), f"#{_INK}", 2)
                draw.polygon([(left + 10, middle - 4), (left + 10, middle + 4), (left + 16, middle)], f"#{_INK}")
                left += 24
            _draw(draw, grid, left, top, None, _SMALL)
            left += grid.shape[1] * _cell(grid, _SMALL) + 8
        left += 24


def _figure(caption: str, grid: Grid | None, right: bool | None) -> str:
    name = {None: "", True: ' class="right"', False: ' class="wrong"'}[right]
    picture = "" if grid is None else _svg(grid, caption)
    return f"<figure{name}>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _svg(grid: Grid, label: str, pixels: int = _PIXELS) -> str:
    """Draw a grid with one path a color: small, however many cells there are."""
    height, width = grid.shape
    cell = min(pixels / max(height, width), pixels / 5)
    paths: list[str] = []
    for color in np.unique(grid).tolist():
        squares = "".join(f"M{x} {y}h1v1h-1z" for y, x in np.argwhere(grid == color).tolist())
        paths.append(f'<path fill="{PALETTE[color]}" d="{squares}"/>')
    return (
        f'<svg role="img" aria-label="{escape(label)}, {height} by {width}" width="{width * cell:.0f}" '
        f'height="{height * cell:.0f}" viewBox="0 0 {width} {height}"><g stroke="#{_LINE}" stroke-width=".04">'
        f"{''.join(paths)}</g></svg>"
    )


def _draw(
    draw: ImageDraw.ImageDraw, grid: Grid, left: int, top: int, right: bool | None, pixels: int = _PIXELS
) -> None:
    height, width = grid.shape
    cell = _cell(grid, pixels)
    if right is not None:
        draw.rectangle((left - 4, top - 4, left + width * cell + 4, top + height * cell + 4), f"#{_ink(right)}")
    for y in range(height):
        for x in range(width):
            x0, y0 = left + x * cell, top + y * cell
            draw.rectangle((x0, y0, x0 + cell, y0 + cell), PALETTE[grid[y, x]], f"#{_LINE}")


def _ink(right: bool | None) -> str:
    return _INK if right is None else _RIGHT if right else _WRONG
