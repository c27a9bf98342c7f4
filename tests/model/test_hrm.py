"""Sizes, presets and initial weights."""

import math

import pytest
import torch
from pydantic import ValidationError
from torch.utils.flop_counter import FlopCounterMode

from hrm import puzzles, recipes
from hrm.config import RunConfig
from hrm.errors import UsageError
from hrm.model.build import build
from hrm.model.config import HRMConfig, hrm, small, trm_attention, trm_mlp
from hrm.model.flops import flops_per_segment
from hrm.model.hrm import HRM
from hrm.model.network import parameter_counts


@pytest.mark.parametrize("vocab, cells, trainable", [(11, 81, 27_275_266), (6, 900, 27_270_146), (12, 900, 27_276_290)])
def test_the_paper_s_parameter_counts(vocab, cells, trainable):
    counts, table = parameter_counts(HRM(hrm(vocab, cells)))
    assert sum(counts.values()) == trainable
    assert table == 512


def test_trm_s_parameter_counts():
    """About 7 M with attention and 5 M with the mixer, as its paper says."""
    assert 6.8e6 < sum(parameter_counts(HRM(trm_attention(11, 81)))[0].values()) < 6.9e6
    assert 5.0e6 < sum(parameter_counts(HRM(trm_mlp(11, 81)))[0].values()) < 5.1e6


def test_operations_of_the_paper_s_network():
    """24 layers · (2 · 3.4 M weights · 82 positions + attention) = 13.7 GFLOP."""
    assert flops_per_segment(hrm(11, 81)) == pytest.approx(13.7e9, rel=0.02)


@pytest.mark.parametrize("changes", [{"mixer": "messages", "relation_kinds": (1, 1)}, {"mixer": "mlp"}])
def test_operations_are_those_that_torch_counts(changes):
    config = hrm(
        7, 20, width=64, heads=2, l_layers=2, h_layers=1, positions="none", prefix=0, puzzle_width=0, **changes
    )
    model = HRM(config)
    relations = torch.ones(len(config.relation_kinds), 20, 20, dtype=torch.int8)
    x = model.embed(torch.ones(1, 20, dtype=torch.int64), relations=relations)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.segment(model.initial(x), x)
    assert flops_per_segment(config) == pytest.approx(
        counter.get_total_flops() - 2 * 64 * 2, rel=1e-6
    )  # but the Q-head


def test_without_a_prefix_the_puzzle_is_told_to_every_cell():
    """Messages cannot carry it: what one position says to all is divided by their number."""
    model = HRM(small(6, 9, prefix=0, mixer="messages", relation_kinds=(1,), puzzles=3))
    with torch.no_grad():
        model.f_I.puzzle_embedding.weight[1] = 1.0
    inputs, relations = torch.ones(2, 9, dtype=torch.int64), torch.ones(1, 9, 9, dtype=torch.int8)
    x = model.embed(inputs, torch.tensor([0, 1]), relations=relations).x
    assert x.shape == (2, 9, 128)
    torch.testing.assert_close(x[1] - x[0], torch.full((9, 128), math.sqrt(128)))


def test_initial_weights():
    model = HRM(hrm(11, 81))
    for weight, std in [
        (model.f_L.blocks[0].mlp.gate_up.weight, 512**-0.5),
        (model.f_L.blocks[0].mlp.down.weight, 1536**-0.5),
        (model.f_I.token_embedding.weight, 512**-0.5),
        (model.start_H, 1.0),
    ]:
        assert weight.std().item() == pytest.approx(std, rel=0.08)
        assert weight.abs().max() <= 2 * std / 0.8796 * 1.0001
    assert not model.q_head.weight.any() and (model.q_head.bias == -5).all()
    assert not model.f_I.puzzle_embedding.weight.any()
    assert math.sqrt(512) * model.f_I.token_embedding.weight.std().item() == pytest.approx(1, rel=0.05)


