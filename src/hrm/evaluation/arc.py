"""Evaluate a solver on ARC: every test in every variant, the answers undone and counted."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hrm.data.store import Split, Store
from hrm.data.task_table import TaskTable
from hrm.errors import DataError, UsageError
from hrm.evaluation.arc_vote import KS, Predictions, Test, answers, score, submission
from hrm.evaluation.rollout import Progress, no_progress, run_batch
from hrm.files import replace_file
from hrm.inference.solver import Solver
from hrm.inference.vote import Candidate
from hrm.puzzles.arc.canvas import decode, encode
from hrm.puzzles.arc.tasks import Pair, Task


def predict(
    solver: Solver,
    store: Store,
    segments: int,
    variants: int | None = None,
    limit: int | None = None,
    progress: Progress = no_progress,
) -> Predictions:
    """Answer every test of a store in the variants of its task, each after this many segments.

    Tasks are found by name in the solver's table of puzzle ids, whatever store they lie in; a solver without a table
    was trained on this store.

    Args:
        variants: at most this many variants of a task, its original among them; None: all of them.
        limit: only this many tests, from the start.
        progress: called with (answers given, answers wanted).

    Raises:
        DataError: the store holds no ARC tests.
        UsageError: the model has never seen a task.
    """
    tests = store.held_out_tests()[:limit]
    table = store.table if solver.table is None else solver.table
    assert table is not None
    grids = np.asarray(store.splits["test"].inputs)
    return _predicted(solver, table, tests, grids, segments, variants, progress)[-1]


def predict_tasks(
    solver: Solver,
    tasks: Sequence[Task],
    segments: int,
    variants: int | None = None,
    progress: Progress = no_progress,
    every: bool = False,
) -> list[Predictions]:
    """Answer every test of tasks that the solver's model was trained on, and return the predictions; as ``predict``.

    Args:
        every: return the predictions after each segment; else those after the last one only.

    Raises:
        UsageError: the model is not of ARC, or has never seen a task.
    """
    if solver.table is None:
        raise UsageError("tasks of ARC need a model of ARC with a table of its puzzle ids")
    tests = [(task.id, number) for task in tasks for number in range(len(task.tests))]
    if not tests:
        raise UsageError("there are demonstrations only, and no test to answer")
    grids = encode([pair.input for task in tasks for pair in task.tests])
    return _predicted(solver, solver.table, tests, grids, segments, variants, progress, every)


def _predicted(
    solver: Solver,
    table: TaskTable,
    tests: Sequence[Test],
    grids: UInt8[np.ndarray, "n C"],
    segments: int,
    variants: int | None,
    progress: Progress,
    every: bool = False,
) -> list[Predictions]:
    """Return the predictions after the last segment, or with ``every`` after each."""
    require_known_tasks(table, [task for task, _ in tests])
    rows, ids = [], []
    for row, (task, _) in enumerate(tests):
        own = table.puzzle_ids(task)
        own = own[: min(len(own), variants or len(own))]
        rows += [row] * len(own)
        ids += own
    total = len(rows)
    size = min(solver.batch_size, total)  # 900 cells are too many to fill up a batch with
    kept = segments if every else 1
    tokens = np.zeros((kept, total, grids.shape[1]), np.uint8)
    q_halt = np.zeros((kept, total))
    chosen = np.array(ids, np.int64) - 1
    for start in range(0, total, size):
        here = slice(start, min(start + size, total))
        inputs = grids[rows[here]]
        inputs, _ = solver.puzzle.in_variants(inputs, np.zeros_like(inputs), table.variants[chosen[here]])
        for number, output in enumerate(run_batch(solver, inputs, chosen[here] + 1, size, segments)):
            place = number if every else 0  # the last one stays
            tokens[place, here], q_halt[place, here] = output.tokens, output.q_halt
        progress(here.stop, total)
    task_ids, numbers = [tests[row][0] for row in rows], np.array([tests[row][1] for row in rows])
    transforms, colors = table.variants[chosen, 0], table.variants[chosen, 1:]
    return [Predictions(task_ids, numbers, transforms, colors, *after) for after in zip(tokens, q_halt, strict=True)]


def require_known_tasks(table: TaskTable, task_ids: Iterable[str]) -> None:
    """Refuse tasks that a model's table of puzzle ids does not have.

    Raises:
        UsageError: names the first one.
    """
    if unseen := sorted({task for task in task_ids if task not in table}):
        more = f" and {len(unseen) - 1} more" if len(unseen) > 1 else ""
        raise UsageError(
            f"the model has never seen task {unseen[0]!r}{more}: its puzzle embedding has no row for it; fit one to "
            "its demonstrations by `hrm adapt MODEL TASK.json --out FOLDER`"
        )


def in_own_ids(split: Split, table: TaskTable | None, of: Store, limit: int | None = None) -> Split:
    """Return the first rows of a split of a store with the puzzle ids that a model gives to their tasks.

    Args:
        table: the model's.
        of: the store.
        limit: how many rows are wanted; None: all.

    Raises:
        DataError: the model has no table.
        UsageError: the store has none, or the model has never seen a task.
    """
    if of.table is None:
        raise UsageError(f"{of.path} does not say which task each grid belongs to: build a store by `hrm data arc`")
    if table is None:
        raise DataError(
            "the model came without the table of its puzzle ids, so its tasks cannot be told: train it again"
        )
    ids, inverse = np.unique(np.asarray(split.puzzle_ids[:limit]), return_inverse=True)
    names = [of.table.lookup(puzzle_id)[0] for puzzle_id in ids.tolist()]
    require_known_tasks(table, names)
    own = np.array([table.puzzle_ids(name)[0] for name in names], np.int32)[inverse]
    return Split(split.inputs[:limit], split.labels[:limit], own, split.ratings[:limit])


def tested_tasks(store: Store, limit: int | None = None) -> list[Task]:
    """Return the tasks of a store with the first so many of their tests, and as demonstrations what is trained on.

    Raises:
        DataError: the store holds no ARC tests.
    """
    names, split = store.held_out_tests()[:limit], store.splits["test"]
    tests: dict[str, tuple[Pair, ...]] = {}
    grids = (decode(np.asarray(array[:limit])) for array in (split.inputs, split.labels))
    for (task, _), given, output in zip(names, *grids, strict=True):
        tests[task] = (*tests.get(task, ()), Pair(given, output if output.size else None))
    shown = _demonstrations(store, set(tests))
    return [Task(task, shown.get(task, ()), pairs, "evaluation") for task, pairs in tests.items()]


def _demonstrations(store: Store, task_ids: set[str]) -> dict[str, tuple[Pair, ...]]:
    """Return the training examples of tasks."""
    if store.table is None or "train" not in store.splits:
        return {}
    split, found = store.splits["train"], dict[str, tuple[Pair, ...]]()
    names = [store.table.lookup(number)[0] for number in np.asarray(split.puzzle_ids).tolist()]
    rows = np.array([row for row, name in enumerate(names) if name in task_ids], np.int64)
    grids = (decode(np.asarray(array[rows])) for array in (split.inputs, split.labels))
    for row, given, output in zip(rows.tolist(), *grids, strict=True):
        found[names[row]] = (*found.get(names[row], ()), Pair(given, output))
    return found


def truth_of(store: Store, limit: int | None = None) -> dict[str, tuple[np.ndarray, ...]]:
    """Return the outputs of the tests, by task; a task with a hidden test is left out."""
    return answers(tested_tasks(store, limit))


def scored(ranked: dict[Test, tuple[Candidate, ...]], truth: dict[str, tuple[np.ndarray, ...]]) -> dict[str, Any]:
    """Return ``pass_at`` by test, as the ARC Prize counts, and ``pass_at_task``, as the paper does, for each K.

    Tests of tasks without known outputs are counted as ``hidden_tests``, and nothing is claimed of them.
    """
    known = {test: candidates for test, candidates in ranked.items() if test[0] in truth}
    hidden = {"hidden_tests": len(ranked) - len(known)}
    if not truth:
        return hidden
    found = score(known, truth, KS)
    return hidden | {
        "tests": found.tests,
        "tasks": found.tasks,
        "pass_at": {str(k): share for k, share in found.pass_at_test.items()},
        "pass_at_task": {str(k): share for k, share in found.pass_at_task.items()},
    }


def write_submission(file: Path, ranked: Mapping[Test, Sequence[Candidate]]) -> None:
    """Write the two best answers to every test in the layout of the ARC Prize.

    Raises:
        UsageError: there are no answers: the puzzles were not of ARC.
        HrmError: the file cannot be written.
    """
    if not ranked:
        raise UsageError("a submission needs answers to ARC tasks; evaluate on a store that `hrm data arc` built")
    tests: dict[str, int] = {}
    for task, number in ranked:
        tests[task] = max(tests.get(task, 0), number + 1)
    replace_file(file, json.dumps(submission(ranked, tests)).encode())
