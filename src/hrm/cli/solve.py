"""``hrm solve`` and ``hrm show``."""

import sys
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from hrm.cli.answers import Listing, hint, verdict
from hrm.cli.common import (
    Device,
    Json,
    Model,
    Precision,
    UserPuzzle,
    output,
    print_json,
    register_own,
    stderr,
    stdout,
    tell_weights,
)
from hrm.errors import DataError, UndecidedError, UnsolvedError, UsageError
from hrm.inference.names import locate

if TYPE_CHECKING:
    from hrm.data.sources.blocks import Question
    from hrm.inference.answer import Answer
    from hrm.inference.solver import Solver

Exactly = Annotated[
    int | None, Parameter(help="Run exactly this many segments. Default: go on until the puzzle is solved.")
]
AtMost = Annotated[
    int | None,
    Parameter(
        help="Give up after this many segments. Default: 64. Where the rules are known, the model goes on "
        "until its answer keeps them; else until it decides to stop."
    ),
]
Attempts = Annotated[
    int,
    Parameter(
        help="Number of tries. Where the answer breaks a rule in the end, the next try is with a symmetric image of "
        "the puzzle."
    ),
]
Variants = Annotated[int | None, Parameter(help="For ARC: number of variants of the task that vote. Default: all.")]


def solve(
    model: Model,
    puzzle: Annotated[
        str,
        Parameter(
            allow_leading_hyphen=True, help="Puzzle as text or JSON, a file or a store of puzzles, or - for stdin."
        ),
    ],
    /,
    *,
    segments: Exactly = None,
    max_segments: AtMost = None,
    attempts: Attempts = 8,
    trace: Annotated[
        bool, Parameter(negative="", help="Show what each segment changed (for a file: with --json).")
    ] = False,
    check: Annotated[
        bool, Parameter(help="Search a single puzzle for a second solution, and say so where it has none or several.")
    ] = True,
    device: Device = "auto",
    precision: Precision = "auto",
    own: UserPuzzle = "",
    variants: Variants = None,
    csv: Annotated[bool, Parameter(negative="", help="Print the answers to a file as CSV.")] = False,
    json: Json = False,
) -> None:
    """Solve a puzzle, or every puzzle of a file (CSV or JSONL with `question`, or one puzzle a line; of ARC: a task).

    Exit code 1: at least one answer breaks a rule of its puzzle. Exit code 4: a puzzle cannot be read, or has no
    solution or several.

    Example: `hrm solve sudoku-4x4 ..1.4.....2.3... --trace`.
    """
    located = locate(model)
    file = _file(puzzle)
    from hrm.inference.load import load

    register_own(own, model)
    solver = load(model, device, precision)
    if solver.table is not None and file is not None and puzzle != "-":
        from hrm.cli.solve_arc import solve_tasks

        tell_weights(located)
        solve_tasks(solver, file, segments, variants, trace, json)
        return
    limits: dict[str, Any] = {"segments": segments, "max_segments": max_segments, "attempts": attempts}
    if file is not None:
        faults: list[str] = []
        rows: list[int] = []
        given = _readable(_questions(file, solver), faults, rows)
        listing = Listing(csv, json)
        known = None
        if puzzle != "-":
            given = list(given)
            known = len(given)
        listing.print_all(solver.solve_many(given, trace=trace, **limits), known, solver, rows)
        if faults:
            raise DataError(_told(faults))
        tell_weights(located)
        listing.finish(segments)
        return
    answer = solver.solve(puzzle, trace=trace, **limits)
    problem = _ambiguity(solver, puzzle) if check else None
    if problem is not None and answer.verified is False:
        raise problem
    tell_weights(located)
    tell_if_outside(solver, answer)
    if json:
        print_json(answer.as_dict())
    elif trace:
        from hrm.viz.puzzle.terminal import replay

        replay(solver.puzzle, answer, stdout())
        stdout().print(verdict(answer))
    else:
        stdout().print(answer.answer, soft_wrap=True, markup=False)
        stdout().print(verdict(answer))
    if problem is not None:
        raise problem
    if answer.verified is False:
        raise UnsolvedError(hint([answer], segments))


