"""How ``hrm solve`` prints answers: one, or a list while it is being solved."""

import csv
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from hrm.cli.common import print_json, progress, stderr
from hrm.errors import UnsolvedError

if TYPE_CHECKING:
    from hrm.inference.answer import Answer
    from hrm.inference.solver import Solver

STATES = {True: "solved", False: "unsolved", None: "unchecked"}
COLUMNS = ("row", "state", "segments", "puzzle", "answer")


class Listing:
    """Prints answers as they come: a table in a terminal, columns with tabs between elsewhere, or CSV or JSON."""

    def __init__(self, as_csv: bool, as_json: bool):
        """Choose the form."""
        self._as_csv, self._as_json = as_csv, as_json
        self._count = 0
        self._unsolved: list[Answer] = []
        self._outside: list[str] = []

    def print_all(self, answers: "Iterable[Answer]", total: int | None, solver: "Solver", rows: Sequence[int]) -> None:
        """Print every answer as soon as it is known.

        Args:
            rows: which puzzle of the file each answer belongs to, from 1; those that cannot be read are counted, too.
        """
        with progress("solved", total) as (console, advance):
            for answer in answers:
                row = rows[self._count]
                self._count += 1
                if answer.verified is False:
                    self._unsolved.append(answer)
                if reason := solver.outside(solver.puzzle.parse(answer.puzzle)):
                    self._outside.append(reason)
                if self._as_json:
                    print_json(answer.as_dict())
                elif self._as_csv:
                    self._line(csv.writer(sys.stdout, lineterminator="\n").writerow, row, answer)
                elif sys.stdout.isatty():
                    if self._count == 1:
                        console.print(f"{'row':>5}  {'state':<9}  {'segments':>8}  answer", style="bold")
                    state = STATES[answer.verified]
                    console.print(
                        f"{row:>5}  {state:<9}  {answer.segments:>8}  {answer.answer}",
                        soft_wrap=True, markup=False, style="red" if state == "unsolved" else None,
                    )  # fmt: skip
                else:
                    self._line(lambda cells: sys.stdout.write("\t".join(map(str, cells)) + "\n"), row, answer)
                sys.stdout.flush()
                advance()

    def finish(self, segments: int | None) -> None:
        """Warn of puzzles unlike those of the training; an answer that breaks a rule is a failure."""
        if self._outside:
            stderr().print(
                f"warning: {len(self._outside)} of {self._count} puzzles are unlike those of the training, such as: "
                f"{self._outside[0]}",
                markup=False, soft_wrap=True,
            )  # fmt: skip
        if self._unsolved:
            raise UnsolvedError(f"{len(self._unsolved)} of {self._count} puzzles: {hint(self._unsolved, segments)}")

    def _line(self, write: Any, row: int, answer: "Answer") -> None:
        if self._count == 1:
            write(COLUMNS)
        write((row, STATES[answer.verified], answer.segments, answer.puzzle, answer.answer))


def hint(unsolved: "Sequence[Answer]", segments: int | None) -> str:
    """Say that answers break a rule, and what may help.

    Args:
        segments: the exact number that was asked for.
    """
    most = max(answer.segments for answer in unsolved)
    tries = max(answer.attempts for answer in unsolved)
    said = f"not solved in {most} segment{'' if most == 1 else 's'}{f', {tries} times' if tries > 1 else ''}"
    if segments is not None:
        return f"{said}; without --segments the model goes on until the rules hold"
    moving = any(answer.settled > answer.segments - max(2, answer.segments // 4) for answer in unsolved)
    return f"{said}; try --max-segments {4 * most}" if moving else f"{said}, and the answer no longer changes"


def verdict(answer: "Answer") -> str:
    """Say in one line whether an answer is right, and how it came about."""
    kept = answer.verdict + (": the model did not solve this one" if answer.verified is False else "")
    tries = f", attempt {answer.attempts} (a symmetric image)" if answer.verified and answer.attempts > 1 else ""
    return f"{kept}; {answer.segments} segments, q_halt {answer.q_halt:.2f}{tries}"
