"""How a draw changes its puzzle: by a random symmetry of the family, or into a variant of its task.

What a symmetry does is said by ``Puzzle.symmetries``: for Sudoku in ``hrm.puzzles.sudoku.classic``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64, UInt8

from hrm.data.task_table import TaskTable
from hrm.puzzles.base import Puzzle
from hrm.randomness import Stream, uniforms


@dataclass(frozen=True)
class Batch:
    """Consecutive draws. Axes: n draws, C cells."""

    inputs: UInt8[np.ndarray, "n C"]
    labels: UInt8[np.ndarray, "n C"]
    puzzle_ids: Int64[np.ndarray, " n"]
    draws: Int64[np.ndarray, " n"]
    """Number of each draw, counted from the start of the run."""

    def __len__(self) -> int:
        return len(self.draws)


Augmentation = Callable[[Batch], Batch]
"""A function of the puzzles and of the numbers of their draws alone."""


@dataclass(frozen=True)
class RandomSymmetry:
    """Shows each puzzle under a symmetry of its own."""

    puzzle: Puzzle
    seed: int

    def __call__(self, batch: Batch) -> Batch:
        """Return the puzzles, moved and renamed."""
        numbers = uniforms(self.seed, Stream.SYMMETRY, batch.draws, self.puzzle.spec.symmetry_draws)
        symmetries = self.puzzle.symmetries(numbers)
        images, turned = symmetries.apply(batch.inputs), symmetries.apply(batch.labels)
        labels = self.puzzle.image_answers(batch.inputs, batch.labels, images, turned)
        return replace(batch, inputs=images, labels=labels)


@dataclass(frozen=True)
class TaskVariant:
    """Shows all examples of a task in one variant an epoch, with the puzzle id of that variant."""

    puzzle: Puzzle
    seed: int
    table: TaskTable
    epoch: int
    """Draws of an epoch."""

    def __call__(self, batch: Batch) -> Batch:
        """Return the examples, which come as the originals of their tasks, in the variants of their epochs."""
        tasks = self.table.tasks_of(batch.puzzle_ids)
        counters = (batch.draws // self.epoch) * len(self.table.task_ids) + tasks
        shares = uniforms(self.seed, Stream.VARIANT, counters, 1)[:, 0]
        ids = batch.puzzle_ids + (shares * np.diff(self.table.starts)[tasks]).astype(np.int64)
        variants = self.table.variants[ids - 1]
        shown = self.puzzle.in_variants(batch.inputs, batch.labels, variants, self.seed, batch.draws)
        return Batch(*shown, ids, batch.draws)
