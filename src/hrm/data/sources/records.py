"""Rows of text files, as their files spell them: CSV, JSON Lines and JSON.

A column is known by the names in ``MEANINGS``; all other columns are passed over.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hrm.data.sources.lines import LINE_BYTES
from hrm.errors import DataError
from hrm.puzzles.grids import MAX_GIVEN

MEANINGS = {
    "question": ("question", "questions", "input", "inputs", "puzzle", "puzzles", "quiz", "quizzes", "problem"),
    "answer": ("answer", "answers", "output", "outputs", "solution", "solutions", "label", "labels", "target"),
    "rating": ("rating",),
    "source": ("source",),
}
"""What the columns of a file are called."""
HINT = "difficulty"
"""A column that counts as the rating where there is no other and where it holds numbers."""
COLUMNS = "question, answer, rating, source"
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_CELL = re.compile(r".?|-?\d{1,4}")
"""A field of a file that is one grid."""
_MEANS = {name: meaning for meaning, names in MEANINGS.items() for name in names}
_FIELDS = ("question", "answer", "rating", "source")


class Record(NamedTuple):
    """One row as its file spells it."""

    row: int
    """Counted from 1, without the header and empty lines."""
    line: int
    question: object
    answer: object
    rating: object
    source: object

    @property
    def unanswered(self) -> bool:
        """Whether the row has no answer."""
        return self.answer is None or (isinstance(self.answer, str) and not self.answer)

    @property
    def where(self) -> str:
        """Return its place in words."""
        return f"row {self.row} (line {self.line})"


def csv_records(name: str, lines: Iterator[str]) -> Iterator[Record]:
    """Yield the rows of a CSV file, separated by commas, semicolons or tabs; or a single grid, a field a cell.

    Raises:
        DataError: what is wrong, in which row.
    """
    first = next(lines, "")
    separator = _announced(first)
    if separator:
        first = next(lines, "")
    header, separator = _header(name, first, separator)
    places = _places(name, header)
    if places["question"] is None:
        yield _bare_grid(name, [first, *lines_up_to(lines)], header, separator)
        return
    rated = "rating" in [_MEANS.get(column) for column in header]
    for row, (line, fields) in enumerate(_parsed(name, lines, separator, 1 + bool(_announced(first))), start=1):
        if len(fields) > len(header) and not any(field.strip() for field in fields[len(header) :]):
            fields = fields[: len(header)]
        if len(fields) != len(header):
            raise DataError(f"{name}: row {row} (line {line}) has {len(fields)} fields, the header {len(header)}")
        found: dict[str, object] = {field: None if place is None else fields[place] for field, place in places.items()}
        if not rated:
            found["rating"] = _number(found["rating"])
        yield Record(row, line, **found)


def json_lines_records(name: str, lines: Iterator[str]) -> Iterator[Record]:
    """Yield the rows of a JSON Lines file.

    Raises:
        DataError: what is wrong, in which row.
    """
    row = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row += 1
        where = f"{name}: row {row} (line {number})"
        found = read_json(where, line)
        if not isinstance(found, dict):
            raise DataError(f"{where} must be an object with the key `question` (known: {COLUMNS})")
        yield _of_object(where, found, row, number)


def json_records(name: str, text: str) -> Iterator[Record]:
    """Yield the rows of a JSON file: objects like those of JSON Lines, one or a list; or one grid, or a list of grids.

    Raises:
        DataError: what is wrong, in which row.
    """
    found = read_json(name, text)
    if isinstance(found, dict) and {"train", "test"} <= set(found):
        raise DataError(f"{name} is a task of ARC: `hrm data arc {name} --out STORE` reads it")
    rows = found if isinstance(found, list) and (_objects(found) or _grids(found)) else [found]
    for row, each in enumerate(rows, start=1):
        if isinstance(each, dict) and _objects([each]):
            yield _of_object(f"{name}: row {row}", each, row, row)
        else:
            yield Record(row, row, each, None, None, None)


def read_json(where: str, text: str) -> object:
    """Return what JSON text holds; an object that names a key twice is refused.

    Raises:
        DataError: it is no JSON.
    """
    try:
        return json.loads(text, object_pairs_hook=_named_once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {str(error)[:80]}") from None


def lines_up_to(lines: Iterator[str]) -> Iterator[str]:
    """Yield lines as long as they may belong to one grid."""
    for number, line in enumerate(lines):
        if number > MAX_GIVEN:
            return
        yield line


def _announced(line: str) -> str:
    """Return the separator that a line such as ``sep=;`` announces to spreadsheets; empty: it is no such line."""
    text = line.strip("\r\n").strip('"')
    return text[4:] if text.startswith("sep=") and text[4:] in SEPARATORS else ""


def _header(name: str, line: str, separator: str) -> tuple[list[str], str]:
    """Return the columns of the first line and the separator between them, found by the names that it knows."""
    ways = {}
    for mark in [separator] if separator else SEPARATORS:
        try:
            ways[mark] = [column.strip().lower() for column in next(csv.reader([line], delimiter=mark, strict=True))]
        except (csv.Error, StopIteration):
            continue
    known = {mark: columns for mark, columns in ways.items() if any(_MEANS.get(c) == "question" for c in columns)}
    several = {mark: columns for mark, columns in known.items() if len(columns) > 1}
    if len(several) > 1:
        used = " or ".join(SEPARATORS[mark] for mark in several)
        raise DataError(f"{name}: its columns may be separated by {used}; use one of them alone in the first line")
    chosen = several or known or ways
    if not chosen:
        raise DataError(f"{name}: line 1 is not CSV; it must name the columns (known: {COLUMNS})")
    mark = next(iter(chosen)) if several or known else max(ways, key=lambda mark: len(ways[mark]))
    return chosen[mark], mark


def _places(name: str, header: list[str]) -> dict[str, int | None]:
    """Return the place of each column that means something, None where there is none.

    Raises:
        DataError: two columns mean the same.
    """
    places: dict[str, int | None] = dict.fromkeys(_FIELDS)
    for place, column in enumerate(header):
        meaning = _MEANS.get(column)
        if meaning is None:
            continue
        other = places[meaning]
        if other is not None:
            raise DataError(
                f"{name}: the columns {header[other]!r} and {column!r} both mean the {meaning}; name each column once, "
                "and remove or rename the other"
            )
        places[meaning] = place
    if places["rating"] is None and header.count(HINT) == 1:
        places["rating"] = header.index(HINT)
    return places


def _parsed(name: str, lines: Iterable[str], separator: str, before: int) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that is not empty: the line of the file that it ends on, and its fields."""
    spent = row = 0
    start = before + 1

    def bounded() -> Iterator[str]:
        nonlocal spent
        for line in lines:
            spent += len(line)
            if spent > LINE_BYTES:
                raise DataError(
                    f"{name}: row {row + 1}, from line {start} on, is not CSV: it has more than {LINE_BYTES} "
                    "characters; is a quote never closed?"
                )
            yield line

    reader = csv.reader(bounded(), delimiter=separator, strict=True)
    try:
        for fields in reader:
            spent, start = 0, before + reader.line_num + 1
            if fields:
                row += 1
                yield before + reader.line_num, fields
    except csv.Error as error:
        hint = "; is a quote never closed?" if "unexpected end" in str(error) or "limit" in str(error) else ""
        raise DataError(f"{name}: line {start} is not CSV: {error}{hint}") from None


