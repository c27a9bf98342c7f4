"""The plain solver beside the network: what it solves, what it counts, and what is timed."""

import numpy as np
import pytest

from hrm import puzzles
from hrm.evaluation.plain import PUZZLES, SECONDS, plain_solver
from hrm.puzzles.base import PlainSolution, Puzzle
from hrm.puzzles.sudoku import Sudoku

HARD = "6......7..2.5.......4..62....8.9...73....86...4.....1..8...34....3.5.......1...9."


class Clock:
    """Each look takes this many seconds."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def generated(name, count):
    return np.stack([puzzles.get(name).generate(0, index)[0] for index in range(count)])


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-9x9"])
def test_sudoku_is_solved_and_timed(name):
    inputs = generated(name, 6)
    found = plain_solver(puzzles.get(name), inputs, Clock(0.002))
    assert found["puzzles"] == found["solved"] == 6
    assert found["ms_mean"] == pytest.approx(2) and found["ms_median"] == pytest.approx(2)
    assert "guessing" in found["name"] and found["guesses_mean"] >= 0
    assert found == plain_solver(puzzles.get(name), inputs, Clock(0.002))


def test_guesses_are_counted():
    family = puzzles.get("sudoku-9x9")
    hard = family.parse(HARD)
    found = family.plain_solve(hard)
    assert family.verify(hard[None], found.answer[None])[0] and found.guesses > 0
    both = plain_solver(family, np.stack([hard, family.solutions(hard)[0]]))
    assert both["guesses_mean"] == found.guesses / 2


def test_only_the_first_puzzles_are_solved_and_fewer_where_that_takes_long():
    family, inputs = puzzles.get("sudoku-4x4"), np.repeat(generated("sudoku-4x4", 1), PUZZLES + 5, axis=0)
    assert plain_solver(family, inputs)["puzzles"] == PUZZLES
    assert plain_solver(family, inputs, Clock(SECONDS / 3 + 0.01))["puzzles"] == 3


def test_what_is_not_solved_does_not_count_as_solved():
    class Half(Sudoku):
        def plain_solve(self, puzzle):
            answer = None if puzzle[0] == self.spec.blank else np.full(16, 2, np.uint8)
            return PlainSolution(answer, 7)

    found = plain_solver(Half(4), generated("sudoku-4x4", 8))
    assert found["solved"] == 0 and found["guesses_mean"] == 7
    twice = np.full(16, 1, np.uint8)
    twice[:2] = 2
    assert Sudoku(4).plain_solve(twice).answer is None


def test_a_family_without_a_plain_solver():
    class Without(Sudoku):
        plain_solver = ""
        plain_solve = Puzzle.plain_solve

    assert plain_solver(Without(4), generated("sudoku-4x4", 2)) is None
