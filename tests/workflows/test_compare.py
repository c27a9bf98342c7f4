"""Networks side by side: the same budget, every stage kept, nothing done twice."""

import json
import shutil
from io import StringIO

import pytest
from rich.console import Console

from hrm import recipes
from hrm.errors import UsageError
from hrm.model.flops import training_flops
from hrm.recipes.ablations import ABLATIONS, ablation
from hrm.workflows import compare as study

SMALL = {
    "data": {"train": 40, "validation": 10, "test": 20},
    "model": {"width": 16, "heads": 2, "puzzle_width": 16},
    "train": {"updates": 6, "batch_size": 8, "precision": "fp32"},
    "eval": {"every": 6, "segments": 2},
}
TWO = {"base": "base", "full-gradient": "full-gradient"}
CONFIG = recipes.get("smoke", SMALL)


def run(folder, ablations, equal="updates", seeds=(0, 1), **more):
    return study.compare(
        {name: ablation(CONFIG, text)[1] for name, text in ablations.items()}, seeds, folder, equal=equal,
        cache_dir=folder / "cache", now="now", **{"console": Console(quiet=True), **more},
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    return folder, run(folder, TWO, equal="flops")


def test_every_stage_of_every_seed_is_measured_and_an_untrained_network_is_that_of_its_seed(done):
    folder, found = done
    for line in found["variants"]:
        assert [each["seed"] for each in line["runs"]] == [0, 1]
        half, last = line["updates"] // 2, line["updates"]
        for each in line["runs"]:
            stages = [(stage["stage"], stage["update"]) for stage in each["stages"]]
            assert stages == [("untrained", 0), ("half", half), ("trained", last)]
    base, full = ([[stage["cell"] for stage in each["stages"]] for each in line["runs"]] for line in found["variants"])
    assert base[0] != base[1] and len(set(base[0])) > 1
    assert base[0][0] == full[0][0] and base[0][-1] != full[0][-1]  # the same weights, trained otherwise
    assert json.loads((folder / study.RESULT).read_text()) == found and (folder / study.FIGURE).exists()
    assert found["test"]["puzzles"] == 20


def test_equal_operations_give_a_dear_ablation_fewer_updates(done):
    base, full = done[1]["variants"]
    assert full["updates"] < base["updates"] == CONFIG.train.updates
    one = training_flops(ablation(CONFIG, "full-gradient")[1].model, 1) * CONFIG.train.batch_size / 1e15
    assert abs(full["pflop"] - base["pflop"]) <= one / 2
    assert full["parameters"] == base["parameters"]


def test_a_second_call_trains_nothing_and_a_stage_that_was_lost_is_measured_again(done, monkeypatch):
    folder, first = done
    (folder / "base-seed0" / "half.json").unlink()
    monkeypatch.setattr(study.Trainer, "train_segment", None)
    assert run(folder, TWO, equal="flops")["variants"] == first["variants"]


def test_the_interval_over_seeds_is_student_s():
    runs = [{"stages": [{"stage": "half", "exact": value, "valid": None}]} for value in (0.2, 0.4, 0.6)]
    found = study._summary(runs, "half")
    assert found["exact"]["mean"] == pytest.approx(0.4)
    assert found["exact"]["ci95"] == [0.0, pytest.approx(0.4 + 4.303 * 0.2 / 3**0.5, abs=1e-3)]
    assert "valid" not in found and study._summary(runs[:1], "half")["exact"]["ci95"] is None


@pytest.mark.parametrize(
    ("text", "said"),
    [("bas", "base"), ("mine:model.widht=3", "model.width"), ("mine:model.width", "SECTION.KEY=VALUE"),
     ("mine:model.width=-1", "greater than 0")],
)  # fmt: skip
def test_an_ablation_that_cannot_be_is_refused(text, said):
    with pytest.raises(UsageError, match=said):
        ablation(CONFIG, text)


def test_what_cannot_be_compared_is_refused(tmp_path):
    with pytest.raises(UsageError, match="equal flops"):
        run(tmp_path, {"base": "base", "long": "long:train.updates=12"})
    with pytest.raises(UsageError, match="different numbers"):
        run(tmp_path, {"base": "base"}, seeds=(1, 1))
    untested = CONFIG.model_copy(update={"data": CONFIG.data.model_copy(update={"test": 0})})
    with pytest.raises(UsageError, match="nothing to evaluate on"):
        study.compare(
            {"base": CONFIG, "untested": untested}, [0], tmp_path / "b", cache_dir=tmp_path, now="now",
            console=Console(quiet=True),
        )  # fmt: skip
    assert not (tmp_path / "b").exists()  # before the first ablation was trained


def test_every_ablation_names_what_it_is():
    for change in ABLATIONS.values():
        assert change.__doc__ and change(CONFIG).recipe == CONFIG.recipe


def test_a_first_run_does_not_speak_of_resuming_and_one_after_an_interruption_does(tmp_path):
    said = StringIO()
    run(tmp_path, {"base": "base"}, seeds=[0], console=Console(file=said))
    assert "base, seed 0" in said.getvalue() and "resuming" not in said.getvalue()
    for stage in ("trained", "half"):  # as if it had been stopped in the second half
        (tmp_path / "base-seed0" / f"{stage}.json").unlink()
    for checkpoint in (tmp_path / "base-seed0" / "checkpoints").iterdir():
        if checkpoint.name != "update-000003":
            shutil.rmtree(checkpoint)
    run(tmp_path, {"base": "base"}, seeds=[0], console=Console(file=said))
    assert "resuming" in said.getvalue() and "at update 3" in said.getvalue()
