"""What stands around a drawing: a title above, a legend below that names what occurs in it. Units: pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

from hrm.viz.palette import (
    ANSWER,
    CHANGED,
    CLASH,
    CLASH_GROUND,
    FAINT,
    HAIR,
    INK,
    LINE,
    MIDDLE,
    PAPER,
    UNSURE,
    ink_on,
    mixed,
)
from hrm.viz.puzzle.canvas2d import Box, Drawing, Shape, Words, moved, text_width
from hrm.viz.puzzle.frame import UNSURE as LEAST_SURE
from hrm.viz.puzzle.frame import Frame, View

SURE = "sure: the model's estimate that its answer is right"
MARGIN = 12
_LEAST_WIDTH = 300


@dataclass(frozen=True)
class Entry:
    """One thing to name: a sample of it, and the word."""

    word: str
    ground: str
    ink: str
    sample: str = ""
    rim: str = ""
    bold: bool = False


def entries(view: View, frames: Sequence[Frame]) -> list[Entry]:
    """Return what the legend names: only what is drawn in some of these frames."""
    # what is drawn
    spec, nodes = view.puzzle.spec, set(view.sketch.nodes)
    cells = [cell for frame in frames for cell in view.cells(frame.step) if not nodes or cell.place in nodes]
    written = [cell for cell in cells if cell.symbol.strip() and not cell.fill]
    filled_in = [cell for cell in written if not cell.given and not cell.clashes]
    pale = [cell.fill for cell in cells if cell.fill and not cell.given and cell.confidence < LEAST_SURE]
    fills = {cell.symbol: cell.fill for cell in cells if cell.fill}
    sample = next((cell.symbol for cell in written if len(cell.symbol) == 1), "")
    given = any(cell.given for cell in written)

    # declared symbols, then what marks say of cells, then what lies between cells
    symbols = [
        Entry(word, fills[spec.tokens[token]], ink_on(fills[spec.tokens[token]]),
              "" if token in spec.solid else spec.tokens[token])
        for token, word in spec.words if spec.tokens[token] in fills
    ]  # fmt: skip
    marks = [
        (given, Entry("given", PAPER, INK, sample, bold=True)),
        (nodes and not given and any(cell.given for cell in cells), Entry("given", PAPER, INK, rim=INK)),
        (filled_in, Entry("filled in", PAPER, ANSWER, sample)),
        (any(cell.confidence < LEAST_SURE for cell in filled_in), Entry("unsure", PAPER, UNSURE, sample)),
        (pale, Entry("pale: unsure", mixed(PAPER, [*pale, PAPER][0], 0.4), INK)),
        (any(cell.changed for cell in cells), Entry("changed", CHANGED, INK)),
        (any(cell.clashes for cell in cells), Entry("clashes", CLASH_GROUND, CLASH, sample, rim=CLASH)),
        (view.sketch.regions is not None, Entry("cage and its sum", PAPER, LINE, rim=LINE)),
        (view.sketch.outlines, Entry("grid that overlaps the others", PAPER, MIDDLE, rim=MIDDLE)),
    ]
    return [*symbols, *(entry for occurs, entry in marks if occurs)]


def annotated(view: View, frames: Sequence[Frame], body: Drawing, size: int) -> Drawing:
    """Return a drawing of some frames with its title, the verdict and the legend."""
    least = max(_LEAST_WIDTH, *(round(text_width(word, size)) + 2 * MARGIN for word in SURE.split(": ")))
    width = max(body.width, least)
    inner, line = width - 2 * MARGIN, round(size * 1.6)
    shapes: list[Shape] = []
    y = float(MARGIN)
    for text, large in ((view.title, round(size * 1.3)), (view.verdict, size)):
        for row in wrapped(text, large, inner):
            y += round(large * 1.6)
            shapes.append(Words(MARGIN, y - large * 0.5, row, large, INK))
    shapes += moved(body, (width - body.width) // 2, y)
    y += body.height
    for row in _rows(entries(view, frames), size, inner):
        y += line
        x = float(MARGIN)
        for entry in row:
            shapes += _sample(entry, x, y, size)
            x += _width(entry, size)
    for row in wrapped(SURE, size, inner):
        y += line
        shapes.append(Words(MARGIN, y - line * 0.3, row, size, FAINT))
    return Drawing(width, round(y) + MARGIN, tuple(shapes))


def wrapped(text: str, size: float, width: float) -> list[str]:
    """Return the lines of a text that are no wider than this, if its words allow it."""
    rows: list[str] = []
    for word in text.split(" "):
        longer = f"{rows[-1]} {word}" if rows else word
        if rows and text_width(longer, size) <= width:
            rows[-1] = longer
        else:
            rows.append(word)
    return rows


def _width(entry: Entry, size: int) -> float:
    return size * 2.1 + text_width(entry.word, size) + size * 0.9


def _rows(named: Sequence[Entry], size: int, width: float) -> list[list[Entry]]:
    rows: list[list[Entry]] = []
    for entry in named:
        longer = [*(rows[-1] if rows else ()), entry]
        if rows and sum(_width(each, size) for each in longer) <= width:
            rows[-1] = longer
        else:
            rows.append([entry])
    return rows


def _sample(entry: Entry, x: float, y: float, size: int) -> list[Shape]:
    side = size * 1.3
    top = y - size * 1.45
    rim = entry.rim or HAIR
    shapes: list[Shape] = [Box(x, top, side, side, rim)]
    edge = 2 if entry.rim else 1
    shapes.append(Box(x + edge, top + edge, side - 2 * edge, side - 2 * edge, entry.ground))
    if entry.sample:
        shapes.append(Words(x + side / 2, y - size * 0.44, entry.sample, size, entry.ink, "middle", entry.bold))
    return [*shapes, Words(x + side + size * 0.5, y - size * 0.44, entry.word, size, INK)]
