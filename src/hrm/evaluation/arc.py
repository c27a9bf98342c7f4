"""Evaluate a solver on ARC: every test in every variant, the answers undone and counted."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hrm.data.arc import held_out_tests
from hrm.data.folders import replace_file
from hrm.data.store import Store
from hrm.errors import DataError, UsageError
from hrm.evaluation.arc_vote import KS, Candidate, Predictions, Test, score, submission
from hrm.inference.solver import Solver, filled_up
from hrm.puzzles.arc import decode
from hrm.puzzles.arc_family import shown


def predict(
    solver: Solver,
    store: Store,
    segments: int,
    variants: int | None = None,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Predictions:
    """Answer every test of a store in the variants of its task, each after so many segments.

    Args:
        variants: at most so many variants of a task, its original among them; None: all of them.
        limit: only the first so many tests.
        progress: called with (answers given, answers wanted).

    Raises:
        DataError: the store holds no ARC tests.
    """
    tests = held_out_tests(store)[:limit]
    split, table = store.splits["test"], store.table
    assert table is not None
    rows, ids = [], []
    for row, (task, _) in enumerate(tests):
        own = table.puzzle_ids(task)
        own = own[: min(len(own), variants or len(own))]
        rows += [row] * len(own)
        ids += own
    size, total = solver.batch_size, len(rows)
    tokens = np.zeros((total, store.puzzle.spec.cells), np.uint8)
    q_halt = np.zeros(total)
    chosen = np.array(ids, np.int64) - 1
    for start in range(0, total, size):
        here = slice(start, min(start + size, total))
        inputs = np.asarray(split.inputs)[rows[here]]
        transforms, colours = table.variants.transforms[chosen[here]], table.variants.colours[chosen[here]]
        inputs, _ = shown(inputs, np.zeros_like(inputs), transforms, colours)
        *_, last = solver.think(filled_up(inputs, size), segments, filled_up(chosen[here] + 1, size))
        tokens[here], q_halt[here] = last.tokens[: len(inputs)], last.q_halt[: len(inputs)]
        progress(here.stop, total)
    return Predictions(
        [tests[row][0] for row in rows],
        np.array([tests[row][1] for row in rows]),
        table.variants.transforms[chosen],
        table.variants.colours[chosen],
        tokens,
        q_halt,
    )


def truth_of(store: Store, limit: int | None = None) -> dict[str, tuple[np.ndarray, ...]]:
    """Return the outputs of the tests, by task.

    Raises:
        DataError: a test has no known output, so that nothing can be scored.
    """
    found: dict[str, tuple[np.ndarray, ...]] = {}
    outputs = decode(np.asarray(store.splits["test"].labels[:limit]))
    for (task, number), output in zip(held_out_tests(store)[:limit], outputs, strict=True):
        if not output.size:
            raise DataError(f"test {number + 1} of task {task} has no known output: nothing can be scored")
        found[task] = (*found.get(task, ()), output)
    return found


def scored(ranked: dict[Test, tuple[Candidate, ...]], truth: dict[str, tuple[np.ndarray, ...]]) -> dict[str, Any]:
    """Return ``pass_at`` by test, as the ARC Prize counts, and ``pass_at_task``, as the paper does, for each K."""
    found = score(ranked, truth, KS)
    return {
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