def show(
    model: Model,
    puzzle: Annotated[
        str, Parameter(help="The puzzle as text or JSON, or a file or a store of puzzles; for ARC, the file of a task.")
    ],
    /,
    *,
    row: Annotated[int, Parameter(help="Which puzzle of a file, from 1.")] = 1,
    out: Annotated[
        Path | None, output("File to write: .gif is animated; .png and .svg show all segments. Default: the terminal.")
    ] = None,
    segments: Exactly = None,
    max_segments: AtMost = None,
    attempts: Attempts = 8,
    device: Device = "auto",
    precision: Precision = "auto",
    own: UserPuzzle = "",
    variants: Variants = None,
    json: Json = False,
) -> None:
    """Show how a puzzle is solved, segment by segment, in the terminal or as a GIF, PNG or SVG.

    Example: `hrm show sudoku-4x4 3.4......3..1..4 --out solve.gif`.
    """
    located = locate(model)
    from hrm.inference.load import load
    from hrm.viz.puzzle.files import save
    from hrm.viz.puzzle.terminal import replay

    register_own(own, model)
    solver = load(model, device, precision)
    if solver.table is not None:
        from hrm.cli.solve_arc import show_tasks, tasks_file

        show_tasks(solver, tasks_file(puzzle), out, segments, variants, json)
        return
    if (file := _file(puzzle)) is not None:
        puzzle = _row(_questions(file, solver), row, puzzle)
    answer = solver.solve(puzzle, segments, trace=True, max_segments=max_segments, attempts=attempts)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        save(solver.puzzle, answer, out)
    tell_weights(located)
    tell_if_outside(solver, answer)
    if json:
        print_json(answer.as_dict() | {"file": None if out is None else str(out)})
    elif out is None:
        replay(solver.puzzle, answer, stdout(), delay_s=0.6)
        stdout().print(verdict(answer))
    else:
        stdout().print(f"{out}: {answer.segments} segments, answer {_VERDICT[answer.verified]}", markup=False)


_VERDICT = {True: "verified", False: "breaks a rule", None: "not checked: no rules are known"}


def tell_if_outside(solver: "Solver", answer: "Answer") -> None:
    """Warn of a puzzle that is unlike all that the model was trained on."""
    if reason := solver.outside(solver.puzzle.parse(answer.puzzle)):
        stderr().print(f"warning: this puzzle is unlike those of the training: {reason}", markup=False, soft_wrap=True)


def _ambiguity(solver: "Solver", puzzle: str) -> DataError | None:
    """Return what is wrong with a puzzle that has no solution, or several where that is a fault."""
    try:
        solver.puzzle.require_unique(solver.puzzle.parse(puzzle))
    except UndecidedError:
        return None
    except DataError as error:
        return error
    return None


def _questions(file: Path, solver: "Solver") -> "Iterable[Question]":
    """Return the puzzles of a file, of a store's test split or only split, or of stdin."""
    from hrm.data.sources.blocks import Question
    from hrm.data.sources.questions import plain_questions, questions

    if str(file) == "-":
        return plain_questions(open(sys.stdin.fileno(), "rb", closefd=False), "stdin", solver.puzzle)
    if not file.is_dir():
        return questions(file, solver.puzzle)
    from hrm.data.store import open_store

    splits = open_store(file, puzzle=solver.puzzle).splits
    name = "test" if "test" in splits else next(iter(splits))
    grids = splits[name].inputs
    return (Question(f"{file}, {name}, row {i}", solver.puzzle.text(grid), grid) for i, grid in enumerate(grids, 1))


def _readable(questions: "Iterable[Question]", faults: list[str], rows: list[int]) -> Iterator[str]:
    """Yield the puzzles that can be read, and keep their numbers and what is wrong with the others."""
    for row, question in enumerate(questions, start=1):
        if question.tokens is None:
            faults.append(question.error)
        else:
            rows.append(row)
            yield question.text


def _told(faults: list[str]) -> str:
    """Return what is wrong with the puzzles that could not be read; of several all but the last line go to stderr."""
    if len(faults) == 1:
        return f"{faults[0]}; all others were tried"
    for fault in faults:
        stderr().print(fault, markup=False, soft_wrap=True)
    return f"could not read {len(faults)} of the puzzles, see above; all others were tried"


def _row(questions: "Iterable[Question]", row: int, file: str) -> str:
    chosen = next(islice(questions, max(row, 1) - 1, None), None)
    if row < 1 or chosen is None:
        raise UsageError(f"{file} has no puzzle {row}: --row counts its puzzles from 1")
    if chosen.tokens is None:
        raise DataError(chosen.error)
    return chosen.text


def _file(puzzle: str) -> Path | None:
    """Return the file or store that a puzzle argument names; text of a puzzle is no file."""
    if puzzle == "-":
        return Path("-")
    if not puzzle.strip() or "\n" in puzzle or "\0" in puzzle:
        return None
    path = Path(puzzle)
    try:
        if path.is_file() or (path / "manifest.json").is_file():
            return path
        folder = path.is_dir()
    except OSError:  # too long for the name of a file, so it is a puzzle
        return None
    if path.suffix in (".csv", ".json", ".jsonl", ".npz", ".txt") or folder:
        raise UsageError(
            f"there is no file {puzzle}: give a puzzle as text, a .csv, .jsonl, .npz or .txt file, a store, or - for "
            "stdin; of ARC, a .json file"
        )
    return None
