"""Sudoku of four sizes: rules, text, symmetries, generator, and a canonical form that tells twins.

Two puzzles are twins when a symmetry turns one into the other. A split of a data set that separates twins
would test what was trained on, so twins must be told exactly: ``Sudoku.canonical`` is the same grid for all
of them.
"""

from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, UInt8, UInt64

from hrm.errors import DataError, UsageError
from hrm.puzzles.base import PuzzleSpec, Symmetries
from hrm.puzzles.grids import box_units, random_lines
from hrm.puzzles.notation import Shape, is_part, read_digits, without_note
from hrm.puzzles.sudoku.canonical import Twins
from hrm.puzzles.sudoku.digits import BLANK, DIGITS, FIRST_DIGIT, UNITS, DigitPuzzle
from hrm.puzzles.sudoku.f_puzzles import read_f_puzzle
from hrm.puzzles.sudoku.solver import Layout, solve
from hrm.randomness import Stream, generator

BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3), 16: (4, 4)}
"""Rows and columns of a box, for each size."""


class Sudoku(DigitPuzzle):
    """Fill n x n cells so that every row, column and box holds each of n digits once.

    Token 0 is padding, 1 a blank, and the digit d has the token d + 1.
    """

    sizes = {f"sudoku-{size}x{size}": size for size in BOXES}

    def __init__(self, size: int, extra_givens: int | None = None):
        """Choose the size.

        Args:
            size: number of digits n: 4, 6, 9 or 16.
            extra_givens: most givens that ``generate`` adds to a minimal puzzle; a fifth of the cells unless
                told.
        """
        if size not in BOXES:
            raise UsageError(f"no Sudoku has {size} digits; choose one of {', '.join(map(str, BOXES))}")
        cells = size * size
        if extra_givens is not None and not 0 <= extra_givens <= cells:
            raise UsageError(f"extra_givens is {extra_givens}; it is a number of cells, 0 to {cells}")
        super().__init__(Layout.single(BOXES[size]))
        self.extra_givens = cells // 5 if extra_givens is None else extra_givens
        height, width = BOXES[size]
        self._spec = PuzzleSpec(
            name=f"sudoku-{size}x{size}",
            shape=(size, size),
            tokens=("_", ".", *DIGITS[:size]),
            blank=BLANK,
            relations=(kinds := tuple(f"same {unit}" for unit in UNITS)),
            differ=kinds,
            differ_is_all=True,
            symmetry_draws=3 * size + size // height + size // width + (height == width),
            box=(height, width),
        )

    def parse(self, given: object) -> UInt8[np.ndarray, " C"]:
        """Return the tokens of a puzzle.

        Args:
            given: one line of text, a text grid with or without lines between the boxes, JSON text, nested or flat
                lists, or an array of digits (not of tokens). Any of ``.0-*_?x`` is a blank, one of them in a puzzle,
                and so are -1 and an empty cell. The digits of 16×16 are 1 to G, 1 to 16, or 0 to F beside another
                mark for blanks; 0 is then the digit G.

        Raises:
            DataError: wrong length, ragged rows, something that is no digit of this size, two kinds of blanks, a wrong
                type, more than 4096 characters, or givens that contradict each other.
        """
        n, name = self.size, self.spec.name
        try:
            rows = self._rows(given)
        except DataError as error:
            raise DataError(f"not a {name} puzzle: {error}") from None
        count = sum(map(len, rows))
        if count == 0:
            raise DataError(f"not a {name} puzzle: it is empty; give {n * n} cells, with '.' for a blank")
        fits = [f"sudoku-{s}x{s}" for s in BOXES if s != n and s * s == count and len(rows) in (1, s)]
        hint = f"; this would fit {fits[0]}" if fits else ""
        if len(rows) == 1 and count != n * n:
            dashes = "; a '-' is a blank, not a separator" if isinstance(given, str) and "-" in given else ""
            raise DataError(f"not a {name} puzzle: it has {count} cells instead of {n * n}{hint}{dashes}")
        if len(rows) not in (1, n):
            raise DataError(f"not a {name} puzzle: it has {len(rows)} rows instead of {n}{hint}")
        for y, row in enumerate(rows):
            if len(rows) > 1 and len(row) != n:
                spaces = "; write '.' for a blank, not a space" if isinstance(given, str) and " " in given else ""
                raise DataError(f"not a {name} puzzle: row {y + 1} has {len(row)} cells instead of {n}{spaces}")
        puzzle = (np.concatenate([np.array(row, np.int64) for row in rows]) + BLANK).astype(np.uint8)
        self.require_no_repeats(puzzle)
        return puzzle

    @property
    def context_symbols(self) -> str:
        """Return the characters whose meaning depends on the rest of a puzzle: the 0 of 16×16, a blank or a digit."""
        return "0" if self.size == 16 else ""

    def is_part(self, line: str) -> bool:
        """Say whether a line of a text file is a row of a grid, or a line between boxes."""
        return is_part(line, self._shape)

    def without_note(self, line: str) -> str:
        """Return the puzzle of a line of a list, without ratings and names beside it."""
        return without_note(line, self._shape)

    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say for each puzzle whether the answer keeps its givens and completes every row, column and box."""
        return ((inputs == BLANK) | (inputs == answers)).all(axis=1) & self.complete(answers)

    def symmetries(self, draws: Float[np.ndarray, "n D"]) -> Symmetries:
        """Turn uniform numbers into symmetries.

        Each permutes the digits, the bands and the rows of each band, the stacks and the columns of each
        stack, and, where boxes are square, swaps rows and columns half of the time.
        """
        n, (height, width) = self.size, self.spec.box
        counts = (n, n // height, n, n // width, n)
        digits, bands, rows, stacks, columns, rest = np.split(draws, np.cumsum(counts), axis=1)
        y, x = random_lines(bands, rows), random_lines(stacks, columns)
        cells = y[:, :, None] * n + x[:, None, :]
        if height == width:
            cells = np.where(rest[:, :, None] < 0.5, cells.swapaxes(1, 2), cells)
        tokens = np.tile(np.arange(self.spec.vocab_size), (len(draws), 1))
        tokens[:, FIRST_DIGIT:] = np.argsort(digits, axis=1) + FIRST_DIGIT
        return Symmetries(cells.reshape(len(draws), n * n), tokens)

    def generate(self, seed: int, index: int) -> tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]:
        """Return puzzle number ``index`` of the sequence named by ``seed``, and its only answer.

        From a random grid, cells are blanked in random order as long as the answer stays unique; what is left
        is minimal, for no given can be spared. Then 0 to ``extra_givens`` cells, each number equally likely,
        are given back. A 16x16 grid is blanked only down to 7/16 of its cells, and so is not minimal: below
        that, proofs that the answer is unique get slow.
        """
        rng = generator(seed, Stream.GENERATE, index)
        n, cells = self.size, self.spec.cells
        first_row = (rng.permutation(n) + 1).tolist() + [0] * (cells - n)
        grid = solve(first_row, self.spec.box, limit=1, rng=rng).solutions[0]
        [answer] = self.symmetries(rng.random((1, self.spec.symmetry_draws))).apply(self.tokens([grid]))
        return self.thinned(answer, rng, self.extra_givens, cells * 7 // 16 if n == 16 else 0), answer

    def twin_key(self, puzzle: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]) -> bytes:
        """Return a key that two puzzles share exactly when a symmetry turns one into the other.

        On 16x16 it is ``twin_invariants``: twins always share it, strangers hardly ever, which errs on the
        safe side when a split must keep twins together.
        """
        if self.size == 16:
            return self.twin_invariants(puzzle[None], answer[None]).tobytes()
        solution, given = self.canonical(puzzle, answer)
        return solution.tobytes() + np.packbits(given).tobytes()

    def twin_invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        """Return for each puzzle a number that all of its twins share, much quicker than a key.

        Args:
            inputs: puzzles, tokens.
            answers: their legal answers; for others the number means nothing.
        """
        return self._twins.invariants(answers.astype(np.int8) - np.int8(FIRST_DIGIT), inputs != BLANK)

    def canonical(
        self, puzzle: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]
    ) -> tuple[UInt8[np.ndarray, " C"], Bool[np.ndarray, " C"]]:
        """Return the answer and the mask of givens of the twin that stands for all: its answer comes first.

        Where several symmetries lead to this answer, the one counts whose blanks come first.

        Raises:
            DataError: the answer is not a legal one of this puzzle.
            UsageError: the size is 16x16, where eight million orders of the columns are too many to try.
        """
        if self.size == 16:
            raise UsageError("a sudoku-16x16 has too many symmetries for a canonical form; use twin_key instead")
        if not self.verify(puzzle[None], answer[None])[0]:
            raise DataError(f"the answer {self.text(answer)} is not a legal one of the puzzle {self.text(puzzle)}")
        least, given = self._twins.canonical(answer.astype(np.int64) - FIRST_DIGIT, puzzle != BLANK)
        return least + np.uint8(FIRST_DIGIT), given

    @cached_property
    def _twins(self) -> Twins:
        return Twins(self.spec.box, box_units(self.spec.box))

    def _rows(self, given: object) -> list[list[int]]:
        """Return the digits of whatever a puzzle was given as, row by row."""
        from_json = read_f_puzzle(given, self.spec.box)
        if from_json is None:
            return read_digits(given, self._shape)
        digits, cages = from_json
        if cages:
            raise DataError(f"it has cages: the family is killer-{self.size}x{self.size}")
        return [digits]

    @property
    def _shape(self) -> Shape:
        return Shape(self.size, self.size, (self.size**2,))
