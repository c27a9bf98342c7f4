"""How ``hrm solve`` prints answers: one, or a list while it is being solved."""

import csv
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hrm.cli.console import print_json, print_note, progress

if TYPE_CHECKING:
    from hrm.inference.answer import Answer
    from hrm.inference.answer_file import AnswerFile
    from hrm.inference.rows import Row


def print_rows(rows: "Iterable[Row]", total: int | None, as_csv: bool, as_json: bool, abstain: bool) -> None:
    """Print every answer as soon as it is known: a table in a terminal, else columns with tabs, or CSV or JSON.

    Args:
        abstain: withhold answers that are not verified.
    """
    from hrm.inference.answer import COLUMNS

    write_csv = csv.writer(sys.stdout, lineterminator="\n").writerow
    write = write_csv if as_csv else lambda cells: print(*cells, sep="\t")
    with progress("solved", total) as (console, advance):
        for count, row in enumerate(rows):
            answer, cells = row.answer, row.cells(abstain)
            if as_json:
                print_json(answer.as_dict(abstain))
            elif sys.stdout.isatty() and not as_csv:
                if count == 0:
                    console.print(f"{'row':>5}  {'state':<9}  {'segments':>8}  answer", style="bold")
                number, state, _, _, text, segments = cells
                console.print(
                    f"{number:>5}  {state:<9}  {segments:>8}  {text}",
                    soft_wrap=True, style="red" if answer.verified is False else None,
                )  # fmt: skip
            else:
                if count == 0:
                    write(COLUMNS)
                write(cells)
            sys.stdout.flush()
            advance()


def write_rows(rows: "Iterable[Row]", file: "AnswerFile", total: int | None) -> None:
    """Write every answer to a file as soon as it and all before it are known."""
    try:
        with file.writing(), progress("solved", total, file.resumed) as (_, advance):
            for row in rows:
                file.add(row)
                advance()
    except KeyboardInterrupt:
        of, again = (
            (f" of {total:,}", "run the same command again to go on") if total else ("", "stdin cannot be continued")
        )
        print_note(f"{file.path} holds {len(file.states):,}{of} answers: {again}")
        raise


def verdict(answer: "Answer") -> str:
    """Say in one line whether an answer is right, and how it came about."""
    from hrm.inference.answer import counted

    failure = ": the model did not solve this one" if answer.verified is False else ""
    pinned = len(answer.pinned)
    how = f"{pinned} cell{'s' * (pinned > 1)} of an earlier answer taken as given" if pinned else "a symmetric image"
    tries = f", attempt {answer.attempts} ({how})" if answer.verified and answer.attempts > 1 else ""
    total = f" of {answer.total_segments:,} in all" if answer.total_segments > answer.segments else ""
    return f"{answer.verdict}{failure}; {counted(answer.segments, 'segment')}{total}, q_halt {answer.q_halt:.2f}{tries}"
