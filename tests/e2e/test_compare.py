"""Every ablation trains and is measured through the command line."""

from pathlib import Path

import pytest

from hrm.recipes.ablations import ABLATIONS

TINY = {
    "data.train": 20, "data.validation": 4, "data.test": 8, "train.updates": 2, "train.batch-size": 4,
    "eval.batch-size": 4, "model.width": 16, "model.puzzle-width": 16, "model.expansion": 1, "optim.ema": 0,
    "optim.warmup-updates": 0, "optim.lr": 0.05,
}  # fmt: skip
NAMES = [*ABLATIONS, "direct-3:direct:model.layers=3"]
WEIGHTS = "model.safetensors"
PUZZLES = Path(__file__).resolve().parents[2] / "examples" / "sudoku-9x9.csv"


def compare(hrm, names, folder):
    """Train the networks of these names, each in a folder of ``folder``."""
    flags = [text for key, value in TINY.items() for text in (f"--{key}", value)]
    words = ["--variants", ",".join(names), "--seeds", 1, "--out", folder, "--json"]
    compared = hrm("compare", "smoke", *flags, *words, timeout=220)
    assert compared.code == 0, compared.err
    return compared


@pytest.mark.timeout(240)
@pytest.mark.slow
def test_every_ablation_trains_and_is_measured(hrm, workplace):
    compared = compare(hrm, NAMES, "all")
    found = {line["variant"]: line for line in compared.json["variants"]}
    assert list(found) == [*ABLATIONS, "direct-3"]
    for name, line in found.items():
        stages = line["runs"][0]["stages"]
        assert [stage["update"] for stage in stages] == [0, 1, 2]
        assert all(len(stage["per_segment"]) == line["segments"] for stage in stages), name
        before, after = (workplace / "all" / f"{name}-seed0" / stage / WEIGHTS for stage in ("untrained", "best"))
        assert before.read_bytes() != after.read_bytes(), name
    assert found["direct-3"]["blocks_per_segment"] == 3 and found["base"]["segments"] == 4
    assert (workplace / "all" / "compare.png").stat().st_size > 0
    refused = hrm("compare", "best-sudoku", "--variants", "direct", "--data.path", PUZZLES)
    assert refused.code == 2 and "kind 'equivariant'" in refused.err


@pytest.mark.timeout(240)
def test_networks_of_every_kind_are_looked_into_side_by_side(hrm, workplace):
    names = ["base", "recurrent", "deep"]
    compare(hrm, names, "kinds")
    models = [f"kinds/{name}-seed0" for name in names]
    result = hrm("analyze", *models, "--what", "residuals", "--puzzles", 2, "--segments", 2, "--out", "three", "--json")
    assert result.code == 0, result.err
    entries = result.json["models"]
    assert [entry["segments"] for entry in entries] == [2, 2, 1] and len({entry["puzzles"] for entry in entries}) == 1
    base, recurrent, deep = (entry["numbers"] for entry in entries)
    assert len(base["z_L"]["absolute"]) == 8 and recurrent["z_L"] is None and deep["unit"] == "block"
    assert [len(net["z_H"]["absolute"]) for net in (base, recurrent, deep)] == [4, 6, 6]
    assert (workplace / "three" / "residuals-base-seed0-recurrent-seed0-deep-seed0.png").stat().st_size > 10_000
    refused = hrm("analyze", *models, "--what", "fixed-points", "--puzzles", 2, "--segments", 4)
    assert refused.code == 2 and "kinds/deep-seed0: a Transformer of kind 'direct' answers in one pass" in refused.err
