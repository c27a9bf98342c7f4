"""From puzzles to stores: read, verify, split without letting a symmetric twin cross over, write.

A model that has seen a twin of a test puzzle has, with its augmentation, seen the test puzzle; so every
function here that makes several splits keeps twins on one side, unless it is told that the family is too
small for that.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path

import numpy as np
from filelock import FileLock
from jaxtyping import Int, UInt8

from hrm.data.sources.files import Rows, family_of, first_occurrences, read_rows, require_rows
from hrm.data.store import Plain, Split, Store, open_store, write_store
from hrm.data.twins import TwinClasses
from hrm.errors import DataError, UsageError
from hrm.files import sha256_of
from hrm.puzzles.base import Puzzle
from hrm.randomness import Stream, generator

PATIENCE = 5000
"""A family that repeats itself this many times in a row has no more puzzles to give."""

Progress = Callable[[int, int], None]


def generate_store(
    path: str | Path,
    puzzle: Puzzle,
    counts: Mapping[str, int],
    seed: int,
    created: str,
    twins: bool = False,
    progress: Progress | None = None,
) -> Store:
    """Fill splits with generated puzzles, none of which occurs twice anywhere.

    Args:
        counts: rows of each split; they are filled in this order from one sequence of puzzles.
        created: the present time as ISO 8601.
        twins: allow symmetric twins in different splits; for families that have few puzzles but for symmetry.
        progress: called with (puzzles found, puzzles wanted).

    Raises:
        UsageError: a count below 1.
        DataError: the family has fewer different puzzles than asked for.
    """
    path = Path(path)
    if not counts or min(counts.values()) < 1:
        raise UsageError(f"counts of {dict(counts)} are not allowed: every split needs at least 1 puzzle")
    total, tried, done = sum(counts.values()), 0, 0
    elsewhere = TwinClasses(puzzle)
    new = new_puzzles(puzzle, seed, set(), elsewhere)
    splits = {}
    for name, wanted in counts.items():
        kept: list[tuple[np.ndarray, np.ndarray]] = []
        for _, (index, inputs, answer) in zip(range(wanted), new, strict=False):  # any number, unlike islice
            kept.append((inputs, answer))
            tried, done = index + 1, done + 1
            if progress:
                progress(done, total)
        if len(kept) < wanted:
            raise DataError(
                f"{puzzle.spec.name} gave no new puzzle in {PATIENCE} tries: split {name!r} has "
                f"{len(kept)} of {wanted}, after {tried + PATIENCE} puzzles; ask for fewer, or allow twins"
            )
        splits[name] = unrated(*map(np.stack, zip(*kept, strict=True)))
        if not twins:
            elsewhere.add(splits[name].inputs, splits[name].labels)
    provenance = {
        "generator": puzzle.generator,
        "seed": seed,
        "puzzles_tried": tried,
        "twins_across_splits": twins,
    }
    return write_store(path, puzzle, splits, provenance, created)


def new_puzzles(
    puzzle: Puzzle, seed: int, seen: set[bytes], elsewhere: TwinClasses
) -> Iterator[tuple[int, UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]]:
    """Yield generated puzzles with their numbers and answers, until ``PATIENCE`` in a row are not new.

    Args:
        seen: puzzles that are not new; those that are yielded come to them.
        elsewhere: puzzles whose twins are not new.
    """
    repeats = 0
    for index in count():
        inputs, answer = puzzle.generate(seed, index)
        if inputs.tobytes() not in seen and not elsewhere.has(inputs, answer):
            repeats = 0
            seen.add(inputs.tobytes())
            yield index, inputs, answer
        elif (repeats := repeats + 1) >= PATIENCE:
            return


def store_from_rows(
    path: str | Path,
    rows: Rows,
    splits: Mapping[str, int | float],
    seed: int,
    created: str,
    subsample: int | None = None,
    twins: bool = False,
    provenance: Mapping[str, Plain] | None = None,
) -> Store:
    """Write a seeded subsample of rows, split at random so that twins stay together.

    A puzzle that occurs twice is taken once.

    Args:
        splits: for each split a number of rows (int) or a share of all rows (float; met up to
            the size of a group of twins). A share of 1.0 takes what the counts leave.
        subsample: how many of the different rows to use at all; None uses every one.
        twins: allow symmetric twins in different splits.
        provenance: what to note beside the source's name and sha256, such as the license.

    Raises:
        UsageError: a count or share out of range.
        DataError: there are fewer rows than asked for.
    """
    path = Path(path)
    shares = sum(value for value in splits.values() if isinstance(value, float))
    if not splits or min(splits.values()) <= 0 or shares > 1 + 1e-9:
        raise UsageError(
            f"splits {dict(splits)} are not allowed: counts from 1, or shares above 0 that sum to 1 at most"
        )
    different = first_occurrences(rows.inputs)
    order = generator(seed, Stream.SPLIT, 0).permutation(different)
    if subsample is not None:
        if not 1 <= subsample <= len(order):
            raise DataError(f"a subsample of {subsample} was asked for; {rows.name} has {len(order)} different puzzles")
        order = order[:subsample]
    groups = [[row] for row in order.tolist()] if twins else _twin_groups(rows, order)
    wanted = {k: v if isinstance(v, int) else round(v * len(order)) for k, v in splits.items()}
    chosen = _deal(groups, wanted, {k for k, v in splits.items() if isinstance(v, float)})
    for name, picked in chosen.items():
        if not picked or (isinstance(splits[name], int) and len(picked) < wanted[name]):
            raise DataError(
                f"split {name!r} got {len(picked)} rows of {wanted[name]}: {rows.name} has {len(order)} "
                f"different puzzles in {len(groups)} groups of twins; ask for fewer"
            )
    parts = {name: rows.split(np.sort(np.array(picked))) for name, picked in chosen.items()}
    notes: dict[str, Plain] = {
        "source": rows.name, "source_sha256": rows.sha256, "source_rows": len(rows),
        "seed": seed, "subsample": subsample, "duplicates_dropped": len(rows) - len(different),
        "twins_across_splits": twins,
    }  # fmt: skip
    return write_store(path, rows.puzzle, parts, notes | dict(provenance or {}), created)


def cached_store(
    path: str | Path, cache_dir: str | Path, puzzle: Puzzle | None, now: str, answers_required: bool = True
) -> Store:
    """Open a store, or turn a CSV or JSONL file into one with a single split ``all``, kept under its sha256.

    Args:
        cache_dir: where such stores are kept; a damaged one there is made anew.
        puzzle: the family; None takes it from the store, or from the length of the first question.
        now: the present time as ISO 8601.
        answers_required: refuse rows without an answer; otherwise their labels are padding.

    Raises:
        DataError: the file or store is not what it should be.
    """
    cache_dir = Path(cache_dir)
    path = Path(path)
    if path.is_dir():
        return open_store(path, puzzle=puzzle)
    require_rows(path)
    family = puzzle or family_of(path)
    sha256 = sha256_of(path)
    folder = cache_dir / f"{family.spec.name}-{sha256[:24]}"

    def usable(store: Store) -> bool:
        notes = store.manifest.provenance
        return notes.get("source_sha256") == sha256 and bool(notes.get("answered") or not answers_required)

    def made() -> Store:
        rows = read_rows(path, family, answers_required)
        notes: dict[str, Plain] = {
            "source": rows.name, "source_sha256": rows.sha256, "duplicates": rows.duplicates,
            "answered": rows.answered,
        }  # fmt: skip
        return write_store(folder, family, {"all": rows.split(np.arange(len(rows)))}, notes, now)

    return made_once(folder, family, made, usable)


def made_once(
    folder: Path, puzzle: Puzzle, make: Callable[[], Store], usable: Callable[[Store], bool] = lambda store: True
) -> Store:
    """Return the store of a cache that lies in a folder, or make it there.

    Of several processes that want it at the same time one makes it, and the others wait. Where the cache cannot hold a
    lock, none waits.

    Args:
        make: writes the store into the folder, in place of a damaged one.
        usable: says whether an undamaged one will do.
    """
    if (store := _found(folder, puzzle, usable)) is not None:
        return store
    lock = FileLock(folder.parent / f".{folder.name}.lock")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError:
        return make()
    try:
        store = _found(folder, puzzle, usable)
        return make() if store is None else store
    finally:
        with suppress(OSError):
            os.unlink(lock.lock_file)  # while it is held: who waits for it notices, and makes another
        lock.release()


def _found(folder: Path, puzzle: Puzzle, usable: Callable[[Store], bool]) -> Store | None:
    try:
        store = open_store(folder, puzzle=puzzle)
    except DataError:
        return None
    return store if usable(store) else None


def _twin_groups(rows: Rows, order: Int[np.ndarray, " n"]) -> list[list[int]]:
    """Group the chosen rows by twin class, in the order in which the classes first occur."""
    invariants = rows.puzzle.twin_invariants(rows.inputs[order], rows.labels[order])
    counts = Counter(invariants.tolist())
    groups: dict[tuple[int, bytes], list[int]] = {}
    for row, invariant in zip(order.tolist(), invariants.tolist(), strict=True):
        exact = rows.puzzle.twin_key(rows.inputs[row], rows.labels[row]) if counts[invariant] > 1 else b""
        groups.setdefault((invariant, exact), []).append(row)
    return list(groups.values())


def _deal(groups: list[list[int]], wanted: dict[str, int], elastic: set[str]) -> dict[str, list[int]]:
    """Give each group whole to the first split with room (counts first), or stretch a share."""
    chosen: dict[str, list[int]] = {name: [] for name in wanted}
    ordered = sorted(wanted, key=lambda name: name in elastic)
    for group in groups:
        room = {name: wanted[name] - len(chosen[name]) for name in wanted}
        fits = [name for name in ordered if room[name] >= len(group)]
        fits = fits or sorted((k for k in elastic if room[k] > 0), key=lambda k: (-room[k], k))  # noqa: B023
        if fits:
            chosen[fits[0]] += group
    return chosen


def unrated(inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Split:
    """Return puzzles and their answers as a split without puzzle ids and ratings."""
    n = len(inputs)
    return Split(inputs, answers, np.zeros(n, np.int32), np.full(n, np.nan, np.float32))
