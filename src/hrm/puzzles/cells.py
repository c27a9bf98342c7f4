"""From what a user gives as a grid to the symbols of its cells: text, lists or arrays.

Text can be read in two ways: as words between spaces or commas, or as characters, of which each is a cell. A file is
read in one way from its first row to its last, chosen by ``choose``; rows that could be read in both ways are refused.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from hrm.errors import DataError
from hrm.puzzles.grids import MAX_GIVEN

Kind = Literal["words", "characters"]

MOST_CHARACTERS = 64
"""Of one symbol."""
MOST_SYMBOLS = 250
"""Of one table."""
FEW = 8
"""Fewer lines than this show nothing about how they are to be read."""
_BETWEEN = re.compile(r"\s*,\s*|\s+")
_NUMBER = re.compile(r"[-+]?\d+")
_REMEDY = (
    "say which by `--cells words` or `--cells characters` (of `hrm train`: --data.cells), or write JSON lists of "
    'symbols, [["a", " ", "b"]]'
)


@dataclass(frozen=True)
class Reading:
    """How text becomes cells."""

    kind: Kind
    kept: str = ""
    """Of characters: those among space and comma that are symbols; others only separate."""

    @staticmethod
    def by(symbols: Sequence[str]) -> "Reading":
        """Return the reading under which text gives these symbols."""
        if any(len(symbol) > 1 for symbol in symbols):
            return Reading("words")
        return Reading("characters", "".join(mark for mark in " ," if mark in symbols))

    def line(self, line: str) -> list[str]:
        """Return the symbols of one line."""
        if self.kind == "words":
            return words_of(line)
        if " " in self.kept:
            return [mark for mark in line if mark != "," or "," in self.kept]
        return [mark for mark in line if not mark.isspace() and (mark != "," or "," in self.kept)]

    def lines(self, text: str) -> list[list[str]]:
        """Return the symbols of text, a line a row; lines without any are passed over."""
        rows = [self.line(line) for line in text.splitlines()]
        return [row for row in rows if row]


class Row(NamedTuple):
    """One row of a file: where it is, its input and its answer."""

    where: str
    input: object
    answer: object


def words_of(line: str) -> list[str]:
    """Return what stands between the spaces and commas of a line."""
    return [word for word in _BETWEEN.split(line.strip()) if word]


def cells_of(given: object, reading: Reading | None = None) -> list[list[str]]:
    """Return the symbols of a grid row by row.

    Args:
        given: text, a line a row; JSON text; a list of such lines; lists of symbols, or an array.
        reading: how text is read; None: each line by itself, as words where it has spaces or commas.

    Raises:
        DataError: it is empty, ragged, too large, or of a type that is no grid.
    """
    given = loaded(given)
    if isinstance(given, str):
        rows = _lines(given, reading)
    elif isinstance(given, list | tuple):
        rows = _rows(given, reading)
    else:
        raise DataError(f"a grid is given as text, lists or an array, not as {type(given).__name__}")
    if not rows or not rows[0]:
        raise DataError("the grid is empty")
    if sum(map(len, rows)) > MAX_GIVEN:
        raise DataError(f"the grid has {sum(map(len, rows))} cells; at most {MAX_GIVEN} are read at once")
    for y, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise DataError(f"row {y + 1} has {len(row)} cells, row 1 has {len(rows[0])}: give rows of one length")
        if max(map(len, row)) > MOST_CHARACTERS:
            x = next(x for x, symbol in enumerate(row) if len(symbol) > MOST_CHARACTERS)
            raise DataError(
                f"row {y + 1}, column {x + 1} holds a symbol of {len(row[x])} characters; at most {MOST_CHARACTERS}"
            )
    return rows


def loaded(given: object) -> object:
    """Return a grid with its JSON text parsed and its arrays as lists; anything else as it came.

    Raises:
        DataError: it is too large, or starts like JSON and is none.
    """
    if isinstance(given, np.ndarray):
        if given.ndim > 2 or given.size > MAX_GIVEN:
            raise DataError(f"an array of shape {given.shape} is no grid of at most {MAX_GIVEN} cells")
        return given.tolist()
    if not isinstance(given, str):
        return given
    if len(given) > 16 * MAX_GIVEN:
        raise DataError(f"the grid has {len(given)} characters; at most {16 * MAX_GIVEN} are read at once")
    if given.lstrip()[:1] != "[":
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"the grid starts like JSON but is none: {str(error)[:80]}; if [ is a symbol, write JSON lists of symbols"
        ) from None


def choose(rows: Sequence[Row], chosen: Kind | Literal[""] = "") -> Reading:
    """Return the one reading of all rows of a file.

    Args:
        chosen: how cells are to be read, where the user has said so.

    Raises:
        DataError: the rows can be read in both ways, or some in one way only and some in the other.
    """
    texts, lists, symbols = _sorted_out(rows)
    if chosen == "words":
        return Reading("words")
    marks = "".join(sorted({mark for text in texts for line in text.all for mark in line if mark in " ,"}))
    if chosen == "characters":
        return Reading("characters", marks)
    evidence: dict[Kind, str] = {}
    if long := next((where for where, symbol in symbols if len(symbol) > 1), ""):
        evidence["words"] = long
    if lists:
        evidence.setdefault(_kind_of_lists(lists), lists[0].where)
    if any(_BETWEEN.search(line) for text in texts for line in text.all):
        reading = _reading_of_text(texts, marks)
        evidence.setdefault(reading.kind, texts[0].where)
        return _only(evidence, reading)
    kind = "words" if "words" in evidence else "characters"
    return _only(evidence, Reading(kind))


@dataclass(frozen=True)
class _Lines:
    """The lines of text, or the strings of a flat list, of a row's input and answer."""

    where: str
    input: list[str]
    answer: list[str]

    @property
    def all(self) -> list[str]:
        return [*self.input, *self.answer]


