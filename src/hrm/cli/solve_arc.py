"""What ``hrm solve`` and ``hrm show`` print of a file of ARC tasks."""

from pathlib import Path
from typing import TYPE_CHECKING

from hrm.cli.console import print_json, progress_line, stderr, stdout
from hrm.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hrm.evaluation.arc import TaskAnswer
    from hrm.inference.solver import Solver
    from hrm.puzzles.arc.tasks import Task


def solve_tasks(
    solver: "Solver", file: Path, segments: int | None, variants: int | None, trace: bool, json: bool
) -> None:
    """Print the two best grids for each test; with ``trace`` the best one after each segment."""
    from hrm.evaluation.arc import answer_tasks

    tasks = _tasks(file)
    answers = answer_tasks(solver, tasks, segments, variants, trace, progress_line(stderr(), "answered"))
    if trace and not json:
        _print_replays(tasks, answers)
        return
    for answer in answers:
        if json:
            print_json(answer.as_dict() | ({"trace": answer.trace()} if trace else {}))
            continue
        nothing = "" if answer.attempts else " no grid was answered"
        stdout().print(f"{answer.task}, test {answer.test + 1}:{nothing}")
        for place, attempt in enumerate(answer.attempts, start=1):
            stdout().print(f"  attempt {place}: {attempt.votes} votes, q_halt {attempt.q_halt:.2f}")
            for row in attempt.grid.tolist():
                stdout().print("    " + "".join(map(str, row)), soft_wrap=True)


def show_tasks(
    solver: "Solver", file: Path, out: Path | None, segments: int | None, variants: int | None, json: bool
) -> None:
    """Show the grid with the most votes after each segment, in the terminal or as a GIF, PNG or HTML file."""
    from hrm.evaluation.arc import answer_tasks
    from hrm.inference.answer import counted
    from hrm.viz.puzzle.arc_replay import SUFFIXES, replays, save_replays
    from hrm.viz.puzzle.encode import require_suffix

    if out is not None:
        require_suffix(out, SUFFIXES)
    tasks, budget = _tasks(file), segments or solver.max_segments
    answers = answer_tasks(solver, tasks, segments, variants, trace=True, progress=progress_line(stderr(), "answered"))
    if out is not None:
        stages = {(answer.task, answer.test): answer.stages for answer in answers}
        save_replays(replays(tasks, stages), out, f"{file.name}, {counted(budget, 'segment')}")
    if json:
        for answer in answers:
            plain = {"task": answer.task, "test": answer.test + 1, "segments": budget, "trace": answer.trace()}
            print_json(plain | {"file": None if out is None else str(out)})
    elif out is None:
        _print_replays(tasks, answers)
    else:
        summary = f"{out}: {counted(len(answers), 'test')}, {counted(budget, 'segment')}"
        stdout().print(summary, soft_wrap=True)


def tasks_file(puzzle: str) -> Path:
    """Return the file or folder of ARC tasks that an argument names.

    Raises:
        UsageError: there is none.
    """
    path = Path(puzzle)
    try:
        exists = path.exists()
    except (OSError, ValueError):  # too long for a path, or with a null byte
        exists = False
    if not exists:
        raise UsageError("a model of ARC needs the file of a task, because a grid alone does not say its task")
    return path


def _tasks(file: Path) -> "Sequence[Task]":
    from hrm.puzzles.arc.files import Notes, read_tasks

    notes = Notes()
    tasks = read_tasks(file, notes=notes)
    for line in notes.lines():
        stderr().print(line, soft_wrap=True)
    return tasks


def _print_replays(tasks: "Sequence[Task]", answers: "Sequence[TaskAnswer]") -> None:
    from hrm.viz.puzzle.arc_replay import print_replay, replays

    for replay in replays(tasks, {(answer.task, answer.test): answer.stages for answer in answers}):
        print_replay(stdout(), replay)
