"""Grids of digits in the notations that people use: each is read as the same puzzle, and no string has two readings."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm.errors import DataError
from hrm.puzzles import get

SIZES = (4, 6, 9, 16)
MARKS = [".", "0", "-", "*", "_", "?", "x", "X"]
BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3), 16: (4, 4)}
FAMILIES = {size: get(f"sudoku-{size}x{size}") for size in SIZES}
NAMES = {token: token - 1 for token in range(2, 18)}


@st.composite
def puzzles(draw, sizes=SIZES):
    """Return a family and a grid of it without two equal digits in a unit: some rows of a shifted pattern."""
    size = draw(st.sampled_from(sizes))
    family, (height, width) = FAMILIES[size], BOXES[size]
    y, x = np.divmod(np.arange(size * size), size)
    answer = (width * (y % height) + y // height + x) % size + 2
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    kept = rng.random(size * size) < draw(st.sampled_from([0, 0.2, 0.5, 0.9, 1]))
    return family, np.where(kept, answer, 1).astype(np.uint8)


def rows_of(family, grid, mark):
    """Return the characters of each row, with this mark for a blank."""
    size = family.size
    cells = [mark if token == 1 else family.spec.tokens[token] for token in grid]
    return [cells[i : i + size] for i in range(0, size * size, size)]


def boxed(rows, size, bar, ruler):
    """Return rows with bars between the columns of boxes and a line between their rows."""
    height, width = BOXES[size]
    lines = [bar.join("".join(row[x : x + width]) for x in range(0, size, width)) for row in rows]
    return f"\n{ruler}\n".join("\n".join(lines[i : i + height]) for i in range(0, size, height))


WAYS = {
    "one line": lambda rows, size: "".join(map("".join, rows)),
    "a line a row": lambda rows, size: "\n".join(map("".join, rows)),
    "rows side by side": lambda rows, size: " ".join(map("".join, rows)),
    "spaces": lambda rows, size: "\n".join(map(" ".join, rows)),
    "commas": lambda rows, size: ",".join(map(",".join, rows)),
    "tabs": lambda rows, size: "\r\n".join(map("\t".join, rows)),
    "bars": lambda rows, size: boxed(rows, size, "|", "-" * (size + 1)),
    "plus": lambda rows, size: boxed(rows, size, " | ", "--+--"),
    "json": lambda rows, size: json.dumps(list(map("".join, rows))),
    "framed": lambda rows, size: "*---*\n" + boxed(rows, size, "|", "|---+---|") + "\n*---*",
}


@pytest.mark.parametrize("way", WAYS)
@given(drawn=puzzles(), mark=st.sampled_from(MARKS))
@settings(max_examples=40, deadline=None)
def test_every_notation_reads_back(way, drawn, mark):
    family, grid = drawn
    written = WAYS[way](rows_of(family, grid, mark), family.size)
    assert np.array_equal(family.parse(written), grid), written


@given(drawn=puzzles())
@settings(max_examples=60, deadline=None)
def test_numbers_and_minus_one_read_back(drawn):
    family, grid = drawn
    numbers = [str(NAMES.get(token, -1)) for token in grid.tolist()]
    lines = [" ".join(numbers[i : i + family.size]) for i in range(0, len(numbers), family.size)]
    padded = " ".join(number.rjust(2, "0") if family.size == 16 else number for number in numbers)
    for written in (padded, " ".join(numbers), ",".join(numbers), "\n".join(lines), list(map(int, numbers))):
        assert np.array_equal(family.parse(written), grid), written


@given(drawn=puzzles(), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_two_marks_for_a_blank_are_never_read_as_one(drawn, seed):
    """What a rarer mark stands for is not known, so that no given is dropped."""
    family, grid = drawn
    rng = np.random.default_rng(seed)
    blanks = np.flatnonzero(grid == 1)
    if len(blanks) < 2:
        return
    first, second = rng.permutation(MARKS[:-1])[:2]
    cells = ["" if token == 1 else family.spec.tokens[token] for token in grid]
    for blank, mark in zip(blanks, rng.permutation([first, *[second] * (len(blanks) - 1)]), strict=True):
        cells[blank] = mark
    hexadecimal = family.size == 16 and "0" in (first, second) and "G" not in cells
    if hexadecimal:
        try:
            read = family.parse("".join(cells))
        except DataError as error:
            assert "contradict" in str(error)  # 0 is a digit here, and stands in a unit twice
        else:
            assert all((read[i] == 17) == (cells[i] == "0") for i in range(256))
        return
    with pytest.raises(DataError, match="blank"):
        family.parse("".join(cells))


@given(drawn=puzzles((16,)))
@settings(max_examples=40, deadline=None)
def test_hexadecimal_digits_read_back(drawn):
    """0 to F beside another mark for blanks: the 0 is the sixteenth digit; so it is in a whole answer."""
    family, grid = drawn
    spelled = {2 + d: "123456789ABCDEF0"[d] for d in range(16)} | {1: "."}
    written = "".join(spelled[token] for token in grid.tolist())
    if "0" in written and "." in written:
        assert np.array_equal(family.parse(written), grid)
    y, x = np.divmod(np.arange(256), 16)
    answer = ((4 * (y % 4) + y // 4 + x) % 16 + 2).astype(np.uint8)
    assert np.array_equal(family.parse("".join(spelled[token] for token in answer.tolist())), answer)
    assert np.array_equal(family.parse([int(spelled[token], 16) for token in answer.tolist()]), answer)


def test_a_row_of_dashes_is_a_row_where_counts_say_so():
    family = get("sudoku-4x4")
    assert family.text(family.parse("----\n12--\n----\n--21")) == "....12......." + ".21"
    assert family.text(family.parse("1...\n...2\n----\n...1\n2...")) == "1......2...12..."
    assert family.text(family.parse("-" * 16)) == "." * 16


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1 2 3 4 " * 3 + "1 2 34", "words of different lengths"),  # a space is missing
        ("-1 -1 -1 -1 -1 -1 -1 -1", "8 words, some of them -1"),  # 8 blanks, or 8 blanks and 8 ones
        ("1-2-3-4-1-2-3-4-1-2-3-4-1-2-3-4", "'-' is a blank, not a separator"),
        ("..0.3.....1.2...", "row 1, column 3 holds '0'"),
        ("..-.3.....1.2...", "row 1, column 3 holds '-'"),
        (" 1 3\n4  1\n   2\n3   ", "write '.' for a blank, not a space"),
        ("1 2 3\n4 1 2 3\n1 2 3 4\n1 2 3 4", "row 1 has 3 cells"),
        ([[None, 0, 1, 2], *[[0] * 4] * 3], "an empty cell"),
    ],
)
def test_what_has_two_readings_is_refused(written, said):
    with pytest.raises(DataError) as error:
        get("sudoku-4x4").parse(written)
    assert said in str(error.value)


def test_an_empty_field_of_a_table_is_a_blank():
    family = get("sudoku-4x4")
    for separator in "\t,;":
        lines = [["", "2", "", "4"], ["4", "", "", ""], ["", "", "1", ""], ["", "1", "", "3"]]
        assert family.text(family.parse("\n".join(map(separator.join, lines)))) == ".2.44.....1..1.3"


def spelled(name, index, mark):
    family = get(name)
    tokens, _ = family.generate(5, index)
    n = family.spec.shape[1]
    text = family.text(tokens).replace(".", mark)
    return family, tokens, [list(text[y * n : (y + 1) * n]) for y in range(n)], n


@pytest.mark.parametrize("minus", [-1, 0, "-1", "", None])
def test_what_lists_use_for_a_blank(minus):
    family, tokens, rows, _ = spelled("sudoku-4x4", 1, ".")
    cells = [[minus if cell == "." else int(cell) for cell in row] for row in rows]
    assert np.array_equal(family.parse(cells), tokens)
    assert np.array_equal(family.parse(json.dumps(cells)), tokens)


def test_minus_one_is_never_a_given_one():
    family, tokens, rows, _ = spelled("sudoku-9x9", 2, ".")
    cells = [["-1" if cell == "." else cell for cell in row] for row in rows]
    assert np.array_equal(family.parse("\n".join(map(" ".join, cells))), tokens)
    assert np.array_equal(family.parse("\n".join(map(",".join, cells))), tokens)
