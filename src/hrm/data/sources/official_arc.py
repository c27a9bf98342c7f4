"""ARC in the layout of the official code: grids moved on the canvas, and variants of tasks as puzzle ids of their own.

A store keeps each example once, at the corner of the canvas and as its task has it, and the variants as a table. So
what the official builder did to an example is undone: the place is read off the grid, the variant off the name.

Source: ``dataset/build_arc_dataset.py`` of sapientinc/HRM and of SamsungSAILMontreal/TinyRecursiveModels, which differ
in how they spell the name of a variant.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from pathlib import Path

import numpy as np
from jaxtyping import Int, UInt8

from hrm.data.store import Split, Store
from hrm.data.task_table import BLANK_NAME, TaskTable
from hrm.errors import DataError, UsageError
from hrm.puzzles.arc.canvas import FIRST_COLOR, decode, encode_pairs
from hrm.puzzles.arc.tasks import Pair, task_id_of
from hrm.puzzles.arc.variants import ORIGINAL, Variant

TESTS = "test_puzzles.json"
"""The file of tests that the official evaluation of ARC reads."""
_NAMES = (r"(.+)_t([0-7])_(\d{10})", r"(.+)\|\|\|t([0-7])\|\|\|(\d{10})")
"""A variant's name as the code of HRM and as that of TRM spells it."""


@dataclass(frozen=True, eq=False)
class Named:
    """The puzzle ids of a data set, read off their names."""

    table: TaskTable
    names: tuple[str, ...]
    """Name of each puzzle id of the table, as the data set has it."""
    tasks: tuple[str, ...]
    """Id of the task of each puzzle identifier of the data set; empty where it is blank."""
    variants: tuple[Variant, ...]
    """Variant of each puzzle identifier of the data set."""


def read_names(names: Sequence[str], where: Path) -> Named:
    """Return the table of puzzle ids that names stand for: the same ids, where each task's original comes first.

    Raises:
        DataError: two names that are one, or a name that is that of no variant.
    """
    parsed = [_parse(name, where) for name in names]
    groups: dict[str, dict[Variant, str]] = {}
    for (task, variant), name in zip(parsed, names, strict=True):
        if task and groups.setdefault(task, {}).setdefault(variant, name) != name:
            raise DataError(f"{where}: {name!r} and {groups[task][variant]!r} name one variant; build the data again")
    if not groups:
        raise DataError(f"{where} names no task, but grids of ARC belong to tasks; build a store by `hrm data arc`")
    ordered = {task: {ORIGINAL: group.get(ORIGINAL, task), **group} for task, group in groups.items()}
    table = TaskTable.of({task: np.stack([variant.row for variant in group]) for task, group in ordered.items()})
    kept = [name for group in ordered.values() for name in group.values()]
    return Named(table, (BLANK_NAME, *kept), tuple(task for task, _ in parsed), tuple(variant for _, variant in parsed))


def restored(
    inputs: UInt8[np.ndarray, "n C"],
    labels: UInt8[np.ndarray, "n C"],
    identifiers: Int[np.ndarray, " n"],
    rows: Int[np.ndarray, " n"],
    named: Named,
    where: Path,
) -> Split:
    """Return examples as their tasks have them, at the corner of the canvas, with the puzzle ids of the originals.

    Args:
        rows: what messages call the examples.

    Raises:
        DataError: an example that is no pair of grids at one place with their ends marked, or belongs to no task.
    """
    side = isqrt(inputs.shape[1])
    canvas = inputs.reshape(-1, side, side) >= FIRST_COLOR
    offsets = np.stack([canvas.any(axis=2).argmax(axis=1), canvas.any(axis=1).argmax(axis=1)], axis=1)
    grids = zip(decode(inputs, offsets), decode(labels, offsets), strict=True)
    pairs = [Pair(given, answer if answer.size else None) for given, answer in grids]
    empty = np.array([not pair.input.size for pair in pairs], bool)
    wrong = empty.copy()
    if not empty.any():
        again = encode_pairs(pairs, offsets, side)
        wrong |= (again[0] != inputs).any(axis=1) | (again[1] != labels).any(axis=1)
    blank = np.array([not named.tasks[number] for number in identifiers.tolist()], bool)
    if (wrong | blank).any():
        at = int(np.argmax(wrong | blank))
        what = (
            "belongs to no task"
            if blank[at]
            else "is no pair of ARC grids at one place of the canvas with their ends marked"
        )
        raise DataError(f"{where}: example {rows[at]} {what}; build a store from the task files by `hrm data arc`")
    numbers = identifiers.tolist()
    plain = [named.variants[number].inverse().apply_pair(pair) for pair, number in zip(pairs, numbers, strict=True)]
    ids = np.array([named.table.puzzle_ids(named.tasks[number])[0] for number in numbers], np.int32)
    return Split(*encode_pairs(plain, side=side), ids, np.full(len(ids), np.nan, np.float32))


def tests_of(store: Store) -> dict[str, dict[str, list[dict[str, list[list[int]]]]]]:
    """Return the tests of a store by the name of their task, as the official evaluation of ARC reads them.

    A hidden output is a single black cell, as in the official builder of TRM.
    """
    split = store.splits["test"]
    assert store.table is not None
    originals = store.table.originals(np.asarray(split.puzzle_ids))
    columns = (np.asarray(split.inputs), np.asarray(split.labels))
    grids = zip(*(store.puzzle.without_variants(column, originals) for column in columns), strict=True)
    tests: dict[str, dict[str, list[dict[str, list[list[int]]]]]] = {}
    for (task, _), (given, output) in zip(store.held_out_tests(), grids, strict=True):
        pairs = tests.setdefault(task, {"train": [], "test": []})["test"]
        pairs.append({"input": given.tolist(), "output": output.tolist() if output.size else [[0]]})
    return tests


def _parse(name: str, where: Path) -> tuple[str, Variant]:
    if name == BLANK_NAME:
        return "", ORIGINAL
    for form in _NAMES:
        if match := re.fullmatch(form, name, re.ASCII | re.DOTALL):
            try:
                return task_id_of(match[1]), Variant(int(match[2]), tuple(map(int, match[3])))
            except UsageError:
                raise DataError(f"{where}: {name[:80]!r} names no variant; build the data again") from None
    return task_id_of(name), ORIGINAL
