"""Classical searches find what can be found, and fail where they must."""

import numpy as np
import pytest

from hrm.puzzles import get, searches
from hrm.puzzles.maze.maze import GOAL, START, WALL
from hrm.puzzles.searches import Floor, a_star, breadth_first, depth_first, tremaux, wall_following

SHORTEST = (breadth_first, a_star)
WALKS = (wall_following, tremaux)


def floor(*rows):
    grid = np.array([list(row) for row in rows])
    start, goal = (tuple(int(i) for i in np.argwhere(grid == symbol)[0]) for symbol in "SG")
    return Floor(grid != "#", start, goal)


def check(found, where):
    """Say that a path leads from start to goal in single moves over open cells, none of them twice."""
    assert found.path[0] == where.start and found.path[-1] == where.goal
    assert len(set(found.path)) == len(found.path) <= found.visited + 1
    for (y, x), (v, u) in zip(found.path, found.path[1:], strict=False):
        assert abs(y - v) + abs(x - u) == 1 and where.is_open[v, u]


TREE = floor("S..#", ".#..", "..#.", "#..G")
"""Every wall is joined to the edge."""
ISLAND = floor(".....", ".#.#.", ".#G#.", ".#.#.", "S....")
"""The goal lies between two islands that the wall along the edge never touches."""
OPEN = floor("......G", ".......", ".......", "...#...", "...S...", ".......", ".......")
"""The start is inside a hall: the first wall above it is an island of one cell."""
SHUT = floor("S.#.", "..#.", "..#G")


@pytest.mark.parametrize("search", [*SHORTEST, *WALKS])
def test_all_of_them_where_all_must(search):
    check(search(TREE), TREE)
    corridor = floor("S" + "." * 9 + "G")
    check(search(corridor), corridor)
    beside = floor("SG")
    assert search(beside).path == [(0, 0), (0, 1)]


@pytest.mark.parametrize("search", [*SHORTEST, *WALKS])
def test_none_where_there_is_no_way(search):
    assert search(SHUT).path is None


def test_following_a_wall_fails_round_islands_and_from_inside():
    for where in (ISLAND, OPEN):
        assert wall_following(where).path is None, "it should walk in circles"
        for search in (*SHORTEST, tremaux):
            check(search(where), where)


@pytest.mark.parametrize("name", ["maze-10x10", "maze-16x16"])
def test_on_generated_mazes(name):
    family = get(name)
    for index in range(15):
        puzzle, answer = family.generate(5, index)
        ends = (divmod(int(np.flatnonzero(puzzle == token)[0]), family.spec.shape[1]) for token in (START, GOAL))
        where = Floor((puzzle != WALL).reshape(family.spec.shape), *ends)
        for search in SHORTEST:
            found = search(where)
            check(found, where)
            assert len(found.path) == (answer == 5).sum() + 2
        check(tremaux(where), where)
        walk = wall_following(where)
        if walk.path is not None:
            check(walk, where)
        assert a_star(where).visited <= breadth_first(where).visited


def test_tremaux_goes_through_no_passage_three_times():
    for index in range(20):
        puzzle, _ = get("maze-10x10").generate(8, index)
        ends = (divmod(int(np.flatnonzero(puzzle == token)[0]), 10) for token in (START, GOAL))
        where = Floor((puzzle != WALL).reshape(10, 10), *ends)
        passages = sum(where.leads(cell, d) is not None for cell in np.ndindex(10, 10) if where.is_open[cell]
                       for d in (0, 1))  # fmt: skip
        assert tremaux(where).visited <= 2 * passages + 1


def test_depth_first_search_counts_and_gives_up(monkeypatch):
    family = get("sudoku-4x4")
    puzzle, answer = family.generate(0, 0)
    found = family.classical_solvers[1].solve(puzzle)
    assert np.array_equal(found.answer, answer) and found.nodes >= (puzzle == family.spec.blank).sum()
    grid, tried = depth_first([0, 0, 0], [[1, 2], [0, 2], [0, 1]], 2)
    assert grid is None and tried == 4  # 1 and 2, 2 and 1, and each time nothing is left for the third
    pairs = [[j for j in range(12) if j != i] for i in range(12)]
    monkeypatch.setattr(searches, "MOST_TRIED", 5000)
    assert depth_first([0] * 12, pairs, 11) == (None, 5001)


def test_depth_first_search_asks_further_rules():
    """Two cells of different digits up to four, the first of them two more than the second."""

    def fits(grid, cell, digit):
        first, second = (digit, grid[1]) if cell == 0 else (grid[0], digit)
        return not first or not second or first == second + 2

    assert depth_first([0, 0], [[1], [0]], 4, fits) == ([3, 1], 4)
