"""Puzzles of f-puzzles and SudokuPad: cages and givens come through, and what no family knows is refused."""

import json

import numpy as np
import pytest

from hrm.errors import DataError
from hrm.puzzles import get
from hrm.puzzles.sudoku.killer_text import read

CELLS = [[{} for _ in range(4)] for _ in range(4)]


def named(cell, size):
    return f"R{cell // size + 1}C{cell % size + 1}"


def cages_of(family, tokens):
    digits, cages, _ = read(family.text(tokens), family.box)
    return digits, sorted((cage.cells, cage.total) for cage in cages)


@pytest.mark.parametrize("name", ["killer-4x4", "killer-6x6", "killer-9x9"])
@pytest.mark.parametrize("dialect", ["f-puzzles", "SudokuPad"])
def test_generated_cages_are_read_back(name, dialect):
    family = get(name)
    for index in range(5):
        tokens, answer = family.generate(3, index)
        digits, cages = cages_of(family, tokens)
        n = family.spec.shape[0]
        if dialect == "f-puzzles":
            grid = [
                [{"value": d, "given": True} if (d := digits[y * n + x]) else {} for x in range(n)] for y in range(n)
            ]
            puzzle = {"size": n, "grid": grid, "title": "a puzzle", "killercage": [
                {"cells": [named(c, n) for c in cells], "value": str(total)} for cells, total in cages
            ]}  # fmt: skip
        else:
            grid = [[{"value": d} if (d := digits[y * n + x]) else {} for x in range(n)] for y in range(n)]
            puzzle = {"cells": grid, "cages": [{"value": "title: a puzzle"}, *(
                {"cells": [[c // n, c % n] for c in cells], "value": total} for cells, total in cages
            )]}  # fmt: skip
        for given in (puzzle, json.dumps(puzzle)):
            found = family.parse(given)
            assert cages_of(family, found) == (digits, cages)
            assert family.verify(found[None], answer[None]).all()


def test_a_sudoku_without_cages_is_one():
    family = get("sudoku-9x9")
    tokens, _ = family.generate(0, 0)
    text = family.text(tokens)
    rows = [[{} if c == "." else {"value": int(c), "given": True} for c in text[y : y + 9]] for y in range(0, 81, 9)]
    assert np.array_equal(family.parse({"size": 9, "grid": rows}), tokens)
    rows[text.index(".") // 9][text.index(".") % 9] = {"value": 5}  # entered by the player, not given
    assert np.array_equal(family.parse({"size": 9, "grid": rows}), tokens)


@pytest.mark.parametrize("changes, said", [
    ({"thermometer": [{"lines": [["R1C1", "R1C2"]]}]}, "constraint 'thermometer'"),
    ({"size": 6, "grid": [[{}] * 6] * 6}, "6 rows"),
    ({"killercage": [{"cells": ["R1C1", "R9C9"], "value": "6"}]}, "cells are R1C1 to R4C4"),
    ({"killercage": [{"cells": ["R1C1", "R1C2"]}]}, "no sum"),
    ({"killercage": [{"cells": ["R1C1", "R3C3"], "value": "6"}]}, "do not touch"),
    ({"killercage": [{"cells": ["R1C1", "R1C2"], "value": "6"}, {"cells": ["R1C2"], "value": "3"}]}, "overlap"),
    ({"killercage": [{"cells": ["R1C1", "R1C2"], "value": "60"}]}, "60"),
    ({"killercage": 3}, "list of objects"),
    ({"grid": [[{"region": (x + y) % 4} for x in range(4)] for y in range(4)]}, "irregular"),
    ({"killercage": []}, "no cage"),
    ({"killercage": [{"cells": [], "value": "6"}]}, "list of different cells"),
    ({"diagonal+": True}, "'diagonal.'"),
    ({"grid": [[{"value": 5, "given": True}, {}, {}, {}], *CELLS[1:]]}, "holds '5'"),
    ({"grid": [[{"value": 3, "given": True}, {}, {}, {}], *CELLS[1:]]}, "a given digit"),
    ({"grid": [*CELLS[1:], [{}, {}, {}, 1]]}, "each cell"),
    ({"regions": [[[0, 0], [0, 3]]]}, "irregular"),
])  # fmt: skip
def test_what_would_be_misread_is_refused(changes, said):
    puzzle = {"size": 4, "grid": CELLS, "killercage": [{"cells": ["R1C1", "R1C2"], "value": "6"}]} | changes
    with pytest.raises(DataError, match=said):
        get("killer-4x4").parse(puzzle)


def test_cages_are_no_sudoku():
    puzzle = {"size": 4, "grid": CELLS, "killercage": [{"cells": ["R1C1", "R1C2"], "value": "6"}]}
    with pytest.raises(DataError, match="killer-4x4"):
        get("sudoku-4x4").parse(puzzle)
