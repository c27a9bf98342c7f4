"""The on-disk format of puzzles: a folder with a manifest and four arrays a split.

``manifest.json`` names the family, its shape and tokens, and the size and sha256 of every file, so that
a store that was cut short, altered or made for another family is refused with a reason before an array is
allocated.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32, Int32, UInt8
from pydantic import BaseModel, ConfigDict

from hrm import puzzles
from hrm.data.task_table import TaskTable, read_table, write_table
from hrm.errors import DataError, HrmError, UsageError, did_you_mean, one_line
from hrm.files import MANIFEST, open_file, replacing
from hrm.manifest import FileRecord, Form, check_content, check_size, read_listed, read_manifest, record_of
from hrm.puzzles.base import PAD, Puzzle, PuzzleSpec
from hrm.puzzles.table import TABLE, Declaration, Table

KIND = "hrm-store"
FORMAT = 1
REMEDY = "build the store again"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)
"""What a split or a family in a manifest may be called: never a path, never ``module:Class``."""

MOST_BYTES = 1 << 36
"""A larger array is refused unread: the largest published one has 3.3 GB."""

NAMES, NAMES_BYTES = "identifiers.json", 1 << 27
"""The file of the names of puzzle ids, and its largest size: the official sets name a million."""

Plain = str | int | float | bool | None


@dataclass(frozen=True)
class Split:
    """Puzzles and their answers. Axes: n rows, C cells."""

    inputs: UInt8[np.ndarray, "n C"]
    labels: UInt8[np.ndarray, "n C"]
    """The answers; padding where a cell is outside the puzzle or no answer is known."""
    puzzle_ids: Int32[np.ndarray, " n"]
    """Row in the puzzle embedding; all 0 in families without one."""
    ratings: Float32[np.ndarray, " n"]
    """Difficulty, in the unit of the source (Sudoku-Extreme: backtracks); NaN where unknown."""

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def answered(self) -> Bool[np.ndarray, " n"]:
        """Return for each row whether an answer is known."""
        return np.count_nonzero(self.labels, axis=1) > 0

    def take(self, rows: slice | Bool[np.ndarray, " n"]) -> "Split":
        """Return some of the rows."""
        return Split(self.inputs[rows], self.labels[rows], self.puzzle_ids[rows], self.ratings[rows])


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SplitRecord(_Record):
    """One split: its rows and its four files."""

    rows: int
    files: dict[str, FileRecord]


class Manifest(_Record):
    """What ``manifest.json`` says."""

    kind: Literal["hrm-store"] = KIND
    format: Literal[1] = FORMAT
    puzzle: str
    """Name of the family."""
    shape: tuple[int, int]
    tokens: tuple[str, ...]
    splits: dict[str, SplitRecord]
    digest: str
    """sha256 of the content alone: equal content, equal digest, whenever and wherever it was made."""
    variants: dict[str, FileRecord] | None = None
    """The files of the table of tasks, in families that have some."""
    names: FileRecord | None = None
    """The file of the names of puzzle ids, where they have some."""
    provenance: dict[str, Plain]
    """Where the puzzles come from: source, seed, generator, license …"""
    created: str
    """When, as an ISO 8601 string that the caller gave."""
    hrm_version: str


_FORM = Form(KIND, Manifest, "build one with `hrm data build`", REMEDY)


@dataclass(frozen=True)
class Store:
    """An opened store: the arrays of its splits are memory-mapped and read-only."""

    path: Path
    manifest: Manifest
    puzzle: Puzzle
    splits: dict[str, Split]
    table: TaskTable | None = None
    """Which puzzle id belongs to which variant of which task, in families that have some."""
    names: tuple[str, ...] = ()
    """Name of each puzzle id, where the source of the puzzles names them."""

    @property
    def digest(self) -> str:
        """Return the sha256 of the content; what made it and when do not count."""
        return self.manifest.digest

    @property
    def puzzle_rows(self) -> int:
        """Return how many rows a puzzle embedding needs for the puzzle ids of all splits."""
        if self.table is not None:
            return len(self.table)
        return max(len(self.names), *(int(split.puzzle_ids.max()) + 1 for split in self.splits.values()))

    def described(self) -> dict[str, object]:
        """Return what the store holds and where it comes from, as plain values."""
        described: dict[str, object] = {
            "puzzle": self.manifest.puzzle,
            "digest": self.digest,
            "splits": {name: len(split) for name, split in self.splits.items()},
            "provenance": dict(self.manifest.provenance),
            "created": self.manifest.created,
        }
        if isinstance(table := self.puzzle, Table):
            described |= {"cells": table.described(), "shape": list(table.spec.shape)}
            described |= {"symbols": list(table.spec.tokens[2:]), "blank": table.declaration.blank}
            described["reading"] = table.reading.kind
        return described

    def split(self, name: str) -> Split:
        """Return one split.

        Raises:
            UsageError: there is none of that name.
        """
        if name not in self.splits:
            hint = did_you_mean(name, self.splits)
            raise UsageError(f"{self.path} has no split {name!r}; it has {', '.join(self.splits)}.{hint}")
        return self.splits[name]

    def held_out_tests(self) -> list[tuple[str, int]]:
        """Return for each row of the split ``test`` its task and the number of the test within it.

        Raises:
            DataError: the store has no such split, or no table of tasks.
        """
        if self.table is None or "test" not in self.splits:
            raise DataError(f"{self.path} holds no tests of tasks; build a store of tasks, some of them held back")
        return self.table.examples(np.asarray(self.splits["test"].puzzle_ids).tolist())


_DTYPES = {"inputs": "|u1", "labels": "|u1", "puzzle_ids": "<i4", "ratings": "<f4"}


def write_store(
    path: str | Path,
    puzzle: Puzzle,
    splits: Mapping[str, Split],
    provenance: Mapping[str, Plain],
    created: str,
    table: TaskTable | None = None,
    names: Sequence[str] = (),
) -> Store:
    """Write a store whole or not at all, in place of an older store of that name, and open it.

    Args:
        created: the present time as ISO 8601; the only thing in which two runs on the same input differ.
        names: name of each puzzle id, from 0, where there are any.

    Raises:
        HrmError: the folder cannot be written.
        UsageError: something that is not a store already has this name.
        DataError: a split is empty, or does not fit the family.
    """
    path = Path(path)
    spec = puzzle.spec
    if not splits:
        raise DataError(f"cannot write {path}: a store needs at least one split, none was given")
    for name, split in splits.items():
        if not NAME.fullmatch(name):
            raise UsageError(f"split name {name!r} is not allowed: lower-case letters, digits, '-', '_' and '.'")
        _check_grids(f"split {name}", puzzle, split)
    if table is not None:
        table.require_variants(puzzle, path, "build it from the family's tasks")
    # Write the arrays of every split, and note what each file is.
    needed = sum(len(s) * (2 * spec.cells + 8) + 1024 for s in splits.values())
    with replacing(path, needed, KIND) as work:
        records = {}
        for name, split in splits.items():
            (work / name).mkdir()
            files = {}
            for array, dtype in _DTYPES.items():
                file = work / name / f"{array}.npy"
                content = np.ascontiguousarray(getattr(split, array), dtype)
                with open(file, "wb") as f:
                    f.write(_header(dtype, content.shape))
                    content.tofile(f)
                files[file.name] = record_of(file)
            records[name] = SplitRecord(rows=len(split), files=files)
        # Then the table of tasks and the names, where there are any, and the manifest of it all.
        variants = None if table is None else write_table(work, table)
        named = None
        if names:
            (work / NAMES).write_text(json.dumps(list(names)), "utf-8")
            named = record_of(work / NAMES)
        manifest = Manifest(
            puzzle=spec.name, shape=spec.shape, tokens=spec.tokens, splits=records,
            variants=variants, names=named,
            provenance={key: one_line(value) if isinstance(value, str) else value for key, value in provenance.items()},
            digest=_digest(spec, records, variants, named),
            created=created, hrm_version=version("hierarchical-reasoning"),
        )  # fmt: skip
        (work / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
    return open_store(path, verify=False, puzzle=puzzle)


def open_store(path: str | Path, verify: bool = True, puzzle: Puzzle | None = None) -> Store:
    """Open a store after checking all that its manifest promises.

    Args:
        verify: also hash every file; sizes, headers, shapes and tokens are checked in any case.
        puzzle: the family, where it is not one that ``hrm.puzzles.get`` knows.

    Raises:
        DataError: what is wrong, in which file.
    """
    path = Path(path)
    manifest = read_manifest(path, _FORM)
    if not NAME.fullmatch(manifest.puzzle):
        raise DataError(f"{path / MANIFEST}: {manifest.puzzle!r} is not the name of a puzzle family")
    if puzzle is None:
        try:
            puzzle = _table(manifest) if manifest.puzzle == TABLE else puzzles.get(manifest.puzzle)
        except HrmError as error:
            raise DataError(f"{path} holds puzzles of an unknown family: {error}") from None
    # The family must be the one that wrote it.
    spec = puzzle.spec
    name = spec.name if manifest.puzzle == spec.first_name else manifest.puzzle
    for what, stored, wanted in (
        ("family", name, spec.name),
        ("shape", manifest.shape, spec.shape),
        ("tokens", manifest.tokens, spec.tokens),
    ):
        if stored != wanted:
            raise DataError(f"{path} has {what} {stored!r} but {wanted!r} is asked for; use a store of that family")
    # Every array must be what the manifest says, and hold only tokens of the family.
    splits = {}
    for name, record in manifest.splits.items():
        if not NAME.fullmatch(name) or set(record.files) != {f"{array}.npy" for array in _DTYPES}:
            raise DataError(f"{path / MANIFEST}: split {name!r} must list {', '.join(_DTYPES)} as .npy files")
        arrays = {}
        for array, dtype in _DTYPES.items():
            file, promised = path / name / f"{array}.npy", record.files[f"{array}.npy"]
            shape = (record.rows, spec.cells) if dtype == "|u1" else (record.rows,)
            arrays[array] = _open_array(file, promised, dtype, shape)
            if verify:
                check_content(file, promised, REMEDY)
        splits[name] = Split(**arrays)
        _check_grids(f"{path}/{name}", puzzle, splits[name])
    if not splits or manifest.digest != _digest(spec, manifest.splits, manifest.variants, manifest.names):
        raise DataError(f"{path / MANIFEST} was altered: its digest is not that of its content")
    table = None if manifest.variants is None else read_table(path, manifest.variants, puzzle)
    if table is not None and any(int(split.puzzle_ids.max()) >= len(table) for split in splits.values()):
        raise DataError(f"{path} names puzzle ids that its table of tasks does not have; {REMEDY}")
    names = () if manifest.names is None else _read_names(path / NAMES, manifest.names)
    return Store(path, manifest, puzzle, splits, table, names)


def _read_names(file: Path, promised: FileRecord) -> tuple[str, ...]:
    content = read_listed(file, promised, REMEDY, NAMES_BYTES)
    try:
        names = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not valid JSON ({str(error)[:80]}); {REMEDY}") from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{file} is not a list of names; {REMEDY}")
    return tuple(names)


def _table(manifest: Manifest) -> Table:
    return Table(Declaration(manifest.shape, manifest.tokens[2:], manifest.tokens[1] if manifest.tokens[1:] else ""))


def _header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Return the 128 bytes before the data; any other npy header is refused, so none is ever interpreted."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00\x76\x00" + text.encode().ljust(117) + b"\n"


def _open_array(file: Path, promised: FileRecord, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    check_size(file, promised, REMEDY, MOST_BYTES)
    header = _header(dtype, shape)
    with open_file(file) as f:
        right = f.read(len(header)) == header
    if not right or promised.bytes != len(header) + np.dtype(dtype).itemsize * math.prod(shape) or min(shape) < 1:
        raise DataError(f"{file} is not the npy array that is needed, {dtype} of {shape}; {REMEDY}")
    return np.memmap(file, dtype, "r", len(header), shape)


def _check_grids(where: str, puzzle: Puzzle, split: Split) -> None:
    spec = puzzle.spec
    if not len(split) or split.inputs.shape[1] != spec.cells:
        raise DataError(f"{where}: {spec.name} needs rows of {spec.cells} cells, given {split.inputs.shape}")
    for what, grids in (("inputs", split.inputs), ("labels", split.labels)):
        if int(grids.max()) >= spec.vocab_size:
            row = int(np.argmax((grids >= spec.vocab_size).any(axis=1)))
            raise DataError(
                f"{where}: row {row} of {what} holds token {int(grids[row].max())}; {spec.name} allows 0 to "
                f"{spec.vocab_size - 1}"
            )
    for start in range(0, len(split), 1 << 16):
        labels = split.labels[start : start + (1 << 16)]
        wrong = (~spec.answerable[labels] & (labels != PAD)).any(axis=1)
        if wrong.any():
            row = start + int(np.argmax(wrong))
            raise DataError(
                f"{where}: the answer in row {row} holds a blank or a clue, which {spec.name} never answers; correct "
                "the row, or name in PuzzleSpec.answers every token id that an answer may hold"
            )
    if int(split.puzzle_ids.min()) < 0:
        raise DataError(f"{where}: puzzle_ids holds {int(split.puzzle_ids.min())}; they start at 0")


def _digest(
    spec: PuzzleSpec,
    splits: Mapping[str, SplitRecord],
    variants: Mapping[str, FileRecord] | None,
    named: FileRecord | None,
) -> str:
    content: list[object] = [spec.first_name or spec.name, spec.shape, spec.tokens]
    content.append({k: v.model_dump() for k, v in splits.items()})
    if variants is not None:
        content.append({k: v.model_dump() for k, v in variants.items()})
    if named is not None:
        content.append({NAMES: named.model_dump()})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
