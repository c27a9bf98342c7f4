"""Find the puzzles of a text file: one a line, one over several lines, or several blocks between empty lines.

Which of these a file is, its lines say: the family knows what a line can be, and its ``parse`` is the judge.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from hrm.data.sources.lines import require_some
from hrm.errors import DataError
from hrm.puzzles.base import Puzzle

MOST_LINES = 1 << 12
"""A puzzle of more lines is none."""
MOST_CHARACTERS = 1 << 20
_SECTION = re.compile(r"\[\s*([A-Za-z][A-Za-z _-]*)\]")
_TITLE = re.compile(
    r"(?:grid|puzzle|sudoku|maze|problem|no|nr|number)\b[ .:#]*\d*[ .:]*"
    r"|(?:puzzles?|questions?|quizzes)(?:[,;\t ]+[a-z_]+)*",
    re.IGNORECASE,
)
"""A title such as ``Grid 01``, or names of columns."""


@dataclass(frozen=True, eq=False)
class Question:
    """One puzzle of a file, or what is wrong with it."""

    where: str
    """File and line or row, for messages."""
    text: str
    """The puzzle as one line of the family's text; what the file holds, where it cannot be read."""
    tokens: UInt8[np.ndarray, " C"] | None
    """None where it cannot be read."""
    error: str = ""
    """What is wrong, and where; empty where it can be read."""


Block = list[tuple[int, str]]
"""Lines without an empty one between them, each with its number."""


def text_questions(lines: Iterable[str], name: str, puzzle: Puzzle) -> Iterator[Question]:
    """Yield the puzzles of the lines of a text, as soon as they are known to be whole.

    Lines that are notes are passed over; so are all sections but ``[Puzzle]``, where a file has sections.

    Args:
        name: what to call the text in messages.

    Raises:
        DataError: there is no puzzle.
    """
    lack = f"{name} holds no puzzles: give one a line, or one over several lines"
    yield from require_some(_questions(lines, name, puzzle), lack)


def read_question(where: str, text: str, puzzle: Puzzle) -> Question:
    """Return a puzzle that was given as one text, or what is wrong with it."""
    try:
        tokens = puzzle.parse(text)
        return Question(where, puzzle.text(tokens), tokens)
    except DataError as error:
        return Question(where, text, None, f"{where}: {error}")


def _questions(lines: Iterable[str], name: str, puzzle: Puzzle) -> Iterator[Question]:
    held: Block = []  # blocks that are too short for a puzzle: a grid may have empty lines between its boxes
    for block in _blocks(lines, puzzle, name):
        # Together with the blocks before it, is it a whole puzzle?
        if held and (question := _joined(held + block, name, puzzle)):
            held = []
            yield question
            continue
        # If not, is it one or several by itself, or the beginning of one?
        questions = _resolved(block, name, puzzle)
        short = len(block) < puzzle.spec.shape[0] and puzzle.spec.has_rules and puzzle.is_part(block[0][1])
        if short and not questions:
            held += block
            if len(held) >= 2 * puzzle.spec.shape[0]:
                yield _fault(held, name, puzzle)
                held = []
            continue
        if held:
            yield _fault(held, name, puzzle)
            held = []
        yield from questions or [_fault(block, name, puzzle)]
    if held:
        yield _fault(held, name, puzzle)


def _blocks(lines: Iterable[str], puzzle: Puzzle, name: str) -> Iterator[Block]:
    """Yield the lines that belong together; a line that is a whole puzzle stands alone."""
    block: Block = []
    skipped = document = False  # within a section that holds no puzzle; within JSON of several lines
    for number, raw in enumerate(lines, start=1):
        line = raw.rstrip("\r\n")
        if document:
            block.append((number, line))
            if _is_json(block):
                yield block
                block, document = [], False
            continue
        if section := _SECTION.fullmatch(line.strip()):
            skipped = "puzzle" not in section[1].lower()
        titled = puzzle.spec.has_rules and _TITLE.fullmatch(line.strip())  # in a table it may be a symbol
        empty = section or titled or _is_empty(line, puzzle)
        starts_document = line.lstrip()[:1] in ("{", "[") and not empty and not skipped
        if block and (empty or starts_document or not puzzle.is_part(line)):
            if skipped or not puzzle.is_note(line) or empty:
                yield block
                block = []
        if empty or skipped or puzzle.is_note(line):
            continue
        block.append((number, line))
        document = starts_document and not _is_json(block)
        if not document and (starts_document or not puzzle.is_part(line)):
            yield block
            block = []
        if len(block) > MOST_LINES:
            raise DataError(f"{name}: lines {block[0][0]} to {number} are parts of puzzles; is it a file of puzzles?")
    if block:
        yield block


def _is_empty(line: str, puzzle: Puzzle) -> bool:
    """Say whether a line is empty; where a space is a symbol, a row of spaces is not."""
    row_of_spaces = " " in puzzle.spec.tokens and len(line) in (puzzle.spec.shape[1], puzzle.spec.cells)
    return not line.strip() and not (row_of_spaces and line)


def _is_json(block: Block) -> bool:
    """Say whether lines that start like JSON are whole; too many of them never will be."""
    if sum(len(line) for _, line in block) > MOST_CHARACTERS or len(block) > MOST_LINES:
        return True
    if block[-1][1].rstrip()[-1:] not in ("}", "]"):
        return False
    try:
        json.loads("\n".join(line for _, line in block))
    except (ValueError, RecursionError):
        return False
    return True


def _resolved(block: Block, name: str, puzzle: Puzzle) -> list[Question]:
    """Return the puzzles of one block; none where it can be read neither as one nor as several."""
    whole = _joined(block, name, puzzle) if len(block) > 1 else None
    if whole and not puzzle.spec.has_rules:
        return [whole]
    singly = [read_question(_where([line], name), puzzle.without_note(line[1]), puzzle) for line in block]
    readable = sum(each.tokens is not None for each in singly)
    if whole and readable == len(block):
        says = "is one puzzle, or each line is one: put an empty line between puzzles, or write them as JSON"
        return [Question(whole.where, whole.text, None, f"{whole.where}: this {says}")]
    if readable and not whole:
        return singly
    return [whole] if whole else _evenly(block, name, puzzle)


def _evenly(block: Block, name: str, puzzle: Puzzle) -> list[Question]:
    """Return the puzzles of a block that holds several of the same number of lines; none where it does not."""
    least = puzzle.spec.shape[0]
    for count in range(2, len(block) // max(least, 2) + 1):
        size, rest = divmod(len(block), count)
        if rest or not puzzle.spec.has_rules:
            continue
        parts = [block[i : i + size] for i in range(0, len(block), size)]
        joined = [_joined(part, name, puzzle) for part in parts]
        if any(joined):
            return [each or _fault(part, name, puzzle) for each, part in zip(joined, parts, strict=True)]
    return []


def _joined(block: Block, name: str, puzzle: Puzzle) -> Question | None:
    """Return the puzzle that lines are together; None where they are none."""
    question = read_question(_where(block, name), "\n".join(line for _, line in block), puzzle)
    return question if question.tokens is not None else None


def _fault(block: Block, name: str, puzzle: Puzzle) -> Question:
    """Return what is wrong with lines that are no puzzle together."""
    text = puzzle.without_note(block[0][1]) if len(block) == 1 else "\n".join(line for _, line in block)
    return read_question(_where(block, name), text, puzzle)


def _where(block: Block, name: str) -> str:
    first, last = block[0][0], block[-1][0]
    return f"{name}, line {first}" if first == last else f"{name}, lines {first} to {last}"
