"""From a configuration to its network."""

import torch

from hrm.model.config import DirectConfig, EquivariantConfig, NetworkConfig, RecurrentConfig
from hrm.model.direct import Direct
from hrm.model.equivariant import EquivariantHRM
from hrm.model.hrm import HRM
from hrm.model.recurrent import Recurrent

LoopNetwork = HRM | EquivariantHRM | Recurrent
"""The networks that run modules again and again, and go on from their latents."""

AnyNetwork = LoopNetwork | Direct
"""Any network that a configuration describes: its calls can be followed (``timesteps``), and any latents decoded."""


def build(config: NetworkConfig, seed: int = 0, dtype: torch.dtype = torch.float32) -> AnyNetwork:
    """Return a fresh network, with random weights named by the seed."""
    match config:
        case EquivariantConfig():
            return EquivariantHRM(config, seed, dtype)
        case RecurrentConfig():
            return Recurrent(config, seed, dtype)
        case DirectConfig():
            return Direct(config, seed, dtype)
        case _:
            return HRM(config, seed, dtype)
