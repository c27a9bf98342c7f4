"""Read grids of digits in the notations that people use: text of one line or many, JSON, lists and arrays.

No string has two readings. Any of the marks in ``BLANKS`` is a blank, but a puzzle uses one of them only: where two
occur, one of them may mean something else, and the grid is refused. The exception is a 16×16 grid that holds a 0 beside
another mark: its digits are 0 to F, and the 0 becomes the sixteenth digit.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hrm.errors import DataError
from hrm.puzzles.grids import MAX_GIVEN, place, unpacked

DIGITS = "123456789ABCDEFG"
BLANKS = ".0-*_?xX"
"""Characters that stand for a blank, one kind in a puzzle; so do the number -1, and an empty field of a table."""
_NAMES = {"X": "x", "": "an empty cell"}
_BARS = "|\u2502\u2503\u2551\u00a6"
_WORDS = re.compile(rf"[\s,;{_BARS}]+")
_NOTE = re.compile(r"[\s,;]+")
_RULER = re.compile(rf"[\s{_BARS}\-+=:'.,*_~\u2500-\u257f]+")
_DRAWN = re.compile(r"--|==|\+|[\u2500-\u257f]{2}")
_NEVER_CELLS = re.compile(r"[+=:',~\u2500-\u257f]")


@dataclass(frozen=True)
class Shape:
    """What a grid of digits may look like."""

    size: int
    """Number of digits."""
    columns: int
    """Cells of a row, and number of rows."""
    counts: tuple[int, ...]
    """Numbers of cells of a whole puzzle, any of which will do."""
    outside: bool = False
    """Whether rows may be of different lengths, and ``_`` is a cell outside the puzzle, with the value size + 1."""

    @property
    def allowed(self) -> str:
        """Return what may be in a cell, in words for a message."""
        letters = f", A-{DIGITS[self.size - 1]} (or 10-{self.size})" if self.size > 9 else ""
        beyond = ", '_' outside" if self.outside else ""
        return f"1-{min(self.size, 9)}{letters}, and '.' or 0 for a blank{beyond}"


def read_digits(given: object, shape: Shape) -> list[list[int]]:
    """Return the digits of a grid row by row, 0 for a blank; a single row where the grid was flat.

    Args:
        given: text, JSON text, nested or flat lists, or an array. Text has a line for each row, or is one line. Cells
            may have spaces, commas, semicolons or bars between them, all cells or none; lines between boxes are passed
            over. ``None`` is a blank.

    Raises:
        DataError: it is too long, of a wrong type, no JSON, ambiguous, or holds something that is no digit.
    """
    rows = _rows(given, shape)
    if sum(map(len, rows)) > MAX_GIVEN:
        raise DataError(f"it has {sum(map(len, rows))} cells; at most {MAX_GIVEN} are read at once")
    places = [place(x, shape.columns) if len(rows) == 1 else f"row {y + 1}, column {x + 1}"
              for y, row in enumerate(rows) for x in range(len(row))]  # fmt: skip
    values, marks = [], dict[str, list[int]]()  # the cells of each mark for a blank
    for cell, item in enumerate(item for row in rows for item in row):
        value = _value(item, shape)
        if value is None:
            count, wanted = sum(map(len, rows)), " or ".join(map(str, sorted(shape.counts)))
            size = "" if count in shape.counts else f"; it has {count} cells instead of {wanted}"
            raise DataError(f"{places[cell]} holds {_shown(item)}; allowed are {shape.allowed}{size}")
        if value == 0:
            marks.setdefault(_mark(item), []).append(cell)
        values.append(value)
    if "0" in marks and _zero_is_a_digit(values, marks, shape.size):
        for cell in marks["0"]:
            values[cell] = shape.size
    elif len(marks) > 1:
        raise DataError(_two_marks(marks, places, shape))
    split, begin = [], 0
    for row in rows:
        split.append(values[begin : begin + len(row)])
        begin += len(row)
    return split


def is_part(line: str, shape: Shape) -> bool:
    """Say whether a line has fewer cells than a whole puzzle: a row, or a line between boxes, however long."""
    cells = "".join(_WORDS.split(line))
    return len(cells) <= 2 * shape.columns or (is_ruler(line) and len(cells) not in shape.counts)


def without_note(line: str, shape: Shape) -> str:
    """Return the puzzle of a line of a list, without the rating, name or number before or behind it.

    A line whose cells are not one word of a whole puzzle is returned as it is.
    """
    known = set(DIGITS[: shape.size] + DIGITS[: shape.size].lower() + BLANKS)
    whole = (word for word in _NOTE.split(line) if len(word) in shape.counts and known.issuperset(word))
    return next(whole, line)


def _zero_is_a_digit(values: Sequence[int], marks: Mapping[str, Sequence[int]], size: int) -> bool:
    """Say whether the digits are 0 to F: 0 beside one other mark, or a whole answer with as many of each."""
    if size != 16 or size in values:
        return False
    if len(marks) == 1:
        return len(values) == size * size and all(values.count(digit) == size for digit in range(size))
    return len(marks) == 2


def _two_marks(marks: Mapping[str, Sequence[int]], places: Sequence[str], shape: Shape) -> str:
    """Say that there are two kinds of blanks; the rarer one is named, or 0, which may be a digit."""
    *_, usual, other = sorted(marks, key=lambda mark: (mark == "0", -len(marks[mark])))
    reason = "and one of them may be no blank"
    if other == "0":
        digits = "1 to G, and G occurs" if shape.size == 16 else f"1 to {shape.size}"
        reason = f"so 0 would be a digit, but the digits are {digits}"
    return (
        f"{places[marks[other][0]]} holds {_quoted(other)}, beside {_quoted(usual)} as a blank, {reason}; write every "
        f"blank of a puzzle in one way; allowed are {shape.allowed}"
    )


def _quoted(mark: str) -> str:
    return mark if len(mark) > 1 else repr(mark)


def _value(item: object, shape: Shape) -> int | None:
    """Return the digit of a cell, 0 for a blank, None for what is neither."""
    if item is None:
        return 0
    if isinstance(item, bool | np.bool_):
        return None
    if isinstance(item, int | np.integer):
        return max(int(item), 0) if -1 <= item <= shape.size else None
    if not isinstance(item, str):
        return None
    item = item.strip()
    if item == "_" and shape.outside:
        return shape.size + 1
    if item in ("", "-1") or (len(item) == 1 and item in BLANKS):
        return 0
    if len(item) == 1:
        digit = DIGITS[: shape.size].find(item.upper()) + 1
        return digit or None
    number = int(item) if item.isascii() and item.isdigit() and len(item) == 2 else -1
    return number if shape.size > 9 and 0 <= number <= shape.size else None  # 07 and 00, too


def _mark(item: object) -> str:
    mark = "" if item is None else "0" if str(item).strip() == "00" else str(item).strip()
    return _NAMES.get(mark, mark)


def _rows(given: object, shape: Shape) -> list[list[object]]:
    given = unpacked(given, '["')
    if isinstance(given, str):
        return _lines(given, shape)
    if not isinstance(given, list | tuple):
        raise DataError(f"a puzzle is given as text, lists or an array, not as {type(given).__name__}")
    if len(given) > MAX_GIVEN:
        raise DataError(f"it has {len(given)} entries; at most {MAX_GIVEN} are read at once")
    if any(isinstance(row, list | tuple | np.ndarray) for row in given):
        for y, row in enumerate(given):
            if not isinstance(row, list | tuple | np.ndarray):
                raise DataError(f"row {y + 1} is {_shown(row)}, but other rows are lists; give every row as a list")
        return [list(row) for row in given]
    if len(given) not in shape.counts and all(isinstance(row, str) for row in given):
        return _lines("\n".join(given), shape)
    return [list(given)]


def _lines(text: str, shape: Shape) -> list[list[object]]:
    """Return the cells of text, without the lines between boxes.

    A line of dashes may be a row of blanks: it is where the number of cells says so.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    certain = [line for line in lines if not is_ruler(line)]
    doubtful = {line for line in lines if is_ruler(line) and _may_be_cells(line, shape)}
    readings = [certain]
    if doubtful:
        readings.append([line for line in lines if line in doubtful or not is_ruler(line)])
    parsed = [[_cells(line, shape) for line in reading] for reading in readings]
    fitting = [rows for rows in parsed if sum(map(len, rows)) in shape.counts]
    return [row for row in (fitting or parsed)[0] if row] or [[]]


