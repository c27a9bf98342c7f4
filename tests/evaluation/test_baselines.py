"""Classical solvers beside the network: what they solve, what they count, and what is timed."""

import numpy as np
import pytest

from hrm import puzzles
from hrm.evaluation.baselines import PUZZLES, SECONDS, classical
from hrm.puzzles.base import Attempt, ClassicalSolver

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


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-9x9", "maze-10x10"])
def test_puzzles_are_solved_and_timed(name):
    family, inputs = puzzles.get(name), generated(name, 6)
    best = family.classical_solvers[0]
    found = classical(family, inputs, best, Clock(0.002))
    assert found["puzzles"] == found["solved"] == 6
    assert found["ms_mean"] == pytest.approx(2) and found["ms_median"] == pytest.approx(2)
    assert found["name"] == best.name and found["unit"] == best.unit and found["nodes_mean"] >= 0
    assert found == classical(family, inputs, best, Clock(0.002))


def test_guesses_are_counted():
    family = puzzles.get("sudoku-9x9")
    hard, solver = family.parse(HARD), family.classical_solvers[0]
    found = solver.solve(hard)
    assert family.verify(hard[None], found.answer[None])[0] and found.nodes > 0
    both = classical(family, np.stack([hard, family.solutions(hard)[0]]), solver)
    assert both["nodes_mean"] == found.nodes / 2


def test_only_the_first_puzzles_are_solved_and_fewer_where_that_takes_long():
    family, inputs = puzzles.get("sudoku-4x4"), np.repeat(generated("sudoku-4x4", 1), PUZZLES + 5, axis=0)
    solver = family.classical_solvers[0]
    assert classical(family, inputs, solver)["puzzles"] == PUZZLES
    assert classical(family, inputs, solver, Clock(SECONDS / 3 + 0.01))["puzzles"] == 3


def test_what_is_not_solved_does_not_count_as_solved():
    family, inputs = puzzles.get("maze-10x10"), generated("maze-10x10", 8)

    def straight(puzzle):  # marks every open cell of every second maze, and gives the others up
        odd = puzzle[0] == inputs[0, 0]
        return Attempt(np.where(puzzle == family.spec.blank, 5, puzzle).astype(np.uint8) if odd else None, 7)

    found = classical(family, inputs, ClassicalSolver("straight", "looks", straight))
    assert found["solved"] == 0 and found["nodes_mean"] == 7
    assert 0 < found["connected"] == (inputs[:, 0] == inputs[0, 0]).mean()


def test_walks_are_connected_but_seldom_shortest():
    family, inputs = puzzles.get("maze-16x16"), generated("maze-16x16", 30)
    by_name = {s.name: classical(family, inputs, s) for s in family.classical_solvers}
    assert by_name["breadth-first search, pure Python"]["solved"] == by_name["A* search"]["solved"] == 30
    assert by_name["A* search"]["nodes_mean"] <= by_name["breadth-first search, pure Python"]["nodes_mean"]
    assert by_name["Trémaux"]["connected"] == 1 and by_name["Trémaux"]["solved"] < 30
    wall = by_name["wall following, right hand"]
    assert wall["solved"] < 30 * wall["connected"] < 30
