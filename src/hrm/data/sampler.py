"""The order of puzzles and their augmentation, as a pure function of the number of the draw.

Draw number d shows one puzzle under one symmetry. Which puzzle depends on (seed, epoch) and which symmetry on
(seed, d), so a run that resumes, or spreads over other machines, sees exactly what it would have seen.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from hrm.data.store import Split
from hrm.errors import DataError
from hrm.puzzles.arc.family import shown
from hrm.puzzles.arc.variants import PuzzleTable
from hrm.puzzles.base import Puzzle
from hrm.randomness import Stream, generator, uniforms


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
        table: PuzzleTable | None = None,
    ) -> None:
        """Take the split as it is; nothing is copied.

        Args:
            seed: names the order and the symmetries; 0 or more.
            augment: whether to apply a random symmetry to each draw.
            reveal: how much of the answers is filled in; None: nothing.
            table: of ARC, the variants of each task: an epoch shows each task in one of them.

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
        self._puzzle, self._seed, self._augment = puzzle, seed, augment
        self._reveal, self._table = reveal, table
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
        inputs, labels = self._inputs[rows], self._labels[rows]
        if self._table is not None and n:
            return self._in_variants(inputs, labels, rows, draws, self._table)
        if self._reveal is not None and n:
            inputs = self._revealed(inputs, labels, draws, self._reveal)
        if self._augment and n:
            numbers = uniforms(self._seed, Stream.SYMMETRY, draws, self._puzzle.spec.symmetry_draws)
            symmetries = self._puzzle.symmetries(numbers)
            inputs, labels = symmetries.apply(inputs), symmetries.apply(labels)
        return Batch(inputs, labels, self._puzzle_ids[rows].astype(np.int64), draws)

    def _in_variants(
        self,
        inputs: UInt8[np.ndarray, "n C"],
        labels: UInt8[np.ndarray, "n C"],
        rows: Int64[np.ndarray, " n"],
        draws: Int64[np.ndarray, " n"],
        table: PuzzleTable,
    ) -> Batch:
        """Show each example in the variant that its task has in this epoch, at a place of its own."""
        first = self._puzzle_ids[rows].astype(np.int64)
        if not self._augment:
            return Batch(inputs, labels, first, draws)
        tasks = np.searchsorted(table.starts, first - 1, side="right") - 1
        counts = np.diff(table.starts)[tasks]
        counters = (draws // len(self)) * len(table.task_ids) + tasks
        chosen = (uniforms(self._seed, Stream.VARIANT, counters, 1)[:, 0] * counts).astype(np.int64)
        variants = first - 1 + chosen
        transforms, colors = table.variants.transforms[variants], table.variants.colors[variants]
        return Batch(*shown(inputs, labels, transforms, colors, self._seed, draws), variants + 1, draws)

    def _revealed(
        self, inputs: UInt8[np.ndarray, "n C"], labels: UInt8[np.ndarray, "n C"], draws: Int64[np.ndarray, " n"],
        reveal: Reveal,
    ) -> UInt8[np.ndarray, "n C"]:  # fmt: skip
        """Fill in a random share of the blanks: an easier state of the same puzzle. What a clue tells is never lost."""
        numbers = uniforms(self._seed, Stream.REVEAL, draws, 1 + inputs.shape[1])
        share = numbers[:, :1] * reveal.largest_share(draws)[:, None]
        blank = inputs == self._puzzle.spec.blank
        order = np.where(blank, numbers[:, 1:], np.inf).argsort(axis=1).argsort(axis=1)  # rank among the blanks
        return np.where(order < np.floor(share * blank.sum(1, keepdims=True)), labels, inputs)

    def _order(self, epoch: int) -> np.ndarray:
        if self._remembered is None or self._remembered[0] != epoch:
            order = generator(self._seed, Stream.ORDER, epoch).permutation(len(self))
            self._remembered = (epoch, order)
        return self._remembered[1]