def _bare_grid(name: str, lines: list[str], header: list[str], separator: str) -> Record:
    """Return the only grid of a file without a header, a field a cell; an empty field is a blank."""
    cells = len(header) > 2 and all(map(_CELL.fullmatch, header))
    rows = [fields for _, fields in _parsed(name, lines, separator, 0)] if cells else []
    even = len(rows) > 1 and all(len(row) == len(header) and all(map(_CELL.fullmatch, row)) for row in rows)
    if not even:
        raise DataError(
            f"{name}: the header is {separator.join(header)[:80]!r}; the first line must name the columns, `question` "
            f"among them (known: {COLUMNS}), separated by commas, semicolons or tabs"
        )
    return Record(1, 1, [[cell or None for cell in row] for row in rows], None, None, None)


def _objects(found: list[object]) -> bool:
    """Say whether these are objects that have a question each."""
    return bool(found) and all(
        isinstance(each, dict) and any(_MEANS.get(key.lower()) == "question" for key in each) for each in found
    )


def _grids(found: list[object]) -> bool:
    """Say whether a list holds grids, not the rows of one."""
    return bool(found) and all(
        isinstance(each, dict) or (isinstance(each, list) and bool(each) and all(isinstance(row, list) for row in each))
        for each in found
    )


def _of_object(where: str, found: dict[str, object], row: int, line: int) -> Record:
    header, values = [key.lower() for key in found], list(found.values())
    places = _places(where, header)
    if places["question"] is None:
        raise DataError(f"{where} must be an object with the key `question` (known: {COLUMNS})")
    fields = {field: None if place is None else values[place] for field, place in places.items()}
    if "rating" not in header:
        fields["rating"] = _number(fields["rating"])
    return Record(row, line, **fields)


def _number(value: object) -> object:
    """Return a value that is a number or spells one; None of anything else."""
    try:
        float(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError, OverflowError):
        return None
    return value


def _named_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:40]!r} occurs twice")
        found[key] = value
    return found
