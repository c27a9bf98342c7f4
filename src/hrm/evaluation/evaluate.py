"""Evaluate a solver on a split: every segment, and what early exit would have answered."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from hrm.data.store import Split
from hrm.evaluation.metrics import wilson_interval
from hrm.inference.slots import pad_batch
from hrm.inference.solver import Solver
from hrm.puzzles.base import PAD


def evaluate(
    solver: Solver,
    split: Split,
    segments: int,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of every metric; all puzzles run all segments.

    * ``exact``: the answer equals the stored one at every supervised cell; ``valid``: the rules hold, None where
      the family knows none; ``cell``: share of supervised cells that are right; and what else the family says of
      answers (``Puzzle.extra_metrics``). Each after the last segment and per segment.
    * ``early_exit``: each puzzle's answer at the first segment where the Q-head prefers to halt.

    Args:
        segments: how many to run.
        limit: only this many puzzles, from the start.
        progress: called with (puzzles done, puzzles in all) after every batch.
    """
    count = min(len(split), limit or len(split))
    size = min(solver.batch_size, count)
    sums: list[Counter[str]] = [Counter() for _ in range(segments)]
    early_exact = early_segments = by_choice = 0
    for start in range(0, count, size):
        stop = min(start + size, count)
        inputs, labels = np.asarray(split.inputs[start:stop]), np.asarray(split.labels[start:stop])
        rows = len(inputs)
        supervised = labels != PAD
        going = np.ones(rows, bool)
        ids = pad_batch(np.asarray(split.puzzle_ids[start:stop]), size)
        for number, thought in enumerate(solver.run(pad_batch(inputs, size), segments, ids)):
            answers = thought.tokens[:rows]
            right = (answers == labels) | ~supervised
            exact = right.all(1)
            cell = (right & supervised).sum(1) / supervised.sum(1).clip(min=1)
            said = {"exact": exact, "cell": cell, **solver.puzzle.extra_metrics(inputs, answers)}
            if solver.puzzle.spec.has_rules:
                said["valid"] = solver.puzzle.verify(inputs, answers)
            sums[number].update({name: float(values.sum()) for name, values in said.items()})
            chooses = going & thought.prefers_halt[:rows]
            stops = going if number == segments - 1 else chooses
            by_choice += int(chooses.sum())
            early_exact += int(exact[stops].sum())
            early_segments += int(stops.sum()) * (number + 1)
            going = going & ~stops
        progress(stop, count)
    shares = [{"valid": None, **{name: total / count for name, total in line.items()}} for line in sums]
    yield "task", solver.puzzle.spec.name
    yield "examples", count
    yield from shares[-1].items()
    yield "exact_ci95", list(wilson_interval(round(sums[-1]["exact"]), count))
    yield "per_segment", [{"segment": number, **line} for number, line in enumerate(shares, start=1)]
    yield (
        "early_exit",
        {
            "exact": early_exact / count,
            "segments_mean": early_segments / count,
            "halted_by_choice": by_choice / count,
        },
    )
