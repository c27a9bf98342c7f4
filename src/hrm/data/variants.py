"""The table of ARC's variants inside a store: eleven bytes a puzzle id, and the ids of the tasks."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from hrm.data.folders import FileRecord, sha256_of
from hrm.errors import DataError
from hrm.puzzles.arc_tasks import COLOURS
from hrm.puzzles.arc_variants import PuzzleTable, Variants

FOLDER = "variants"
_ROWS, _TASKS = "variants.u1", "tasks.json"
_WIDTH = 1 + COLOURS
MOST_BYTES = {_ROWS: 1 << 28, _TASKS: 1 << 22}
"""Larger files are refused unread: the published sets need 12 MB and 25 kB."""


def write_table(store: Path, table: PuzzleTable) -> dict[str, FileRecord]:
    """Write a table into the folder of a store, and say what its files are."""
    folder = store / FOLDER
    folder.mkdir()
    rows = np.concatenate([table.variants.transforms[:, None], table.variants.colours], axis=1)
    (folder / _ROWS).write_bytes(np.ascontiguousarray(rows, np.uint8).tobytes())
    counts = np.diff(table.starts).tolist()
    (folder / _TASKS).write_text(json.dumps(dict(zip(table.task_ids, counts, strict=True))), encoding="utf-8")
    return {
        name: FileRecord(bytes=(folder / name).stat().st_size, sha256=sha256_of(folder / name))
        for name in (_ROWS, _TASKS)
    }


def read_table(store: Path, promised: Mapping[str, FileRecord]) -> PuzzleTable:
    """Read the table of a store.

    Raises:
        DataError: a file is missing or altered, or the two do not fit each other.
    """
    if set(promised) != {_ROWS, _TASKS}:
        raise DataError(f"{store}/manifest.json: variants must list {_ROWS} and {_TASKS}")
    content = {}
    for name, record in promised.items():
        file = store / FOLDER / name
        if not file.is_file() or file.stat().st_size != record.bytes or record.bytes > MOST_BYTES[name]:
            raise DataError(f"{file} is not the file that the manifest promises; build the store again")
        if sha256_of(file) != record.sha256:
            raise DataError(f"{file} was altered: its sha256 is not the manifest's; build the store again")
        content[name] = file.read_bytes()
    try:
        counts = {str(name): int(count) for name, count in json.loads(content[_TASKS]).items()}
    except (ValueError, AttributeError, TypeError, RecursionError, OverflowError):
        raise DataError(f"{store}/{FOLDER}/{_TASKS} is not a table of tasks; build the store again") from None
    rows = np.frombuffer(content[_ROWS], np.uint8)
    if len(rows) != _WIDTH * sum(counts.values()) or min(counts.values(), default=0) < 1:
        raise DataError(f"{store}/{FOLDER}: {_ROWS} and {_TASKS} do not fit each other; build the store again")
    rows = rows.reshape(-1, _WIDTH)
    renamed = np.sort(rows[:, 1:], axis=1) == np.arange(COLOURS)
    if (rows[:, 0] > 7).any() or rows[:, 1].any() or not renamed.all():
        raise DataError(f"{store}/{FOLDER}/{_ROWS} holds what is no variant; build the store again")
    starts = np.cumsum([0, *counts.values()])
    return PuzzleTable(tuple(counts), starts, Variants(rows[:, 0], rows[:, 1:]))
