"""What Sudoku and its kin share: digits as tokens, the units of a layout, and the searches that fill them.

Token 0 is a cell outside all grids, 1 a blank, and the digit d has the token d + 1; a family may have further tokens.
Axes: C cells of the canvas, U units, n digits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Int, Int8, UInt8

from hrm.errors import DataError
from hrm.puzzles.base import PAD, Attempt, ClassicalSolver, Puzzle
from hrm.puzzles.grids import place
from hrm.puzzles.notation import DIGITS
from hrm.puzzles.searches import depth_first
from hrm.puzzles.sudoku.solver import Layout, Solution, solve

BLANK, FIRST_DIGIT = 1, 2
UNITS = ("row", "column", "box")
MOST_GUESSES = 20_000
"""After so many guesses the exact search gives up; 9×9 puzzles need some hundreds at most."""


@dataclass(frozen=True)
class Rules:
    """What a puzzle asks beside its units, once for each of the searches."""

    prune: Callable[[int], int] | None = None
    """What it leaves of a board of the exact search; see ``solver.solve``."""
    groups: tuple[tuple[int, ...], ...] = ()
    """Further cells that must hold different digits."""
    fits: Callable[[Sequence[int], int, int], bool] | None = None
    """Whether a grid's cell may hold a digit; see ``searches.depth_first``."""


