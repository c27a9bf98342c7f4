"""How many operations a network costs; free of torch."""

from dataclasses import dataclass

from hrm.model.config import EquivariantConfig, NetworkConfig
from hrm.nn.sizes import message_width, swiglu_width


def flops_per_segment(config: NetworkConfig) -> int:
    """Return the floating-point operations of one segment's forward of one puzzle.

    Counted: two for each weight and position of the matrix products in f_L, f_H and the output head, and the two
    products of attention or those with the matrices of the relations. Left out: norms, activations, rotations and
    softmax.
    """
    if isinstance(config, EquivariantConfig):
        return _equivariant_flops(config)
    s, d = config.length, config.width

    def layer() -> int:
        mlp = 3 * d * swiglu_width(d, config.expansion) * s
        if config.mixer == "mlp":
            return 2 * (mlp + 3 * s * swiglu_width(s, config.expansion) * d)
        if config.mixer == "messages":
            kinds = sum(config.relation_kinds)
            m = message_width(d, kinds)
            return 2 * (mlp + 2 * d * (kinds + 1) * m * s + kinds * m * s * s)
        return 2 * (mlp + 4 * d * d * s + 2 * s * s * d)

    h_layers = config.l_layers if config.tied else config.h_layers
    calls = config.cycles * (config.timesteps * config.l_layers + h_layers)
    return calls * layer() + 2 * s * d * config.vocab_size


def _equivariant_flops(config: EquivariantConfig) -> int:
    d, m, kinds = config.width, config.message, sum(config.relation_kinds)
    heard = (kinds + 1) * m
    weights = d * heard + (d + heard) * 2 * config.inner + config.inner * d
    block = 2 * config.length * weights + 2 * config.cells * config.length * kinds * m
    calls = config.cycles * (config.timesteps + 1)
    return calls * config.layers * block + 2 * config.length * d


@dataclass(frozen=True)
class UpdateFlops:
    """Operations of one update of one puzzle."""

    useful: int
    """Every call forward once, twice that for the calls that carry gradient, heads included."""
    executed: int
    """With the second forward for the target of Q_continue, where there is one."""


def update_flops(config: NetworkConfig) -> UpdateFlops:
    """Return the operations of one update; the backward of a call counts twice its forward."""
    low, high, head = _parts(config)
    calls = ([low] * config.timesteps + [high]) * config.cycles
    useful = sum(calls) + head + 2 * (sum(calls[-config.grad_calls :]) + head)
    return UpdateFlops(useful, useful + (flops_per_segment(config) if config.q_continue else 0))


def training_flops(config: NetworkConfig, updates: int, shallow_updates: int = 0) -> int:
    """Return the operations executed by so many updates of one puzzle, of which the first have a single cycle."""
    shallow = min(updates, shallow_updates)
    single = update_flops(config.model_copy(update={"cycles": 1}))
    return shallow * single.executed + (updates - shallow) * update_flops(config).executed


def _parts(config: NetworkConfig) -> tuple[int, int, int]:
    """Return the forward operations of one call of f_L, of one call of f_H, and of the output head."""

    def segment(cycles: int, timesteps: int) -> int:
        return flops_per_segment(config.model_copy(update={"cycles": cycles, "timesteps": timesteps}))

    low = segment(1, 2) - segment(1, 1)
    high = segment(2, 1) - segment(1, 1) - low
    return low, high, segment(1, 1) - low - high
