"""Run many puzzles at once, each with a budget of its own: finished ones leave, others take their place.

``Engine.run`` answers a stream in order; a server begins, steps and drops puzzles itself. Axes: B batch, C cells.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, UInt8

from hrm.errors import HrmError
from hrm.inference.answer import SegmentOutput
from hrm.inference.search import Search, Start
from hrm.inference.slots import Embed, KeyedSlots
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
        halts: whether an answer may end it; else it takes all segments.
        puzzle_id: row of the puzzle embedding; None where the model knows no tasks.
    """

    def __init__(
        self,
        number: int,
        inputs: UInt8[np.ndarray, " C"],
        search: Search,
        total: int,
        trace: bool,
        halts: bool,
        puzzle_id: int | None = None,
    ):
        """Begin with the first run."""
        self.number, self.inputs, self.trace, self.puzzle_id = number, inputs, trace, puzzle_id
        self._search, self._total, self._halts = search, total, halts
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
        self.attempt = self.attempt.after(output, self.trace)
        self.segments += 1
        if stops and self._halts:
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


class Engine:
    """Runs puzzles through a network, one segment of all at a time; each may leave when it is done.

    Args:
        segment: runs one segment of a batch, told what its rows are.
        stops: says which puzzles may stop with these answers.
        capacity: puzzles in work at once, at most.
    """

    def __init__(
        self,
        model: Network,
        embed: Embed,
        segment: Callable[[Latents, Embedded, UInt8[np.ndarray, "B C"], Sequence[Row]], tuple[Latents, SegmentOutput]],
        stops: Callable[[UInt8[np.ndarray, "B C"], SegmentOutput], Bool[np.ndarray, " B"]],
        capacity: int,
    ):
        """Begin without puzzles."""
        self._segment, self._stops, self._capacity = segment, stops, capacity
        self._slots = KeyedSlots(model, embed, capacity)
        self._jobs: list[Job] = []

    @property
    def jobs(self) -> Sequence[Job]:
        """The puzzles in work at this moment."""
        return tuple(self._jobs)

    @property
    def room(self) -> int:
        """How many more puzzles can begin now."""
        return self._capacity - len(self._jobs)

    def begin(self, job: Job) -> None:
        """Take a puzzle into work; no other one in work may have its number."""
        self._jobs.append(job)

    def drop(self, jobs: Collection[Job]) -> None:
        """Give puzzles up before they are done."""
        self._jobs = [job for job in self._jobs if job not in jobs]

    @torch.inference_mode()
    def step(self) -> list[Job]:
        """Run one segment of every puzzle in work, and return those that are done; they leave."""
        jobs, slots = self._jobs, self._slots
        if not jobs:
            return []
        slots.fill([job.key for job in jobs], lambda row: jobs[row].start.view, lambda row: jobs[row].puzzle_id)
        slots.latents, output = self._segment(slots.latents, slots.x, slots.inputs, [job.place for job in jobs])
        answers = [job.own(output.rows(slice(row, row + 1))) for row, job in enumerate(jobs)]
        # the rules are those of the puzzle itself, whatever the network saw
        stops = self._stops(np.stack([job.inputs for job in jobs]), SegmentOutput.join(answers))
        for job, answer, stop in zip(jobs, answers, stops.tolist(), strict=True):
            job.advance(answer, stop)
        self._jobs = [job for job in jobs if not job.done]
        return [job for job in jobs if job.done]

    def run(self, jobs: Iterator[Job]) -> Iterator[Job]:
        """Yield the puzzles of a stream, numbered from 0, in order, each as soon as it and all before it are done.

        What is wrong with a puzzle ends the stream, once the puzzles before it are answered.
        """
        done: dict[int, Job] = {}
        fault: HrmError | None = None
        ended, due = False, 0
        while True:
            # take new puzzles while there is room
            try:
                while not ended and self.room:
                    following = next(jobs, None)
                    if following is None:
                        ended = True
                    else:
                        self.begin(following)
            except HrmError as error:
                fault, ended = error, True
            if not self._jobs:
                break
            # run one segment of all, and hand out what is due, in order
            done |= {job.number: job for job in self.step()}
            while due in done:
                yield done.pop(due)
                due += 1
        if fault is not None:
            raise fault
