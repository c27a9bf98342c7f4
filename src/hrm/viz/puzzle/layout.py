"""The shapes of a frame: the grid, or the graph, with a caption below.

Givens are bold, the model's own symbols blue and the grayer the less sure; cells that changed in this segment lie on
gray, where a color fills them they keep a gray rim; cells that clash by a rule are red and underlined. Units: pixels.
"""

from math import ceil, cos, pi, sin

import numpy as np

from hrm.inference.answer import TraceStep
from hrm.viz.palette import (
    ANSWER,
    CHANGED,
    CLASH,
    CLASH_GROUND,
    EDGE,
    HAIR,
    INK,
    LINE,
    MIDDLE,
    PAPER,
    UNSURE,
    ink_on,
    mixed,
)
from hrm.viz.puzzle.canvas2d import Box, Disc, Drawing, Line, Shape, Words, text_width
from hrm.viz.puzzle.frame import THICK, Cell, Frame, View

_RISE = 0.36
"""Half the height of a capital letter or digit, in sizes of the font."""
_LEAST_NOTE = 10
"""Size of the smallest note in a cell, where the cell has room for it."""


def cell_width(view: View, most: int, side: int) -> int:
    """Return how wide cells are, at most, for a grid that is not much wider or higher than ``side``."""
    return min(most, max(8, side // max(view.shape)))


def text_size(cell_px: int) -> int:
    """Return the size of captions below cells of this width."""
    return min(16, max(13, cell_px * 3 // 8))


def draw_frame(view: View, frame: Frame, cell_px: int) -> Drawing:
    """Draw a step with its caption; all drawings of one answer and one ``cell_px`` >= 8 have the same size."""
    text_px = text_size(cell_px)
    margin, line_px = max(8, min(16, cell_px // 3)), text_px * 3 // 2
    last = view.answer.segments
    counts = (f"segment {last}    {view.puzzle.spec.cells} cells changed", f"unchanged to segment {last}")
    widest = max(ceil(text_width(text, text_px)) for text in counts)
    width, height = _size(view, cell_px)
    inner = max(width, widest)
    shapes = _shapes(view, frame.step, cell_px, margin + (inner - width) // 2, margin)
    foot = margin + height + margin // 2 + line_px
    shapes += _caption(frame, margin, margin + inner, foot, text_px)
    return Drawing(inner + 2 * margin, foot + line_px + margin, tuple(shapes))


def draw_step(view: View, step: TraceStep, cell_px: int) -> Drawing:
    """Draw a step as ``draw_frame`` does, without the caption."""
    (width, height), margin = _size(view, cell_px), max(2, cell_px // 12)
    return Drawing(width + 2 * margin, height + 2 * margin, tuple(_shapes(view, step, cell_px, margin, margin)))


def spots(view: View, cell_px: int) -> list[tuple[int, float, float, float]]:
    """Return where ``draw_step`` puts each cell: its number, its middle, and half its width."""
    margin = max(2, cell_px // 12)
    if view.sketch.nodes:
        at = _places(view, cell_px, margin, margin)
        return [(node, x, y, cell_px * 0.42) for node, (x, y) in at.items()]
    half, (rows, columns) = cell_px / 2, view.shape
    numbers = np.arange(view.puzzle.spec.cells).reshape(view.puzzle.spec.shape)[view.window]
    return [
        (int(numbers[y, x]), margin + x * cell_px + half, margin + y * cell_px + half, half)
        for y in range(rows)
        for x in range(columns)
    ]


def _places(view: View, size: int, left: int, top: int) -> dict[int, tuple[float, float]]:
    """Return the middles of the nodes of a graph: on a circle, clockwise from the top."""
    nodes, side = view.sketch.nodes, _ring(view, size)
    far, x0, y0 = side / 2 - size * 0.95, left + side / 2, top + side / 2
    turn = [2 * pi * number / len(nodes) for number in range(len(nodes))]
    return {n: (x0 + far * sin(a), y0 - far * cos(a)) for n, a in zip(nodes, turn, strict=True)}


def _size(view: View, size: int) -> tuple[int, int]:
    """Return width and height of the grid or graph."""
    (rows, columns), ring = view.shape, _ring(view, size)
    return (ring, ring) if ring else (columns * size, rows * size)


def _shapes(view: View, step: TraceStep, size: int, left: int, top: int) -> list[Shape]:
    return (_graph if view.sketch.nodes else _grid)(view, step, size, left, top)


def _grid(view: View, step: TraceStep, size: int, left: int, top: int) -> list[Shape]:
    cells = view.cells(step)
    grounds: list[Shape] = []
    symbols: list[Shape] = []
    for cell in cells:
        x, y = left + cell.x * size, top + cell.y * size
        if cell.changed:
            grounds.append(Box(x, y, size, size, CHANGED))
        rim = max(2, round(size * 0.16)) if cell.changed or cell.clashes else 0
        if cell.fill or cell.clashes:
            fill = CLASH_GROUND if cell.clashes and not cell.fill else mixed(PAPER, cell.fill, _share(cell))
            grounds.append(Box(x + rim, y + rim, size - 2 * rim, size - 2 * rim, fill))
        if cell.symbol and not cell.is_solid:
            low, share = (0.55, 0.5) if view.sketch.notes else (0.5, 0.6)  # notes need room above
            symbols.append(_symbol(cell, x + size / 2, y + size * low, size * share))
        if cell.clashes:
            symbols.append(Box(x + size / 4, y + size * 7 / 8, size / 2, max(1, size / 20), CLASH))
        note = view.sketch.notes.get(cell.place)
        if note:
            small = max(size * 0.25, min(_LEAST_NOTE, size * 0.31))
            symbols.append(Words(x + size * 0.16, y + size * 0.13 + small * 0.78, note, small, INK))
    lines = _lines(view, step, size, left, top)
    return [*grounds, *lines, *_outlines(view, size, left, top), *_regions(view, cells, size, left, top), *symbols]


def _share(cell: Cell) -> float:
    """Return how strong a cell's color is."""
    return 0.25 + 0.75 * round(cell.confidence * 16) / 16


def _symbol(cell: Cell, x: float, y: float, size: float) -> Words:
    """Return the symbol around a point."""
    if cell.fill:
        ink = ink_on(mixed(PAPER, cell.fill, _share(cell)))
    elif cell.given:
        ink = INK
    else:
        ink = CLASH if cell.clashes else mixed(UNSURE, ANSWER, round(cell.confidence * 16) / 16)
    shrunk = size / max(1, len(cell.symbol) * 0.7)
    return Words(x, y + _RISE * shrunk, cell.symbol, shrunk, ink, "middle", cell.given)


def _lines(view: View, step: TraceStep, size: int, left: int, top: int) -> list[Shape]:
    """Return the lines between cells, those of boxes last, with neighboring pieces joined."""
    thick = max(1, size // 24)
    boxes: list[tuple[bool, Shape]] = []
    for axis, lines in enumerate(view.lines(step)):
        for at, line in enumerate(lines if axis == 0 else lines.T):
            for begin, end, is_thick in _runs([0 if kind == 0 else 1 + (kind & THICK > 0) for kind in line.tolist()]):
                spread = thick if is_thick else 0
                across, along = at * size - spread, (begin * size - spread, (end - begin) * size + 2 * spread + 1)
                width, ink = 2 * spread + 1, INK if is_thick else HAIR
                box = (along[0], across, along[1], width) if axis == 0 else (across, along[0], width, along[1])
                boxes.append((is_thick, Box(left + box[0], top + box[1], box[2], box[3], ink)))
    return [box for _, box in sorted(boxes, key=lambda pair: pair[0])]


def _runs(kinds: list[int]) -> list[tuple[int, int, bool]]:
    """Return begin and end of each run of one kind above 0, and whether it is of kind 2."""
    runs, begin = [], 0
    for place in range(1, len(kinds) + 1):
        if place == len(kinds) or kinds[place] != kinds[begin]:
            if kinds[begin]:
                runs.append((begin, place, kinds[begin] == 2))
            begin = place
    return runs


def _regions(view: View, cells: list[Cell], size: int, left: int, top: int) -> list[Shape]:
    """Return a line around each region, a little inside it."""
    if view.sketch.regions is None:
        return []
    numbers = {(cell.y, cell.x): int(view.sketch.regions[cell.place]) for cell in cells}
    inset, width = size * 0.09, max(1, size // 30)
    shapes: list[Shape] = []
    for (y, x), number in numbers.items():
        if number < 0:
            continue
        same = {(v, u): numbers.get((y + v, x + u)) == number for v in (-1, 0, 1) for u in (-1, 0, 1)}
        for v, u in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            if same[v, u]:
                continue
            begin, end = inset, size - inset  # along the side; on into the neighbor where the region goes on
            for sign in (-1, 1):
                along = (0, sign) if v else (sign, 0)
                beyond = (v, sign) if v else (sign, u)
                reach = 0.0 if not same[along] else inset + (inset if same[beyond] else 0)
                begin, end = (begin - reach, end) if sign < 0 else (begin, end + reach)
            across = inset if v + u < 0 else size - inset - width
            x0, y0, length = left + x * size, top + y * size, end - begin
            if v:
                shapes.append(Box(x0 + begin, y0 + across, length, width, LINE))
            else:
                shapes.append(Box(x0 + across, y0 + begin, width, length, LINE))
    return shapes


def _outlines(view: View, size: int, left: int, top: int) -> list[Shape]:
    """Return a frame around each part that is a puzzle of its own; the last one, which overlaps others, in color."""
    shapes: list[Shape] = []
    rows, columns = view.window
    outlines = view.sketch.outlines
    for number, (y, x, height, width) in enumerate(outlines):
        thick, ink = (max(4, size // 7), MIDDLE) if number + 1 == len(outlines) else (max(3, size // 9), INK)
        x0, y0 = left + (x - columns.start) * size - thick / 2, top + (y - rows.start) * size - thick / 2
        across, down = width * size + thick, height * size + thick
        shapes += [Box(x0, y0, across, thick, ink), Box(x0, y0 + down - thick, across, thick, ink)]
        shapes += [Box(x0, y0, thick, down, ink), Box(x0 + across - thick, y0, thick, down, ink)]
    return shapes


def _ring(view: View, size: int) -> int:
    """Return the width of a drawn graph, 0 where there is none."""
    nodes = len(view.sketch.nodes)
    return ceil(size * max(6.0, nodes * 0.62)) if nodes else 0


def _graph(view: View, step: TraceStep, size: int, left: int, top: int) -> list[Shape]:
    """Return the edges, then the nodes on a circle, clockwise from the top, with their notes outside."""
    sketch, side = view.sketch, _ring(view, size)
    cells = {cell.place: cell for cell in view.cells(step)}
    radius, far = size * 0.42, side / 2 - size * 0.95
    turn = [2 * pi * number / len(sketch.nodes) for number in range(len(sketch.nodes))]
    x0, y0 = left + side / 2, top + side / 2
    at = _places(view, size, left, top)
    edges: list[tuple[bool, Line]] = []
    for a, b in sketch.edges:
        clash = cells[a].clashes and cells[b].clashes and cells[a].symbol == cells[b].symbol
        (x, y), (u, v) = at[a], at[b]
        edges.append((clash, Line(x, y, u - x, v - y, CLASH if clash else EDGE, 3 if clash else 1.25)))
    shapes: list[Shape] = [line for _, line in sorted(edges, key=lambda pair: pair[0])]
    for node, angle in zip(sketch.nodes, turn, strict=True):
        (x, y), cell = at[node], cells[node]
        if cell.changed:
            shapes.append(Disc(x, y, radius + size * 0.13, CHANGED, CHANGED, 1))
        fill = mixed(PAPER, cell.fill, _share(cell)) if cell.fill else PAPER
        rim = CLASH if cell.clashes else INK if cell.given else HAIR if not cell.symbol else LINE
        shapes.append(Disc(x, y, radius, fill, rim, size * (0.09 if cell.given or cell.clashes else 0.04)))
        if cell.symbol:
            shapes.append(_symbol(cell, x, y, size * 0.45))
        note, away, small = sketch.notes.get(node, ""), far + size * 0.75, max(_LEAST_NOTE, size * 0.28)
        x, y = x0 + away * sin(angle), y0 - away * cos(angle)
        shapes.append(Words(x, y + _RISE * small, note, small, LINE, "middle"))
    return shapes


def _caption(frame: Frame, left: float, right: float, foot: float, size: int) -> list[Shape]:
    """Return the words, and below them how sure the model is, as a bar."""
    lower = foot + size * 1.5
    shapes: list[Shape] = [Words(left, foot, frame.name, size, INK)]
    if frame.count:
        shapes.append(Words(right, foot, frame.count, size, INK, "end"))
    if frame.step.segment == 0:
        return shapes
    sure = f"sure: {frame.step.q_halt:.0%}".replace("%", " %")
    begin, end = left + text_width("sure: 100 %   ", size), right
    shapes.append(Words(left, lower, sure, size, INK))
    shapes.append(Box(begin, lower - size * 0.7, end - begin, size * 0.7, CHANGED))
    return [*shapes, Box(begin, lower - size * 0.7, (end - begin) * frame.step.q_halt, size * 0.7, ANSWER)]
