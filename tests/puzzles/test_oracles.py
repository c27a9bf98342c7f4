"""The exact searches beside a solver that knows nothing of puzzles: each puzzle as clauses.

Puzzles are generated ones, the same with less given, which may have many answers, and the same with something wrong
given, which mostly have none. All answers are compared, up to ``LIMIT``.
"""

from itertools import combinations, permutations

import numpy as np
import pytest

from hrm.puzzles import get
from hrm.puzzles.base import PAD

sat = pytest.importorskip(
    "pysat.solvers", reason="python-sat is not installed: pip install hierarchical-reasoning[oracles]"
)
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
LIMIT = 12


class Clauses:
    """Cells that hold one of n symbols each, counted from 1."""

    def __init__(self, cells: int, symbols: int):
        self.cells, self.symbols, self.last = cells, symbols, cells * symbols
        self.clauses: list[list[int]] = []
        for cell in range(cells):
            self.clauses.append([self.holds(cell, symbol) for symbol in range(1, symbols + 1)])
            for a, b in combinations(range(1, symbols + 1), 2):
                self.clauses.append([-self.holds(cell, a), -self.holds(cell, b)])

    def holds(self, cell: int, symbol: int) -> int:
        return cell * self.symbols + symbol

    def differ(self, a: int, b: int) -> None:
        self.clauses += [[-self.holds(a, s), -self.holds(b, s)] for s in range(1, self.symbols + 1)]

    def one_of(self, cells: list[int], fillings: list[tuple[int, ...]]) -> None:
        """Add a variable for each filling, which implies it, and demand one of them."""
        names = []
        for filling in fillings:
            self.last += 1
            names.append(self.last)
            self.clauses += [[-self.last, self.holds(c, s)] for c, s in zip(cells, filling, strict=True)]
        self.clauses.append(names)

    def answers(self, limit: int = LIMIT) -> list[list[int]]:
        found: list[list[int]] = []
        with sat.Cadical153(bootstrap_with=self.clauses) as solver:
            while len(found) < limit and solver.solve():
                true = {v for v in solver.get_model() if 0 < v <= self.cells * self.symbols}
                found.append([(v - 1) % self.symbols + 1 for v in sorted(true)])
                solver.add_clause([-v for v in true])
        return found


def give(clauses: Clauses, digits: list[int]) -> None:
    clauses.clauses += [[clauses.holds(cell, digit)] for cell, digit in enumerate(digits) if digit]


def agree(found: np.ndarray, expected: list[list[int]]) -> int:
    """Compare all answers; where there may be more than were asked for, only their number. Returns that number."""
    rows = {tuple(grid) for grid in found.tolist()}
    assert len(rows) == len(found) == len(expected)
    assert len(expected) == LIMIT or rows == {tuple(grid) for grid in expected}
    return len(expected)


def spread(counts: list[int]) -> None:
    """Demand that puzzles with one answer, with several and with none were among those compared."""
    assert min(counts) == 0 and 1 in counts and max(counts) > 1, sorted(set(counts))


def altered(puzzle: np.ndarray, answer: np.ndarray, cells: np.ndarray, first: int, count: int, rng) -> list[np.ndarray]:
    """Return a puzzle, the same with two givens less, and the same with a wrong one more in one of these cells.

    Args:
        first: token of the first of so many symbols.
    """
    given, open_cells = (cells[(puzzle[cells] >= first) == wanted] for wanted in (True, False))
    less, wrong = puzzle.copy(), puzzle.copy()
    less[rng.permutation(given)[:2]] = puzzle[open_cells[0]]
    cell = rng.choice(open_cells)
    wrong[cell] = rng.choice([t for t in range(first, first + count) if t != answer[cell]])
    return [puzzle, less, wrong]


