"""The one-file version is the same network, and learns."""

import importlib.util
from pathlib import Path

import pytest
import torch

import hrm

FILE = Path(__file__).parents[2] / "examples" / "minihrm.py"


@pytest.fixture(scope="module")
def mini():
    spec = importlib.util.spec_from_file_location("minihrm", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_fits_on_150_lines():
    assert len(FILE.read_text(encoding="utf-8").splitlines()) <= 150


def test_it_agrees_with_the_package_on_the_same_weights(mini):
    solver = hrm.load("sudoku-4x4", precision="fp32", device="cpu")
    network = mini.MiniHRM()
    network.load_state_dict(solver.model.state_dict())
    questions, _ = mini.puzzles(50, torch.Generator().manual_seed(0))
    model = solver.model
    x = model.embed(questions, relations=torch.from_numpy(solver.puzzle.relation_matrices))
    latents, (z_H, z_L) = model.initial(x), network.initial(len(questions))
    with torch.no_grad():
        for _ in range(4):
            segment = model.segment(latents, x)
            latents = segment.latents
            z_H, z_L, logits, q = network.segment(z_H, z_L, questions)
            for own, theirs in (
                (logits, segment.logits), (q[:, 0], segment.q_halt_logit), (q[:, 1], segment.q_continue_logit),
                (z_H, latents.z_H), (z_L, latents.z_L),
            ):  # fmt: skip
                torch.testing.assert_close(own, theirs, rtol=1e-5, atol=1e-5)


def test_its_puzzles_have_one_answer(mini):
    family = hrm.puzzles.get("sudoku-4x4")
    questions, answers = (grids.numpy().astype("uint8") for grids in mini.puzzles(20, torch.Generator().manual_seed(1)))
    assert family.verify(questions, answers).all()
    assert all(len(family.solutions(question)) == 1 for question in questions)


@pytest.mark.slow
@pytest.mark.timeout(900)  # six minutes on one thread of a busy machine
def test_it_learns(mini):
    model = mini.train(600)
    questions, answers = mini.puzzles(2000, torch.Generator().manual_seed(0))
    assert mini.accuracy(model, questions[1000:], answers[1000:])[-1] > 80
