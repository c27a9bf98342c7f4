"""Read the puzzles of a file that are to be solved: answers are not needed."""

from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from hrm.data.folders import open_file
from hrm.data.formats import ROWS
from hrm.data.lines import text_lines
from hrm.data.reading import read_rows
from hrm.errors import DataError
from hrm.puzzles.base import Puzzle


def questions(path: Path, puzzle: Puzzle) -> Iterator[str]:
    """Yield the puzzles of a file without answers: CSV, JSONL or NPZ with questions, or one puzzle a line.

    Raises:
        DataError: what is wrong, in which row.
    """
    if path.suffix.lower() in ROWS:
        yield from (puzzle.text(grid) for grid in read_rows(path, puzzle, answers_required=False).inputs)
        return
    try:
        with open_file(path) as file:
            yield from plain_questions(file, str(path), puzzle)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; check the path") from None


def plain_questions(file: BufferedReader, name: str, puzzle: Puzzle) -> Iterator[str]:
    """Yield the puzzles of plain text, one a line, as they come in; empty lines are passed over.

    Args:
        name: what to call the text in messages.

    Raises:
        DataError: a line that is no puzzle, by its number; or none at all.
    """
    found = False
    for number, line in enumerate(text_lines(file, name), start=1):
        if not line.strip():
            continue
        found = True
        try:
            yield puzzle.text(puzzle.parse(line.rstrip("\r\n")))
        except DataError as error:
            raise DataError(f"{name}, line {number}: {error}") from None
    if not found:
        raise DataError(f"{name} holds no puzzles: give one a line")
