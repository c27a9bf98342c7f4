"""Check the machine and the installation: what works, what could be better, what is broken.

No check may fail because something is broken: each one imports what it looks at itself.
"""

import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from hrm.runtime.machine import cores, memory_bytes, nvidia_gpus, processor

LEAST_PYTHON = (3, 11)
HOLES = {
    "torch": ("2.11", "CVE-2025-32434 and CVE-2026-24747 (weights_only), CVE-2026-4538 (.pt2)"),
    "starlette": ("1.0.1", "CVE-2025-62727 (Range header), CVE-2026-48710 (Host header)"),
    "onnx": ("1.21", "CVE-2022-25882, CVE-2024-27318, CVE-2026-27489 (paths of external data)"),
    "h11": ("0.16", "CVE-2025-43859 (chunked bodies)"),
    "jinja2": ("3.1.6", "CVE-2025-27516 (sandbox)"),
    "filelock": ("3.20.1", "CVE-2025-68146 (links)"),
    "pillow": ("11.3", "CVE-2025-48379 (DDS)"),
}
"""The lowest version of each package that has none of the known holes, and those that it closed."""
UNUSED = ("dev", "notebook", "oracles")
"""Extras that no command needs."""
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
        "packages": _packages,
        "threads": _threads,
        "load": _load,
        "bf16": _bf16,
        "memory": _memory,
        "run folder": lambda: _folder(runs),
        "cache folder": lambda: _folder(cache()),
        "shipped models": _models,
        "matplotlib": _matplotlib,
        "C++ compiler": _compiler,
    }
    return [_checked(name, check) for name, check in checks.items()]


def as_markdown(checks: Iterable[Check]) -> str:
    """Return the checks as a Markdown table that can be pasted into a bug report."""
    cells = [(check.state, check.name, check.detail, check.hint) for check in checks]
    rows = [" | ".join(cell.replace("|", "\\|").replace("\n", "<br>") for cell in row) for row in cells]
    return "\n".join(["| | what | how it is | what to do |", "|---|---|---|---|", *(f"| {row} |" for row in rows)])


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
    """Say which build torch is, and whether it is the build for this machine."""
    import torch

    build = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU"
    if getattr(torch.version, "hip", None):
        build = f"ROCm {torch.version.hip}"
    detail = f"{torch.__version__}, {build} build"
    total = float((torch.ones(8, 8) @ torch.ones(8, 8)).sum())
    if total != 512:
        return "broken", f"{detail}: a product of ones gives {total}", _HINTS["torch"]
    gpus = nvidia_gpus()
    if gpus and build == "CPU":
        return "note", f"{detail}, which leaves {', '.join(gpus)} unused", _reinstall("auto")
    if torch.version.cuda and not gpus and not torch.cuda.is_available():
        return "note", f"{detail}, but no GPU here: the CPU build is smaller and does the same", _reinstall("cpu")
    return "ok", detail, ""


def _reinstall(backend: str) -> str:
    """Return the two lines that put another build of torch in the place of this one."""
    options = f"--torch-backend={backend} --reinstall-package torch"
    return f"pip install uv\nuv pip install --python {sys.executable} {options} torch"


def _device() -> Finding:
    """Say where auto computes, and why not on a GPU that is there."""
    import torch

    if torch.cuda.is_available():
        found = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
        detail = "cuda: " + ", ".join(f"{each.name}, {each.total_memory / GIB:.0f} GiB" for each in found)
        compiled = {name.partition("_")[2] for name in torch.cuda.get_arch_list()}
        foreign = [each.name for each in found if not _runs_on(compiled, each.major, each.minor)]
        if foreign:
            hint = "use --device cpu, or a build of torch for it: https://pytorch.org"
            return "broken", f"{detail}; this build of torch has no code for {', '.join(foreign)}", hint
        return "ok", detail, ""
    if torch.backends.mps.is_available():
        return "ok", f"mps: {platform.machine()}", ""
    detail = f"cpu: {processor()}"
    if torch.version.cuda and (gpus := nvidia_gpus()):
        hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
        if hidden is not None:
            return "note", detail, f"CUDA_VISIBLE_DEVICES={hidden} hides {', '.join(gpus)}: unset it to use the GPU"
        hint = f"torch cannot use {', '.join(gpus)}: update its driver, or take the build for the driver:\n"
        return "note", detail, hint + _reinstall("auto")
    return "ok", detail, ""


def _runs_on(compiled: set[str], major: int, minor: int) -> bool:
    """Say whether code for these architectures (``90``, ``120a``) runs on a GPU: the same major, no later minor."""
    numbers = [int(name.rstrip("abcdefghijklmnopqrstuvwxyz")) for name in compiled if name[:1].isdigit()]
    return not numbers or any(number // 10 == major and number % 10 <= minor for number in numbers)


def _packages() -> Finding:
    """Compare what is installed with the least versions that hrm asks for, and with the first safe ones."""
    asked = _asked_for()
    present: list[str] = []
    old: dict[str, str] = {}
    serious = False
    for name in sorted(HOLES.keys() | asked.keys()):
        safe, _ = HOLES.get(name, ("", ""))
        floor = max(safe, asked.get(name, ("", ""))[0], key=_numbers)
        needed = name in asked and not asked[name][1]
        try:
            found = version(name)
        except PackageNotFoundError:
            if needed:
                old[name], serious = f"{name} is missing, needed: {floor} or later", True
            continue
        present.append(f"{name} {found}")
        if _numbers(found) < _numbers(floor):
            unsafe = _numbers(found) < _numbers(safe)
            old[name] = f"{name} {found}, {'to be safe' if unsafe else 'needed'}: {floor} or later"
            serious |= needed or unsafe
    if not old:
        return "ok", f"{', '.join(present)}: none is older than allowed", ""
    hint = f"{sys.executable} -m pip install --upgrade {' '.join(old)}"
    return "broken" if serious else "note", "; ".join(old.values()), hint


def _asked_for() -> dict[str, tuple[str, str]]:
    """Return for each package that a command needs the least version, and the extra that it belongs to, or nothing."""
    try:
        lines = requires("hierarchical-reasoning") or []
    except PackageNotFoundError:
        lines = []
    pattern = r"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+)(?:;.*extra==['\"](\w+))?"
    found = [re.match(pattern, line.replace(" ", "")) for line in lines]
    return {each[1].lower(): (each[2], each[3] or "") for each in found if each and each[3] not in UNUSED}


def _numbers(text: str) -> tuple[int, ...]:
    """Return a version as numbers that compare: of ``2.13.0+cpu`` (2, 13, 0)."""
    return tuple(map(int, re.findall(r"\d+", text.partition("+")[0])))


def _threads() -> Finding:
    import torch

    threads, chosen = torch.get_num_threads(), os.environ.get("OMP_NUM_THREADS")
    detail = f"{threads} of {cores()} CPU cores" + (f" (OMP_NUM_THREADS={chosen})" if chosen else "")
    if threads > cores():
        return "note", detail, f"more threads than cores slow everything down: set OMP_NUM_THREADS={cores()}"
    return "ok", detail, ""


def _load() -> Finding:
    """Say whether other programs keep the cores busy."""
    if not hasattr(os, "getloadavg"):
        return "ok", "not known on this system", ""
    load = os.getloadavg()[0]
    detail = f"{load:.1f} programs on {cores()} CPU cores in the last minute"
    if load > cores():
        return (
            "note",
            detail,
            "other programs use the same cores: everything takes longer, and measured speeds are too low",
        )
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
