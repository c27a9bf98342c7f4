"""A model of ARC carries its table of puzzle ids: tasks are found by name, whatever store they come in."""

import json
import shutil

import numpy as np
import pytest
import torch
from rich.console import Console

from hrm import recipes
from hrm.checkpoint import load_checkpoint
from hrm.data.arc import build_arc, task_table
from hrm.data.store import open_store
from hrm.errors import DataError, UsageError
from hrm.evaluation.arc import answer_tasks
from hrm.evaluation.request import EvalRequest
from hrm.evaluation.run import evaluate_model
from hrm.evaluation.tasks import solve_tests
from hrm.inference.load import load
from hrm.inference.weights import PUZZLES, load_model
from hrm.puzzles import get
from hrm.puzzles.arc.files import read_tasks
from hrm.train.trainer import Trainer

NOW = "2026-01-01T00:00:00+00:00"
QUIET = Console(quiet=True)
TINY = {
    "model": {"width": 32, "heads": 2, "h_layers": 1, "l_layers": 1, "puzzle_width": 32, "cycles": 1, "timesteps": 1},
    "optim": {"puzzle_lr": 1.0},
    "halting": {"max_segments": 1},
    "train": {"updates": 2, "batch_size": 8, "precision": "fp32", "device": "cpu"},
}


