"""Puzzles that a model has not been trained on, generated on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hrm.data.build import PATIENCE
from hrm.data.config import DataConfig
from hrm.data.prepare import family, prepare
from hrm.data.store import Plain, Split
from hrm.data.twins import TwinClasses
from hrm.errors import DataError


def unseen(
    config: DataConfig,
    count: int,
    seed: int,
    cache_dir: Path,
    now: str,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Split, dict[str, Plain]]:
    """Generate different puzzles of a model's family, and say where they come from.

    Where the model was trained on generated puzzles, none is among its training and validation puzzles, nor a twin of
    one where its splits were kept free of twins. A training file need not be at hand, so it is not compared with.

    Args:
        config: of the training.
        now: the present time as ISO 8601.

    Raises:
        UsageError: the family is not generated.
        DataError: it has fewer puzzles than asked for.
    """
    puzzle = family(config)
    seen: set[bytes] = set()
    twins = TwinClasses(puzzle)
    known = config.generate and not config.path
    if known:
        _, splits = prepare(config, cache_dir, now)
        for name in splits.keys() - {"test"}:
            seen |= {row.tobytes() for row in np.asarray(splits[name].inputs)}
            if not config.share_twins:
                twins.add(np.asarray(splits[name].inputs), np.asarray(splits[name].labels))
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    index = repeats = 0
    while len(kept) < count:
        inputs, answer = puzzle.generate(seed, index)
        index += 1
        if inputs.tobytes() in seen or twins.has(inputs, answer):
            repeats += 1
            if repeats >= PATIENCE:
                raise DataError(f"{puzzle.spec.name} has only {len(kept)} unseen puzzles of {count}; ask for fewer")
            continue
        repeats = 0
        seen.add(inputs.tobytes())
        kept.append((inputs, answer))
        if progress:
            progress(len(kept), count)
    grids, labels = (np.stack(column) for column in zip(*kept, strict=True))
    split = Split(grids, labels, np.zeros(count, np.int32), np.full(count, np.nan, np.float32))
    apart = "training and validation puzzles" if known else "nothing: they were trained on a file"
    return split, {"generator": puzzle.spec.name, "seed": seed, "puzzles": count, "apart_from": apart}
