"""ARC as a family of puzzles with tasks: one example is one puzzle, and its puzzle id says which task it belongs to.

A single example has no rule that could be checked. A draw shows it in the variant of its task that the draw chose, at a
random place of the canvas.
"""

import json
import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int8, Int64, UInt8, UInt64

from hrm.errors import DataError, UsageError
from hrm.puzzles.arc.canvas import decode, encode, encode_pairs, random_offsets
from hrm.puzzles.arc.split import canonical
from hrm.puzzles.arc.tasks import COLORS, SIDE, Grid, Pair, Task
from hrm.puzzles.arc.variants import Variant
from hrm.puzzles.base import Puzzle, PuzzleSpec, Sketch, Symmetries
from hrm.puzzles.cells import cells_of
from hrm.puzzles.grids import directions
from hrm.randomness import mix

ARC = "arc"
"""Name of the family on the largest canvas."""
_NAME = re.compile(r"arc-(\d+)x\1", re.ASCII)
# the colors of ARC's own pages
PALETTE = ("#000000", "#0074d9", "#ff4136", "#2ecc40", "#ffdc00", "#aaaaaa", "#f012be", "#ff851b", "#7fdbff", "#870c25")
NAMES = ("black", "blue", "red", "green", "yellow", "gray", "pink", "orange", "light blue", "dark red")


