"""Wherever public Python takes a path, it takes text as well."""

from rich.console import Console

import hrm
from hrm import puzzles, recipes
from hrm.checkpoint import load_checkpoint
from hrm.config import read_config
from hrm.data.build import generate_store
from hrm.data.store import open_store, write_store
from hrm.train.log import read_metrics
from hrm.train.trainer import Trainer


def test_text_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generate_store("made", puzzles.get("sudoku-4x4"), {"train": 8}, 0, "2026-01-01T00:00:00+00:00", twins=True)
    store = open_store("made")
    assert len(store.split("train")) == 8
    write_store("again", store.puzzle, store.splits, {}, "2026-01-01T00:00:00+00:00")
    config = recipes.get("smoke", {"data.path": "again", "train.updates": 1, "train.batch_size": 2})
    trainer = Trainer(config, "run", "cache", console=Console(quiet=True))
    outcome = trainer.fit()
    trainer.save("copy", with_state=True)
    trainer.restore("copy")
    assert load_checkpoint("copy").meta["update"] == 1
    assert read_config("run/config.toml")["recipe"] == "smoke" and read_metrics("run/metrics.jsonl")
    assert hrm.load("run").puzzle.spec.name == hrm.load(outcome.folder).puzzle.spec.name
    assert hrm.Trainer(config, "run", init="copy", console=Console(quiet=True)).fit().updates == 1
