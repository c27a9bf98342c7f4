"""The batch of the engine: rows keep their latents wherever they move."""

import numpy as np
import torch

from hrm.inference.slots import LEAST_ROWS, KeyedSlots, pad_batch
from hrm.model.network import Embedded, Latents, Network
from hrm.nn.layers import NO_CONTEXT


class Counting(Network):
    """Begins every row at zero; counts how often a batch was embedded."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def embed(self, inputs, puzzle_ids=None, mask=None, relations=None):
        raise NotImplementedError

    def initial(self, x, generator=None):
        return Latents(torch.zeros_like(x.x), torch.zeros_like(x.x))

    def segment(self, latents, x, cycles=None):
        raise NotImplementedError

    def hidden_matrices(self):
        return []


def filled(slots, *keys):
    slots.fill(list(keys), lambda row: np.full(2, keys[row], np.uint8))
    return slots.inputs[:, 0].tolist(), slots.latents.z_H[:, 0, 0].tolist()


def test_known_keys_keep_their_latents_and_new_ones_begin():
    model = Counting()

    def embed(inputs, ids):
        model.batches.append(len(inputs))
        return Embedded(torch.from_numpy(inputs).float()[..., None], NO_CONTEXT)

    slots = KeyedSlots(model, embed, capacity=16)
    assert filled(slots, 1, 2, 3, 4, 5) == ([1, 2, 3, 4, 5, 5, 5, 5], [0.0] * 8)
    slots.latents = Latents(torch.arange(1.0, 9.0)[:, None, None].repeat(1, 2, 1), slots.latents.z_L)
    assert filled(slots, 1, 2, 3, 4, 5)[1] == [1, 2, 3, 4, 5, 6, 7, 8] and model.batches == [8]
    assert filled(slots, 2, 5, 9) == ([2, 5, 9, 9], [2, 5, 0, 0])
    assert filled(slots, 9, 2)[1] == [0, 2, 2, 2] and model.batches == [8, LEAST_ROWS, LEAST_ROWS]


def test_a_batch_never_exceeds_its_capacity():
    slots = KeyedSlots(Counting(), lambda inputs, ids: Embedded(torch.zeros(len(inputs), 2, 1), NO_CONTEXT), capacity=2)
    assert len(filled(slots, 7)[0]) == 2


def test_puzzle_ids_follow_their_rows():
    asked = []

    def embed(inputs, ids):
        asked.append(None if ids is None else ids.tolist())
        return Embedded(torch.zeros(len(inputs), 2, 1), NO_CONTEXT)

    slots = KeyedSlots(Counting(), embed, capacity=16)
    for keys in ([3, 1], [1]):
        slots.fill(keys, lambda row: np.zeros(2, np.uint8), lambda row: 10 + keys[row])  # noqa: B023
    filled(slots, 2)
    assert asked == [[13, 11, 11, 11], [11] * 4, None]


def test_padding_repeats_the_last_row():
    assert pad_batch(np.array([[1, 2], [3, 4]]), 4).tolist() == [[1, 2], [3, 4], [3, 4], [3, 4]]
