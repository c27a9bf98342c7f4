"""The table of ARC's variants on disk, in a store and beside weights: eleven bytes a puzzle id, and the tasks."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hrm.errors import DataError
from hrm.manifest import FileRecord, read_listed, record
from hrm.puzzles.arc.tasks import COLORS
from hrm.puzzles.arc.variants import PuzzleTable, Variants

FOLDER = "variants"
ROWS, TASKS = "variants.u1", "tasks.json"
"""The two files: a row of bytes for each puzzle id from 1, and how many rows each task has, in their order."""
_WIDTH = 1 + COLORS
MOST_BYTES = {ROWS: 1 << 28, TASKS: 1 << 22}
"""Larger files are refused unread: the published sets need 12 MB and 25 kB."""


def table_files(table: PuzzleTable) -> dict[str, bytes]:
    """Return the content of both files."""
    rows = np.concatenate([table.variants.transforms[:, None], table.variants.colors], axis=1)
    counts = dict(zip(table.task_ids, np.diff(table.starts).tolist(), strict=True))
    return {ROWS: np.ascontiguousarray(rows, np.uint8).tobytes(), TASKS: json.dumps(counts).encode()}


def table_of(files: Mapping[str, bytes], where: Path, remedy: str) -> PuzzleTable:
    """Return the table that both files hold.

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
    rows = np.frombuffer(files[ROWS], np.uint8)
    if len(rows) != _WIDTH * sum(counts.values()) or min(counts.values(), default=0) < 1:
        raise DataError(f"{where}: {ROWS} and {TASKS} do not fit each other; {remedy}")
    rows = rows.reshape(-1, _WIDTH)
    renamed = np.sort(rows[:, 1:], axis=1) == np.arange(COLORS)
    if (rows[:, 0] > 7).any() or rows[:, 1].any() or not renamed.all():
        raise DataError(f"{where}/{ROWS} holds what is no variant; {remedy}")
    return PuzzleTable(tuple(counts), np.cumsum([0, *counts.values()]), Variants(rows[:, 0], rows[:, 1:]))


def write_table(store: Path, table: PuzzleTable) -> dict[str, FileRecord]:
    """Write a table into the folder of a store, and say what its files are."""
    (store / FOLDER).mkdir()
    contents = table_files(table)
    for name, content in contents.items():
        (store / FOLDER / name).write_bytes(content)
    return {name: record(content) for name, content in contents.items()}


def read_table(store: Path, promised: Mapping[str, FileRecord]) -> PuzzleTable:
    """Read the table of a store.

    Raises:
        DataError: a file is missing or altered, or the two do not fit each other.
    """
    if set(promised) != {ROWS, TASKS}:
        raise DataError(f"{store}/manifest.json: variants must list {ROWS} and {TASKS}")
    remedy = "build the store again"
    content = {
        name: read_listed(store / FOLDER / name, file, remedy, MOST_BYTES[name]) for name, file in promised.items()
    }
    return table_of(content, store / FOLDER, remedy)
