"""How a puzzle is solved, segment by segment, in one file: an animated GIF, or a sheet in PNG or SVG."""

from collections import Counter
from io import BytesIO
from itertools import product
from math import ceil, sqrt
from pathlib import Path

from PIL import Image

from hrm.errors import HrmError, UsageError
from hrm.inference.solver import Answer
from hrm.puzzles.base import Puzzle
from hrm.viz.picture import BLACK, BLUE, GREY, RED, cell_width, draw, mixed
from hrm.viz.scene import Scene
from hrm.viz.shapes import PAPER, Drawing, sheet, to_image, to_svg

MOST_PICTURES = 256
"""Segments that one file may show."""


def save(puzzle: Puzzle, answer: Answer, file: Path) -> None:
    """Save a trace as what the suffix says: ``.gif`` moves, ``.png`` and ``.svg`` are a sheet.

    Raises:
        UsageError: another suffix, no trace, or one of more than ``MOST_PICTURES`` segments.
        HrmError: the file cannot be written.
    """
    writers = {".gif": _gif, ".png": _png, ".svg": _svg}
    if file.suffix.lower() not in writers:
        raise UsageError(f"cannot draw into {str(file)!r}: its name must end in .gif, .png or .svg")
    encoded = writers[file.suffix.lower()](Scene(puzzle, answer))
    try:
        file.write_bytes(encoded)
    except OSError as error:
        raise HrmError(f"cannot write {file}: {error.strerror}; name a file that you can write") from None


def drawn_sheet(scene: Scene) -> Drawing:
    """Return the puzzle and all segments on one sheet, row by row, about twice as many across as down."""
    moments, size = scene.moments(MOST_PICTURES), cell_width(scene, 36, 420)
    columns = ceil(len(moments) / max(1, round(sqrt(len(moments) / 2))))
    return sheet([draw(scene, moment, size) for moment in moments], columns)


def _png(scene: Scene) -> bytes:
    encoded = BytesIO()
    to_image(drawn_sheet(scene)).save(encoded, "PNG")
    return encoded.getvalue()


def _svg(scene: Scene) -> bytes:
    return to_svg(drawn_sheet(scene), f"{scene.puzzle.spec.name}, {scene.answer.segments} segments").encode()


def _gif(scene: Scene, ms_per_segment: int = 900) -> bytes:
    """Return an endless animation: the puzzle, then a frame a segment, the last one held four times as long."""
    moments, size = scene.moments(MOST_PICTURES), cell_width(scene, 44, 720)
    drawings = [draw(scene, moment, size) for moment in moments]
    # one palette for all frames, so that nothing flickers: the inks, and what softened edges mix them to
    inks = Counter(shape.ink for drawing in drawings for shape in drawing.shapes)
    ramps = [
        mixed(ground, ink, i / 24) for ground, ink in product((PAPER, GREY), (BLACK, BLUE, RED)) for i in range(25)
    ]
    shades = dict.fromkeys([PAPER, *(ink for ink, _ in inks.most_common(100)), *ramps])
    palette = Image.new("P", (1, 1))
    palette.putpalette(b"".join(bytes.fromhex(shade[1:]) for shade in list(shades)[:256]))
    first, *rest = [to_image(one).quantize(palette=palette, dither=Image.Dither.NONE) for one in drawings]
    durations, encoded = [ms_per_segment] * len(rest) + [4 * ms_per_segment], BytesIO()
    first.save(encoded, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    return encoded.getvalue()
