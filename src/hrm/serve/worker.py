"""One thread that computes for all clients: a bounded queue, requests in batches, a deadline for each.

Requests that ask for the same (model, budget, trace) are solved together. Of a request that nobody waits for any more,
because its deadline has passed or its client has gone, no further puzzle is begun; where it holds others up, the batch
is given up, and the others begin again: the same puzzle gets the same answer however often it begins.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from hrm.errors import HrmError
from hrm.inference.answer import Answer
from hrm.inference.search import Effort
from hrm.inference.solver import Solver

TOGETHER = 64
"""Puzzles of one batch, at most, unless a single request has more."""

log = logging.getLogger(__name__)


class BusyError(HrmError):
    """The queue is full: ask again later."""


class StoppingError(HrmError):
    """The server finishes what it has accepted, and takes no more."""


class LateError(HrmError):
    """The deadline of a request has passed before its answers were found."""


class _GivenUpError(Exception):
    """Nobody waits any more for the puzzle whose answer is due next."""


@dataclass(frozen=True)
class Options:
    """How to solve; only requests with the same options share a batch."""

    model: str
    trace: bool
    max_segments: int | None = None
    attempts: int | None = None
    effort: Effort | None = None
    """In place of the two numbers."""


@dataclass(eq=False)
class Ticket:
    """A request on its way: its parsed puzzles, and the place for its answers."""

    options: Options
    inputs: Sequence[UInt8[np.ndarray, " C"]]
    deadline: float
    """As ``time.monotonic`` counts."""
    result: Future[list[Answer]] = field(default_factory=Future)
    """Cancel it when nobody waits for the answers any more."""
    answers: list[Answer] = field(default_factory=list)

    @property
    def is_awaited(self) -> bool:
        """Whether somebody still waits; a request whose deadline has passed is told so."""
        if not self.result.done() and time.monotonic() >= self.deadline:
            self.fail(LateError("the deadline passed before every puzzle was solved"))
        return not self.result.done()

    def take(self, answer: Answer) -> None:
        """Note the answer to the next puzzle; the last one completes the request."""
        self.answers.append(answer)
        if len(self.answers) == len(self.inputs):
            with suppress(InvalidStateError):  # cancelled at this moment
                self.result.set_result(self.answers)

    def fail(self, error: BaseException) -> None:
        """Tell whoever waits that there will be no answer."""
        with suppress(InvalidStateError):
            self.result.set_exception(error)


class _Watched(Solver):
    """A solver that asks after every segment whether to go on."""

    def __init__(self, solver: Solver, check: Callable[[], None]):
        super().__init__(
            solver.model, solver.puzzle, solver.max_segments, solver.batch_size, solver.table, solver.origin
        )
        self._check = check

    def decide(
        self, logits: Float[Tensor, "B C V"], inputs: UInt8[np.ndarray, "B C"]
    ) -> tuple[UInt8[np.ndarray, "B C"], Float32[np.ndarray, "B C"]]:
        """Return the most likely answers, unless nobody waits for them."""
        self._check()
        return super().decide(logits, inputs)


class Worker:
    """The thread and its queue.

    Args:
        solvers: the models by name.
        queue: requests that may wait; those in work are not counted.
        on_batch: told the number of puzzles of every batch before it begins.
    """

    def __init__(self, solvers: Mapping[str, Solver], queue: int, on_batch: Callable[[int], None] = lambda size: None):
        self._solvers = {name: _Watched(solver, self._check) for name, solver in solvers.items()}
        self._queue, self._on_batch = queue, on_batch
        self._waiting: dict[Ticket, None] = {}  # in order
        self._due: deque[Ticket] = deque()  # for each puzzle in work, in order, its request
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="hrm-serve", daemon=True)

    @property
    def waiting(self) -> int:
        """Number of requests in the queue."""
        return len(self._waiting)

    @property
    def is_ready(self) -> bool:
        """Whether requests are taken and worked on."""
        return self._thread.is_alive() and not self._stopping

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def submit(self, ticket: Ticket) -> None:
        """Put a request into the queue.

        Raises:
            BusyError: the queue is full.
            StoppingError: the server is stopping.
        """
        with self._changed:
            self.require_room()
            self._waiting[ticket] = None
            self._changed.notify()
        ticket.result.add_done_callback(lambda result: self._forget(ticket))

    def require_room(self) -> None:
        """Check that a request could be taken now, before anything is spent on reading it.

        Raises:
            BusyError: the queue is full.
            StoppingError: the server is stopping.
        """
        if self._stopping:
            raise StoppingError("the server is stopping")
        if len(self._waiting) >= self._queue:
            raise BusyError(f"{self._queue} requests are waiting already: ask again later")

    def _forget(self, ticket: Ticket) -> None:
        """Let a request leave the queue that nobody waits for any more."""
        with self._changed:
            self._waiting.pop(ticket, None)

    def refuse_more(self) -> None:
        """Take no more requests; those that were taken are answered. Safe to call from a signal handler."""
        self._stopping = True

    def stop(self, timeout_s: float | None = None) -> None:
        """Take no more requests, and wait until those that were taken are answered."""
        self.refuse_more()
        with self._changed:
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _work(self) -> None:
        while batch := self._next_batch():
            self._on_batch(sum(len(ticket.inputs) for ticket in batch))
            while batch := [ticket for ticket in batch if ticket.is_awaited]:
                try:
                    self._solve(batch)
                except _GivenUpError:
                    continue
                except Exception as error:
                    if not isinstance(error, HrmError):
                        log.exception("a batch failed")
                    for ticket in batch:
                        ticket.fail(error)

    def _next_batch(self) -> list[Ticket]:
        """Wait for requests; return the oldest one with those that can be solved along with it, or none at the end."""
        with self._changed:
            while True:
                waiting = [ticket for ticket in list(self._waiting) if ticket.is_awaited]
                if waiting or self._stopping:
                    break
                self._changed.wait(timeout=0.5)  # refuse_more does not wake it
            batch: list[Ticket] = []
            room = TOGETHER
            for ticket in waiting:
                if ticket.options == waiting[0].options and (not batch or len(ticket.inputs) <= room):
                    batch.append(ticket)
                    room -= len(ticket.inputs)
                    self._forget(ticket)
            return batch

    def _solve(self, batch: list[Ticket]) -> None:
        options, self._due = batch[0].options, deque()
        for ticket in batch:
            ticket.answers.clear()
        answers = self._solvers[options.model].solve_many(
            self._puzzles(batch),
            parsed=True,
            trace=options.trace,
            max_segments=options.max_segments,
            attempts=options.attempts,
            effort=options.effort,
        )
        for answer in answers:
            self._due.popleft().take(answer)

    def _puzzles(self, batch: list[Ticket]) -> Iterator[UInt8[np.ndarray, " C"]]:
        """Yield the puzzles whose answers are still awaited, each when there is room for it."""
        for ticket in batch:
            for inputs in ticket.inputs:
                if ticket.is_awaited:
                    self._due.append(ticket)
                    yield inputs

    def _check(self) -> None:
        if self._due and not self._due[0].is_awaited:
            raise _GivenUpError
