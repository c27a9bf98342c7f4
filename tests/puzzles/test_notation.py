"""Grids of digits in the notations that people use: each is read as the same puzzle, and no string has two readings."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm.errors import DataError
from hrm.puzzles import get

MARKS = [".", "0", "-", "*", "_", "?", "x"]
NOTATIONS = {
    "line": lambda rows, n: "".join(map("".join, rows)),
    "rows": lambda rows, n: "\n".join(map("".join, rows)),
    "rows side by side": lambda rows, n: " ".join(map("".join, rows)),
    "spaces": lambda rows, n: "\n".join(map(" ".join, rows)),
    "commas": lambda rows, n: ",".join(map(",".join, rows)),
    "bars": lambda rows, n: "\n".join("|" + "|".join(row) + "|" for row in rows),
    "rulers": lambda rows, n: "\n".join(
        ("" if y % 2 else "+" + "-" * n + "+\n") + "".join(row) for y, row in enumerate(rows)
    ),
    "json": lambda rows, n: json.dumps(list(map("".join, rows))),
}  # fmt: skip


def spelled(name, index, mark):
    family = get(name)
    tokens, _ = family.generate(5, index)
    n = family.spec.shape[1]
    text = family.text(tokens).replace(".", mark)
    return family, tokens, [list(text[y * n : (y + 1) * n]) for y in range(n)], n


@pytest.mark.parametrize("notation", NOTATIONS)
@settings(deadline=None, max_examples=25)
@given(
    name=st.sampled_from(["sudoku-4x4", "sudoku-6x6", "sudoku-9x9"]),
    index=st.integers(0, 20),
    mark=st.sampled_from(MARKS),
)
def test_a_puzzle_is_the_same_in_every_notation(notation, name, index, mark):
    family, tokens, rows, n = spelled(name, index, mark)
    if notation == "rulers" and mark in "-_*":
        return  # a row of blanks would be a ruler
    assert np.array_equal(family.parse(NOTATIONS[notation](rows, n)), tokens)


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


@pytest.mark.parametrize("one", MARKS)
@pytest.mark.parametrize("other", MARKS)
def test_two_marks_in_one_puzzle_are_refused(one, other):
    if one == other:
        return
    family, _, rows, n = spelled("sudoku-4x4", 3, one)
    text = list("".join(map("".join, rows)))
    text[text.index(one)] = other
    with pytest.raises(DataError, match="not a sudoku-4x4 puzzle"):
        family.parse("".join(text))


def test_zero_is_a_digit_of_sixteen_beside_another_mark():
    family = get("sudoku-16x16")
    tokens, answer = family.generate(0, 0)
    old = family.text(answer)
    renamed = old.translate(str.maketrans("G", "0"))
    puzzle = "".join(c if token > 1 else "." for c, token in zip(renamed, tokens.tolist(), strict=True))
    assert "0" in puzzle
    assert np.array_equal(family.parse(puzzle), tokens)
    assert not np.array_equal(family.parse(puzzle.replace("0", ".")), tokens)
