"""A number that is not finite stops the run, is named with the puzzles of its update, and is never saved."""

import json
from io import StringIO

import pytest
import safetensors.torch
import torch
from rich.console import Console

from hrm.checkpoint import load_checkpoint, save_checkpoint
from hrm.errors import DivergedError, UsageError
from hrm.train.finite import REPORT, gradient_norm, non_finite
from hrm.train.log import RunLog
from hrm.train.slots import Slots

from .runs import UPDATES, at, begun, differing, left, tiny

NAN, INF = float("nan"), float("inf")
LINEAR = "f_L.blocks.0.mlp.down.weight"
TABLE = "f_I.puzzle_embedding.weight"

pytestmark = pytest.mark.usefixtures("no_figures")


def put(tensor, value):
    with torch.no_grad():
        tensor.view(-1)[0] = value


def moment(run, name, value):
    weights = dict(run.model.named_parameters())
    for optimizer in run._learner._optimizers._optimizers:
        if weights[LINEAR] in optimizer.state:
            put(optimizer.state[weights[LINEAR]][name], value)


def latent(run, which, value):
    put(getattr(run.slots.latents, which), value)
    run._bank.slots = Slots(**{**vars(run.slots), "halted": torch.zeros_like(run.slots.halted)})


def of_gradient(run, update, value):
    weight = run.model.get_parameter(LINEAR)
    weight.register_hook(lambda grad: torch.full_like(grad, value) if run.update == update - 1 else grad)


def of_loss(run, update, value):
    bias = run.model.q_head.bias
    original = run.model.segment

    def segment(*arguments):
        made = original(*arguments)
        if run.update == update - 1:
            made.logits.data[0, 0, 0] = value
        return made

    assert bias is not None
    run.model.segment = segment


BETWEEN = {
    "an average": lambda run: put(run.average.get_parameter(LINEAR), NAN),
    "an average of the puzzle table": lambda run: put(run.average.get_parameter(TABLE), INF),
    "a weight": lambda run: put(run.model.get_parameter(LINEAR), -INF),
    "the puzzle table": lambda run: put(run.model.get_parameter(TABLE), NAN),
    "a first moment": lambda run: moment(run, "m", NAN),
    "a second moment": lambda run: moment(run, "v", INF),
    "z_H in flight": lambda run: latent(run, "z_H", NAN),
    "z_L in flight": lambda run: latent(run, "z_L", INF),
}  # fmt: skip
AT_ONCE = {
    "a gradient of NaN": lambda run, update: of_gradient(run, update, NAN),
    "an infinite gradient": lambda run, update: of_gradient(run, update, INF),
    "a gradient whose square is infinite": lambda run, update: of_gradient(run, update, 1e25),
    "a loss of NaN": lambda run, update: of_loss(run, update, NAN),
    "an infinite loss": lambda run, update: of_loss(run, update, INF),
}


def stops(run):
    """Return the report of a run that must stop; nothing that is not finite may be on the disk."""
    with pytest.raises(
        DivergedError, match="training diverged .*nan_report.json names .* saved is from before"
    ) as error:
        run.fit()
    assert error.value.exit_code == 3 and "\n" not in str(error.value)
    for file in run.folder.rglob("*.safetensors"):
        for name, tensor in safetensors.torch.load_file(file).items():
            assert not tensor.is_floating_point() or tensor.isfinite().all(), (file, name)
    return json.loads((run.folder / REPORT).read_text())


@pytest.mark.parametrize("place", BETWEEN)
def test_a_number_that_breaks_between_two_updates(whole, tmp_path, place):
    """As by a fault of the memory; the update after it may spread it."""
    home, expected = whole
    folder = home / place.replace(" ", "-")
    run = begun(folder, tiny())
    at(11, lambda: BETWEEN[place](run), run)
    report = stops(run)
    assert report["found_at_update"] == 12 and report["last_finite_update"] in (9, 10) and report["tensors"]
    begun(folder, tiny()).fit()  # it does not happen again
    assert differing(expected, left(folder)) == []


@pytest.mark.parametrize("place", AT_ONCE)
@pytest.mark.parametrize("update", [11, pytest.param(UPDATES, marks=pytest.mark.slow)])
def test_a_loss_or_gradient_names_its_puzzles(whole, place, update):
    home, expected = whole
    folder = home / f"{place}-{update}".replace(" ", "-")
    run, shown = begun(folder, tiny()), {}
    original = run._watch.note

    def note(number, draws, *more):
        shown[number] = draws.tolist()
        original(number, draws, *more)

    run._watch.note = note
    AT_ONCE[place](run, update)
    report = stops(run)
    assert (report["update"], report["what"]) == (update, "loss" if "loss" in place else "gradient")
    assert report["draws"] == shown[update] and len(report["draws"]) == 8 and report["found_at_update"] - update <= 2
    assert report["rows"] == run._bank._sampler.rows(torch.tensor(report["draws"]).numpy()).tolist()
    begun(folder, tiny()).fit()
    assert differing(expected, left(folder)) == []


