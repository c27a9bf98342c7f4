"""One thread that computes for all clients: a bounded queue, a deadline for each request, one batch for each model.

A puzzle enters the batch of its model as soon as another one leaves, whatever the two ask for; requests take turns. A
request that nobody waits for any more, because its deadline has passed or its client has gone, leaves after the present
segment with all its puzzles.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

import numpy as np
from jaxtyping import UInt8

from hrm.errors import HrmError
from hrm.inference.answer import Answer
from hrm.inference.engine import Engine, Job
from hrm.inference.search import Effort
from hrm.inference.solver import Solver

log = logging.getLogger(__name__)


class BusyError(HrmError):
    """The queue is full: ask again later."""


class StoppingError(HrmError):
    """The server finishes what it has accepted, and takes no more."""


class LateError(HrmError):
    """The deadline of a request has passed before its answers were found."""


@dataclass(frozen=True)
class Options:
    """How to solve."""

    model: str
    trace: bool
    max_segments: int | None = None
    attempts: int | None = None
    effort: Effort | None = None
    """In place of the two numbers."""
    task: str | None = None
    """That the puzzles belong to, where the model knows tasks."""


@dataclass(eq=False)
class Ticket:
    """A request on its way: its parsed puzzles, and the place for its answers."""

    options: Options
    inputs: Sequence[UInt8[np.ndarray, " C"]]
    deadline: float
    """As ``time.monotonic`` counts."""
    result: Future[list[Answer]] = field(default_factory=Future)
    """Cancel it when nobody waits for the answers any more."""
    begun: int = 0
    """Puzzles that have begun."""
    answers: dict[int, Answer] = field(default_factory=dict)
    """By the places of their puzzles."""

    @property
    def is_awaited(self) -> bool:
        """Whether somebody still waits; a request whose deadline has passed is told so."""
        if not self.result.done() and time.monotonic() >= self.deadline:
            self.fail(LateError("the deadline passed before every puzzle was solved"))
        return not self.result.done()

    def take(self, place: int, answer: Answer) -> None:
        """Note the answer to a puzzle; the last one completes the request."""
        self.answers[place] = answer
        if len(self.answers) == len(self.inputs):
            with suppress(InvalidStateError):  # cancelled at this moment
                self.result.set_result([self.answers[place] for place in range(len(self.inputs))])

    def fail(self, error: BaseException) -> None:
        """Tell whoever waits that there will be no answer."""
        with suppress(InvalidStateError):
            self.result.set_exception(error)


class Worker:
    """The thread and its queue.

    Args:
        solvers: the models by name.
        queue: requests that may wait; those that have begun are not counted.
        on_batch: told the number of puzzles of every batch before it runs a segment.
    """

    def __init__(self, solvers: Mapping[str, Solver], queue: int, on_batch: Callable[[int], None] = lambda size: None):
        self._solvers = dict(solvers)
        self._engines = {name: solver.engine() for name, solver in solvers.items()}
        self._queue, self._on_batch = queue, on_batch
        self._waiting: dict[Ticket, None] = {}  # in order
        self._open: list[Ticket] = []  # begun, with puzzles that are not
        self._work: dict[Job, tuple[Ticket, int]] = {}  # the request of each puzzle in work, and its place there
        self._numbers = count()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="hrm-serve", daemon=True)

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

    def _run(self) -> None:
        while self._begin():
            for name, engine in self._engines.items():
                if engine.jobs:
                    self._on_batch(len(engine.jobs))
                    self._advance(name, engine)

    def _begin(self) -> bool:
        """Wait for work, give up what nobody waits for, and begin puzzles where there is room; False: the end."""
        while True:
            self._drop([job for job, (ticket, _) in self._work.items() if not ticket.is_awaited])
            with self._changed:
                waiting = list(self._waiting)
                if not (self._work or self._open or waiting):
                    if self._stopping:
                        return False
                    self._changed.wait(timeout=0.5)  # refuse_more does not wake it
                    continue
            self._fill([ticket for ticket in (*self._open, *waiting) if ticket.is_awaited])
            return True

    def _fill(self, tickets: list[Ticket]) -> None:
        """Begin one puzzle of each request in turn, so that a large one holds up nobody."""
        left = tickets
        while left := [ticket for ticket in left if self._begin_next(ticket)]:
            pass
        self._open = [ticket for ticket in tickets if 0 < ticket.begun < len(ticket.inputs) and ticket.is_awaited]

    def _begin_next(self, ticket: Ticket) -> bool:
        """Begin a puzzle of a request if there is room, and say whether there may be another."""
        options, place = ticket.options, ticket.begun
        engine = self._engines[options.model]
        if place == len(ticket.inputs) or not engine.room:
            return False
        self._forget(ticket)
        try:
            job = self._solvers[options.model].job(
                next(self._numbers), ticket.inputs[place], options.trace, options.max_segments, options.attempts,
                options.effort, task=options.task,
            )  # fmt: skip
        except HrmError as error:
            ticket.fail(error)
            return False
        engine.begin(job)
        self._work[job], ticket.begun = (ticket, place), place + 1
        return True

    def _advance(self, name: str, engine: Engine) -> None:
        """Run one segment of a model's batch, and hand out what is done."""
        jobs = engine.jobs
        try:
            done = [(job, self._solvers[name].answer(job)) for job in engine.step()]
        except Exception as error:
            if not isinstance(error, HrmError):
                log.exception("a batch failed")
            for job in jobs:
                self._work[job][0].fail(error)
            self._drop(jobs)
            return
        for job, answer in done:
            ticket, place = self._work.pop(job)
            ticket.take(place, answer)

    def _drop(self, jobs: Sequence[Job]) -> None:
        for engine in self._engines.values():
            engine.drop(jobs)
        for job in jobs:
            del self._work[job]
