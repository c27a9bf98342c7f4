"""Compile a function where the machine can, and say so; run it as it is where the machine cannot."""

import shutil
import sys
from collections.abc import Callable
from typing import Any

import torch

from hrm.runtime.environment import rank

_VARIANTS = 1024
"""Compiled variants of one function in a process: one for each network, mode and batch size."""

_noted: set[str] = set()


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function compiled for fixed shapes, with a note on stderr before the wait.

    The compiler's cache is kept on disk between runs, so only the first run of a network of given sizes waits long.
    Where there is no compiler, or it fails, the function runs as it is, and a note says so.
    """
    if not can_compile():
        _note("no C++ compiler found: running without compilation (install g++ or clang to train faster)")
        return function
    _note("compiling the network: the first update takes up to a minute or two, later runs much less")
    from torch._dynamo import config as dynamo  # here, because importing it takes a second
    from torch._dynamo.exc import BackendCompilerFailed

    dynamo.recompile_limit = max(dynamo.recompile_limit, _VARIANTS)  # torch's default of 8 falls back without a word
    dynamo.accumulated_recompile_limit = max(dynamo.accumulated_recompile_limit, _VARIANTS)
    fast = torch.compile(function, dynamic=False)
    works = True

    def call(*arguments: Any) -> Any:
        nonlocal works
        if works:
            try:
                return fast(*arguments)
            except BackendCompilerFailed as error:
                works = False
                _note(f"the compiler failed, running without compilation: {str(error).strip().splitlines()[0]}")
        return function(*arguments)

    return call


def can_compile() -> bool:
    """Say whether torch can generate code on this machine: there is a C++ compiler."""
    return sys.platform != "win32" and compiler() is not None


def compiler() -> str | None:
    """Return the path of a C++ compiler, or None where there is none."""
    return next(filter(None, map(shutil.which, ("g++", "clang++", "c++"))), None)


def _note(text: str) -> None:
    if text not in _noted and not rank():
        print(text, file=sys.stderr)
    _noted.add(text)
