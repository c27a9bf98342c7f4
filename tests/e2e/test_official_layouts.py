"""Data sets in the layout of the official code, from their folder to a trained model, as a user meets them."""

import json

import numpy as np
import pytest

from hrm import puzzles
from hrm.data.store import Split, write_store

TINY = ["--train.updates", 1, "--train.batch-size", 2, "--model.puzzle-width", 16, "--train.device", "cpu"]


def store(folder, *ids):
    """Write a store whose splits have these puzzle ids."""
    family = puzzles.get("sudoku-4x4")
    inputs, labels = (
        np.stack(column) for column in zip(*(family.generate(0, n) for n in range(len(ids))), strict=True)
    )
    rows = Split(inputs, labels, np.array(ids, np.int32), np.full(len(ids), np.nan, np.float32))
    return write_store(folder, family, {"train": rows, "test": rows}, {}, "now")


@pytest.fixture(scope="module")
def imported(hrm, workplace):
    store(workplace / "ids-of-puzzles", 0, 3, 3, 1)
    assert hrm("data", "export", "ids-of-puzzles", "--out", "layout").code == 0
    for name in ("train", "test"):
        file = workplace / "layout" / name / "dataset.json"
        said = json.loads(file.read_text())
        assert said["total_puzzles"] == said["total_groups"] == 3
        file.write_text(json.dumps(said | {"builder": "another"}))
    (workplace / "layout" / "identifiers.json").write_text('["<blank>", "easy", "middle", "hard"]')
    result = hrm("data", "import", "layout", "--out", "layout-imported", "--puzzle", "sudoku-4x4")
    assert result.code == 0, result.err
    return "layout-imported"


def test_names_survive(hrm, workplace, imported):
    assert hrm("data", "export", imported, "--out", "layout-again").code == 0
    assert json.loads((workplace / "layout-again" / "identifiers.json").read_text()) == [
        "<blank>",
        "easy",
        "middle",
        "hard",
    ]
    for file in (workplace / "layout").rglob("*.npy"):
        again = workplace / "layout-again" / file.relative_to(workplace / "layout")
        assert again.read_bytes() == file.read_bytes()


def test_training_takes_a_row_for_each_puzzle_id(hrm, workplace, imported):
    result = hrm("train", "smoke", "--data.path", imported, "--out", "ids-rows", *TINY)
    assert result.code == 0, result.err
    assert "puzzles = 4" in (workplace / "ids-rows" / "config.toml").read_text()
    assert hrm("eval", "ids-rows", "--data", imported, "--segments", 1).code == 0
    refused = hrm("train", "smoke", "--data.path", imported, "--out", "ids-few", *TINY, "--model.puzzles", 2)
    assert refused.code == 2 and "need 4: give --model.puzzles 4" in refused.err


@pytest.mark.parametrize("command", [
    ["eval", "ids-2", "--segments", 1], ["analyze", "ids-2", "--what", "halting"],
    ["report", "ids-2", "--analyses", "none", "--out", "ids.html"],
])  # fmt: skip
def test_ids_beyond_the_table_are_refused_in_one_line(hrm, workplace, imported, command):
    if not (workplace / "ids-2").exists():
        store(workplace / "two-ids", 0, 1)
        assert hrm("train", "smoke", "--data.path", "two-ids", "--out", "ids-2", *TINY).code == 0
    refused = hrm(*command, "--data", imported)
    *before, last = refused.err.strip().splitlines()
    assert refused.code == 4 and all(line.startswith("model: ") for line in before), refused.err
    assert "the data has puzzle id 3; the model has 2 puzzle rows" in last
