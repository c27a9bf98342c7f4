"""Read puzzles from a user's file: CSV in the Sudoku-Extreme layout, or JSONL with the same keys.

A file is untrusted: it is read block by block, refused at its first fault with the row named, and every
answer is verified against its question.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float32, Int, UInt8

from hrm import puzzles
from hrm.data.sources.blocks import text_questions
from hrm.data.sources.formats import ROWS, TEXTS, text_suffix
from hrm.data.sources.lines import file_lines, note_file, whole_text
from hrm.data.sources.npz import npz_records
from hrm.data.sources.records import Record, csv_records, json_lines_records, json_records
from hrm.data.store import Split
from hrm.errors import DataError
from hrm.puzzles.base import Puzzle

BLOCK_ROWS = 1 << 15
JSON_BYTES = 1 << 26
"""A larger JSON file is refused: it is read as a whole."""


@dataclass(frozen=True)
class Rows:
    """The puzzles of one file, in its order. Axes: n rows, C cells."""

    puzzle: Puzzle
    inputs: UInt8[np.ndarray, "n C"]
    labels: UInt8[np.ndarray, "n C"]
    """The answers; all padding where a row has none."""
    ratings: Float32[np.ndarray, " n"]
    """NaN where a row has none."""
    name: str
    """Name of the file, without its folder."""
    sha256: str

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def answered(self) -> bool:
        """Whether every row has an answer."""
        return bool(self.labels.any(axis=1).all())

    @property
    def duplicates(self) -> int:
        """Number of rows whose question occurs earlier in the file."""
        return len(self) - len(first_occurrences(self.inputs))

    def split(self, chosen: Int[np.ndarray, " k"]) -> Split:
        """Return the chosen rows as a split of a store."""
        ids = np.zeros(len(chosen), np.int32)
        return Split(self.inputs[chosen], self.labels[chosen], ids, self.ratings[chosen])


def first_occurrences(grids: UInt8[np.ndarray, "n C"]) -> Int[np.ndarray, " k"]:
    """Return, in order, the rows that equal no earlier row."""
    words = np.ascontiguousarray(grids).view(f"S{grids.shape[1]}")[:, 0]
    return np.sort(np.unique(words, return_index=True)[1])


def read_rows(path: str | Path, puzzle: Puzzle | None = None, answers_required: bool = True) -> Rows:
    """Read a ``.csv`` or ``.jsonl`` file and verify every answer.

    Args:
        puzzle: the family; None infers it from the length of the first question.
        answers_required: refuse a row without an answer.

    Raises:
        DataError: what is wrong, in which row.
    """
    path = Path(path)
    puzzle = puzzle or family_of(path)
    digest = hashlib.sha256()
    records = _records(path, digest.update)
    question, solution = _Encoder(puzzle, path.name, "question"), _Encoder(puzzle, path.name, "answer")
    blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    while block := list(islice(records, BLOCK_ROWS)):
        inputs = question.encode([(r.where, r.question) for r in block])
        labels = np.zeros_like(inputs)
        answered = [i for i, r in enumerate(block) if not _missing(r.answer)]
        if answers_required and len(answered) < len(block):
            bare = next(r for r in block if _missing(r.answer))
            raise DataError(f"{path.name}: {bare.where} has no answer; give its solution in `answer`")
        if answered:
            labels[answered] = solution.encode([(block[i].where, block[i].answer) for i in answered])
            right = puzzle.verify(inputs[answered], labels[answered])
            if not right.all():
                wrong = block[answered[int(np.argmin(right))]]
                raise DataError(
                    f"{path.name}: {wrong.where}: the answer is not a legal {puzzle.spec.name} completion of "
                    "its question; correct the row or remove it"
                )
        ratings = np.array([_rating(path.name, r) for r in block], np.float32)
        blocks.append((inputs, labels, ratings))
    if not blocks:
        raise DataError(f"{path.name} holds no puzzles: a header and at least one row are needed")
    inputs, labels, ratings = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return Rows(puzzle, inputs, labels, ratings, path.name, digest.hexdigest())


class Fault(NamedTuple):
    """A row of which one column cannot be read."""

    row: int
    """Counted from 1."""
    column: str
    says: str


def read_faulty(path: Path, puzzle: Puzzle) -> tuple[Rows, Int[np.ndarray, " n"], list[Fault]]:
    """Read what can be read of a file and verify nothing, for those who count faults.

    Returns:
        The rows whose question has the family's size and characters, with padding for an answer that is missing or
        cannot be read; the number of each, counted from 1; and what could not be read.

    Raises:
        DataError: the file is no CSV or JSONL of rows at all, or has no row.
    """
    if text_suffix(path) in TEXTS:
        return _read_text(path, puzzle)
    digest = hashlib.sha256()
    records = _records(path, digest.update)
    question, solution = _Encoder(puzzle, path.name, "question"), _Encoder(puzzle, path.name, "answer")
    faults: list[Fault] = []
    blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    while block := list(islice(records, BLOCK_ROWS)):
        inputs, readable = _encode_readable(question, [(r, r.question) for r in block], faults)
        given = [(i, (r, r.answer)) for i, r in enumerate(readable) if not _missing(r.answer)]
        answers, answered = _encode_readable(solution, [pair for _, pair in given], faults)
        place = {r.row: i for i, (r, _) in given}
        labels = np.zeros_like(inputs)
        if answered:
            labels[[place[r.row] for r in answered]] = answers
        blocks.append((inputs, labels, np.array([r.row for r in readable], np.int64)))
        faults += _unrated(path.name, block)
    if not blocks:
        raise DataError(f"{path.name} holds no puzzles: a header and at least one row are needed")
    inputs, labels, numbers = (np.concatenate(column) for column in zip(*blocks, strict=True))
    ratings = np.full(len(inputs), np.nan, np.float32)
    return Rows(puzzle, inputs, labels, ratings, path.name, digest.hexdigest()), numbers, faults


def _read_text(path: Path, puzzle: Puzzle) -> tuple[Rows, Int[np.ndarray, " n"], list[Fault]]:
    """Read what can be read of plain text, whose puzzles have no answers."""
    digest = hashlib.sha256()
    found = list(text_questions(file_lines(path, digest.update), path.name, puzzle))
    if not found:
        raise DataError(f"{path.name} holds no puzzles: give one a line, or one over several lines")
    read = [(row, each.tokens) for row, each in enumerate(found, start=1) if each.tokens is not None]
    inputs = np.array([tokens for _, tokens in read], np.uint8).reshape(-1, puzzle.spec.cells)
    faults = [Fault(row, "question", each.error) for row, each in enumerate(found, start=1) if each.tokens is None]
    ratings = np.full(len(inputs), np.nan, np.float32)
    rows = Rows(puzzle, inputs, np.zeros_like(inputs), ratings, path.name, digest.hexdigest())
    return rows, np.array([row for row, _ in read], np.int64), faults


def _unrated(name: str, records: "Iterable[Record]") -> "Iterator[Fault]":
    for record in records:
        try:
            _rating(name, record)
        except DataError as error:
            yield Fault(record.row, "rating", str(error))


def _encode_readable(
    encoder: "_Encoder", given: "list[tuple[Record, object]]", faults: list[Fault]
) -> "tuple[UInt8[np.ndarray, 'n C'], list[Record]]":
    """Return the tokens of the texts that can be read, and their records; note the others."""
    try:
        if given:
            return encoder.encode([(record.where, text) for record, text in given]), [record for record, _ in given]
    except DataError:
        pass
    grids, kept = [np.zeros((0, encoder.puzzle.spec.cells), np.uint8)], []
    for record, text in given:
        try:
            grid = encoder.encode([(record.where, text)])
        except DataError as error:
            grid = encoder.by_cells(text)  # such as a Sudoku with a digit twice in a row: a puzzle, if a wrong one
            if grid is None:
                faults.append(Fault(record.row, encoder.column, str(error)))
                continue
        grids.append(grid)
        kept.append(record)
    return np.concatenate(grids), kept


def family_of(path: Path) -> Puzzle:
    """Return the family that the first question of a file belongs to, by what can read it.

    Raises:
        DataError: none fits, or several do.
    """
    fitting, length = [], None
    if text_suffix(path) in TEXTS:
        for puzzle in map(puzzles.get, puzzles.families()):
            first = next(text_questions(file_lines(path, len), path.name, puzzle), None)
            fitting += [puzzle] if first and first.tokens is not None else []
    else:
        first = next(_records(path, len), None)
        if first is None:
            raise DataError(f"{path.name} holds no puzzles: a header and at least one row are needed")
        length = len(first.question) if isinstance(first.question, str) else None
        for puzzle in map(puzzles.get, puzzles.families()):
            with suppress(DataError):
                puzzle.parse(first.question)
                fitting.append(puzzle)
    if len(fitting) != 1:
        found = " and ".join(p.spec.name for p in fitting) if fitting else f"none of {', '.join(puzzles.families())}"
        size = f"of {length} characters " if length is not None else ""
        raise DataError(
            f"{path.name}: the first question {size}fits {found}; name the family by --puzzle (rows of your own: "
            "--puzzle table)"
        )
    return fitting[0]


def require_file(path: Path) -> None:
    """Refuse what cannot be a file of puzzles.

    Raises:
        DataError: it is missing, unreadable or of another type.
    """
    if not path.is_file() or not os.access(path, os.R_OK):
        raise DataError(f"{path} cannot be read: there is no such file, or it may not be read; check the path")
    if text_suffix(path) not in ROWS:
        raise DataError(f"{path} is neither a store nor a file of rows ({', '.join(ROWS)}); rename or convert it")


def read_records(path: Path, chosen: Collection[int]) -> dict[int, Record]:
    """Return the chosen rows, counted from 0, as the file spells them; nothing about them is verified."""
    return {record.row - 1: record for record in _records(path, len) if record.row - 1 in chosen}


def require_rows(path: Path) -> None:
    """Refuse a file whose first row cannot be read, before anything is spent on the whole file.

    Raises:
        DataError: it is missing, of another type, or no rows at its beginning.
    """
    next(_records(path, len), None)


def _records(path: Path, note: Callable[[bytes], object]) -> Iterator[Record]:
    require_file(path)
    kind = text_suffix(path)
    if kind == ".csv":
        yield from csv_records(path.name, file_lines(path, note))
    elif kind == ".jsonl":
        yield from json_lines_records(path.name, file_lines(path, note))
    else:
        records = npz_records(path) if kind == ".npz" else json_records(path.name, whole_text(path, JSON_BYTES))
        note_file(path, note)
        yield from records


def pairs(path: Path) -> Iterator[tuple[str, object, object]]:
    """Yield the place, the question and the answer of every row, as the file spells them.

    Raises:
        DataError: the file cannot be read, or a row has no answer.
    """
    for record in _records(path, len):
        where = f"{path.name}: {record.where}"
        if _missing(record.answer):
            raise DataError(f"{where} has no answer; give its solution in `answer`")
        yield where, record.question, record.answer


def _missing(answer: object) -> bool:
    return answer is None or (isinstance(answer, str) and not answer)


def _rating(name: str, record: Record) -> float:
    if record.rating in (None, ""):
        return float("nan")
    try:
        rating = float(record.rating)  # pyright: ignore[reportArgumentType]
        if abs(rating) > 1e30:
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        given = str(record.rating)[:40]
        raise DataError(
            f"{name}: {record.where}: rating {given!r} is not a number; leave it empty if unknown"
        ) from None
    return rating


class _Encoder:
    """Text to tokens, a block of rows at once, with ``Puzzle.parse`` as the judge of the unknown."""

    def __init__(self, puzzle: Puzzle, name: str, column: str) -> None:
        self.puzzle, self.name, self.column = puzzle, name, column
        self.ids = np.full(256, -1, np.int16)  # byte -> token id; -1 not known yet
        for token, char in enumerate(puzzle.spec.tokens):
            if token and char.isascii() and len(char) == 1:
                self.ids[ord(char)] = token

    def encode(self, given: list[tuple[str, object]]) -> UInt8[np.ndarray, "n C"]:
        """Return the tokens of (where, text) pairs."""
        cells = self.puzzle.spec.cells
        texts = [text for _, text in given if isinstance(text, str) and len(text) == cells and text.isascii()]
        if len(texts) < len(given) or self.puzzle.spec.padded:  # then a text's length says nothing
            return np.stack([self._parse(*pair) for pair in given])
        chars = np.frombuffer("".join(texts).encode(), np.uint8).reshape(-1, cells)
        context = np.frombuffer(self.puzzle.context_symbols.encode(), np.uint8)
        alone = np.asarray(np.isin(chars, context).any(axis=1))
        doubtful: int | None = int(np.argmin(alone))
        while doubtful is not None:  # the first row, then one row for each character not met before
            parsed, row = self._parse(*given[doubtful]), chars[doubtful]
            if not alone[doubtful]:
                new = self.ids[row] < 0
                self.ids[row[new]] = parsed[new]
                if not np.array_equal(self.ids[row], parsed):  # the family does not read cell by cell
                    return np.stack([self._parse(*pair) for pair in given])
            unknown = (self.ids[chars] < 0).any(axis=1) & ~alone
            doubtful = int(np.argmax(unknown)) if unknown.any() else None
        found = self.ids[chars].astype(np.uint8)
        for i in np.flatnonzero(alone | self._spelled_twice(chars)).tolist():
            found[i] = self._parse(*given[i])
        return found

    def _spelled_twice(self, chars: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say which rows write one token in two ways, such as a blank as 0 and as '.': only the family may judge it."""
        used = np.flatnonzero(np.bincount(chars.ravel(), minlength=256))
        doubled = [t for t, count in Counter(self.ids[used].tolist()).items() if count > 1]
        twice = np.zeros(len(chars), bool)
        for token in doubled:
            ways = [(chars == byte).any(axis=1) for byte in used[self.ids[used] == token].tolist()]
            twice = twice | (np.stack(ways).sum(axis=0) > 1)
        return twice

    def by_cells(self, text: object) -> UInt8[np.ndarray, "1 C"] | None:
        """Return the tokens of a text that has the family's length and characters, whatever its rules say."""
        cells = self.puzzle.spec.cells
        if not isinstance(text, str) or len(text) != cells or not text.isascii():
            return None
        chars = np.frombuffer(text.encode(), np.uint8)[None]
        ids = self.ids[chars]
        vague = bool(self._spelled_twice(chars).any()) or any(c in text for c in self.puzzle.context_symbols)
        return None if vague or (ids < 0).any() else ids.astype(np.uint8)

    def _parse(self, where: str, text: object) -> UInt8[np.ndarray, " C"]:
        try:
            return self.puzzle.parse(text)
        except DataError as error:
            raise DataError(f"{self.name}: {where}, {self.column}: {error}") from None
