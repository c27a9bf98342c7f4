"""Slots keep busy puzzles; free ones take the fresh ones that are offered to them."""

import torch

from hrm.model.network import Latents
from hrm.train.slots import admit, advance, empty_slots


def latents(value, batch=3):
    return Latents(torch.full((batch, 2, 4), float(value)), torch.full((batch, 2, 4), -float(value)))


def puzzles(first, count):
    numbers = torch.arange(first, first + count)
    grids = numbers[:, None].repeat(1, 2)
    return grids, grids + 100, numbers, numbers


def test_only_free_slots_change():
    slots = admit(empty_slots(latents(0), 2), *puzzles(10, 3), latents(1))
    assert slots.inputs[:, 0].tolist() == [10, 11, 12] and slots.labels[:, 0].tolist() == [110, 111, 112]
    halted = torch.tensor([True, False, True])
    slots = advance(slots, latents(7), halted)
    assert slots.segments.tolist() == [1, 1, 1]
    slots = admit(slots, *puzzles(20, 3), latents(1))
    assert slots.draws.tolist() == [20, 11, 22]
    assert slots.segments.tolist() == [0, 1, 0]
    assert slots.latents.z_H[:, 0, 0].tolist() == [1, 7, 1]
    assert slots.latents.z_L[:, 0, 0].tolist() == [-1, -7, -1]
    assert not slots.halted.any()


def test_carried_latents_have_no_graph():
    free = torch.zeros(3, dtype=torch.bool)
    carried = Latents(torch.ones(3, 2, 4, requires_grad=True) * 2, torch.ones(3, 2, 4))
    slots = advance(admit(empty_slots(latents(0), 2), *puzzles(0, 3), latents(1)), carried, free)
    assert not slots.latents.z_H.requires_grad