def _only(evidence: dict[Kind, str], reading: Reading) -> Reading:
    if len(evidence) > 1:
        raise DataError(
            f"{evidence['words']}: its cells are words, but in {evidence['characters']} they are characters; write all "
            f"rows in one way, or {_REMEDY}"
        )
    return reading


def _sorted_out(rows: Sequence[Row]) -> tuple[list[_Lines], list[_Lines], list[tuple[str, str]]]:
    """Return the rows of text, those of flat lists of strings, and the symbols of all lists that leave no choice."""
    texts, lists, symbols = [], [], []
    for where, *both in rows:
        try:
            given, answer = (loaded(grid) for grid in both)
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
        if isinstance(given, str) or isinstance(answer, str):
            sides = [each.splitlines() if isinstance(each, str) else [] for each in (given, answer)]
            texts.append(_Lines(where, *([line for line in side if line] for side in sides)))
        if _flat(given) and _flat(answer):
            lists.append(_Lines(where, [*given], [*answer]))  # pyright: ignore[reportGeneralTypeIssues]
        else:
            symbols += [(where, symbol) for side in (given, answer) for symbol in _explicit(side)]
    if any(_BETWEEN.search(line) for row in lists for line in row.all if len(line) > 1):
        return texts + lists, [], symbols  # the strings are lines
    return texts, lists, symbols


def _flat(given: object) -> bool:
    return isinstance(given, list) and all(isinstance(each, str) for each in given) and any(len(e) > 1 for e in given)


def _explicit(given: object) -> Iterator[str]:
    """Yield the symbols of lists that can be read in one way only."""
    if isinstance(given, list | tuple):
        for row in given:
            yield from map(str, row) if isinstance(row, list | tuple) else [str(row)]


def _reading_of_text(texts: list[_Lines], marks: str) -> Reading:
    """Say how text with spaces or commas is read: do these separate words, or are they symbols?"""
    lines = [line for text in texts for line in text.all]
    pairs = [(a, b) for text in texts for a, b in zip(text.input, text.answer, strict=False)]
    words_fit = all(len(words_of(a)) == len(words_of(b)) for a, b in pairs)
    characters_fit = all(len(a) == len(b) for a, b in pairs)
    if characters_fit and not words_fit:
        return Reading("characters", marks)
    odd = next((text.where for text in texts if not all(map(_regular, text.all))), "")
    if max(len(words_of(line)) for line in lines) == 1 and not characters_fit:
        return Reading("characters")  # separators at the ends of lines, which mean nothing
    times = Counter(word for line in lines for word in words_of(line))
    if characters_fit and odd and not (all(map(_NUMBER.fullmatch, times)) and _aligned(lines)):
        raise DataError(f"{odd}: its spaces or commas may be symbols, or separate words; {_REMEDY}")
    one_length = len({len(line) for line in lines}) == 1 and len(lines) >= FEW
    if characters_fit and one_length and len(set(map(len, times))) > 1 and 2 * len(times) > times.total():
        raise DataError(
            f"{texts[0].where}: its spaces or commas may be symbols, for all lines have one length, or separate words; "
            f"{_REMEDY}"
        )
    if words_fit:
        _refuse_lonely_words(texts, times)
    return Reading("words")


def _refuse_lonely_words(texts: list[_Lines], times: "Counter[str]") -> None:
    """Refuse a line of one word that no other row has: beside lines of words, it may be a line of characters."""
    long = [word for text in texts for line in text.all if len(words_of(line)) > 1 for word in words_of(line)]
    numbers = all(map(_NUMBER.fullmatch, times)) and any(len(word) > 1 for word in long)
    for text in texts:
        own = Counter(word for line in text.all for word in words_of(line))
        for line in text.all:
            word = line.strip(" ,\t")
            if len(word) > 1 and word in own and own[word] == times[word] and not numbers and len(words_of(line)) == 1:
                raise DataError(
                    f"{text.where}: {word[:24]!r} may be one word, as in other rows, or several characters; {_REMEDY}"
                )