class Arc(Puzzle):
    """Grids of ten colors, of any size that fits on a square canvas, with the end of each grid marked."""

    def __init__(self, side: int = SIDE) -> None:
        """Take the rows and columns of the canvas: 30, or 2 to 29 for a set of smaller grids."""
        if not 2 <= side <= SIDE:
            raise UsageError(f"a canvas has 2 to {SIDE} rows and columns (got {side})")
        self.side = side
        self._spec = PuzzleSpec(
            name=ARC if side == SIDE else f"{ARC}-{side}x{side}",
            shape=(side, side),
            tokens=("_", "|", *"0123456789"),
            blank=1,
            answers=tuple(range(12)),  # padding and the mark of the end, too: an answer may be of another size
            relations=("neighbor",),
            symmetry_draws=0,
            unique=False,
            has_rules=False,
            has_tasks=True,
            generated=False,
            fills=tuple(enumerate(PALETTE, start=2)),
            solid=tuple(range(2, 12)),
            words=tuple(enumerate(NAMES, start=2)),
        )

    @classmethod
    def from_name(cls, name: str) -> "Puzzle | None":
        """Return the family with a name: ``arc``, or ``arc-5x5`` for a smaller canvas.

        The names are not listed: puzzles of ARC are not generated.
        """
        if name == ARC:
            return cls()
        match = _NAME.fullmatch(name)
        side = int(match[1][:3]) if match else 0
        return cls(side) if 2 <= side < SIDE and name == f"{ARC}-{side}x{side}" else None

    def require_fit(self, tasks: Sequence[Task]) -> None:
        """Refuse tasks with a grid that is larger than the canvas.

        Raises:
            DataError: names the first one.
        """
        for task in tasks:
            for grid in (grid for pair in task.pairs for grid in pair if grid is not None):
                if max(grid.shape) > self.side:
                    raise DataError(
                        f"task {task.id!r} has a grid of {grid.shape[0]}x{grid.shape[1]} cells; {self.spec.name} takes "
                        f"{self.side}x{self.side} at most: build the store with a larger --canvas, and train on that"
                    )

    def parse(self, given: object) -> UInt8[np.ndarray, " C"]:
        """Return a grid on the canvas.

        Args:
            given: a grid of colors 0 to 9 as JSON, lists, an array, or text with a line a row.

        Raises:
            DataError: ragged, larger than the canvas, or something that is no color.
        """
        rows = cells_of(given)
        if max(len(rows), len(rows[0])) > self.side:
            size, most = f"{len(rows)}x{len(rows[0])}", f"{self.side}x{self.side}"
            raise DataError(f"the grid has {size} cells; {self.spec.name} allows {most} at most")
        for y, row in enumerate(rows):
            for x, symbol in enumerate(row):
                if symbol not in self.spec.tokens[2:]:
                    raise DataError(f"row {y + 1}, column {x + 1} holds {symbol[:24]!r}; allowed are the colors 0 to 9")
        return encode([np.array(rows, np.int64).astype(np.uint8)], side=self.side)[0]

    def text(self, grid: UInt8[np.ndarray, " C"]) -> str:
        """Return the grid on a canvas as JSON."""
        return json.dumps(decode(grid[None])[0].tolist(), separators=(",", ":"))

    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say for each answer whether there is a grid on its canvas."""
        return np.array([grid.size > 0 for grid in decode(answers)], bool)

    def relations(self) -> Int8[np.ndarray, "1 C C"]:
        """Return in which of the eight directions a neighbor lies, so that messages can tell left from right."""
        return directions(self.spec.shape)[None]

    def symmetries(self, draws: Float[np.ndarray, "n D"]) -> Symmetries:
        """Return none: variants are those of whole tasks, and each has an id of its own."""
        return Symmetries.identity(self.spec, len(draws))

    def are_variants(self, variants: UInt8[np.ndarray, "n W"]) -> Bool[np.ndarray, " n"]:
        """Say which rows are variants, as ``variants`` draws them."""
        if variants.shape[1] != 1 + COLORS:
            return np.zeros(len(variants), bool)
        renamed = (np.sort(variants[:, 1:], axis=1) == np.arange(COLORS)).all(axis=1)
        return (variants[:, 0] < 8) & (variants[:, 1] == 0) & renamed

    def variant_name(self, task_id: str, variant: UInt8[np.ndarray, " 11"]) -> str:
        """Return the official name of a variant: the plain id where nothing changes."""
        return Variant.of(variant).name(task_id)

    def in_variants(
        self,
        inputs: UInt8[np.ndarray, "n C"],
        labels: UInt8[np.ndarray, "n C"],
        variants: UInt8[np.ndarray, "n 11"],
        seed: int | None = None,
        draws: Int64[np.ndarray, " n"] | None = None,
    ) -> tuple[UInt8[np.ndarray, "n C"], UInt8[np.ndarray, "n C"]]:
        """Return examples in their variants, at random places where a seed and the numbers of the draws are given."""
        pairs = [
            Variant.of(variant).apply_pair(Pair(given, answer if answer.size else None))
            for given, answer, variant in zip(decode(inputs), decode(labels), variants, strict=True)
        ]
        offsets = None if seed is None or draws is None else random_offsets(pairs, seed, draws, self.side)
        return encode_pairs(pairs, offsets, self.side)

    def without_variants(
        self, answers: UInt8[np.ndarray, "n C"], variants: UInt8[np.ndarray, "n 11"]
    ) -> Sequence[Grid]:
        """Return the grids that answers are to the original tasks; empty where a canvas holds none."""
        grids = zip(decode(answers), variants, strict=True)
        return [Variant.of(variant).inverse().apply(grid) for grid, variant in grids]

    def twin_key(self, puzzle: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]) -> bytes:
        """Return a key that two examples share exactly when a variant turns one into the other."""
        return canonical(*decode(np.stack([puzzle, answer])))

    def twin_invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        """Return a hash of how many cells of each color there are, whatever the colors are called."""
        counts = [np.sort((grids[:, :, None] == np.arange(3, 12)).sum(axis=1), axis=1) for grids in (inputs, answers)]
        blacks = [(grids == 2).sum(axis=1, keepdims=True) for grids in (inputs, answers)]
        words = np.concatenate([*counts, *blacks], axis=1).astype(np.uint64)
        return mix(words + np.arange(words.shape[1], dtype=np.uint64) * np.uint64(1024)).sum(axis=1, dtype=np.uint64)

    def solutions(self, puzzle: UInt8[np.ndarray, " C"], limit: int = 2) -> UInt8[np.ndarray, "k C"]:
        """Return nothing: an example alone has no rule to solve by."""
        return np.zeros((0, self.spec.cells), np.uint8)

    def sketch(self, puzzle: UInt8[np.ndarray, " C"]) -> Sketch:
        """Return that no cell is fixed: an answer may be of another size."""
        return Sketch(np.zeros(self.spec.cells, bool))

    def require_unique(self, puzzle: UInt8[np.ndarray, " C"]) -> None:
        """Refuse nothing: an example alone has no rule to judge by."""

    def generate(self, seed: int, index: int) -> tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]:
        """Refuse: tasks come from files.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            "ARC tasks are not generated: build a store by `hrm data arc FOLDER … --out STORE`, and give it as --data"
        )
