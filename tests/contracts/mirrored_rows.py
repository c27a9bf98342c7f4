"""A family of puzzles as a user writes it: one class, which everything else works from."""

import numpy as np

from hrm.errors import DataError
from hrm.puzzles.base import Puzzle, PuzzleSpec, Symmetries
from hrm.randomness import Stream, generator

HALF = 4


class Mirror(Puzzle):
    """Complete a line of letters so that it reads the same backwards."""

    @property
    def spec(self):
        return PuzzleSpec("mirror", (1, 2 * HALF), ("_", ".", "a", "b"), 1, ("facing",), HALF + 1)

    def parse(self, given):
        if not isinstance(given, str) or len(given) != 2 * HALF or set(given) - set(".ab"):
            raise DataError(f"a mirror puzzle is {2 * HALF} characters of '.', 'a' and 'b', not {given!r}")
        return np.array([".ab".index(letter) + 1 for letter in given], np.uint8)

    def text(self, grid):
        return "".join("_.ab"[token] for token in grid)

    def verify(self, inputs, answers):
        keeps = ((inputs == 1) | (inputs == answers)).all(axis=1)
        return keeps & (answers > 1).all(axis=1) & (answers == answers[:, ::-1]).all(axis=1)

    def relations(self):
        return np.eye(2 * HALF, dtype=np.int64)[None, ::-1]

    def symmetries(self, draws):
        order = np.argsort(draws[:, :HALF], axis=1)
        cells = np.concatenate([order, 2 * HALF - 1 - order[:, ::-1]], axis=1)
        swapped = draws[:, HALF:] < 0.5
        return Symmetries(cells, np.where(swapped, [0, 1, 3, 2], [0, 1, 2, 3]))

    def twin_invariants(self, inputs, answers):
        count = (answers[:, :HALF] == 2).sum(axis=1)
        return np.minimum(count, HALF - count).astype(np.uint64)

    def twin_key(self, puzzle, answer):
        return self.twin_invariants(puzzle[None], answer[None]).tobytes()

    def solutions(self, puzzle, limit=2):
        half = puzzle[:HALF]
        return np.concatenate([half, half[::-1]])[None]

    def generate(self, seed, index):
        half = generator(seed, Stream.GENERATE, index).integers(2, 4, HALF).astype(np.uint8)
        return np.concatenate([half, np.ones(HALF, np.uint8)]), np.concatenate([half, half[::-1]])


class Listed(Mirror):
    """The same family as one of the package's own, which have names."""

    @classmethod
    def names(cls):
        return ("mirror",)

    @classmethod
    def from_name(cls, name):
        return cls() if name == "mirror" else None
