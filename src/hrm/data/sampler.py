"""The order of puzzles and their augmentation, as a pure function of the number of the draw.

Draw number d shows one puzzle under one symmetry, or in one variant of its task. Which puzzle, and which variant,
depends on (seed, epoch), and which symmetry on (seed, d), so a run that resumes, or spreads over other machines, sees
exactly what it would have seen.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from hrm.data.augment import Augmentation, Batch, RandomSymmetry, TaskVariant
from hrm.data.store import Split
from hrm.data.task_table import TaskTable
from hrm.errors import DataError
from hrm.puzzles.base import Puzzle
from hrm.randomness import Stream, generator, uniforms


@dataclass(frozen=True)
class Reveal:
    """How much of the answer a draw may show: a largest share that moves from ``first`` to ``last``."""

    first: float
    last: float
    draws: int
    """Draws over which it moves."""

    def largest_share(self, draws: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Return the largest share of the blanks that each draw may show."""
        progress = np.clip(draws / max(self.draws, 1), 0.0, 1.0)
        return self.first + (self.last - self.first) * progress


class Sampler:
    """Draws puzzles of a split: every one once an epoch, each time under another symmetry."""

    def __init__(
        self,
        split: Split,
        puzzle: Puzzle,
        seed: int,
        augment: bool,
        reveal: Reveal | None = None,
        table: TaskTable | None = None,
    ) -> None:
        """Take the split as it is; nothing is copied.

        Args:
            seed: names the order and the symmetries; 0 or more.
            augment: whether to show each puzzle under a random symmetry or, with a table, in a variant of its task.
            reveal: how much of the answers is filled in; None: nothing. Examples of tasks are always shown as they are.
            table: the tasks that the puzzles are examples of; None: they are of none.

        Raises:
            DataError: the split is empty or of another family.
        """
        if not len(split) or split.inputs.shape[1] != puzzle.spec.cells:
            raise DataError(
                f"cannot draw {puzzle.spec.name} puzzles of {puzzle.spec.cells} cells from a split of shape "
                f"{split.inputs.shape}; choose a split of that family with at least one row"
            )
        self._inputs, self._labels = np.asarray(split.inputs), np.asarray(split.labels)
        self._puzzle_ids = np.asarray(split.puzzle_ids)
        self._puzzle, self._seed = puzzle, seed
        self._reveal = reveal if table is None else None
        self._augmentation: Augmentation | None = None
        if augment:
            symmetry = RandomSymmetry(puzzle, seed)
            self._augmentation = symmetry if table is None else TaskVariant(puzzle, seed, table, len(split))
        self._remembered: tuple[int, np.ndarray] | None = None  # (epoch, its order), only to save time

    def __len__(self) -> int:
        return len(self._inputs)

    def rows(self, draws: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        """Return the row of the split that each draw shows."""
        epochs, places = np.divmod(draws, len(self))
        rows = np.empty_like(draws)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            rows[chosen] = self._order(int(epoch))[places[chosen]]
        return rows

    def take(self, cursor: int, n: int) -> Batch:
        """Return draws ``cursor`` to ``cursor + n - 1``, the same ones at every call."""
        draws = np.arange(cursor, cursor + n, dtype=np.int64)
        rows = self.rows(draws)
        batch = Batch(self._inputs[rows], self._labels[rows], self._puzzle_ids[rows].astype(np.int64), draws)
        if self._reveal is not None and n:
            batch = replace(batch, inputs=self._revealed(batch, self._reveal))
        return batch if self._augmentation is None or not n else self._augmentation(batch)

    def _revealed(self, batch: Batch, reveal: Reveal) -> UInt8[np.ndarray, "n C"]:
        """Fill in a random share of the blanks: an easier state of the same puzzle. What a clue tells is never lost."""
        numbers = uniforms(self._seed, Stream.REVEAL, batch.draws, 1 + batch.inputs.shape[1])
        share = numbers[:, :1] * reveal.largest_share(batch.draws)[:, None]
        blank = batch.inputs == self._puzzle.spec.blank
        order = np.where(blank, numbers[:, 1:], np.inf).argsort(axis=1).argsort(axis=1)  # rank among the blanks
        return np.where(order < np.floor(share * blank.sum(1, keepdims=True)), batch.labels, batch.inputs)

    def _order(self, epoch: int) -> np.ndarray:
        if self._remembered is None or self._remembered[0] != epoch:
            order = generator(self._seed, Stream.ORDER, epoch).permutation(len(self))
            self._remembered = (epoch, order)
        return self._remembered[1]
