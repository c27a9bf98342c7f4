"""A network with a state for each symbol answers a renamed or rearranged puzzle with the renamed answer."""

import numpy as np
import pytest
import torch

from hrm import puzzles
from hrm.model.build import build
from hrm.model.config import EquivariantConfig

FAMILY = puzzles.get("sudoku-4x4")
CONFIG = EquivariantConfig(kind="equivariant", vocab_size=6, cells=16, symbols=4, width=16, message=8, inner=32)
RELATIONS = torch.from_numpy(FAMILY.relation_matrices)


@pytest.fixture(scope="module")
def model():
    """Random weights, a Q-head that reads, and an output that depends on everything."""
    model = build(CONFIG, seed=1)
    torch.nn.init.normal_(model.q_head.weight)
    return model


def run(model, inputs, relations=RELATIONS):
    with torch.no_grad():
        x = model.embed(torch.from_numpy(inputs.astype(np.int64)), relations=relations)
        segment = model.segment(model.segment(model.initial(x), x).latents, x)
    return segment.logits.numpy(), segment.q_halt_logit.numpy()


def questions():
    return np.stack([FAMILY.generate(0, index)[0] for index in range(6)])


def test_renamed_digits_rename_the_answer(model):
    inputs = questions()
    names = np.array([0, 1, 4, 2, 5, 3])  # token -> new token; padding and blank stay
    (logits, q), (renamed, renamed_q) = run(model, inputs), run(model, names[inputs])
    np.testing.assert_allclose(renamed[..., names], logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(renamed_q, q, rtol=1e-4, atol=1e-5)
    assert logits[..., 2:].std() > 0.01  # it says something


def test_moved_cells_move_the_answer(model):
    inputs = questions()
    draws = np.random.default_rng(0).random((200, FAMILY.spec.symmetry_draws))
    moves = FAMILY.symmetries(draws).cells
    kept = [m for m in moves if all((r[np.ix_(m, m)] == r).all() for r in FAMILY.relation_matrices)]
    assert len(kept) > 50  # all but those that turn rows into columns
    logits, q = run(model, inputs)
    for cells in kept[:5]:
        moved, moved_q = run(model, inputs[:, cells])
        np.testing.assert_allclose(moved, logits[:, cells], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(moved_q, q, rtol=1e-4, atol=1e-5)


def test_what_is_no_symbol_is_never_an_answer(model):
    logits, _ = run(model, questions())
    assert (logits[..., :2] < logits[..., 2:].min() - 100).all()
