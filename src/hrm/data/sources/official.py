"""Data sets in the layout of the official code of HRM and of TRM, read and written.

``<folder>/<train|test>/dataset.json`` with ``<set>__<field>.npy`` beside it, and ``<folder>/identifiers.json``. A group
is an original with its augmentations, a puzzle one of these, an example one pair of grids; two arrays of offsets
say which puzzles are in which group and which examples in which puzzle.

Source: ``dataset/common.py`` and ``puzzle_dataset.py`` of sapientinc/HRM and SamsungSAILMontreal/TinyRecursiveModels.
"""

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, Integer, UInt8
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hrm.data.sources.npz import HEADER_BYTES, read_header
from hrm.data.store import KIND as STORE
from hrm.data.store import MOST_BYTES, Plain, Split, Store, write_store
from hrm.errors import DataError, UsageError
from hrm.files import kind_of, open_file, read_bounded, replacing, require_writable
from hrm.manifest import first_fault
from hrm.puzzles.base import PAD, Puzzle

KIND = "hrm-official"
SPLITS = ("train", "test")
"""What the official code reads."""
SET = "all"
"""The one set of a split that every official builder writes."""
SET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
BLANK = "<blank>"
FIELDS = {"inputs": 2, "labels": 2, "puzzle_identifiers": 1, "puzzle_indices": 1, "group_indices": 1}
"""Number of axes of each array."""
METADATA_BYTES, IDENTIFIERS_BYTES = 1 << 16, 1 << 27
MOST_OF = {b"[": 1 << 17, b"{": 1 << 17, b",": 1 << 22}
"""Most characters of a kind in a file, counted before it is read: the official sets name a million puzzles."""
MOST_SETS = 64
BLOCK_ROWS = 1 << 15
"""So many rows are looked at once."""


class Metadata(BaseModel):
    """What ``dataset.json`` says; keys that other builders add are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pad_id: int = Field(ge=0)
    ignore_label_id: int | None
    """Labels of this value are not supervised."""
    blank_identifier_id: int = Field(ge=0)
    vocab_size: int = Field(ge=2, le=1 << 16)
    seq_len: int = Field(ge=1, le=1 << 20)
    num_puzzle_identifiers: int = Field(ge=1, le=1 << 31)
    total_groups: int = Field(ge=1)
    mean_puzzle_examples: float = Field(gt=0, allow_inf_nan=False)
    total_puzzles: int | None = None
    """The reader of TRM needs it. Its builders count puzzles or groups here, so it is not compared with the arrays."""
    sets: list[str]


@dataclass(frozen=True)
class Hierarchy:
    """One split, memory-mapped where it has one set. Axes: n examples, C cells, p puzzles, g groups."""

    metadata: Metadata
    inputs: Integer[np.ndarray, "n C"]
    labels: Integer[np.ndarray, "n C"]
    puzzle_identifiers: Integer[np.ndarray, " p"]
    puzzle_indices: Integer[np.ndarray, " p_and_1"]
    """Where the examples of each puzzle begin, and the end of the last."""
    group_indices: Integer[np.ndarray, " g_and_1"]
    """Where the puzzles of each group begin, and the end of the last."""

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def identifiers(self) -> Int[np.ndarray, " n"]:
        """Return the puzzle identifier of each example."""
        return np.repeat(self.puzzle_identifiers.astype(np.int64), np.diff(self.puzzle_indices))

    @property
    def originals(self) -> Int[np.ndarray, " k"]:
        """Return the examples of each group's first puzzle, the one that the official builders did not augment."""
        firsts = self.group_indices[:-1]
        starts, ends = self.puzzle_indices[firsts], self.puzzle_indices[firsts + 1]
        return np.concatenate([np.arange(a, b) for a, b in zip(starts.tolist(), ends.tolist(), strict=True)])


@dataclass(frozen=True)
class Official:
    """A whole data set of the official code."""

    path: Path
    identifiers: tuple[str, ...]
    """Name of each puzzle identifier."""
    splits: dict[str, Hierarchy]


def read_official(path: str | Path) -> Official:
    """Open a data set of the official code after checking every header, offset and token.

    Raises:
        DataError: what is wrong, in which file.
    """
    path = Path(path)
    named = [*SPLITS, *sorted(each.parent.name for each in path.glob("*/dataset.json"))]
    splits = {
        name: _read_split(path / name) for name in dict.fromkeys(named) if os.path.lexists(path / name / "dataset.json")
    }
    if not splits:
        raise DataError(
            f"{path} is not a data set of the official code: neither {' nor '.join(SPLITS)} holds a dataset.json"
        )
    file = path / "identifiers.json"
    names = _json(file, IDENTIFIERS_BYTES)
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{file} must be a list of names")
    for name, split in splits.items():
        if len(names) != split.metadata.num_puzzle_identifiers:
            raise DataError(
                f"{file} has {len(names)} names, {name}/dataset.json says num_puzzle_identifiers is "
                f"{split.metadata.num_puzzle_identifiers}; build the data set again"
            )
    return Official(path, tuple(names), splits)