def is_ruler(line: str) -> bool:
    """Say whether a line holds only the marks that lines between boxes are drawn with."""
    return _RULER.fullmatch(line) is not None and _DRAWN.search(line) is not None


def _may_be_cells(line: str, shape: Shape) -> bool:
    cells = "".join(_WORDS.split(line))
    fits = len(cells) in (shape.columns, *shape.counts) or (shape.outside and len(cells) <= shape.columns)
    return fits and not _NEVER_CELLS.search(line)


def _cells(line: str, shape: Shape) -> list[object]:
    """Return the cells of one line.

    Raises:
        DataError: words of different lengths, of which nobody can say what a cell is.
    """
    words = [word for word in _WORDS.split(line) if word]
    single = all(len(word) == 1 or (len(word) == 2 and _value(word, shape) is not None) for word in words)
    if single and len(words) in (shape.columns, *shape.counts):
        return list(words)
    if (fields := _fields(line, shape)) is not None:
        return list(fields)
    if len({len(word) for word in words}) > 1 and not shape.outside:
        odd = next(word for word in words if len(word) != len(words[0]))
        raise DataError(
            f"a line has {len(words)} words of different lengths, such as {words[0][:12]!r} and {odd[:12]!r}: put "
            f"something between all {shape.columns} cells of a row or none, and write '.' for a blank, not a space"
        )
    if single and len(words) > 1 and "-1" in words:
        raise DataError(
            f"a line has {len(words)} words, some of them -1: write -1 for a blank with one word for each of the "
            f"{shape.columns} cells of a row, or '.' for a blank"
        )
    return list("".join(words))


def _fields(line: str, shape: Shape) -> list[str] | None:
    """Return the cells of a line of a table, of which some are empty; None where it is none."""
    for separator in "\t,;|":
        fields = (line.strip().strip("|") if separator == "|" else line.rstrip("\r\n")).split(separator)
        if len(fields) == shape.columns and not all(field.strip() for field in fields):
            if all(_value(field, shape) is not None for field in fields):
                return [field.strip() for field in fields]
    return None


def _shown(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 24 else text[:21] + "..."
