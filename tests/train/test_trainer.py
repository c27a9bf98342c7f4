"""Training resumes bitwise, stops politely, refuses NaN, and does not depend on global random state."""

import json
import os
import random
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from hrm import recipes
from hrm.checkpoint import load_checkpoint
from hrm.config import from_toml
from hrm.errors import DivergedError, HrmError, UsageError
from hrm.inference.load import load
from hrm.inference.origin import BEST
from hrm.model.config import EquivariantConfig
from hrm.recipes.ablations import ablation
from hrm.train.losses import IGNORED
from hrm.train.run_folder import CONFIG
from hrm.train.trainer import Interrupted, Trainer

UPDATES = 10
FAITHFUL_WITH_MUON = {"model": {"q_continue": True}, "halting": {"redraw": True}, "optim": {"kind": "muon"}}
SHALLOW_FIRST = {"train": {"shallow_updates": 5}}

EQUIVARIANT = {
    "kind": "equivariant", "vocab_size": 6, "cells": 16, "symbols": 4, "width": 16, "message": 8, "inner": 32,
}  # fmt: skip
REVEALED = {"reveal": 1.0, "reveal_end": 0.2, "reveal_draws": 30}

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def configured(**changes):
    tiny = {
        "model": {"width": 32, "heads": 2, "puzzle_width": 32},
        "data": {"train": 40, "validation": 10},
        "halting": {"max_segments": 3, "explore": 0.5},
        "train": {"updates": UPDATES, "batch_size": 8, "checkpoint_every": 100, "log_every": 2},
        "eval": {"every": 100, "segments": 2, "batch_size": 10},
    }
    return recipes.get("smoke", tiny).changed(changes)


def equivariant(precision="fp32", **changes):
    config = configured(train={"precision": precision}, data=REVEALED, optim={"kind": "muon"})
    return config.changed("model", EquivariantConfig(**EQUIVARIANT | changes))


def trainer(folder, cache, config=None, init=None):
    return Trainer(config or configured(), folder, cache, init, Console(quiet=True))


def eager(run: Trainer) -> Trainer:
    """Make the Q-head want to halt, so that exploration alone decides: a fresh one never halts by choice."""
    with torch.no_grad():
        for network in {run.model, run.average}:
            network.q_head.bias.copy_(torch.tensor([5.0, -5.0])[: len(network.q_head.bias)])
    return run


def everything(folder: Path) -> dict[str, torch.Tensor]:
    checkpoint = load_checkpoint(folder / "checkpoints" / f"update-{UPDATES:06d}", with_state=True)
    assert checkpoint.state is not None
    return {**{f"use/{name}": t for name, t in checkpoint.weights.items()}, **checkpoint.state}


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    "variant", [SHALLOW_FIRST, FAITHFUL_WITH_MUON, None], ids=["single-forward", "faithful-muon", "sets"]
)
def test_resume_is_bitwise_at_five_points(tmp_path, cache, precision, variant, request):
    if variant is None:
        config = equivariant(precision)
    else:
        config = configured(**variant).changed("train.precision", precision)
    eager(trainer(tmp_path / "whole", cache, config)).fit()
    whole = everything(tmp_path / "whole")
    partly_halted = 0
    for stop in (1, 3, 4, 6, 9):
        folder = tmp_path / f"stopped-{stop}"
        first = eager(trainer(folder, cache, config))
        first._open_folder()
        for _ in range(stop):
            first.train_segment()
        partly_halted += 0 < int(first.slots.halted.sum()) < config.train.batch_size
        first.save(folder / "checkpoints" / f"update-{stop:06d}", with_state=True)
        outcome = trainer(folder, cache, config).fit()
        request.getfixturevalue("no_shape_checks")  # which the other points would only repeat
        assert outcome.updates == UPDATES
        resumed = everything(folder)
        assert resumed.keys() == whole.keys()
        different = [name for name in whole if not torch.equal(whole[name], resumed[name])]
        assert not different, f"stopped at {stop}: {different}"
    assert partly_halted, "no point fell between segments of a bank in which only some slots had halted"


