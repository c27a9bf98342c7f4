"""``hrm solve`` and ``hrm show``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from hrm import pretrained
from hrm.cli.common import (
    Device,
    Json,
    Model,
    Own,
    Precision,
    admit_own,
    output,
    print_json,
    stderr,
    stdout,
)
from hrm.errors import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hrm.data.blocks import Question


def solve(
    model: Model,
    puzzle: Annotated[
        str, Parameter(allow_leading_hyphen=True, help="Puzzle as text or JSON, a file of puzzles, or - for stdin.")
    ],
    /,
    *,
    segments: Annotated[
        int | None, Parameter(help="Run exactly this many segments. Default: stop when the model decides.")
    ] = None,
    trace: Annotated[
        bool, Parameter(negative="", help="Show what each segment changed (for a file: with --json).")
    ] = False,
    check: Annotated[bool, Parameter(help="Refuse a single puzzle that has no solution or more than one.")] = True,
    device: Device = "auto",
    precision: Precision = "auto",
    own: Own = "",
    variants: Annotated[
        int | None, Parameter(help="For ARC: number of variants of the task that vote. Default: all.")
    ] = None,
    json: Json = False,
) -> None:
    """Solve a puzzle, or every puzzle of a file (CSV or JSONL with `question`, or one puzzle a line; of ARC: a task).

    Example: `hrm solve sudoku-4x4 ..1.4.....2.3... --trace`.
    """
    pretrained.require(model)
    from hrm.inference.load import load

    admit_own(own, model)
    file = _file(puzzle)
    solver = load(model, device, precision)
    if solver.table is not None and file is not None and puzzle != "-":
        from hrm.cli.solve_arc import solve_tasks

        solve_tasks(solver, file, segments, variants, trace, json)
        return
    if file is None:
        if check:
            solver.puzzle.refuse_ambiguous(solver.puzzle.parse(puzzle))
        answer = solver.solve(puzzle, segments, trace)
        if json:
            print_json(as_json(answer))
        elif trace:
            from hrm.viz.terminal import replay

            replay(solver.puzzle, answer, stdout())
            _verdict(answer)
        else:
            stdout().print(answer.answer, soft_wrap=True)
            _verdict(answer)
        return
    from hrm.data.questions import plain_questions, questions

    given = (
        plain_questions(open(sys.stdin.fileno(), "rb", closefd=False), "stdin", solver.puzzle)
        if puzzle == "-"
        else questions(file, solver.puzzle)
    )
    faults: list[str] = []
    for answer in solver.solve_many(_readable(given, faults), segments, trace):
        if json:
            print_json(as_json(answer))
        else:
            mark = {True: "ok   ", False: "wrong", None: "-    "}[answer.verified]
            stdout().print(f"{mark} {answer.puzzle} {answer.answer} {answer.segments} segments", soft_wrap=True)
    if faults:
        raise DataError(f"could not read {len(faults)} of the puzzles, see above; all others were solved")


def _readable(questions: "Iterable[Question]", faults: list[str]) -> "Iterator[str]":
    """Yield the puzzles that can be read; print what is wrong with the others, and keep it."""
    for question in questions:
        if question.tokens is None:
            faults.append(question.error)
            stderr().print(question.error, markup=False, soft_wrap=True)
        else:
            yield question.text


def show(
    model: Model,
    puzzle: Annotated[str, Parameter(help="The puzzle as text or JSON; for ARC, the file of a task.")],
    /,
    *,
    out: Annotated[
        Path | None, output("File to write: .gif is animated; .png and .svg show all segments. Default: the terminal.")
    ] = None,
    segments: Annotated[
        int | None, Parameter(help="Run exactly this many segments. Default: stop when the model decides.")
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    own: Own = "",
    variants: Annotated[
        int | None, Parameter(help="For ARC: number of variants of the task that vote. Default: all.")
    ] = None,
    json: Json = False,
) -> None:
    """Show how a puzzle is solved, segment by segment, in the terminal or as a GIF, PNG or SVG.

    Example: `hrm show sudoku-4x4 3.4......3..1..4 --out solve.gif`.
    """
    pretrained.require(model)
    from hrm.inference.load import load
    from hrm.viz.render import save
    from hrm.viz.terminal import replay

    admit_own(own, model)
    solver = load(model, device, precision)
    if solver.table is not None:
        from hrm.cli.solve_arc import show_tasks, tasks_file

        show_tasks(solver, tasks_file(puzzle), out, segments, variants, json)
        return
    answer = solver.solve(puzzle, segments, trace=True)
    if out is not None:
        save(solver.puzzle, answer, out)
    if json:
        print_json(as_json(answer) | {"file": None if out is None else str(out)})
    elif out is None:
        replay(solver.puzzle, answer, stdout(), delay_s=0.6)
        _verdict(answer)
    else:
        stdout().print(f"{out}: {answer.segments} segments, answer {_VERDICT[answer.verified]}")


_VERDICT = {True: "verified", False: "wrong", None: "not checked, for no rules are known"}


def as_json(answer: Any) -> dict[str, Any]:
    """Return an answer as plain values."""
    plain = {name: getattr(answer, name) for name in ("puzzle", "answer", "verified", "segments", "q_halt")}
    plain["halted_by_choice"] = answer.halted_by_choice
    if answer.trace is not None:
        plain["trace"] = [
            {
                "segment": moment.segment,
                "answer": moment.answer,
                "changed": moment.changed.nonzero()[0].tolist(),
                "q_halt": moment.q_halt,
            }
            for moment in answer.trace
        ]
    return plain


def _verdict(answer: Any) -> None:
    kept = {
        True: "keeps every rule",
        False: "breaks a rule: the model did not solve this one",
        None: "no rules are known to check it by",
    }[answer.verified]
    stdout().print(f"{kept}; {answer.segments} segments, q_halt {answer.q_halt:.2f}")


def _file(puzzle: str) -> Path | None:
    """Return the file that a puzzle argument names; text of a puzzle is no file."""
    if puzzle == "-":
        return Path("-")
    if not puzzle.strip() or len(puzzle) >= 4096 or "\n" in puzzle or "\0" in puzzle:
        return None
    path = Path(puzzle)
    if path.is_file():
        return path
    if path.suffix in (".csv", ".json", ".jsonl", ".npz", ".txt") or path.is_dir():
        raise UsageError(
            f"there is no file {puzzle}: give a puzzle as text, a .csv, .jsonl, .npz or .txt file, or - for stdin; "
            "of ARC, a .json file"
        )
    return None
