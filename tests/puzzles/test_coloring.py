"""Graph coloring: joined nodes differ, the search finds all answers and no other, graphs are read with care."""

import json
from itertools import product

import numpy as np
import pytest

from hrm.errors import DataError, UsageError
from hrm.puzzles import coloring, get
from hrm.puzzles.check import check
from hrm.puzzles.coloring import Coloring, color_graph

SIX = get("coloring-6x3")
WHEEL = "1.....;1-2,1-3,1-4,1-5,2-3,3-4,4-5,5-2,6-1,6-2"
"""A hub, a rim of four, and a node joined with the hub and the rim: two ways, for the rim may swap its colors."""


def colors(answer: np.ndarray) -> str:
    return SIX.text(answer).split(";")[0]


@pytest.mark.parametrize("seed", range(25))
def test_the_search_finds_every_answer_and_no_other(seed):
    rng = np.random.default_rng(seed)
    edges = [(a, b) for a in range(6) for b in range(a) if rng.random() < 0.5]
    given = np.where(rng.random(6) < 0.3, rng.integers(1, 4, 6), 0).tolist()
    kept = [(a, b) for a, b in edges if not given[a] or given[a] != given[b]]
    nodes = "".join(str(color) if color else "." for color in given)
    puzzle = SIX.parse({"nodes": nodes, "edges": [[a + 1, b + 1] for a, b in kept]})
    ways = list(product((1, 2, 3), repeat=6))

    def fits(way: tuple[int, ...]) -> bool:
        told = all(symbol in (0, color) for symbol, color in zip(given, way, strict=True))
        return told and all(way[a] != way[b] for a, b in kept)

    expected = sorted("".join(map(str, way)) for way in ways if fits(way))
    found = SIX.solutions(puzzle, limit=1000)
    assert sorted(map(colors, found)) == expected
    assert len(SIX.solutions(puzzle, limit=2)) == min(2, len(expected))
    every = puzzle[None].repeat(len(ways), 0)
    every[:, SIX._is_node] = np.array(ways) + 3
    assert SIX.verify(puzzle[None].repeat(len(ways), 0), every).tolist() == [fits(way) for way in ways]


@pytest.mark.parametrize("name", ["coloring-8x3", "coloring-12x3", "coloring-20x4", "coloring-32x9"])
def test_generated_puzzles_have_one_answer_and_no_given_to_spare(name):
    family = get(name)
    for index in range(5):
        puzzle, answer = family.generate(4, index)
        assert np.array_equal(family.solutions(puzzle), answer[None])
        assert np.array_equal(family.generate(4, index)[0], puzzle)
        assert len(set(answer[family._is_node].tolist())) == family.colors
        for cell in np.flatnonzero(family._is_node & (puzzle > 3)):
            less = puzzle.copy()
            less[cell] = 1
            assert len(family.solutions(less)) == 2


def test_rules_are_broken_one_by_one():
    puzzle = SIX.parse(WHEEL)
    both = SIX.solutions(puzzle, limit=9)
    assert len(both) == 2
    answer = both[0]
    assert SIX.verify(puzzle[None], answer[None])[0]
    square = answer.reshape(6, 6)
    for (y, x), token in {
        (0, 0): 5,  # another color than the given one
        (1, 1): square[2, 2],  # the color of a neighbor
        (3, 3): 1,  # still blank
        (4, 4): 3,  # an edge where a color belongs
        (0, 1): 2,  # an edge is gone
        (5, 4): 3,  # an edge that was not there
        (2, 2): 0,
    }.items():
        wrong = square.copy()
        wrong[y, x] = token
        assert not SIX.verify(puzzle[None], wrong.reshape(1, -1))[0], (y, x)


def test_a_puzzle_that_is_no_graph_has_no_answer():
    puzzle = SIX.parse(WHEEL)
    answer = SIX.solutions(puzzle)[0]
    for cell, token in ((5 * 6 + 4, 3), (2, 4), (1, 1)):  # an edge one way only; a color, a blank beside the diagonal
        odd, same = puzzle.copy(), answer.copy()
        odd[cell] = same[cell] = token
        assert not SIX.verify(odd[None], same[None])[0]


