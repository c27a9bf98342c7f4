"""Read the puzzles that are to be solved: answers are not needed, and one bad puzzle does not end a list."""

from collections.abc import Iterable, Iterator
from io import BufferedReader
from itertools import islice
from pathlib import Path

from hrm.data.sources.blocks import Question, read_question, text_questions
from hrm.data.sources.files import read_with_faults
from hrm.data.sources.formats import ROWS, SUFFIXES, text_suffix
from hrm.data.sources.lines import text_lines
from hrm.data.store import open_store
from hrm.errors import DataError, UsageError
from hrm.files import open_file
from hrm.puzzles.base import Puzzle


def puzzle_file(given: str) -> Path | None:
    """Return the file or store that a user's text names; None: the text is a puzzle.

    Raises:
        UsageError: it is meant as a file, and there is none.
    """
    if not given.strip() or "\n" in given or "\0" in given:
        return None
    path = Path(given)
    try:
        if path.is_file() or (path / "manifest.json").is_file():
            return path
        folder = path.is_dir()
    except OSError:  # too long for the name of a file, so it is a puzzle
        return None
    if folder:
        raise UsageError(f"{given} is a folder, but not a store: give a file of puzzles in it")
    if text_suffix(path) in SUFFIXES:
        raise UsageError(f"there is no file {given}: check the path, or give a puzzle as text, a store, or - for stdin")
    return None


def questions(source: Path | BufferedReader, puzzle: Puzzle) -> Iterator[Question]:
    """Yield the puzzles of a file in its order, of a store's test split or only split, or of a stream of text.

    Answers beside them are passed over.

    Raises:
        DataError: the source as a whole cannot be read, or holds no puzzle.
    """
    if not isinstance(source, Path):
        yield from plain_questions(source, "stdin", puzzle)
    elif source.is_dir():
        splits = open_store(source, puzzle=puzzle).splits
        name = "test" if "test" in splits else next(iter(splits))
        for row, grid in enumerate(splits[name].inputs, start=1):
            yield read_question(f"{source}, {name}, row {row}", puzzle.text(grid), puzzle)
    elif text_suffix(source) in ROWS:
        yield from _of_rows(source, puzzle)
    else:
        try:
            with open_file(source) as file:
                yield from plain_questions(file, str(source), puzzle)
        except OSError as error:
            raise DataError(f"{source} cannot be read: {error.strerror or error}; check the path") from None


def question_at(given: Iterable[Question], row: int, name: str) -> Question:
    """Return one of the puzzles of a file or store.

    Args:
        row: which one, from 1.
        name: what to call the file in messages.

    Raises:
        DataError: it cannot be read.
        UsageError: there is none.
    """
    chosen = next(islice(given, max(row, 1) - 1, None), None)
    if row < 1 or chosen is None:
        raise UsageError(f"{name} has no puzzle {row}: --row counts its puzzles from 1")
    if chosen.tokens is None:
        raise DataError(chosen.error)
    return chosen


def plain_questions(file: BufferedReader, name: str, puzzle: Puzzle) -> Iterator[Question]:
    """Yield the puzzles of plain text as they come in: one a line, or blocks of lines between empty ones.

    Args:
        name: what to call the text in messages.

    Raises:
        DataError: it is no text, or holds no puzzle.
    """
    return text_questions(text_lines(file, name), name, puzzle)


def _of_rows(path: Path, puzzle: Puzzle) -> Iterator[Question]:
    rows, numbers, faults = read_with_faults(path, puzzle)
    bad = {fault.row: fault.says for fault in faults if fault.column == "question"}
    place = {number: i for i, number in enumerate(numbers.tolist())}
    for number in sorted({*place, *bad}):
        where = f"{path.name}, row {number}"
        if number in bad:
            yield Question(where, "", None, bad[number])
        else:  # givens that contradict each other are read for those who count faults, and refused here
            yield read_question(where, puzzle.text(rows.inputs[place[number]]), puzzle)
