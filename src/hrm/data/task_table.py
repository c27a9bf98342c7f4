"""Which puzzle id belongs to which variant of which task: in memory, in a store, and beside the weights of a model.

Of a family with tasks, such as ARC. What a variant does is a row of bytes that only the family reads.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int64, UInt8

from hrm.errors import DataError, UsageError
from hrm.files import fill
from hrm.manifest import FileRecord, read_listed, record
from hrm.puzzles.base import Puzzle

FOLDER = "variants"
ROWS, TASKS = "variants.u1", "tasks.json"
"""The two files: a row of bytes for each puzzle id from 1, and how many rows each task has, in their order."""
MOST_BYTES = {ROWS: 1 << 28, TASKS: 1 << 22}
"""Larger files are refused unread: the published sets need 12 MB and 25 kB."""
BLANK_NAME = "<blank>"
"""Name of puzzle id 0, which belongs to no task."""


@dataclass(frozen=True, eq=False)
class TaskTable:
    """The puzzle ids of tasks: 0 is blank, then by task and number of the variant. Axes: n variants, W bytes each."""

    task_ids: tuple[str, ...]
    starts: Int[np.ndarray, " T1"]
    """The variants of task t are the rows ``starts[t]`` up to ``starts[t + 1]``; the puzzle id is the row plus 1."""
    variants: UInt8[np.ndarray, "n W"]

    @staticmethod
    def of(variants: Mapping[str, UInt8[np.ndarray, "_ W"]]) -> "TaskTable":
        """Return the table of tasks, each with its variants, the original first."""
        rows = list(variants.values()) or [np.zeros((0, 0), np.uint8)]
        return TaskTable(tuple(variants), np.cumsum([0, *map(len, variants.values())]), np.concatenate(rows))

    def __len__(self) -> int:
        return len(self.variants) + 1

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._places

    def puzzle_ids(self, task_id: str) -> range:
        """Return the puzzle ids of a task, that of the original first.

        Raises:
            DataError: the table has no such task.
        """
        if task_id not in self._places:
            raise DataError(f"the table of puzzle ids has no task {task_id!r}; build it from all tasks")
        place = self._places[task_id]
        return range(int(self.starts[place]) + 1, int(self.starts[place + 1]) + 1)

    def tasks_of(self, puzzle_ids: Int[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """Return the place of the task of each puzzle id, which is 1 or more."""
        return np.searchsorted(self.starts, puzzle_ids - 1, side="right") - 1

    def originals(self, puzzle_ids: Int[np.ndarray, " n"]) -> UInt8[np.ndarray, "n W"]:
        """Return for each puzzle id the first variant of its task, in which a store keeps the examples."""
        return self.variants[self.starts[self.tasks_of(puzzle_ids)]]

    def lookup(self, puzzle_id: int) -> tuple[str, UInt8[np.ndarray, " W"]]:
        """Return the task and the variant of a puzzle id, which is 1 or more."""
        if not 1 <= puzzle_id < len(self):
            raise DataError(f"there is no puzzle {puzzle_id}; puzzle ids go from 1 to {len(self) - 1}")
        return self.task_ids[self.tasks_of(np.array([puzzle_id]))[0]], self.variants[puzzle_id - 1]

    def examples(self, puzzle_ids: Iterable[int]) -> list[tuple[str, int]]:
        """Return for each example its task, and its number among the examples of that task, from 0."""
        seen: dict[str, int] = {}
        numbered = []
        for puzzle_id in puzzle_ids:
            task, _ = self.lookup(puzzle_id)
            numbered.append((task, seen.get(task, 0)))
            seen[task] = seen.get(task, 0) + 1
        return numbered

    def shared_with(self, other: "TaskTable") -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        """Return the puzzle ids that both tables give to one variant of one task: those of this table, and the other's.

        The blank one is among them.
        """
        own, others = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
        for task_id in self._places.keys() & other._places.keys():
            ids, other_ids = self.puzzle_ids(task_id), other.puzzle_ids(task_id)
            _, mine, theirs = np.intersect1d(self._words(ids), other._words(other_ids), return_indices=True)
            own.append(mine + ids.start)
            others.append(theirs + other_ids.start)
        return np.concatenate(own), np.concatenate(others)

    def names(self, puzzle: Puzzle) -> list[str]:
        """Return the names of all puzzle ids, as the family spells them."""
        return [BLANK_NAME, *(puzzle.variant_name(*self.lookup(puzzle_id)) for puzzle_id in range(1, len(self)))]

    def require_variants(self, puzzle: Puzzle, where: Path, remedy: str) -> None:
        """Refuse a table whose rows are no variants of a family's tasks.

        Raises:
            DataError: they are not, or the family has no tasks.
        """
        if not (puzzle.spec.has_tasks and puzzle.are_variants(self.variants).all()):
            raise DataError(f"{where}/{ROWS} holds what is no variant of {puzzle.spec.name}; {remedy}")

    def _words(self, puzzle_ids: range) -> np.ndarray:
        """Return each variant as one comparable item; a last byte of 1 keeps zeros before it."""
        rows = np.pad(self.variants[puzzle_ids.start - 1 : puzzle_ids.stop - 1], ((0, 0), (0, 1)), constant_values=1)
        return rows.view(f"S{rows.shape[1]}")[:, 0]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {task_id: place for place, task_id in enumerate(self.task_ids)}


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


def table_files(table: TaskTable) -> dict[str, bytes]:
    """Return the content of both files."""
    counts = dict(zip(table.task_ids, np.diff(table.starts).tolist(), strict=True))
    return {ROWS: table.variants.tobytes(), TASKS: json.dumps(counts).encode()}


def table_of(files: Mapping[str, bytes], where: Path, remedy: str) -> TaskTable:
    """Return the table that both files hold; what its rows mean is for the family to say.

    Args:
        where: the folder that they come from.
        remedy: what a message says is to be done.

    Raises:
        DataError: something that is no table, or the two do not fit each other.
    """
    try:
        counts = {str(name): int(count) for name, count in json.loads(files[TASKS]).items()}
    except (ValueError, AttributeError, TypeError, RecursionError, OverflowError):
        raise DataError(f"{where}/{TASKS} is not a table of tasks; {remedy}") from None
    rows, total = np.frombuffer(files[ROWS], np.uint8), sum(counts.values())
    if min(counts.values(), default=0) < 1 or len(rows) % total:
        raise DataError(f"{where}: {ROWS} and {TASKS} do not fit each other; {remedy}")
    return TaskTable(tuple(counts), np.cumsum([0, *counts.values()]), rows.reshape(total, len(rows) // total))


def write_table(store: Path, table: TaskTable) -> dict[str, FileRecord]:
    """Write a table into the folder of a store, and say what its files are."""
    contents = table_files(table)
    fill(store / FOLDER, contents)
    return {name: record(content) for name, content in contents.items()}


def read_table(store: Path, promised: Mapping[str, FileRecord], puzzle: Puzzle) -> TaskTable:
    """Read the table of a store.

    Raises:
        DataError: a file is missing or altered, the two do not fit each other, or the family's tasks are others.
    """
    if set(promised) != {ROWS, TASKS}:
        raise DataError(f"{store}/manifest.json: variants must list {ROWS} and {TASKS}")
    remedy = "build the store again"
    content = {
        name: read_listed(store / FOLDER / name, file, remedy, MOST_BYTES[name]) for name, file in promised.items()
    }
    table = table_of(content, store / FOLDER, remedy)
    table.require_variants(puzzle, store / FOLDER, remedy)
    return table
