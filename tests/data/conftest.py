"""A toy family, six letters that read the same backwards: data needs nothing but what a family declares."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from hrm.data.audit.audit import audit
from hrm.data.store import Split, write_store
from hrm.errors import DataError
from hrm.puzzles.base import Puzzle, PuzzleSpec, Symmetries
from hrm.randomness import Stream, generator

SUDOKU_FILES = Path(__file__).resolve().parents[3] / "shared" / "data" / "sudoku"


class Palindromes(Puzzle):
    """Tokens: padding '_', blank '?', letters a-d. Of each mirrored pair at most one cell is blank."""

    @property
    def spec(self):
        return PuzzleSpec("palindromes", (1, 6), tuple("_?abcd"), 1, ("mirror",), 5)

    def parse(self, given):
        text = given.replace(".", "?") if isinstance(given, str) else ""
        if len(text) != 6 or set(text) - set("?abcd"):
            raise DataError(f"{given!r} is not six letters of abcd, or ? for a blank")
        return np.array([self.spec.tokens.index(c) for c in text], np.uint8)

    def text(self, grid):
        return "".join(self.spec.tokens[t] for t in grid)

    def verify(self, inputs, answers):
        kept = ((inputs == answers) | (inputs == 1)).all(axis=1)
        return kept & (answers > 1).all(axis=1) & (answers == answers[:, ::-1]).all(axis=1)

    def relations(self):
        return np.eye(6, dtype=np.int64)[None, ::-1]

    def symmetries(self, draws):
        n = len(draws)
        cells, tokens = np.tile(np.arange(6), (n, 1)), np.tile(np.arange(6), (n, 1))
        cells[draws[:, 4] < 0.5] = np.arange(6)[::-1]
        tokens[:, 2:] = 2 + np.argsort(draws[:, :4], axis=1)
        return Symmetries(cells, tokens)

    def twin_key(self, puzzle, answer):
        images = []
        for letters in itertools.permutations(range(2, 6)):
            renamed = np.array((0, 1, *letters), np.uint8)[puzzle]
            images += [renamed.tobytes(), renamed[::-1].tobytes()]
        return min(images)

    def twin_invariants(self, inputs, answers):
        return (inputs == 1).sum(axis=1).astype(np.uint64)

    def solutions(self, puzzle, limit=2):
        return np.maximum(puzzle, puzzle[::-1])[None][:limit]

    def generate(self, seed, index):
        rng = generator(seed, Stream.GENERATE, index)
        half, blank = rng.integers(2, 6, 3), rng.integers(0, 3, 3)
        blank[rng.integers(3)] = 1
        answer = np.concatenate([half, half[::-1]]).astype(np.uint8)
        puzzle = answer.copy()
        for pair, which in enumerate(blank):
            if which:
                puzzle[pair if which == 1 else 5 - pair] = 1
        return puzzle, answer


@pytest.fixture
def toy():
    return Palindromes()


@pytest.fixture
def toy_split(toy):
    inputs, labels = (np.stack(c) for c in zip(*(toy.generate(7, i) for i in range(23)), strict=True))
    return Split(inputs, labels, np.arange(23, dtype=np.int32), np.linspace(0, 1, 23, dtype=np.float32))


@pytest.fixture
def sudoku_files():
    if not (SUDOKU_FILES / "mix_train_1k.csv").is_file():
        pytest.skip("the Sudoku files lie beside no checkout here")
    return SUDOKU_FILES


@pytest.fixture
def overlaps(tmp_path_factory):
    """Count the rows of the second of two splits that have a twin in the first, as ``hrm data check`` does."""

    def count(one, two, puzzle):
        store = write_store(tmp_path_factory.mktemp("pair") / "store", puzzle, {"one": one, "two": two}, {}, "now")
        (separation,) = audit(store.path, puzzle=puzzle, unique=False).separations
        return separation.twins

    return count
