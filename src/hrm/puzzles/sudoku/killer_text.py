"""Killer Sudoku as text, JSON and lists: what was given becomes digits and cages; tokens are the family's concern."""

import numpy as np

from hrm.errors import DataError
from hrm.puzzles.grids import MAX_GIVEN, place, small_number, unpacked
from hrm.puzzles.notation import BLANKS
from hrm.puzzles.sudoku.cages import Cage, bounds, heads
from hrm.puzzles.sudoku.digits import DIGITS
from hrm.puzzles.sudoku.f_puzzles import read_f_puzzle


def read(given: object, box: tuple[int, int]) -> tuple[list[int], list[Cage], list[int]]:
    """Return the digit of each cell (0: none), the cages, and for each cage how far its letter is from an ``a``.

    Args:
        box: rows and columns of a box.

    Raises:
        DataError: what ``Killer.parse`` tells, without the name of the family.
    """
    size = box[0] * box[1]
    if (from_json := read_f_puzzle(given, box)) is not None:
        digits, cages = from_json[0], [Cage(cells, total) for cells, total in from_json[1]]
        for cage in cages:
            _refuse(cage, size)
        if not cages:
            raise DataError("it has no cage; a Sudoku without cages is of another family")
        return digits, cages, [-1] * len(cages)
    # letters: digits, blanks, or the marks of cages
    letters, sums = _given(given)
    if len(letters) != size * size:
        raise DataError(f"it has {len(letters)} cells instead of {size * size}, before the ';'")
    digits, marks = [0] * size * size, np.full(size * size, -1)
    blanks: set[str] = set()
    for cell, letter in enumerate(letters):
        if letter in DIGITS[:size]:
            digits[cell] = DIGITS.index(letter) + 1
        elif letter.isascii() and letter.isalpha():
            marks[cell] = ord(letter)
        elif letter not in BLANKS:
            raise DataError(
                f"{place(cell, size)} holds {letter!r}; allowed are a letter for its cage, 1-{size} for a given, and "
                "'.' for neither"
            )
        else:
            blanks.add(letter)
    if len(blanks) > 1:
        raise DataError(f"{' and '.join(map(repr, sorted(blanks)))} are both read as a blank; use one of them")
    if (marks < 0).all() and not all(digits):
        raise DataError("it has no cage; write a letter for each cell, then ';' and the sums")
    # cages: what hangs together among cells of one letter
    first = heads(marks.reshape(1, size, size))[0]
    firsts = [cell for cell in np.unique(first).tolist() if marks[cell] >= 0]
    if len(sums) != len(firsts):
        raise DataError(
            f"it has {len(firsts)} cages and {len(sums)} sums; give one for each, in the order in which the cages begin"
        )
    cages = [Cage(tuple(np.flatnonzero(first == c).tolist()), s) for c, s in zip(firsts, sums, strict=True)]
    for cage in cages:
        _refuse(cage, size)
    return digits, cages, [int(marks[cage.cells[0]]) - ord("a") for cage in cages]


def _refuse(cage: Cage, size: int) -> None:
    """Check that a cage can have its sum.

    Raises:
        DataError: it is too large, or its sum is out of reach.
    """
    count, where = len(cage.cells), f"the cage of {place(cage.cells[0], size)}"
    if count > size:
        raise DataError(
            f"{where} has {count} cells, but only {size} digits can differ; give touching cages different letters"
        )
    least, most = bounds(count, size)
    if not least <= cage.total <= most:
        raise DataError(f"{where} has {count} cells and the sum {cage.total}; {least} to {most} is possible")


def _given(given: object) -> tuple[str, list[int]]:
    """Return the cells of a puzzle as one text, and its sums, of whatever it was given as."""
    given = unpacked(given, "{[")
    if isinstance(given, str):
        cells, _, sums = given.partition(";")
        return "".join(cells.split()), [_sum(word) for word in sums.replace(",", " ").split()]
    if isinstance(given, dict):
        if set(given) != {"cells", "sums"} or not isinstance(given["sums"], list):
            raise DataError("an object has the keys 'cells' and 'sums' (a list), no others")
        if len(given["sums"]) > MAX_GIVEN:
            raise DataError(f"it has {len(given['sums'])} sums")
        return _given(given["cells"])[0], [_sum(item) for item in given["sums"]]
    if isinstance(given, list | tuple) and len(given) <= MAX_GIVEN:
        items = [item for row in given for item in (row if isinstance(row, list | tuple) else [row])]
        if len(items) <= MAX_GIVEN and all(isinstance(i, str | int) and not isinstance(i, bool) for i in items):
            return _given("".join(str(item)[:MAX_GIVEN] for item in items))
    raise DataError("give text such as 'aabb...;7,3,...', or an object with 'cells' and 'sums'")


def _sum(item: object) -> int:
    total = small_number(item)
    if total is None:
        raise DataError(f"the sum {str(item)[:24]!r} is no whole number below 1000")
    return total
