"""The solver finds exactly the solutions there are."""

import csv
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm.errors import DataError
from hrm.puzzles.sudoku.solver import solve

DATA = Path(__file__).parents[3] / "../shared/data"
EMPTY = [0] * 16


def rows(name: str, count: int) -> list[dict[str, str]]:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not beside this checkout")
    with path.open() as file:
        table = list(csv.DictReader(file))
    return table[:: max(1, len(table) // count)][:count]


def digits(text: str) -> list[int]:
    return [0 if c == "." else int(c) for c in text]


def legal(grid: tuple[int, ...]) -> bool:
    lines = [grid[4 * i : 4 * i + 4] for i in range(4)]
    columns = list(zip(*lines, strict=True))
    boxes = [lines[y][x : x + 2] + lines[y + 1][x : x + 2] for y in (0, 2) for x in (0, 2)]
    return all(len(set(unit)) == 4 for unit in lines + columns + boxes)


def brute_force() -> list[tuple[int, ...]]:
    tops = [a + b for a in permutations((1, 2, 3, 4)) for b in permutations((1, 2, 3, 4))]
    tops = [top for top in tops if all(len(set(top[x : x + 2] + top[x + 4 : x + 6])) == 4 for x in (0, 2))]
    return [top + bottom for top in tops for bottom in tops if legal(top + bottom)]


GRIDS = brute_force()


def test_all_grids_of_four_digits_are_found():
    found = solve(EMPTY, (2, 2), limit=1000).solutions
    assert len(GRIDS) == 288
    assert sorted(map(tuple, found)) == sorted(GRIDS)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(GRIDS), st.lists(st.booleans(), min_size=16, max_size=16), st.integers(0, 2**32))
def test_solutions_are_those_of_brute_force(grid, kept, seed):
    puzzle = [digit if keep else 0 for digit, keep in zip(grid, kept, strict=True)]
    expected = sorted(g for g in GRIDS if all(p in (0, d) for p, d in zip(puzzle, g, strict=True)))
    for rng in (None, np.random.default_rng(seed)):
        found = solve(puzzle, (2, 2), limit=1000, rng=rng)
        assert sorted(map(tuple, found.solutions)) == expected
    cell = seed % 16
    others = solve(puzzle, (2, 2), limit=1000, without=(cell, grid[cell])).solutions
    assert sorted(map(tuple, others)) == [g for g in expected if g[cell] != grid[cell]]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=16, max_size=16), st.integers(1, 5))
def test_limit_and_impossible_givens(puzzle, limit):
    expected = [g for g in GRIDS if all(p in (0, d) for p, d in zip(puzzle, g, strict=True))]
    assert len(solve(puzzle, (2, 2), limit=limit).solutions) == min(limit, len(expected))


@pytest.mark.parametrize(
    ("name", "box", "count"),
    [
        ("sudoku/extreme_test.csv", (3, 3), 40),
        ("sudoku/magictour_test.csv", (3, 3), 40),
        ("sudoku/clue17_test.csv", (3, 3), 100),
        ("sudoku/gen_minimal_test.csv", (3, 3), 100),
        ("sudoku/gen_easy32_test.csv", (3, 3), 100),
        ("extra/minisudoku/sudoku6_test.csv", (2, 3), 200),
        ("extra/minisudoku/sudoku4_test.csv", (2, 2), 200),
    ],
)
def test_published_puzzles_have_the_stored_answer_and_no_other(name, box, count):
    for row in rows(name, count):
        assert solve(digits(row["question"]), box).solutions == [digits(row["answer"])], row


def test_guesses_follow_the_rating():
    """The stored rating counts the guesses of another solver; 0 means that rules alone suffice."""
    easy = [row for row in rows("sudoku/gen_easy32_test.csv", 200) if row["rating"] == "0"]
    free = [solve(digits(row["question"]), (3, 3)).guesses == 0 for row in easy]
    assert np.mean(free) > 0.95
    hard = rows("sudoku/extreme_test.csv", 30)
    assert min(solve(digits(row["question"]), (3, 3)).guesses for row in hard) > 0


def test_guesses_are_counted():
    assert solve(GRIDS[0], (2, 2)).guesses == 0
    assert solve(EMPTY, (2, 2), limit=1).guesses > 0


def test_a_search_that_needs_too_many_guesses_is_given_up():
    """A proof that stops early would be none, so a search that is cut short must not look like a result."""
    needed = solve(EMPTY, (2, 2), limit=1000).guesses
    assert len(solve(EMPTY, (2, 2), limit=1000, max_guesses=needed).solutions) == 288
    with pytest.raises(DataError, match=f"no proof within {needed - 1} guesses: too few givens"):
        solve(EMPTY, (2, 2), limit=1000, max_guesses=needed - 1)


def test_random_order_gives_other_grids():
    grids = {tuple(solve(EMPTY, (2, 2), 1, np.random.default_rng(i)).solutions[0]) for i in range(40)}
    assert len(grids) > 20


def test_two_ways_to_complete_sixteen_digits():
    first, second = solve([0] * 256, (4, 4)).solutions
    assert first != second
    for grid in (first, second):
        square = np.array(grid).reshape(16, 16)
        boxes = square.reshape(4, 4, 4, 4).swapaxes(1, 2).reshape(16, 16)
        for units in (square, square.T, boxes):
            assert (np.sort(units, axis=1) == np.arange(1, 17)).all()
