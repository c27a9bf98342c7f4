"""What the machine is and has: processor, cores, memory. Needs no torch."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

_OUT_OF_MEMORY = "out of memory", "allocate memory", "not enough memory", "status_alloc_failed"
"""In the messages of CUDA and MPS, of CPUs, of CPUs under Windows, of cuBLAS and cuDNN."""


def processor() -> str:
    """Return the name of the processor."""
    return _proc("cpuinfo").get("model name") or platform.processor() or platform.machine()


def cores() -> int:
    """Return how many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def memory_bytes() -> tuple[int | None, int | None]:
    """Return total and available memory; None where the system does not say."""
    memory = _proc("meminfo")
    if "MemTotal" in memory:
        total, free = (_kib(memory.get(key, memory["MemFree"])) for key in ("MemTotal", "MemAvailable"))
        return total * 1024, free * 1024
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), None
    except (AttributeError, ValueError, OSError):
        return None, None


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an error means that the memory of the device, or of this machine, was not enough.

    Of torch's errors the words are what all have in common: CUDA, MPS and CPUs raise different classes.
    """
    said = str(error).lower() if isinstance(error, RuntimeError) else ""
    return isinstance(error, MemoryError) or any(words in said for words in _OUT_OF_MEMORY)


def nvidia_gpus() -> list[str]:
    """Return the names of the NVIDIA GPUs that the driver lists, whether torch can use them or not."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):  # a driver without a GPU fails
        return []
    return done.stdout.split("\n")[:-1]


def peak_resident_mib() -> float | None:
    """Return the most memory that this process has held, in MiB; None on Windows.

    On Linux this is ``VmHWM``: ``ru_maxrss`` of a fresh process still holds the peak of the one that started it.
    """
    if peak := _proc("self/status").get("VmHWM"):
        return _kib(peak) / 2**10
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _proc(name: str) -> dict[str, str]:
    """Return keys and values of a file in Linux's ``/proc``, the first of each key; empty elsewhere."""
    try:
        lines = Path("/proc", name).read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in reversed(lines))}


def _kib(value: str) -> int:
    return int(value.removesuffix("kB"))