def written(folder, names, seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        rng = np.random.default_rng([seed, *name.encode()])
        pairs = [{key: rng.integers(0, 9, (2, 3)).tolist() for key in ("input", "output")} for _ in range(4)]
        (folder / f"{name}.json").write_text(json.dumps({"train": pairs[:2], "test": pairs[2:]}))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A store of tasks b, c (held back) and d; a run on it."""
    place = tmp_path_factory.mktemp("arc")
    written(place / "evaluation", ["b", "c"])
    written(place / "training", ["d"])
    build_arc(place / "store", [place / "evaluation", place / "training"], 3, 0, NOW)
    config = recipes.get("hrm-arc1", TINY).changed("data.path", str(place / "store"))
    Trainer(config, place / "run", console=QUIET).fit()
    return place


def measured(place, store, **more):
    kept = {}
    request = EvalRequest(
        place / "run", store, cache_dir=place / "cache", now=NOW, batch_size=4, device="cpu", **more
    )  # fmt: skip
    found = evaluate_model(request, answers=lambda store, ranked: kept.update(ranked))
    grids = {test: [(c.grid.tolist(), c.votes, c.q_halt) for c in ranked] for test, ranked in kept.items()}
    return {name: found[name] for name in ("exact", "cell", "pass_at", "examples")}, grids


def test_a_checkpoint_says_which_row_is_which_variant(place):
    store = open_store(place / "store")
    for folder in (place / "run" / "best", place / "run" / "checkpoints" / "update-000002"):
        assert load_checkpoint(folder).table.names(get("arc")) == store.table.names(get("arc"))


def test_tasks_are_found_by_name_in_a_store_with_other_ids(place, tmp_path):
    """The other store has other tasks before and between, more variants, another seed: every id is another."""
    folder = written(tmp_path / "training", ["a", "bb", "z"], seed=1)
    other = build_arc(tmp_path / "other", [folder, place / "evaluation"], 9, 5, NOW)
    own = open_store(place / "store")
    ids = [set(store.table.puzzle_ids("c")) for store in (own, other)]
    assert not ids[0] & ids[1] and other.table.lookup(max(ids[0]))[0] != "c"
    assert measured(place, tmp_path / "other") == measured(place, place / "store")
    solver = load(place / "run", "cpu", batch_size=4)
    told = answer_tasks(solver, read_tasks(place / "evaluation"), 1)
    found = solve_tests(solver, other, 1)
    assert [(each.task, each.test) for each in told] == list(found)
    for each in told:
        (candidates,) = each.stages
        assert [(c.grid.tolist(), c.votes, c.q_halt) for c in candidates] == [
            (c.grid.tolist(), c.votes, c.q_halt) for c in found[each.task, each.test]
        ]


def test_each_answer_is_asked_for_with_its_own_row(place, tmp_path, monkeypatch):
    other = build_arc(tmp_path / "other", [written(tmp_path / "training", ["a"]), place / "evaluation"], 9, 5, NOW)
    solver, asked, grids = load(place / "run", "cpu", batch_size=4), [], []
    run = solver.run

    def spy(inputs, segments, puzzle_ids):
        grids.extend(inputs)
        asked.extend(puzzle_ids.tolist())
        return run(inputs, segments, puzzle_ids)

    monkeypatch.setattr(solver, "run", spy)
    found = solve_tests(solver, other, 1)
    assert len(asked) == 4 * 4  # the model's variants vote, not the store's
    own = [solver.table.lookup(puzzle_id) for puzzle_id in asked]
    assert [task for task, _ in own] == [task for task, _ in found for _ in range(4)] == ["b"] * 8 + ["c"] * 8
    assert asked == [puzzle_id for task, _ in found for puzzle_id in solver.table.puzzle_ids(task)]
    originals = np.repeat(np.asarray(other.splits["test"].inputs), 4, axis=0)
    variants = np.stack([variant for _, variant in own])
    assert np.array_equal(solver.puzzle.in_variants(originals, originals, variants)[0], np.stack(grids))


def test_a_task_that_the_model_has_never_seen_is_refused(place, tmp_path):
    folder = written(tmp_path / "evaluation", ["x", "y"])
    build_arc(tmp_path / "store", [folder], 1, 0, NOW)
    with pytest.raises(UsageError, match="never seen task 'x' and 1 more.*hrm adapt MODEL TASK.json"):
        measured(place, tmp_path / "store")
    with pytest.raises(UsageError, match="never seen task 'x'"):
        answer_tasks(load(place / "run", "cpu"), read_tasks(folder / "x.json"), 1)
    assert measured(place, place / "store", limit=2)[0]["examples"] == 2


def test_a_grid_without_its_task_is_refused(place):
    with pytest.raises(UsageError, match="hrm solve MODEL TASK.json"):
        load(place / "run", "cpu").solve([[1, 2], [3, 4]])
    with pytest.raises(UsageError, match="a model of ARC"):
        answer_tasks(load("sudoku-4x4", "cpu"), [], 1)


def test_a_damaged_or_missing_table_is_refused(place, tmp_path):
    for name in ("variants.u1", "tasks.json"):
        folder = tmp_path / name
        shutil.copytree(place / "run" / "best", folder)
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(DataError, match=f"{name} is damaged"):
            load_model(folder, "cpu")
        (folder / name).unlink()
        with pytest.raises(DataError, match=f"{name} is damaged: the file is missing"):
            load_model(folder, "cpu")


def test_rows_go_with_their_variants_into_another_run(place, tmp_path):
    """A run that begins from a model keeps what it knows of tasks that both have; new ones begin at the mean."""
    folder = written(tmp_path / "training", ["a"], seed=1)
    build_arc(tmp_path / "store", [folder, place / "evaluation"], 5, 0, NOW)
    model, config, checkpoint = load_model(place / "run", "cpu")
    changes = {"data": {"path": str(tmp_path / "store")}, "optim": {"puzzle_lr": 1e-12, "puzzle_weight_decay": 0.0}}
    Trainer(config.changed(changes), tmp_path / "run", init=str(place / "run"), console=QUIET).fit()
    rows, old = load_model(tmp_path / "run", "cpu")[0].state_dict()[PUZZLES], model.state_dict()[PUZZLES]
    table = open_store(tmp_path / "store").table
    for puzzle_id, name in enumerate(table.names(get("arc"))):
        names = checkpoint.table.names(get("arc"))
        wanted = old[names.index(name)] if name in names else old.mean(0)
        torch.testing.assert_close(rows[puzzle_id], wanted, rtol=0, atol=1e-6)
    assert {name.split("_t")[0] for name in table.names(get("arc"))} == {"<blank>", "a", "b", "c"}


def test_what_two_tables_share(place):
    tasks = read_tasks([place / "evaluation", place / "training"])
    few, many = task_table(tasks[1:], 3, 0), task_table(tasks[:2], 8, 0)
    here, there = few.shared_with(many)
    names = few.names(get("arc")), many.names(get("arc"))
    assert sorted(names[0][i] for i in here) == sorted(set(names[0]) & set(names[1]))
    assert [names[0][i] for i in here] == [names[1][i] for i in there] and len(here) == 1 + 4


def test_a_run_does_not_go_on_with_other_puzzles(place, tmp_path):
    folder = tmp_path / "moved"
    shutil.copytree(place, folder)
    _, config, _ = load_model(place / "run", "cpu")
    data = config.data.model_copy(update={"path": str(folder / "store")})
    config = config.model_copy(update={"data": data})
    Trainer(config, tmp_path / "run", console=QUIET).fit()
    build_arc(folder / "store", [place / "evaluation", place / "training"], 3, 1, NOW)  # as many ids, other variants
    with pytest.raises(DataError, match="trained on other puzzles"):
        Trainer(config, tmp_path / "run", console=QUIET).fit()
