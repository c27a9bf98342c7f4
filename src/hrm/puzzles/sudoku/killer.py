"""Killer Sudoku: no givens, but cages of different digits with given sums.

Token 0 is padding, 1 a blank (a cell without any clue), the digit d has the token d + 1, and the clues follow. A clue
stands for a sum and a color; every cell of a cage holds the clue of its cage, and cages that touch have different
colors, so that cages are what hangs together among cells of one clue.

Differs from puzzles in print: cages of ``generate`` have at most five cells.
"""

import re
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Int8, UInt8, UInt64

from hrm.errors import DataError, UsageError
from hrm.puzzles.base import PAD, PuzzleSpec, Sketch, Symmetries
from hrm.puzzles.grids import box_units, dihedral
from hrm.puzzles.sudoku.cages import Cage, colored, cut, heads, pruner
from hrm.puzzles.sudoku.classic import BOXES
from hrm.puzzles.sudoku.digits import BLANK, DIGITS, FIRST_DIGIT, DigitPuzzle, Rules
from hrm.puzzles.sudoku.killer_text import read
from hrm.puzzles.sudoku.solver import Layout, solve
from hrm.randomness import Stream, generator, mix

SIZES = (4, 6, 9)
COLORS = 5
"""Four always suffice (cages are countries on a map); with a fifth nobody has to search long for them."""
_GUESSES_TO_GENERATE = 300  # puzzles whose proof takes more are not worth the time
_NOTE = re.compile(r"\t|\s#")
_FIRST_SIGN = 0x100  # letters from here on name the clues in ``PuzzleSpec.tokens``, one character each


