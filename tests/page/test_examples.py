"""Puzzles to try are none of the training puzzles, and say where they come from."""

from dataclasses import replace

import numpy as np
import pytest

from hrm.data.prepare import prepare
from hrm.inference.load import load
from hrm.inference.solver import Solver
from hrm.page.examples import examples_of
from hrm.puzzles.table import Declaration, Table

NOW = "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-9x9", "maze-10x10"])
def test_they_are_not_in_the_training_data(name, tmp_path):
    solver = load(name, "cpu")
    few = {"data.train": 100, "data.validation": 20} if name == "sudoku-4x4" else {}
    solver.origin = replace(solver.origin, config=solver.origin.config.changed(few))
    found = examples_of(solver, 12, 4, tmp_path, NOW)
    assert len(set(found.puzzles)) == 4 and f"generator {name} (seed 1)" in found.source
    family = solver.puzzle
    parsed = [family.parse(text) for text in found.puzzles]
    # those with the most to fill in
    made = [len(np.flatnonzero(family.solutions(grid, 1)[0] != grid)) for grid in parsed]
    others = [family.generate(1, index) for index in range(12)]
    assert min(made) >= np.sort([int((a != b).sum()) for a, b in others])[-5]
    if name == "sudoku-4x4":
        _, splits = prepare(solver.origin.config.data, tmp_path, NOW)
        trained_on = {row.tobytes() for part in ("train", "validation") for row in np.asarray(splits[part].inputs)}
        assert trained_on and not trained_on & {grid.tobytes() for grid in parsed}
        assert "None of them is among the training" in found.source
    else:
        says = {"sudoku-9x9": "the file mix_train_1k.csv", "maze-10x10": "generated with seed 0"}
        assert says[name] in found.source


def test_where_nothing_generates_puzzles_there_are_none(tmp_path):
    table = Table(Declaration((1, 6), ("a", "b"), "."))
    shipped = load("sudoku-4x4", "cpu")
    found = examples_of(Solver(shipped.model, table, 4, origin=shipped.origin), 4, 2, tmp_path, NOW)
    assert found.puzzles == [] and "type or paste" in found.source
