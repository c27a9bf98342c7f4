"""What an update takes at best: every operation is counted, and the published table is what the command prints."""

import re
from pathlib import Path

import pytest

from hrm import recipes
from hrm.errors import UsageError
from hrm.inference.weights import load_model
from hrm.model.flops import update_flops
from hrm.model.roofline import ACCELERATORS, predict, several
from hrm.workflows.params import count, update_on

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
H200 = ACCELERATORS["h200"]
MODEL = Path(__file__).parents[1] / "fixtures" / "checkpoints" / "format-1" / "direct"
WIDER = {"model.width": 128, "model.message": 32, "model.inner": 256}


@pytest.mark.parametrize("name", recipes.names())
def test_the_operations_are_those_that_are_counted_elsewhere(name):
    network = recipes.get(name).model
    assert predict(network, 6, H200).flops == 6 * update_flops(network).executed


def test_each_of_several_takes_the_time_of_its_share_and_the_exchange_comes_on_top():
    network = recipes.get("hrm-sudoku").model
    one, eight = predict(network, 96, H200), predict(network, 768, H200, count=8)
    assert eight.seconds - eight.exchanging_s == one.seconds and one.exchanging_s == 0
    assert eight.exchanging_s == pytest.approx(2 * 7 / 8 * 4 * network.parameters[0] / 450e9)
    assert eight.segments_per_s == pytest.approx(8 * 96 / eight.seconds)


def test_fp32_is_slower_and_a_faster_memory_is_faster():
    network = recipes.get("trm-sudoku").model
    times = [predict(network, 768, ACCELERATORS[name]).seconds for name in ("h200", "h100", "a100")]
    assert times == sorted(times) and predict(network, 768, H200, precision="fp32").seconds > 1.5 * times[0]


def test_accelerators_are_named():
    assert several("h100") == (1, "h100") and several("8xH100") == (8, "h100")
    for text in ("8", "8x", "xh100", "0xh100", "-1xh100", "9" * 5000 + "xh100", "h10", "8xh100x"):
        with pytest.raises(UsageError, match="unknown accelerator .* Known: a100, h100, h200"):
            several(text)
    with pytest.raises(UsageError, match="768 slots cannot be shared by 7"):
        update_on(recipes.get("hrm-sudoku"), "7xh100")
    with pytest.raises(UsageError, match="with a recipe, not with a model"):
        count(str(MODEL), {"model.width": 2})


ROWS = re.findall(r"^\| `hrm params ([\w-]+)((?: --[\w.-]+ \S+)*)` \| ([\d,]+) \| (.*) \|$", PAGE, re.M)


@pytest.mark.parametrize("name, flags, slots, cells", ROWS, ids=[row[0] for row in ROWS])
def test_the_table_on_the_page_is_what_the_command_prints(name, flags, slots, cells):
    config = recipes.resolve(changes=[name, *flags.split()]).config
    assert config.train.batch_size == int(slots.replace(",", ""))
    for on, cell in zip(("a100", "h100", "h200", "8xh100"), cells.split(" | "), strict=True):
        number, kind = several(on)
        muon = config.optim.kind == "muon"
        best = predict(config.model, config.train.batch_size, ACCELERATORS[kind], count=number, muon=muon)
        assert cell == (f"{1e3 * best.seconds:.3g} ms" if best.seconds < 1 else f"{best.seconds:.3g} s"), on


def test_this_machine_is_measured():
    update = count(str(MODEL), on="here")["update"]
    assert update["on"].startswith("this machine") and 0 < update["at_best_s"] == pytest.approx(
        sum(update["parts_s"].values())
    )


def test_the_page_has_rows_and_its_measurements_are_above_the_bound():
    assert len(ROWS) >= 4
    network = recipes.get("best-sudoku", WIDER).model
    maze = load_model("maze-30x30", device="cpu")[1].model
    for model, slots, seconds in ((network, 256, 0.0210), (network, 512, 0.0357), (maze, 64, 0.0290)):
        assert 1.7 < seconds / predict(model, slots, H200, muon=True).seconds < 2.8
