"""Evaluate a solver on a split: every segment, and what early exit would have answered."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hrm.data.store import Split
from hrm.evaluation.metrics import wilson_interval
from hrm.inference.solver import Solver, filled_up
from hrm.puzzles.base import PAD


def evaluate(
    solver: Solver,
    split: Split,
    segments: int,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of every metric; all puzzles run all segments.

    * ``exact``: the answer equals the stored one at every supervised cell; ``valid``: the rules hold;
      ``cell``: share of supervised cells that are right. Each after the last segment and per segment.
    * ``early_exit``: each puzzle's answer at the first segment where the Q-head prefers to halt.

    Args:
        segments: how many to run.
        limit: only the first so many puzzles.
        progress: called with (puzzles done, puzzles in all) after every batch.
    """
    count = min(len(split), limit or len(split))
    size = solver.batch_size
    sums = np.zeros((segments, 3))  # exact, valid, cell
    early_exact = early_segments = by_choice = 0
    for start in range(0, count, size):
        stop = min(start + size, count)
        inputs, labels = np.asarray(split.inputs[start:stop]), np.asarray(split.labels[start:stop])
        rows = len(inputs)
        supervised = labels != PAD
        going = np.ones(rows, bool)
        for number, thought in enumerate(solver.think(filled_up(inputs, size), segments)):
            answers = thought.tokens[:rows]
            right = (answers == labels) | ~supervised
            exact = right.all(1)
            cell = (right & supervised).sum(1) / supervised.sum(1).clip(min=1)
            sums[number] += exact.sum(), solver.puzzle.verify(inputs, answers).sum(), cell.sum()
            chooses = going & thought.prefers_halt[:rows]
            stops = going if number == segments - 1 else chooses
            by_choice += int(chooses.sum())
            early_exact += int(exact[stops].sum())
            early_segments += int(stops.sum()) * (number + 1)
            going = going & ~stops
        progress(stop, count)
    shares = sums / count
    exact, valid, cell = (float(value) for value in shares[-1])
    yield "task", solver.puzzle.spec.name
    yield "examples", count
    yield "cell", cell
    yield "exact", exact
    yield "exact_ci95", list(wilson_interval(round(exact * count), count))
    yield "valid", valid
    yield (
        "per_segment",
        [
            {"segment": number, "exact": float(e), "valid": float(v), "cell": float(c)}
            for number, (e, v, c) in enumerate(shares, start=1)
        ],
    )
    yield (
        "early_exit",
        {
            "exact": early_exact / count,
            "segments_mean": early_segments / count,
            "halted_by_choice": by_choice / count,
        },
    )
