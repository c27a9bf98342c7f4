"""How a puzzle is solved, segment by segment, in one file: an animated GIF, or a sheet in PNG or SVG."""

from collections import Counter
from itertools import product
from math import ceil, sqrt
from pathlib import Path

from PIL import Image

from hrm.inference.answer import Answer
from hrm.puzzles.base import Puzzle
from hrm.viz.palette import ANSWER, CHANGED, CLASH, CLASH_GROUND, INK, PAPER, mixed
from hrm.viz.puzzle.canvas2d import Drawing, sheet, to_image, to_svg
from hrm.viz.puzzle.encode import gif, png, save_by_suffix
from hrm.viz.puzzle.frame import View
from hrm.viz.puzzle.layout import cell_width, draw_frame, text_size
from hrm.viz.puzzle.legend import annotated

MOST_PICTURES = 256
"""Segments that one file may show, those that changed nothing apart."""
MOST_WIDTH = 1600
"""Pixels of a sheet, unless one picture is wider."""


def save(puzzle: Puzzle, answer: Answer, file: str | Path) -> None:
    """Save a trace as what the suffix says: ``.gif`` moves, ``.png`` and ``.svg`` are a sheet.

    Raises:
        UsageError: another suffix, no trace, or one in which more than ``MOST_PICTURES`` segments changed something.
        HrmError: the file cannot be written.
    """
    view = View(puzzle, answer)
    encoders = {
        ".gif": lambda: _gif(view),
        ".png": lambda: png(to_image(draw_sheet(view)), optimize=True),
        ".svg": lambda: to_svg(draw_sheet(view), f"{view.title}: {view.verdict}").encode(),
    }
    save_by_suffix(Path(file), encoders)


def draw_sheet(view: View) -> Drawing:
    """Return the puzzle and what changed on one sheet, row by row, about twice as many across as down."""
    frames, size = view.frames(MOST_PICTURES), cell_width(view, 60, 420)
    panels = [draw_frame(view, frame, size) for frame in frames]
    columns = ceil(len(panels) / max(1, round(sqrt(len(panels) / 2))))
    columns = max(1, min(columns, MOST_WIDTH // panels[0].width))
    return annotated(view, frames, sheet(panels, columns), text_size(size))


def draw_frames(view: View) -> list[Drawing]:
    """Return a drawing of one size for each frame of an animation, each with title and legend."""
    frames, size = view.frames(MOST_PICTURES), cell_width(view, 64, 400)
    return [annotated(view, frames, draw_frame(view, frame, size), text_size(size)) for frame in frames]


def _gif(view: View, ms_per_segment: int = 900) -> bytes:
    """Return an endless animation: the puzzle, a frame for each change, the last one held four times as long."""
    drawings = draw_frames(view)
    # one palette for all frames, so that nothing flickers: the inks, and what softened edges mix them to
    inks = Counter(shape.ink for drawing in drawings for shape in drawing.shapes)
    pairs = [*product((PAPER, CHANGED), (INK, ANSWER, CLASH)), (CLASH_GROUND, CLASH)]
    ramps = [mixed(ground, ink, i / 20) for ground, ink in pairs for i in range(21)]
    shades = dict.fromkeys([PAPER, *(ink for ink, _ in inks.most_common(100)), *ramps])
    palette = Image.new("P", (1, 1))
    palette.putpalette(b"".join(bytes.fromhex(shade[1:]) for shade in list(shades)[:256]))
    images = [to_image(one).quantize(palette=palette, dither=Image.Dither.NONE) for one in drawings]
    return gif(images, [ms_per_segment] * (len(images) - 1) + [4 * ms_per_segment])
