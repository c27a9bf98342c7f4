"""What ``hrm solve`` does with a list of puzzles: answers are printed, or written to a file, while they come."""

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm.cli.answers import print_rows, write_rows
from hrm.cli.console import print_json, print_line, stderr, tell_weights, warn_outside
from hrm.errors import DataError, UnsolvedError, UsageError

if TYPE_CHECKING:
    from io import BufferedReader

    from hrm.inference.answer_file import AnswerFile
    from hrm.inference.origin import Located
    from hrm.inference.rows import Summary
    from hrm.inference.solver import Solver


def solve_list(
    solver: "Solver",
    source: "Path | BufferedReader",
    located: "Located",
    out: Path | None,
    *,
    trace: bool,
    csv: bool,
    json: bool,
    abstain: bool,
    **limits: Any,
) -> None:
    """Solve every puzzle of a file, a store or a stream; several processes share a file, and the first one reports.

    Args:
        out: the CSV file to write, or to continue; None: print.
        limits: how long to try, as ``Solver.solve``.

    Raises:
        DataError: some puzzles cannot be read; all others were tried.
        UnsolvedError: some answers break a rule.
    """
    from hrm.data.sources.questions import questions
    from hrm.inference.answer_file import AnswerFile, rest_of
    from hrm.inference.rows import Summary, advice, solve_rows_together
    from hrm.runtime.world import join

    world = join()
    if world.size > 1 and not isinstance(source, Path):
        raise UsageError("several processes cannot share stdin: give a file of puzzles")
    # All of a file is read before the first puzzle is tried; a stream is read as it comes.
    given, total, summary = enumerate(questions(source, solver.puzzle), start=1), None, Summary()
    if isinstance(source, Path):
        given = list(given)
        total = sum(question.tokens is not None for _, question in given)
    # Print answers as they come, or write those that the file does not hold yet.
    file = None
    if out is not None and world.leads:
        file = AnswerFile(out, solver, given if isinstance(given, list) else None, limits, abstain)
    before = world.from_leader(lambda: 0 if file is None else file.resumed)
    answers = solve_rows_together(world, solver, rest_of(given, before), summary, trace=trace, **limits)
    if not world.leads:
        deque(answers, maxlen=0)
        return
    if file is None:
        print_rows(answers, total, csv, json, abstain)
        unsolved, rows = len(summary.unsolved), summary.rows
    else:
        write_rows(answers, file, total)
        unsolved, rows = file.unsolved, len(file.states)
        _tell_written(file, summary, json)
    # Say what is wrong with puzzles and answers.
    _refuse_faults(summary.faults, bool(rows))
    tell_weights(located)
    if summary.outside:
        warn_outside(len(summary.outside), summary.rows, summary.outside[0])
    if unsolved:
        tried = {name: limits[name] for name in ("segments", "effort", "budget")}
        says = advice(summary.unsolved, **tried) if summary.unsolved else "not solved before"
        other = " and another --out" if out is not None and "; try" in says else ""
        raise UnsolvedError(f"{unsolved} of {rows} puzzles: {says}{other}")


def _tell_written(file: "AnswerFile", summary: "Summary", json: bool) -> None:
    rows, before = len(file.states), file.resumed
    if json:
        unreadable = len(summary.faults)
        counts = {"rows": rows, "resumed": before, "unsolved": file.unsolved, "unreadable": unreadable}
        print_json({"file": str(file.path), **counts})
    else:
        resumed = f", {before:,} of them before" if before else ""
        print_line(f"written: {file.path} ({rows:,} answers{resumed}; {file.unsolved:,} break a rule)")


def _refuse_faults(faults: list[str], tried: bool) -> None:
    """Refuse puzzles that could not be read; of several, all but the last line are printed before.

    Args:
        tried: there are others, which could be read.
    """
    others = "; all others were tried" if tried else ""
    if len(faults) == 1:
        raise DataError(f"{faults[0]}{others}")
    for fault in faults:
        stderr().print(fault, soft_wrap=True)
    if faults:
        raise DataError(f"could not read {len(faults)} of the puzzles, see above{others}")
