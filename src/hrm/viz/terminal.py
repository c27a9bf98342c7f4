"""How a puzzle is solved, segment by segment, in the terminal.

What colour says is also said by a mark beside the symbol, so that it survives a pipe.
"""

import time

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.style import Style
from rich.text import Text

from hrm.inference.solver import Answer, Moment
from hrm.puzzles.base import Puzzle
from hrm.viz.scene import REGION, THICK, UNSURE, Cell, Scene

_STYLES = ("none", "red", "black on yellow", "bright_white on red")  # plain, wrong, changed, both
_LIGHT, _HEAVY = " ╵╶└╷│┌├╴┘─┴┐┤┬┼", " ╹╺┗╻┃┏┣╸┛━┻┓┫┳╋"  # by sides: 1 up, 2 right, 4 down, 8 left
_ACROSS, _DOWN = "━─┄", "┃│┊"  # a border of boxes and regions alike; of one of them; of a box within a region
_TO_ASCII = str.maketrans(
    {**dict.fromkeys(_LIGHT[1:] + _HEAVY[1:], "+"), **dict(zip(_ACROSS + _DOWN, "=-.H|:", strict=True))}
)


def replay(puzzle: Puzzle, answer: Answer, console: Console, delay_s: float = 0.0) -> None:
    """Print the puzzle, then every segment.

    Each segment stays ``delay_s`` seconds before the next is drawn over it. Without a delay, in a pipe, or in
    a terminal that is too low, they are printed one below the other.

    Raises:
        UsageError: the answer has no trace.
    """
    scene = Scene(puzzle, answer)
    first, *rest = scene.moments()
    before = terminal_grid(scene, first)
    before.append("   (* changed" + ("  ! wrong  ? unsure)" if puzzle.spec.differ else ")"))
    grids = (terminal_grid(scene, moment) for moment in rest)
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


def terminal_grid(scene: Scene, moment: Moment) -> Text:
    """Return a grid as text with a line about its segment below.

    Givens are bold, changed cells highlighted and marked ``*``, wrong ones red and marked ``!``, unsure ones dim and
    marked ``?``; declared colours lie behind their symbols. Where no relation says that cells must differ, cells are
    narrower, with one mark. Notes stand in the line above their cells.
    """
    spec, sketch = scene.puzzle.spec, scene.sketch
    longest = max(map(len, spec.tokens))
    width = longest + (2 if spec.differ else 1)
    across, down = (
        _drawn(lines, sketch.regions is not None, signs)
        for lines, signs in zip(scene.lines(moment), (_ACROSS, _DOWN), strict=True)
    )
    cells = {(cell.y, cell.x): cell for cell in scene.cells(moment)}
    notes = {} if sketch.nodes else {(c.y, c.x): sketch.notes.get(c.place, "") for c in cells.values()}
    rows, columns = scene.shape
    bars = [bool((down[:, x] != " ").any()) for x in range(columns + 1)]
    text = Text(no_wrap=True, overflow="ignore")
    for y in range(rows + 1):
        if (across[y] != " ").any() or any(notes.get((y, x)) for x in range(columns)):
            line = ""
            for x in range(columns + 1):
                line += _corner(across, down, y, x) if bars[x] else ""
                if x < columns:
                    line += notes.get((y, x), "").ljust(width, across[y, x])
            text.append(line.rstrip() + "\n")
        if y < rows:
            for x in range(columns + 1):
                text.append(down[y, x] if bars[x] else "")
                if x < columns:
                    cell = cells.get((y, x))
                    if cell is None:
                        text.append(" " * width)
                    else:
                        _append(text, cell, (cell.symbol or spec.tokens[spec.blank]).rjust(longest), bool(spec.differ))
            text.rstrip()
            text.append("\n")
    name, count = scene.caption(moment)
    told = [name, count] if moment.segment == 0 else [name, f"q_halt {moment.q_halt:.2f}", count]
    return text.append("  ".join(told))


def _append(text: Text, cell: Cell, symbol: str, wide: bool) -> None:
    """Append one cell with its marks: one on either side, or one only."""
    unsure = cell.symbol != "" and not cell.given and cell.confidence < UNSURE
    plain = Style.parse(_STYLES[2 * cell.changed + cell.wrong]) + Style(bold=cell.given, dim=unsure)
    style = plain
    if cell.fill and not cell.wrong:
        style = Style(color=cell.fill if cell.is_solid else "#000000", bgcolor=cell.fill, bold=cell.given)
    left = "*" if cell.changed else "!" if cell.wrong and not wide else " "
    right = "!" if cell.wrong else "?" if unsure else " "
    symbol += right if wide else ""
    text.append(left + symbol if style is plain else left, plain)
    text.append("" if style is plain else symbol, style)


def _drawn(lines: np.ndarray, has_regions: bool, signs: str) -> np.ndarray:
    """Return the sign of each line beside a cell."""
    box, region = (lines & THICK) > 0, (lines & REGION) > 0
    if not has_regions:
        return np.where(box, signs[1], " ")
    return np.select([box & region, region, box], list(signs), " ")


def _corner(across: np.ndarray, down: np.ndarray, y: int, x: int) -> str:
    """Return the sign where lines meet: of the heavy ones if there are any, else of the light ones, else of dots."""
    sides = (
        down[y - 1, x] if y else " ",
        across[y, x] if x < across.shape[1] else " ",
        down[y, x] if y < down.shape[0] else " ",
        across[y, x - 1] if x else " ",
    )
    for place, signs in enumerate((_HEAVY, _LIGHT)):
        if found := sum(1 << side for side, sign in enumerate(sides) if sign in (_ACROSS[place], _DOWN[place])):
            return signs[found]
    return next((sign for sign in sides if sign != " "), " ")


def _ascii(grid: Text) -> Text:
    grid.plain = grid.plain.translate(_TO_ASCII)
    return grid
