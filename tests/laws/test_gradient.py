"""Exactly the declared calls carry gradient, and it is the one-step gradient of the paper."""

import pytest
import torch

from hrm.model.build import build
from hrm.model.config import EquivariantConfig, hrm, small
from hrm.model.hrm import HRM
from hrm.model.network import Latents

SIZES = {"width": 32, "heads": 2, "h_layers": 1, "l_layers": 1, "cycles": 2, "timesteps": 3}
INPUTS = torch.arange(12).reshape(2, 6) % 7


@pytest.mark.parametrize("grad_calls", [1, 2, 4, 8])
def test_exactly_the_last_calls_are_in_the_graph(grad_calls):
    model = HRM(hrm(7, 6, grad_calls=grad_calls, **SIZES))
    x = model.embed(INPUTS)
    carrying = []
    for _, _, level, latents in model.timesteps(model.initial(x), x):
        state = latents.z_L if level == "L" else latents.z_H
        carrying.append(state.requires_grad)
    assert carrying == [False] * (8 - grad_calls) + [True] * grad_calls


@pytest.mark.parametrize("grad_calls", [2, 8])
def test_a_single_cycle_is_a_network_of_one_cycle(grad_calls):
    model = HRM(hrm(7, 6, grad_calls=grad_calls, **SIZES))
    single = HRM(hrm(7, 6, grad_calls=min(grad_calls, 4), **SIZES | {"cycles": 1}))
    gradients = []
    for network, cycles in ((model, 1), (single, None)):
        x = network.embed(INPUTS)
        segment = network.segment(network.initial(x), x, cycles)
        segment.logits.square().sum().backward()
        gradients.append(network.f_L.blocks[0].mlp.down.weight.grad)
        assert len(list(network.timesteps(network.initial(x), x, cycles))) == 4
    assert torch.equal(*gradients) and gradients[0].any()


def test_no_call_is_in_the_graph_without_gradient():
    model = HRM(hrm(7, 6, **SIZES))
    with torch.no_grad():
        x = model.embed(INPUTS)
        assert not model.segment(model.initial(x), x).logits.requires_grad


def test_it_equals_a_hand_written_one_step_gradient():
    model = HRM(hrm(7, 6, **SIZES))
    torch.nn.init.normal_(model.q_head.weight)
    x = model.embed(INPUTS)
    latents = model.initial(x, torch.Generator().manual_seed(0))
    segment = model.segment(latents, x)
    loss = segment.logits.square().sum() + segment.q_halt_logit.sum() + segment.q_continue_logit.square().sum()
    loss.backward()
    ours = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    ours = {name: g.to_dense() if g.is_sparse else g for name, g in ours.items()}

    model.zero_grad()
    z_H, z_L = latents.z_H, latents.z_L
    with torch.no_grad():
        x0 = model.embed(INPUTS)
        for i in range(2 * 3 - 1):
            z_L = model.f_L(z_L, z_H + x0.x, x0.context)
            if i % 3 == 2:
                z_H = model.f_H(z_H, z_L, x0.context)
    x = model.embed(INPUTS)
    z_L = model.f_L(z_L, z_H + x.x, x.context)
    z_H = model.f_H(z_H, z_L, x.context)
    logits = model.f_O.output_head(z_H)[:, 1:]
    q = model.q_head(z_H[:, 0])
    (logits.square().sum() + q[:, 0].sum() + q[:, 1].square().sum()).backward()
    for name, p in model.named_parameters():
        theirs = p.grad.to_dense() if p.grad.is_sparse else p.grad
        torch.testing.assert_close(ours[name], theirs, rtol=1e-5, atol=1e-6)


def test_latents_train_the_network_and_can_be_cut_from_it():
    """A head of one's own on the latents moves both levels; what deep supervision carries on is cut."""
    model = HRM(hrm(7, 6, **SIZES))
    x = model.embed(INPUTS)
    latents = model.segment(model.initial(x), x).latents
    (latents.z_H.square().mean() + latents.z_L.square().mean()).backward()
    for level in (model.f_L, model.f_H):
        assert all(p.grad is not None and p.grad.any() for p in level.parameters())
    cut = latents.detach()
    assert not cut.z_H.requires_grad and not cut.z_L.requires_grad
    with torch.no_grad():
        assert not model.segment(model.initial(x), x).latents.z_H.requires_grad


def test_gradients_of_several_calls_are_summed_in_fp32():
    """A gradient of 1 plus many of 2⁻⁹ would stay 1 if it were summed in bf16."""
    from hrm.nn.layers import Linear

    layer = Linear(1, 1)
    one, tiny = torch.ones(1, 1, dtype=torch.bfloat16), torch.full((1, 1), 2.0**-9, dtype=torch.bfloat16)
    total = layer(one).sum().float()
    for _ in range(256):
        total = total + layer(tiny).sum().float()
    total.backward()
    assert layer.weight.grad.dtype == torch.float32
    assert layer.weight.grad.item() == 1.5


@pytest.mark.parametrize(
    "config",
    [
        EquivariantConfig(
            kind="equivariant", vocab_size=6, cells=16, symbols=4, width=16, message=8, inner=32, layers=1
        ),
        small(6, 16, width=32, heads=2, h_layers=1, l_layers=1),
        small(6, 16, width=32, mixer="messages", relation_kinds=(1,), tied=True, l_layers=1, puzzle_width=0),
    ],
    ids=["symbols", "attention", "messages"],
)
def test_bf16_loses_no_gradient_of_any_weight(config):
    """Sums over thousands of positions must not run in bf16: it drops what is small beside the sum so far."""
    generator = torch.Generator().manual_seed(0)
    inputs, labels = (torch.randint(2, 6, (512, 16), generator=generator) for _ in range(2))
    inputs[torch.rand(512, 16, generator=generator) < 0.5] = 1
    kinds = len(config.relation_kinds)
    related = torch.stack([torch.arange(16).div(n, rounding_mode="floor") for n in (4, 2, 8)[:kinds]])
    gradients = {}
    for dtype in (torch.float32, torch.bfloat16):
        network = build(config, seed=0, dtype=dtype)
        x = network.embed(inputs, relations=(related[:, :, None] == related[:, None]).long())
        logits = network.segment(network.initial(x), x).logits.float()
        torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()).backward()
        gradients[dtype] = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    for name, exact in gradients[torch.float32].items():
        error = (gradients[torch.bfloat16][name] - exact).norm() / exact.norm().clamp(min=1e-12)
        assert error < 0.15, name


def test_initial_vectors_are_not_trained():
    model = HRM(hrm(7, 6, **SIZES))
    assert not {"start_H", "start_L"} & dict(model.named_parameters()).keys()
    assert {"start_H", "start_L"} <= model.state_dict().keys()


def test_same_numbers_from_the_trace_and_the_segment():
    model = HRM(hrm(7, 6, **SIZES))
    x = model.embed(INPUTS)
    *_, last = model.timesteps(model.initial(x), x)
    segment = model.segment(model.initial(x), x)
    assert isinstance(last[3], Latents)
    torch.testing.assert_close(model.decode(last[3]), segment.logits, rtol=0, atol=0)