class Killer(DigitPuzzle):
    """Fill n x n cells so that rows, columns and boxes hold each digit once, cages different digits of their sum."""

    sizes = {f"killer-{size}x{size}": size for size in SIZES}

    def __init__(self, size: int):
        """Choose the number of digits n: 4, 6 or 9."""
        if size not in SIZES:
            raise UsageError(f"no Killer Sudoku has {size} digits; choose one of {', '.join(map(str, SIZES))}")
        super().__init__(Layout.single(BOXES[size]))
        self.box = BOXES[size]
        signs = tuple(chr(_FIRST_SIGN + i) for i in range(size * (size + 1) // 2 * COLORS))
        tokens = ("_", ".", *DIGITS[:size], *signs)
        self._first_clue = FIRST_DIGIT + size
        self._spec = PuzzleSpec(
            name=f"killer-{size}x{size}",
            shape=(size, size),
            tokens=tokens,
            blank=BLANK,
            relations=(kinds := ("same row", "same column", "same box", "same cage")),
            differ=kinds,
            symmetry_draws=1 + COLORS,
            clues=tuple(range(self._first_clue, len(tokens))),
            box=self.box,
        )

    def clue(self, total: int, color: int) -> int:
        """Return the token of a sum and a color (0 to 4)."""
        return self._first_clue + (total - 1) * COLORS + color

    def parse(self, given: object) -> UInt8[np.ndarray, " C"]:
        """Return the tokens of a puzzle.

        Args:
            given: ``aabb…;7,3,…``: a letter for each cell, row by row, one letter a cage (touching cages have different
                ones, others may share one), then the sums, in the order in which the cages begin. A digit in place
                of a letter is a given outside all cages, ``.`` a cell of which nothing is told. Or JSON, or an object,
                with ``cells`` (such a text, or a list of rows) and ``sums``; or the JSON of f-puzzles or
                SudokuPad. A whole answer is digits only.

        Raises:
            DataError: something else, another number of cells or sums, a cage that is too large, a sum that its cage
                cannot have, or givens that contradict each other.
        """
        try:
            digits, cages, colors = read(given, self.box)
        except DataError as error:
            raise DataError(f"not a {self.spec.name} puzzle: {error}") from None
        if not all(0 <= color < COLORS for color in colors):
            colors = colored(cages, self.size, COLORS)
        grid = self._clued(cages, colors, self.tokens([digits])[0])
        self.require_no_repeats(grid)
        return grid

    def is_note(self, line: str) -> bool:
        """Say whether a line of a text file is a note; the sums follow a ``;``."""
        return line.lstrip().startswith(("#", "//"))

    def is_part(self, line: str) -> bool:
        """Say whether a line of a text file is not a whole puzzle: a row of cells, or the sums alone."""
        cells, semicolon, _ = line.strip().partition(";")
        return super().is_part(cells) if cells else bool(semicolon)  # sums alone belong to the rows before them

    def without_note(self, line: str) -> str:
        """Return the puzzle of a line of a list, without what follows a tab or a ``#``."""
        return _NOTE.split(line.strip(), maxsplit=1)[0]

    def text(self, grid: UInt8[np.ndarray, " C"]) -> str:
        """Return a grid as one line that ``parse`` reads back: colors as letters, ``;``, and the sums of the cages."""
        is_clue = grid >= self._first_clue
        total, color = np.divmod(grid.astype(np.int64) - self._first_clue, COLORS)
        cells = [
            chr(ord("a") + int(color[cell])) if is_clue[cell] else self.spec.tokens[token]
            for cell, token in enumerate(grid)
        ]
        firsts = np.unique(self._heads(grid[None])[0])
        sums = ",".join(str(total[first] + 1) for first in firsts.tolist() if is_clue[first])
        return "".join(cells) + (f";{sums}" if sums else "")

    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        """Say for each puzzle whether the answer keeps givens, completes the units, and gives each cage its sum."""
        right = (~self.spec.given(inputs) | (inputs == answers)).all(axis=1) & (inputs != PAD).all(axis=1)
        right &= self.complete(answers)
        values = np.int32(1) << np.minimum(answers, self._first_clue)
        is_clue = inputs >= self._first_clue
        count, cells = inputs.shape
        cage = (self._heads(inputs) + np.arange(count)[:, None] * cells).ravel()

        def of_cages(numbers: Int[np.ndarray, "n C"]) -> Int[np.ndarray, "n C"]:
            return np.bincount(cage, numbers.ravel(), count * cells).astype(np.int64)[cage].reshape(count, cells)

        totals = of_cages(answers.astype(np.int64) - BLANK)
        wanted = (inputs.astype(np.int64) - self._first_clue) // COLORS + 1
        # a sum of powers of two has as many bits as terms only where all terms differ
        differ = np.bitwise_count(of_cages(values)) == of_cages(np.ones_like(values))
        return right & (~is_clue | ((totals == wanted) & differ)).all(axis=1)

    def relations(self) -> Int8[np.ndarray, "4 C C"]:
        """Return 1 where two cells share a row, a column, a box, and where some cage could hold both."""
        y, x = np.divmod(np.arange(self.spec.cells), self.size)
        apart = np.abs(y[:, None] - y) + np.abs(x[:, None] - x)
        return np.concatenate([self.related, (apart < self.size)[None]]).astype(np.int8)

    def relations_of(self, inputs: UInt8[np.ndarray, "n C"]) -> Int8[np.ndarray, "n 4 C C"]:
        """Return 1 where two cells share a row, a column, a box, a cage of the puzzle."""
        firsts, is_clue = self._heads(inputs), inputs >= self._first_clue
        cage = (firsts[:, :, None] == firsts[:, None, :]) & is_clue[:, :, None]
        fixed = np.broadcast_to(self.relation_matrices[:3], (len(inputs), 3, *cage.shape[1:]))
        exists = (inputs != PAD).astype(np.int8)
        relations = np.concatenate([fixed, cage[:, None].astype(np.int8)], axis=1)
        return relations * exists[:, None, :, None] * exists[:, None, None, :]

    def symmetries(self, draws: Float[np.ndarray, "n D"]) -> Symmetries:
        """Turn uniform numbers into turns and reflections that keep boxes, and permutations of the colors.

        Rows are not exchanged, for that would tear cages apart; digits are not renamed, for they are added.
        """
        cells = self._turns[(draws[:, 0] * len(self._turns)).astype(np.int64)]
        tokens = np.tile(np.arange(self.spec.vocab_size), (len(draws), 1))
        firsts = np.arange(self._first_clue, self.spec.vocab_size, COLORS)
        colors = np.argsort(draws[:, 1:], axis=1)
        tokens[:, self._first_clue :] = (firsts[None, :, None] + colors[:, None, :]).reshape(len(draws), -1)
        return Symmetries(cells, tokens)

    def twin_key(self, puzzle: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]) -> bytes:
        """Return a key that two puzzles share exactly when, turned or reflected, they have the same cages and sums.

        Colors are left out: they only tell cages apart.
        """
        firsts, sums = self._heads(puzzle[None])[0], self._without_color(puzzle)
        keys = []
        for turn in self._turns:
            _, first, cage = np.unique(firsts[turn], return_index=True, return_inverse=True)
            numbers = np.argsort(np.argsort(first))[cage]  # cages by where they begin
            keys.append(np.concatenate([numbers, sums[turn]]).astype(np.uint8).tobytes())
        return min(keys)

    def twin_invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        """Return a hash of which sums stand how often at cells that turns and reflections exchange."""
        orbit = self._turns.min(axis=0).astype(np.uint64) * np.uint64(256)
        return mix(orbit + self._without_color(inputs).astype(np.uint64)).sum(axis=1, dtype=np.uint64)

    def sketch(self, puzzle: UInt8[np.ndarray, " C"]) -> Sketch:
        """Return the cages and their sums."""
        cages, regions = self.cages(puzzle), np.full(self.spec.cells, -1)
        for number, cage in enumerate(cages):
            regions[list(cage.cells)] = number
        return Sketch(puzzle != PAD, regions, {cage.cells[0]: str(cage.total) for cage in cages})

    def generate(self, seed: int, index: int) -> tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]:
        """Return puzzle number ``index`` of the sequence named by ``seed``, and its only answer.

        A random answer is cut into random cages of two to five different digits. As long as a second answer fits, a
        cage that does not tell the two apart gives a cell to a neighbor, or takes one, so that the cages do.
        """
        rng = generator(seed, Stream.GENERATE, index)
        n = self.size
        cages, digits = None, list[int]()
        while cages is None:
            first_row = (rng.permutation(n) + 1).tolist() + [0] * (n * n - n)
            digits = solve(first_row, self.box, limit=1, rng=rng).solutions[0]
            cages = cut(np.array(digits), n, rng, self._first_two, 3 * n * n // 4)
        puzzle = np.full(self.spec.cells, BLANK, np.uint8)
        return self._clued(cages, colored(cages, n, COLORS), puzzle), self.tokens([digits])[0]

    def cages(self, puzzle: UInt8[np.ndarray, " C"]) -> list[Cage]:
        """Return the cages of a puzzle, in the order in which they begin."""
        first = self._heads(puzzle[None])[0]
        totals = (puzzle.astype(np.int64) - self._first_clue) // COLORS + 1
        begins = [cell for cell in np.unique(first).tolist() if puzzle[cell] >= self._first_clue]
        return [Cage(tuple(np.flatnonzero(first == cell).tolist()), int(totals[cell])) for cell in begins]

    def _heads(self, grids: UInt8[np.ndarray, "n C"]) -> Int[np.ndarray, "n C"]:
        """Return the first cell of the cage of each cell; a cell without a cage is its own."""
        marks = np.where(grids >= self._first_clue, grids.astype(np.int64), -1)
        return heads(marks.reshape(len(grids), *self.spec.shape))

    def _without_color(self, grids: UInt8[np.ndarray, "*n C"]) -> UInt8[np.ndarray, "*n C"]:
        """Return the tokens with the first color for all clues."""
        beyond = np.maximum(grids.astype(np.int64) - self._first_clue, 0)
        return (grids - beyond % COLORS).astype(np.uint8)

    def _first_two(self, cages: list[Cage]) -> list[list[int]]:
        """Return the answers that cages alone allow, two at most."""
        empty, prune = [0] * self.spec.cells, pruner(cages, self._units)
        return solve(empty, self.box, 2, max_guesses=_GUESSES_TO_GENERATE, prune=prune).solutions

    def rules(self, puzzle: UInt8[np.ndarray, " C"]) -> Rules:
        """Return that each cage holds different digits of its sum."""
        cages = self.cages(puzzle)
        cage_of = {cell: cage for cage in cages for cell in cage.cells}

        def fits(grid: Sequence[int], cell: int, digit: int) -> bool:
            if cell not in cage_of:
                return True
            others = [grid[other] for other in cage_of[cell].cells if other != cell]
            missing, empty = cage_of[cell].total - digit - sum(others), others.count(0)
            return empty <= missing <= empty * self.size

        return Rules(pruner(cages, self._units), tuple(cage.cells for cage in cages), fits)

    def _clued(self, cages: list[Cage], colors: list[int], grid: UInt8[np.ndarray, " C"]) -> UInt8[np.ndarray, " C"]:
        """Write the clues of cages into a grid."""
        for cage, color in zip(cages, colors, strict=True):
            grid[list(cage.cells)] = self.clue(cage.total, color)
        return grid

    @cached_property
    def _units(self) -> Int[np.ndarray, "3 C"]:
        """Number of the row, the column and the box of each cell."""
        return box_units(self.box)

    @cached_property
    def _turns(self) -> Int[np.ndarray, "k C"]:
        """The turns and reflections that carry boxes into boxes: eight, or four where boxes are not square."""
        box = self._units[2][:, None] == self._units[2]
        return np.stack([turn for turn in dihedral(self.spec.shape) if np.array_equal(box[np.ix_(turn, turn)], box)])