@pytest.mark.parametrize(("name", "number"), [("sudoku-4x4", 60), ("sudoku-6x6", 40), ("sudoku-9x9", 20)])
def test_sudoku(name, number):
    family, counts = get(name), []
    n, rng = family.spec.shape[0], np.random.default_rng(0)
    related = family.relation_matrices.any(axis=0)
    for index in range(number):
        puzzle, answer = family.generate(100, index)
        for grid in altered(puzzle, answer, np.arange(n * n), 2, n, rng):
            clauses = Clauses(n * n, n)
            for a, b in np.argwhere(np.triu(related, k=1)).tolist():
                clauses.differ(a, b)
            give(clauses, (grid.astype(int) - 1).tolist())
            counts.append(agree(family.solutions(grid, limit=LIMIT).astype(int) - 1, clauses.answers()))
    spread(counts)


@pytest.mark.parametrize(("name", "count"), [("killer-4x4", 40), ("killer-6x6", 15), ("killer-9x9", 3)])
def test_killer(name, count):
    """Generated puzzles, and the same with one cage gone, or every second one, or with one sum too large by one."""
    family, counts = get(name), []
    n = family.size
    related = family.relation_matrices[:3].any(axis=0)
    for index in range(count):
        puzzle, _ = family.generate(100, index)
        less = puzzle.copy()
        cage = list(family.cages(puzzle)[index % 3].cells)
        less[cage] = 1
        few, more = puzzle.copy(), puzzle.copy()
        few[[cell for each in family.cages(puzzle)[::2] for cell in each.cells]] = 1
        more[cage] += 5  # the next sum in the same of five colors
        grids = [puzzle, less, few] + ([more] if n < 9 and more.max() < family.spec.vocab_size else [])
        for grid in grids:
            clauses = Clauses(n * n, n)
            for a, b in np.argwhere(np.triu(related, k=1)).tolist():
                clauses.differ(a, b)
            for cage in family.cages(grid):
                ways = permutations(range(1, n + 1), len(cage.cells))
                clauses.one_of(list(cage.cells), [way for way in ways if sum(way) == cage.total])
            counts.append(agree(family.solutions(grid, limit=LIMIT).astype(int) - 1, clauses.answers()))
    spread(counts + [0] * (n == 9))  # to find that a large one has none takes minutes


@pytest.mark.parametrize(("name", "count"), [("samurai-4x4", 60), ("samurai", 6)])
def test_samurai(name, count):
    family, counts = get(name), []
    rng, inside = np.random.default_rng(0), np.flatnonzero(family.generate(0, 0)[1] != PAD)
    related = family.relation_matrices.any(axis=0)[inside][:, inside]
    for index in range(count):
        for grid in altered(*family.generate(100, index), inside, 2, family.size, rng):
            clauses = Clauses(len(inside), family.size)
            for a, b in np.argwhere(np.triu(related, k=1)).tolist():
                clauses.differ(a, b)
            give(clauses, (grid[inside].astype(int) - 1).tolist())
            found = family.solutions(grid, limit=LIMIT)[:, inside].astype(int) - 1
            counts.append(agree(found, clauses.answers()))
    spread(counts)


@pytest.mark.parametrize("name", ["coloring-8x3", "coloring-12x3", "coloring-20x4", "coloring-32x5"])
def test_coloring(name):
    family, counts = get(name), []
    n, rng, nodes = family.nodes, np.random.default_rng(0), np.flatnonzero(family._is_node)
    for index in range(25):
        for grid in altered(*family.generate(100, index), nodes, 4, family.colors, rng):
            clauses = Clauses(n, family.colors)
            for a, b in np.argwhere(np.triu(grid.reshape(n, n) == 3, k=1)).tolist():
                clauses.differ(a, b)
            give(clauses, np.maximum(grid[nodes].astype(int) - 3, 0).tolist())
            found = family.solutions(grid, limit=LIMIT)[:, nodes].astype(int) - 3
            counts.append(agree(found, clauses.answers()))
    spread(counts)
