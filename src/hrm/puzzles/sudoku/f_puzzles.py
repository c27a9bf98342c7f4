"""Read Sudokus and Killer cages from the JSON of f-puzzles and of SudokuPad.

Both have a grid of cells and a list of cages. Whatever else constrains the puzzle is refused by name, for an answer
that passes over a rule would be wrong.
"""

import re
from collections.abc import Mapping

from hrm.errors import DataError
from hrm.puzzles.grids import box_units, place, small_number, unpacked
from hrm.puzzles.sudoku.cages import are_connected, neighbor_lists

MOST_CHARACTERS = 1 << 20
_GRIDS, _CAGES = ("grid", "cells"), ("killercage", "cages")
_SAYS_NOTHING = {
    "size", "title", "author", "ruleset", "rules", "solution", "metadata", "id", "settings", "highlightConflicts",
    "successMessage", "disabledlogic", "truecandidatesoptions", "regions", *_GRIDS, *_CAGES,
}  # fmt: skip
_CELL = re.compile(r"[rR](\d{1,2})[cC](\d{1,2})")

Cages = list[tuple[tuple[int, ...], int]]
"""The cells and the sum of each cage."""


def read_f_puzzle(given: object, box: tuple[int, int]) -> tuple[list[int], Cages] | None:
    """Return the given digit of each cell (0: none), and the cages; None of what is no puzzle of these programs.

    Args:
        given: an object, or its JSON text.
        box: rows and columns of a box.

    Raises:
        DataError: another size, irregular boxes, another kind of constraint, or a cage that is none.
    """
    if isinstance(given, str) and given.lstrip()[:1] == "{":
        given = unpacked(given, "{", MOST_CHARACTERS)
    if not isinstance(given, dict) or "sums" in given:
        return None
    if not any(isinstance(given.get(key), list) for key in (*_GRIDS, *_CAGES)):
        return None
    for key, value in given.items():
        if key not in _SAYS_NOTHING and value:
            raise DataError(f"it has the constraint {str(key)[:24]!r}, which this family does not know")
    digits = _givens(given, box)
    return digits, _cages(given, digits, box[0] * box[1])


def _cages(puzzle: Mapping[str, object], digits: list[int], size: int) -> Cages:
    """Return the cages, which neither overlap nor hold a given digit."""
    cages: Cages = []
    taken: set[int] = set()
    near = neighbor_lists(size * size, size)
    for key in _CAGES:
        entries = puzzle.get(key) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise DataError(f"{key!r} must be a list of objects with 'cells' and 'value'")
        for entry in entries:
            total = small_number(entry.get("value"))
            if key == "cages" and not entry.get("cells") and total is None:
                continue  # SudokuPad keeps its title and rules in such a cage
            cells = _cells(entry.get("cells"), size)
            where = f"the cage of {place(cells[0], size)}"
            if total is None:
                raise DataError(f"{where} has no sum in 'value', but {str(entry.get('value'))[:12]!r}")
            if not taken.isdisjoint(cells):
                raise DataError(f"{where} has a cell that is in another cage, too; cages may not overlap")
            if any(digits[cell] for cell in cells):
                raise DataError(f"{where} has a cell with a given digit; leave the given out, or the cage")
            if not are_connected(cells, near):
                raise DataError(f"{where} has cells that do not touch; a cage must hang together")
            taken.update(cells)
            cages.append((cells, total))
    return cages


def _givens(puzzle: Mapping[str, object], box: tuple[int, int]) -> list[int]:
    size = box[0] * box[1]
    boxes = box_units(box)[2].tolist()
    rows = next((puzzle[key] for key in _GRIDS if puzzle.get(key)), [[{}] * size] * size)
    if not isinstance(rows, list) or len(rows) != size or not all(isinstance(r, list) and len(r) == size for r in rows):
        count = puzzle.get("size") or (len(rows) if isinstance(rows, list) else "another number of")
        raise DataError(f"it has {str(count)[:12]} rows, not {size} of {size} cells")
    digits, regions = [0] * size * size, dict[object, set[int]]()
    for cell, each in enumerate(each for row in rows for each in row):
        if not isinstance(each, dict):
            raise DataError("each cell of its grid must be an object, empty or with 'value' and 'given'")
        if each.get("given", "grid" not in puzzle) and each.get("value") not in (None, ""):
            digit = small_number(each["value"])
            if digit is None or not 1 <= digit <= size:
                raise DataError(f"{place(cell, size)} holds {str(each['value'])[:12]!r}; allowed are 1-{size}")
            digits[cell] = digit
        if each.get("region") is not None:
            regions.setdefault(str(each["region"]), set()).add(cell)
    named = puzzle.get("regions") or []
    if not isinstance(named, list):
        raise DataError("'regions' must be a list of lists of cells")
    shapes = [*regions.values(), *(set(_cells(region, size)) for region in named)]
    if any(len({boxes[cell] for cell in shape}) > 1 for shape in shapes):
        raise DataError("its boxes are irregular, which this family does not know")
    return digits


def _cells(given: object, size: int) -> tuple[int, ...]:
    cells = []
    for each in given if isinstance(given, list) else []:
        y, x = _place(each)
        if not (0 <= y < size and 0 <= x < size):
            raise DataError(f"a cage holds the cell {str(each)[:12]!r}; cells are R1C1 to R{size}C{size}")
        cells.append(y * size + x)
    if not cells or len(set(cells)) < len(cells):
        raise DataError(f"a cage must have a list of different cells, such as R1C1, in 'cells', not {str(given)[:24]}")
    return tuple(sorted(cells))


def _place(each: object) -> tuple[int, int]:
    """Return row and column of a cell, from 0; (-1, -1) of what is none."""
    if isinstance(each, str) and (named := _CELL.fullmatch(each)):
        return int(named[1]) - 1, int(named[2]) - 1
    if isinstance(each, list) and len(each) == 2 and all(type(number) is int for number in each):
        return each[0], each[1]
    return -1, -1
