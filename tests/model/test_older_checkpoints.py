"""Checkpoints of every format load, give the numbers that they gave, and training resumes from them."""

from pathlib import Path

import pytest
import torch
from rich.console import Console
from safetensors.torch import load_file

from hrm.checkpoint import FORMATS, load_checkpoint
from hrm.config import from_toml
from hrm.inference.load import load
from hrm.inference.weights import load_model
from hrm.model.renames import renamed
from hrm.train.trainer import Trainer

CHECKPOINTS = Path(__file__).parents[1] / "fixtures" / "checkpoints"
EVERY = sorted(path.parent for path in CHECKPOINTS.glob("format-*/*/manifest.json"))
NETWORKS = [folder for folder in EVERY if not folder.name.startswith("training-")]
TRAININGS = [folder for folder in EVERY if folder.name.startswith("training-")]


def expected(folder):
    """What the version that wrote a checkpoint computed with it."""
    return load_file(folder.parent / "expected.safetensors")


def named(folder):
    return f"{folder.parent.name}/{folder.name}"


def test_there_are_networks_of_every_kind_and_trainings():
    kinds = {from_toml((folder / "config.toml").read_text(), "").model.kind for folder in NETWORKS}
    assert kinds == {"hrm", "recurrent", "direct", "equivariant"}
    assert len(NETWORKS) >= 6 and len(TRAININGS) >= 2
    assert {folder.parent.name for folder in TRAININGS} == {f"format-{number}" for number in FORMATS}


@pytest.mark.parametrize("folder", NETWORKS, ids=named)
def test_a_network_gives_the_recorded_numbers(folder):
    solver, recorded = load(folder, "cpu", "fp32"), expected(folder)
    inputs = recorded["inputs"]
    relations = torch.from_numpy(solver.puzzle.relation_matrices)
    puzzles = getattr(solver.model.config, "puzzles", 1)
    with torch.no_grad():
        segment = solver.model(inputs, 2, puzzle_ids=torch.tensor([0, puzzles - 1]), relations=relations)
    torch.testing.assert_close(segment.logits, recorded[f"{folder.name}/logits"], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(segment.q_halt_logit, recorded[f"{folder.name}/q_halt"], rtol=1e-5, atol=1e-5)
    assert recorded[f"{folder.name}/logits"].std() > 0.1


def resumed(checkpoint, folder, cache):
    config = load_model(checkpoint, "cpu")[1]
    run = Trainer(config, folder, cache, console=Console(quiet=True), announce=False)
    run.restore(checkpoint)
    return run


def saved(run, folder):
    run.save(folder, with_state=True)
    state = load_checkpoint(folder, with_state=True).state
    assert state
    return state


@pytest.mark.parametrize("folder", TRAININGS, ids=named)
def test_training_resumes_from_it(folder, tmp_path):
    """The state is taken over bitwise, saves and resumes bitwise, and two updates later is what it was then."""
    run = resumed(folder, tmp_path / "run", tmp_path / "cache")
    before = saved(run, tmp_path / "before")
    raw = load_file(folder / "state.safetensors")
    assert all(torch.equal(before[name], raw[name]) for name in raw if name.startswith("slots/"))
    assert len(before) == len(raw)
    for name in ("weights/", "optim/"):  # names may have changed, the tensors and their order have not
        old, new = (
            sorted(t.double().sum().item() for k, t in state.items() if k.startswith(name)) for state in (raw, before)
        )
        assert old == new
    again = resumed(tmp_path / "before", tmp_path / "again", tmp_path / "cache")
    for each in (run, again):
        assert each.update == 4
        for _ in range(2):
            each.train_segment()
    after, twin = saved(run, tmp_path / "after"), saved(again, tmp_path / "twin")
    assert after.keys() == twin.keys() and all(torch.equal(after[name], twin[name]) for name in after)
    recorded = {
        key.removeprefix(f"{folder.name}/"): tensor
        for key, tensor in expected(folder).items()
        if key.startswith(f"{folder.name}/")
    }
    assert len(recorded) > 10
    for name, tensor in renamed(recorded).items():
        torch.testing.assert_close(
            after[name], tensor, rtol=1e-5, atol=1e-6, msg=lambda why, name=name: f"{name}: {why}"
        )