@pytest.mark.parametrize("name", ["direct", "flat"])
def test_networks_to_compare_with_resume_bitwise_too(tmp_path, cache, name):
    """A bank whose latents are of one state goes through a checkpoint, and the weights through ``hrm.load``."""
    config = ablation(configured(model={"q_continue": True}, optim={"kind": "muon"}), name)[1]
    whole = trainer(tmp_path / "whole", cache, config)
    whole.fit()
    paused = trainer(tmp_path / "paused", cache, config)
    paused.fit(until=5)
    trainer(tmp_path / "paused", cache, config).fit()
    found, again = everything(tmp_path / "whole"), everything(tmp_path / "paused")
    assert found.keys() == again.keys() and all(torch.equal(found[name], again[name]) for name in found)
    assert found["slots/z_L"].shape == (8, 0, 32) and found["slots/z_H"].numel()
    solver = load(tmp_path / "whole", "cpu")
    assert all(torch.equal(p, whole.average.get_parameter(n)) for n, p in solver.model.named_parameters())
    assert config.model.title in (tmp_path / "whole" / "README.md").read_text()


@pytest.mark.parametrize("adaptive", [True, False])
def test_without_halting_every_puzzle_takes_the_whole_budget(tmp_path, cache, adaptive):
    halting = {"adaptive": adaptive, "explore": 0.0}
    run = eager(trainer(tmp_path, cache, configured(model={"q_continue": True}, halting=halting)))
    halted = []
    for _ in range(3):
        run.train_segment()
        halted.append(int(run.slots.halted.sum()))
    assert halted == ([8, 8, 8] if adaptive else [0, 0, 8])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_that_goes_on_in_other_arithmetic_computes_in_that(tmp_path, cache, precision, monkeypatch):
    """As where ``precision`` is auto, and the machine another one."""
    config = configured(train={"precision": "auto"}, halting={"adaptive": False})
    dtypes = [torch.float32, torch.bfloat16]
    for dtype in dtypes if precision == "bf16" else dtypes[::-1]:
        monkeypatch.setattr("hrm.train.learner.choose_dtype", lambda name, device, dtype=dtype: dtype)
        run = trainer(tmp_path, cache, config)
        run.fit(until=1)
        assert run.slots.latents.z_H.dtype == run.slots.latents.z_L.dtype == dtype
        run.train_segment()
        assert run.slots.latents.z_H.dtype == dtype


def test_an_evaluation_leaves_the_network_as_it_was(tmp_path, cache):
    """One of your own may hold dropout."""
    run = trainer(tmp_path, cache, configured(optim={"ema": 0.0}, eval={"every": 2}))
    run.fit(until=4)
    assert run.average is run.model and run.model.training


