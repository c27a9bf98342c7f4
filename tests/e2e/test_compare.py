"""Every variant trains and is measured through the command line."""

import pytest

from hrm.recipes.variants import VARIANTS

TINY = {
    "data.train": 20, "data.validation": 4, "data.test": 8, "train.updates": 2, "train.batch-size": 4,
    "eval.batch-size": 4, "model.width": 16, "model.puzzle-width": 16, "model.expansion": 1, "optim.ema": 0,
    "optim.warmup-updates": 0, "optim.lr": 0.05,
}  # fmt: skip
WEIGHTS = "model.safetensors"


@pytest.mark.timeout(240)  # fifteen trainings
def test_every_variant_trains_and_is_measured(hrm, workplace):
    flags = [text for key, value in TINY.items() for text in (f"--{key}", value)]
    names = [*VARIANTS, "direct-3:direct:model.layers=3"]
    done = hrm(
        "compare", "smoke", *flags, "--variants", ",".join(names), "--seeds", 1, "--out", "all", "--json", timeout=220
    )
    assert done.code == 0, done.err
    found = {line["variant"]: line for line in done.json["variants"]}
    assert list(found) == [*VARIANTS, "direct-3"]
    for name, line in found.items():
        stages = line["runs"][0]["stages"]
        assert [stage["update"] for stage in stages] == [0, 1, 2]
        assert all(len(stage["per_segment"]) == line["segments"] for stage in stages), name
        before, after = (workplace / "all" / f"{name}-seed0" / stage / WEIGHTS for stage in ("untrained", "best"))
        assert before.read_bytes() != after.read_bytes(), name
    assert found["direct-3"]["blocks_per_segment"] == 3 and found["base"]["segments"] == 4
    assert (workplace / "all" / "compare.png").stat().st_size > 0
    refused = hrm("compare", "best-sudoku", "--variants", "flat", "--data.path", "none.csv")
    assert refused.code == 2 and "kind 'equivariant'" in refused.err
