"""Read puzzles from a user's file: CSV in the Sudoku-Extreme layout, or JSONL with the same keys.

A file is untrusted: it is read block by block, refused at its first fault with the row named, and every
answer is verified against its question.
"""

import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int, UInt8

from hrm import puzzles
from hrm.data.sources.blocks import text_questions
from hrm.data.sources.encoding import Encoder
from hrm.data.sources.formats import ROWS, TEXTS, text_suffix
from hrm.data.sources.lines import file_lines, note_file, require_some, whole_text
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
    question, solution = Encoder(puzzle, path.name, "question"), Encoder(puzzle, path.name, "answer")
    blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for block in _blocks(path, digest.update):
        inputs = question.encode([(r.where, r.question) for r in block])
        # Verify the answers, where there are any.
        labels = np.zeros_like(inputs)
        if answers_required:
            for record in block:
                _require_answer(path.name, record)
        answered = [i for i, r in enumerate(block) if not r.unanswered]
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
    inputs, labels, ratings = (np.concatenate(column) for column in zip(*blocks, strict=True))
    return Rows(puzzle, inputs, labels, ratings, path.name, digest.hexdigest())


class Fault(NamedTuple):
    """A row of which one column cannot be read."""

    row: int
    """Counted from 1."""
    column: str
    says: str


def read_with_faults(path: Path, puzzle: Puzzle) -> tuple[Rows, Int[np.ndarray, " n"], list[Fault]]:
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
    question, solution = Encoder(puzzle, path.name, "question"), Encoder(puzzle, path.name, "answer")
    faults: list[Fault] = []
    blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for block in _blocks(path, digest.update):
        inputs, readable = _encode_readable(question, [(r, r.question) for r in block], faults)
        answers, answered = _encode_readable(solution, [(r, r.answer) for r in readable if not r.unanswered], faults)
        numbers = np.array([r.row for r in readable], np.int64)
        labels = np.zeros_like(inputs)
        labels[np.searchsorted(numbers, np.array([r.row for r in answered], np.int64))] = answers
        blocks.append((inputs, labels, numbers))
        faults += _unrated(path.name, block)
    inputs, labels, numbers = (np.concatenate(column) for column in zip(*blocks, strict=True))
    ratings = np.full(len(inputs), np.nan, np.float32)
    return Rows(puzzle, inputs, labels, ratings, path.name, digest.hexdigest()), numbers, faults


def _read_text(path: Path, puzzle: Puzzle) -> tuple[Rows, Int[np.ndarray, " n"], list[Fault]]:
    """Read what can be read of plain text, whose puzzles have no answers."""
    digest = hashlib.sha256()
    numbered = list(enumerate(text_questions(file_lines(path, digest.update), path.name, puzzle), start=1))
    readable = {row: question.tokens for row, question in numbered if question.tokens is not None}
    faults = [Fault(row, "question", question.error) for row, question in numbered if row not in readable]
    inputs = np.array([*readable.values()], np.uint8).reshape(-1, puzzle.spec.cells)
    ratings = np.full(len(inputs), np.nan, np.float32)
    rows = Rows(puzzle, inputs, np.zeros_like(inputs), ratings, path.name, digest.hexdigest())
    return rows, np.array([*readable], np.int64), faults


def _unrated(name: str, records: Iterable[Record]) -> Iterator[Fault]:
    for record in records:
        try:
            _rating(name, record)
        except DataError as error:
            yield Fault(record.row, "rating", str(error))


def _encode_readable(
    encoder: Encoder, given: list[tuple[Record, object]], faults: list[Fault]
) -> tuple[UInt8[np.ndarray, "n C"], list[Record]]:
    """Return the tokens of the texts that can be read, and their records; note the others."""
    with suppress(DataError):
        if given:
            return encoder.encode([(record.where, text) for record, text in given]), [record for record, _ in given]
    # At least one cannot be read: take them one by one.
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
    fitting, size = [], ""
    if text_suffix(path) in TEXTS:
        for puzzle in map(puzzles.get, puzzles.families()):
            first = next(text_questions(file_lines(path), path.name, puzzle))
            fitting += [puzzle] if first.tokens is not None else []
    else:
        question = next(_records(path, len)).question
        size = f"of {len(question)} characters " if isinstance(question, str) else ""
        for puzzle in map(puzzles.get, puzzles.families()):
            with suppress(DataError):
                puzzle.parse(question)
                fitting.append(puzzle)
    if len(fitting) != 1:
        names = " and ".join(p.spec.name for p in fitting) if fitting else f"none of {', '.join(puzzles.families())}"
        raise DataError(
            f"{path.name}: the first question {size}fits {names}; name the family by --puzzle (rows of your own: "
            "--puzzle table)"
        )
    return fitting[0]


def read_records(path: Path, chosen: Collection[int]) -> dict[int, Record]:
    """Return the chosen rows, counted from 0, as the file spells them; nothing about them is verified."""
    return {record.row - 1: record for record in _records(path, len) if record.row - 1 in chosen}


def require_rows(path: Path) -> None:
    """Refuse a file whose first row cannot be read, before anything is spent on the whole file.

    Raises:
        DataError: it is missing, of another type, or no rows at its beginning.
    """
    next(_records(path, len))


def _blocks(path: Path, note: Callable[[bytes], object]) -> Iterator[list[Record]]:
    """Yield the rows of a file, many at a time, which is as fast as all at once and takes little memory."""
    records = _records(path, note)
    while block := list(islice(records, BLOCK_ROWS)):
        yield block


def _records(path: Path, note: Callable[[bytes], object]) -> Iterator[Record]:
    """Yield the rows of a file of any format that has rows.

    Raises:
        DataError: it is missing, unreadable or of another type, or has no row; what is wrong, in which row.
    """
    if not path.is_file() or not os.access(path, os.R_OK):
        raise DataError(f"{path} cannot be read: there is no such file, or it may not be read; check the path")
    kind = text_suffix(path)
    if kind in TEXTS:
        needed = f"give rows with question and answer ({', '.join(ROWS)})"
        raise DataError(f"{path} holds puzzles without answers, which are needed here: {needed}")
    if kind not in ROWS:
        raise DataError(f"{path} is neither a store nor a file of rows ({', '.join(ROWS)}); rename or convert it")
    if kind == ".csv":
        records = csv_records(path.name, file_lines(path, note))
    elif kind == ".jsonl":
        records = json_lines_records(path.name, file_lines(path, note))
    else:
        records = npz_records(path) if kind == ".npz" else json_records(path.name, whole_text(path, JSON_BYTES))
        note_file(path, note)
    yield from require_some(records, f"{path.name} holds no puzzles: a header and at least one row are needed")


def pairs(path: Path) -> Iterator[tuple[str, object, object]]:
    """Yield the place, the question and the answer of every row, as the file spells them.

    Raises:
        DataError: the file cannot be read, or a row has no answer.
    """
    for record in _records(path, len):
        _require_answer(path.name, record)
        yield f"{path.name}: {record.where}", record.question, record.answer


def _require_answer(name: str, record: Record) -> None:
    if record.unanswered:
        raise DataError(f"{name}: {record.where} has no answer; give its solution in `answer`")


def _rating(name: str, record: Record) -> float:
    if record.rating in (None, ""):
        return float("nan")
    try:
        rating = float(record.rating)  # pyright: ignore[reportArgumentType]
        if abs(rating) > 1e30:
            raise ValueError
    except (ValueError, TypeError, OverflowError):
        text = str(record.rating)[:40]
        raise DataError(f"{name}: {record.where}: rating {text!r} is not a number; leave it empty if unknown") from None
    return rating
