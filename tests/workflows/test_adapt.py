"""Adapting a model of ARC moves its puzzle rows, nothing else unless told, and never sees the answers."""

import json
import os

import numpy as np
import pytest
import torch
from rich.console import Console

from hrm import recipes
from hrm.data.arc import build_arc
from hrm.errors import DataError, UsageError
from hrm.inference.weights import PUZZLES, load_model
from hrm.train.trainer import Trainer
from hrm.workflows.adapt import adapt

NOW = "2026-01-01T00:00:00+00:00"
QUIET = Console(quiet=True)
TINY = {
    "model": {"width": 32, "heads": 2, "h_layers": 1, "l_layers": 1, "puzzle_width": 32, "cycles": 1, "timesteps": 1},
    "halting": {"max_segments": 1},
    "train": {"updates": 2, "batch_size": 4, "precision": "fp32", "device": "cpu"},
    "eval": {"batch_size": 4},
}


def task(folder, name, rng):
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [{key: rng.integers(0, 9, (2, 2)).tolist() for key in ("input", "output")} for _ in range(3)]
    file = folder / f"{name}.json"
    file.write_text(json.dumps({"train": pairs[:2], "test": pairs[2:]}))
    return file


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    place = tmp_path_factory.mktemp("arc")
    rng = np.random.default_rng(0)
    for number in range(3):
        task(place / "training", f"t{number}", rng)
    build_arc(place / "store", [place / "training"], 2, 0, NOW)
    config = recipes.get("hrm-arc1", TINY)
    Trainer(config.changed("data.path", str(place / "store")), place / "run", console=QUIET).fit()
    return str(place / "run")


@pytest.mark.parametrize("all_weights", [False, True])
def test_only_what_was_asked_for_moves(model, tmp_path, all_weights):
    file = task(tmp_path / "training", "unseen", np.random.default_rng(1))
    found = adapt(
        model, [file], tmp_path / "out", now=NOW, updates=3, variants=2, all_weights=all_weights, puzzle_lr=0.1,
        device="cpu", console=QUIET,
    )  # fmt: skip
    assert found["tests"] == 1 and set(found["pass_at"]) == {"1", "2", "10", "100", "1000"}
    submitted = json.loads((tmp_path / "out" / "submission.json").read_text())
    assert list(submitted) == ["unseen"] and set(submitted["unseen"][0]) == {"attempt_1", "attempt_2"}
    before, after = (load_model(name, "cpu")[0].state_dict() for name in (model, tmp_path / "out" / "run"))
    assert after[PUZZLES].shape[0] == 4  # blank, the task and two variants
    assert not torch.equal(after[PUZZLES], before[PUZZLES].mean(0).expand_as(after[PUZZLES]))
    moved = [name for name in before if name != PUZZLES and not torch.equal(before[name], after[name])]
    assert bool(moved) == all_weights


def test_a_hidden_output_is_submitted_without_a_score(model, tmp_path):
    file = task(tmp_path, "hidden", np.random.default_rng(2))
    content = json.loads(file.read_text())
    del content["test"][0]["output"]
    file.write_text(json.dumps(content))
    found = adapt(model, [file], tmp_path / "out", now=NOW, updates=1, variants=1, device="cpu", console=QUIET)
    assert set(found) == {"submission", "tests", "hidden_tests"} and found["hidden_tests"] == 1


def test_a_known_output_is_never_trained_on(model, tmp_path):
    file = task(tmp_path / "training", "unseen", np.random.default_rng(1))
    adapt(model, [file], tmp_path / "out", now=NOW, updates=1, variants=1, device="cpu", console=QUIET)
    from hrm.data.store import open_store

    store = open_store(tmp_path / "out" / "store")
    assert len(store.splits["train"]) == 2 and len(store.splits["test"]) == 1


def test_demonstrations_that_are_all_tests_are_nothing_to_train_on(model, tmp_path):
    file = task(tmp_path, "given", np.random.default_rng(2))
    content = json.loads(file.read_text())
    content["train"] = content["test"]
    file.write_text(json.dumps(content))
    with pytest.raises(DataError, match="there is nothing to train on"):
        adapt(model, [file], tmp_path / "out", now=NOW, updates=1, variants=1, device="cpu", console=QUIET)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"[" * 100_000, "bad.json is not JSON: nested too deeply"),
        (b" " * (1 << 25), "bad.json is larger"),
        (b'{"train": [{"input": [[11]], "output": [[1]]}], "test": [{"input": [[1]]}]}', "row 1, column 1 holds 11"),
        (b'{"train": [], "test": [{"input": [[1]]}]}', "train must be a list of 1"),
        (None, "bad.json cannot be read"),
    ],
)
def test_a_hostile_task_is_refused_before_anything_is_written(model, tmp_path, content, said):
    file = tmp_path / "bad.json"
    os.mkfifo(file) if content is None else file.write_bytes(content)
    with pytest.raises(DataError, match=said):
        adapt(model, [file], tmp_path / "out", now=NOW, updates=1, variants=1, device="cpu", console=QUIET)
    assert not (tmp_path / "out").exists()


def test_other_models_are_refused(tmp_path):
    with pytest.raises(UsageError, match="needs a model of ARC"):
        adapt("sudoku-4x4", [], tmp_path, now=NOW, updates=1, variants=1)
