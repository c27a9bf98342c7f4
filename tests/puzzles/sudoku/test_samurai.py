"""Samurai Sudoku: five grids, each complete, and the search over their union finds exactly the answers there are."""

import json
from itertools import permutations, product

import numpy as np
import pytest

from hrm.errors import DataError, UsageError
from hrm.puzzles import get
from hrm.puzzles.sudoku.samurai import Samurai

SMALL, LARGE = get("samurai-4x4"), get("samurai")
CORNERS = [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)]


def every_grid() -> np.ndarray:
    rows = list(permutations((1, 2, 3, 4)))
    halves = [a + b for a, b in product(rows, rows) if len({*a[:2], *b[:2]}) == 4 == len({*a[2:], *b[2:]})]
    grids = [a + b for a, b in product(halves, halves)]
    columns = np.array(grids).reshape(-1, 4, 4).swapaxes(1, 2)
    return np.array(grids)[(np.sort(columns, axis=2) == np.arange(1, 5)).all(axis=(1, 2))].reshape(-1, 4, 4)


GRIDS = every_grid()


def count_answers(puzzle: np.ndarray) -> int:
    """Count by brute force: for each middle grid, the outer grids are independent of each other."""
    canvas = puzzle.astype(int).reshape(8, 8) - 1
    total = 0

    def fitting(corner: tuple[int, int]) -> np.ndarray:
        y, x = corner
        part = canvas[y : y + 4, x : x + 4]
        return GRIDS[((part == 0) | (part == GRIDS)).all(axis=(1, 2))]

    outer = [fitting(corner) for corner in CORNERS[:4]]
    for middle in fitting(CORNERS[4]):
        count = 1
        for (y, x), grids in zip(CORNERS[:4], outer, strict=True):
            theirs = grids[:, 2 - y // 2 : 4 - y // 2, 2 - x // 2 : 4 - x // 2]
            mine = middle[y // 2 : y // 2 + 2, x // 2 : x // 2 + 2]
            count *= int((theirs == mine).all(axis=(1, 2)).sum())
        total += count
    return total


def test_the_brute_force_knows_all_grids_and_where_they_meet():
    assert len(GRIDS) == 288 and list(SMALL.corners) == CORNERS
    _, answer = SMALL.generate(0, 0)
    assert count_answers(answer) == 1


@pytest.mark.parametrize("seed", range(20))
def test_the_search_finds_every_answer_and_no_other(seed):
    rng = np.random.default_rng(seed)
    puzzle, answer = SMALL.generate(5, seed)
    removed = rng.permutation(np.flatnonzero(puzzle > 1))[:3]
    puzzle[removed] = 1
    if seed % 2:  # and a random digit that may contradict the others
        puzzle[rng.integers(64)] = rng.integers(2, 6)
    found = SMALL.solutions(puzzle, limit=5000)
    assert len(found) == count_answers(puzzle) == len({grid.tobytes() for grid in found})
    assert SMALL.verify(puzzle[None].repeat(len(found), 0), found).all()


@pytest.mark.parametrize("family", [SMALL, LARGE])
def test_generated_puzzles_have_one_answer(family):
    for index in range(6 if family is SMALL else 1):
        puzzle, answer = family.generate(11, index)
        assert np.array_equal(family.solutions(puzzle), answer[None])
        again, _ = family.generate(11, index)
        assert np.array_equal(again, puzzle)
        for y, x in family.corners:
            n, span = family.size, family.spec.shape[0]
            grid = answer.reshape(span, span)[y : y + n, x : x + n]
            assert (np.sort(grid, axis=0) == np.arange(2, n + 2)[:, None]).all()
            assert (np.sort(grid, axis=1) == np.arange(2, n + 2)).all()


def test_without_extra_givens_none_can_be_spared():
    family = Samurai(4, extra_givens=0)
    puzzle, _ = family.generate(0, 0)
    for cell in np.flatnonzero(puzzle > 1):
        less = puzzle.copy()
        less[cell] = 1
        assert len(family.solutions(less)) == 2


def test_the_canvas():
    assert LARGE.spec.shape == (21, 21) and SMALL.spec.shape == (8, 8)
    assert LARGE.inside.sum() == 369 and SMALL.inside.all()
    assert LARGE.spec.padded and not SMALL.spec.padded
    outside = ~LARGE.inside
    assert not LARGE.relation_matrices[:, outside].any() and not LARGE.relation_matrices[:, :, outside].any()
    with pytest.raises(UsageError, match="6 digits"):
        Samurai(6)


def test_relations_of_one_cell():
    """The first cell that two grids share sees the rows, columns and boxes of both."""
    cell = 2 * 8 + 2
    row, column, box = SMALL.relation_matrices[:, cell].reshape(3, 8, 8)
    assert np.argwhere(row).tolist() == [[2, x] for x in (0, 1, 2, 3, 4, 5)]
    assert np.argwhere(column).tolist() == [[y, 2] for y in (0, 1, 2, 3, 4, 5)]
    assert np.argwhere(box).tolist() == [[y, x] for y in (2, 3) for x in (2, 3)]


@pytest.mark.parametrize("grid", range(5))
def test_each_grid_is_judged(grid):
    """A legal change of two digits in one grid breaks nothing but this grid, where it does not touch others."""
    puzzle, answer = SMALL.generate(2, 0)
    blank = np.ones_like(puzzle)
    assert SMALL.verify(blank[None], answer[None])[0]
    y, x = CORNERS[grid]
    part = answer.reshape(8, 8).copy()
    cells = [(0, 0), (0, 1)] if grid == 0 else [(3, 3), (3, 2)] if grid == 3 else [(0, 3), (1, 3)]
    if grid == 4:
        cells = [(1, 1), (1, 2)]  # shared with two outer grids
    (a, b), (c, d) = [(y + v, x + u) for v, u in cells]
    part[a, b], part[c, d] = part[c, d], part[a, b]
    assert not SMALL.verify(blank[None], part.reshape(1, -1))[0]


def test_givens_padding_and_other_tokens():
    puzzle, answer = LARGE.generate(0, 0)
    assert LARGE.verify(puzzle[None], answer[None])[0]
    for cell, token in ((int(np.flatnonzero(puzzle > 1)[0]), 1), (9, 5), (0, 0)):
        wrong = answer.copy()
        wrong[cell] = token
        assert not LARGE.verify(puzzle[None], wrong[None])[0]
    other = puzzle.copy()
    other[9] = 3
    assert not LARGE.verify(other[None], answer[None])[0]


@pytest.mark.parametrize("family", [SMALL, LARGE])
def test_every_way_to_give_a_puzzle(family):
    puzzle, _ = family.generate(0, 1)
    text, span = family.text(puzzle), family.spec.shape[0]
    rows = [text[y * span : (y + 1) * span] for y in range(span)]
    digits = np.maximum(puzzle.astype(int) - 1, 0).reshape(span, span)
    ways = [
        text, text.replace("_", ""), "\n".join(rows), "\n".join(rows).replace("_", " "), rows, json.dumps(rows),
        digits, digits.tolist(), text.replace(".", "0"), [list(row) for row in rows],
    ]  # fmt: skip
    for given in ways:
        assert np.array_equal(family.parse(given), puzzle), given


BLANKS = "." * 64


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("." * 63, "63 cells; give the 64"),
        ("", "0 cells"),
        ("5" + BLANKS[1:], "holds '5'; allowed are 1-4"),
        ("11" + BLANKS[2:], "row 1, column 1 and row 1, column 2 are in the same row"),
        ("_" + BLANKS[1:], "inside a grid, and holds '_'"),
        ("1" * 9999, "9999 characters"),
        (None, "as NoneType"),
        ("[[1", "cannot be read as JSON"),
        ("[" * 4000, "JSON"),
        ([[True] * 8] * 8, "holds True"),
        (np.zeros((99, 99), int), "9801 cells"),
        ([[1], 2], "row 2"),
    ],
)
def test_what_is_no_puzzle_is_refused(given, said):
    with pytest.raises(DataError, match=said):
        SMALL.parse(given)


