"""Run a stream of puzzles: small batches, finished puzzles leave, answers come in order.

A puzzle that is done makes room for the next one. Axes: B batch, C cells.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from hrm.errors import HrmError
from hrm.inference.answer import SegmentOutput
from hrm.inference.slots import KeyedSlots
from hrm.model.follow import Row
from hrm.model.network import Embedded, Latents, Network
from hrm.puzzles.base import Symmetries


@dataclass(frozen=True)
class Attempt:
    """One run of a puzzle from its beginning."""

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


@dataclass(eq=False)
class Job:
    """A puzzle in work."""

    number: int
    """Its place in the stream."""
    inputs: UInt8[np.ndarray, " C"]
    images: Sequence[Symmetries]
    """Symmetries under which to try again, each a batch of one."""
    attempts: list[Attempt] = field(default_factory=lambda: [Attempt()])
    """The first is of the puzzle as it is, the others are of its images; all answers are to the puzzle as it is."""
    done: bool = False

    @property
    def place(self) -> Row:
        """Which segment of which attempt comes next."""
        return Row(self.number, len(self.attempts), self.attempts[-1].segments + 1)

    @property
    def key(self) -> tuple[int, int]:
        """The puzzle and the present attempt at it, by their numbers."""
        return self.number, len(self.attempts)

    @property
    def view(self) -> UInt8[np.ndarray, " C"]:
        """The puzzle as the network sees it in the present attempt."""
        return self.inputs if len(self.attempts) == 1 else self._image.apply(self.inputs[None])[0]

    @property
    def _image(self) -> Symmetries:
        return self.images[len(self.attempts) - 2]

    def advance(self, output: SegmentOutput, stops: bool, budget: int, trace: bool) -> None:
        """Note the answer after one more segment, and stop, go on, or try again."""
        if len(self.attempts) > 1:
            output = output.mapped_back(self._image)
        self.attempts[-1] = self.attempts[-1].after(output, trace)
        if stops:
            self.done = True
        elif self.attempts[-1].segments >= budget:
            self.done = len(self.attempts) > len(self.images)
            # where no attempt has solved it, the answer is that to the puzzle itself
            self.attempts.append(self.attempts[0] if self.done else Attempt())


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
    budget: int
    """No attempt runs more segments."""
    images: Sequence[Symmetries]
    """Symmetries under which to try again, one after the other, a puzzle whose budget is used up."""
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
                    jobs.append(Job(*following, self.images))
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
        slots.fill([job.key for job in jobs], lambda row: jobs[row].view)
        slots.latents, output = self.segment(slots.latents, slots.x, slots.inputs, [job.place for job in jobs])
        output = output.rows(slice(len(jobs)))
        stops = self.stops(slots.inputs[: len(jobs)], output)
        for row, job in enumerate(jobs):
            job.advance(output.rows(slice(row, row + 1)), bool(stops[row]), self.budget, self.trace)
