"""Samurai Sudoku: five grids on one canvas, the middle one sharing a corner box with each of the others.

With 9x9 grids the canvas has 21x21 cells, of which 369 lie in a grid; with 4x4 grids 8x8, and all do. Token 0 is a cell
outside all grids, 1 a blank, and the digit d has the token d + 1.
"""

from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Int8, UInt8, UInt64

from hrm.errors import DataError, UsageError
from hrm.puzzles.base import PAD, Attempt, ClassicalSolver, Puzzle, PuzzleSpec, Symmetries
from hrm.puzzles.classical import depth_first
from hrm.puzzles.grids import dihedral, random_lines, read_rows
from hrm.puzzles.randomness import Stream, generator, mix
from hrm.puzzles.sudoku_solver import Layout, solve

SIDES = {4: 2, 9: 3}
"""Rows of a box, for each number of digits."""
MOST_GUESSES = 20_000
"""After so many guesses the exact search gives up."""

_BLANK, _FIRST_DIGIT = 1, 2
_DIGITS = "123456789"
_UNITS = ("row", "column", "box")
_GUESSES_TO_GENERATE = 12  # a given is kept where the proof that it can be spared takes more


class Samurai(Puzzle):
    """Fill five overlapping grids so that every row, column and box of each holds each digit once."""

    def __init__(self, size: int, extra_givens: int | None = None):
        """Choose the number of digits n of each grid, 4 or 9.

        Args:
            extra_givens: most givens that ``generate`` adds to what is left when none more can be spared; a fifth of
                the cells unless told.
        """
        if size not in SIDES:
            raise UsageError(f"no Samurai Sudoku has {size} digits; choose one of {', '.join(map(str, SIDES))}")
        self.size, self.side = size, SIDES[size]
        span = 3 * size - 2 * self.side
        far, middle = span - size, size - self.side
        self.corners = ((0, 0), (0, far), (far, 0), (far, far), (middle, middle))
        """Top left cells of the grids, that of the middle one last."""
        self.layout = Layout((self.side, self.side), (span, span), (self.corners[:4], self.corners[4:]))
        self._spec = PuzzleSpec(
            name="samurai" if size == 9 else f"samurai-{size}x{size}",
            shape=(span, span),
            tokens=("_", ".", *_DIGITS[:size]),
            blank=_BLANK,
            relations=tuple(f"same {unit}" for unit in _UNITS),
            symmetry_draws=self._draws(),
            padded=size == 9,
            box=(self.side, self.side),
        )
        self.extra_givens = int(self._inside.sum()) // 5 if extra_givens is None else extra_givens

    @property
    def spec(self) -> PuzzleSpec:
        """Return the declaration, the same at every call."""
        return self._spec

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
        name, canvas, inside = self.spec.name, self.spec.cells, self._inside
        outside = self.size + 1
        symbols = {".": 0, "0": 0, "_": outside} | {digit: d + 1 for d, digit in enumerate(_DIGITS[: self.size])}
        try:
            rows = read_rows(given, symbols, f"1-{self.size}, '.' or 0 for a blank, '_' outside", self.spec.shape[1])
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
                raise DataError(f"not a {name} puzzle: {self._where(cell)} is {what}")
            values = values[inside]
        grid = np.full(canvas, PAD, np.uint8)
        grid[inside] = np.where(values == outside, 0, values) + _BLANK
        if (values == outside).any():
            raise DataError(f"not a {name} puzzle: it has '_' among its {within} cells; leave out all of them or none")
        self._refuse_twice(grid)
        return grid

    def text(self, grid: UInt8[np.ndarray, " C"]) -> str:
        """Return the canvas as one line, ``.`` for a blank and ``_`` outside the grids."""
        return "".join(self.spec.tokens[token] for token in grid)

    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say for each puzzle whether the answer keeps its givens and completes every unit of each of the grids."""
        right = ((inputs == _BLANK) | (inputs == answers)).all(axis=1)
        right &= ((inputs == PAD) == ~self._inside).all(axis=1)
        values = np.int32(1) << answers
        everything = sum(1 << token for token in range(_FIRST_DIGIT, _FIRST_DIGIT + self.size))
        for unit in self._unit_cells:  # one after the other, so that memory stays small
            right &= np.bitwise_or.reduce(values[:, unit], axis=1) == everything
        return right

    def relations(self) -> Int8[np.ndarray, "3 C C"]:
        """Return 1 where two cells share a row, a column, a box of one of the grids."""
        found = np.zeros((3, self.spec.cells, self.spec.cells), np.int8)
        for matrix, units in zip(found, np.split(self._unit_cells, 3), strict=True):
            for unit in units:
                matrix[np.ix_(unit, unit)] = 1
        return found

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
        tokens[:, _FIRST_DIGIT:] = np.argsort(next(parts), axis=1) + _FIRST_DIGIT
        cells = self._turns[(next(parts)[:, 0] * len(self._turns)).astype(np.int64)]
        canvas = np.arange(span * span).reshape(span, span)
        for y, x in self.corners[:4]:
            own = slice(0, bands * side) if y == 0 else slice(side, n)
            beside = slice(0, bands * side) if x == 0 else slice(side, n)
            rows, columns = (np.tile(np.arange(n), (count, 1)) for _ in range(2))
            rows[:, own] = own.start + random_lines(next(parts), next(parts))
            columns[:, beside] = beside.start + random_lines(next(parts), next(parts))
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

        Every cell starts with a colour (given or not; how many grids it is in). Four times each cell then mixes into
        its colour what its rows and columns, its boxes and its digit hold. The number is made of all colours.
        """
        found = [self._invariants(inputs[i : i + 64], answers[i : i + 64]) for i in range(0, len(inputs), 64)]
        return np.concatenate(found or [np.zeros(0, np.uint64)])

    def solutions(self, puzzle: UInt8[np.ndarray, " C"], limit: int = 2) -> UInt8[np.ndarray, "k C"]:
        """Return up to ``limit`` different answers, found exactly.

        Raises:
            DataError: a search of some seconds found no proof; happens where little is given.
        """
        return self._answers(solve(self._digits(puzzle), self.layout, limit, max_guesses=MOST_GUESSES).solutions)

    @property
    def classical_solvers(self) -> tuple[ClassicalSolver, ...]:
        """Return constraint propagation with guesses, and depth-first search without any propagation."""
        return (
            ClassicalSolver("propagation and guessing, pure Python", "guesses", self._propagate),
            ClassicalSolver("depth-first search", "digits tried", self._depth_first),
        )

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
        first = self._answers([canvas.ravel().tolist()])
        [answer] = self.symmetries(rng.random((1, self.spec.symmetry_draws))).apply(first)
        kept, spared = self._digits(answer), []
        for cell in rng.permutation(np.flatnonzero(self._inside)).tolist():
            digit, kept[cell] = kept[cell], 0
            if self._is_needed(kept, cell, digit):
                kept[cell] = digit
            else:
                spared.append(cell)
        puzzle = np.where(self._inside, np.array(kept) + _BLANK, PAD).astype(np.uint8)
        back = rng.permutation(spared)[: rng.integers(self.extra_givens + 1)]
        puzzle[back] = answer[back]
        return puzzle, answer

    def _is_needed(self, kept: list[int], cell: int, digit: int) -> bool:
        try:
            found = solve(kept, self.layout, 1, without=(cell, digit), max_guesses=_GUESSES_TO_GENERATE)
        except DataError:
            return True
        return bool(found.solutions)

    def _propagate(self, puzzle: UInt8[np.ndarray, " C"]) -> Attempt:
        try:
            found = solve(self._digits(puzzle), self.layout, limit=1, max_guesses=MOST_GUESSES)
        except DataError:
            return Attempt(None, MOST_GUESSES)
        return Attempt(self._answers(found.solutions)[0] if found.solutions else None, found.guesses)

    def _depth_first(self, puzzle: UInt8[np.ndarray, " C"]) -> Attempt:
        inside = np.flatnonzero(self._inside)
        related = (self.relation_matrices != 0).any(axis=0) & ~np.eye(self.spec.cells, dtype=bool)
        peers = [np.flatnonzero(row).tolist() for row in related[inside][:, inside]]
        found, tried = depth_first(np.array(self._digits(puzzle))[inside].tolist(), peers, self.size)
        if found is None:
            return Attempt(None, tried)
        answer = np.full(self.spec.cells, PAD, np.uint8)
        answer[inside] = np.array(found) + _BLANK
        return Attempt(answer, tried)

    def _answers(self, grids: list[list[int]]) -> UInt8[np.ndarray, "k C"]:
        digits = np.array(grids, np.int64).reshape(-1, self.spec.cells)
        return np.where(self._inside, digits + _BLANK, PAD).astype(np.uint8)

    def _digits(self, grid: UInt8[np.ndarray, " C"]) -> list[int]:
        return (np.maximum(grid, _BLANK) - _BLANK).tolist()

    def _invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        count = len(inputs)
        grids = np.zeros(self.spec.cells, np.uint64)
        for unit in np.split(self._unit_cells, 3)[0]:
            grids[unit] += np.uint64(1)
        colours = mix((inputs != _BLANK).astype(np.uint64) + np.uint64(2) * grids)
        rows, columns, boxes = np.split(self._unit_cells, 3)
        same = answers[:, :, None] == np.arange(_FIRST_DIGIT, self.spec.vocab_size)  # n C N
        for _ in range(4):
            heard = mix(colours)
            lines, squares, digits = (np.zeros_like(colours) for _ in range(3))
            for kind, told in ((rows, lines), (columns, lines), (boxes, squares)):
                sums = mix(heard[:, kind].sum(axis=2, dtype=np.uint64))
                for unit, value in zip(kind, sums.T, strict=True):
                    told[:, unit] += value[:, None]
            by_digit = (heard[:, :, None] * same).sum(axis=1, dtype=np.uint64)
            digits += (by_digit[:, None, :] * same).sum(axis=2, dtype=np.uint64)
            colours = mix(colours + mix(lines) + mix(squares + np.uint64(2)) + mix(digits + np.uint64(3)))
        return mix(np.where(self._inside, mix(colours), np.uint64(0)).sum(axis=1, dtype=np.uint64).reshape(count))

    def _refuse_twice(self, grid: UInt8[np.ndarray, " C"]) -> None:
        """Check that no unit holds a digit twice.

        Raises:
            DataError: names the first two cells that contradict each other.
        """
        same = (grid[:, None] == grid[None, :]) & (grid[:, None] >= _FIRST_DIGIT)
        for unit, matrix in zip(_UNITS, self.relation_matrices, strict=True):
            for a, b in np.argwhere(np.triu(same & matrix.astype(bool), k=1))[:1].tolist():
                raise DataError(
                    f"the givens contradict each other: {self._where(a)} and {self._where(b)} are in the same {unit} "
                    f"of a grid and both hold {self.spec.tokens[grid[a]]}; correct one or make it a blank"
                )

    def _where(self, cell: int) -> str:
        y, x = divmod(cell, self.spec.shape[1])
        return f"row {y + 1}, column {x + 1} of the canvas"

    def _counts(self) -> list[int]:
        """Return how many uniform numbers each part of a symmetry takes."""
        own = self.size // self.side - 1
        return [self.size, 1, *[own, own * self.side] * 8, self.size, self.size]

    def _draws(self) -> int:
        return sum(self._counts())

    @cached_property
    def _unit_cells(self) -> Int[np.ndarray, "U n"]:
        """The cells of each row, then of each column, then of each box; a shared box comes twice."""
        n, side, span = self.size, self.side, self.layout.canvas[1]
        corners = np.array([y * span + x for y, x in self.corners])[:, None, None]
        y, x = np.divmod(np.arange(n * n).reshape(n, n), n)
        box_y, box_x = np.divmod(np.arange(n)[:, None], side)
        in_y, in_x = np.divmod(np.arange(n)[None, :], side)
        boxes = (box_y * side + in_y) * span + box_x * side + in_x
        return np.concatenate([(corners + part).reshape(-1, n) for part in (y * span + x, x * span + y, boxes)])

    @cached_property
    def _inside(self) -> Bool[np.ndarray, " C"]:
        """Which cells of the canvas lie in a grid."""
        found = np.zeros(self.layout.canvas[0] * self.layout.canvas[1], bool)
        found[self._unit_cells.ravel()] = True
        return found

    @cached_property
    def _turns(self) -> Int[np.ndarray, "k C"]:
        return dihedral(self.layout.canvas)