def test_the_seed_names_the_weights():
    a, b, c = (HRM(small(6, 16), seed=seed).f_L.blocks[0].mlp.down.weight for seed in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize("changes, said", [
    ({"heads": 7}, "heads must divide width"),
    ({"grad_calls": 7}, "grad_calls must be at most"),
    ({"puzzle_width": 600}, "does not fit into prefix"),
    ({"mixer": "mlp", "relation_kinds": (1,)}, "no attention to bias"),
    ({"mixer": "messages"}, "needs relation_kinds"),
    ({"width": -1}, "greater than 0"),
    ({"widht": 3}, "Extra inputs"),
])  # fmt: skip
def test_impossible_sizes_are_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        HRMConfig.model_validate({"vocab_size": 7, "cells": 6, **changes})


@pytest.mark.parametrize("puzzle_width, prefix", [(0, 0), (0, 2), (20, 1), (32, 1), (50, 2)])
def test_a_puzzle_embedding_of_any_width(puzzle_width, prefix):
    model = HRM(
        hrm(
            7,
            6,
            width=32,
            heads=2,
            h_layers=1,
            l_layers=1,
            puzzle_width=puzzle_width,
            prefix=prefix,
            puzzles=3,
        )
    )
    x = model.embed(torch.zeros(2, 6, dtype=torch.long), torch.tensor([0, 2]))
    assert x.x.shape == (2, prefix + 6, 32)
    segment = model.segment(model.initial(x), x)
    assert segment.logits.shape == (2, 6, 7)


@pytest.mark.parametrize("width, heads", [(512, 8), (384, 8), (256, 8), (128, 4), (96, 3), (64, 2), (48, 1), (30, 1)])
def test_heads_and_the_puzzle_embedding_follow_the_width(width, heads):
    config = HRMConfig(vocab_size=11, cells=81, width=width)
    assert (config.heads, config.puzzle_width) == (heads, width)
    given = HRMConfig(vocab_size=11, cells=81, width=width, heads=1, puzzle_width=4)
    assert (given.heads, given.puzzle_width) == (1, 4)


def network_config(sizes):
    return RunConfig.model_validate(recipes.get("smoke").model_dump(exclude={"model"}) | {"model": sizes}).model


KINDS = {
    "hrm": {},
    "recurrent": {"layers": 1},
    "direct": {"layers": 2},
    "equivariant": {"symbols": 4, "message": 4, "inner": 8},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_network_is_a_module_that_can_be_called_and_trained_with_torch_alone(kind):
    sizes = {"kind": kind, "vocab_size": 6, "cells": 16, "width": 16, "relation_kinds": (1, 1, 1)} | KINDS[kind]
    config = network_config(sizes)
    model, family = build(config), puzzles.get("sudoku-4x4")
    relations, inputs = torch.from_numpy(family.relation_matrices), torch.ones(2, 16, dtype=torch.int64)
    optimizer = torch.optim.AdamW(model.parameters())
    segment = model(inputs, segments=2, relations=relations)
    x = model.embed(inputs, relations=relations)
    again = model.segment(model.segment(model.initial(x), x).latents.detach(), x)
    assert torch.equal(segment.logits, again.logits)
    before = model.f_O.output_head.weight.clone()
    segment.logits.square().sum().backward()
    optimizer.step()
    assert not torch.equal(before, model.f_O.output_head.weight)
    with pytest.raises(UsageError, match="segments must be 1 or more"):
        model(inputs, 0, relations=relations)


@pytest.mark.parametrize("batch", [1, 3])
def test_no_batch_size_in_the_model(batch):
    model = HRM(small(6, 16))
    x = model.embed(torch.ones(batch, 16, dtype=torch.long), relations=torch.ones(3, 16, 16, dtype=torch.long))
    assert model.segment(model.initial(batch), x).q_halt_logit.shape == (batch,)


def test_random_starts_come_from_the_generator():
    model = HRM(small(6, 16))
    starts = [model.initial(2, torch.Generator().manual_seed(seed)).z_H for seed in (0, 0, 1)]
    assert torch.equal(starts[0], starts[1]) and not torch.equal(starts[0], starts[2])


@pytest.mark.parametrize("mixer", ["attention", "messages"])
def test_without_positions_the_network_commutes_with_symmetries(mixer):
    """Only the relations tell cells apart, so renumbering the cells renumbers the answer."""
    from hrm import puzzles

    family = puzzles.get("sudoku-4x4")
    model = HRM(small(6, 16, width=32, heads=2, puzzle_width=32, mixer=mixer))
    relations = torch.from_numpy(family.relation_matrices)
    order = torch.tensor([4, 5, 6, 7, 0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15])  # two rows of a band
    inputs = torch.randint(1, 6, (2, 16), generator=torch.Generator().manual_seed(0))
    logits = []
    for given in (inputs, inputs[:, order]):
        x = model.embed(given, relations=relations)
        logits.append(model.segment(model.initial(x), x).logits)
    torch.testing.assert_close(logits[0][:, order], logits[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in recipes.RECIPES if not name.startswith("hrm-arc")])
def test_parameters_are_counted_without_building_the_network(name):
    config = recipes.get(name).model
    counts, table = parameter_counts(build(config))
    assert config.parameters == (sum(counts.values()), table)


@pytest.mark.parametrize("changes", [{"kind": "recurrent", "layers": 3}, {"kind": "direct", "layers": 3}])
def test_parameters_of_other_networks_are_counted_too(changes):
    sizes = {"vocab_size": 6, "cells": 16, "width": 64, "relation_kinds": (1, 2, 1), "positions": "learned"}
    config = network_config(sizes | changes)
    counts, table = parameter_counts(build(config))
    assert config.parameters == (sum(counts.values()), table)
