"""ARC tasks from JSON files: a folder with one file a task, or the single file of the ARC Prize.

A file is untrusted: it is read up to a limit and refused at its first fault, with the pair and the row named.
Tasks come sorted by their id, so that neither the file system nor the order of keys can change anything.
"""

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from hrm.errors import DataError, did_you_mean

SIDE, COLOURS = 30, 10
"""Largest height and width of a grid; number of colours."""
TASK_BYTES, COLLECTION_BYTES = 1 << 22, 1 << 24
"""Largest file of one task, and of many: ARC-2's training tasks take 4.5 MB in one file."""
MOST_PAIRS = 1024
"""Most pairs of one kind in a task."""
MOST_OF = {"{": 100_000, "[": 1_000_000, '"': 1_000_000}
"""Most characters of a kind in a file, counted before it is read: millions of objects or lists take seconds."""

Grid = UInt8[np.ndarray, "_ _"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_VARIANT_NAME = re.compile(r".*_t\d+_\d{10}", re.ASCII)
_HELD_BACK = re.compile(r"(?:.*[^a-z])?(?:evaluation|test)(?:[^a-z].*)?", re.ASCII | re.DOTALL)


class Pair(NamedTuple):
    """An input and what it turns into."""

    input: Grid
    output: Grid | None
    """None where it is not known, which only a test may be."""


@dataclass(frozen=True, eq=False)
class Task:
    """One puzzle of ARC: a rule shown by demonstrations, to be applied to the inputs of the tests."""

    id: str
    demonstrations: tuple[Pair, ...]
    tests: tuple[Pair, ...]
    folder: str = "training"
    """Name of the folder that it lies in, which decides the split."""

    @property
    def held_back(self) -> bool:
        """Whether its tests are for testing only: it lies in a folder named ``evaluation``."""
        return self.folder.lower() == "evaluation"

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The demonstrations, then the tests."""
        return self.demonstrations + self.tests

    def same_content(self, other: "Task") -> bool:
        """Say whether the other one holds the same grids in the same order."""
        return (len(self.demonstrations), _content(self)) == (len(other.demonstrations), _content(other))


def read_task(source: str | Path, task_id: str | None = None) -> Task:
    """Read one task.

    Args:
        source: JSON text, or the path of a file, whose folder decides the split.
        task_id: None: the name of the file without ``.json``; of a text, ``task``.

    Raises:
        DataError: what is wrong, in which pair and row.
    """
    if isinstance(source, str):
        return _task(_parsed(source, "the text"), task_id or "task", "the text", "training")
    path = Path(os.path.abspath(source))
    return _task(_load(path, TASK_BYTES), task_id or path.stem, path.name, path.parent.name)


def parse_task(content: bytes, where: str) -> Task:
    """Read one task from the content of its file.

    Args:
        where: the path of the file as messages are to name it; it ends in the task's id and ``.json``.

    Raises:
        DataError: what is wrong, in which pair and row.
    """
    path = Path(where)
    return _task(_parsed(_decoded(content, where), where), path.stem, where, path.parent.name)


def read_tasks(sources: Path | Sequence[Path], solutions: Path | None = None) -> tuple[Task, ...]:
    """Read all tasks of folders and files, sorted by id.

    A folder gives its ``.json`` files and those of its folders, two levels down, each with one task. A file with
    many maps ids to tasks, as the ARC Prize gives them out; its tasks are held back as those of a folder named
    ``evaluation`` are, where the word ``evaluation`` or ``test`` is in its name. A task that lies in two places is
    taken once, if both say the same of it.

    Args:
        solutions: a file that maps ids to the outputs of the tests, for files that keep them apart.

    Raises:
        DataError: what is wrong, in which file, pair and row; or two tasks that have one id.
    """
    found: dict[str, tuple[Task, Path]] = {}
    for source in [sources] if isinstance(sources, Path) else sources:
        for task, path in _tasks_of(Path(os.path.abspath(source))):
            known, place = found.setdefault(task.id, (task, path))
            if known is not task and not known.same_content(task):
                raise DataError(f"{place} and {path} hold different tasks {task.id!r}; leave one of them out")
            if known.held_back != task.held_back:
                raise DataError(
                    f"task {task.id!r} lies in {place} and in {path}, but only one of the two is held back: its tests "
                    "would be trained on; leave one of them out"
                )
    if not found:
        raise DataError(f"there are no .json files with tasks in {sources}; check the path")
    tasks = [found[task_id][0] for task_id in sorted(found)]
    return tuple(tasks if solutions is None else _solved(tasks, Path(solutions)))


def _tasks_of(source: Path) -> Iterable[tuple[Task, Path]]:
    if not source.is_dir():
        data = _load(source, COLLECTION_BYTES)
        if "train" in data:
            yield _task(data, source.stem, source.name, source.parent.name), source
            return
        held_back = _HELD_BACK.fullmatch(source.stem.lower())
        for task_id in sorted(data):
            place = f"{source.name}, task {_shown(task_id)}"
            yield _task(data[task_id], task_id, place, "evaluation" if held_back else source.parent.name), source
        return
    for path in sorted(chain.from_iterable(source.glob(f"{deep}*.json") for deep in ("", "*/", "*/*/"))):
        if not path.name.startswith("."):
            yield read_task(path), path


def _solved(tasks: list[Task], path: Path) -> Iterable[Task]:
    given = _load(path, COLLECTION_BYTES)
    if unknown := sorted(set(given) - {task.id for task in tasks}):
        raise DataError(f"{path.name} solves task {_shown(unknown[0])}, which was not given; give its tasks, too")
    for task in tasks:
        outputs = given.get(task.id)
        if not isinstance(outputs, list) or len(outputs) != len(task.tests):
            raise DataError(
                f"{path.name}: task {task.id!r} needs a list of {len(task.tests)} outputs, one for each of its tests"
            )
        tests: list[Pair] = []
        for number, (pair, output) in enumerate(zip(task.tests, outputs, strict=True), start=1):
            where = f"{path.name}, task {task.id!r}, output {number}"
            grid = _grid(output, where)
            if pair.output is not None and not np.array_equal(pair.output, grid):
                raise DataError(f"{where} is not the one that the task itself holds; give one of the two")
            tests.append(Pair(pair.input, grid))
        yield replace(task, tests=tuple(tests))


def _load(path: Path, most_bytes: int) -> dict[str, object]:
    if not path.is_file() or not os.access(path, os.R_OK):
        raise DataError(f"{path} cannot be read: there is no such file, or it may not be read; check the path")
    with open(path, "rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise DataError(f"{path.name} is larger than {most_bytes >> 20} MiB, which is no ARC file; check the path")
    return _parsed(_decoded(content, path.name), path.name)


def _decoded(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{where} is not UTF-8; save the file as UTF-8 text") from None


def _parsed(text: str, where: str) -> dict[str, object]:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(found := dict(pairs)) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))
            raise DataError(f"{where}: the key {_shown(twice)} occurs twice in one object; remove one")
        return found

    if len(text) > COLLECTION_BYTES:
        raise DataError(f"{where} is longer than {COLLECTION_BYTES} characters, which is no ARC task")
    for mark, most in MOST_OF.items():
        if (count := text.count(mark)) > most:
            raise DataError(f"{where} holds {count} times {mark!r}; at most {most} are read, which is plenty for ARC")
    try:
        data = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:80]
        raise DataError(f"{where} is not JSON: {reason}") from None
    if not isinstance(data, dict):
        raise DataError(f"{where} must hold an object with the keys train and test, not {_shown(data)}")
    return data


def _task(data: object, task_id: str, where: str, folder: str) -> Task:
    if not _ID.fullmatch(task_id) or _VARIANT_NAME.fullmatch(task_id):
        raise DataError(
            f"{where}: {_shown(task_id)} cannot be the id of a task; an id has 1 to 64 letters, digits, '-', '_' and "
            "'.', starts with a letter or digit and does not end like a variant's (_t3_0123456789); rename it"
        )
    found = _object(data, where, ("train", "test"), ("name",))
    kinds = [_pairs(found[key], where, key) for key in ("train", "test")]
    return Task(task_id, *kinds, folder=folder)


def _pairs(data: object, where: str, key: str) -> tuple[Pair, ...]:
    if not isinstance(data, list) or not 1 <= len(data) <= MOST_PAIRS:
        raise DataError(f"{where}: {key} must be a list of 1 to {MOST_PAIRS} pairs, not {_shown(data)}")
    pairs: list[Pair] = []
    for number, item in enumerate(data, start=1):
        place = f"{where}, {key} pair {number}"
        needed = ("input", "output") if key == "train" else ("input",)
        found = _object(item, place, needed, () if key == "train" else ("output",))
        output = _grid(found["output"], f"{place}, output") if "output" in found else None
        pairs.append(Pair(_grid(found["input"], f"{place}, input"), output))
    return tuple(pairs)


def _object(data: object, where: str, needed: Sequence[str], more: Sequence[str]) -> Mapping[str, object]:
    if not isinstance(data, dict):
        raise DataError(f"{where} must be an object with the keys {' and '.join(needed)}, not {_shown(data)}")
    for key in needed:
        if key not in data:
            raise DataError(f"{where} has no key {key!r}; it needs {' and '.join(needed)}")
    for key in data:
        if key not in needed and key not in more:
            hint = did_you_mean(key[:64], [*needed, *more])
            raise DataError(f"{where} has the unknown key {_shown(key)}; known: {', '.join([*needed, *more])}.{hint}")
    return data


def _grid(data: object, where: str) -> Grid:
    if not isinstance(data, list) or not 1 <= len(data) <= SIDE:
        raise DataError(f"{where} must be a list of 1 to {SIDE} rows, not {_shown(data)}")
    for y, row in enumerate(data, start=1):
        if not isinstance(row, list) or not 1 <= len(row) <= SIDE:
            raise DataError(f"{where}, row {y} must be a list of 1 to {SIDE} colours, not {_shown(row)}")
        if len(row) != len(data[0]):
            raise DataError(f"{where}, row {y} has {len(row)} cells, row 1 has {len(data[0])}; all must be equal")
        if any(type(cell) is not int or not 0 <= cell < COLOURS for cell in row):  # True is an int to isinstance
            x, cell = next((x, c) for x, c in enumerate(row, start=1) if type(c) is not int or not 0 <= c < COLOURS)
            raise DataError(f"{where}, row {y}, column {x} holds {_shown(cell)}; allowed are the colours 0 to 9")
    return np.array(data, np.uint8)


def _content(task: Task) -> list[tuple[tuple[int, ...], bytes]]:
    grids = (grid for pair in task.pairs for grid in pair)
    return [((), b"") if grid is None else (grid.shape, grid.tobytes()) for grid in grids]


def _shown(item: object) -> str:
    if isinstance(item, list | dict):
        return f"{'a list' if isinstance(item, list) else 'an object'} of {len(item)}"
    if type(item) is int and item.bit_length() > 64:
        return "a huge number"
    text = ascii(item[:64] if isinstance(item, str) else item)
    return text if len(text) <= 40 else text[:37] + "..."