def import_official(path: str | Path, out: str | Path, puzzle: Puzzle, created: str, augmented: bool = False) -> Store:
    """Turn a data set of the official code into a store.

    Its augmentations are left out unless asked for: each draw of ours is augmented anew, so that an epoch over the
    originals shows one variant of each, as an epoch of the official sampler does. Of a family with tasks (ARC), they
    are kept as the table of tasks in any case, and examples are moved back to the corner of the canvas.

    Args:
        created: the present time as ISO 8601.
        augmented: keep every puzzle of a group, not the first alone; nothing for a family with tasks.

    Raises:
        UsageError: the folder to write is a store already, or something else.
        DataError: the files are damaged, of another family, or an answer breaks the rules.
    """
    out = Path(out)
    path = Path(path)
    if kind_of(out) == STORE:
        raise UsageError(f"{out} is a store already: choose another --out, or delete it first")
    require_writable(out, STORE)
    official = read_official(path)
    notes: dict[str, Plain] = {
        "source": path.name, "layout": "official", "augmented": augmented,
        "source_examples": sum(map(len, official.splits.values())),
    }  # fmt: skip
    if puzzle.spec.has_tasks:
        from hrm.data.sources.official_arc import read_names, restored

        named = read_names(official.identifiers, path / "identifiers.json")
        splits = {
            name: restored(*_rows(path / name, part, puzzle, part.originals), named, path / name)
            for name, part in official.splits.items()
        }
        return write_store(out, puzzle, splits, notes, created, named.table, named.names)
    splits = {name: _split(path / name, part, puzzle, augmented) for name, part in official.splits.items()}
    names = official.identifiers if official.identifiers != (BLANK,) else ()
    return write_store(out, puzzle, splits, notes, created, names=names)


def write_official(store: Store, path: str | Path) -> Official:
    """Write a store so that the official code reads it, to a new folder, and open that.

    Each row becomes a group of one puzzle; neighbors that share a puzzle id other than 0 become one puzzle. Splits
    of other names than train and test are written, too, and the official code passes them over.

    Raises:
        UsageError: the folder exists, or the store has neither a train nor a test split.
        HrmError: it cannot be written.
    """
    path = Path(path)
    spec = store.puzzle.spec
    if not set(SPLITS) & set(store.splits):
        raise UsageError(
            f"{store.path} has the splits {', '.join(store.splits)}; the official code reads train and test: build "
            "a store that has one of them"
        )
    if path.exists():
        raise UsageError(f"{path} exists: nothing was changed; choose another name")
    # Each split becomes a folder of arrays, with what describes them.
    identifiers = store.puzzle_rows
    needed = sum(len(split) * (2 * spec.cells + 12) + 4096 for split in store.splits.values())
    with replacing(path, needed, KIND) as work:
        for name, split in store.splits.items():
            puzzle_starts = _puzzle_starts(np.asarray(split.puzzle_ids))
            puzzles = len(puzzle_starts) - 1
            metadata = Metadata(
                pad_id=PAD, ignore_label_id=PAD, blank_identifier_id=0, vocab_size=spec.vocab_size,
                seq_len=spec.cells, num_puzzle_identifiers=identifiers, total_groups=puzzles,
                mean_puzzle_examples=len(split) / puzzles, total_puzzles=puzzles, sets=[SET],
            )  # fmt: skip
            arrays = {
                "inputs": np.asarray(split.inputs),
                "labels": np.asarray(split.labels),
                "puzzle_identifiers": np.asarray(split.puzzle_ids)[puzzle_starts[:-1]].astype(np.int32),
                "puzzle_indices": puzzle_starts.astype(np.int32),
                "group_indices": np.arange(puzzles + 1, dtype=np.int32),
            }
            (work / name).mkdir()
            (work / name / "dataset.json").write_text(json.dumps(metadata.model_dump()), "utf-8")
            for field, array in arrays.items():
                np.save(_file(work / name, SET, field), array)
        # The names of puzzle ids, and the tests of tasks, belong to the whole data set.
        (work / "identifiers.json").write_text(json.dumps(_names(store)), "utf-8")
        if store.table is not None and "test" in store.splits:
            from hrm.data.sources.official_arc import TESTS, tests_of

            (work / TESTS).write_text(json.dumps(tests_of(store)), "utf-8")
    return read_official(path)


