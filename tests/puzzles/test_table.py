"""Rows of the user's own: what is read off them, what is kept, what is refused."""

import json

import numpy as np
import pytest

from hrm.errors import DataError, UsageError
from hrm.puzzles.base import PAD
from hrm.puzzles.table import Declaration, Table, infer
from hrm.randomness import Stream, uniforms

TURNED = Table(Declaration((3, 3), ("a", "b", "c"), ".", ("turn", "rename")))
WORDS = Table(Declaration((2, 3), ("-1", "7", "10")))
LETTERS = Table(Declaration((1, 6), ("a", "b", "c")))


def inferred(*pairs, **settings):
    return infer(((f"row {i}", a, b) for i, (a, b) in enumerate(pairs, 1)), **settings)


def test_everything_is_read_off_the_rows():
    assert inferred(("ba", "ab"), ("cab", "abc")) == Declaration((1, 3), ("a", "b", "c"))
    assert inferred(("1..", "123"), ("2.1", "231")) == Declaration((1, 3), ("1", "2", "3"), ".")
    assert inferred(([[10, 9], [0, 1]], [[1, 0], [9, 10]])).symbols == ("0", "1", "9", "10")
    assert inferred(("10 9 8", "8 9 10")) == Declaration((1, 3), ("8", "9", "10"))
    assert inferred((["ab", "ba"], ["ba", "ab"]), cells="characters").shape == (2, 2)
    assert inferred((["ab", "ba"], ["ba", "ab"]), cells="words") == Declaration((1, 2), ("ab", "ba"))
    assert inferred((np.array([[3, 30]]), np.array([[30, 3]]))) == Declaration((1, 2), ("3", "30"))


def test_a_blank_is_what_every_answer_replaces():
    assert inferred(("a.b", "acb"), ("..a", "bba")).blank == "."
    assert inferred(("a.b", "a.b"), ("..a", "bba")).blank == ""  # it stays once, so it is a symbol like others
    assert inferred(("a.x", "acb")).blank == ""  # two symbols are replaced
    assert inferred(("a.x", "acb"), blank="x").blank == "x"


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        (("abc", "ab"), "row 1: its input has 1x3 cells and its answer 1x2"),
        ((["abc", "ab"], ["abc", "abc"]), "row 1: its strings have different lengths"),
        (([[1, 2], [3]], [[1, 2], [3]]), "row 1: row 2 has 1 cells, row 1 has 2"),
        (("", "a"), "row 1: the grid is empty"),
        ((None, "a"), "row 1: a grid is given as text, lists or an array, not as NoneType"),
        (([[1, 2.5]], [[1, 2]]), "row 1: a cell holds '2.5'"),
        (([[1, True]], [[1, 2]]), "row 1: a cell holds 'True'"),
        (([[1], 2], [[1], [2]]), "some rows are lists and some are not"),
        (("[" * 9999, "a"), "row 1: the grid starts like JSON but is none"),
        (("a" * 5000, "a" * 5000), "row 1: the grid has 5000 cells; at most 4096"),
        (("a" * 99999, "a"), "row 1: the grid has 99999 characters"),
        ((list(range(300)), list(range(300))), "row 1: more than 250 different symbols"),
    ],
)
def test_rows_that_are_no_grids_are_refused(pair, said):
    with pytest.raises(DataError, match="(?s)" + said.replace("(", r"\(")):
        inferred(pair)


@pytest.mark.parametrize(
    ("family", "given", "text"),
    [
        (LETTERS, "abca", "abca"),
        (LETTERS, ["a", "b"], "ab"),
        (LETTERS, '["a", "b"]', "ab"),
        (TURNED, "ab\n.c", '["ab", ".c"]'),
        (TURNED, ["ab", ".c"], '["ab", ".c"]'),
        (TURNED, [["a"], ["b"]], '[["a"], ["b"]]'),
        (WORDS, "10 7\n7, -1", '[["10", "7"], ["7", "-1"]]'),
        (WORDS, [[10, 7, 7]], "10 7 7"),
        (WORDS, [[10]], '[["10"]]'),
        (WORDS, np.array([[10], [7]]), '[["10"], ["7"]]'),
    ],
)
def test_grids_are_read_and_written(family, given, text):
    grid = family.parse(given)
    assert family.text(grid) == text
    assert np.array_equal(family.parse(text), grid)
    rows, columns = family.spec.shape
    size = np.array(json.loads(text) if text[0] == "[" else [text.split() if family is WORDS else list(text)], object)
    assert (grid != PAD).sum() == sum(len(row) for row in size) and grid.shape == (rows * columns,)


