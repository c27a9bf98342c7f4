"""Killer Sudoku: cages hang together, sums are told, and the search finds exactly the answers there are."""

import json
from itertools import combinations, permutations, product

import numpy as np
import pytest

from hrm.errors import DataError, UsageError
from hrm.puzzles import get
from hrm.puzzles.sudoku.cages import Cage, _fillings, bounds, colored, cut, heads, pruner
from hrm.puzzles.sudoku.killer import COLORS, Killer
from hrm.puzzles.sudoku.solver import solve

FOUR = get("killer-4x4")
DRAWN = """
aabb
cabd
ccee
ffee
"""
SOLVED = "1234341221434321"


def told(letters: str = DRAWN, answer: str = SOLVED) -> str:
    """Return the puzzle of these cages whose answer is this one."""
    letters = "".join(letters.split())
    first = {}
    for letter, digit in zip(letters, answer, strict=True):
        first[letter] = first.get(letter, 0) + int(digit)
    return f"{letters};{','.join(map(str, first.values()))}"


def every_grid() -> list[tuple[int, ...]]:
    rows = list(permutations((1, 2, 3, 4)))
    found = []
    for a, b in product(rows, rows):
        if len({*a[:2], *b[:2]}) == 4 == len({*a[2:], *b[2:]}):
            for c, d in product(rows, rows):
                columns_differ = all(len(set(column)) == 4 for column in zip(a, b, c, d, strict=True))
                if columns_differ and len({*c[:2], *d[:2]}) == 4 == len({*c[2:], *d[2:]}):
                    found.append(a + b + c + d)
    return found


GRIDS = every_grid()


def flooded(marks: list[int], width: int) -> list[int]:
    """Return the first cell of what hangs together, one cell after the other."""
    found = list(range(len(marks)))
    for start in range(len(marks)):
        front = [start] if found[start] == start and marks[start] >= 0 else []
        while front:
            cell = front.pop()
            y, x = divmod(cell, width)
            sides = [(y, x - 1), (y, x + 1), (y - 1, x), (y + 1, x)]
            for v, u in sides:
                near = v * width + u
                if 0 <= v < len(marks) // width and 0 <= u < width and marks[near] == marks[start] and near != start:
                    if found[near] != start:
                        found[near] = start
                        front.append(near)
    return found


@pytest.mark.parametrize("seed", range(20))
def test_cages_are_what_hangs_together(seed):
    marks = np.random.default_rng(seed).integers(-1, 3, (4, 5, 7))
    expected = [flooded(grid.ravel().tolist(), 7) for grid in marks]
    assert heads(marks).tolist() == expected


def test_the_brute_force_knows_all_grids():
    assert len(GRIDS) == 288


@pytest.mark.parametrize("seed", range(25))
def test_the_search_finds_every_answer_and_no_other(seed):
    """Random cages, of which few allow a single answer, with a given now and then."""
    rng = np.random.default_rng(seed)
    grid = np.array(GRIDS[rng.integers(288)])
    marks = rng.integers(0, 3, (1, 4, 4))
    first = heads(marks)[0]
    cages = [Cage(tuple(np.flatnonzero(first == c).tolist()), int(grid[first == c].sum())) for c in np.unique(first)]
    cages = [cage for cage in cages if len({int(grid[c]) for c in cage.cells}) == len(cage.cells)]
    letters = np.full(16, ".", "<U1")
    for cage, color in zip(cages, colored(cages, 4, COLORS), strict=True):
        letters[list(cage.cells)] = "abcde"[color]
    cages.sort(key=lambda cage: cage.cells)
    loose = np.flatnonzero(letters == ".")
    letters[loose[:1]] = grid[loose[:1]].astype(str)
    puzzle = FOUR.parse(f"{''.join(letters)};{','.join(str(cage.total) for cage in cages)}")
    assert FOUR.cages(puzzle) == cages

    def fits(digits: tuple[int, ...]) -> bool:
        parts = [[digits[cell] for cell in cage.cells] for cage in cages]
        kept = all(symbol not in "1234" or int(symbol) == d for symbol, d in zip(letters, digits, strict=True))
        return kept and all(
            sum(p) == cage.total and len(set(p)) == len(p) for p, cage in zip(parts, cages, strict=True)
        )

    expected = [digits for digits in GRIDS if fits(digits)]
    found = FOUR.solutions(puzzle, limit=1000)
    assert sorted(map(tuple, (found - 1).tolist())) == expected
    every = (np.array(GRIDS) + 1).astype(np.uint8)
    assert FOUR.verify(puzzle[None].repeat(288, 0), every).tolist() == [fits(digits) for digits in GRIDS]


