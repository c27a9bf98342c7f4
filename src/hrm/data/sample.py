"""A file of puzzles drawn from other files, such as one that chooses checkpoints apart from training and test.

A row is left out where its puzzle, or only its answer, is a symmetric twin of one in a file that the sample must
stay apart from: with other givens of a grid that was trained on, a puzzle is no fresh one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from hrm.data.csv_rows import as_csv
from hrm.data.sources.files import Rows, family_of, read_records, read_rows
from hrm.data.sources.records import Record
from hrm.data.store import open_store
from hrm.data.twins import TwinClasses
from hrm.errors import DataError, UsageError
from hrm.files import replace_file
from hrm.puzzles.base import Puzzle
from hrm.randomness import Stream, generator
from hrm.runtime.quoting import csv_note

BLOCK = 1024
"""So many rows are judged at once; a sample of few rows never looks at all of a long file."""


@dataclass(frozen=True)
class Draw:
    """How many rows to draw from which file."""

    path: Path
    count: int

    @classmethod
    def parse(cls, text: str) -> "Draw":
        """Return the draw that ``FILE:COUNT`` asks for.

        Raises:
            UsageError: it has another form.
        """
        file, _, count = text.rpartition(":")
        if not file or not count.isdecimal():
            raise UsageError(f"--from {text!r} is not FILE:COUNT, such as puzzles.csv:100")
        return cls(Path(file), int(count))


@dataclass(frozen=True)
class Sample:
    """What was written."""

    path: Path
    puzzle: str
    """Name of the family."""
    drawn: list[int]
    """Rows from each file, in the order in which the files were given."""
    passed_over: list[int]
    """Rows of each file that were drawn and left out, as twins of others."""


def sample_file(
    out: Path, draws: Sequence[Draw], apart_from: Sequence[Path], puzzle: Puzzle | None, seed: int
) -> Sample:
    """Write a CSV of rows drawn at random from files, in random order and of one row for each class of twins.

    Equal arguments write equal bytes. Columns: source, question, answer, and rating where a file has one.

    Args:
        out: a new file, ``.csv``.
        draws: rows are drawn from these files or stores in turn, without any that is a twin of a row already drawn.
        apart_from: files with answers; a row stays out if its puzzle or its answer is a twin of one there.
        puzzle: the family; None takes it from the first question of the first file.
        seed: names the rows drawn and their order.

    Raises:
        UsageError: nothing or less than nothing is asked for, or the file exists.
        DataError: a file is not what it should be, or has fewer rows to give than asked for.
        HrmError: the file cannot be written.
    """
    if not draws or min(draw.count for draw in draws) < 1:
        raise UsageError("ask for at least 1 row of at least 1 file")
    if out.suffix.lower() != ".csv" or out.exists():
        raise UsageError(f"{out} {'exists' if out.exists() else 'is no .csv file'}: choose another name to write to")
    first = draws[0].path
    family = puzzle or (open_store(first).puzzle if first.is_dir() else family_of(first))
    sieve = _Sieve(family)
    for path in apart_from:
        sieve.stay_apart_from(_rows(path, family))
    lines: list[tuple[str, str, str, str]] = []
    passed_over = []
    for number, draw in enumerate(draws):
        rows = _rows(draw.path, family)
        order = generator(seed, Stream.SAMPLE, number + 1).permutation(len(rows))
        chosen, left_out = _draw(rows, order, draw.count, sieve)
        records = {} if draw.path.is_dir() else read_records(draw.path, set(chosen))
        lines += [_line(rows, row, records.get(row)) for row in chosen]
        passed_over.append(left_out)
    order = generator(seed, Stream.SAMPLE, 0).permutation(len(lines))
    replace_file(out, _as_csv([lines[i] for i in order]))
    return Sample(out, family.spec.name, [draw.count for draw in draws], passed_over)


class _Sieve:
    """Lets through one puzzle of each class, and none whose class or whose answer's class is taken."""

    def __init__(self, puzzle: Puzzle) -> None:
        self._puzzle = puzzle
        self._taken, self._answers = TwinClasses(puzzle), TwinClasses(puzzle)

    def stay_apart_from(self, rows: Rows) -> None:
        """Take the classes of these puzzles, and of their answers as puzzles without a blank."""
        self._taken.add(rows.inputs, rows.labels)
        self._answers.add(rows.labels, rows.labels)

    def judge(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Iterator[bool]:
        """Say of each puzzle whether it passes; one that does is taken."""
        own, whole = (self._puzzle.twin_invariants(grids, answers).tolist() for grids in (inputs, answers))
        for i in range(len(inputs)):
            passes = not self._answers.has(answers[i], answers[i], whole[i])
            passes = passes and not self._taken.has(inputs[i], answers[i], own[i])
            if passes:
                self._taken.add(inputs[i : i + 1], answers[i : i + 1])
            yield passes


def _draw(rows: Rows, order: Int[np.ndarray, " n"], count: int, sieve: _Sieve) -> tuple[list[int], int]:
    """Return the first ``count`` rows, in the given order, that pass, and how many before the last did not."""
    chosen: list[int] = []
    for block in np.split(order, range(BLOCK, len(order), BLOCK)):
        for row, passes in zip(block.tolist(), sieve.judge(rows.inputs[block], rows.labels[block]), strict=True):
            chosen += [row] * passes
            if len(chosen) == count:
                return chosen, int(np.flatnonzero(order == row)[0]) + 1 - count
    raise DataError(
        f"{count} rows of {rows.name} were asked for; of its {len(rows)} there are {len(chosen)} that are no twins of "
        "one another, of a row already drawn, or of a row to stay apart from: ask for fewer"
    )


def _rows(path: Path, family: Puzzle) -> Rows:
    """Return the rows of a file, or of all splits of a store."""
    if not path.is_dir():
        return read_rows(path, family)
    store = open_store(path, puzzle=family)
    parts = store.splits.values()
    inputs, labels, ratings = (
        np.concatenate([np.asarray(getattr(part, name)) for part in parts]) for name in ("inputs", "labels", "ratings")
    )
    return Rows(family, inputs, labels, ratings, path.name, store.digest)


def _line(rows: Rows, row: int, record: Record | None) -> tuple[str, str, str, str]:
    question, answer = (rows.puzzle.text(grids[row]) for grids in (rows.inputs, rows.labels))
    if record is None:  # of a store
        rating = rows.ratings[row]
        return csv_note(rows.name), question, answer, "" if np.isnan(rating) else f"{rating:g}"
    source, rating = ("" if value is None else csv_note(value) for value in (record.source, record.rating))
    return source or csv_note(Path(rows.name).stem), question, answer, rating


def _as_csv(lines: Sequence[tuple[str, str, str, str]]) -> bytes:
    columns = 4 if any(rating for *_, rating in lines) else 3
    return as_csv(("source", "question", "answer", "rating")[:columns], (line[:columns] for line in lines))
