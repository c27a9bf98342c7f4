"""Mazes: shortest paths are shortest, ties are told, and the generator keeps to its rule."""

from collections import deque

import numpy as np
import pytest

from hrm.data.augment import Batch, RandomSymmetry
from hrm.errors import DataError, UsageError
from hrm.puzzles import get
from hrm.puzzles.check import check
from hrm.puzzles.maze.maze import GOAL, OPEN, PATH, START, WALL, Maze

SMALL = Maze(4, 5, longer_than=3)
TIED = "S   #" "### #" "#   G" "#####"  # fmt: skip
"""Down the fourth column, then right; no other way is as short."""
ROUND = "S    " " ### " "    G" "#####"  # fmt: skip
"""Round the wall on either side."""


def distance(grid, shape, floor):
    """Return the moves between start and goal, searched cell by cell."""
    rows, columns = shape
    start, goal = (int(np.flatnonzero(grid == token)[0]) for token in (START, GOAL))
    found, queue = {start: 0}, deque([start])
    while queue:
        here = queue.popleft()
        y, x = divmod(here, columns)
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            there = v * columns + u
            if 0 <= v < rows and 0 <= u < columns and there not in found and grid[there] in (*floor, START, GOAL):
                found[there] = found[here] + 1
                queue.append(there)
    return found.get(goal)


@pytest.mark.parametrize(("size", "longer_than"), [((10, 10), 18), ((16, 16), 40), ((4, 9), 7)])
@pytest.mark.parametrize("unique", [False, True])
def test_generated_mazes_keep_the_rule(size, longer_than, unique):
    family = Maze(*size, unique=unique)
    cells = size[0] * size[1]
    for index in range(10):
        puzzle, answer = family.generate(3, index)
        moves = distance(puzzle, size, (OPEN,))
        assert moves is not None and moves > longer_than
        assert (answer == PATH).sum() == moves - 1 and distance(answer, size, (PATH,)) == moves
        assert 0.3 * cells <= (puzzle == WALL).sum() and (unique or (puzzle == WALL).sum() <= 0.5 * cells)
        assert (len(family.solutions(puzzle)) == 1) or not unique


def test_maze_hard_is_hard():
    puzzle, _ = get("maze-30x30").generate(0, 0)
    assert distance(puzzle, (30, 30), (OPEN,)) > 110
    assert 270 <= (puzzle == WALL).sum() <= 450


def test_every_far_pair_is_as_likely():
    """On a corridor of 24 cells, pairs more than 20 moves apart: 3 + 2 + 1, in both directions."""
    family = Maze(24, 4, longer_than=20)
    floor = family._grid.pack(np.arange(96) % 4 == 1)
    drawn = [family._far_apart(floor, np.random.default_rng(seed)) for seed in range(1200)]
    pairs, counts = np.unique(np.array(drawn), axis=0, return_counts=True)
    rows = pairs // 4
    assert set(map(tuple, rows.tolist())) == {(a, b) for a in range(24) for b in range(24) if abs(a - b) > 20}
    assert counts.min() > 60 and counts.max() < 145  # 100 each, five standard deviations


def test_sizes_by_name_and_other_rectangles():
    assert get("maze-12x7").spec.shape == (12, 7)
    assert get("maze-30x30-unique").spec.name == "maze-30x30"
    assert check(get("maze-6x9-unique"), examples=5) == []
    for name in ("maze-3x9", "maze-65x65", "maze-99999x2"):
        with pytest.raises(UsageError):
            get(name)


def test_ties_are_listed_in_order_and_all_are_right():
    puzzle = SMALL.parse(ROUND)
    found = SMALL.solutions(puzzle, limit=9)
    assert [SMALL.text(answer)[:5] for answer in found] == ["S    ", "Soooo"]
    assert SMALL.verify(puzzle[None].repeat(2, 0), found).all()
    assert len(SMALL.solutions(puzzle, limit=1)) == 1
    assert len(SMALL.solutions(SMALL.parse(TIED), limit=9)) == 1


def test_the_path_of_an_image_is_drawn_by_the_rule_where_that_of_the_maze_is():
    family = Maze(10, 10)
    mazes, paths = map(np.stack, zip(*(family.generate(3, index) for index in range(40)), strict=True))
    last = np.stack([family.solutions(maze, limit=999)[-1] for maze in mazes])
    several = (last != paths).any(axis=1)
    assert 10 < several.sum() < 40
    symmetries = family.symmetries(np.linspace(0, 1, 40, endpoint=False)[:, None])
    images, turned = symmetries.apply(mazes), symmetries.apply(paths)
    drawn = family.image_answers(mazes, paths, images, turned)
    assert (drawn == np.stack([family.solutions(image, limit=1)[0] for image in images])).all()
    assert (drawn != turned).any() and family.verify(images, drawn).all()
    turned = symmetries.apply(last)  # drawn by another rule: turned with the maze
    kept = family.image_answers(mazes, last, images, turned)
    assert (kept[several] == turned[several]).all()
    blocked, unknown = np.where(mazes == OPEN, WALL, mazes), np.zeros_like(paths)
    assert (family.image_answers(blocked, unknown, blocked, unknown) == unknown).all()


