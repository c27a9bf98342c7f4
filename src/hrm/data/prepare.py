"""The store that a run's ``DataConfig`` names, made once and kept in the cache."""

import hashlib
import json
from pathlib import Path

from hrm import puzzles
from hrm.data.build import Progress, cached_store, generate_store, store_from_rows
from hrm.data.config import DataConfig
from hrm.data.folders import sha256_of
from hrm.data.reading import read_rows
from hrm.data.store import Split, Store, open_store
from hrm.errors import DataError, UsageError


def prepare(
    config: DataConfig, cache_dir: Path, now: str, progress: Progress | None = None
) -> tuple[Store, dict[str, Split]]:
    """Return the store of the training puzzles, and its splits: train, and validation and test where asked for.

    Args:
        cache_dir: where stores made from files or generated are kept.
        now: the present time as ISO 8601.
        progress: called with (puzzles found, puzzles wanted) while puzzles are generated.

    Raises:
        UsageError: the settings name nothing to train on.
        DataError: a file or store is not what it should be.
    """
    family = puzzles.get(config.puzzle)
    path = Path(config.path)
    if config.path and path.is_dir():
        store = open_store(path, puzzle=family)
    else:
        counts = {name: n for name in ("train", "validation", "test") if (n := getattr(config, name))}
        key = config.model_dump(include={"puzzle", "train", "validation", "test", "share_twins", "seed"})
        if config.path:
            if not path.is_file():
                raise UsageError(f"data.path: there is no file or store {path}")
            key["sha256"] = sha256_of(path)
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
        folder = cache_dir / f"{config.puzzle}-{digest}"
        try:
            store = open_store(folder, puzzle=family)
        except DataError:
            if config.path:
                store = _from_file(folder, path, config, counts, now)
            elif "train" in counts:
                store = generate_store(
                    folder, family, counts, config.seed, now, config.share_twins, progress
                )
            else:
                raise UsageError(
                    f"there is nothing to train on: give --data.path FILE ({config.puzzle} puzzles as CSV or "
                    "JSONL, or a store), or --data.train N to generate puzzles"
                ) from None
    splits = dict(store.splits)
    if "train" not in splits:
        raise DataError(f"the store {store.path} has no split 'train'; it has {', '.join(splits)}")
    if config.validation_path:
        held_out = cached_store(Path(config.validation_path), cache_dir, family, now)
        name = "validation" if "validation" in held_out.splits else "all"
        splits["validation"] = held_out.split(name)
    return store, splits


def _from_file(
    folder: Path, path: Path, config: DataConfig, counts: dict[str, int], now: str
) -> Store:
    if "test" in counts:
        raise UsageError("data.test only counts where puzzles are generated: evaluate on a file of your own")
    rows = read_rows(path, puzzles.get(config.puzzle))
    if "train" not in counts:
        counts = {"train": len(rows) - counts.get("validation", 0), **counts}
        if counts["train"] < 1:
            raise UsageError(f"data.validation takes all {len(rows)} puzzles of {path}; leave some to train on")
        return store_from_rows(
            folder, rows, _shares(counts), config.seed, now, twins=config.share_twins
        )
    return store_from_rows(folder, rows, counts, config.seed, now, twins=config.share_twins)


def _shares(counts: dict[str, int]) -> dict[str, int | float]:
    """Keep the held-out count exact and give everything else to training, duplicates or not."""
    total = sum(counts.values())
    return {name: n if name != "train" else n / total for name, n in counts.items()}
