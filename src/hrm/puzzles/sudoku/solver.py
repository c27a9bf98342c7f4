"""An exact Sudoku solver in pure Python, quick because one integer holds every candidate of the grid.

Bit ``(digit - 1) * C + cell`` of a board says that this cell may still hold this digit (C cells, digits
1..n). What a rule says about all units and all digits at once is then a handful of operations on a long
integer: counting the candidates of each row, for example, adds up n shifted copies of the board, bit by bit.

The grid may be one square, or several that overlap on a canvas; a family may bring further rules of its own.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from hrm.errors import UndecidedError


@dataclass(frozen=True)
class Solution:
    """What a search found, and how hard it was."""

    solutions: list[list[int]]
    """Complete grids, digits 1..n row by row; no grid twice."""
    guesses: int
    """How often no rule applied and the search had to assume something."""


class _Units(NamedTuple):
    """Sets of equally many places, which are shifted copies of one another."""

    anchors: int
    """The first place of every unit."""
    shifts: tuple[int, ...]
    """Distance of each place of a unit from its anchor."""
    spread: int
    """Number that turns a board of anchors, by multiplication, into all places of their units."""

    @staticmethod
    def of(anchors: list[int], shifts: list[int]) -> "_Units":
        return _Units(_board(anchors), tuple(shifts), _board(shifts))


class _Tables(NamedTuple):
    """What is known of a layout before any puzzle is."""

    cells: int
    """Cells of the canvas C, those outside all grids included."""
    start: int
    """The board on which every cell may hold every digit."""
    rules: tuple[_Units, ...]
    """Units in which exactly one candidate is right: cells, and rows, columns and boxes for each digit."""
    keeps: tuple[int, ...]
    """For each place, the board that is left when its digit is put into its cell."""
    locks: tuple[tuple[_Units, tuple[_Units, ...], tuple[_Units, ...]], ...]
    """Segments (a line's share of a box), then the units of segments: those of a line, those of a box."""


@dataclass(frozen=True)
class Layout:
    """Where Sudoku grids of one size lie on a canvas."""

    box: tuple[int, int]
    """Rows and columns of a box; their product is the number of digits n."""
    canvas: tuple[int, int]
    """Rows and columns of the canvas."""
    groups: tuple[tuple[tuple[int, int], ...], ...]
    """Top left corners of the grids; grids of one group do not overlap, those of two may, in whole boxes."""

    @staticmethod
    def single(box: tuple[int, int]) -> "Layout":
        """Return the layout of one grid."""
        size = box[0] * box[1]
        return Layout(box, (size, size), (((0, 0),),))


def solve(
    grid: Sequence[int],
    layout: tuple[int, int] | Layout,
    limit: int = 2,
    rng: np.random.Generator | None = None,
    without: tuple[int, int] | None = None,
    max_guesses: int = 1_000_000,
    prune: Callable[[int], int] | None = None,
) -> Solution:
    """Find up to ``limit`` ways to complete a grid; two of them prove that the answer is not unique.

    Args:
        grid: digits row by row, 0 for a blank; contradicting givens have no solution.
        layout: where the grids lie; for a single one rows and columns of a box.
        limit: number of solutions after which the search stops.
        rng: decides in which order digits are tried; in rising order without it.
        without: a cell and a digit that this cell must not hold.
        max_guesses: give up after so many; hard 9×9 puzzles take hundreds.
        prune: further rules: takes a board and returns what they leave of it, 0 where they contradict it. Of a board
            with one candidate a cell it must leave all or nothing.

    Raises:
        UndecidedError: the search was given up, so nothing is proved.
    """
    tables = _tables(layout if isinstance(layout, Layout) else Layout.single(layout))
    # place the givens
    cells, board, placed = tables.cells, tables.start, 0
    for cell, digit in enumerate(grid):
        if digit:
            place = (digit - 1) * cells + cell
            if not board >> place & 1:
                return Solution([], 0)
            board &= tables.keeps[place]
            placed |= 1 << place
    if without is not None:
        board &= ~(1 << (without[1] - 1) * cells + without[0])
    # search: apply the rules, then guess; boards that are still open wait on a stack
    solutions, guesses, open_boards = [], 0, [(board, placed)]
    while open_boards and len(solutions) < limit:
        board, placed = _propagate(tables, *open_boards.pop())
        while prune is not None and board and (left := prune(board)) != board:
            board, placed = _propagate(tables, left, placed)
        if board == 0:
            continue
        if board == placed:
            digits = [0] * cells
            for place in _places(board):
                digits[place % cells] = place // cells + 1
            solutions.append(digits)
            continue
        # no rule applies: guess in the unit with the fewest candidates
        guesses += 1
        if guesses > max_guesses:
            raise UndecidedError(f"no proof within {max_guesses} guesses: too few givens for an exact search")
        options = _options(tables, board)
        if rng is not None:
            options = [options[i] for i in rng.permutation(len(options))]
        open_boards += [(board & tables.keeps[p], placed | 1 << p) for p in reversed(options)]
    return Solution(solutions, guesses)


def _propagate(tables: _Tables, board: int, placed: int) -> tuple[int, int]:
    """Apply the rules until none says anything new; the board is 0 where they contradict each other."""
    while True:
        # candidates that are the only one of a cell, or of a digit in a unit
        forced = 0
        for anchors, shifts, spread in tables.rules:
            one = two = 0  # units with at least so many candidates
            for shift in shifts:
                candidates = board >> shift & anchors
                two |= one & candidates
                one |= candidates
            if one != anchors:
                return 0, 0
            forced |= board & (one ^ two) * spread
        # place them, or look at lines and boxes where there are none
        forced &= ~placed
        if forced:
            placed |= forced
            for place in _places(forced):
                if not board >> place & 1:
                    return 0, 0
                board &= tables.keeps[place]
        else:
            locked = _lock(tables, board) if board != placed else board
            if locked == board:
                return board, placed
            board = locked


def _lock(tables: _Tables, board: int) -> int:
    """Remove candidates that a segment rules out.

    Where all candidates of a digit in a line lie in one box, the rest of this box cannot hold it, and the
    other way round.
    """
    for segments, inside, outside in tables.locks:
        # segments that hold a candidate
        filled = 0
        for shift in segments.shifts:
            filled |= board >> shift & segments.anchors
        for counted, cleared in zip(inside, outside, strict=True):
            # those that are the only one of their line (or box) ...
            one = two = 0
            for shift in counted.shifts:
                candidates = filled >> shift & counted.anchors
                two |= one & candidates
                one |= candidates
            only = filled & (one & ~two) * counted.spread
            # ... clear the other segments of their box (or line)
            reached = 0
            for shift in cleared.shifts:
                reached |= only >> shift & cleared.anchors
            board &= ~((reached * cleared.spread & ~only) * segments.spread)
    return board


def _options(tables: _Tables, board: int) -> list[int]:
    """Return the candidates of the unit to guess in, rising.

    It is among the first kind of unit that has one with the fewest; of these, the one whose candidates would
    rule out the most others (product over the candidates).
    """
    most, total = 2, board.bit_count()
    while True:
        for anchors, shifts, spread in tables.rules:
            at_least = [anchors] + [0] * (most + 1)
            for shift in shifts:
                candidates = board >> shift & anchors
                for count in range(most + 1, 0, -1):
                    at_least[count] |= at_least[count - 1] & candidates
            few = at_least[2] & ~at_least[most + 1]
            if few:
                units = [_places(board & (1 << anchor) * spread) for anchor in _places(few)]
                left = [[(board & tables.keeps[p]).bit_count() for p in unit] for unit in units]
                scores = [math.prod(total - count for count in counts) for counts in left]
                return units[scores.index(max(scores))]
        most += 1


def _places(board: int) -> list[int]:
    """Return the numbers of the bits that are set, rising."""
    places = []
    while board:
        low = board & -board
        places.append(low.bit_length() - 1)
        board ^= low
    return places


def _board(places: Sequence[int]) -> int:
    return sum(1 << place for place in places)


@cache
def _tables(layout: Layout) -> _Tables:
    (height, width), (_, columns) = layout.box, layout.canvas
    n, cells = height * width, layout.canvas[0] * columns
    lines, tops, lefts = range(n), range(0, n, height), range(0, n, width)
    planes = range(0, n * cells, cells)
    box_shifts = [columns * y + x for y in range(height) for x in range(width)]

    def units(anchors: Sequence[int], shifts: Sequence[int]) -> _Units:
        return _Units.of([d + a for d in planes for a in sorted(set(anchors))], list(shifts))

    # rows, columns and boxes
    groups = [[columns * y + x for y, x in corners] for corners in layout.groups]
    corners = [corner for group in groups for corner in group]
    inside = sorted({corner + columns * y + x for corner in corners for y in lines for x in lines})
    boxes = units([corner + columns * y + x for corner in corners for y in tops for x in lefts], box_shifts)
    by_row = [units([corner + columns * y for corner in group for y in lines], lines) for group in groups]
    by_column = [
        units([corner + x for corner in group for x in lines], [columns * y for y in lines]) for group in groups
    ]
    rules = (_Units.of(inside, list(planes)), *by_row, *by_column, boxes)
    # for each place, what is left when it is filled
    reach: dict[int, int] = {}
    for kind in rules:
        for anchor in _places(kind.anchors):
            unit = kind.spread << anchor
            for place in _places(unit):
                reach[place] = reach.get(place, 0) | unit
    everything = _board(sorted(reach))
    keeps = tuple(everything & ~reach.get(place, 0) | 1 << place for place in range(n * cells))
    # segments: the share of a box in each row, and in each column
    across = units([c + columns * y + x for c in corners for y in lines for x in lefts], range(width))
    down = units(
        [c + columns * y + x for c in corners for y in tops for x in lines], range(0, columns * height, columns)
    )
    box_rows = _Units(boxes.anchors, down.shifts, down.spread)
    box_columns = _Units(boxes.anchors, across.shifts, across.spread)
    row_parts = [_Units(kind.anchors, tuple(lefts), _board(lefts)) for kind in by_row]
    tops_of = [columns * y for y in tops]
    column_parts = [_Units(kind.anchors, tuple(tops_of), _board(tops_of)) for kind in by_column]
    locks = (
        (across, (*[box_rows] * len(groups), *row_parts), (*row_parts, *[box_rows] * len(groups))),
        (down, (*[box_columns] * len(groups), *column_parts), (*column_parts, *[box_columns] * len(groups))),
    )
    return _Tables(cells, everything, rules, keeps, locks)
