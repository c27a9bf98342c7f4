"""How a puzzle is solved, segment by segment, in one file: an animated GIF, or a sheet in PNG or SVG."""

from collections import Counter
from io import BytesIO
from itertools import product
from math import ceil, sqrt
from pathlib import Path

from PIL import Image

from hrm.errors import HrmError, UsageError
from hrm.inference.answer import Answer
from hrm.puzzles.base import Puzzle
from hrm.viz.palette import ANSWER, CHANGED, CLASH, CLASH_GROUND, INK, PAPER, mixed
from hrm.viz.puzzle.canvas2d import Drawing, sheet, to_image, to_svg
from hrm.viz.puzzle.frame import Scene
from hrm.viz.puzzle.layout import cell_width, draw, text_size
from hrm.viz.puzzle.legend import framed

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
    file = Path(file)
    writers = {".gif": _gif, ".png": _png, ".svg": _svg}
    if file.suffix.lower() not in writers:
        raise UsageError(f"cannot draw into {str(file)!r}: its name must end in .gif, .png or .svg")
    encoded = writers[file.suffix.lower()](Scene(puzzle, answer))
    try:
        file.write_bytes(encoded)
    except OSError as error:
        raise HrmError(f"cannot write {file}: {error.strerror}; name a file that you can write") from None


def drawn_sheet(scene: Scene) -> Drawing:
    """Return the puzzle and what changed on one sheet, row by row, about twice as many across as down."""
    frames, size = scene.frames(MOST_PICTURES), cell_width(scene, 60, 420)
    panels = [draw(scene, frame, size) for frame in frames]
    columns = ceil(len(panels) / max(1, round(sqrt(len(panels) / 2))))
    columns = max(1, min(columns, MOST_WIDTH // panels[0].width))
    return framed(scene, frames, sheet(panels, columns), text_size(size))


def drawn_frames(scene: Scene) -> list[Drawing]:
    """Return a drawing of one size for each frame of an animation, each with title and legend."""
    frames, size = scene.frames(MOST_PICTURES), cell_width(scene, 64, 400)
    return [framed(scene, frames, draw(scene, frame, size), text_size(size)) for frame in frames]


def _png(scene: Scene) -> bytes:
    encoded = BytesIO()
    to_image(drawn_sheet(scene)).save(encoded, "PNG", optimize=True)
    return encoded.getvalue()


def _svg(scene: Scene) -> bytes:
    return to_svg(drawn_sheet(scene), f"{scene.title}: {scene.verdict}").encode()


def _gif(scene: Scene, ms_per_segment: int = 900) -> bytes:
    """Return an endless animation: the puzzle, a frame for each change, the last one held four times as long."""
    drawings = drawn_frames(scene)
    # one palette for all frames, so that nothing flickers: the inks, and what softened edges mix them to
    inks = Counter(shape.ink for drawing in drawings for shape in drawing.shapes)
    pairs = [*product((PAPER, CHANGED), (INK, ANSWER, CLASH)), (CLASH_GROUND, CLASH)]
    ramps = [mixed(ground, ink, i / 20) for ground, ink in pairs for i in range(21)]
    shades = dict.fromkeys([PAPER, *(ink for ink, _ in inks.most_common(100)), *ramps])
    palette = Image.new("P", (1, 1))
    palette.putpalette(b"".join(bytes.fromhex(shade[1:]) for shade in list(shades)[:256]))
    first, *rest = [to_image(one).quantize(palette=palette, dither=Image.Dither.NONE) for one in drawings]
    durations, encoded = [ms_per_segment] * len(rest) + [4 * ms_per_segment], BytesIO()
    first.save(encoded, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    return encoded.getvalue()
