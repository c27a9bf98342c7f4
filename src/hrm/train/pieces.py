"""Gradient accumulation: the slots of an update in pieces that fit into memory, for the same gradient."""

from collections.abc import Callable
from typing import Literal

import torch

from hrm.errors import HrmError, UsageError
from hrm.runtime.machine import is_out_of_memory
from hrm.runtime.world import World


def pieces_of(size: int | Literal["auto"], slots: int, rehearse: Callable[[slice], None], world: World) -> list[slice]:
    """Return the slots of this process in equal pieces, one after the other.

    Args:
        size: slots in a piece; 0: all; auto: the most that fit, all or a half, a quarter … of them.
        slots: of this process.
        rehearse: runs forward and backward of some slots.
        world: the processes, which all take pieces of one size.

    Raises:
        UsageError: the slots are no multiple of ``size``.
        HrmError: not even one slot fits into memory.
    """
    if size == "auto":
        size = min(world.counts(_most_that_fit(slots, rehearse)))
    size = min(size, slots) or slots
    if slots % size:
        near = next(n for n in range(size, 0, -1) if not slots % n)
        each = "" if world.size == 1 else " of each process"
        raise UsageError(f"train.micro_batch {size} does not divide the {slots} slots{each}: give {near}, or auto")
    return [slice(start, start + size) for start in range(0, slots, size)]


def _most_that_fit(slots: int, rehearse: Callable[[slice], None]) -> int:
    size = slots
    while True:
        try:
            rehearse(slice(0, size))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            return size
        if size == 1:
            raise HrmError("not enough memory for a single slot: choose a smaller network")
        size = next(n for n in range(size // 2, 0, -1) if not slots % n)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
