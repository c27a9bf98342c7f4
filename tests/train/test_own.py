"""The recipe ``own`` fits itself to the puzzles, and learns those whose class declares relations."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from hrm import puzzles, recipes
from hrm.data.store import Split, write_store
from hrm.errors import UsageError
from hrm.experiment import Experiment
from hrm.puzzles.check import check
from hrm.recipes import resolve
from hrm.train.trainer import Trainer

HERE = Path(__file__).parent
FUTOSHIKI = "futoshiki:Futoshiki"
QUIET = Console(quiet=True)


@pytest.fixture
def futoshiki(monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    puzzles.register_from_path(FUTOSHIKI, HERE)
    return puzzles.get(FUTOSHIKI)


@pytest.fixture
def rows(tmp_path):
    file = tmp_path / "rows.csv"
    file.write_text("input,output\n" + "".join(f"{a}{b},{b}{a}\n" for a in "abcd" for b in "efgh"))
    return file


def own(**changes):
    return recipes.get("own", {"data.puzzle": FUTOSHIKI, "data.generate": True, "data.train": 20} | changes)


def test_the_class_keeps_its_promises(futoshiki):
    assert check(futoshiki) == []


def test_relations_choose_messages_and_muon(futoshiki):
    config = Experiment.of(own()).config
    assert (config.model.mixer, config.model.positions, config.optim.kind) == ("messages", "none", "muon")
    assert (config.model.vocab_size, config.model.cells, config.model.relation_kinds) == (12, 49, (1, 1, 4))
    assert Experiment.of(config).config == config


@pytest.mark.parametrize("path, value", [
    ("model.mixer", "attention"), ("model.positions", "learned"), ("optim.kind", "adamw"), ("eval.every", 7),
    ("model.relation_kinds", (1, 1)),
])  # fmt: skip
def test_what_is_given_is_kept(futoshiki, path, value):
    config = Experiment.of(own(**{path: value})).config
    section, key = path.split(".")
    assert getattr(getattr(config, section), key) == value


def test_a_mixer_is_checked_once_the_puzzles_are_known(futoshiki, rows):
    flags = ["--data.puzzle", FUTOSHIKI, "--data.generate", "true", "--data.train", "20", "--model.mixer", "messages"]
    assert Experiment.of(resolve("own", None, flags)[0]).config.model.relation_kinds == (1, 1, 4)
    table = Experiment.of(resolve("own", None, ["--data.path", str(rows), "--model.mixer", "messages"])[0]).config
    assert table.model.relation_kinds == (1,) and table.model.positions == "learned"


def test_rows_keep_attention_and_learned_places(rows):
    config = Experiment.of(recipes.get("own", {"data.path": str(rows)})).config
    assert (config.model.mixer, config.model.positions, config.optim.kind) == ("attention", "learned", "adam_atan2")
    assert config.model.relation_kinds == () and (config.model.vocab_size, config.model.cells) == (10, 2)


def test_the_trainer_fits_by_itself(rows, tmp_path):
    small = {"model.width": 32, "train.updates": 2, "train.batch_size": 4, "data.path": str(rows)}
    trainer = Trainer(recipes.get("own", small), str(tmp_path / "run"), console=QUIET)
    assert trainer.config.model.cells == 2 and trainer.config.model.puzzle_width == 32
    assert trainer.fit().updates == 2


def test_the_puzzle_embedding_has_a_row_for_each_id_of_the_store(tmp_path):
    family = puzzles.get("sudoku-4x4")
    found = [family.generate(0, index) for index in range(4)]
    inputs, labels = (np.stack(grids) for grids in zip(*found, strict=True))
    ids = np.array([0, 5, 2, 9], np.int32)
    split = Split(inputs, labels, ids, np.full(4, np.nan, np.float32))
    write_store(tmp_path / "store", family, {"train": split}, {}, "2026-01-01T00:00:00+00:00")
    config = recipes.get("smoke", {"data.path": str(tmp_path / "store"), "train.updates": 2, "train.batch_size": 4})
    trainer = Trainer(config, tmp_path / "run", console=QUIET)
    assert trainer.config.model.puzzles == 10
    trainer.fit()
    moved = trainer.model.f_I.puzzle_embedding.weight.detach().any(dim=1)
    assert moved.nonzero().flatten().tolist() == [0, 2, 5, 9]


@pytest.mark.parametrize("name", [name for name in recipes.RECIPES if not recipes.get(name).data.generate])
def test_a_recipe_without_data_says_what_to_give(name):
    with pytest.raises(UsageError, match="nothing to train on: give --data.path FILE"):
        Trainer(recipes.get(name), console=QUIET)


@pytest.mark.slow
def test_it_learns_futoshiki_as_it_stands(tmp_path):
    """At least 30 % of unseen puzzles within four minutes of one core; measured: over 90 % after 200 updates."""
    resource = pytest.importorskip("resource")
    code = (
        "import sys; from hrm.cli.main import main; "
        f"sys.exit(main('train own --data.puzzle {FUTOSHIKI} --data.generate true --data.train 1000 "
        "--data.validation 200 --train.updates 300 --out run --cache cache'.split()))"
    )
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    (tmp_path / "futoshiki.py").write_text((HERE / "futoshiki.py").read_text())
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (240, 240)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "next: hrm solve run" in done.stdout and f"--puzzle {FUTOSHIKI}" in done.stdout
    exact = float(done.stdout.split("from update")[1].split("%")[0].split(", ")[1])
    assert exact >= 30