class DigitPuzzle(Puzzle):
    """A family of grids in which every row, column and box holds each of n digits once, whatever rules it adds."""

    sizes: ClassVar[Mapping[str, int]] = {}
    """The number of digits by the name of each family; a class that has some takes this number alone."""

    def __init__(self, layout: Layout):
        """Take the place of the grids."""
        self.layout, self.size = layout, layout.box[0] * layout.box[1]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names that are listed."""
        return tuple(cls.sizes)

    @classmethod
    def from_name(cls, name: str) -> Puzzle | None:
        """Return the family with this name; None: there is none."""
        return cls(cls.sizes[name]) if name in cls.sizes else None  # pyright: ignore[reportArgumentType]

    def text(self, grid: UInt8[np.ndarray, " C"]) -> str:
        """Return a grid as one line of text, with ``.`` for a blank and ``_`` outside the grids."""
        return "".join(self.spec.tokens[token] for token in grid)

    def relations(self) -> Int8[np.ndarray, "R C C"]:
        """Return 1 where two cells share a row, a column, a box of a grid; a cell shares all three with itself."""
        return self.related

    def digits(self, grid: UInt8[np.ndarray, " C"]) -> list[int]:
        """Return the digit of each cell, 0 where there is none."""
        return np.where((grid >= FIRST_DIGIT) & (grid < FIRST_DIGIT + self.size), grid - BLANK, 0).tolist()

    def tokens(self, grids: Sequence[Sequence[int]]) -> UInt8[np.ndarray, "k C"]:
        """Return grids of digits as tokens."""
        digits = np.array(grids, np.int64).reshape(-1, len(self.inside))
        return np.where(self.inside, digits + BLANK, PAD).astype(np.uint8)

    def complete(self, answers: UInt8[np.ndarray, "k C"]) -> Bool[np.ndarray, " k"]:
        """Say for each answer whether every unit holds each digit once."""
        values = np.int32(1) << np.minimum(answers, FIRST_DIGIT + self.size)
        everything = sum(1 << token for token in range(FIRST_DIGIT, FIRST_DIGIT + self.size))
        right = np.ones(len(answers), bool)
        for unit in self.units:  # one after the other, so that memory stays small
            right &= np.bitwise_or.reduce(values[:, unit], axis=1) == everything
        return right

    def require_no_repeats(self, puzzle: UInt8[np.ndarray, " C"]) -> None:
        """Check that no unit holds a digit twice.

        Raises:
            DataError: names the first two cells that contradict each other.
        """
        digits = np.array(self.digits(puzzle))
        same = (digits[:, None] == digits[None, :]) & (digits[:, None] > 0)
        np.fill_diagonal(same, False)
        for unit, related in zip(UNITS, self.related, strict=True):
            for a, b in np.argwhere(same & related.astype(bool))[:1].tolist():
                first, second = (place(cell, self.layout.canvas[1]) for cell in (a, b))
                raise DataError(
                    f"the givens contradict each other: {first} and {second} are in the same {unit} and both hold "
                    f"{DIGITS[digits[a] - 1]}; correct one of them or make it a blank"
                )

    def solutions(self, puzzle: UInt8[np.ndarray, " C"], limit: int = 2) -> UInt8[np.ndarray, "k C"]:
        """Return up to ``limit`` different answers, found exactly.

        Raises:
            UndecidedError: no proof within ``MOST_GUESSES`` guesses; happens where little is given.
        """
        return self.tokens(self._solve(puzzle, limit).solutions)

    @property
    def classical_solvers(self) -> tuple[ClassicalSolver, ...]:
        """Return constraint propagation with guesses, and depth-first search without any propagation."""
        return (
            ClassicalSolver("propagation and guessing, pure Python", "guesses", self._propagate),
            ClassicalSolver("depth-first search", "digits tried", self._depth_first),
        )

    def thinned(
        self,
        answer: UInt8[np.ndarray, " C"],
        rng: np.random.Generator,
        extra_givens: int,
        least: int = 0,
        max_guesses: int = 1_000_000,
    ) -> UInt8[np.ndarray, " C"]:
        """Return a puzzle of this answer alone: none of its givens can be spared, but for some that are given back.

        Cells are blanked in random order as long as the answer stays unique; then 0 to ``extra_givens`` of them, each
        number equally likely, are given back.

        Args:
            least: number of givens at which blanking stops.
            max_guesses: a given is kept where the proof that it can be spared takes more.
        """
        kept, spared = self.digits(answer), []
        for cell in rng.permutation(np.flatnonzero(self.inside)).tolist():
            digit, kept[cell] = kept[cell], 0
            try:
                needed = solve(kept, self.layout, 1, without=(cell, digit), max_guesses=max_guesses).solutions
            except DataError:
                needed = True
            if needed:
                kept[cell] = digit
            else:
                spared.append(cell)
            if self.inside.sum() - len(spared) == least:
                break
        [puzzle] = self.tokens([kept])
        back = rng.permutation(spared)[: rng.integers(extra_givens + 1)]
        puzzle[back] = answer[back]
        return puzzle

    @cached_property
    def units(self) -> Int[np.ndarray, "U n"]:
        """The cells of each row, then of each column, then of each box; what two grids share comes twice."""
        (height, width), columns = self.layout.box, self.layout.canvas[1]
        corners = np.array([y * columns + x for group in self.layout.groups for y, x in group])[:, None, None]
        line, along = np.divmod(np.arange(self.size * self.size).reshape(self.size, self.size), self.size)
        (box_y, box_x), (y, x) = np.divmod(line, self.size // width), np.divmod(along, width)
        boxes = (box_y * height + y) * columns + box_x * width + x
        parts = (line * columns + along, along * columns + line, boxes)
        return np.concatenate([(corners + part).reshape(-1, self.size) for part in parts])

    @cached_property
    def inside(self) -> Bool[np.ndarray, " C"]:
        """Which cells of the canvas lie in a grid."""
        mask = np.zeros(self.layout.canvas[0] * self.layout.canvas[1], bool)
        mask[self.units.ravel()] = True
        return mask

    @cached_property
    def related(self) -> Int8[np.ndarray, "3 C C"]:
        """1 where two cells share a row, a column, a box of a grid; a cell shares all three with itself."""
        matrices = np.zeros((3, len(self.inside), len(self.inside)), np.int8)
        for matrix, units in zip(matrices, np.split(self.units, 3), strict=True):
            for unit in units:
                matrix[np.ix_(unit, unit)] = 1
        return matrices

    def rules(self, puzzle: UInt8[np.ndarray, " C"]) -> Rules:
        """Return what a puzzle asks beside its units; nothing unless told."""
        return Rules()

    def _solve(self, puzzle: UInt8[np.ndarray, " C"], limit: int) -> Solution:
        prune = self.rules(puzzle).prune
        return solve(self.digits(puzzle), self.layout, limit, max_guesses=MOST_GUESSES, prune=prune)

    def _propagate(self, puzzle: UInt8[np.ndarray, " C"]) -> Attempt:
        try:
            solution = self._solve(puzzle, limit=1)
        except DataError:
            return Attempt(None, MOST_GUESSES)
        return Attempt(self.tokens(solution.solutions)[0] if solution.solutions else None, solution.guesses)

    def _depth_first(self, puzzle: UInt8[np.ndarray, " C"]) -> Attempt:
        rules, related = self.rules(puzzle), np.array(self.related.any(axis=0))
        for group in rules.groups:
            related[np.ix_(group, group)] = True
        np.fill_diagonal(related, False)
        peers = [np.flatnonzero(row).tolist() for row in related]
        digits = np.where(self.inside, self.digits(puzzle), -1).tolist()
        filled, tried = depth_first(digits, peers, self.size, rules.fits)
        return Attempt(None if filled is None else self.tokens([filled])[0], tried)