def _regular(line: str) -> bool:
    """Say whether single separators stand between the words of a line, and nothing before or after them."""
    return line == line.strip(" ,\t") and not re.search(r"\s\s|,\s*,|\s,", line)


def _aligned(lines: list[str]) -> bool:
    """Say whether the words of all lines begin, or end, in the same places: columns of numbers do."""
    places = [[word.span() for word in re.finditer(r"[^\s,]+", line)] for line in lines]
    return any(len({tuple(span[end] for span in line) for line in places}) == 1 for end in (0, 1))


def _kind_of_lists(lists: list[_Lines]) -> Kind:
    """Say whether flat lists of strings are lines of symbols, or rows of characters."""
    sides = [side for row in lists for side in (row.input, row.answer)]
    strings = [string for side in sides for string in side]
    ragged = [row.where for row in lists for side in (row.input, row.answer) if len(set(map(len, side))) > 1]
    if ragged and 2 * len(ragged) > sum(len(side) > 1 for side in sides):
        return "words"  # the rows of a grid have one length
    if ragged:
        raise DataError(
            f"{ragged[0]}: its strings have different lengths, so they are symbols and not rows of characters, but "
            f"most other lists may be either; {_REMEDY}"
        )
    columns = [set(column) for column in zip(*strings, strict=False)]
    if len({len(string) for string in strings}) > 1 and min(map(len, sides)) > 1:
        return "characters"
    apart = sum(map(len, columns)) == len(set().union(*columns))
    if len({len(string) for string in strings}) == 1 and apart and len(strings) >= FEW:
        return "words"  # such as U1 and R2: what stands in one place never stands in another
    if _has_blank(lists) or len(set(strings)) > MOST_SYMBOLS:
        return "characters"
    if len(strings) >= 50 and 2 * len(set(strings)) > len(strings):
        return "characters"  # symbols come again
    shown = json.dumps(lists[0].input, ensure_ascii=False)[:60]
    raise DataError(
        f"{lists[0].where}: {shown} may be a line of symbols, or rows of characters; {_REMEDY}, a list for each row"
    )


def _has_blank(lists: list[_Lines]) -> bool:
    """Say whether one character is replaced by every answer, and no other changes."""
    changed: set[str] = set()
    kept: set[str] = set()
    for row in lists:
        if [len(line) for line in row.input] != [len(line) for line in row.answer]:
            return False
        for a, b in zip("".join(row.input), "".join(row.answer), strict=True):
            (kept if a == b else changed).add(a)
    answers = {mark for row in lists for line in row.answer for mark in line}
    return len(changed) == 1 and not changed & (kept | answers)


def _lines(text: str, reading: Reading | None) -> list[list[str]]:
    if reading is not None:
        return reading.lines(text)
    return [_alone(line) for line in text.splitlines() if line.strip()]


def _alone(line: str) -> list[str]:
    words = words_of(line)
    return words if len(words) > 1 else list("".join(words))


def _rows(given: list[object] | tuple[object, ...], reading: Reading | None) -> list[list[str]]:
    count = sum(len(row) if isinstance(row, list | tuple) else 1 for row in given)
    if count > MAX_GIVEN:
        raise DataError(f"the grid has {count} cells; at most {MAX_GIVEN} are read at once")
    if any(isinstance(row, list | tuple) for row in given):
        if not all(isinstance(row, list | tuple) for row in given):
            raise DataError("some rows are lists and some are not; give every row as a list")
        return [[_symbol(item) for item in row] for row in given]  # pyright: ignore[reportGeneralTypeIssues]
    line = [_symbol(item) for item in given]
    texts = all(isinstance(item, str) for item in given)
    if reading is None:
        return [_alone(row) for row in line] if any(len(row.strip()) > 1 for row in line) else [line]
    if reading.kind == "characters":
        return [reading.line(row) for row in line] if texts and any(len(row) > 1 for row in line) else [line]
    return [words_of(row) for row in line] if texts and any(_BETWEEN.search(row) for row in line) else [line]


def _symbol(item: object) -> str:
    if isinstance(item, bool) or not isinstance(item, str | int):
        raise DataError(f"a cell holds {str(item)[:24]!r}; a cell is a word or a whole number")
    if isinstance(item, int) and item.bit_length() > 64:
        raise DataError("a cell holds a number of more than 64 bits; a cell is a word or a whole number")
    return str(item)
