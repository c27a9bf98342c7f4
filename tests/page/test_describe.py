"""What an editor is told of a family is enough to write its puzzles, and to see which cells clash."""

from itertools import compress

import numpy as np
import pytest

from hrm import puzzles
from hrm.page.describe import drawing_of, grid_of
from hrm.puzzles.conflicts import conflicts
from hrm.puzzles.table import Declaration, Table

NAMES = ("sudoku-4x4", "sudoku-9x9", "maze-10x10", "samurai-4x4", "killer-4x4", "coloring-8x3")


def made(name, count=8):
    family = puzzles.get(name)
    return family, np.stack([family.generate(5, index)[0] for index in range(count)])


@pytest.mark.parametrize("name", NAMES)
def test_an_editor_can_write_every_puzzle_of_a_family(name):
    family, grids = made(name)
    grid = grid_of(family)
    assert grid.drawn is (name in ("killer-4x4", "coloring-8x3"))
    for cells in grids if not grid.drawn else ():
        assert set(cells.tolist()) <= {0, *grid.offered} and not set(cells.tolist()) & set(family.spec.marks)
        assert np.flatnonzero(cells == 0).tolist() == grid.outside
        assert np.array_equal(family.parse("".join(grid.symbols[token] for token in cells)), cells)
        assert [int((cells == token).sum()) for token in grid.once] == [1] * len(grid.once)


@pytest.mark.parametrize("name", NAMES)
def test_pairs_say_what_clashes(name):
    family, grids = made(name, 4)
    rng = np.random.default_rng(0)
    for start in grids:
        drawing = drawing_of(family, start)
        assert family.text(start) == drawing.puzzle and drawing.cells == start.tolist()
        pairs = drawing.pairs if drawing.edges or drawing.regions else grid_of(family).pairs
        tokens = rng.choice(np.flatnonzero(family.spec.answerable), len(start)).astype(np.uint8)
        tokens[start == 0] = 0
        given = family.spec.given(tokens)
        found = {cell for a, b in pairs if tokens[a] == tokens[b] and given[a] for cell in (a, b)}
        assert found == set(np.flatnonzero(conflicts(family, tokens, start)).tolist())


def test_a_picture_of_cages_and_of_a_graph():
    family, [cages, *_] = made("killer-4x4")
    drawing = drawing_of(family, cages)
    assert drawing.regions is not None and len(set(drawing.regions) - {-1}) == len(drawing.notes) > 3
    family, [graph, *_] = made("coloring-8x3")
    drawing = drawing_of(family, graph)
    assert len(drawing.nodes) == 8 and len(drawing.edges) > 5 and drawing.notes[drawing.nodes[0]] == "1"
    assert all(edge in drawing.pairs for edge in drawing.edges)


def test_a_table_offers_its_words_and_what_is_outside():
    table = Table(Declaration((2, 3), ("left", "right", "10"), "?"))
    grid = grid_of(table)
    assert [grid.symbols[token] for token in grid.offered] == ["?", "left", "right", "10", ""]
    assert grid.padded and not grid.drawn and not grid.pairs
    no_blank = grid_of(Table(Declaration((1, 6), ("a", "b"))))
    assert [no_blank.symbols[token] for token in no_blank.offered] == ["a", "b", ""]


def test_colors_and_words_of_a_maze():
    grid = grid_of(puzzles.get("maze-10x10"))
    assert list(compress(grid.symbols, (token in grid.offered for token in range(6)))) == ["#", " ", "S", "G"]
    assert grid.words[1] == "wall" and grid.fills[1].light[0] == "#30353f" != grid.fills[1].dark[0]
    assert [grid.symbols[token] for token in grid.once] == ["S", "G"]


def test_a_grid_of_any_size_is_written_in_its_ten_colors():
    family = puzzles.get("arc")
    grid = grid_of(family)
    assert grid.sized and not grid.padded and [grid.symbols[token] for token in grid.offered] == list("0123456789")
    assert [grid.words[token] for token in grid.offered[:3]] == ["black", "blue", "red"]
    for token in grid.offered:  # a color is the symbol: it is the same on dark paper
        assert grid.fills[token].light == grid.fills[token].dark
    assert not any(grid_of(puzzles.get(name)).sized for name in NAMES)