def test_relations_are_those_of_the_puzzle():
    puzzle = SIX.parse(WHEEL)
    adjacent, line = SIX.relations_of(puzzle[None])[0]
    joined = {(a // 7, b // 7) for a, b in np.argwhere(adjacent).tolist()}
    pairs = [tuple(int(end) - 1 for end in edge.split("-")) for edge in WHEEL.split(";")[1].split(",")]
    assert joined == set(pairs) | {(b, a) for a, b in pairs} and not adjacent[~SIX._is_node].any()
    assert line.sum() == 2 * 6 * 10 and np.array_equal(line, SIX.relations()[1]) and np.array_equal(line, line.T)
    assert SIX.relations_of(np.zeros((2, 36), np.uint8)).sum() == 0


@pytest.mark.parametrize("given", [
    WHEEL, WHEEL.replace(",", "\n"), WHEEL.replace(",", " , "), WHEEL.replace(".", "0"), WHEEL + ",2-1",
    json.dumps({"nodes": WHEEL[:6], "edges": [e.split("-") for e in WHEEL[7:].split(",")]}),
    {"nodes": [1, 0, 0, 0, 0, 0], "edges": [[int(n) for n in e.split("-")] for e in WHEEL[7:].split(",")]},
])  # fmt: skip
def test_every_way_to_give_a_puzzle(given):
    assert np.array_equal(SIX.parse(given), SIX.parse(WHEEL))


def test_a_graph_without_edges():
    assert SIX.text(SIX.parse("123...;")) == "123...;"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("1....;1-2", "5 nodes instead of 6"),
        ("1.....", "no ';'"),
        ("4.....;", "node 1 is '4'; allowed are the colors 1-3"),
        ("......;1-7", "the edge 1-7: nodes have the numbers 1 to 6"),
        ("......;0-1", "the edge 0-1"),
        ("......;3-3", "joins a node with itself"),
        ("22....;1-2", "nodes 1 and 2 are joined and both have the color 2"),
        ("......;1-2-3", "two numbers"),
        ("......;a-b", "two numbers"),
        ("......;1", "two numbers"),
        ("......;1-9999", "two numbers"),
        ("......;" + "1-2," * 2000, "8007 characters"),
        ('{"nodes"', "starts like JSON"),
        ('{"nodes":' + "[" * 4000, "starts like JSON"),
        ({"nodes": "......"}, "an object of 'nodes' and 'edges'"),
        ({"nodes": "......", "edges": [[True, 2]]}, "two numbers"),
        ({"nodes": "......", "edges": [[1, None]]}, "two numbers"),
        ({"nodes": "......", "edges": {}}, "give text"),
        ({"nodes": [{}] * 6, "edges": []}, "give text"),
        ({"nodes": [True] * 6, "edges": []}, "give text"),
        ({"nodes": ["12"] * 6, "edges": []}, "node 1 is '12'"),
        ({"nodes": "......", "edges": [[1, 2]] * 5000}, "give text"),
        ({"nodes": "......", "edges": [[1, 10**30]]}, "an edge is two numbers of nodes"),
        (None, "give text"),
        ([1, 2], "give text"),
        (np.zeros(36, int), "give text"),
    ],
)
def test_what_is_no_puzzle_is_refused(given, said):
    with pytest.raises(DataError, match=said):
        SIX.parse(given)


def test_sizes_by_name():
    assert get("coloring-5x2").spec.shape == (5, 5)
    assert check(get("coloring-5x2"), examples=4) == [] == check(get("coloring-9x9"), examples=4)
    for name in ("coloring-2x2", "coloring-33x3", "coloring-12x1", "coloring-12x10", "coloring-4x5"):
        with pytest.raises(UsageError, match="not possible"):
            get(name)


def test_noise_can_be_written():
    noise = np.random.default_rng(0).integers(0, SIX.spec.vocab_size, (50, 36)).astype(np.uint8)
    assert all("\n" not in SIX.text(grid) for grid in noise)
    assert not SIX.verify(SIX.parse(WHEEL)[None].repeat(50, 0), noise).any()


def test_twins_are_told_from_strangers():
    family = get("coloring-12x3")
    keys = {family.twin_key(*family.generate(0, index)) for index in range(40)}
    assert len(keys) == 40


def test_a_search_that_takes_too_long_says_so(monkeypatch):
    """Ten nodes, all joined, and nine colors: every order of the colors is tried in vain."""
    monkeypatch.setattr(coloring, "MOST_TRIED", 5000)
    clique = [((1 << 10) - 1) & ~(1 << node) for node in range(10)]
    found, tried, complete = color_graph(clique, [(1 << 9) - 1] * 10, 1)
    assert not found and not complete and tried == 5000
    family = Coloring(10, 9)
    puzzle = family.parse("." * 10 + ";" + ",".join(f"{a}-{b}" for a in range(1, 11) for b in range(1, a)))
    with pytest.raises(DataError, match="no proof within"):
        family.solutions(puzzle)
    assert family.classical_solvers[0].solve(puzzle).answer is None


def test_classical_solvers_agree():
    family = get("coloring-12x3")
    for index in range(3):
        puzzle, answer = family.generate(3, index)
        for solver in family.classical_solvers:
            assert np.array_equal(solver.solve(puzzle).answer, answer)
