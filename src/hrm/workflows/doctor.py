"""Check the machine and the installation: what works, what could be better, what is broken.

No check may fail because something is broken: each one imports what it looks at itself.
"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from hrm.runtime.machine import cores, memory_bytes, processor

LEAST_PYTHON = (3, 11)
GIB = 2**30
LITTLE_DISK, LITTLE_MEMORY = 1 * GIB, 2 * GIB
"""Below these a note says so: a run of the largest shipped recipe for small machines needs about as much."""

State = Literal["ok", "note", "broken"]
Finding = tuple[State, str, str]
"""State, detail, hint."""


@dataclass(frozen=True)
class Check:
    """One thing that was checked, and how it is."""

    name: str
    state: State
    """ok, note (works, could be better) or broken (needed, and does not work)."""
    detail: str
    hint: str
    """What to do; empty where there is nothing to do."""


def examine(cache: Callable[[], Path], runs: Path) -> list[Check]:
    """Run all checks.

    Args:
        cache: returns the cache folder, or raises why there is none.
        runs: the folder in which runs will be written.
    """
    checks: dict[str, Callable[[], Finding]] = {
        "Python": _python,
        "hrm": _package,
        "torch": _torch,
        "device": _device,
        "threads": _threads,
        "bf16": _bf16,
        "memory": _memory,
        "run folder": lambda: _folder(runs),
        "cache folder": lambda: _folder(cache()),
        "shipped models": _models,
        "matplotlib": _matplotlib,
        "C++ compiler": _compiler,
    }
    return [_checked(name, check) for name, check in checks.items()]


def _checked(name: str, check: Callable[[], Finding]) -> Check:
    try:
        return Check(name, *check())
    except Exception as error:  # whatever is broken is what we are here to report
        return Check(name, "broken", f"{type(error).__name__}: {error}", _HINTS.get(name, ""))


_HINTS = {
    "torch": "install it again: pip install --force-reinstall 'torch>=2.11' (see https://pytorch.org)",
    "cache folder": "give --cache FOLDER, or set HRM_CACHE",
    "shipped models": "install hrm again: its files are damaged",
}


def _python() -> Finding:
    detail = f"{platform.python_version()}, {sys.executable}"
    if sys.version_info < LEAST_PYTHON:
        return "broken", detail, "hrm needs Python 3.11 or later"
    return "ok", detail, ""


def _package() -> Finding:
    where = Path(__file__).parents[1]
    try:
        return "ok", f"{version('hierarchical-reasoning')}, {where}", ""
    except PackageNotFoundError:
        return "note", f"not installed, run from {where}", "pip install -e . in the source folder"


def _torch() -> Finding:
    import torch

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU"
    if getattr(torch.version, "hip", None):
        build = f"ROCm {torch.version.hip}"
    total = float((torch.ones(8, 8) @ torch.ones(8, 8)).sum())
    if total != 512:
        return "broken", f"{torch.__version__}: a product of ones gives {total}", _HINTS["torch"]
    return "ok", f"{torch.__version__}, {build} build", ""


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        names = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        return "ok", "cuda: " + ", ".join(f"{each.name}, {each.total_memory / GIB:.0f} GiB" for each in names), ""
    if torch.backends.mps.is_available():
        return "ok", f"mps: {platform.machine()}", ""
    detail = f"cpu: {processor()}"
    if shutil.which("nvidia-smi") and not torch.version.cuda:
        return "note", detail, "there seems to be an NVIDIA GPU, but torch is a CPU build: see https://pytorch.org"
    return "ok", detail, ""


def _threads() -> Finding:
    import torch

    threads, chosen = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    detail = f"{threads} of {cores()} CPU cores" + (f" (OMP_NUM_THREADS={chosen})" if chosen else "")
    if threads > cores():
        return "note", detail, f"more threads than cores slow everything down: set OMP_NUM_THREADS={cores()}"
    return "ok", detail, ""


def _bf16() -> Finding:
    import torch

    from hrm.runtime.device import choose_device, has_bf16

    device = choose_device("auto")
    units = ""
    if device.type == "cpu":
        has = torch.cpu.get_capabilities()
        units = ", ".join(name for name in ("amx_bf16", "avx512_bf16", "avx512_f", "avx2") if has.get(name))
        units = f" ({units})" if units else ""
    if has_bf16(device):
        return "ok", f"used for arithmetic on {device.type}{units}", ""
    return "note", f"no hardware for it on {device.type}{units}: arithmetic is fp32", ""


def _memory() -> Finding:
    total, free = memory_bytes()
    if total is None:
        return "ok", "not known on this system", ""
    detail = f"{(total if free is None else free) / GIB:.1f} of {total / GIB:.1f} GiB available"
    if (free or total) < LITTLE_MEMORY:
        return "note", detail, "close other programs, or lower --train.batch-size"
    return "ok", detail, ""


def _folder(folder: Path) -> Finding:
    """Check that a folder, or the nearest one above it that exists, can be written and has space."""
    existing = folder.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        return "broken", f"{folder} cannot be written: {error.strerror}", _HINTS["cache folder"]
    free = shutil.disk_usage(existing).free
    detail = f"{folder.absolute()}, {free / GIB:.1f} GiB free"
    return ("note", detail, "little space is left") if free < LITTLE_DISK else ("ok", detail, "")


def _models() -> Finding:
    from hrm import pretrained
    from hrm.checkpoint import verify_checkpoint

    names = pretrained.names()
    for name in names:
        verify_checkpoint(pretrained.path(name))
    return "ok", f"{', '.join(names)}: every byte verified", ""


def _matplotlib() -> Finding:
    try:
        from hrm.viz.figures.style import require_matplotlib

        require_matplotlib()
        return "ok", version("matplotlib"), ""
    except Exception as error:  # broken installations raise anything
        return "note", f"not usable: {error}", "figures need it: pip install 'hierarchical-reasoning[plot]'"


def _compiler() -> Finding:
    from hrm.runtime.compiling import can_compile, compiler

    if can_compile():
        return "ok", f"{compiler()}: --train.compile true can be used", ""
    return "note", "none: --train.compile runs without compilation", "install g++ or clang to train faster"
