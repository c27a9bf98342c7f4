"""What is kept for the backward pass does not grow with the number of cycles or timesteps."""

import torch

from hrm.model.config import hrm
from hrm.model.hrm import HRM


def kept_bytes(**sizes):
    """Bytes that autograd keeps for the backward pass of one segment."""
    model = HRM(hrm(7, 12, width=32, heads=2, h_layers=1, l_layers=1, **sizes))
    inputs = torch.arange(24).reshape(2, 12) % 7
    storages = {}

    def keep(tensor):
        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        x = model.embed(inputs)
        segment = model.segment(model.initial(x), x)
    assert segment.logits.requires_grad
    return sum(storages.values())


def test_the_one_step_gradient_keeps_as_much_for_many_steps_as_for_few():
    few = kept_bytes(cycles=1, timesteps=1)
    assert kept_bytes(cycles=8, timesteps=8) == few
    assert kept_bytes(cycles=8, timesteps=8, grad_calls=9) > 2 * few  # backpropagation through time would
