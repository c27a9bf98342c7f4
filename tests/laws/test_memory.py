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


def test_segments_that_are_cut_from_one_another_keep_nothing_of_those_before():
    model = HRM(
        hrm(7, 12, width=32, heads=2, h_layers=1, l_layers=1, cycles=1, timesteps=1)
    )  # all calls carry gradient
    x = model.embed(torch.arange(24).reshape(2, 12) % 7)
    kept, latents = [], model.initial(x)
    for _ in range(3):
        segment = model.segment(latents, x)
        kept.append(nodes(segment.logits.grad_fn))
        latents = segment.latents.detach()
    assert kept[1] == kept[2] == kept[0]
    assert nodes(model.segment(segment.latents, x).logits.grad_fn) > kept[0]  # it would grow, were they not cut


def nodes(last):
    """Return how many operations a backward pass from here would visit."""
    seen, waiting = set(), [last]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]
    return len(seen)


def test_the_one_step_gradient_keeps_as_much_for_many_steps_as_for_few():
    few = kept_bytes(cycles=1, timesteps=1)
    assert kept_bytes(cycles=8, timesteps=8) == few
    assert kept_bytes(cycles=8, timesteps=8, grad_calls=9) > 2 * few  # backpropagation through time would
