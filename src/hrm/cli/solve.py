"""``hrm solve`` and ``hrm show``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from hrm.cli.answers import verdict
from hrm.cli.console import print_json, stderr, stdout, tell_weights, warn
from hrm.cli.options import Device, Json, Model, Precision, UserPuzzle, output, register_own
from hrm.cli.solve_list import solve_list
from hrm.errors import UnsolvedError, UsageError

if TYPE_CHECKING:
    from io import BufferedReader

    from hrm.inference.rows import Row

Exactly = Annotated[
    int | None, Parameter(help="Run exactly this many segments. Default: go on until the puzzle is solved.")
]
AtMost = Annotated[
    int | None,
    Parameter(
        help="End an attempt after this many segments (otherwise 64). Where the rules are known, the model goes on "
        "until its answer keeps them; else until it decides to stop."
    ),
]
Attempts = Annotated[
    int | None,
    Parameter(
        help="Number of attempts (8 if --max-segments is given). If the answer breaks a rule in the end, the next "
        "attempt is with a symmetric image of the puzzle."
    ),
]
Effort = Annotated[
    Literal["quick", "normal", "max"] | None,
    Parameter(
        help="How long to try if the rules are known. Not with one of the numbers above. quick: one "
        "attempt; normal: up to 2,048 segments a puzzle (mazes: 8 attempts); max: up to 4,096. In a Sudoku, each "
        "further attempt takes one or two cells of the last answer as given; elsewhere it is with a symmetric image. "
        "Default: normal. docs/search.md says more."
    ),
]
Budget = Annotated[
    int | None,
    Parameter(help="Number of segments that all attempts at a puzzle may take together, in place of an --effort."),
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
    attempts: Attempts = None,
    effort: Effort = None,
    budget: Budget = None,
    trace: Annotated[
        bool, Parameter(negative="", help="Show what each segment changed (for a file: with --json).")
    ] = False,
    abstain: Annotated[
        bool, Parameter(negative="", help="Withhold answers that break a rule. Only where the rules are known.")
    ] = False,
    check: Annotated[
        bool, Parameter(help="Search a single puzzle exactly, and say if it has no solution or several.")
    ] = True,
    device: Device = "auto",
    precision: Precision = "auto",
    own: UserPuzzle = "",
    variants: Variants = None,
    csv: Annotated[bool, Parameter(negative="", help="For a file of puzzles: print the answers as CSV.")] = False,
    out: Annotated[
        Path | None,
        output(
            "For a file of puzzles: CSV file for the answers, written in order as they come. After an interruption "
            "the same command resumes."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Solve a puzzle, or every puzzle of a file (CSV or JSONL with `question`, or one puzzle a line; for ARC, a task).

    Exit code 5: at least one answer breaks a rule of its puzzle; --abstain withholds such answers. Exit code 4: a
    puzzle cannot be read, or has no solution or several. Exit codes 130 and 143: stopped by Ctrl-C or SIGTERM.

    Example: `hrm solve sudoku-4x4 ..1.4.....2.3... --trace`.
    """
    from hrm.inference.origin import locate

    # the model, and whether it can do what is asked for
    located = locate(model)
    source = _source(puzzle)
    from hrm.inference.load import load
    from hrm.inference.rows import advice, fault_beside_answer, require_rules, solve_row

    register_own(own, model)
    if out is not None and (source is None or trace):
        what = "no traces: leave out --trace" if trace else "the answers to a file of puzzles, or to - for stdin"
        raise UsageError(f"--out takes {what}")
    solver = load(model, device, precision)
    if abstain:
        require_rules(solver)
    if out is not None and solver.table is not None:
        raise UsageError("--out takes no answers to ARC tasks: leave it out, and redirect what --json prints")
    # tasks, or a list
    if solver.table is not None and isinstance(source, Path):
        from hrm.cli.solve_arc import solve_tasks

        tell_weights(located)
        solve_tasks(solver, source, segments, variants, trace, json)
        return
    if segments is max_segments is attempts is budget is None:
        effort = effort or "normal"
    if source is not None:
        solve_list(
            solver, source, located, out, trace=trace, csv=csv, json=json, abstain=abstain, segments=segments,
            max_segments=max_segments, attempts=attempts, effort=effort, budget=budget,
        )  # fmt: skip
        return
    # one puzzle: what is wrong with it is said after its answer, if it can have one
    problem = fault_beside_answer(solver.puzzle, puzzle) if check else None
    row = solve_row(
        solver, puzzle, segments=segments, trace=trace, max_segments=max_segments, attempts=attempts, effort=effort,
        budget=budget,
    )  # fmt: skip
    if problem is not None and row.answer.verified is False:
        raise problem
    tell_weights(located)
    _tell_if_outside(row)
    if json:
        print_json(row.answer.as_dict(abstain))
    elif abstain and not row.answer.verified:
        stderr().print("answer withheld: it breaks a rule")
    elif trace:
        from hrm.viz.puzzle.terminal import replay

        replay(solver.puzzle, row.answer, stdout())
        stdout().print(verdict(row.answer))
    else:
        stdout().print(row.answer.answer, soft_wrap=True)
        stdout().print(verdict(row.answer))
    if problem is not None:
        raise problem
    if row.answer.verified is False:
        raise UnsolvedError(advice([row.answer], segments, effort, budget))


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
    attempts: Attempts = None,
    effort: Effort = None,
    budget: Budget = None,
    device: Device = "auto",
    precision: Precision = "auto",
    own: UserPuzzle = "",
    variants: Variants = None,
    json: Json = False,
) -> None:
    """Show how a puzzle is solved, segment by segment, in the terminal or as a GIF, PNG or SVG.

    Exit code 5: the answer breaks a rule of the puzzle; it is shown all the same.

    Example: `hrm show sudoku-4x4 3.4......3..1..4 --out solve.gif`.
    """
    from hrm.data.sources.questions import question_at, questions
    from hrm.inference.answer import counted
    from hrm.inference.origin import locate

    located = locate(model)
    from hrm.inference.load import load
    from hrm.inference.rows import advice, solve_row
    from hrm.viz.puzzle.files import save
    from hrm.viz.puzzle.terminal import replay

    register_own(own, model)
    solver = load(model, device, precision)
    if solver.table is not None:
        from hrm.cli.solve_arc import show_tasks, tasks_file

        show_tasks(solver, tasks_file(puzzle), out, segments, variants, json)
        return
    if (source := _source(puzzle)) is not None:
        puzzle = question_at(questions(source, solver.puzzle), row, puzzle).text
    if segments is max_segments is attempts is budget is None:
        effort = effort or "normal"
    solved = solve_row(
        solver, puzzle, segments=segments, trace=True, max_segments=max_segments, attempts=attempts, effort=effort,
        budget=budget,
    )  # fmt: skip
    # show it, whether it is right or not
    answer = solved.answer
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        save(solver.puzzle, answer, out)
    tell_weights(located)
    _tell_if_outside(solved)
    if json:
        print_json(answer.as_dict() | {"file": None if out is None else str(out)})
    elif out is None:
        replay(solver.puzzle, answer, stdout(), delay_s=0.6)
        stdout().print(verdict(answer))
    else:
        stdout().print(f"{out}: {counted(answer.segments, 'segment')}, answer {_VERDICT[answer.verified]}")
    if answer.verified is False:
        raise UnsolvedError(advice([answer], segments, effort, budget))


_VERDICT = {True: "verified", False: "breaks a rule", None: "not checked: no rules are known"}


def _tell_if_outside(row: "Row") -> None:
    if row.outside:
        warn(f"this puzzle is unlike those of the training: {row.outside}")


def _source(puzzle: str) -> "Path | BufferedReader | None":
    from hrm.data.sources.questions import puzzle_file

    return open(sys.stdin.fileno(), "rb", closefd=False) if puzzle == "-" else puzzle_file(puzzle)