def _names(store: Store) -> list[str]:
    """Return the name of each puzzle id."""
    if store.table is not None and not store.names:
        return store.table.names(store.puzzle)
    return [*store.names, *[BLANK, *(f"puzzle-{n}" for n in range(1, store.puzzle_rows))][len(store.names) :]]


def _puzzle_starts(ids: Integer[np.ndarray, " n"]) -> Int[np.ndarray, " p_and_1"]:
    begins = np.ones(len(ids) + 1, bool)
    begins[1:-1] = (ids[1:] != ids[:-1]) | (ids[1:] == 0)
    return np.flatnonzero(begins)


def _rows(
    where: Path, part: Hierarchy, puzzle: Puzzle, rows: Int[np.ndarray, " k"]
) -> tuple[UInt8[np.ndarray, "k C"], UInt8[np.ndarray, "k C"], Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
    """Return inputs, labels and puzzle identifiers of some examples, labels that are not supervised as padding."""
    spec, metadata = puzzle.spec, part.metadata
    found, wanted = (metadata.seq_len, metadata.vocab_size), (spec.cells, spec.vocab_size)
    if found != wanted or metadata.pad_id != PAD:
        raise DataError(
            f"{where}: seq_len {found[0]}, vocab_size {found[1]} and pad_id {metadata.pad_id} are not those of "
            f"{spec.name} ({wanted[0]}, {wanted[1]} and {PAD}); name the family with --puzzle"
        )
    inputs, labels = (np.empty((len(rows), spec.cells), np.uint8) for _ in range(2))
    for start in range(0, len(rows), BLOCK_ROWS):
        block, chosen = slice(start, start + BLOCK_ROWS), rows[start : start + BLOCK_ROWS]
        inputs[block] = part.inputs[chosen]
        given = part.labels[chosen]
        if metadata.ignore_label_id != PAD and (given == PAD).any():
            raise DataError(f"{where}: labels hold {PAD}, padding, and ignore_label_id is {metadata.ignore_label_id}")
        labels[block] = np.where(given == metadata.ignore_label_id, PAD, given)
    return inputs, labels, part.identifiers[rows], rows


def _split(where: Path, part: Hierarchy, puzzle: Puzzle, augmented: bool) -> Split:
    chosen = np.arange(len(part)) if augmented else part.originals
    inputs, labels, ids, rows = _rows(where, part, puzzle, chosen)
    for start in range(0, len(rows), BLOCK_ROWS):
        block = slice(start, start + BLOCK_ROWS)
        right = puzzle.verify(inputs[block], labels[block]) | ~labels[block].any(axis=1)
        if not right.all():
            row = int(rows[block][int(np.argmin(right))])
            name = puzzle.spec.name
            raise DataError(f"{where}: example {row} of labels is not a legal {name} completion of its input")
    return Split(inputs, labels, ids.astype(np.int32), np.full(len(rows), np.nan, np.float32))


def _read_split(folder: Path) -> Hierarchy:
    file = folder / "dataset.json"
    try:
        metadata = Metadata.model_validate(_json(file, METADATA_BYTES))
    except ValidationError as error:
        raise DataError(f"{file}: {first_fault(error)}") from None
    sets = metadata.sets
    if not 1 <= len(sets) <= MOST_SETS or len(set(sets)) < len(sets) or not all(map(SET_NAME.fullmatch, sets)):
        raise DataError(f"{file}: sets is {str(sets)[:80]}; 1 to {MOST_SETS} different plain names are read")
    arrays = [_read_set(folder, name, metadata) for name in sets]
    parts = arrays[0] if len(arrays) == 1 else {field: _joined(field, arrays) for field in FIELDS}
    examples, puzzles = len(parts["inputs"]), len(parts["puzzle_identifiers"])
    if (groups := len(parts["group_indices"]) - 1) != metadata.total_groups:
        place = _file(folder, sets[0], "group_indices") if len(sets) == 1 else folder
        wanted = metadata.total_groups + 1
        raise DataError(f"{place} has {groups + 1} offsets; {wanted} are needed, one more than there are groups")
    if not math.isclose(metadata.mean_puzzle_examples, examples / puzzles, rel_tol=1e-3):
        mean = metadata.mean_puzzle_examples
        raise DataError(f"{file}: mean_puzzle_examples is {mean}; there are {examples} examples of {puzzles} puzzles")
    return Hierarchy(metadata, **parts)


def _read_set(folder: Path, name: str, metadata: Metadata) -> dict[str, np.ndarray]:
    """Map the arrays of one set after checking every offset and token."""
    files = {field: _file(folder, name, field) for field in FIELDS}
    arrays = {field: _open(files[field], axes) for field, axes in FIELDS.items()}
    examples, puzzles = len(arrays["inputs"]), len(arrays["puzzle_identifiers"])
    for field in ("inputs", "labels"):
        if (shape := arrays[field].shape) != (wanted := (examples, metadata.seq_len)):
            raise DataError(f"{files[field]} has the shape {shape}; {wanted} is needed, examples by seq_len")
    _check_offsets(files["puzzle_indices"], arrays["puzzle_indices"], puzzles, examples, "examples")
    groups = len(arrays["group_indices"]) - 1
    _check_offsets(files["group_indices"], arrays["group_indices"], groups, puzzles, "puzzles")
    ignored, vocabulary = metadata.ignore_label_id, f"vocab_size is {metadata.vocab_size}"
    count = metadata.num_puzzle_identifiers
    identifiers = arrays["puzzle_identifiers"]
    _check_range(files["puzzle_identifiers"], identifiers, count, None, f"num_puzzle_identifiers is {count}")
    _check_range(files["inputs"], arrays["inputs"], metadata.vocab_size, None, vocabulary)
    vocabulary += f", ignore_label_id {ignored}"
    _check_range(files["labels"], arrays["labels"], metadata.vocab_size, ignored, vocabulary)
    return arrays


def _joined(field: str, sets: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray:
    """Return one array of several sets; offsets go on where those of the set before end."""
    if not field.endswith("indices"):
        return np.concatenate([arrays[field] for arrays in sets])
    steps = [np.diff(arrays[field]) for arrays in sets]
    return np.concatenate([[0], np.cumsum(np.concatenate(steps))])


def _file(folder: Path, name: str, field: str) -> Path:
    return folder / f"{name}__{field}.npy"


def _check_offsets(file: Path, offsets: Integer[np.ndarray, " m"], count: int, end: int, what: str) -> None:
    if len(offsets) != count + 1:
        raise DataError(f"{file} has {len(offsets)} offsets; {count + 1} are needed, one more than there are parts")
    if offsets[0] != 0 or offsets[-1] != end:
        raise DataError(f"{file} goes from {offsets[0]} to {offsets[-1]}; it must go from 0 to the {end} {what}")
    if not (falls := offsets[1:] <= offsets[:-1]).any():
        return
    at = int(np.argmax(falls))
    raise DataError(
        f"{file}: entry {at + 1} is {offsets[at + 1]} after {offsets[at]}; offsets must rise, none is empty"
    )


def _check_range(file: Path, array: np.ndarray, end: int, also: int | None, limit: str) -> None:
    for start in range(0, len(array), BLOCK_ROWS):
        block = array[start : start + BLOCK_ROWS]
        wrong = (block < 0) | (block >= end)
        if wrong.any() and also is not None:
            wrong &= block != also
        if wrong.any():
            place = np.argwhere(wrong)[0]
            row, value = start + int(place[0]), int(block[tuple(place)])
            raise DataError(f"{file}: row {row} holds {value}; allowed are 0 to {end - 1}: {limit}")


def _open(file: Path, axes: int) -> np.ndarray:
    """Map an array after comparing what its header claims with the size of the file."""
    try:
        with open_file(file) as f:
            shape, dtype, offset, fortran = read_header(f.read(HEADER_BYTES), str(file))
        size = file.stat().st_size
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}; build the data set again") from None
    if len(shape) != axes or min(shape) < 1:
        raise DataError(
            f"{file} has the shape {shape}; {axes} {'axis is' if axes == 1 else 'axes are'} needed, none empty"
        )
    claimed = dtype.itemsize * math.prod(shape)
    if size != offset + claimed:
        raise DataError(
            f"{file} claims {dtype.str} of {shape}, {claimed} bytes, and holds {size - offset}: build it again"
        )
    if size > MOST_BYTES:
        raise DataError(f"{file} has {size} bytes; at most {MOST_BYTES} are read")
    return np.memmap(file, dtype, "r", offset, shape, "F" if fortran else "C")


def _json(file: Path, limit_bytes: int) -> object:
    try:
        raw = read_bounded(file, limit_bytes)
        for mark, most in MOST_OF.items():
            if (count := raw.count(mark)) > most:
                raise DataError(f"{file} holds {count} times {mark.decode()!r}; at most {most} are read")
        return json.loads(raw)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not valid JSON: {str(error)[:80]}") from None