@pytest.mark.parametrize("seed", range(30))
def test_fillings_of_a_cage(seed):
    rng = np.random.default_rng(seed)
    options = tuple(rng.integers(1, 64, rng.integers(1, 5)).tolist())
    total = int(rng.integers(1, 20))
    choices = [[d + 1 for d in range(6) if option >> d & 1] for option in options]
    fillings = [f for f in product(*choices) if len(set(f)) == len(f) and sum(f) == total]
    expected = [sum({1 << f[i] - 1 for f in fillings}) for i in range(len(options))]
    assert list(_fillings(options, total)) == expected


def test_bounds_of_sums():
    for size, cells in ((4, 2), (9, 5), (6, 1), (9, 9)):
        sums = {sum(chosen) for chosen in combinations(range(1, size + 1), cells)}
        assert bounds(cells, size) == (min(sums), max(sums))


@pytest.mark.parametrize("size", [4, 6, 9])
def test_generated_puzzles_have_one_answer_and_cages_by_the_rule(size):
    family = get(f"killer-{size}x{size}")
    for index in range(4 if size == 9 else 10):
        puzzle, answer = family.generate(7, index)
        assert not family.spec.given(puzzle).any() and (puzzle >= 2 + size).all()
        cages = family.cages(puzzle)
        assert all(2 <= len(cage.cells) <= min(5, size) for cage in cages)
        assert sorted(cell for cage in cages for cell in cage.cells) == list(range(size * size))
        for cage in cages:
            digits = [int(answer[cell]) - 1 for cell in cage.cells]
            assert sum(digits) == cage.total and len(set(digits)) == len(digits)
        assert np.array_equal(family.solutions(puzzle), answer[None])
        assert np.array_equal(family.generate(7, index)[0], puzzle)


def test_touching_cages_never_share_a_color():
    for index in range(3):
        family = get("killer-9x9")
        puzzle, _ = family.generate(1, index)
        first, color = family._heads(puzzle[None])[0].reshape(9, 9), (puzzle - 11).reshape(9, 9) % COLORS
        for a, b in (((slice(None), slice(1, None)), (slice(None), slice(-1))), ((slice(1, None),), (slice(-1),))):
            assert ((first[a] == first[b]) | (color[a] != color[b])).all()


def test_there_are_at_most_250_tokens():
    assert get("killer-9x9").spec.vocab_size == 11 + 45 * COLORS <= 250


def verdict(answer: str, puzzle: str | None = None) -> bool:
    return bool(FOUR.verify(FOUR.parse(puzzle or told())[None], np.array([[int(d) + 1 for d in answer]], np.uint8))[0])


def test_rules_are_broken_one_by_one():
    assert verdict(SOLVED)
    assert not verdict("1234341221434312")  # a column twice
    assert not verdict("2134341221434321")
    swapped = SOLVED.translate(str.maketrans("1234", "2143"))  # a legal grid, whose cages have other sums
    assert tuple(map(int, swapped)) in GRIDS and not verdict(swapped)


def test_a_cage_must_not_hold_a_digit_twice():
    """Row, column and box allow it; the sum is right."""
    puzzle = np.full(16, 1, np.uint8)
    cells = [2, 3, 7, 11]  # not in one unit
    grid = next(g for g in GRIDS if len({g[c] for c in cells}) < 4)
    puzzle[cells] = FOUR.clue(sum(grid[c] for c in cells), 0)
    answer = (np.array([grid]) + 1).astype(np.uint8)
    assert not FOUR.verify(puzzle[None], answer)[0]
    fine = next(g for g in GRIDS if len({g[c] for c in cells}) == 4)
    puzzle[cells] = FOUR.clue(10, 0)
    assert FOUR.verify(puzzle[None], (np.array([fine]) + 1).astype(np.uint8))[0]


def test_answers_with_other_tokens_are_wrong_and_can_be_written():
    puzzle = FOUR.parse(told())
    for token in (0, 1, FOUR.clue(1, 0), FOUR.spec.vocab_size - 1):
        answer = np.full(16, token, np.uint8)
        assert not FOUR.verify(puzzle[None], answer[None])[0]
        assert "\n" not in FOUR.text(answer)
    noise = np.random.default_rng(0).integers(0, FOUR.spec.vocab_size, (50, 16)).astype(np.uint8)
    assert not FOUR.verify(puzzle[None].repeat(50, 0), noise).any() and all(map(FOUR.text, noise))


def test_relations_are_those_of_the_puzzle():
    puzzle = FOUR.parse(told())
    [found] = FOUR.relations_of(puzzle[None])
    letters = "".join(DRAWN.split())
    expected = [[a == b for b in letters] for a in letters]
    assert found[3].astype(bool).tolist() == expected
    assert np.array_equal(found[:3], FOUR.relations()[:3])
    assert FOUR.relations_of(np.zeros((2, 16), np.uint8)).sum() == 0


