"""One state, one stack: equal to a loop written by hand, in the answer and in the gradient."""

import pytest
import torch
from pydantic import ValidationError

from hrm.model.build import build
from hrm.model.config import RecurrentConfig

INPUTS = torch.arange(12).reshape(2, 6) % 7
SIZES = {
    "kind": "recurrent", "vocab_size": 7, "cells": 6, "width": 32, "heads": 2, "layers": 2, "puzzle_width": 32,
    "cycles": 2, "timesteps": 3, "grad_calls": 6,
}  # fmt: skip


def network(**changes):
    model = build(RecurrentConfig.model_validate(SIZES | changes))
    torch.nn.init.normal_(model.q_head.weight)
    return model


def loss_of(logits, q_halt_logit):
    return logits.square().sum() + q_halt_logit.square().sum()


@pytest.mark.parametrize("grad_calls", [1, 2, 6])
def test_it_equals_a_loop_written_by_hand(grad_calls):
    """With ``grad_calls`` = all calls this is backpropagation through time."""
    model = network(grad_calls=grad_calls)
    x = model.embed(INPUTS)
    start = model.initial(x, torch.Generator().manual_seed(0))
    segment = model.segment(start, x)
    loss_of(segment.logits, segment.q_halt_logit).backward()
    ours = {name: p.grad.to_dense().clone() for name, p in model.named_parameters()}

    model.zero_grad()
    x, z = model.embed(INPUTS), start.z_H
    for call in range(6):
        z = z.detach() if call <= 6 - grad_calls else z
        injected = x.x.detach() if call < 6 - grad_calls else x.x
        z = z + injected
        for block in model.f_L.blocks:
            z = block(z, x.context)
    logits = model.f_O.output_head(z)[:, 1:]
    torch.testing.assert_close(segment.logits, logits, rtol=1e-5, atol=1e-6)
    loss_of(logits, model.q_head(z[:, 0])[:, 0]).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad.to_dense(), rtol=1e-4, atol=1e-5)
    assert ours["f_L.blocks.0.mlp.down.weight"].any()


@pytest.mark.parametrize("grad_calls", [1, 4, 6])
def test_exactly_the_last_calls_are_in_the_graph(grad_calls):
    model = network(grad_calls=grad_calls)
    x = model.embed(INPUTS)
    way = list(model.timesteps(model.initial(x), x))
    assert [(cycle, timestep) for cycle, timestep, _, _ in way] == [(n, t) for n in range(2) for t in range(3)]
    carrying = [latents.z_H.requires_grad for *_, latents in way]
    assert carrying == [False] * (6 - grad_calls) + [True] * grad_calls
    assert len(list(model.timesteps(model.initial(x), x, cycles=1))) == 3


def test_there_is_one_state_and_it_is_carried_on():
    model = network(q_continue=True)
    x = model.embed(INPUTS)
    start = model.initial(x)
    assert start.z_L.numel() == 0
    first = model.segment(start, x)
    second = model.segment(first.latents, x)
    assert second.latents.z_L.numel() == 0 and first.latents.z_H.requires_grad
    assert second.q_continue_logit is not None and not torch.equal(first.logits, second.logits)
    assert "start_H" in model.state_dict() and "start_L" not in model.state_dict()


def test_more_gradient_than_calls_is_refused():
    with pytest.raises(ValidationError, match="grad_calls must be at most 6"):
        RecurrentConfig.model_validate(SIZES | {"grad_calls": 7})
