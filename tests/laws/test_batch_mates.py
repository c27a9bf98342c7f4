"""A puzzle's answer does not depend on its neighbours in the batch."""

import pytest
import torch

from hrm.model.build import build
from hrm.model.config import EquivariantConfig, hrm, small, trm_mlp

NETWORKS = {
    "hrm": hrm(7, 16, width=32, heads=2, h_layers=1, l_layers=1),
    "trm_mlp": trm_mlp(7, 16, width=32, heads=2, l_layers=1, prefix=1, puzzle_width=32),
    "small": small(7, 16, width=32, heads=2, h_layers=1, l_layers=1, puzzle_width=32),
    "equivariant": EquivariantConfig(
        kind="equivariant", vocab_size=7, cells=16, symbols=5, width=16, message=8, inner=32, layers=1
    ),
}
RELATIONS = torch.randint(0, 2, (3, 16, 16), generator=torch.Generator().manual_seed(3))


def run(model, inputs):
    with torch.no_grad():
        x = model.embed(inputs, relations=RELATIONS)
        segment = model.segment(model.initial(x), x)
    return segment.logits, segment.q_halt_logit


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", NETWORKS)
def test_same_bank_size_bitwise(name, dtype):
    model = build(NETWORKS[name], dtype=dtype)
    puzzles = torch.randint(0, 7, (8, 16), generator=torch.Generator().manual_seed(0))
    others = torch.randint(0, 7, (8, 16), generator=torch.Generator().manual_seed(1))
    others[5] = puzzles[5]
    for a, b in zip(run(model, puzzles), run(model, others), strict=True):
        assert torch.equal(a[5], b[5])


@pytest.mark.parametrize("name", NETWORKS)
def test_other_bank_sizes_to_rounding(name):
    model = build(NETWORKS[name])
    puzzles = torch.randint(0, 7, (8, 16), generator=torch.Generator().manual_seed(0))
    for size in (1, 3):
        for few, all_ in zip(run(model, puzzles[:size]), run(model, puzzles), strict=True):
            torch.testing.assert_close(few, all_[:size], rtol=1e-5, atol=1e-5)
