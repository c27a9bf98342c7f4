"""How ``hrm solve`` prints answers: one, or a list while it is being solved."""

import csv
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hrm.cli.console import print_json, progress
from hrm.errors import one_line

if TYPE_CHECKING:
    from hrm.inference.answer import Answer
    from hrm.inference.rows import Row

STATES = {True: "solved", False: "unsolved", None: "unchecked"}
COLUMNS = ("row", "state", "segments", "puzzle", "answer", "total_segments")


def print_rows(rows: "Iterable[Row]", total: int | None, as_csv: bool, as_json: bool, abstain: bool) -> None:
    """Print every answer as soon as it is known: a table in a terminal, else columns with tabs, or CSV or JSON.

    Args:
        abstain: withhold answers that are not verified.
    """
    write_csv = csv.writer(sys.stdout, lineterminator="\n").writerow
    write = write_csv if as_csv else lambda cells: print(*cells, sep="\t")
    with progress("solved", total) as (console, advance):
        for count, row in enumerate(rows):
            answer, state = row.answer, STATES[row.answer.verified]
            text = "" if abstain and not answer.verified else answer.answer
            if as_json:
                print_json(answer.as_dict(abstain))
            elif sys.stdout.isatty() and not as_csv:
                if count == 0:
                    console.print(f"{'row':>5}  {'state':<9}  {'segments':>8}  answer", style="bold")
                console.print(
                    f"{row.number:>5}  {state:<9}  {answer.total_segments:>8}  {text}",
                    soft_wrap=True, style="red" if answer.verified is False else None,
                )  # fmt: skip
            else:
                if count == 0:
                    write(COLUMNS)
                puzzle, text = one_line(answer.puzzle), one_line(text)
                write((row.number, state, answer.segments, puzzle, text, answer.total_segments))
            sys.stdout.flush()
            advance()


def verdict(answer: "Answer") -> str:
    """Say in one line whether an answer is right, and how it came about."""
    failure = ": the model did not solve this one" if answer.verified is False else ""
    pinned = len(answer.pinned)
    how = f"{pinned} cell{'s' * (pinned > 1)} of an earlier answer taken as given" if pinned else "a symmetric image"
    tries = f", attempt {answer.attempts} ({how})" if answer.verified and answer.attempts > 1 else ""
    total = f" of {answer.total_segments:,} in all" if answer.total_segments > answer.segments else ""
    return f"{answer.verdict}{failure}; {answer.segments} segments{total}, q_halt {answer.q_halt:.2f}{tries}"
