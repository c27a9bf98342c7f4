"""A moment of an answer as a drawing: the grid, or the graph, with a caption below.

Givens are bold, the answer's own symbols blue and the paler the less sure; cells that changed in this segment lie on
grey, where a colour fills them they keep a grey rim; what breaks a rule is red and underlined. Units: pixels.
"""

from math import ceil, cos, pi, sin

from hrm.inference.solver import Moment
from hrm.viz.scene import THICK, Cell, Scene
from hrm.viz.shapes import PAPER, Box, Disc, Drawing, Line, Shape, Words, text_width

BLACK, BLUE, RED, GREY = "#141418", "#185cc8", "#d61424", "#d3d7de"
_FAINT, _PINK, _HAIR, _CAGE = "#8fb0e6", "#fbdcdf", "#b4b8bf", "#4a505c"
_LEGEND = {"given": (PAPER, BLACK), "changed": (GREY, BLUE), "wrong": (_PINK, RED), "unsure": (PAPER, _FAINT)}
_RISE = 0.36
"""Half the height of a capital letter or digit, in sizes of the font."""


def cell_width(scene: Scene, most: int, side: int) -> int:
    """Return how wide cells are, at most, for a grid that is not much wider or higher than ``side``."""
    return min(most, max(8, side // max(scene.shape)))


def draw(scene: Scene, moment: Moment, cell_px: int) -> Drawing:
    """Draw a moment with its caption; all drawings of one answer and one ``cell_px`` >= 8 have the same size."""
    text_px = min(16, max(12, cell_px * 3 // 8))
    margin, line_px = max(8, min(16, cell_px // 3)), text_px * 3 // 2
    count = f"segment {scene.answer.segments}   {scene.puzzle.spec.cells} cells changed"
    widest = max(ceil(text_width(text, text_px)) for text in (count, "     ".join(_LEGEND)))
    width, height = _size(scene, cell_px)
    inner = max(width, widest)
    shapes = _shapes(scene, moment, cell_px, margin + (inner - width) // 2, margin)
    foot = margin + height + margin // 2 + line_px
    shapes += _caption(scene, moment, margin, margin + inner, foot, text_px)
    return Drawing(inner + 2 * margin, foot + line_px + margin, tuple(shapes))


def draw_alone(scene: Scene, moment: Moment, cell_px: int) -> Drawing:
    """Draw a moment as ``draw`` does, without the caption."""
    (width, height), margin = _size(scene, cell_px), max(2, cell_px // 12)
    return Drawing(width + 2 * margin, height + 2 * margin, tuple(_shapes(scene, moment, cell_px, margin, margin)))


def mixed(ground: str, ink: str, share: float) -> str:
    """Return the colour that holds this share of ink."""
    pairs = zip(bytes.fromhex(ground[1:]), bytes.fromhex(ink[1:]), strict=True)
    return "#" + bytes(round(g + (i - g) * share) for g, i in pairs).hex()


def _size(scene: Scene, size: int) -> tuple[int, int]:
    """Return width and height of the grid or graph."""
    (rows, columns), ring = scene.shape, _ring(scene, size)
    return (ring, ring) if ring else (columns * size, rows * size)


def _shapes(scene: Scene, moment: Moment, size: int, left: int, top: int) -> list[Shape]:
    return (_graph if scene.sketch.nodes else _grid)(scene, moment, size, left, top)


def _grid(scene: Scene, moment: Moment, size: int, left: int, top: int) -> list[Shape]:
    cells = scene.cells(moment)
    grounds: list[Shape] = []
    symbols: list[Shape] = []
    for cell in cells:
        x, y = left + cell.x * size, top + cell.y * size
        if cell.changed:
            grounds.append(Box(x, y, size, size, GREY))
        rim = max(2, round(size * 0.16)) if cell.changed or cell.wrong else 0
        if cell.fill or cell.wrong:
            fill = _PINK if cell.wrong and not cell.fill else mixed(PAPER, cell.fill, _share(cell))
            grounds.append(Box(x + rim, y + rim, size - 2 * rim, size - 2 * rim, fill))
        if cell.symbol and not cell.is_solid:
            low, share = (0.55, 0.5) if scene.sketch.notes else (0.5, 0.6)  # notes need room above
            symbols.append(_symbol(cell, x + size / 2, y + size * low, size * share))
        if cell.wrong:
            symbols.append(Box(x + size / 4, y + size * 7 / 8, size / 2, max(1, size / 20), RED))
        note = scene.sketch.notes.get(cell.place)
        if note:
            symbols.append(Words(x + size * 0.13, y + size * 0.33, note, size * 0.25, BLACK))
    return [*grounds, *_lines(scene, moment, size, left, top), *_regions(scene, cells, size, left, top), *symbols]


def _share(cell: Cell) -> float:
    """Return how strong a cell's colour is."""
    return 0.25 + 0.75 * round(cell.confidence * 16) / 16


def _symbol(cell: Cell, x: float, y: float, size: float) -> Words:
    """Return the symbol around a point."""
    if cell.fill or cell.given:
        ink = BLACK
    elif cell.wrong:
        ink = RED
    else:
        ink = mixed(GREY if cell.changed else PAPER, BLUE, _share(cell))
    shrunk = size / max(1, len(cell.symbol) * 0.7)
    return Words(x, y + _RISE * shrunk, cell.symbol, shrunk, ink, "middle", cell.given)


def _lines(scene: Scene, moment: Moment, size: int, left: int, top: int) -> list[Shape]:
    """Return the lines between cells, those of boxes last, with neighbouring pieces joined."""
    thick = max(1, size // 24)
    found: list[tuple[bool, Shape]] = []
    for axis, lines in enumerate(scene.lines(moment)):
        for at, line in enumerate(lines if axis == 0 else lines.T):
            for begin, end, is_thick in _runs([0 if kind == 0 else 1 + (kind & THICK > 0) for kind in line.tolist()]):
                spread = thick if is_thick else 0
                across, along = at * size - spread, (begin * size - spread, (end - begin) * size + 2 * spread + 1)
                width, ink = 2 * spread + 1, BLACK if is_thick else _HAIR
                box = (along[0], across, along[1], width) if axis == 0 else (across, along[0], width, along[1])
                found.append((is_thick, Box(left + box[0], top + box[1], box[2], box[3], ink)))
    return [box for _, box in sorted(found, key=lambda pair: pair[0])]


def _runs(kinds: list[int]) -> list[tuple[int, int, bool]]:
    """Return begin and end of each run of one kind above 0, and whether it is of kind 2."""
    runs, begin = [], 0
    for place in range(1, len(kinds) + 1):
        if place == len(kinds) or kinds[place] != kinds[begin]:
            if kinds[begin]:
                runs.append((begin, place, kinds[begin] == 2))
            begin = place
    return runs


def _regions(scene: Scene, cells: list[Cell], size: int, left: int, top: int) -> list[Shape]:
    """Return a line around each region, a little inside it."""
    if scene.sketch.regions is None:
        return []
    numbers = {(cell.y, cell.x): int(scene.sketch.regions[cell.place]) for cell in cells}
    inset, width = size * 0.09, max(1, size // 30)
    found: list[Shape] = []
    for (y, x), number in numbers.items():
        if number < 0:
            continue
        same = {(v, u): numbers.get((y + v, x + u)) == number for v in (-1, 0, 1) for u in (-1, 0, 1)}
        for v, u in ((-1, 0), (1, 0), (0, -1), (0, 1)):
            if same[v, u]:
                continue
            begin, end = inset, size - inset  # along the side; on into the neighbour where the region goes on
            for sign in (-1, 1):
                beside = (0, sign) if v else (sign, 0)
                beyond = (v, sign) if v else (sign, u)
                reach = 0.0 if not same[beside] else inset + (inset if same[beyond] else 0)
                begin, end = (begin - reach, end) if sign < 0 else (begin, end + reach)
            across = inset if v + u < 0 else size - inset - width
            x0, y0, length = left + x * size, top + y * size, end - begin
            if v:
                found.append(Box(x0 + begin, y0 + across, length, width, _CAGE))
            else:
                found.append(Box(x0 + across, y0 + begin, width, length, _CAGE))
    return found


def _ring(scene: Scene, size: int) -> int:
    """Return the width of a drawn graph, 0 where there is none."""
    nodes = len(scene.sketch.nodes)
    return ceil(size * max(6.0, nodes * 0.62)) if nodes else 0


def _graph(scene: Scene, moment: Moment, size: int, left: int, top: int) -> list[Shape]:
    """Return the edges, then the nodes on a circle, clockwise from the top, with their notes outside."""
    sketch, side = scene.sketch, _ring(scene, size)
    cells = {cell.place: cell for cell in scene.cells(moment)}
    radius, far = size * 0.42, side / 2 - size * 0.95
    turn = [2 * pi * number / len(sketch.nodes) for number in range(len(sketch.nodes))]
    x0, y0 = left + side / 2, top + side / 2
    at = {n: (x0 + far * sin(a), y0 - far * cos(a)) for n, a in zip(sketch.nodes, turn, strict=True)}
    edges: list[tuple[bool, Line]] = []
    for a, b in sketch.edges:
        clash = cells[a].wrong and cells[b].wrong and cells[a].symbol == cells[b].symbol
        (x, y), (u, v) = at[a], at[b]
        edges.append((clash, Line(x, y, u - x, v - y, RED if clash else "#9aa0aa", 3 if clash else 1.25)))
    shapes: list[Shape] = [line for _, line in sorted(edges, key=lambda pair: pair[0])]
    for node, angle in zip(sketch.nodes, turn, strict=True):
        (x, y), cell = at[node], cells[node]
        if cell.changed:
            shapes.append(Disc(x, y, radius + size * 0.13, GREY, GREY, 1))
        fill = mixed(PAPER, cell.fill, _share(cell)) if cell.fill else PAPER
        rim = RED if cell.wrong else BLACK if cell.given else _HAIR if not cell.symbol else _CAGE
        shapes.append(Disc(x, y, radius, fill, rim, size * (0.09 if cell.given or cell.wrong else 0.04)))
        if cell.symbol:
            shapes.append(_symbol(cell, x, y, size * 0.45))
        note, away, small = sketch.notes.get(node, ""), far + size * 0.75, size * 0.26
        x, y = x0 + away * sin(angle), y0 - away * cos(angle)
        shapes.append(Words(x, y + _RISE * small, note, small, _CAGE, "middle"))
    return shapes


def _caption(scene: Scene, moment: Moment, left: float, right: float, foot: float, size: int) -> list[Shape]:
    """Return the words, and below them q_halt as a bar, or for the puzzle itself the legend."""
    name, count = scene.caption(moment)
    lower = foot + size * 1.5
    shapes: list[Shape] = [Words(left, foot, name, size, BLACK), Words(right, foot, count, size, BLACK, "end")]
    if moment.segment == 0:
        for word, (ground, ink) in _LEGEND.items():
            width = text_width(f" {word} ", size)
            shapes.append(Box(left, lower - size, width, size * 1.4, ground))
            shapes.append(Words(left + width / 2, lower, word, size, ink, "middle", word == "given"))
            left += width + text_width("  ", size)
        return shapes
    begin, end = left + text_width("q_halt  ", size), right - text_width("  0.00", size)
    shapes += [
        Words(left, lower, "q_halt", size, BLACK),
        Words(right, lower, f"{moment.q_halt:.2f}", size, BLACK, "end"),
    ]
    shapes += [Box(begin, lower - size * 0.7, end - begin, size * 0.7, GREY)]
    return [*shapes, Box(begin, lower - size * 0.7, (end - begin) * moment.q_halt, size * 0.7, BLUE)]
