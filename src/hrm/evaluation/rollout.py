"""Run a solver over puzzles, batch by batch and segment by segment: what every measurement looks at.

Axes: M segments, n puzzles, C cells.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Shaped, UInt8

from hrm.data.store import Split
from hrm.inference.answer import SegmentOutput
from hrm.inference.slots import pad_batch
from hrm.inference.solver import Solver
from hrm.runtime.world import ALONE, World

Progress = Callable[[int, int], None]
"""Called with the number of puzzles done and of all."""


def no_progress(done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Step:
    """A batch of puzzles after one segment, without the rows that only fill the batch."""

    rows: slice
    """Which puzzles of the split these are."""
    inputs: UInt8[np.ndarray, "n C"]
    labels: UInt8[np.ndarray, "n C"]
    output: SegmentOutput


def rollout(
    solver: Solver, split: Split, segments: int, progress: Progress = no_progress, world: World = ALONE
) -> Iterator[Step]:
    """Run every puzzle through all segments; yield each batch after each of its segments.

    Args:
        world: processes that take the batches in turn; each yields its own.
    """
    count = len(split)
    size = min(solver.batch_size, count)
    for start in range(world.rank * size, count, world.size * size):
        rows = slice(start, min(start + size, count))
        inputs, labels, ids = (np.asarray(part[rows]) for part in (split.inputs, split.labels, split.puzzle_ids))
        for output in solver.run(pad_batch(inputs, size), segments, pad_batch(ids, size), range(start, rows.stop)):
            yield Step(rows, inputs, labels, output.rows(slice(len(inputs))))
        progress(rows.stop, count)


def by_batch(steps: Iterable[Step]) -> Iterator[Iterator[Step]]:
    """Yield for each batch its steps, one for each segment."""
    for _, batch in groupby(steps, key=lambda step: step.rows.start):
        yield batch


def collect(steps: Iterable[Step], value: Callable[[Step], np.ndarray]) -> Shaped[np.ndarray, "M n ..."]:
    """Return a value of every puzzle after every segment."""
    return np.concatenate([np.stack([value(step) for step in batch]) for batch in by_batch(steps)], axis=1)


def outputs_of(steps: Sequence[Step], row: int) -> list[SegmentOutput]:
    """Return the answers to one puzzle after every segment, each a batch of one."""
    steps = [step for step in steps if step.rows.start <= row < step.rows.stop]
    return [step.output.rows(slice(row - step.rows.start, row - step.rows.start + 1)) for step in steps]
