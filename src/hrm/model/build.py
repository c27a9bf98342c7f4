"""From a configuration to its network."""

import pkgutil

import torch

from hrm.model.network import Network
from hrm.model.network_config import NetworkConfig


def build(config: NetworkConfig, seed: int = 0, dtype: torch.dtype = torch.float32) -> Network:
    """Return a fresh network, with random weights named by the seed."""
    return pkgutil.resolve_name(config.network)(config, seed, dtype)
