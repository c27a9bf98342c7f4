"""How many parameters a network has, from its configuration alone; free of torch."""

from hrm.model.config import CellConfig, DirectConfig, EquivariantConfig, HRMConfig, NetworkConfig, RecurrentConfig
from hrm.nn.sizes import message_width, swiglu_width


def parameters(config: NetworkConfig) -> tuple[int, int]:
    """Return the trainable parameters without the puzzle embedding, and the numbers of the puzzle embedding."""
    if isinstance(config, EquivariantConfig):
        return _equivariant(config), 0
    d, v = config.width, config.vocab_size
    q_values = 2 if config.q_continue else 1
    around = 2 * v * d + (config.length * d if config.positions == "learned" else 0) + q_values * (d + 1)
    return around + _layers(config) * _block(config), config.puzzles * config.puzzle_width


def _layers(config: HRMConfig | RecurrentConfig | DirectConfig) -> int:
    return config.blocks if isinstance(config, HRMConfig) else config.layers


def _block(config: CellConfig) -> int:
    d, s, kinds = config.width, config.length, sum(config.relation_kinds)
    mlp = 3 * d * swiglu_width(d, config.expansion)
    if config.mixer == "mlp":
        return mlp + 3 * s * swiglu_width(s, config.expansion)
    if config.mixer == "messages":
        return mlp + 2 * d * (kinds + 1) * message_width(d, kinds)
    return mlp + 4 * d * d + config.heads * kinds


def _equivariant(config: EquivariantConfig) -> int:
    d, heard = config.width, (sum(config.relation_kinds) + 1) * config.message
    block = d * heard + (d + heard) * 2 * config.inner + config.inner * d
    tokens = (config.vocab_size - config.symbols + 2) * d
    return tokens + (1 if config.tied else 2) * config.layers * block + d + (d + 1)
