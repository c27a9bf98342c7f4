"""From a ``DataConfig`` to splits: generated, from a file, from a store; no twin of a test puzzle in training."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hrm import puzzles
from hrm.data.config import DataConfig
from hrm.data.csv_rows import write_store_as_csv
from hrm.data.prepare import build_store, prepare
from hrm.data.store import write_store
from hrm.errors import HrmError, UsageError

NOW = "2026-01-01T00:00:00+00:00"
SHARED = Path(__file__).parents[3] / "shared" / "data"


def test_generated_splits_of_6x6_share_no_twins(tmp_path, overlaps):
    config = DataConfig(puzzle="sudoku-6x6", generate=True, train=60, validation=20, test=30)
    _, splits = prepare(config, tmp_path, NOW)
    assert {name: len(split) for name, split in splits.items()} == {"train": 60, "validation": 20, "test": 30}
    family = puzzles.get("sudoku-6x6")
    for one, two in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert overlaps(splits[one], splits[two], family) == 0
    moved = family.symmetries(np.random.default_rng(0).random((30, family.spec.symmetry_draws)))
    test = splits["test"]
    twins = type(test)(moved.apply(test.inputs), moved.apply(test.labels), test.puzzle_ids, test.ratings)
    assert overlaps(test, twins, family) == 30  # the judge does see twins


def test_4x4_splits_share_no_identical_puzzle(tmp_path):
    config = DataConfig(puzzle="sudoku-4x4", generate=True, train=300, validation=50, test=300, share_twins=True)
    _, splits = prepare(config, tmp_path, NOW)
    rows = np.concatenate([split.inputs for split in splits.values()])
    assert len(np.unique(rows, axis=0)) == 650


def test_the_same_settings_find_the_same_store(tmp_path):
    config = DataConfig(puzzle="sudoku-4x4", generate=True, train=20, share_twins=True)
    first, _ = prepare(config, tmp_path / "a", NOW)
    again, _ = prepare(config, tmp_path / "a", "later")
    elsewhere, _ = prepare(config, tmp_path / "b", "later")
    other, _ = prepare(config.model_copy(update={"seed": 1}), tmp_path / "a", NOW)
    assert again.manifest.created == NOW
    assert first.digest == again.digest == elsewhere.digest != other.digest


def together(count, config, cache):
    """Prepare the same puzzles so many times at once."""
    barrier = threading.Barrier(count)

    def work(_):
        barrier.wait()
        return prepare(config, cache, NOW)[0].digest

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


@pytest.mark.parametrize("kind", ["generated", "from a file", "validated on a file"])
def test_of_runs_that_begin_together_one_makes_the_puzzles(tmp_path, monkeypatch, kind):
    made = []

    def counted(*given, original=write_store, **more):
        made.append(given[0])
        time.sleep(0.3)
        return original(*given, **more)

    for place in ("hrm.data.build.write_store", "hrm.data.store.write_store"):
        monkeypatch.setattr(place, counted)
    config = DataConfig(puzzle="sudoku-4x4", generate=True, train=20, share_twins=True)
    if kind != "generated":
        store, _ = prepare(config, tmp_path, NOW)
        write_store_as_csv(store, tmp_path / "puzzles.csv")
        name = "path" if kind == "from a file" else "validation_path"
        config = config.model_copy(update={"train": 20, name: str(tmp_path / "puzzles.csv")})
        made.clear()
    cache = tmp_path / "cache"
    assert len(set(together(4, config, cache))) == 1
    assert len(made) == (2 if kind == "validated on a file" else 1)
    assert not [entry.name for entry in cache.iterdir() if entry.name[0] == "."]


def test_a_cache_without_locks_will_do(tmp_path, monkeypatch):
    def acquire(self, *given, **more):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("filelock.FileLock.acquire", acquire)
    config = DataConfig(puzzle="sudoku-4x4", generate=True, train=5, share_twins=True)
    assert len(prepare(config, tmp_path, NOW)[0].split("train")) == 5


@pytest.mark.skipif(not SHARED.exists(), reason="needs the real data beside the checkout")
def test_a_real_file_is_split_without_twins(tmp_path, overlaps):
    file = SHARED / "sudoku" / "mix_train_1k.csv"
    config = DataConfig(puzzle="sudoku-9x9", path=str(file), validation=100)
    store, splits = prepare(config, tmp_path, NOW)
    assert len(splits["validation"]) == 100 and len(splits["train"]) == 900
    assert overlaps(splits["train"], splits["validation"], puzzles.get("sudoku-9x9")) == 0
    assert store.manifest.provenance["source"] == "mix_train_1k.csv"
    subsample = DataConfig(puzzle="sudoku-9x9", path=str(file), train=50, validation=10)
    assert [len(s) for s in prepare(subsample, tmp_path, NOW)[1].values()] == [50, 10]
    held_out = SHARED / "sudoku" / "gen_easy32_test.csv"
    config = DataConfig(puzzle="sudoku-9x9", path=str(file), validation_path=str(held_out))
    _, splits = prepare(config, tmp_path, NOW)
    assert len(splits["train"]) == 1000 and len(splits["validation"]) == 1534


def test_what_cannot_be_prepared(tmp_path):
    for changes, said in (
        ({}, "nothing to train on"),
        ({"generate": True}, "nothing to train on"),
        ({"path": "nowhere.csv"}, "nowhere.csv"),
    ):
        with pytest.raises(UsageError, match=said):
            prepare(DataConfig(puzzle="sudoku-4x4", **changes), tmp_path, NOW)


def test_build_store_checks_the_place_first(tmp_path):
    (tmp_path / "file").write_text("")
    calls = []
    with pytest.raises(HrmError, match="cannot write"):
        build_store(
            "sudoku-4x4", tmp_path / "file" / "x", "", {"train": 5}, 0, NOW, True, True, lambda *a: calls.append(a)
        )
    assert not calls
