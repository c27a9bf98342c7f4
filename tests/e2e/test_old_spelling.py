"""What was stored while the family ``coloring`` was called ``colouring`` is used as if it had the new name.

The store and the run under ``fixtures/colouring`` were written before the renaming; the run stopped after 2 of its 4
updates, and ``best`` holds what 4 gave.
"""

import io
import shutil
from pathlib import Path

import pytest
import torch
from rich.console import Console

import hrm
from hrm import puzzles
from hrm.checkpoint import load_checkpoint
from hrm.config import from_toml
from hrm.data.build import generate_store
from hrm.data.store import open_store

OLD = Path(__file__).resolve().parents[1] / "fixtures" / "colouring"
COUNTS = {"train": 6, "validation": 3}


@pytest.mark.parametrize("name", ["colouring-6x3", "coloring-6x3"])
def test_an_old_store_is_valid_and_its_digest_is_that_of_a_new_one(tmp_path, name):
    old = open_store(OLD / "store", puzzle=puzzles.get(name))
    assert old.manifest.puzzle == "colouring-6x3" and old.puzzle.spec.name == "coloring-6x3"
    new = generate_store(tmp_path / "new", puzzles.get(name), COUNTS, 1, "now")
    assert new.manifest.puzzle == "coloring-6x3" and new.digest == old.digest
    assert open_store(tmp_path / "new").digest == old.digest


def test_an_old_model_solves_and_is_told_apart_by_family_not_by_spelling(hrm, tmp_path):
    store = open_store(OLD / "store")
    puzzle = store.puzzle.text(store.splits["train"].inputs[0])
    model = shutil.copytree(OLD / "run", tmp_path / "run")
    for name in ("colouring-6x3", "coloring-6x3"):
        solved = hrm("solve", model, puzzle, "--puzzle", name, "--json")
        assert solved.code in (0, 5) and '"answer"' in solved.out, solved.err
    refused = hrm("solve", model, puzzle, "--puzzle", "coloring-7x3")
    assert refused.code == 2 and "leave --puzzle out" in refused.err
    measured = hrm("eval", model, "--data", OLD / "store", "--split", "train", "--json")
    assert measured.code == 0 and measured.json["examples"] == 6, measured.err


def test_an_old_run_resumes_to_the_weights_that_it_reached(tmp_path):
    folder = shutil.copytree(OLD / "run", tmp_path / "run")
    shutil.rmtree(folder / "best")
    config = from_toml((folder / "config.toml").read_text(), "config.toml")
    assert config.recipe == "colouring" and config.data.puzzle == "colouring-6x3"
    told = io.StringIO()
    outcome = hrm.Trainer(config, folder, tmp_path / "cache", console=Console(file=told)).fit()
    assert outcome.updates == 4 and "update 3/4" in told.getvalue() and "update 1/4" not in told.getvalue()
    now, then = (load_checkpoint(place / "best").weights for place in (folder, OLD / "run"))
    for name, tensor in then.items():
        torch.testing.assert_close(now[name], tensor, rtol=1e-5, atol=1e-6)
