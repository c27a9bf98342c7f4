"""Solve one puzzle or a list of them, and say what to know about each.

The command line prints these records; a server can return them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice, tee
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hrm.data.sources.blocks import Question
from hrm.errors import DataError, UndecidedError, UsageError, one_line
from hrm.inference.answer import STATES, Answer, counted
from hrm.inference.search import Effort
from hrm.inference.solver import Solver
from hrm.puzzles.base import Puzzle
from hrm.runtime.world import World

TOGETHER = 256
"""Puzzles that each of several processes solves before their answers are put together."""

_PATH = re.compile(r"[^\n]*\w/\w[^\n]*|[^\n]*\w\.[A-Za-z]\w{1,4}")
"""Text that may have been meant as a path: names between slashes, or a name with a suffix."""
_Numbered = tuple[int, UInt8[np.ndarray, " C"]]


@dataclass(frozen=True, eq=False)
class Row:
    """A puzzle and its answer."""

    number: int
    """Which puzzle of the list it is, from 1; those that cannot be read are counted, too."""
    inputs: UInt8[np.ndarray, " C"]
    answer: Answer
    outside: str | None
    """How the puzzle differs from the model's training data; None: in no known way."""

    def cells(self, abstain: bool = False) -> tuple[int, str, int, str, str, int]:
        """Return what ``COLUMNS`` name.

        Args:
            abstain: withhold an answer that is not verified.
        """
        answer = self.answer
        text = "" if abstain and not answer.verified else one_line(answer.answer)
        puzzle = one_line(answer.puzzle)
        return self.number, STATES[answer.verified], answer.segments, puzzle, text, answer.total_segments


@dataclass
class Summary:
    """What became of a list of puzzles, kept while it is being solved."""

    rows: int = 0
    """Puzzles answered."""
    unsolved: list[Answer] = field(default_factory=list)
    """Answers that break a rule."""
    outside: list[str] = field(default_factory=list)
    """For each puzzle that is unlike the model's training data, how."""
    faults: list[str] = field(default_factory=list)
    """For each puzzle that cannot be read, what is wrong."""

    def add(self, others: Iterable["Summary"]) -> None:
        """Add what became of other puzzles."""
        for other in others:
            self.rows += other.rows
            self.unsolved += other.unsolved
            self.outside += other.outside
            self.faults += other.faults


def solve_row(solver: Solver, puzzle: object, **options: Any) -> Row:
    """Solve one puzzle; the options are those of ``Solver.solve``.

    Raises:
        DataError: the puzzle cannot be read, or contradicts itself.
        UsageError: an option is out of range.
    """
    return next(_solve(solver, enumerate((_parsed(solver.puzzle, given) for given in [puzzle]), start=1), options))


