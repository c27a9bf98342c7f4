"""Data sets in the layout of the official code, read and written.

``<folder>/<train|test>/dataset.json`` with ``all__<field>.npy`` beside it, and ``<folder>/identifiers.json``. A group
is an original with its augmentations, a puzzle one of these, an example one pair of grids; two arrays of offsets
say which puzzles are in which group and which examples in which puzzle.

Source: ``dataset/common.py`` and ``puzzle_dataset.py`` of sapientinc/HRM.
"""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int, Integer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hrm.data.arrays import read_header
from hrm.data.folders import kind_of, open_file, replacing, require_writable
from hrm.data.store import KIND as STORE
from hrm.data.store import MOST_BYTES, Plain, Split, Store, write_store
from hrm.errors import DataError, UsageError
from hrm.puzzles.base import PAD, Puzzle

KIND = "hrm-official"
SPLITS = ("train", "test")
SET = "all"
"""Every official builder writes one set of this name."""
BLANK = "<blank>"
FIELDS = {"inputs": 2, "labels": 2, "puzzle_identifiers": 1, "puzzle_indices": 1, "group_indices": 1}
"""Number of axes of each array."""
METADATA_BYTES, IDENTIFIERS_BYTES = 1 << 16, 1 << 27
MOST_OF = {b"[": 1 << 17, b"{": 1 << 17, b",": 1 << 22}
"""Most characters of a kind in a file, counted before it is read: the official sets name a million puzzles."""
BLOCK_ROWS = 1 << 15
"""So many rows are looked at once."""


