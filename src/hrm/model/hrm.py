"""The Hierarchical Reasoning Model: f_L and f_H in the loop of ``recursion``, between f_I and f_O of ``cells``.

Source: HRM paper (arXiv 2506.21734), section "Hierarchical Reasoning Model".
"""

import torch

from hrm.model.config import HRMConfig
from hrm.model.grid_io import CellNetwork
from hrm.model.network import Network
from hrm.model.recursion import Level, RecursiveNetwork


class HRM(CellNetwork[HRMConfig], RecursiveNetwork[HRMConfig]):
    """The four networks f_I (embed), f_L, f_H, f_O (output head), and the Q-head.

    Parameters are fp32; states and products are in ``dtype``.

    Args:
        config: the sizes.
        seed: seed of the initial weights.
        dtype: dtype of the states and of the arithmetic; norms, rotations, Q-values stay in fp32.
    """

    def __init__(self, config: HRMConfig, seed: int = 0, dtype: torch.dtype = torch.float32):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self._add_input(config, dtype, generator)
        self.f_L = Level(self._blocks(config.l_layers, generator))
        self.f_H = None if config.tied else Level(self._blocks(config.h_layers, generator))
        self._add_output(generator)
        self._complete(2 if config.q_continue else 1, generator)


def parameter_counts(model: Network) -> tuple[dict[str, int], int]:
    """Return the trainable parameters of each component, and those of the puzzle table apart."""
    counts: dict[str, int] = {}
    for name, parameter in model.named_parameters():
        component = name.split(".")[0]
        counts[component] = counts.get(component, 0) + parameter.numel()
    return counts, counts.pop("puzzle_embedding", 0)
