"""Puzzles that a model has not been trained on, generated on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from hrm.data.build import new_puzzles, unrated
from hrm.data.config import DataConfig
from hrm.data.prepare import family, prepare
from hrm.data.store import Plain, Split
from hrm.data.twins import TwinClasses
from hrm.errors import DataError, UsageError

MOST_COMPARED = 5000
"""So many training puzzles are generated again, to leave them out; of more, a chance meeting is left to chance."""


def unseen(
    config: DataConfig,
    count: int,
    seed: int,
    cache_dir: Path,
    now: str,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[Split, dict[str, Plain]]:
    """Generate different puzzles of a model's family, and say where they come from.

    Where the model was trained on a few thousand generated puzzles at the most, none is among its training and
    validation puzzles, nor a twin of one where its splits were kept free of twins. More take too long to generate
    again, and a training file need not be at hand: then nothing is compared, and ``apart_from`` says so.

    Args:
        config: of the training.
        now: the present time as ISO 8601.

    Raises:
        UsageError: the family is not generated, or the seed is that of training puzzles that are not compared with.
        DataError: it has fewer puzzles than asked for.
    """
    puzzle = family(config)
    seen: set[bytes] = set()
    twins = TwinClasses(puzzle)
    generated = config.generate and not config.path
    compared = generated and config.train + config.validation <= MOST_COMPARED
    if generated and not compared and seed == config.seed:
        raise UsageError(f"seed {seed} has generated the training puzzles: choose another")
    if compared:
        _, splits = prepare(config, cache_dir, now)
        for name in splits.keys() - {"test"}:
            seen |= {row.tobytes() for row in np.asarray(splits[name].inputs)}
            if not config.share_twins:
                twins.add(np.asarray(splits[name].inputs), np.asarray(splits[name].labels))
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    new = new_puzzles(puzzle, seed, seen, twins)
    for _, (_, inputs, answer) in zip(range(count), new, strict=False):  # any number, unlike islice
        kept.append((inputs, answer))
        if progress:
            progress(len(kept), count)
    if len(kept) < count:
        raise DataError(f"{puzzle.spec.name} has only {len(kept)} unseen puzzles of {count}; ask for fewer")
    split = unrated(*map(np.stack, zip(*kept, strict=True)))
    apart = "training and validation puzzles" if compared else "nothing: the training puzzles were not at hand"
    return split, {"generator": puzzle.spec.name, "seed": seed, "puzzles": count, "apart_from": apart}
