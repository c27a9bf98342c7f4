"""From ARC's files to a store: the examples once, their variants as a table, the paper's split."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hrm.data.store import Plain, Split, Store, write_store
from hrm.data.task_table import TaskTable
from hrm.errors import DataError
from hrm.puzzles.arc.canvas import encode_pairs
from hrm.puzzles.arc.family import Arc
from hrm.puzzles.arc.files import Notes, read_tasks
from hrm.puzzles.arc.split import Reference, leaks, resolve, split
from hrm.puzzles.arc.tasks import SIDE, Task
from hrm.puzzles.arc.variants import variants


def build_arc(
    path: Path,
    sources: Sequence[Path],
    count: int,
    seed: int,
    created: str,
    hold_back: bool = False,
    notes: Notes | None = None,
    canvas: int = SIDE,
    rehearse: bool = False,
) -> Store:
    """Write the demonstrations of all tasks, and the tests of those not held back, as training; the others as test.

    Equal tasks give equal bytes, wherever they lie and in whatever order they are named. The provenance says how many
    tests the training examples give away, and ``hrm data check`` names them.

    Args:
        sources: folders or files of tasks; a folder named ``evaluation`` is held back.
        count: most variants of a task beside itself; the paper has 1,000.
        hold_back: hold the tests of all tasks back, wherever they lie, and leave out the training examples that
            give a test away. The published split keeps them.
        notes: gathers which files and tasks were left out; None: a broken one ends the reading.
        canvas: rows and columns of the canvas; every grid must fit.
        rehearse: leave the tests out, and hold back the last demonstration of every task that has several in their
            place, so that settings can be chosen without looking at a test.

    Raises:
        DataError: a file is not what it should be, two hold different tasks of one name, or a grid does not fit.
    """
    # what is trained on, and what is tested
    puzzle, tasks = Arc(canvas), read_tasks(sources, notes=notes)
    puzzle.require_fit(tasks)
    if rehearse:
        tasks, hold_back = tuple(_rehearsed(task) for task in tasks), True
    if hold_back:
        tasks = tuple(replace(task, folder="evaluation") for task in tasks)
    training, testing = split(tasks)
    leaked = leaks(tasks, training, testing)
    given_away = {reference for leak in leaked for reference in leak.same_pair} if hold_back else set()
    if given_away:
        training = tuple(reference for reference in training if reference not in given_away)
        leaked = leaks(tasks, training, testing)
    # each example once, as its task has it, and the variants as a table
    table = task_table(tasks, count, seed)
    by_id = {task.id: task for task in tasks}
    splits = {
        name: examples(by_id, references, table, canvas)
        for name, references in (("train", training), ("test", testing))
        if references
    }
    provenance: dict[str, Plain] = {
        "tasks": len(tasks),
        "held_back": sum(task.held_back for task in tasks),
        "hidden_tests": sum(pair.output is None for task in tasks for pair in task.tests),
        "skipped": len(notes.skipped) if notes else 0,
        "variants": count,
        "puzzle_ids": len(table),
        "seed": seed,
        "examples_left_out": len(given_away),
        "tests_given_away": sum(bool(leak.same_pair) for leak in leaked),
        "outputs_given_away": len(leaked),
    }
    if rehearse:
        provenance["tests_are"] = "the last demonstrations"
    return write_store(path, puzzle, splits, provenance, created, table)


def task_table(tasks: Sequence[Task], count: int, seed: int) -> TaskTable:
    """Give a puzzle id to every task and to up to ``count`` variants of each, whatever order the tasks come in."""
    drawn = {task.id: variants(task, count, seed) for task in sorted(tasks, key=lambda task: task.id)}
    if len(drawn) < len(tasks):
        raise DataError("two of the tasks have one id; read them together with read_tasks")
    return TaskTable.of(drawn)


def _rehearsed(task: Task) -> Task:
    """Return a task without its tests, and with the last of several demonstrations as its test."""
    last = len(task.demonstrations) - 1
    return replace(
        task, demonstrations=task.demonstrations[: last or 1], tests=task.demonstrations[last:] if last else ()
    )


def examples(tasks: dict[str, Task], references: Sequence[Reference], table: TaskTable, canvas: int = SIDE) -> Split:
    """Return examples on the canvas, with the puzzle id of their task's original; an unknown output is padding."""
    inputs, labels = encode_pairs([resolve(tasks, reference) for reference in references], side=canvas)
    ids = np.array([table.puzzle_ids(reference.task_id)[0] for reference in references], np.int32)
    return Split(inputs, labels, ids, np.full(len(ids), np.nan, np.float32))
