"""What f_L and f_H are told matters to them, and nothing else reaches them."""

import pytest
import torch

from hrm.model.config import hrm, trm_attention
from hrm.model.hrm import HRM
from hrm.model.network import Embedded, Latents

NETWORKS = {
    "hrm": hrm(7, 6, width=32, heads=2, h_layers=1, l_layers=1, puzzle_width=32),
    "trm": trm_attention(7, 6, width=32, heads=2, l_layers=1, prefix=2, puzzle_width=32),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    return HRM(NETWORKS[request.param])


def first_calls(model, latents, x):
    """The latents after the first call of f_L, and after the first call of f_H."""
    calls = list(model.timesteps(latents, x))
    return calls[0][3].z_L, next(latents for _, _, level, latents in calls if level == "H").z_H


def shaken(tensor):
    return tensor + torch.randn(tensor.shape, generator=torch.Generator().manual_seed(1))


def situation(model):
    x = model.embed(torch.arange(6)[None] % 7)
    latents = model.initial(1, torch.Generator().manual_seed(0))
    return latents, x


def test_f_L_reads_its_own_state_the_high_state_and_the_input(network):
    latents, x = situation(network)
    z_L, _ = first_calls(network, latents, x)
    for other in (
        (Latents(shaken(latents.z_H), latents.z_L), x),
        (Latents(latents.z_H, shaken(latents.z_L)), x),
        (latents, Embedded(shaken(x.x), x.context)),
    ):
        assert not torch.allclose(first_calls(network, *other)[0], z_L)


def test_f_H_reads_both_states_and_never_the_input(network):
    """Injecting x into f_H, or dropping f_H's own state, are bugs that have passed for HRM elsewhere."""
    latents, x = situation(network)
    f_H = network.f_L if network.f_H is None else network.f_H
    seen = {}
    f_H.register_forward_pre_hook(lambda module, args: seen.update(args=args))
    calls = network.timesteps(latents, x)
    before = latents
    for _, _, level, after in calls:
        if level == "H":
            state, injection, *_ = seen["args"]
            torch.testing.assert_close(state, before.z_H, rtol=0, atol=0)
            torch.testing.assert_close(injection, before.z_L, rtol=0, atol=0)
        else:
            torch.testing.assert_close(after.z_H, before.z_H, rtol=0, atol=0)
        before = after


def test_calls_come_in_the_order_of_the_paper():
    model = HRM(hrm(7, 6, width=32, heads=2, h_layers=1, l_layers=1, cycles=3, timesteps=2))
    latents, x = situation(model)
    order = [(cycle, timestep, level) for cycle, timestep, level, _ in model.timesteps(latents, x)]
    assert order == [(n, t, level) for n in range(3) for t, level in [(0, "L"), (1, "L"), (1, "H")]]


def test_puzzle_id_mask_and_relations_matter():
    config = hrm(7, 6, width=32, heads=2, h_layers=1, l_layers=1, puzzles=3, puzzle_width=40, prefix=2,
                 relation_kinds=(1, 2))  # fmt: skip
    model = HRM(config)
    torch.nn.init.normal_(model.f_I.puzzle_embedding.weight)
    inputs = torch.arange(6)[None] % 7
    relations = torch.zeros(2, 6, 6, dtype=torch.long)
    relations[0, 0, 1] = 1
    relations[1, 2, 3] = 2
    ids = torch.tensor([1])
    every = torch.ones(1, 6, dtype=torch.bool)

    def logits(**changes):
        given = {"inputs": inputs, "puzzle_ids": ids, "mask": every, "relations": relations} | changes
        x = model.embed(**given)
        return model.segment(model.initial(x), x).logits

    base = logits()
    hidden = every.clone()
    hidden[0, 5] = False
    for changes in (
        {"puzzle_ids": torch.tensor([2])},
        {"mask": hidden},
        {"relations": torch.zeros_like(relations)},
        {"relations": relations.clamp(max=1)},
        {"inputs": inputs.flip(1)},
    ):
        assert not torch.allclose(logits(**changes), base, atol=1e-6)
    torch.testing.assert_close(logits(relations=relations[None]), base)  # one set a puzzle, the same set


def test_what_a_mask_hides_has_no_influence():
    model = HRM(hrm(7, 6, width=32, heads=2, h_layers=1, l_layers=1))
    mask = torch.tensor([[True] * 5 + [False]])
    outputs = []
    for last in (2, 6):
        x = model.embed(torch.tensor([[1, 2, 3, 4, 5, last]]), mask=mask)
        outputs.append(model.segment(model.initial(x), x).logits[:, :5])
    torch.testing.assert_close(*outputs, rtol=0, atol=0)


def test_a_high_state_that_is_sent_within_a_cycle_reaches_the_next_timestep(network):
    """The sum of z_H and x̃ is made once a cycle, and again where somebody puts another z_H in its place."""
    latents, x = situation(network)
    calls = network.timesteps(latents, x)
    *_, after = next(calls)
    sent = Latents(shaken(after.z_H), after.z_L)
    *_, level, found = calls.send(sent)
    assert level == "L"
    with torch.no_grad():
        torch.testing.assert_close(found.z_L, network.f_L(after.z_L, sent.z_H + x.x, x.context), rtol=0, atol=0)
