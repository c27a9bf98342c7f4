"""Read the puzzles of a file that are to be solved: answers are not needed, and one bad puzzle does not end a list."""

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from hrm.data.sources.blocks import Question, read_question, text_questions
from hrm.data.sources.files import read_faulty
from hrm.data.sources.formats import ROWS, text_suffix
from hrm.data.sources.lines import text_lines
from hrm.errors import DataError
from hrm.files import open_file
from hrm.puzzles.base import Puzzle


def questions(path: Path, puzzle: Puzzle) -> Iterator[Question]:
    """Yield the puzzles of a file in its order; answers beside them are passed over.

    Raises:
        DataError: the file as a whole cannot be read, or holds no puzzle.
    """
    if text_suffix(path) in ROWS:
        yield from _of_rows(path, puzzle)
        return
    try:
        with open_file(path) as file:
            yield from plain_questions(file, str(path), puzzle)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; check the path") from None


def plain_questions(file: BufferedReader, name: str, puzzle: Puzzle) -> Iterator[Question]:
    """Yield the puzzles of plain text as they come in: one a line, or blocks of lines between empty ones.

    Args:
        name: what to call the text in messages.

    Raises:
        DataError: it is no text, or holds no puzzle.
    """
    found = False
    for question in text_questions(text_lines(file, name), name, puzzle):
        found = True
        yield question
    if not found:
        raise DataError(f"{name} holds no puzzles: give one a line, or one over several lines")


def _of_rows(path: Path, puzzle: Puzzle) -> Iterator[Question]:
    rows, numbers, faults = read_faulty(path, puzzle)
    bad = {fault.row: fault.says for fault in faults if fault.column == "question"}
    place = {number: i for i, number in enumerate(numbers.tolist())}
    for number in sorted({*place, *bad}):
        where = f"{path.name}, row {number}"
        if number in bad:
            yield Question(where, "", None, bad[number])
        else:  # givens that contradict each other are read for those who count faults, and refused here
            yield read_question(where, puzzle.text(rows.inputs[place[number]]), puzzle)