def test_grids_that_do_not_fit_the_table_are_refused():
    with pytest.raises(
        DataError, match="row 1, column 2 holds 'x', which is not among the 3 symbols of this table: a b c"
    ):
        LETTERS.parse("ax")
    with pytest.raises(DataError, match="has 1x7 cells; this table was made for 1x6 at most"):
        LETTERS.parse("aaaaaaa")
    with pytest.raises(DataError, match="holds '_'"):
        LETTERS.parse("a_")


def test_answers_keep_their_shape_and_givens():
    puzzle = TURNED.parse("a.\nb.")
    answers = np.stack([TURNED.parse(text) for text in ("ac\nba", "bc\nba", "ac", "a.\nb.")])
    assert TURNED.verify(puzzle[None].repeat(4, 0), answers).tolist() == [True, False, False, False]
    free = LETTERS.parse("abc")
    assert LETTERS.verify(free[None], LETTERS.parse("cba")[None])[0]  # no blank: any cell may change
    assert not TURNED.spec.has_rules


def test_any_tokens_have_a_text():
    for table in (TURNED, WORDS, LETTERS):
        rng = np.random.default_rng(0)
        for grid in rng.integers(0, rng.integers(1, table.spec.vocab_size, (200, 1)), (200, table.spec.cells)):
            assert "\n" not in table.text(grid.astype(np.uint8))
    assert LETTERS.text(np.zeros(6, np.uint8)) == ""
    assert json.loads(TURNED.text(np.array([2, 0, 3, 0, 0, 0, 0, 0, 0], np.uint8))) == [["a", "", "b"]]


def test_twins_under_the_declared_symmetries():
    rng = np.random.default_rng(0)
    grids = rng.integers(1, 5, (40, 2, 9)).astype(np.uint8)
    symmetries = TURNED.symmetries(uniforms(1, Stream.SYMMETRY, np.arange(40), TURNED.spec.symmetry_draws))
    moved = symmetries.apply(grids[:, 0]), symmetries.apply(grids[:, 1])
    assert (symmetries.tokens[:, :2] == [0, 1]).all() and len(np.unique(symmetries.tokens, axis=0)) == 6
    own = [TURNED.twin_key(*pair) for pair in grids]
    assert own == [TURNED.twin_key(*pair) for pair in zip(*moved, strict=True)]
    assert np.array_equal(TURNED.twin_invariants(grids[:, 0], grids[:, 1]), TURNED.twin_invariants(*moved))
    assert len(set(own)) > 38
    plain = Table(Declaration((3, 3), ("a", "b", "c"), "."))
    assert [plain.twin_key(*pair) for pair in grids] != [plain.twin_key(*pair) for pair in zip(*moved, strict=True)]
    assert np.array_equal(plain.symmetries(np.random.rand(2, 4)).cells, np.tile(np.arange(9), (2, 1)))


@pytest.mark.parametrize(
    ("declaration", "said"),
    [
        (Declaration((0, 3), ("a", "b")), "0x3"),
        (Declaration((99, 99), ("a", "b")), "99x99"),
        (Declaration((1, 3), ("a",)), "1 symbols"),
        (Declaration((1, 3), ("a", "a")), "each named once"),
        (Declaration((1, 3), ("a", "b c")), "one word"),
        (Declaration((3, 3), ("a", "b"), symmetries=("flip",)), "unknown symmetry 'flip'"),
        (Declaration((1, 3), ("a", "b"), symmetries=("turn",)), "cannot be turned"),
    ],
)
def test_impossible_declarations_are_refused(declaration, said):
    with pytest.raises(UsageError, match=said):
        Table(declaration)


def test_a_table_makes_no_puzzles():
    with pytest.raises(UsageError, match="not generated"):
        LETTERS.generate(0, 0)
    LETTERS.require_unique(LETTERS.parse("abc"))
