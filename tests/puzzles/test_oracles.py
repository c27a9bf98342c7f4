"""The exact searches beside a solver that knows nothing of puzzles: each puzzle as clauses, two answers at most."""

from itertools import combinations, permutations

import numpy as np
import pytest

from hrm.puzzles import get

sat = pytest.importorskip(
    "pysat.solvers", reason="python-sat is not installed: pip install hierarchical-reasoning[oracles]"
)
pytestmark = pytest.mark.slow


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

    def answers(self, limit: int = 2) -> list[list[int]]:
        found: list[list[int]] = []
        with sat.Cadical153(bootstrap_with=self.clauses) as solver:
            while len(found) < limit and solver.solve():
                true = {v for v in solver.get_model() if 0 < v <= self.cells * self.symbols}
                found.append([(v - 1) % self.symbols + 1 for v in sorted(true)])
                solver.add_clause([-v for v in true])
        return found


def give(clauses: Clauses, digits: list[int]) -> None:
    clauses.clauses += [[clauses.holds(cell, digit)] for cell, digit in enumerate(digits) if digit]


def agree(found: np.ndarray, expected: list[list[int]]) -> None:
    assert len(found) == len(expected)
    if len(expected) == 1:
        assert found.tolist() == expected
    else:
        assert len({tuple(grid) for grid in found.tolist()}) == len(found)


@pytest.mark.parametrize(("name", "count"), [("killer-4x4", 60), ("killer-6x6", 30), ("killer-9x9", 10)])
def test_killer(name, count):
    """Generated puzzles, and the same with one cage gone, which often have more than one answer."""
    family = get(name)
    n = family.size
    related = family.relation_matrices[:3].any(axis=0)
    for index in range(count):
        puzzle, _ = family.generate(100, index)
        less = puzzle.copy()
        less[list(family.cages(puzzle)[index % 3].cells)] = 1
        for grid in (puzzle, less):
            clauses = Clauses(n * n, n)
            for a, b in np.argwhere(np.triu(related, k=1)).tolist():
                clauses.differ(a, b)
            for cage in family.cages(grid):
                ways = permutations(range(1, n + 1), len(cage.cells))
                clauses.one_of(list(cage.cells), [way for way in ways if sum(way) == cage.total])
            agree(family.solutions(grid).astype(int) - 1, clauses.answers())


@pytest.mark.parametrize(("name", "count"), [("samurai-4x4", 60), ("samurai", 6)])
def test_samurai(name, count):
    family = get(name)
    inside = np.flatnonzero(family._inside)
    related = family.relation_matrices.any(axis=0)[inside][:, inside]
    for index in range(count):
        puzzle, _ = family.generate(100, index)
        less = puzzle.copy()
        less[np.flatnonzero(puzzle > 1)[:: 1 + index % 4][:2]] = 1
        for grid in (puzzle, less):
            clauses = Clauses(len(inside), family.size)
            for a, b in np.argwhere(np.triu(related, k=1)).tolist():
                clauses.differ(a, b)
            give(clauses, (grid[inside].astype(int) - 1).tolist())
            agree(family.solutions(grid)[:, inside].astype(int) - 1, clauses.answers())


@pytest.mark.parametrize("name", ["colouring-8x3", "colouring-12x3", "colouring-20x4", "colouring-32x5"])
def test_colouring(name):
    family = get(name)
    n = family.nodes
    for index in range(25):
        puzzle, _ = family.generate(100, index)
        less = puzzle.copy()
        less[np.flatnonzero(family._is_node & (puzzle > 3))[:1]] = 1
        for grid in (puzzle, less):
            clauses = Clauses(n, family.colours)
            for a, b in np.argwhere(np.triu(grid.reshape(n, n) == 3, k=1)).tolist():
                clauses.differ(a, b)
            give(clauses, np.maximum(grid[family._is_node].astype(int) - 3, 0).tolist())
            agree(family.solutions(grid)[:, family._is_node].astype(int) - 3, clauses.answers())
