"""How fast the machine is at this very moment: matrix products, copies, the clock around a call."""

import time
from collections.abc import Callable

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
