"""What ``hrm solve`` and ``hrm show`` do with a file of ARC tasks."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm.cli.common import print_json, progress_line, stderr, stdout
from hrm.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hrm.evaluation.arc_vote import Candidate
    from hrm.inference.solver import Solver
    from hrm.puzzles.arc.tasks import Task


def solve_tasks(
    solver: "Solver", file: Path, segments: int | None, variants: int | None, trace: bool, json: bool
) -> None:
    """Answer the tests of ARC tasks by vote, the two best grids each; with ``trace`` after each segment."""
    from hrm.evaluation.arc import predict_tasks, replay_tasks
    from hrm.evaluation.arc_vote import vote

    tasks = {task.id: task for task in _tasks(file)}
    budget = segments or solver.max_segments
    progress = progress_line(stderr(), "answered")
    given = list(tasks.values())
    if trace:
        stages = replay_tasks(solver, given, budget, variants, progress)
        if not json:
            _print_replays(given, stages)
            return
    else:
        ranked = vote(predict_tasks(solver, given, budget, variants, progress))
        stages = {test: (candidates,) for test, candidates in ranked.items()}
    for (task, number), each in stages.items():
        attempts = [_plain(candidate) for candidate in each[-1][:2]]
        if json:
            best = attempts[0] if attempts else {"answer": None, "q_halt": None}
            said: dict[str, Any] = {
                "task": task, "test": number + 1, "puzzle": tasks[task].tests[number].input.tolist(),
                "answer": best["answer"], "verified": None, "segments": budget, "q_halt": best["q_halt"],
                "attempts": attempts,
            }  # fmt: skip
            print_json(said | ({"trace": _trace(each)} if trace else {}))
            continue
        stdout().print(f"{task}, test {number + 1}:{'' if attempts else ' no grid was answered'}", markup=False)
        for place, attempt in enumerate(attempts, start=1):
            stdout().print(f"  attempt {place}: {attempt['votes']} votes, q_halt {attempt['q_halt']:.2f}", markup=False)
            for row in attempt["answer"]:
                stdout().print("    " + "".join(map(str, row)), markup=False, soft_wrap=True)


def show_tasks(
    solver: "Solver", file: Path, out: Path | None, segments: int | None, variants: int | None, json: bool
) -> None:
    """Show the grid with the most votes after each segment, in the terminal or as a GIF, PNG or HTML file."""
    from hrm.evaluation.arc import replay_tasks
    from hrm.viz.puzzle.arc_replay import replays, require_suffix, save_replays

    if out is not None:
        require_suffix(out)
    tasks = _tasks(file)
    budget = segments or solver.max_segments
    stages = replay_tasks(solver, tasks, budget, variants, progress_line(stderr(), "answered"))
    if out is not None:
        save_replays(replays(tasks, stages), out, f"{file.name}, {budget} segments")
    if json:
        for (task, number), each in stages.items():
            said = {"task": task, "test": number + 1, "segments": budget, "trace": _trace(each)}
            print_json(said | {"file": None if out is None else str(out)})
    elif out is None:
        _print_replays(tasks, stages)
    else:
        from hrm.inference.answer import counted

        said = f"{out}: {counted(len(stages), 'test')}, {counted(budget, 'segment')}"
        stdout().print(said, markup=False, soft_wrap=True)


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
        stderr().print(line, markup=False, soft_wrap=True)
    return tasks


def _print_replays(tasks: "Sequence[Task]", stages: Any) -> None:
    from hrm.viz.puzzle.arc_replay import print_replay, replays

    for replay in replays(tasks, stages):
        print_replay(stdout(), replay)


def _trace(stages: "Sequence[Sequence[Candidate]]") -> list[dict[str, Any]]:
    nothing = {"answer": None, "votes": 0, "q_halt": None}
    return [
        {"segment": number, **(_plain(stage[0]) if stage else nothing)} for number, stage in enumerate(stages, start=1)
    ]


def _plain(candidate: "Candidate") -> dict[str, Any]:
    return {"answer": candidate.grid.tolist(), "votes": candidate.votes, "q_halt": candidate.q_halt}
