"""How a puzzle is solved, segment by segment: in the terminal, as an animated GIF, as a sheet in PNG.

All pictures follow from ``PuzzleSpec`` alone; a clue is drawn as an empty cell. What colour says in the terminal is
also said by a mark beside the symbol, so that it survives a pipe. Axes: C cells.
"""

import time
from functools import cache
from io import BytesIO
from itertools import product
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.live import Live
from rich.style import Style
from rich.text import Text

from hrm.errors import HrmError, UsageError
from hrm.inference.solver import Answer, Moment
from hrm.puzzles.base import PAD, Puzzle
from hrm.puzzles.conflicts import conflicts

UNSURE = 0.5
"""The terminal marks cells whose confidence is below this."""
MOST_PICTURES = 256
"""Segments that one file may show."""

Colour = tuple[int, int, int]
WHITE, GREY, YELLOW = (255, 255, 255), (233, 236, 240), (255, 233, 140)
BLACK, BLUE, RED, PALE = (20, 20, 24), (24, 92, 200), (214, 20, 36), (150, 183, 229)
_LEGEND = {"given": (GREY, BLACK), "changed": (YELLOW, BLUE), "wrong": (WHITE, RED), "unsure": (WHITE, PALE)}
_STYLES = ("none", "red", "black on yellow", "bright_white on red")  # plain, wrong, changed, both
_font = cache(ImageFont.load_default)
_TO_ASCII = str.maketrans("┌┬┐├┼┤└┴┘│─", "+++++++++|-")