class Metadata(BaseModel):
    """What ``dataset.json`` says; the official code knows these keys and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pad_id: int = Field(ge=0)
    ignore_label_id: int | None
    """Labels of this value are not supervised."""
    blank_identifier_id: int = Field(ge=0)
    vocab_size: int = Field(ge=2, le=1 << 16)
    seq_len: int = Field(ge=1, le=1 << 20)
    num_puzzle_identifiers: int = Field(ge=1, le=1 << 31)
    total_groups: int = Field(ge=1)
    mean_puzzle_examples: float = Field(gt=0, allow_inf_nan=False)
    sets: list[str]


@dataclass(frozen=True)
class Hierarchy:
    """One split, memory-mapped. Axes: n examples, C cells, p puzzles, g groups."""

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


def read_official(path: Path) -> Official:
    """Open a data set of the official code after checking every header, offset and token.

    Raises:
        DataError: what is wrong, in which file.
    """
    splits = {name: _read_split(path / name) for name in SPLITS if os.path.lexists(path / name / "dataset.json")}
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


def import_official(path: Path, out: Path, puzzle: Puzzle, created: str, augmented: bool = False) -> Store:
    """Turn a data set of the official code into a store.

    Its augmentations are left out unless asked for: each draw of ours is augmented anew, so that an epoch over the
    originals shows one variant of each, as an epoch of the official sampler does.

    Args:
        created: the present time as ISO 8601.
        augmented: keep every puzzle of a group, not the first alone.

    Raises:
        UsageError: the folder to write is a store already, or something else.
        DataError: the files are damaged, of another family, or an answer breaks the rules.
    """
    if kind_of(out) == STORE:
        raise UsageError(f"{out} is a store already: choose another --out, or delete it first")
    require_writable(out, STORE)
    official = read_official(path)
    splits = {name: _split(path / name, part, puzzle, augmented) for name, part in official.splits.items()}
    notes: dict[str, Plain] = {
        "source": path.name, "layout": "official", "augmented": augmented,
        "source_examples": sum(map(len, official.splits.values())),
    }  # fmt: skip
    return write_store(out, puzzle, splits, notes, created)


def write_official(store: Store, path: Path) -> Official:
    """Write a store so that the official code reads it, to a new folder, and open that.

    Each row becomes a group of one puzzle; neighbours that share a puzzle id other than 0 become one puzzle. Splits
    of other names than train and test are written, too, and the official code passes them over.

    Raises:
        UsageError: the folder exists, or the store has neither a train nor a test split.
        HrmError: it cannot be written.
    """
    spec = store.puzzle.spec
    if not set(SPLITS) & set(store.splits):
        raise UsageError(
            f"{store.path} has the splits {', '.join(store.splits)}; the official code reads train and test: build "
            "a store that has one of them"
        )
    if path.exists():
        raise UsageError(f"{path} exists: it is left alone; choose another name")
    identifiers = max(int(split.puzzle_ids.max()) for split in store.splits.values()) + 1
    needed = sum(len(split) * (2 * spec.cells + 12) + 4096 for split in store.splits.values())
    with replacing(path, needed, KIND) as work:
        for name, split in store.splits.items():
            puzzle_starts = _puzzle_starts(np.asarray(split.puzzle_ids))
            puzzles = len(puzzle_starts) - 1
            metadata = Metadata(
                pad_id=PAD, ignore_label_id=PAD, blank_identifier_id=0, vocab_size=spec.vocab_size,
                seq_len=spec.cells, num_puzzle_identifiers=identifiers, total_groups=puzzles,
                mean_puzzle_examples=len(split) / puzzles, sets=[SET],
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
                np.save(_file(work / name, field), array)
        names = [BLANK, *(f"puzzle-{number}" for number in range(1, identifiers))]
        (work / "identifiers.json").write_text(json.dumps(names), "utf-8")
    return read_official(path)


def _puzzle_starts(ids: Integer[np.ndarray, " n"]) -> Int[np.ndarray, " p_and_1"]:
    begins = np.ones(len(ids) + 1, bool)
    begins[1:-1] = (ids[1:] != ids[:-1]) | (ids[1:] == 0)
    return np.flatnonzero(begins)


def _split(where: Path, part: Hierarchy, puzzle: Puzzle, augmented: bool) -> Split:
    spec, metadata = puzzle.spec, part.metadata
    found, wanted = (metadata.seq_len, metadata.vocab_size), (spec.cells, spec.vocab_size)
    if found != wanted or metadata.pad_id != PAD:
        raise DataError(
            f"{where}: seq_len {found[0]}, vocab_size {found[1]} and pad_id {metadata.pad_id} are not those of "
            f"{spec.name} ({wanted[0]}, {wanted[1]} and {PAD}); name the family with --puzzle"
        )
    rows = np.arange(len(part)) if augmented else part.originals
    inputs, labels = (np.empty((len(rows), spec.cells), np.uint8) for _ in range(2))
    for start in range(0, len(rows), BLOCK_ROWS):
        block, chosen = slice(start, start + BLOCK_ROWS), rows[start : start + BLOCK_ROWS]
        inputs[block] = part.inputs[chosen]
        given = part.labels[chosen]
        if metadata.ignore_label_id != PAD and (given == PAD).any():
            raise DataError(f"{where}: labels hold {PAD}, padding, and ignore_label_id is {metadata.ignore_label_id}")
        labels[block] = np.where(given == metadata.ignore_label_id, PAD, given)
        answered = labels[block].any(axis=1)
        right = puzzle.verify(inputs[block], labels[block]) | ~answered
        if not right.all():
            row = int(chosen[int(np.argmin(right))])
            raise DataError(f"{where}: example {row} of labels is not a legal {spec.name} completion of its input")
    ids = part.identifiers[rows].astype(np.int32)
    return Split(inputs, labels, ids, np.full(len(rows), np.nan, np.float32))


def _read_split(folder: Path) -> Hierarchy:
    file = folder / "dataset.json"
    try:
        metadata = Metadata.model_validate(_json(file, METADATA_BYTES))
    except ValidationError as error:
        first = error.errors()[0]
        raise DataError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    if metadata.sets != [SET]:
        raise DataError(f"{file}: sets is {metadata.sets}; only [{SET!r}] is read, which all official builders write")
    arrays = {field: _open(_file(folder, field), axes) for field, axes in FIELDS.items()}
    examples, puzzles = len(arrays["inputs"]), len(arrays["puzzle_identifiers"])
    for field in ("inputs", "labels"):
        if (shape := arrays[field].shape) != (wanted := (examples, metadata.seq_len)):
            raise DataError(f"{_file(folder, field)} has the shape {shape}; {wanted} is needed, examples by seq_len")
    _check_offsets(_file(folder, "puzzle_indices"), arrays["puzzle_indices"], puzzles, examples, "examples")
    _check_offsets(_file(folder, "group_indices"), arrays["group_indices"], metadata.total_groups, puzzles, "puzzles")
    if not math.isclose(metadata.mean_puzzle_examples, examples / puzzles, rel_tol=1e-3):
        mean = metadata.mean_puzzle_examples
        raise DataError(f"{file}: mean_puzzle_examples is {mean}; there are {examples} examples of {puzzles} puzzles")
    ignored, vocabulary = metadata.ignore_label_id, f"vocab_size is {metadata.vocab_size}"
    count = metadata.num_puzzle_identifiers
    ids = _file(folder, "puzzle_identifiers")
    _check_range(ids, arrays["puzzle_identifiers"], count, None, f"num_puzzle_identifiers is {count}")
    _check_range(_file(folder, "inputs"), arrays["inputs"], metadata.vocab_size, None, vocabulary)
    vocabulary += f", ignore_label_id {ignored}"
    _check_range(_file(folder, "labels"), arrays["labels"], metadata.vocab_size, ignored, vocabulary)
    return Hierarchy(metadata, **arrays)


def _file(folder: Path, field: str) -> Path:
    return folder / f"{SET}__{field}.npy"


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
            shape, dtype, offset = read_header(f.read, str(file))
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
    return np.memmap(file, dtype, "r", offset, shape)


def _json(file: Path, limit_bytes: int) -> object:
    try:
        with open_file(file) as f:
            raw = f.read(limit_bytes + 1)
        if len(raw) > limit_bytes:
            raise DataError(f"{file} is longer than {limit_bytes} bytes")
        for mark, most in MOST_OF.items():
            if (count := raw.count(mark)) > most:
                raise DataError(f"{file} holds {count} times {mark.decode()!r}; at most {most} are read")
        return json.loads(raw)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not valid JSON: {str(error)[:80]}") from None