@pytest.mark.parametrize("given", [
    told(), told("zzYYxzYwxxvvuuvv"), told().replace(";", " ; ").replace(",", " "),
    json.dumps({"cells": "".join(DRAWN.split()), "sums": [int(s) for s in told().split(";")[1].split(",")]}),
    {"cells": DRAWN.split(), "sums": [int(s) for s in told().split(";")[1].split(",")]},
])  # fmt: skip
def test_every_way_to_give_a_puzzle(given):
    puzzle = FOUR.parse(given)
    assert FOUR.cages(puzzle) == FOUR.cages(FOUR.parse(told()))
    assert np.array_equal(FOUR.parse(FOUR.text(puzzle)), puzzle)


def test_many_cages_of_one_letter_each_are_colored_anew():
    letters = "abcdefghijklmnop"
    puzzle = FOUR.parse(f"{letters};{','.join(SOLVED)}")
    assert len(FOUR.cages(puzzle)) == 16 and FOUR.text(FOUR.solutions(puzzle)[0]) == SOLVED


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("aabb", "4 cells instead of 16"),
        (told() + ",3", "6 cages and 7 sums"),
        (told().replace(";", ";99,", 1), "6 cages and 7 sums"),
        (told().split(";")[0], "6 cages and 0 sums"),
        ("a" * 16 + ";10", "16 cells, but only 4 digits"),
        (told().replace(";", ";1,", 1).rsplit(",", 1)[0], "3 cells and the sum 1; 6 to 9 is possible"),
        ("#" + told()[1:], "row 1, column 1 holds '#'"),
        ("5" + told()[1:], "holds '5'; allowed"),
        ("." * 16, "no cage"),
        ("11" + "a" * 2 + "." * 12 + ";3", "row 1, column 1 and row 1, column 2"),
        ("a" * 9999, "9999 characters"),
        ("{" * 5000, "cannot be read as JSON"),
        ('{"cells": 1', "starts like JSON"),
        ({"cells": "a"}, "'cells' and 'sums'"),
        ({"cells": "a" * 16, "sums": [True]}, "'True' is no whole number"),
        ({"cells": "a" * 16, "sums": "10"}, "a list"),
        ({"cells": {}, "sums": []}, "'cells' and 'sums'"),
        (told().replace(",", ",x", 1), "'x"),
        (None, "give text"),
        (3.5, "give text"),
        ([[None]], "give text"),
        (np.zeros((99, 99)), "9801 cells; at most 4096"),
        ([], "0 cells"),
        ("[" * 4000, "starts like JSON"),
    ],
)
def test_what_is_no_puzzle_is_refused(given, said):
    with pytest.raises(DataError, match=said):
        FOUR.parse(given)


def test_sizes():
    with pytest.raises(UsageError, match="16 digits"):
        Killer(16)
    assert len(get("killer-6x6")._turns) == 4 and len(get("killer-9x9")._turns) == 8


def test_twins_are_told_from_strangers():
    family = get("killer-4x4")
    keys = set()
    for index in range(30):
        puzzle, answer = family.generate(0, index)
        draws = np.random.default_rng(index).random((8, family.spec.symmetry_draws))
        moves = family.symmetries(draws)
        moved = moves.apply(puzzle[None].repeat(8, 0)), moves.apply(answer[None].repeat(8, 0))
        assert {family.twin_key(*pair) for pair in zip(*moved, strict=True)} == {family.twin_key(puzzle, answer)}
        keys.add(family.twin_key(puzzle, answer))
    assert len(keys) > 25


def test_the_color_of_a_cage_says_nothing():
    five = told().replace("f", "a")  # the first cage and the last do not touch
    one, other = FOUR.parse(five), FOUR.parse(five.translate(str.maketrans("abcde", "bacde")))
    assert not np.array_equal(one, other)
    answer = FOUR.solutions(one)[0]
    assert FOUR.twin_key(one, answer) == FOUR.twin_key(other, answer)


def test_classical_solvers_agree():
    for name in ("killer-4x4", "killer-6x6"):
        family = get(name)
        puzzle, answer = family.generate(3, 1)
        for solver in family.classical_solvers:
            attempt = solver.solve(puzzle)
            assert np.array_equal(attempt.answer, answer) and attempt.nodes >= 0


def test_no_answer():
    """Two cages of the digits 1 and 2 cannot be in one row; one can."""
    with pytest.raises(DataError, match="no solution"):
        FOUR.require_unique(FOUR.parse("aabb............;3,3"))
    with pytest.raises(DataError, match="several solutions"):
        FOUR.require_unique(FOUR.parse("aab.............;3,4"))


def test_cutting_gives_up_where_it_cannot_succeed():
    digits = np.array(GRIDS[0])
    other = list(GRIDS[1])

    def too_long(cages):
        raise DataError("too long")

    rng = np.random.default_rng(0)
    assert cut(digits, 4, rng, too_long, 5) is None
    assert cut(digits, 4, rng, lambda cages: [other], 5) is None


def test_further_rules_only_take_answers_away():
    units = FOUR._units
    everything = solve([0] * 16, (2, 2), limit=1000, prune=pruner([], units)).solutions
    assert len(everything) == 288
