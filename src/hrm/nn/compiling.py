"""Compile a function where the machine can, and say so; run it as it is where the machine cannot."""

import shutil
import sys
from collections.abc import Callable
from typing import Any

import torch

_VARIANTS = 1024
"""Compiled variants of one function in a process: one for each network, mode and batch size."""

_said = False


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled for fixed shapes, with a note on stderr before the wait.

    The compiler's cache is kept on disk between runs, so only the first run of a network of given sizes waits long.
    """
    if not can_compile():
        _say("no C++ compiler found: running without compilation (install g++ or clang to train faster)")
        return function
    _say("compiling the network: the first update takes up to a minute or two, later runs much less")
    from torch._dynamo import config as dynamo  # here, because importing it takes a second

    dynamo.recompile_limit = max(dynamo.recompile_limit, _VARIANTS)  # torch's default of 8 falls back without a word
    dynamo.accumulated_recompile_limit = max(dynamo.accumulated_recompile_limit, _VARIANTS)
    return torch.compile(function, dynamic=False)


def can_compile() -> bool:
    """Say whether torch can generate code on this machine: a C++ compiler for the CPU, Triton for CUDA."""
    return sys.platform != "win32" and any(shutil.which(name) for name in ("g++", "clang++", "c++"))


def _say(note: str) -> None:
    global _said
    if not _said:
        print(note, file=sys.stderr)
    _said = True
