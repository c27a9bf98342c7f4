"""Samurai Sudoku: five grids on one canvas, the middle one sharing a corner box with each of the others.

With 9x9 grids the canvas has 21x21 cells, of which 369 lie in a grid; with 4x4 grids 8x8, and all do. Token 0 is a cell
outside all grids, 1 a blank, and the digit d has the token d + 1.
"""

import numpy as np
from jaxtyping import Bool, Float, UInt8, UInt64

from hrm.errors import DataError, UsageError
from hrm.puzzles.base import PAD, PuzzleSpec, Sketch, Symmetries
from hrm.puzzles.grids import dihedral, place, random_lines
from hrm.puzzles.notation import Shape, is_part, read_digits, without_note
from hrm.puzzles.sudoku.digits import BLANK, DIGITS, FIRST_DIGIT, UNITS, DigitPuzzle
from hrm.puzzles.sudoku.solver import Layout, solve
from hrm.randomness import Stream, generator, mix

SIDES = {4: 2, 9: 3}
"""Rows of a box, for each number of digits."""
_GUESSES_TO_GENERATE = 12  # a given is kept where the proof that it can be spared takes more


class Samurai(DigitPuzzle):
    """Fill five overlapping grids so that every row, column and box of each holds each digit once."""

    sizes = {"samurai" if size == 9 else f"samurai-{size}x{size}": size for size in SIDES}

    def __init__(self, size: int, extra_givens: int | None = None):
        """Choose the number of digits n of each grid, 4 or 9.

        Args:
            extra_givens: most givens that ``generate`` adds to what is left when none more can be spared; a fifth of
                the cells unless told.
        """
        if size not in SIDES:
            raise UsageError(f"no Samurai Sudoku has {size} digits; choose one of {', '.join(map(str, SIDES))}")
        self.side = SIDES[size]
        span = 3 * size - 2 * self.side
        far, middle = span - size, size - self.side
        self.corners = ((0, 0), (0, far), (far, 0), (far, far), (middle, middle))
        """Top left cells of the grids, that of the middle one last."""
        super().__init__(Layout((self.side, self.side), (span, span), (self.corners[:4], self.corners[4:])))
        self._spec = PuzzleSpec(
            name="samurai" if size == 9 else f"samurai-{size}x{size}",
            shape=(span, span),
            tokens=("_", ".", *DIGITS[:size]),
            blank=BLANK,
            relations=(kinds := tuple(f"same {unit}" for unit in UNITS)),
            differ=kinds,
            differ_is_all=True,
            symmetry_draws=sum(self._counts()),
            padded=size == 9,
            box=(self.side, self.side),
        )
        self.extra_givens = int(self.inside.sum()) // 5 if extra_givens is None else extra_givens

    def parse(self, given: object) -> UInt8[np.ndarray, " C"]:
        """Return the tokens of a puzzle.

        Args:
            given: the cells of the grids row by row, as text of one line or many (``.`` or 0 for a blank), JSON text,
                lists or an array of digits. Cells outside the grids are left out, or all of them are ``_`` (in lists
                and arrays 0 will do, too).

        Raises:
            DataError: another number of cells, a digit outside the grids or too large, or givens that contradict each
                other.
        """
        name, canvas, inside = self.spec.name, self.spec.cells, self.inside
        outside = self.size + 1
        try:
            rows = read_digits(given, self._shape)
        except DataError as error:
            raise DataError(f"not a {name} puzzle: {error}") from None
        values = np.array([value for row in rows for value in row], np.int64)
        within = int(inside.sum())
        if len(values) not in (canvas, within):
            raise DataError(
                f"not a {name} puzzle: it has {len(values)} cells; give the {within} cells of the grids row by row, "
                f"or {canvas} with '_' outside the grids"
            )
        if len(values) == canvas:
            wrong = np.where(inside, values == outside, (values > 0) & (values < outside))
            for cell in np.flatnonzero(wrong)[:1].tolist():
                what = "inside a grid, and holds '_'" if inside[cell] else "outside all grids, and holds a digit"
                raise DataError(f"not a {name} puzzle: {place(cell, self.spec.shape[1])} is {what}")
            values = values[inside]
        grid = np.full(canvas, PAD, np.uint8)
        grid[inside] = np.where(values == outside, 0, values) + BLANK
        if (values == outside).any():
            raise DataError(f"not a {name} puzzle: it has '_' among its {within} cells; leave out all of them or none")
        self.require_no_repeats(grid)
        return grid

    def is_part(self, line: str) -> bool:
        """Say whether a line of a text file is a row of a grid, or a line between boxes."""
        return is_part(line, self._shape)

    def without_note(self, line: str) -> str:
        """Return the puzzle of a line of a list, without ratings and names beside it."""
        return without_note(line, self._shape)

    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say for each puzzle whether the answer keeps its givens and completes every unit of each of the grids."""
        right = ((inputs == BLANK) | (inputs == answers)).all(axis=1)
        right &= ((inputs == PAD) == ~self.inside).all(axis=1)
        return right & self.complete(answers)

    def symmetries(self, draws: Float[np.ndarray, "n D"]) -> Symmetries:
        """Turn uniform numbers into symmetries.

        Each permutes the digits, turns or reflects the canvas, and permutes lines wherever the grids allow it: in each
        outer grid, the bands that the middle grid leaves alone and the rows of each; in the middle grid, and in all
        grids at once, the rows of a band that is shared; columns likewise.
        """
        count, n, side, span = len(draws), self.size, self.side, self.spec.shape[1]
        bands = n // side - 1
        parts = iter(np.split(draws, np.cumsum(self._counts())[:-1], axis=1))
        tokens = np.tile(np.arange(self.spec.vocab_size), (count, 1))
        tokens[:, FIRST_DIGIT:] = np.argsort(next(parts), axis=1) + FIRST_DIGIT
        turns = dihedral(self.spec.shape)
        cells = turns[(next(parts)[:, 0] * len(turns)).astype(np.int64)]
        canvas = np.arange(span * span).reshape(span, span)
        for y, x in self.corners[:4]:
            own_rows = slice(0, bands * side) if y == 0 else slice(side, n)
            own_columns = slice(0, bands * side) if x == 0 else slice(side, n)
            rows, columns = (np.tile(np.arange(n), (count, 1)) for _ in range(2))
            rows[:, own_rows] = own_rows.start + random_lines(next(parts), next(parts))
            columns[:, own_columns] = own_columns.start + random_lines(next(parts), next(parts))
            moved = np.tile(canvas.ravel(), (count, 1)).reshape(count, span, span)
            moved[:, y : y + n, x : x + n] = (rows[:, :, None] + y) * span + columns[:, None, :] + x
            cells = np.take_along_axis(cells, moved.reshape(count, -1), axis=1)
        middle = self.corners[4][0]
        rows, columns = (np.tile(np.arange(span), (count, 1)) for _ in range(2))
        for lines in (rows, columns):
            within = np.argsort(next(parts).reshape(count, n // side, side), axis=2)
            lines[:, middle : middle + n] = middle + (within + np.arange(0, n, side)[:, None]).reshape(count, n)
        moved = (rows[:, :, None] * span + columns[:, None, :]).reshape(count, -1)
        return Symmetries(np.take_along_axis(cells, moved, axis=1), tokens)

    def twin_key(self, puzzle: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]) -> bytes:
        """Return ``twin_invariants``: twins always share it, strangers hardly ever.

        The group is far too large for a canonical form; a split that must keep twins together errs on the safe side.
        """
        return self.twin_invariants(puzzle[None], answer[None]).tobytes()

    def twin_invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        """Return for each puzzle a number that all of its twins share.

        Every cell starts with a color (given or not; how many grids it is in). Four times each cell then mixes into
        its color what its rows and columns, its boxes and its digit hold. The number is made of all colors.
        """
        parts = [self._invariants(inputs[i : i + 64], answers[i : i + 64]) for i in range(0, len(inputs), 64)]
        return np.concatenate(parts or [np.zeros(0, np.uint64)])

    def sketch(self, puzzle: UInt8[np.ndarray, " C"]) -> Sketch:
        """Return the outlines of the five grids, that of the middle one last."""
        outlines = tuple((top, left, self.size, self.size) for top, left in self.corners)
        return Sketch(puzzle != PAD, outlines=outlines)

    def generate(self, seed: int, index: int) -> tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]:
        """Return puzzle number ``index`` of the sequence named by ``seed``, and its only answer.

        A random middle grid is completed by random outer ones. Cells are blanked in random order as long as a short
        search proves that the answer stays unique; then 0 to ``extra_givens`` cells are given back.
        """
        rng = generator(seed, Stream.GENERATE, index)
        n, span, box = self.size, self.spec.shape[1], (self.side, self.side)
        canvas = np.zeros((span, span), np.int64)
        for y, x in self.corners[::-1]:  # the middle one first: any filled box can be completed
            view = canvas[y : y + n, x : x + n]
            if not view.any():
                view[0] = rng.permutation(n) + 1
            grid = solve(view.ravel().tolist(), box, limit=1, rng=rng).solutions[0]
            view[:] = np.array(grid).reshape(n, n)
        first = self.tokens([canvas.ravel().tolist()])
        [answer] = self.symmetries(rng.random((1, self.spec.symmetry_draws))).apply(first)
        return self.thinned(answer, rng, self.extra_givens, max_guesses=_GUESSES_TO_GENERATE), answer

    def _invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        count = len(inputs)
        grids = np.zeros(self.spec.cells, np.uint64)
        for unit in np.split(self.units, 3)[0]:
            grids[unit] += np.uint64(1)
        colors = mix((inputs != BLANK).astype(np.uint64) + np.uint64(2) * grids)
        rows, columns, boxes = np.split(self.units, 3)
        same = answers[:, :, None] == np.arange(FIRST_DIGIT, self.spec.vocab_size)  # n C N
        for _ in range(4):
            hashes = mix(colors)
            lines, squares, digits = (np.zeros_like(colors) for _ in range(3))
            for kind, sums_of_cells in ((rows, lines), (columns, lines), (boxes, squares)):
                sums = mix(hashes[:, kind].sum(axis=2, dtype=np.uint64))
                for unit, value in zip(kind, sums.T, strict=True):
                    sums_of_cells[:, unit] += value[:, None]
            by_digit = (hashes[:, :, None] * same).sum(axis=1, dtype=np.uint64)
            digits += (by_digit[:, None, :] * same).sum(axis=2, dtype=np.uint64)
            colors = mix(colors + mix(lines) + mix(squares + np.uint64(2)) + mix(digits + np.uint64(3)))
        return mix(np.where(self.inside, mix(colors), np.uint64(0)).sum(axis=1, dtype=np.uint64).reshape(count))

    @property
    def _shape(self) -> Shape:
        counts = (int(self.inside.sum()), self.spec.cells)
        return Shape(self.size, self.spec.shape[1], counts, outside=True)

    def _counts(self) -> list[int]:
        """Return how many uniform numbers each part of a symmetry takes."""
        own = self.size // self.side - 1
        return [self.size, 1, *[own, own * self.side] * 8, self.size, self.size]
