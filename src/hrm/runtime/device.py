"""Where to compute and in which arithmetic, and what torch says about that place."""

import platform
from typing import Any

import torch

from hrm.errors import UsageError
from hrm.runtime.machine import peak_resident_mib, processor


def choose_device(name: str) -> torch.device:
    """Return the device of that name; auto: CUDA, else MPS, else the CPU.

    Raises:
        UsageError: this machine, or this build of torch, has no such device.
    """
    usable = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    available = [device for device, works in usable.items() if works]
    if name != "auto" and name not in available:
        raise UsageError(f"device {name!r} is not available here; choose auto or one of: {', '.join(available)}")
    return torch.device(available[0] if name == "auto" else name)


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the dtype of the arithmetic; auto: bf16 where the hardware multiplies in it.

    That is: CUDA from compute capability 8.0, CPUs with AMX or AVX512-BF16.

    Raises:
        UsageError: there is no such precision.
    """
    if name not in ("auto", "fp32", "bf16"):
        raise UsageError(f"precision {name!r} does not exist; choose auto, fp32 or bf16")
    if name == "fp32":
        return torch.float32
    if name == "bf16" or has_bf16(device):
        return torch.bfloat16
    return torch.float32


def has_bf16(device: torch.device) -> bool:
    """Say whether matrix products in bf16 are faster than in fp32 on this device."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        has = torch.cpu.get_capabilities()
        return bool(has.get("amx_bf16") or has.get("avx512_bf16"))
    return False


def described(device: torch.device, dtype: torch.dtype) -> str:
    """Return where and how is computed, in words: ``on cpu (2 threads) in bfloat16``."""
    count = torch.get_num_threads()
    threads = f" ({count} thread{'s' * (count != 1)})" if device.type == "cpu" else ""
    return f"on {device}{threads} in {str(dtype).removeprefix('torch.')}"


def machine(device: torch.device) -> dict[str, Any]:
    """Return what timings on a device were taken with: machine, device, threads and versions."""
    return {
        "machine": f"{processor()} ({platform.system()} {platform.machine()})",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def peak_mib(device: torch.device) -> float | None:
    """Return the most memory that this process has held, in MiB: on CUDA what torch allocated, else resident memory."""
    return torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else peak_resident_mib()
