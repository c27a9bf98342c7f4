"""The processes of one job: which of them this is, and what they tell each other.

``torchrun --nproc-per-node N -m hrm train …`` starts N processes, each with a rank; one process alone is a world of
its own. Small facts (counts, signals, checkpoints) travel over gloo between CPUs, gradients over nccl between GPUs.
"""

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from hrm.errors import HrmError, UsageError
from hrm.runtime.environment import rank, require_whole_job

T = TypeVar("T")

WAIT = timedelta(minutes=30)
"""How long a process waits for the others before it gives the job up."""
LOOK_S = 0.2
"""Seconds between two looks whether the first process of a machine is ready."""


class PeerLostError(HrmError):
    """Another process of the job has ended, or cannot be reached."""


@dataclass(frozen=True)
class World:
    """The processes of a job, seen from one of them."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    """Number of this process among those of its machine."""

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.rank == 0

    def share(self, slots: int) -> slice:
        """Return which slots of a bank are this process's; all have as many.

        Raises:
            UsageError: they cannot be shared equally.
        """
        if slots % self.size:
            near = max(round(slots / self.size), 1) * self.size
            raise UsageError(
                f"train.batch_size {slots} cannot be shared by {self.size} processes equally: "
                f"give --train.batch-size {near}, or start another number of processes"
            )
        each = slots // self.size
        return slice(self.rank * each, (self.rank + 1) * each)

    def all_of(self, value: T) -> list[T]:
        """Return the value that each process gave, in the order of their ranks."""
        if self.size == 1:
            return [value]
        values: list[T | None] = [None] * self.size
        with reporting_lost_peers():
            dist.all_gather_object(values, value)
        return values  # pyright: ignore[reportReturnType]

    def in_turn(self, own: Iterable[T]) -> Iterable[T]:
        """Return what all have of a list that was dealt out in turn: item i went to rank i modulo ``size``.

        What one process raises while it makes its own, all raise.
        """
        if self.size == 1:
            return own
        try:
            made = list(own)
        except Exception as error:
            self.all_of(error)
            raise
        parts: list[list[T]] = []
        for part in self.all_of(made):
            if isinstance(part, Exception):
                raise part
            parts.append(part)
        count = sum(map(len, parts))
        return [parts[number % self.size][number // self.size] for number in range(count)]

    def counts(self, count: int) -> list[int]:
        """Return the count that each process gave."""
        if self.size == 1:
            return [count]
        return self.joined(torch.tensor([int(count)])).tolist()

    def sums(self, values: Tensor) -> Tensor:
        """Return the sum over the processes of a tensor of any shape, on its device."""
        if self.size > 1:
            with reporting_lost_peers():
                dist.all_reduce(values)
        return values

    def joined(self, rows: Tensor) -> Tensor:
        """Return the rows of all processes, in the order of their ranks; each gives as many."""
        if self.size == 1:
            return rows
        everyone = [torch.empty_like(rows) for _ in range(self.size)]
        if rows.numel():
            with reporting_lost_peers():
                dist.all_gather(everyone, rows.contiguous())
        return torch.cat(everyone)

    def from_leader(self, make: Callable[[], T]) -> T:
        """Return what the leading process makes, to all of them; only that one makes it."""
        if self.size == 1:
            return make()
        value = [make() if self.leads else None]
        with reporting_lost_peers():
            dist.broadcast_object_list(value, src=0)
        return value[0]  # pyright: ignore[reportReturnType]

    def first_on_each_machine(self, make: Callable[[], T]) -> T:
        """Return what ``make`` returns; on each machine one process goes first, and the others find its files.

        They wait for it as long as it takes: making many puzzles may take longer than ``WAIT``.
        """
        if self.size == 1 or _meeting is None:
            return make()
        mark = f"{socket.gethostname()} made {next(_made)}"
        if self.local_rank == 0:
            value = make()
            _meeting.set(mark, "")
            return value
        with reporting_lost_peers():
            while not _meeting.check([mark]):
                time.sleep(LOOK_S)
        return make()


ALONE = World()
"""One process that is no part of a job."""

_current = ALONE
_meeting: dist.Store | None = None
"""Through what the processes found each other."""
_made = count()


def join() -> World:
    """Return the world of this process, and connect to the other processes where there are some.

    The connections end with the process: see ``hrm.runtime.environment.end``.

    Raises:
        UsageError: there are more processes on a machine than GPUs, or no word of where the others are.
        PeerLostError: the others cannot be reached.
    """
    global _current, _meeting
    require_whole_job()
    if _current.size > 1 or (own := rank()) is None:
        return _current
    size, local = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_RANK"])
    backend = "gloo"
    if torch.cuda.is_available():
        if local >= torch.cuda.device_count():
            raise UsageError(
                f"there are more processes than GPUs on this machine: give torchrun --nproc-per-node "
                f"{torch.cuda.device_count()}, or set CUDA_VISIBLE_DEVICES= to compute on the CPU"
            )
        torch.cuda.set_device(local)  # from here on "cuda" is this one
        backend = "cpu:gloo,cuda:nccl"
    with reporting_lost_peers():
        store, _, _ = next(dist.rendezvous("env://", timeout=WAIT))
        _meeting = _of_this_start(store)
        dist.init_process_group(backend, timeout=WAIT, store=_meeting, rank=own, world_size=size)
    _current = World(own, size, local)
    return _current


def _of_this_start(store: dist.Store) -> dist.Store:
    """Return what the processes exchange their addresses through, without the addresses of processes that have died.

    After a restart on one machine torchrun (2.13) hands out the store of the first start. For several machines see
    docs/scale.md: each counts its own restarts.
    """
    if os.environ.get("GROUP_WORLD_SIZE", "1") != "1":
        return store
    return dist.PrefixStore(f"start {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


@contextmanager
def reporting_lost_peers() -> Iterator[None]:
    """Say in one line that another process is gone, in place of the traceback of a broken connection."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):  # which raises a plain RuntimeError
            raise
        reason = str(error).strip().splitlines()[0][:160]
        raise PeerLostError(
            f"another process of the job has ended or cannot be reached ({reason}): see its own last lines; "
            "the same command resumes from the newest checkpoint"
        ) from None
