"""Copies between the host and the device that let neither wait for the other longer than it must."""

import numpy as np
import torch
from torch import Tensor


def to_device(array: np.ndarray, device: torch.device) -> Tensor:
    """Return an array on a device. CUDA copies it from page-locked memory, while the host goes on."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class HostCopy:
    """A copy of a tensor in host memory, which CUDA makes while the host goes on.

    It waits for what was queued on the device before it, and for nothing that comes later.
    """

    def __init__(self, tensor: Tensor):
        """Begin to copy."""
        self._tensor, self._done = tensor.detach(), None
        if tensor.device.type == "cuda":
            copy = torch.empty_like(tensor, device="cpu", pin_memory=True)
            self._tensor = copy.copy_(tensor, non_blocking=True)
            self._done = torch.cuda.Event()
            self._done.record()

    def wait(self) -> np.ndarray:
        """Return the copy once it is complete."""
        if self._done is not None:
            self._done.synchronize()
        return self._tensor.cpu().numpy()