def test_digits_outside_the_grids_are_refused():
    canvas = list(LARGE.text(LARGE.generate(0, 0)[0]))
    canvas[9] = "3"
    with pytest.raises(DataError, match="row 1, column 10 is outside all grids"):
        LARGE.parse("".join(canvas))
    shared = ["."] * 441
    shared[6 * 21 + 6], shared[6 * 21 + 14] = "3", "3"  # the ends of the first row of the middle grid
    with pytest.raises(DataError, match="same row and both hold 3"):
        LARGE.parse(shared)


def test_symmetries_do_more_than_turn():
    """Lines that no other grid shares move by themselves."""
    draws = np.random.default_rng(0).random((200, LARGE.spec.symmetry_draws))
    draws[:, 9] = 0  # the turn that changes nothing
    moves = LARGE.symmetries(draws).cells.reshape(200, 21, 21)
    own = {tuple(move[:6, 0] // 21) for move in moves}
    shared = {tuple(move[6:9, 0] // 21) for move in moves}
    assert len(own) > 60 and len(shared) == 6
    assert all((move[6:9, 20] // 21 == move[6:9, 0] // 21).all() for move in moves)  # together, across the canvas
    outside = ~LARGE.inside
    assert (moves.reshape(200, -1)[:, outside] == np.flatnonzero(outside)).all() or all(
        set(move[outside]) == set(np.flatnonzero(outside)) for move in moves.reshape(200, -1)
    )


def test_twins_are_told_from_strangers():
    keys = {SMALL.twin_key(*SMALL.generate(0, index)) for index in range(40)}
    assert len(keys) > 36
    puzzle, answer = LARGE.generate(0, 0)
    moves = LARGE.symmetries(np.random.default_rng(1).random((6, LARGE.spec.symmetry_draws)))
    moved = moves.apply(puzzle[None].repeat(6, 0)), moves.apply(answer[None].repeat(6, 0))
    assert {LARGE.twin_key(*pair) for pair in zip(*moved, strict=True)} == {LARGE.twin_key(puzzle, answer)}
    other = puzzle.copy()
    other[np.flatnonzero(puzzle > 1)[0]] = 1
    assert LARGE.twin_key(other, answer) != LARGE.twin_key(puzzle, answer)


def test_classical_solvers_agree():
    puzzle, answer = SMALL.generate(3, 1)
    for solver in SMALL.classical_solvers:
        assert np.array_equal(solver.solve(puzzle).answer, answer)
    puzzle, answer = LARGE.generate(3, 1)
    assert np.array_equal(LARGE.classical_solvers[0].solve(puzzle).answer, answer)
