"""Puzzles generated to look into a model are none that it was trained on."""

import numpy as np
import pytest

from hrm.data.config import DataConfig
from hrm.data.held_out import unseen
from hrm.data.prepare import prepare
from hrm.data.twins import TwinClasses
from hrm.errors import DataError, UsageError
from hrm.puzzles import get

NOW = "2026-01-01T00:00:00+00:00"


def rows(split):
    return {row.tobytes() for row in np.asarray(split.inputs)}


def test_they_differ_from_the_training_puzzles_even_under_the_same_seed(tmp_path):
    config = DataConfig(puzzle="sudoku-4x4", generate=True, train=40, validation=10, share_twins=True, seed=3)
    _, splits = prepare(config, tmp_path, NOW)
    found, told = unseen(config, 30, 3, tmp_path, NOW)
    assert len(rows(found)) == 30
    assert not rows(found) & (rows(splits["train"]) | rows(splits["validation"]))
    assert told["seed"] == 3 and "training" in told["apart_from"]
    again, _ = unseen(config, 30, 3, tmp_path, NOW)
    other, _ = unseen(config, 30, 4, tmp_path, NOW)
    assert rows(again) == rows(found) != rows(other)
    assert get("sudoku-4x4").verify(found.inputs, found.labels).all()


def test_twins_of_training_puzzles_are_left_out_where_the_splits_have_none(tmp_path):
    config = DataConfig(puzzle="sudoku-6x6", generate=True, train=12, seed=1)
    _, splits = prepare(config, tmp_path, NOW)
    known = TwinClasses(get("sudoku-6x6"))
    known.add(np.asarray(splits["train"].inputs), np.asarray(splits["train"].labels))
    found, _ = unseen(config, 6, 1, tmp_path, NOW)
    assert not any(known.has(*pair) for pair in zip(found.inputs, found.labels, strict=True))


def test_a_training_file_is_not_compared_with_and_that_is_said(tmp_path):
    _, told = unseen(DataConfig(puzzle="sudoku-4x4", path="gone.csv"), 2, 1, tmp_path, NOW)
    assert told["apart_from"].startswith("nothing")


def test_families_that_are_not_generated_say_so(tmp_path):
    table = DataConfig(puzzle="table", shape=(1, 3), symbols=("a", "b"), path="mine.csv")
    with pytest.raises(UsageError, match="not generated"):
        unseen(table, 1, 1, tmp_path, NOW)


def test_a_family_that_has_too_few_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("hrm.data.build.PATIENCE", 3)
    monkeypatch.setattr(type(get("sudoku-4x4")), "generate", lambda self, seed, index: self._first)
    family = get("sudoku-4x4")
    monkeypatch.setattr(family, "_first", (np.full(16, 2, np.uint8),) * 2, raising=False)
    with pytest.raises(DataError, match="only 1 unseen puzzles of 1000000000000000000000;"):
        unseen(DataConfig(puzzle="sudoku-4x4", path="mine.csv"), 10**21, 1, tmp_path, NOW)
    with pytest.raises(DataError, match="only 1 unseen puzzles of 2"):
        unseen(DataConfig(puzzle="sudoku-4x4", path="x.csv"), 2, 1, tmp_path, NOW)


def test_many_training_puzzles_are_not_generated_again(tmp_path):
    config = DataConfig(puzzle="sudoku-4x4", generate=True, train=10**6, share_twins=True, seed=3)
    _, told = unseen(config, 2, 4, tmp_path, NOW)
    assert told["apart_from"].startswith("nothing")
    with pytest.raises(UsageError, match="choose another"):
        unseen(config, 2, 3, tmp_path, NOW)
