"""A configuration in Python becomes what the command trains: sizes inferred, all checked, the store opened once."""

import json

import numpy as np
import pytest
from rich.console import Console

import hrm
from hrm import experiment
from hrm.data import prepare
from hrm.data.arc import build_arc
from hrm.data.build import generate_store
from hrm.data.store import open_store
from hrm.errors import DataError, UsageError
from hrm.experiment import Experiment

NOW = "2026-01-01T00:00:00+00:00"
SHORT = {
    "train.updates": 2,
    "train.batch_size": 4,
    "model.width": 16,
    "train.precision": "fp32",
    "train.compile": False,
}


def trainer(config, folder):
    return hrm.Trainer(config, folder / "run", console=Console(quiet=True))


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("input,output\n" + "".join(f"{a}{b},{b}{a}\n" for a in "abcd" for b in "efgh"))
    return str(file)


@pytest.fixture
def tasks(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "training").mkdir()
    for name in "abc":
        pairs = [{key: rng.integers(0, 9, (2, 2)).tolist() for key in ("input", "output")} for _ in range(3)]
        (tmp_path / "training" / f"{name}.json").write_text(json.dumps({"train": pairs[:2], "test": pairs[2:]}))
    return str(build_arc(tmp_path / "store", [tmp_path / "training"], 2, 0, NOW).path)


def test_python_trains_rows_of_a_file_by_the_recipe_own(rows, tmp_path):
    run = trainer(hrm.recipes.get("own", SHORT | {"data.path": rows, "data.validation": 4}), tmp_path)
    assert (run.config.model.vocab_size, run.config.model.cells, run.config.model.positions) == (10, 2, "learned")
    assert run.fit().updates == 2
    assert hrm.load(tmp_path / "run").solve("ae").answer


def test_python_trains_tasks_by_the_recipe_arc_small(tasks, tmp_path):
    changes = {"data.path": tasks, "halting.max_segments": 1, "train.device": "cpu"}
    run = trainer(hrm.recipes.get("arc-small", SHORT | changes), tmp_path)
    assert run.config.model.puzzles == len(run.store.table) > 3
    assert run.fit().updates == 2
    assert len(hrm.load(tmp_path / "run").model.puzzle_tables()[0]) == run.config.model.puzzles


def test_a_store_is_opened_once(tmp_path, monkeypatch):
    store = generate_store(tmp_path / "store", hrm.puzzles.get("sudoku-4x4"), {"train": 8}, 0, NOW, twins=True)
    opened = []

    def counted(path, *arguments, **options):
        opened.append(path)
        return open_store(path, *arguments, **options)

    for module in (experiment, prepare):
        monkeypatch.setattr(module, "open_store", counted)
    run = trainer(hrm.recipes.get("smoke", SHORT | {"model.heads": 2, "data.path": str(store.path)}), tmp_path)
    assert opened == [store.path] and run.store.digest == store.digest


def test_a_store_that_was_altered_is_refused_at_once(tmp_path):
    store = generate_store(tmp_path / "store", hrm.puzzles.get("sudoku-4x4"), {"train": 8}, 0, NOW, twins=True)
    file = store.path / "train" / "inputs.npy"
    file.write_bytes(file.read_bytes()[:-1] + b"\1")
    with pytest.raises(DataError, match="altered"):
        Experiment.of(hrm.recipes.get("smoke", {"data.path": str(store.path)}))


@pytest.mark.parametrize("changes, said", [
    ({"model.cells": 36}, "model.cells is 36; sudoku-4x4 needs 16"),
    ({"model.relation_kinds": (1, 1, 1, 1)}, "names 4 relations; sudoku-4x4 declares 3"),
    ({"data.generate": False}, "nothing to train on"),
    ({"data.puzzle": "sudoku-4x5"}, "sudoku-4x4"),
])  # fmt: skip
def test_what_cannot_be_trained_is_refused(changes, said):
    with pytest.raises(UsageError, match=said):
        Experiment.of(hrm.recipes.get("smoke", changes))
