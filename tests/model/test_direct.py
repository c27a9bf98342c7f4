"""The Transformer that answers in one pass: nothing is carried on, and it is its blocks one after the other."""

import pytest
import torch

from hrm.model.build import build
from hrm.model.config import DirectConfig
from hrm.model.network import Latents

INPUTS = torch.arange(12).reshape(2, 6) % 7
SIZES = {"kind": "direct", "vocab_size": 7, "cells": 6, "width": 32, "heads": 2, "layers": 3, "puzzle_width": 32}


def network(**changes):
    model = build(DirectConfig.model_validate(SIZES | changes))
    torch.nn.init.normal_(model.q_head.weight)
    return model


def test_no_latents_and_no_segment_before_change_the_answer():
    model = network()
    x = model.embed(INPUTS)
    first = model.segment(model.initial(x), x)
    noise = Latents.single(torch.randn(2, 7, 32))
    for latents in (first.latents, noise, model.initial(x, torch.Generator().manual_seed(3))):
        again = model.segment(latents, x, cycles=5)
        assert torch.equal(again.logits, first.logits) and torch.equal(again.q_halt_logit, first.q_halt_logit)
    assert first.q_continue_logit is None and first.latents.z_H.requires_grad
    assert not torch.equal(model.segment(noise, model.embed(INPUTS.flip(0))).logits, first.logits)


def test_it_is_its_blocks_one_after_the_other_and_all_of_them_learn():
    model = network()
    x = model.embed(INPUTS)
    model.segment(model.initial(x), x).logits.square().sum().backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None and not p.grad.is_sparse}
    model.zero_grad()
    first, second, third = model.f_L.blocks
    x = model.embed(INPUTS)
    state = third(second(first(x.x, x.context), x.context), x.context)
    model.f_O.output_head(state)[:, 1:].square().sum().backward()
    assert sum(name.startswith("f_L.blocks.") for name in ours) == 3 * 4
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, model.get_parameter(name).grad, rtol=1e-5, atol=1e-6)
        assert gradient.any() or name.startswith("q_head")


def test_every_block_is_a_timestep():
    model = network()
    x = model.embed(INPUTS)
    way = list(model.timesteps(model.initial(x), x))
    assert [(cycle, block, level) for cycle, block, level, _ in way] == [(0, 0, "H"), (0, 1, "H"), (0, 2, "H")]
    assert len(way) == model.config.loop.calls
    assert torch.equal(model.decode(way[-1][3]), model.segment(model.initial(x), x).logits)


def test_it_starts_from_what_its_first_block_reads():
    model = network()
    x = model.embed(INPUTS)
    assert torch.equal(model.initial(x).z_H, x.x) and not model.initial(x).z_H.requires_grad
    assert model.initial(2).z_H.shape == x.x.shape


@pytest.mark.parametrize("changes", [{"mixer": "mlp", "positions": "none"}, {"mixer": "messages"}, {"puzzle_width": 0}])
def test_every_mixer_and_a_puzzle_embedding_or_none(changes):
    if changes.get("mixer") == "messages":
        changes |= {"relation_kinds": (1,)}
    model = network(puzzles=3, **changes)
    x = model.embed(INPUTS, torch.tensor([0, 2]), relations=torch.ones(1, 6, 6, dtype=torch.int8))
    segment = model.segment(model.initial(x), x)
    assert segment.logits.shape == (2, 6, 7) and segment.latents.z_L.shape == (2, 0, 32)
    assert len(model.puzzle_tables()) == (model.config.puzzle_width > 0)
    assert {id(p) for p in model.hidden_matrices()} <= {id(p) for p in model.f_L.blocks.parameters()}
