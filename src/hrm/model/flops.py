"""How many operations a network costs; free of torch."""

from dataclasses import dataclass

from hrm.model.config import DirectConfig, EquivariantConfig, HRMConfig, NetworkConfig, RecurrentConfig
from hrm.nn.sizes import message_width, swiglu_width


def flops_per_segment(config: NetworkConfig) -> int:
    """Return the floating-point operations of one segment's forward of one puzzle.

    Counted: two for each weight and position of the matrix products in all blocks and the output head, and the two
    products of attention or those with the matrices of the relations. Left out: norms, activations, rotations and
    softmax.
    """
    calls, head = _calls(config)
    return sum(calls) + head


@dataclass(frozen=True)
class UpdateFlops:
    """Operations of one update of one puzzle."""

    useful: int
    """Every call forward once, twice that for the calls that carry gradient, heads included."""
    executed: int
    """With the second forward for the target of Q_continue, where there is one."""


def update_flops(config: NetworkConfig) -> UpdateFlops:
    """Return the operations of one update; the backward of a call counts twice its forward."""
    calls, head = _calls(config)
    useful = sum(calls) + head + 2 * (sum(calls[-config.grad_calls :]) + head)
    return UpdateFlops(useful, useful + (flops_per_segment(config) if config.q_continue else 0))


def training_flops(config: NetworkConfig, updates: int, shallow_updates: int = 0) -> int:
    """Return the operations executed by so many updates of one puzzle, of which the first have a single cycle."""
    shallow = min(updates, shallow_updates)
    single = config if isinstance(config, DirectConfig) else config.model_copy(update={"cycles": 1})
    return shallow * update_flops(single).executed + (updates - shallow) * update_flops(config).executed


def _calls(config: NetworkConfig) -> tuple[list[int], int]:
    """Return the forward operations of every module call of a segment, in order, and those of the output head."""
    if isinstance(config, EquivariantConfig):
        return [config.layers * _message_block(config)] * config.calls, 2 * config.length * config.width
    block, head = _block(config), 2 * config.length * config.width * config.vocab_size
    if isinstance(config, DirectConfig):
        return [block] * config.layers, head
    if isinstance(config, RecurrentConfig):
        return [config.layers * block] * config.calls, head
    low, high = config.l_layers * block, (config.l_layers if config.tied else config.h_layers) * block
    return ([low] * config.timesteps + [high]) * config.cycles, head


def _block(config: HRMConfig | RecurrentConfig | DirectConfig) -> int:
    s, d = config.length, config.width
    mlp = 3 * d * swiglu_width(d, config.expansion) * s
    if config.mixer == "mlp":
        return 2 * (mlp + 3 * s * swiglu_width(s, config.expansion) * d)
    if config.mixer == "messages":
        kinds = sum(config.relation_kinds)
        m = message_width(d, kinds)
        return 2 * (mlp + 2 * d * (kinds + 1) * m * s + kinds * m * s * s)
    return 2 * (mlp + 4 * d * d * s + 2 * s * s * d)


def _message_block(config: EquivariantConfig) -> int:
    d, m, kinds = config.width, config.message, sum(config.relation_kinds)
    heard = (kinds + 1) * m
    weights = d * heard + (d + heard) * 2 * config.inner + config.inner * d
    return 2 * config.length * weights + 2 * config.cells * config.length * kinds * m