def test_augmented_training_mazes_have_the_path_that_the_rule_draws():
    family = Maze(10, 10)
    mazes, paths = map(np.stack, zip(*(family.generate(3, index) for index in range(8)), strict=True))
    batch = Batch(mazes, paths, np.zeros(8, np.int64), np.arange(8))
    shown = RandomSymmetry(family, 0)(batch)
    assert (shown.inputs != mazes).any()
    assert (shown.labels == np.stack([family.solutions(maze, limit=1)[0] for maze in shown.inputs])).all()


def test_no_way_through():
    shut = SMALL.parse("S#  G.#...##........")
    assert len(SMALL.solutions(shut)) == 0
    assert all(solver.solve(shut).answer is None for solver in SMALL.classical_solvers)
    with pytest.raises(DataError, match="no solution"):
        SMALL.require_unique(shut)


@pytest.mark.parametrize(
    ("rows", "valid", "connected"),
    [
        ("Soooo| ###o|    G|#####", True, True),
        ("S    |o### |ooooG|#####", True, True),
        ("Soooo|o###o|ooooG|#####", False, True),  # both ways are marked
        ("Sooo | ###o|    G|#####", False, False),  # a gap
        ("Soooo| ###o|o   G|#####", False, True),  # a cell that leads nowhere
        ("Soooo| ###o|    G|#### ", False, False),  # a wall is gone
        ("Soooo| ###o|    o|#####", False, False),  # the goal is gone
        ("S    | ### |    G|#####", False, False),  # nothing is marked
    ],
)
def test_verdicts(rows, valid, connected):
    puzzle = SMALL.parse(ROUND)
    answer = np.array([SMALL.spec.tokens.index(symbol) for symbol in rows.replace("|", "")], np.uint8)
    assert SMALL.verify(puzzle[None], answer[None])[0] == valid
    assert SMALL.extra_metrics(puzzle[None], answer[None])["connected"][0] == connected


def test_a_longer_way_is_connected_but_not_valid():
    puzzle = SMALL.parse("S    " "  #  " "  #G " "#####")  # fmt: skip
    short = SMALL.parse("Sooo " "  #o " "  #G " "#####")  # fmt: skip
    longer = SMALL.parse("Soooo" "  # o" "  #Go" "#####")  # fmt: skip
    assert SMALL.verify(puzzle[None].repeat(2, 0), np.stack([short, longer])).tolist() == [True, False]
    assert SMALL.extra_metrics(puzzle[None], longer[None])["connected"].tolist() == [True]


def test_start_beside_goal():
    puzzle = SMALL.parse("SG" + "." * 18)
    assert SMALL.text(SMALL.solutions(puzzle)[0]) == SMALL.text(puzzle)
    assert SMALL.verify(puzzle[None], puzzle[None])[0]


@pytest.mark.parametrize("given", [
    ROUND, ROUND.replace(" ", "."), "\n".join(ROUND[i : i + 5] for i in range(0, 20, 5)),
    [ROUND[i : i + 5] for i in range(0, 20, 5)], [list(ROUND[i : i + 5]) for i in range(0, 20, 5)], list(ROUND),
    np.array(["_# SGo".index(symbol) for symbol in ROUND]).reshape(4, 5),
    '["S    ", " ### ", "    G", "#####"]',
])  # fmt: skip
def test_every_way_to_give_a_maze(given):
    assert SMALL.text(SMALL.parse(given)) == ROUND


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("S G", "3 cells in one line instead of 4 rows of 5.*every space"),
        ("S    \n ###\n    G\n#####", "row 2 has 4 cells instead of 5.*every space"),
        ("S    \n ###x\n    G\n#####", "row 2, column 5 holds 'x'; allowed are '#'"),
        (ROUND.replace("S", " "), "0 cells that are the start 'S'"),
        (ROUND.replace("#", "G", 1), "2 cells that are the goal 'G'"),
        (None, "give text"),
        ("#" * 99999, "99999 characters"),
        ("[" * 9000, "9000|starts like JSON"),
        ("[1, ", "starts like JSON"),
        (np.zeros((999, 999), int), "998001 cells; at most 4096"),
        ([[True] * 5] * 4, "'True'"),
        ([["S", {}]] * 4, "2 cells"),
        ([], "1|rows"),
    ],
)
def test_what_is_no_maze_is_refused(given, said):
    with pytest.raises(DataError, match=said):
        SMALL.parse(given)


def test_a_step_says_in_which_direction_a_neighbor_lies():
    neighbor, step = get("maze-4x5").relation_matrices
    assert np.array_equal(step > 0, neighbor > 0)
    assert [int(step[7, cell]) for cell in (2, 6, 8, 12)] == [1, 2, 3, 4]  # up, left, right, down
    assert np.array_equal(step.T[step > 0], 5 - step[step > 0])  # the way back is the opposite direction
