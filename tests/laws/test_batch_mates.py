"""A puzzle's answer does not depend on its neighbors in the batch."""

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


@pytest.mark.parametrize("mixer", ["attention", "messages", "equivariant"])
def test_each_puzzle_may_have_relations_of_its_own(mixer):
    """One set a puzzle gives what each puzzle gives alone with its set, hidden cells included."""
    config = NETWORKS["equivariant"]
    if mixer != "equivariant":
        config = small(7, 16, width=32, heads=2, h_layers=1, l_layers=1, puzzle_width=32, mixer=mixer)
    model = build(config)
    torch.nn.init.normal_(model.q_head.weight)
    generator = torch.Generator().manual_seed(4)
    puzzles = torch.randint(1, 7, (4, 16), generator=generator)
    relations = torch.randint(0, 2, (4, 3, 16, 16), generator=generator, dtype=torch.int8)
    exists = torch.ones(4, 16, dtype=torch.bool)
    exists[1:3, 12:] = False

    def answers(rows, sets):
        x = model.embed(puzzles[rows], mask=exists[rows], relations=sets)
        segment = model.segment(model.initial(x), x)
        return segment.logits[exists[rows]], segment.q_halt_logit

    with torch.no_grad():
        together = answers(slice(0, 4), relations)
        alone = [answers(slice(row, row + 1), relations[row]) for row in range(4)]
        for found, each in zip(together, zip(*alone, strict=True), strict=True):
            torch.testing.assert_close(found, torch.cat(each), rtol=1e-5, atol=1e-5)
        shared = answers(slice(0, 4), relations[:1].expand(4, -1, -1, -1))
        torch.testing.assert_close(shared, answers(slice(0, 4), relations[0]), rtol=1e-5, atol=1e-5)
        assert not torch.allclose(shared[0], together[0], atol=1e-3)
