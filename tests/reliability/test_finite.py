"""A number that is not finite stops the run, is named with the puzzles of its update, and is never saved."""

import json
import re
from io import StringIO

import numpy as np
import pytest
import safetensors.torch
import torch
from rich.console import Console

from hrm import recipes
from hrm.checkpoint import load_checkpoint, save_checkpoint
from hrm.errors import DivergedError, UsageError
from hrm.train.finite import REPORT, gradient_norm, non_finite
from hrm.train.guard import LOOK_EVERY, LossGuard
from hrm.train.slots import Slots
from hrm.train.trainer import Trainer

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


@pytest.mark.usefixtures("no_shape_checks")
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


@pytest.mark.usefixtures("no_shape_checks")
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


def test_a_loss_that_is_not_finite_is_found_however_seldom_lines_are_written(tmp_path):
    """While its update is still noted, so that the report names that one."""
    seldom = dict.fromkeys(("train.log_every", "train.checkpoint_every", "eval.every"), 1000)
    run = begun(tmp_path / "run", tiny(**seldom, **{"train.updates": 100}))
    of_loss(run, 11, NAN)
    report = stops(run)
    assert report["update"] == 11 and report["found_at_update"] <= 11 + LOOK_EVERY


def test_a_run_that_went_on_says_since_when_it_was_finite(tmp_path):
    begun(tmp_path / "run", tiny()).fit(until=8)
    run = begun(tmp_path / "run", tiny())
    at(9, lambda: put(run.average.get_parameter(LINEAR), NAN), run)
    assert stops(run)["last_finite_update"] == 8


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


def changes(guard, losses):
    """Return the updates at which a guard finds that the loss has risen, or fallen again."""
    return [number for number, loss in enumerate(losses, start=guard.usual_until + 1) if guard.look(number, loss)]


def test_a_loss_has_risen_until_it_falls_again():
    calm = [1.0, 0.5, 0.4, 0.5, 0.6]
    assert changes(LossGuard(), [*calm, 2.4, 0.5]) == []
    assert changes(LossGuard(), [1.0, 1.0, 1.0, 1.0, 9.0]) == []  # too few to know
    assert changes(LossGuard(), [*calm, 2.6, *[9.0] * 100, 2.6, 2.4, 0.5, 9.0]) == [6, 108, 110]
    guard = LossGuard()
    assert changes(guard, [*calm, NAN, INF, 9.0]) == [8] and guard.risen and guard.usual_until == 5
    again = LossGuard()
    again.load(json.loads(json.dumps(guard.state())))
    assert again.state() == guard.state() and not again.look(9, 9.0) and again.look(10, 0.5) and not again.risen


def rising(folder, until=UPDATES, exact=0.1, falls=UPDATES, console=None, **more):
    """Return a run whose loss is 20 times as high after update 18, and again what it was after another one."""
    run = begun(folder, tiny(**more), console)
    segment, evaluate = run.train_segment, run._learner.evaluate

    def train_segment():
        sums = segment()
        return sums | {"loss": sums["loss"] * (20 if 18 < run.update <= falls else 1)}

    def evaluated(*given):
        return evaluate(*given) | {"exact": exact if run.update > 18 else 0.9}

    run.train_segment, run._learner.evaluate = train_segment, evaluated
    run.fit(until=until)
    return run


@pytest.mark.usefixtures("no_shape_checks")
@pytest.mark.parametrize("exact", [0.1, 0.9])
def test_a_run_whose_loss_rises_goes_on_and_keeps_what_was_good(tmp_path, exact):
    """Also where the weights after the rise are as good as those before, and where the run is stopped and goes on."""
    console = Console(file=StringIO(), width=1000)
    rising(tmp_path / "run", exact=exact, console=console)
    (line,) = [line for line in console.file.getvalue().splitlines() if line.startswith("warning")]
    assert line.startswith("warning: update 20: the loss is ") and "The best weights so far are kept" in line
    good = tmp_path / "run" / "checkpoints" / "update-000014"
    assert f"begin with --init {good}, which is kept, another --out and a lower --optim.lr" in line
    assert load_checkpoint(tmp_path / "run" / "best").meta["update"] == 15
    assert sorted(path.name[-2:] for path in good.parent.iterdir()) == ["14", "21", "24"]
    for until in (19, 20, 22, 23, UPDATES):
        rising(tmp_path / "stopped", until, exact)
    assert differing(left(tmp_path / "run"), left(tmp_path / "stopped")) == []
    assert (tmp_path / "stopped" / "checkpoints" / "update-000014").is_dir()


@pytest.mark.usefixtures("no_shape_checks")
def test_a_loss_that_falls_again_leaves_nothing_behind(tmp_path):
    console = Console(file=StringIO(), width=1000)
    run = rising(tmp_path / "run", exact=0.9, falls=21, console=console)
    assert "update 24: the loss has fallen again" in console.file.getvalue()
    assert run.fit().best["update"] == 24
    assert sorted(path.name[-2:] for path in (tmp_path / "run" / "checkpoints").iterdir()) == ["21", "24"]


@pytest.mark.usefixtures("no_shape_checks")
def test_without_validation_the_newest_weights_are_the_best_until_the_loss_rises(tmp_path):
    assert rising(tmp_path / "run", **{"data.validation": 0}).fit().best["update"] == 15


def higher_rate(run):
    run._learner._optimizers._peaks = [100 * peak for peak in run._learner._optimizers._peaks]


def shuffled_labels(run):
    sampler = run._bank._sampler
    sampler._labels = np.random.default_rng(0).permuted(sampler._labels, axis=1)


@pytest.mark.usefixtures("no_shape_checks")
@pytest.mark.parametrize("spoil", [higher_rate, shuffled_labels])
def test_a_run_that_diverges_is_told_within_50_updates(tmp_path, spoil):
    """A trained network goes on, and from update 100 at 100 times its rate, or on wrong answers."""
    wanted = {
        "data.train": 300, "data.validation": 20, "data.test": 0, "train.batch_size": 8, "train.updates": 150,
        "train.log_every": 1000, "train.checkpoint_every": 30, "eval.every": 30, "eval.segments": 2,
        "optim.lr": 1e-4, "optim.warmup_updates": 0, "optim.min_lr_ratio": 1.0,
    }  # fmt: skip
    console = Console(file=StringIO(), width=1000)
    config = recipes.get("sudoku-4x4", wanted)
    run = Trainer(config, tmp_path / "run", tmp_path, console=console, announce=False, init="sudoku-4x4")
    at(100, lambda: spoil(run), run)
    segment, losses = run.train_segment, []

    def train_segment():
        sums = segment()
        losses.append(float(sums["loss"]) / 8)
        return sums

    run.train_segment = train_segment
    outcome = run.fit()
    (line,) = [line for line in console.file.getvalue().splitlines() if line.startswith("warning")]
    usual = float(re.findall(r"usual \((.*?)\)", line)[0])
    rose = next(number for number, loss in enumerate(losses, start=1) if number > 100 and loss > 5 * usual)
    told = int(re.findall(r"update (\d+)", line)[0])
    print(f"{spoil.__name__}: rose at update {rose}, told at {told}")
    assert 100 < rose <= told <= rose + 50
    assert outcome.best["update"] in (30, 60, 90) and outcome.best["exact"] > 0.5
    assert (tmp_path / "run" / "checkpoints" / "update-000090").is_dir()
