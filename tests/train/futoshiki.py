"""4×4 Futoshiki: every row and column holds 1 to 4 once, and the signs between the cells hold.

The canvas has 7×7 cells: digits where row and column are even, signs between two of them, corners that are no cell.
"""

from itertools import permutations, product

import numpy as np

from hrm.errors import DataError
from hrm.puzzles.base import Puzzle, PuzzleSpec, Symmetries
from hrm.randomness import Stream, generator

SIZE, WIDTH = 4, 7
TOKENS = ("_", ".", "1", "2", "3", "4", "-", "<", ">", "^", "v", "#")
ROWS = list(permutations(range(SIZE)))
SQUARES = np.array(
    [s for s in product(ROWS, repeat=SIZE) if all(len(set(column)) == SIZE for column in zip(*s, strict=True))]
)
DIGITS = np.array([(y, x) for y in range(0, WIDTH, 2) for x in range(0, WIDTH, 2)])
GAPS = np.array([(y, x) for y in range(WIDTH) for x in range(WIDTH) if (y + x) % 2])


def canvases():
    """Return every Latin square with all of its signs."""
    grids = np.full((len(SQUARES), WIDTH, WIDTH), TOKENS.index("#"), np.uint8)
    grids[:, ::2, ::2] = SQUARES + 2
    grids[:, ::2, 1::2] = np.where(SQUARES[:, :, :-1] < SQUARES[:, :, 1:], 7, 8)
    grids[:, 1::2, ::2] = np.where(SQUARES[:, :-1] < SQUARES[:, 1:], 9, 10)
    return grids.reshape(-1, WIDTH * WIDTH)


ALL = canvases()


def fits(puzzle):
    """Say of every Latin square whether it has the givens and signs of a puzzle."""
    told = (puzzle > 1) & (puzzle != TOKENS.index("-"))
    return (ALL[:, told] == puzzle[told]).all(axis=1)


class Futoshiki(Puzzle):
    spec = PuzzleSpec(
        "futoshiki", (WIDTH, WIDTH), TOKENS, 1, ("same row", "same column", "touch"), symmetry_draws=1,
        differ=("same row", "same column"),
    )  # fmt: skip

    def parse(self, given):
        if not isinstance(given, str) or len(given) != 49 or set(given) - set(TOKENS[1:]):
            raise DataError(f"a futoshiki puzzle is 49 characters of {' '.join(TOKENS[1:])}, not {given!r}")
        return np.array([TOKENS.index(character) for character in given], np.uint8)

    def text(self, grid):
        return "".join(TOKENS[token] for token in grid)

    def verify(self, inputs, answers):
        right = [fits(answer).any() for answer in answers]
        digits = (answers >= 2) & (answers <= 5)
        return right & np.where(inputs == 1, digits, inputs == answers).all(axis=1)

    def relations(self):
        y, x = np.divmod(np.arange(WIDTH * WIDTH), WIDTH)
        dy, dx = y[:, None] - y, x[:, None] - x
        cell = (y % 2 == 0) & (x % 2 == 0)
        both = cell[:, None] & cell & ((dy != 0) | (dx != 0))
        touch = np.zeros(dy.shape, np.int8)
        for kind, (a, b) in enumerate([(0, 1), (0, -1), (1, 0), (-1, 0)]):
            touch[(dy == a) & (dx == b)] = kind + 1
        return np.stack([both & (dy == 0), both & (dx == 0), touch]).astype(np.int8)

    def symmetries(self, draws):
        return Symmetries.identity(self.spec, len(draws))

    def twin_key(self, puzzle, answer):
        return puzzle.tobytes() + answer.tobytes()

    def twin_invariants(self, inputs, answers):
        return (answers == 2).sum(axis=1).astype(np.uint64)

    def solutions(self, puzzle, limit=2):
        found = ALL[fits(puzzle)][:limit].copy()
        found[:, puzzle == TOKENS.index("-")] = TOKENS.index("-")
        return found

    def generate(self, seed, index):
        rng = generator(seed, Stream.GENERATE, index)
        puzzle = ALL[rng.integers(len(ALL))].copy()
        for place in rng.permutation(49):
            held, empty = puzzle[place], 1 if 2 <= puzzle[place] <= 5 else TOKENS.index("-")
            if held == TOKENS.index("#"):
                continue
            puzzle[place] = empty
            if fits(puzzle).sum() != 1:
                puzzle[place] = held
        return puzzle, self.solutions(puzzle)[0]
