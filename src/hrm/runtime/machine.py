"""How fast the machine is at this very moment: matrix products, memory, the clock around a call, peak memory."""

import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

Product = tuple[int, int, int]
"""Rows, inputs and outputs of a matrix product (M, K) × (K, N)."""

COPIED_MIB = 256
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def synchronize(device: torch.device) -> None:
    """Wait until everything that was started on the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def seconds_per_call(call: Callable[[], object], seconds: float, device: torch.device) -> float:
    """Return the mean duration of a call in seconds, repeated until ``seconds`` have passed, once at least."""
    synchronize(device)
    calls, began = 0, time.perf_counter()
    while True:
        call()
        synchronize(device)
        calls += 1
        took = time.perf_counter() - began
        if took >= seconds:
            return max(took, 1e-9) / calls


def product_rate(product: Product, dtype: str, seconds: float, device: torch.device) -> float:
    """Return the GFLOP/s of one matrix product, measured for ``seconds``, after one call that does not count."""
    rows, inputs, outputs = product
    generator = torch.Generator(device).manual_seed(0)
    x, weight = (
        torch.randn(shape, generator=generator, device=device).to(DTYPES[dtype])
        for shape in ((rows, inputs), (outputs, inputs))
    )
    with torch.inference_mode():
        F.linear(x, weight)
        took = seconds_per_call(lambda: F.linear(x, weight), seconds, device)
    return 2 * rows * inputs * outputs / took / 1e9


def copy_rate(seconds: float, device: torch.device) -> float:
    """Return the GB/s at which 256 MiB are copied; a byte that is read and written counts twice."""
    source = torch.ones(COPIED_MIB * 2**18, device=device)
    target = torch.zeros_like(source)
    took = seconds_per_call(lambda: target.copy_(source), seconds, device)
    return 2 * COPIED_MIB * 2**20 / took / 1e9


def peak_mib(device: torch.device) -> float | None:
    """Return the most memory that this process has held, in MiB: on CUDA what torch allocated, else resident memory.

    On Linux this is ``VmHWM``: ``ru_maxrss`` of a fresh process still holds the peak of the one that started it.
    None on Windows, which has neither.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    status = Path("/proc/self/status")
    if status.exists():
        lines = (line.split() for line in status.read_text(encoding="utf-8").splitlines())
        return next(int(line[1]) for line in lines if line[0] == "VmHWM:") / 2**10
    if sys.platform == "win32":
        return None
    import resource

    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / 2**20 if sys.platform == "darwin" else held / 2**10


def machine(device: torch.device) -> dict[str, Any]:
    """Say what the timings were taken on."""
    return {
        "machine": f"{_processor()} ({platform.system()} {platform.machine()})",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