def _parsed(puzzle: Puzzle, given: object) -> UInt8[np.ndarray, " C"]:
    """Return a parsed puzzle. The message about text that looks like a path says that there is no such file, too.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return puzzle.parse(given)
    except DataError as error:
        if isinstance(given, str) and _PATH.fullmatch(given):
            raise DataError(f"{error}; nor is there a file {given}") from None
        raise


def solve_rows(
    solver: Solver, given: Iterable[tuple[int, Question]], summary: Summary, **options: Any
) -> Iterator[Row]:
    """Yield the puzzles of a list with their answers, in order, each as soon as it is known.

    A puzzle that cannot be read is noted in the summary and passed over. The options are those of ``Solver.solve``.

    Args:
        given: puzzles with their numbers: all of the list, or some.
    """
    for row in _solve(solver, _readable(given, summary.faults), options):
        summary.rows += 1
        if row.answer.verified is False:
            summary.unsolved.append(row.answer)
        if row.outside:
            summary.outside.append(row.outside)
        yield row


def solve_rows_together(
    world: World, solver: Solver, given: Iterable[tuple[int, Question]], summary: Summary, **options: Any
) -> Iterator[Row]:
    """Yield what ``solve_rows`` yields, of a list that several processes share; all of them get all answers.

    Args:
        world: the processes; each is given the same list.
    """
    if world.size == 1:
        yield from solve_rows(solver, given, summary, **options)
        return
    remaining = iter(given)
    while shared := list(islice(remaining, world.size * TOGETHER)):
        own, part = shared[world.rank :: world.size], Summary()
        rows = list(solve_rows(solver, own, part, **options))
        parts = world.all_of((rows, part))
        summary.add([part for _, part in parts])
        yield from sorted((row for rows, _ in parts for row in rows), key=lambda row: row.number)


def _readable(given: Iterable[tuple[int, Question]], faults: list[str]) -> Iterator[_Numbered]:
    for number, question in given:
        if question.tokens is None:
            faults.append(question.error)
        else:
            yield number, question.tokens


def _solve(solver: Solver, parsed: Iterator[_Numbered], options: dict[str, Any]) -> Iterator[Row]:
    for_numbers, for_inputs = tee(parsed)
    answers = solver.solve_many((inputs for _, inputs in for_inputs), parsed=True, **options)
    for answer, (number, inputs) in zip(answers, for_numbers, strict=True):
        yield Row(number, inputs, answer, solver.outside(inputs))


def ambiguity(puzzle: Puzzle, inputs: UInt8[np.ndarray, " C"]) -> DataError | None:
    """Return what is wrong with a puzzle that has no solution, or several where that is a fault; None: nothing known.

    This is an exact search, which says nothing of the answer of a model.
    """
    try:
        puzzle.require_unique(inputs)
    except UndecidedError:
        return None
    except DataError as error:
        return error
    return None


def fault_beside_answer(puzzle: Puzzle, given: object) -> DataError | None:
    """Return what is wrong with a puzzle that can be answered all the same; None: nothing known.

    Raises:
        DataError: the puzzle cannot be read, or has no solution: no model needs to try.
    """
    if not puzzle.spec.has_rules:
        return None
    inputs = _parsed(puzzle, given)
    problem = ambiguity(puzzle, inputs)
    if problem is not None and not len(puzzle.solutions(inputs, 1)):
        raise problem
    return problem


def require_rules(solver: Solver) -> None:
    """Refuse to tell verified answers from others where no rules are known.

    Raises:
        UsageError: the family knows no rules.
    """
    if not solver.puzzle.spec.has_rules:
        name = solver.puzzle.spec.name
        raise UsageError(f"no rules of {name} are known, so no answer can be verified: leave out --abstain")


def advice(
    unsolved: list[Answer], segments: int | None, effort: Effort | None = None, budget: int | None = None
) -> str:
    """Say that answers break a rule, and what may help.

    Args:
        segments: the exact number that was asked for.
        effort: how long each puzzle was tried, where no number of segments or attempts was asked for.
        budget: the segments that all attempts at a puzzle could take together, if that was asked for.
    """
    if effort is not None or budget is not None:
        spent = max(unsolved, key=lambda answer: answer.total_segments)
        attempts = f" ({spent.attempts} attempts)" if spent.attempts > 1 else ""
        further = {"quick": "--effort normal", "normal": "--effort max", "max": None}
        option = further[effort] if effort is not None else f"--budget {2 * (budget or spent.total_segments)}"
        more = f"; try {option}" if option else ""
        return f"not solved in {counted(spent.total_segments, 'segment')}{attempts}{more}"
    most = max(answer.segments for answer in unsolved)
    tries = max(answer.attempts for answer in unsolved)
    failure = f"not solved in {counted(most, 'segment')}{f', {tries} attempts' if tries > 1 else ''}"
    if segments is not None:
        return f"{failure}; without --segments the model goes on until the rules hold"
    moving = any(answer.settled > answer.segments - max(2, answer.segments // 4) for answer in unsolved)
    return f"{failure}; try --max-segments {4 * most}" if moving else f"{failure}, and the answer no longer changes"
