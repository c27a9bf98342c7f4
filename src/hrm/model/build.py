"""From a configuration to its network."""

import torch

from hrm.model.config import EquivariantConfig, NetworkConfig
from hrm.model.equivariant import EquivariantHRM
from hrm.model.hrm import HRM


def build(config: NetworkConfig, seed: int = 0, dtype: torch.dtype = torch.float32) -> HRM | EquivariantHRM:
    """Return a fresh network, with random weights named by the seed."""
    if isinstance(config, EquivariantConfig):
        return EquivariantHRM(config, seed, dtype)
    return HRM(config, seed, dtype)