def test_only_the_time_of_training_counts(tmp_path, cache):
    run = trainer(tmp_path, cache)
    run._window._began -= 1000  # made long ago
    run.fit()
    times = [json.loads(line).get("trained_s", 0) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert 0 < max(times) < 1000


def test_a_pause_changes_nothing(tmp_path, cache):
    config = configured()
    trainer(tmp_path / "whole", cache, config).fit()
    paused = trainer(tmp_path / "paused", cache, config)
    assert paused.fit(until=3).updates == 3 and paused.fit(until=2).updates == 3
    assert paused.fit().updates == UPDATES
    whole, again = everything(tmp_path / "whole"), everything(tmp_path / "paused")
    assert whole.keys() == again.keys() and all(torch.equal(whole[name], again[name]) for name in whole)


def test_the_command_again_goes_on_and_the_metrics_have_no_gap(tmp_path, cache):
    config = configured(train={"checkpoint_every": 4})
    run = tmp_path / "run"
    first = trainer(run, cache, config)
    stop_at(first, 7, signal.SIGTERM)
    with pytest.raises(Interrupted) as stopped:
        first.fit()
    assert stopped.value.exit_code == 143
    assert (run / "checkpoints" / "update-000007").is_dir()
    trainer(run, cache, config).fit()
    updates = [json.loads(line)["update"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert updates == [2, 4, 6, 8, 10, 10]  # windows, and the evaluation at the end
    for name in ("metrics.csv", "config.toml", "README.md", "best/model.safetensors"):
        assert (run / name).stat().st_size > 0
    assert trainer(run, cache, config).fit().updates == UPDATES  # a finished run is left as it is


def stop_at(run: Trainer, update: int, number: signal.Signals) -> None:
    original = run.train_segment

    def train_segment():
        result = original()
        if run.update == update:
            os.kill(os.getpid(), number)
        return result

    run.train_segment = train_segment


def test_a_signal_during_an_evaluation_still_saves_before_it_says_so(tmp_path, cache):
    run = trainer(tmp_path, cache, configured(eval={"every": 4}))
    original = run._validate

    def interrupted(log, signals):
        original(log, signals)
        os.kill(os.getpid(), signal.SIGTERM)

    run._validate = interrupted
    with pytest.raises(Interrupted, match="stopped at update 4; everything is saved"):
        run.fit()
    assert load_checkpoint(tmp_path / "checkpoints" / "update-000004", with_state=True).meta["update"] == 4


def test_shallow_updates_run_one_cycle_and_evaluations_run_all(tmp_path, cache):
    shallow = trainer(tmp_path / "a", cache, configured(train={"shallow_updates": 2}))
    single = trainer(tmp_path / "b", cache, configured(model={"cycles": 1}))
    losses = [[float(run.train_segment()["loss"]) for _ in range(3)] for run in (shallow, single)]
    assert losses[0][:2] == losses[1][:2] and losses[0][2] != losses[1][2]

    changes = {"train": {"updates": 3, "shallow_updates": 2}, "eval": {"every": 1}, "optim": {"ema": 0.0}}
    run, cycles = trainer(tmp_path / "c", cache, configured(**changes)), []
    original = run.model.segment

    def segment(latents, x, cycles_told=None):
        cycles.append(cycles_told)
        return original(latents, x, cycles_told)

    run.model.segment = segment
    run.fit()
    assert cycles == [1, None, None] * 2 + [None, None, None]


def test_the_order_ignores_global_random_state(tmp_path, cache):
    losses = []
    for seed in (0, 1):
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        run = trainer(tmp_path / str(seed), cache)
        losses.append([float(run.train_segment()["loss"]) for _ in range(4)])
    assert losses[0] == losses[1]


def test_nothing_drawn_is_thrown_away(tmp_path, cache):
    run = trainer(tmp_path, cache)
    held = []
    for _ in range(8):
        run.train_segment()
        held += run.slots.draws.tolist()
    assert set(held) == set(range(max(held) + 1))


def test_nan_stops_the_run_and_never_reaches_a_checkpoint(tmp_path, cache):
    config = configured(train={"checkpoint_every": 4})
    run = trainer(tmp_path, cache, config)
    original = run.train_segment

    def poisoned():
        if run.update == 5:
            with torch.no_grad():
                run.model.f_O.output_head.weight[0, 0] = float("nan")
        return original()

    run.train_segment = poisoned
    with pytest.raises(DivergedError, match="diverged") as error:
        run.fit()
    assert error.value.exit_code == 3
    saved = sorted(p.name for p in (tmp_path / "checkpoints").iterdir())
    assert saved == ["update-000004"]
    for tensor in load_checkpoint(tmp_path / "checkpoints" / saved[0], with_state=True).weights.values():
        assert torch.isfinite(tensor).all()


def test_a_damaged_newest_checkpoint_is_passed_over(tmp_path, cache):
    config = configured(train={"checkpoint_every": 5})
    trainer(tmp_path, cache, config).fit()
    file = tmp_path / "checkpoints" / "update-000010" / "state.safetensors"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    assert trainer(tmp_path, cache, config).fit().updates == UPDATES


def test_another_configuration_in_the_same_folder_is_refused(tmp_path, cache):
    trainer(tmp_path, cache).fit()
    with pytest.raises(UsageError, match="another configuration"):
        trainer(tmp_path, cache, configured(optim={"lr": 0.5})).fit()


def test_unwritable_folder(tmp_path, cache):
    (tmp_path / "file").write_text("")
    with pytest.raises(HrmError, match="cannot write"):
        trainer(tmp_path / "file" / "run", cache).fit()


def test_init_starts_from_the_weights_of_a_model(tmp_path, cache):
    trainer(tmp_path / "one", cache).fit()
    two = trainer(tmp_path / "two", cache, configured(train={"seed": 5}), init=str(tmp_path / "one"))
    two._open_folder()
    used = load_checkpoint(tmp_path / "one" / "best").weights
    assert all(torch.equal(tensor, used[name]) for name, tensor in two.model.state_dict().items())


def test_a_model_says_which_weights_it_started_from(tmp_path, cache):
    """Also when it was stopped in between: without them its configuration does not repeat it."""
    config = configured(train={"updates": 4})
    run = tmp_path / "run"
    trainer(tmp_path / "one", cache, config).fit()
    trainer(run, cache, config, init=str(tmp_path / "one")).fit(until=2)
    trainer(run, cache, config).fit()
    start = {"name": "one", "weights_sha256": load_checkpoint(tmp_path / "one" / "best").weights_sha256}
    for folder in (run / "best", run / "checkpoints" / "update-000004"):
        assert load_checkpoint(folder).meta["init"] == start
    card = (run / "README.md").read_text()
    assert f"- Started from the weights of one (sha256 {start['weights_sha256'][:16]})\n- Reached" in card
    assert (
        "config.toml`, with `--init` and that model, trains it again" in card
        and "Started" not in (tmp_path / "one" / "README.md").read_text()
    )


def test_it_trains_outside_the_main_thread(tmp_path, cache):
    thread = threading.Thread(target=lambda: trainer(tmp_path, cache).fit())
    thread.start()
    thread.join()
    assert (tmp_path / "best").is_dir()


def test_a_model_of_another_puzzle_is_refused(tmp_path, cache):
    with pytest.raises(UsageError, match="model.cells is 16; sudoku-6x6 needs 36"):
        trainer(tmp_path, cache, configured(data={"puzzle": "sudoku-6x6"}, model={"vocab_size": 8}))


def test_symbols_are_the_tokens_after_the_blank(tmp_path, cache):
    with pytest.raises(UsageError, match="model.symbols is 3; sudoku-4x4 has 4 tokens after the blank"):
        trainer(tmp_path, cache, equivariant(symbols=3))


def test_ema_is_what_is_saved_for_use(tmp_path, cache):
    run = trainer(tmp_path, cache)
    run._open_folder()
    for _ in range(3):
        run.train_segment()
    run.save(tmp_path / "c", with_state=True)
    saved = load_checkpoint(tmp_path / "c", with_state=True)
    name = "f_L.blocks.0.mlp.down.weight"
    assert not torch.equal(saved.weights[name], saved.state[f"weights/{name}"])
    assert not torch.equal(
        saved.weights["f_I.puzzle_embedding.weight"], saved.state["weights/f_I.puzzle_embedding.weight"]
    )


KILLER = {
    "model": {"width": 32, "heads": 2},
    "data": {"train": 40, "validation": 10, "share_twins": True},
    "halting": {"max_segments": 3, "explore": 0.5},
    "train": {"updates": UPDATES, "batch_size": 8, "checkpoint_every": 100, "log_every": 2, "precision": "fp32"},
    "eval": {"every": 100, "segments": 2, "batch_size": 10},
}


@pytest.mark.parametrize("recipe", ["killer-4x4", "coloring"])
def test_relations_stay_beside_the_puzzle_they_belong_to(tmp_path, cache, recipe):
    """Slots take puzzles at different times; a resumed run has the same relations, and ends the same."""
    config = recipes.get(recipe, KILLER)
    run = eager(trainer(tmp_path / "run", cache, config))
    run._open_folder()
    family, mixed = run.store.puzzle, 0
    for update in range(1, UPDATES + 1):
        mixed += 0 < int(run.slots.halted.sum()) < 8
        run.train_segment()
        held = family.relations_of(run.slots.inputs.numpy().astype(np.uint8))
        assert held is not None and np.array_equal(run._bank.relations.numpy(), held)
        if update == 4:
            run.save(tmp_path / "other" / "checkpoints" / "update-000004", with_state=True)
    assert mixed
    other = trainer(tmp_path / "second", cache, config)
    other.restore(tmp_path / "other" / "checkpoints" / "update-000004")
    for _ in range(4, UPDATES):
        other.train_segment()
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(tensor, other.model.state_dict()[name]), name


@pytest.mark.parametrize("family", ["arc", "samurai-4x4", "killer-4x4", "coloring", "maze-10x10"])
def test_a_run_of_each_of_these_families_resumes(tmp_path, cache, family, arc_run, no_shape_checks):
    """Grids smaller than the canvas have cells without a label; the puzzles in flight keep them."""
    if family == "arc":
        config = from_toml((arc_run / "arc-run" / CONFIG).read_text(), "arc-run").changed("train.updates", 4)
    else:
        small = {"model": {"width": 32, "l_layers": 1, "cycles": 1, "timesteps": 1, "grad_calls": 2}}
        config = recipes.get(family, KILLER).changed(small).changed("train", {"updates": 4, "compile": False})
    trainer(tmp_path / "whole", cache, config).fit()
    first = trainer(tmp_path / "stopped", cache, config)
    first._open_folder()
    for _ in range(2):
        first.train_segment()
    if family == "arc":
        assert (first.slots.labels == IGNORED).any()
    first.save(tmp_path / "stopped" / "checkpoints" / "update-000002", with_state=True)
    assert trainer(tmp_path / "stopped", cache, config).fit().updates == 4
    whole, resumed = (load_checkpoint(tmp_path / run / BEST).weights for run in ("whole", "stopped"))
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_what_all_puzzles_share_is_looked_up_once(tmp_path, cache):
    run = trainer(tmp_path / "run", cache)
    before = run._bank.relations
    run.train_segment()
    assert run._bank.relations is before and before.dim() == 3
