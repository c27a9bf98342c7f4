"""Run a stream of puzzles: small batches, finished puzzles leave, answers come in order.

A puzzle that is done makes room for the next one. Axes: B batch, C cells.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from hrm.errors import HrmError
from hrm.inference.answer import SegmentOutput
from hrm.inference.search import Plan, Search, Start
from hrm.inference.slots import KeyedSlots
from hrm.model.follow import Row
from hrm.model.network import Embedded, Latents, Network


@dataclass(frozen=True)
class Attempt:
    """One run from its beginning."""

    outputs: tuple[SegmentOutput, ...] = ()
    """After every segment where a trace is kept, else after the last one; each is a batch of one."""
    segments: int = 0
    """Segments run."""
    settled: int = 0
    """The last segment that changed the answer."""

    def after(self, output: SegmentOutput, trace: bool) -> "Attempt":
        """Return this run one segment further."""
        segments = self.segments + 1
        changed = not self.outputs or not np.array_equal(self.outputs[-1].tokens, output.tokens)
        outputs = (*self.outputs, output) if trace else (output,)
        return Attempt(outputs, segments, segments if changed else self.settled)


class Job:
    """A puzzle in work.

    Args:
        number: its place in the stream.
        search: yields how its runs begin.
        total: segments that all its runs may take together.
        trace: keep the answers after every segment of a run.
    """

    def __init__(self, number: int, inputs: UInt8[np.ndarray, " C"], search: Search, total: int, trace: bool):
        """Begin with the first run."""
        self.number, self.inputs = number, inputs
        self._search, self._total, self._trace = search, total, trace
        self.start = next(search)
        """How the present run began; once the job is done, that which gave the answer."""
        self.attempt = Attempt()
        """The present run, and in the end the one that gave the answer; all answers are to the puzzle as it is."""
        self.attempts, self.segments, self.done = 1, 0, False
        self._first: tuple[Start, Attempt] | None = None

    @property
    def place(self) -> Row:
        """Which segment of which run comes next."""
        return Row(self.number, self.attempts, self.attempt.segments + 1)

    @property
    def key(self) -> tuple[int, int]:
        """The puzzle and the present run, by their numbers."""
        return self.number, self.attempts

    def own(self, output: SegmentOutput) -> SegmentOutput:
        """Return the answer to the puzzle as it is, where this is the one to what the network sees."""
        return output if self.start.image is None else output.mapped_back(self.start.image)

    def advance(self, output: SegmentOutput, stops: bool) -> None:
        """Note the answer after one more segment, and stop, go on, or begin another run."""
        self.attempt = self.attempt.after(output, self._trace)
        self.segments += 1
        if stops:
            self.done = True
        elif self.segments >= self._total:
            self._give_up()
        elif self.attempt.segments >= self.start.segments:
            self._first = self._first or (self.start, self.attempt)
            try:
                self.start = self._search.send(output.tokens[0])
            except StopIteration:
                self._give_up()
            else:
                self.attempt, self.attempts = Attempt(), self.attempts + 1

    def _give_up(self) -> None:
        """End with the answer to the puzzle itself, for want of one that keeps the rules."""
        self.done = True
        self.start, self.attempt = self._first or (self.start, self.attempt)


@dataclass
class Engine:
    """Runs puzzles through a network until each may stop."""

    model: Network
    embed: Callable[[UInt8[np.ndarray, "B C"]], Embedded]
    """Returns a batch of parsed puzzles as the network sees it."""
    segment: Callable[[Latents, Embedded, UInt8[np.ndarray, "B C"], Sequence[Row]], tuple[Latents, SegmentOutput]]
    """Runs one segment of a batch, told what its rows are."""
    stops: Callable[[UInt8[np.ndarray, "B C"], SegmentOutput], Bool[np.ndarray, " B"]]
    """Says which puzzles may stop with these answers."""
    plan: Plan
    """Returns the search for a puzzle: the runs to make, one after the other, until it may stop."""
    total: int
    """Segments that all runs of a puzzle may take together."""
    capacity: int
    """Puzzles in work at once, at most."""
    trace: bool
    """Keep the answers after every segment."""

    def run(self, puzzles: Iterator[UInt8[np.ndarray, " C"]]) -> Iterator[Job]:
        """Yield the puzzles with their answers, in order, each as soon as it and all before it are done.

        What is wrong with a puzzle ends the stream, once the puzzles before it are answered.
        """
        waiting = enumerate(puzzles)
        jobs: list[Job] = []
        done: dict[int, Job] = {}
        slots = KeyedSlots(self.model, self.embed, self.capacity)
        fault: HrmError | None = None
        due = 0
        while True:
            # take new puzzles while there is room
            try:
                while fault is None and len(jobs) < self.capacity and (following := next(waiting, None)):
                    number, inputs = following
                    jobs.append(Job(number, inputs, self.plan(inputs), self.total, self.trace))
            except HrmError as error:
                fault = error
            if not jobs:
                break
            # run one segment of all, and let the finished ones leave
            self._advance(jobs, slots)
            done |= {job.number: job for job in jobs if job.done}
            jobs = [job for job in jobs if not job.done]
            # hand out what is due, in order
            while due in done:
                yield done.pop(due)
                due += 1
        if fault is not None:
            raise fault

    @torch.inference_mode()
    def _advance(self, jobs: list[Job], slots: KeyedSlots) -> None:
        """Run one segment of every puzzle in work."""
        slots.fill([job.key for job in jobs], lambda row: jobs[row].start.view)
        slots.latents, output = self.segment(slots.latents, slots.x, slots.inputs, [job.place for job in jobs])
        answers = [job.own(output.rows(slice(row, row + 1))) for row, job in enumerate(jobs)]
        # the rules are those of the puzzle itself, whatever the network saw
        stops = self.stops(np.stack([job.inputs for job in jobs]), SegmentOutput.join(answers))
        for job, answer, stop in zip(jobs, answers, stops.tolist(), strict=True):
            job.advance(answer, stop)