def terminal_grid(puzzle: Puzzle, answer: Answer, moment: Moment) -> Text:
    """Return a grid as text with a line about its segment below.

    Givens are bold, changed cells highlighted and marked ``*``, wrong ones red and marked ``!``, unsure ones
    dim and marked ``?``. Families without boxes are drawn narrower, with the mark ``*`` only.
    """
    spec, boxed = puzzle.spec, puzzle.spec.box != (0, 0)
    start, given, wrong = _judged(puzzle, answer, moment)
    undecided = np.isin(moment.tokens, (spec.blank, *spec.clues))
    unsure = ~given & ~undecided & (moment.confidence < UNSURE)
    (rows, columns), (box_rows, box_columns) = spec.shape, spec.box if boxed else spec.shape
    bars = ["─" * (box_columns * (3 if boxed else 2))] * (columns // box_columns)
    top, middle, bottom = (left + cross.join(bars) + right for left, cross, right in ("┌┬┐", "├┼┤", "└┴┘"))
    text = Text(no_wrap=True, overflow="ignore")
    for cell, (y, x) in enumerate(product(range(rows), range(columns))):
        text.append(f"{middle if y else top}\n" if x == 0 == y % box_rows else "")
        token, changed = int(moment.tokens[cell]), bool(moment.changed[cell])
        symbol = " " if token == PAD == start[cell] or token in spec.clues else spec.tokens[token]
        mark = "!" if wrong[cell] else "?" if unsure[cell] else " "
        style = Style.parse(_STYLES[2 * changed + wrong[cell]])
        style += Style(bold=bool(given[cell]), dim=bool(unsure[cell]))
        text.append("│" if x % box_columns == 0 else "")
        text.append(("*" if changed else " ") + symbol + (mark if boxed else ""), style)
        text.append("│\n" if x == columns - 1 else "")
    return text.append(f"{bottom}\n{'  '.join(_caption(given, moment))}")


def draw_grid(puzzle: Puzzle, answer: Answer, moment: Moment, cell_px: int = 44) -> Image.Image:
    """Draw a grid with a caption below; all pictures of one answer have the same size.

    Givens are black on grey, the answer's own symbols blue and the paler the less sure, cells that changed
    in this segment lie on yellow, wrong ones are red and underlined. A cell is ``cell_px`` >= 8 pixels wide.
    """
    spec, (rows, columns) = puzzle.spec, puzzle.spec.shape
    start, given, wrong = _judged(puzzle, answer, moment)
    margin, text_px = max(8, cell_px // 3), max(12, cell_px * 3 // 8)
    line_px = text_px * 3 // 2
    widest = f"segment {answer.segments}   {spec.cells} cells changed", "     ".join(_LEGEND)
    inner = max(columns * cell_px, *(ceil(_font(text_px).getlength(line)) for line in widest))
    image = Image.new("RGB", (inner + 2 * margin, rows * cell_px + 2 * (margin + line_px)), WHITE)
    left = margin + (inner - columns * cell_px) // 2
    draw, font = ImageDraw.Draw(image), _font(cell_px * 3 // 5)
    rise = -font.getbbox("8", anchor="ls")[1] / 2
    for cell, (y, x) in enumerate(product(range(rows), range(columns))):
        token, x0, y0 = int(moment.tokens[cell]), left + x * cell_px, margin + y * cell_px
        if token == PAD == start[cell]:
            continue
        ground = YELLOW if moment.changed[cell] else GREY if given[cell] else WHITE
        draw.rectangle((x0, y0, x0 + cell_px, y0 + cell_px), ground)
        share = 1.0 if given[cell] else 0.25 + 0.75 * float(moment.confidence[cell])
        ink = _mix(ground, RED if wrong[cell] else BLACK if given[cell] else BLUE, share)
        foot, bold = (x0 + cell_px / 2, y0 + cell_px / 2 + rise), cell_px / 50 if given[cell] else 0
        if token in spec.solid:
            draw.rectangle((x0, y0, x0 + cell_px, y0 + cell_px), ink)
        symbol = "" if token in (spec.blank, *spec.clues, *spec.solid) else spec.tokens[token]
        draw.text(foot, symbol, ink, font, anchor="ms", stroke_width=bold, stroke_fill=ink)
        if wrong[cell]:
            x1, y1 = x0 + cell_px // 4, y0 + cell_px * 7 // 8
            draw.rectangle((x1, y1, x1 + cell_px // 2, y1 + cell_px // 32), RED)
    box_rows, box_columns = spec.box if spec.box != (0, 0) else spec.shape
    lines = [(x % box_columns == 0, (x, 0, x, rows)) for x in range(columns + 1)]
    lines += [(y % box_rows == 0, (0, y, columns, y)) for y in range(rows + 1)]
    for thick, (x0, y0, x1, y1) in sorted(lines):
        spread = max(1, cell_px // 24) if thick else 0
        begin = (left + x0 * cell_px - spread, margin + y0 * cell_px - spread)
        end = (left + x1 * cell_px + spread, margin + y1 * cell_px + spread)
        draw.rectangle((begin, end), BLACK if thick else _mix(WHITE, BLACK, 0.3))
    _draw_caption(image, _caption(given, moment), moment.q_halt, margin, line_px)
    return image


def save(puzzle: Puzzle, answer: Answer, file: Path) -> None:
    """Save a trace as what the suffix says: ``.gif`` moves, ``.png`` is a sheet.

    Raises:
        UsageError: another suffix, no trace, or one of more than ``MOST_PICTURES`` segments.
        HrmError: the file cannot be written.
    """
    writers = {".gif": save_gif, ".png": save_sheet}
    if file.suffix.lower() not in writers:
        raise UsageError(f"cannot draw into {str(file)!r}: its name must end in {' or '.join(writers)}")
    writers[file.suffix.lower()](puzzle, answer, file)


def save_gif(puzzle: Puzzle, answer: Answer, file: Path, ms_per_segment: int = 900) -> None:
    """Save an endless animation: the puzzle, then a frame a segment, the last one held four times as long."""
    # Every colour that is drawn, softened edges included, lies between a ground and an ink.
    ramps = product((WHITE, GREY, YELLOW), (BLACK, BLUE, RED))
    shades = [_mix(ground, ink, i / 27) for ground, ink in ramps for i in range(28)]
    palette = Image.new("P", (1, 1))  # one for all frames: nothing flickers
    palette.putpalette([value for shade in shades for value in shade])
    drawn = (draw_grid(puzzle, answer, moment) for moment in _moments(puzzle, answer, most=MOST_PICTURES))
    first, *rest = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in drawn]
    durations = [ms_per_segment] * len(rest) + [4 * ms_per_segment]
    _write(first, file, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)


def save_sheet(puzzle: Puzzle, answer: Answer, file: Path) -> None:
    """Save the puzzle and all segments on one sheet, row by row, about twice as many across as down."""
    moments = _moments(puzzle, answer, most=MOST_PICTURES)
    columns = ceil(len(moments) / max(1, round(sqrt(len(moments) / 2))))
    width, height = draw_grid(puzzle, answer, moments[0], cell_px=32).size
    sheet = Image.new("RGB", (width * columns, height * ceil(len(moments) / columns)), WHITE)
    for number, moment in enumerate(moments):
        y, x = divmod(number, columns)
        sheet.paste(draw_grid(puzzle, answer, moment, cell_px=32), (x * width, y * height))
    _write(sheet, file, "PNG")


def replay(puzzle: Puzzle, answer: Answer, console: Console, delay_s: float = 0.0) -> None:
    """Print the puzzle, then every segment.

    Each segment stays ``delay_s`` seconds before the next is drawn over it. Without a delay, in a pipe, or in
    a terminal that is too low, they are printed one below the other.

    Raises:
        UsageError: the answer has no trace.
    """
    first, *rest = _moments(puzzle, answer)
    before = terminal_grid(puzzle, answer, first)
    before.append("   (* changed" + ("  ! wrong  ? unsure)" if puzzle.spec.box != (0, 0) else ")"))
    grids = (terminal_grid(puzzle, answer, moment) for moment in rest)
    if console.options.ascii_only:
        before, grids = _ascii(before), map(_ascii, grids)
    console.print(before, soft_wrap=True)
    if delay_s > 0 and console.is_interactive and before.plain.count("\n") + 2 < console.height:
        with Live(console=console, auto_refresh=False) as live:
            for grid in grids:
                live.update(grid, refresh=True)
                time.sleep(delay_s)
    for grid in grids:  # what is left, which is nothing after the redrawing
        console.print(grid, soft_wrap=True)


def _ascii(grid: Text) -> Text:
    grid.plain = grid.plain.translate(_TO_ASCII)
    return grid


def _moments(puzzle: Puzzle, answer: Answer, most: int | None = None) -> list[Moment]:
    """Return the trace, led by a moment 0 that is the puzzle itself."""
    if not answer.trace:
        raise UsageError("this answer has no trace to show; solve with trace=True")
    if most is not None and len(answer.trace) > most:
        count = f"a file shows at most {most} segments, not {len(answer.trace)}"
        raise UsageError(f"{count}; solve with segments={most} or fewer")
    start = puzzle.parse(answer.puzzle)
    sure, same = np.ones(len(start), np.float32), np.zeros(len(start), bool)
    return [Moment(0, start, sure, same, 0.0, answer.puzzle), *answer.trace]


def _judged(
    puzzle: Puzzle, answer: Answer, moment: Moment
) -> tuple[UInt8[np.ndarray, " C"], Bool[np.ndarray, " C"], Bool[np.ndarray, " C"]]:
    """Return the puzzle, which cells are given, and which are wrong: in conflict, or a given overwritten."""
    start = puzzle.parse(answer.puzzle)
    given = puzzle.spec.given(start)
    overwritten = given & (moment.tokens != start) & (puzzle.spec.box != (0, 0))
    return start, given, conflicts(puzzle, moment.tokens, start) | overwritten


def _caption(given: Bool[np.ndarray, " C"], moment: Moment) -> tuple[str, ...]:
    first = moment.segment == 0
    count = np.count_nonzero(given if first else moment.changed)
    cells = f"{count} cell{'' if count == 1 else 's'} {'given' if first else 'changed'}"
    return ("puzzle", cells) if first else (f"segment {moment.segment}", f"q_halt {moment.q_halt:.2f}", cells)


def _draw_caption(image: Image.Image, words: tuple[str, ...], q_halt: float, margin: int, line_px: int) -> None:
    """Write the words, and below them q_halt as a bar, or for the puzzle itself the legend."""
    draw, font = ImageDraw.Draw(image), _font(line_px * 2 // 3)
    left, right, lower = margin, image.width - margin, image.height - margin // 2 - line_px // 3
    texts = [(left, lower - line_px, "ls", words[0]), (right, lower - line_px, "rs", words[-1])]
    if len(words) == 2:
        for word, (ground, ink) in _LEGEND.items():
            end = left + font.getlength(f" {word} ")
            draw.rectangle((left, lower - line_px * 2 // 3, end, lower + line_px // 4), ground)
            draw.text(((left + end) / 2, lower), word, ink, font, anchor="ms")
            left = end + font.getlength("  ")
    else:
        name, number = words[1].split()
        texts += [(left, lower, "ls", name), (right, lower, "rs", number)]
        start, end = (round(x) for x in (left + font.getlength("q_halt  "), right - font.getlength("  0.00")))
        draw.rectangle((start, lower - line_px // 2, end, lower), GREY)
        draw.rectangle((start, lower - line_px // 2, start + round((end - start) * q_halt), lower), BLUE)
    for x, y, anchor, word in texts:
        draw.text((x, y), word, BLACK, font, anchor=anchor)


def _mix(ground: Colour, ink: Colour, share: float) -> Colour:
    red, green, blue = (round(g + (i - g) * share) for g, i in zip(ground, ink, strict=True))
    return red, green, blue


def _write(image: Image.Image, file: Path, kind: str, **settings: Any) -> None:
    encoded = BytesIO()
    image.save(encoded, kind, **settings)
    try:
        file.write_bytes(encoded.getvalue())
    except OSError as error:
        raise HrmError(f"cannot write {file}: {error.strerror}; name a file that you can write") from None
