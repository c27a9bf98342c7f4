"""How many operations a network costs; free of torch.

Counted: two for each weight and position of the matrix products in all blocks and the output head, and the two
products of attention or those with the matrices of the relations. Left out: norms, activations, rotations and
softmax. The configuration of each kind counts those of its calls.
"""

from dataclasses import dataclass

from hrm.model.network_config import NetworkConfig


def flops_per_segment(config: NetworkConfig) -> int:
    """Return the floating-point operations of one segment's forward of one puzzle."""
    return sum(config.call_flops) + config.head_flops


@dataclass(frozen=True)
class UpdateFlops:
    """Operations of one update of one puzzle."""

    useful: int
    """Every call forward once, twice that for the calls that carry gradient, heads included."""
    executed: int
    """With the second forward for the target of Q_continue, where there is one."""


def update_flops(config: NetworkConfig) -> UpdateFlops:
    """Return the operations of one update; the backward of a call counts twice its forward."""
    forward = flops_per_segment(config)
    useful = forward + 2 * (sum(config.call_flops[-config.loop.grad_calls :]) + config.head_flops)
    return UpdateFlops(useful, useful + (forward if config.q_continue else 0))


def training_flops(config: NetworkConfig, updates: int, shallow_updates: int = 0) -> int:
    """Return the operations executed by so many updates of one puzzle, of which the first have a single cycle."""
    shallow = min(updates, shallow_updates)
    single = config.model_copy(update={"cycles": 1}) if config.recurrent else config
    return shallow * update_flops(single).executed + (updates - shallow) * update_flops(config).executed
