"""One ARC task from JSON: its grids, its pairs, its id.

A file is untrusted: it is read up to a limit and refused at its first fault, with the pair and the row named.
``arc.files`` gathers the tasks of folders and files of many.
"""

import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt8

from hrm.errors import DataError, did_you_mean

SIDE, COLORS = 30, 10
"""Largest height and width of a grid; number of colors."""
TASK_BYTES, COLLECTION_BYTES = 1 << 23, 1 << 24
"""Largest file of one task, and of many: a thousand pairs of RE-ARC take up to 5.6 MB, ARC-2's training tasks 4.5."""
MOST_PAIRS = 1024
"""Most pairs of one kind in a task."""
MOST_OF = {"{": 100_000, "[": 1_000_000, '"': 1_000_000}
"""Most characters of a kind in a file, counted before it is read: millions of objects or lists take seconds."""

Grid = UInt8[np.ndarray, "_ _"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_VARIANT_NAME = re.compile(r".*_t\d+_\d{10}", re.ASCII)
_ID_CHARACTERS, _HASH_CHARACTERS = 64, 8


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
    """None in a task that was read from a bare list of pairs, as RE-ARC has them."""
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


def task_id_of(name: str) -> str:
    """Return the id of a task that is called so: the name itself where it can be an id, else a cleaned one.

    An id has 1 to 64 ASCII letters, digits, ``-``, ``_`` and ``.`` and starts with a letter or digit. Accents are
    dropped and other characters become ``-``. Where letters or digits would be lost, or the name is too long or ends
    like a variant's, eight characters of its hash follow. The id depends on the name alone, never on other tasks.
    """
    if _ID.fullmatch(name) and not _VARIANT_NAME.fullmatch(name):
        return name
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", plain).lstrip("._-").rstrip("-")
    lost = any(c.isalnum() and not c.isascii() for c in plain) or not cleaned or len(cleaned) > _ID_CHARACTERS
    if lost or _VARIANT_NAME.fullmatch(cleaned):
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARACTERS]
        cleaned = f"{(cleaned or 'task')[: _ID_CHARACTERS - _HASH_CHARACTERS - 1]}-{digest}"
    return cleaned


def parse_task(content: bytes, where: str) -> Task:
    """Read one task from the content of its file.

    Args:
        where: the path of the file as messages are to name it; it ends in the task's id and ``.json``.

    Raises:
        DataError: what is wrong, in which pair and row.
    """
    path = Path(where)
    return task_from(_parsed(_decoded(content, where), where), path.stem, where, path.parent.name)


def load_json(path: Path, most_bytes: int) -> object:
    """Return what a JSON file holds; no key may occur twice in one object.

    Raises:
        DataError: the file cannot be read, is too large or is not JSON.
    """
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


def _parsed(text: str, where: str) -> object:
    def unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(fields := dict(pairs)) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))
            raise DataError(f"{where}: the key {shown(twice)} occurs twice in one object; remove one")
        return fields

    if len(text) > COLLECTION_BYTES:
        raise DataError(f"{where} is longer than {COLLECTION_BYTES} characters, which is no ARC task")
    for mark, most in MOST_OF.items():
        if (count := text.count(mark)) > most:
            raise DataError(f"{where} holds {count} times {mark!r}; at most {most} are read, which is plenty for ARC")
    try:
        return json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)[:80]
        raise DataError(f"{where} is not JSON: {reason}") from None


def task_from(data: object, name: str, where: str, folder: str) -> Task:
    """Return the task that JSON says.

    Keys beside ``train`` and ``test`` say nothing about grids and are passed over. A bare list of pairs is a task
    with demonstrations only: RE-ARC gives out examples of a task so.

    Args:
        name: what the task is called; its id is ``task_id_of`` that.
        where: what messages are to call it.
        folder: name of the folder that it lies in.

    Raises:
        DataError: what is wrong, in which pair and row.
    """
    if isinstance(data, list):
        return Task(task_id_of(name), _pairs(data, where, ""), (), folder)
    fields = _object(data, where, ("train", "test"))
    kinds = [_pairs(fields[key], where, key) for key in ("train", "test")]
    return Task(task_id_of(name), *kinds, folder=folder)


def _pairs(data: object, where: str, key: str) -> tuple[Pair, ...]:
    if not isinstance(data, list) or not 1 <= len(data) <= MOST_PAIRS:
        raise DataError(f"{where}: {key or 'a task'} must be a list of 1 to {MOST_PAIRS} pairs, not {shown(data)}")
    pairs: list[Pair] = []
    for number, item in enumerate(data, start=1):
        place = f"{where}, {f'{key} pair' if key else 'pair'} {number}"
        fields = _object(item, place, ("input",) if key == "test" else ("input", "output"))
        if "output" not in fields and (close := _near(fields, "output")):
            raise DataError(f"{place} has the unknown key {shown(close[0])}. Did you mean 'output'?")
        hidden = fields.get("output") is None and key == "test"
        output = None if hidden else grid_from(fields["output"], f"{place}, output")
        pairs.append(Pair(grid_from(fields["input"], f"{place}, input"), output))
    return tuple(pairs)


def _object(data: object, where: str, needed: Sequence[str]) -> Mapping[str, object]:
    if not isinstance(data, dict):
        raise DataError(f"{where} must be an object with the keys {' and '.join(needed)}, not {shown(data)}")
    for key in needed:
        if key not in data:
            close = _near(data, key)
            hint = f" Is {shown(close[0])} meant?" if close else ""
            raise DataError(f"{where} has no key {key!r}; it needs {' and '.join(needed)}.{hint}")
    return data


def _near(data: Mapping[str, object], key: str) -> list[str]:
    """Return the keys of an object that may be a misspelled ``key``."""
    others = [name for name in data if name not in ("train", "test", "input", "output")]
    return [name for name in others[:64] if did_you_mean(name[:64], [key])]


def grid_from(data: object, where: str) -> Grid:
    """Return the grid that nested lists hold.

    Raises:
        DataError: what is wrong, in which row.
    """
    if not isinstance(data, list) or not 1 <= len(data) <= SIDE:
        raise DataError(f"{where} must be a list of 1 to {SIDE} rows, not {shown(data)}")
    for y, row in enumerate(data, start=1):
        if not isinstance(row, list) or not 1 <= len(row) <= SIDE:
            raise DataError(f"{where}, row {y} must be a list of 1 to {SIDE} colors, not {shown(row)}")
        if len(row) != len(data[0]):
            raise DataError(f"{where}, row {y} has {len(row)} cells, row 1 has {len(data[0])}; all must be equal")
        if any(type(cell) is not int or not 0 <= cell < COLORS for cell in row):  # True is an int to isinstance
            x, cell = next((x, c) for x, c in enumerate(row, start=1) if type(c) is not int or not 0 <= c < COLORS)
            raise DataError(f"{where}, row {y}, column {x} holds {shown(cell)}; allowed are the colors 0 to 9")
    return np.array(data, np.uint8)


def _content(task: Task) -> list[tuple[tuple[int, ...], bytes]]:
    grids = (grid for pair in task.pairs for grid in pair)
    return [((), b"") if grid is None else (grid.shape, grid.tobytes()) for grid in grids]


def shown(item: object) -> str:
    """Return what a message is to call an item of JSON: short, whatever it holds."""
    if isinstance(item, list | dict):
        return f"{'a list' if isinstance(item, list) else 'an object'} of {len(item)}"
    if type(item) is int and item.bit_length() > 64:
        return "a huge number"
    text = ascii(item[:64] if isinstance(item, str) else item)
    return text if len(text) <= 40 else text[:37] + "..."
