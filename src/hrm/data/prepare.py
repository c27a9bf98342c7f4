"""The store that a run's ``DataConfig`` names, made once and kept in the cache."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Literal

from hrm import puzzles
from hrm.data.build import Progress, cached_store, generate_store, made_once, store_from_rows
from hrm.data.config import DataConfig
from hrm.data.sources.files import pairs, read_rows, require_rows
from hrm.data.sources.formats import SUFFIXES, text_suffix
from hrm.data.store import KIND, Split, Store, open_store
from hrm.errors import DataError, UsageError
from hrm.files import kind_of, require_writable, sha256_of
from hrm.puzzles.base import Puzzle
from hrm.puzzles.cells import Kind
from hrm.puzzles.table import TABLE, Declaration, Table, infer


def family(config: DataConfig) -> Puzzle:
    """Return the family of puzzles that a run is about.

    Raises:
        UsageError: no such family, or a table that is not declared.
    """
    if config.puzzle != TABLE:
        return puzzles.get(config.puzzle)
    if not config.symbols or config.shape == (0, 0):
        raise UsageError(
            "a table needs data.shape and data.symbols; `hrm train own` reads them off the rows of data.path"
        )
    return Table(Declaration(config.shape, config.symbols, config.blank, config.symmetries))


def family_of_file(name: str, path: Path, cells: Kind | Literal[""] = "") -> Puzzle | None:
    """Return the family that a file's puzzles are said to be of; a table is read off the rows; None: nothing is said.

    Args:
        cells: how the text of a table is read; empty: read off the rows.

    Raises:
        UsageError: no such family.
        DataError: the rows of a table are not what they should be.
    """
    if name == TABLE:
        return open_store(path).puzzle if path.is_dir() else Table(infer(pairs(path), cells=cells))
    return puzzles.get(name) if name else None


def infer_table(config: DataConfig) -> DataConfig:
    """Return the settings of a table with everything that was left out read off its rows.

    Raises:
        UsageError: no file is named.
        DataError: the rows are not what they should be.
    """
    if config.puzzle != TABLE or (config.symbols and config.shape != (0, 0)):
        return config
    if not config.path:
        raise UsageError("there is nothing to train on: give --data.path FILE (rows as CSV, JSONL or NPZ, or a store)")
    path = Path(config.path)
    if path.is_dir():
        puzzle = open_store(path, verify=False).puzzle  # whoever reads the rows verifies them
        if not isinstance(puzzle, Table):
            raise DataError(f"{path} is a store of {puzzle.spec.name}, not of a table: train it with that family")
        declaration = puzzle.declaration
    else:
        declaration = infer(pairs(path), blank=config.blank, cells=config.cells)
    shape = declaration.shape if config.shape == (0, 0) else config.shape
    return config.model_copy(
        update={"shape": shape, "symbols": config.symbols or declaration.symbols, "blank": declaration.blank}
    )


def require_source(config: DataConfig) -> None:
    """Refuse settings that name no puzzles, at once and without reading any.

    Raises:
        UsageError: there is nothing to train on, or no such file.
        DataError: a file that cannot hold rows.
    """
    if config.path:
        path = Path(config.path)
        if not path.is_dir():
            if not path.is_file():
                raise UsageError(f"data.path: there is no file or store {path}; check the path")
            require_rows(path)
            if config.test:
                raise UsageError("data.test only counts where puzzles are generated: evaluate on a file of your own")
    elif not (config.generate and config.train):
        spec = None if config.puzzle == TABLE else puzzles.get(config.puzzle).spec
        generated = ", or --data.generate true --data.train N" if spec and spec.generated else ""
        made = (
            f"{config.puzzle} puzzles as CSV or JSONL, or a store"
            if spec
            else "rows of input and output as CSV or JSONL"
        )
        if spec and spec.has_tasks:
            made = f"a store of {config.puzzle} tasks, such as `hrm data arc` makes"
        raise UsageError(f"there is nothing to train on: give --data.path FILE ({made}){generated}")
    if config.validation_path and not Path(config.validation_path).exists():
        raise UsageError(f"data.validation_path: there is no file or store {config.validation_path}; check the path")


def prepare(
    config: DataConfig,
    cache_dir: str | Path,
    now: str,
    progress: Progress | None = None,
    checked: Store | Puzzle | None = None,
) -> tuple[Store, dict[str, Split]]:
    """Return the store of the training puzzles, and its splits: train, and validation and test where asked for.

    Args:
        cache_dir: where stores made from files or generated are kept.
        now: the present time as ISO 8601.
        progress: called with (puzzles found, puzzles wanted) while puzzles are generated.
        checked: the store at ``path``, or else the family, where the caller has checked the settings already.

    Raises:
        UsageError: the settings name nothing to train on.
        DataError: a file or store is not what it should be.
    """
    cache_dir = Path(cache_dir)
    if checked is None:
        require_source(config)
        checked = family(config)
    puzzle = checked.puzzle if isinstance(checked, Store) else checked
    path = Path(config.path)
    # the store that is given, or one made once and kept under the digest of what went into it
    if isinstance(checked, Store) or (config.path and path.is_dir()):
        store = checked if isinstance(checked, Store) else open_store(path, puzzle=puzzle)
    else:
        counts = {name: n for name in ("train", "validation", "test") if (n := getattr(config, name))}
        key = config.model_dump(include={"puzzle", "train", "validation", "test", "share_twins", "seed"})
        if config.path:
            key["sha256"] = sha256_of(path)
            if isinstance(puzzle, Table):
                key["table"] = asdict(puzzle.declaration)
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
        folder = cache_dir / f"{config.puzzle}-{digest}"

        def made() -> Store:
            if config.path:
                return _from_file(folder, path, puzzle, config, counts, now)
            return generate_store(folder, puzzle, counts, config.seed, now, config.share_twins, progress)

        store = made_once(folder, puzzle, made)
    # its splits, and validation puzzles of another file
    splits = dict(store.splits)
    if "train" not in splits:
        raise DataError(f"the store {store.path} has no split 'train'; it has {', '.join(splits)}")
    if config.validation_path:
        held_out = cached_store(Path(config.validation_path), cache_dir, puzzle, now)
        name = "validation" if "validation" in held_out.splits else "all"
        splits["validation"] = held_out.split(name)
    return store, splits


def _from_file(folder: Path, path: Path, puzzle: Puzzle, config: DataConfig, counts: dict[str, int], now: str) -> Store:
    rows = read_rows(path, puzzle)
    shares = _with_the_rest(counts, len(rows), path)
    return store_from_rows(folder, rows, shares, config.seed, now, twins=config.share_twins)


def build_store(
    source: str,
    out: Path,
    name: str,
    counts: dict[str, int],
    seed: int,
    created: str,
    share_twins: bool,
    check: bool,
    progress: Progress,
    cells: Kind | Literal[""] = "",
) -> Store:
    """Generate a family's puzzles into a store, or split a file of puzzles.

    Args:
        source: the name of a family, or the path of a CSV, JSONL or NPZ file.
        name: family of the puzzles of a file, ``table`` for rows of one's own; empty: told by the first question.
        counts: rows of train, validation and test; 0 leaves a split out, and of a file train takes the rest.
        check: prove that every puzzle of the file has exactly one solution (generated ones have).
        cells: how the text of a table is read; empty: read off the rows.

    Raises:
        UsageError: no such family or file, or nothing asked for.
        DataError: a row that is not what it should be.
    """
    if min(counts.values()) < 0:
        raise UsageError(f"counts cannot be negative (got {counts})")
    if kind_of(out) == KIND:
        raise UsageError(f"{out} is a store already: choose another --out, or delete it first")
    require_writable(out, KIND)
    wanted = {name: n for name, n in counts.items() if n}
    path = Path(source)
    if path.is_file():
        rows = read_rows(path, family_of_file(name, path, cells))
        if check:
            for row, puzzle in enumerate(rows.inputs, start=1):
                try:
                    rows.puzzle.require_unique(puzzle)
                except DataError as error:
                    raise DataError(f"{path}, puzzle {row}: {error}") from None
                progress(row, len(rows))
        shares = _with_the_rest(wanted, len(rows), path)
        return store_from_rows(out, rows, shares, seed, created, twins=share_twins)
    try:
        puzzle = puzzles.get(source)
    except UsageError as error:
        if text_suffix(path) in SUFFIXES:
            raise UsageError(f"there is no file {source}; check the path") from None
        raise UsageError(f"there is no file {source}, and {error}") from None
    if not wanted:
        raise UsageError("ask for puzzles: --train N, --validation N, --test N")
    return generate_store(out, puzzle, wanted, seed, created, share_twins, progress)


def _with_the_rest(counts: dict[str, int], total: int, path: Path) -> dict[str, int | float]:
    """Keep the counts, and give the rows that are left to training where it asks for no number of its own."""
    if "train" in counts:
        return dict(counts)
    rest = total - sum(counts.values())
    if rest < 1:
        raise UsageError(f"the splits take all {total} puzzles of {path}; leave some to train on")
    return {"train": rest / total, **counts}