@pytest.mark.parametrize("changes", [
    {"train.q_weight": 1e25}, {"optim.lr": 1e30}, {"optim.lr": 1e30, "optim.kind": "adamw"}, {"optim.muon_lr": 1e30},
    {"optim.puzzle_lr": 1e30}, {"optim.lr": 1e30, "optim.ema": 0.0}, {"optim.weight_decay": 1e30},
], ids=str)  # fmt: skip
def test_settings_that_overflow(tmp_path, changes):
    kind = {"optim.kind": "muon"} if "optim.muon_lr" in changes else {}
    run = begun(tmp_path / "run", tiny(**changes | kind, **{"optim.warmup_updates": 0}))
    assert stops(run)["found_at_update"] <= 24


@pytest.mark.parametrize("name, value", [
    ("lr", 1e31), ("muon_lr", 1e31), ("puzzle_lr", 1e38), ("weight_decay", 1e300), ("puzzle_weight_decay", INF),
    ("lr", NAN), ("lr", -1.0), ("betas", (1.0, 0.9)), ("betas", (0.9, 1.5)), ("betas", (-0.1, 0.9)),
])  # fmt: skip
def test_settings_that_no_optimizer_can_take_are_refused(name, value):
    with pytest.raises(UsageError, match=f"optim.{name}"):
        tiny(**{f"optim.{name}": value})


def test_a_checkpoint_of_an_older_version_that_is_not_finite_is_not_gone_on_from(tmp_path):
    run = begun(tmp_path / "run", tiny())
    run.fit(until=8)
    newest = tmp_path / "run" / "checkpoints" / "update-000008"
    saved = load_checkpoint(newest, with_state=True)
    saved.weights[LINEAR][0, 0] = NAN
    save_checkpoint(newest, config=saved.config, weights=saved.weights, state=saved.state, meta=saved.meta)
    with pytest.raises(DivergedError, match=f"update-000008 holds NaN or infinity in '{LINEAR}'.*delete it to go on"):
        begun(tmp_path / "run", tiny()).fit()


def test_large_numbers_are_finite():
    tensors = {
        "large": torch.full((10,), 3e38), "half": torch.full((1000,), 60000.0, dtype=torch.float16),
        "wide": torch.full((3,), 3e38, dtype=torch.bfloat16), "none": torch.zeros(0, 3), "one": torch.tensor(1.0),
        "double": torch.full((2,), 1e300, dtype=torch.float64), "whole": torch.tensor([2**62]),
        "flag": torch.tensor([True]),
    }  # fmt: skip
    assert non_finite(tensors) == [] and non_finite({}) == []
    for value in (NAN, INF, -INF):
        bad = {name: t.clone() for name, t in tensors.items() if t.is_floating_point() and t.numel()}
        for tensor in bad.values():
            put(tensor, value)
        assert sorted(non_finite(bad)) == sorted(bad)


def test_the_norm_is_that_of_all_gradients():
    dense, table = torch.nn.Parameter(torch.zeros(3)), torch.nn.Parameter(torch.zeros(5, 2))
    dense.grad = torch.tensor([3.0, 0.0, 0.0])
    rows, values = torch.tensor([[1, 2]]), torch.tensor([[4.0, 0.0], [0.0, 0.0]])
    table.grad = torch.sparse_coo_tensor(rows, values, (5, 2), check_invariants=True)
    assert float(gradient_norm([dense, table, torch.nn.Parameter(torch.zeros(1))])) == 5.0


def logged(folder, losses, resumed=0):
    console = Console(file=StringIO(), width=200)
    log = RunLog(folder, 1000, resumed, resumed, console)
    for number, loss in enumerate(losses, start=resumed + 1):
        log.window(number, {"loss": loss, "exact_rate": 0.0, "segments_per_s": 1.0, "updates_per_s": 1.0})
    return [line for line in console.file.getvalue().splitlines() if line.startswith("warning")]


def test_a_loss_that_rises_is_told_once(tmp_path):
    calm = [1.0, 0.5, 0.4, 0.5, 0.6]
    assert logged(tmp_path, [*calm, 2.4, 0.5]) == []
    (tmp_path / "metrics.jsonl").unlink()
    (line,) = logged(tmp_path, [*calm, 2.6, 3.0, 4.0])
    assert line.startswith("warning: update 6: the loss is 2.6, more than 5 times its median over the last 5 lines")
    assert "best weights so far are kept" in line and "--optim.lr" in line
    assert len(logged(tmp_path, [0.5, 9.0, 9.0, 0.5, 9.0], resumed=5)) == 2  # a resumed run remembers
    assert logged(tmp_path, [1.0, 1.0, 1.0, 1.0, 9.0]) == []  # too few to know


def test_a_run_that_diverges_goes_on_and_keeps_its_best(tmp_path):
    console = Console(file=StringIO(), width=200)
    run = begun(tmp_path / "run", tiny(), console)
    segment, evaluate = run.train_segment, run._learner.evaluate

    def diverging():
        sums = segment()
        return sums | {"loss": sums["loss"] * (20 if run.update > 18 else 1)}

    def evaluated(*given):
        return evaluate(*given) | {"exact": 0.1 if run.update > 18 else 0.9}

    run.train_segment, run._learner.evaluate = diverging, evaluated
    assert run.fit().best["update"] == 15
    assert console.file.getvalue().count("warning: update 21: the loss is") == 1
    assert load_checkpoint(tmp_path / "run" / "best").meta["update"] == 15
