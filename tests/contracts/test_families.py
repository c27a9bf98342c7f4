"""Every family, and one that a user might write, keeps its promises, and needs no torch."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from hrm.errors import DataError
from hrm.puzzles import get, names
from hrm.puzzles.base import Puzzle, PuzzleSpec, Symmetries
from hrm.puzzles.check import check
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


SLOW = {"sudoku-16x16": 3, "killer-9x9": 3, "samurai": 2, "maze-30x30": 4, "maze-30x30-unique": 4}
"""Families that take their time, and how many of their puzzles are examined."""


OTHER_SIZES = ("maze-4x4", "maze-4x9", "maze-6x5-unique", "maze-24x20", "coloring-4x3", "coloring-30x5")
"""Names beside those that are listed."""


@pytest.mark.parametrize("name", [*names(), *OTHER_SIZES])
def test_family_keeps_its_promises(name):
    assert check(get(name), examples=SLOW.get(name, 10)) == []


def test_a_family_of_ones_own_keeps_its_promises():
    assert check(Mirror()) == []


def test_families_work_where_torch_is_not_installed():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import hrm.puzzles.check\n"
        "from hrm.puzzles import get\n"
        "puzzle = get('sudoku-4x4')\n"
        "print(puzzle.text(puzzle.generate(0, 0)[1]))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.strip()) == 16


@pytest.mark.parametrize("name", names())
def test_a_family_can_be_pickled_as_workers_and_caches_do(name):
    family = get(name)
    again = pickle.loads(pickle.dumps(family))
    assert again.spec == family.spec
    if name not in ("arc", "table"):
        assert (again.generate(0, 0)[0] == family.generate(0, 0)[0]).all()
