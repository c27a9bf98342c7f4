"""How a puzzle is solved, segment by segment, in the terminal.

What color says is also said by a mark beside the symbol, so that it survives a pipe.
"""

import time
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.style import Style
from rich.text import Text

from hrm.inference.answer import Answer
from hrm.puzzles.base import Puzzle
from hrm.viz.palette import ink_on, seen_on_both
from hrm.viz.puzzle.frame import REGION, THICK, UNSURE, Cell, Frame, View

_STYLES = ("none", "bold red", "black on yellow", "bold bright_white on red")  # plain, clashes, changed, both
_LIGHT, _HEAVY = " ╵╶└╷│┌├╴┘─┴┐┤┬┼", " ╹╺┗╻┃┏┣╸┛━┻┓┫┳╋"  # by sides: 1 up, 2 right, 4 down, 8 left
_ACROSS, _DOWN = "━─┄", "┃│┊"  # a border of boxes and regions alike; of one of them; of a box within a region
_TO_ASCII = str.maketrans(
    {**dict.fromkeys(_LIGHT[1:] + _HEAVY[1:], "+"), **dict(zip(_ACROSS + _DOWN, "=-.H|:", strict=True))}
)


def replay(puzzle: Puzzle, answer: Answer, console: Console, delay_s: float = 0.0) -> None:
    """Print the puzzle, then every segment that changed something, and the end.

    Each segment stays ``delay_s`` seconds before the next is drawn over it. Without a delay, in a pipe, or in
    a terminal that is too low, they are printed one below the other.

    Raises:
        UsageError: the answer has no trace.
    """
    view = View(puzzle, answer)
    first, *rest = view.frames()
    before = terminal_grid(view, first)
    before.append(_legend(view, rest))
    grids = (terminal_grid(view, frame) for frame in rest)
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


def _legend(view: View, frames: Sequence[Frame]) -> str:
    """Return what the marks mean, those that occur."""
    cells = [cell for frame in frames for cell in view.cells(frame.step)]
    wide = bool(view.puzzle.spec.differ)
    marks = [
        ("* changed", any(cell.changed for cell in cells)),
        ("! clashes", any(cell.clashes for cell in cells)),
        ("? unsure", wide and any(_unsure(cell) and not cell.clashes for cell in cells)),
    ]
    legend = "  ".join(mark for mark, occurs in marks if occurs)
    return f"   ({legend})" if legend else ""


def _unsure(cell: Cell) -> bool:
    return cell.symbol != "" and not cell.given and cell.confidence < UNSURE


def terminal_grid(view: View, frame: Frame) -> Text:
    """Return a grid as text with a line about its segment below.

    Givens are bold, changed cells highlighted and marked ``*``, clashing ones red and marked ``!``, unsure ones dim and
    marked ``?``; declared colors fill the whole cell. Where no relation says that cells must differ, cells are
    narrower, with one mark. Notes stand in the line above their cells.
    """
    spec, sketch, step = view.puzzle.spec, view.sketch, frame.step
    # what stands in cells, between them and above them
    longest = max(map(len, spec.tokens))
    width = longest + (2 if spec.differ else 1)
    across, down = (
        _signs(lines, sketch.regions is not None, signs)
        for lines, signs in zip(view.lines(step), (_ACROSS, _DOWN), strict=True)
    )
    cells = {(cell.y, cell.x): cell for cell in view.cells(step)}
    notes = {} if sketch.nodes else {(c.y, c.x): sketch.notes.get(c.place, "") for c in cells.values()}
    rows, columns = view.shape
    # row by row: the line above it with its notes, then its cells
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
    sure = "" if step.segment == 0 else f"sure {step.q_halt:.0%}".replace("%", " %")
    return text.append("  ".join(filter(None, (frame.name, sure, frame.count))))


def _append(text: Text, cell: Cell, symbol: str, wide: bool) -> None:
    """Append one cell with its marks: one on either side, or one only."""
    unsure = _unsure(cell)
    dim = unsure and not cell.changed and not cell.clashes
    plain = Style.parse(_STYLES[2 * cell.changed + cell.clashes]) + Style(bold=cell.given, dim=dim)
    left = "*" if cell.changed else "!" if cell.clashes and not wide else " "
    right = "!" if cell.clashes else "?" if unsure else " "
    symbol += right if wide else ""
    if not cell.fill or cell.clashes:
        text.append(left + symbol, plain)
        return
    ground = seen_on_both(cell.fill) if cell.is_solid else cell.fill
    text.append(left, Style(color=ink_on(ground), bgcolor=ground))  # on the color, too, so that a wall is one block
    text.append(symbol, Style(color=ground if cell.is_solid else ink_on(ground), bgcolor=ground, bold=cell.given))


def _signs(lines: np.ndarray, has_regions: bool, signs: str) -> np.ndarray:
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
        if joined := sum(1 << side for side, sign in enumerate(sides) if sign in (_ACROSS[place], _DOWN[place])):
            return signs[joined]
    return next((sign for sign in sides if sign != " "), " ")


def _ascii(grid: Text) -> Text:
    grid.plain = grid.plain.translate(_TO_ASCII)
    return grid
