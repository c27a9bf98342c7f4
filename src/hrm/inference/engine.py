"""Run a stream of puzzles: small batches, finished puzzles leave, answers come in order.

A batch holds 4, 8 or 16 … rows, as few as its puzzles need. With fewer than four, CPUs round matrix products in bf16
differently, and an answer would depend on how many puzzles came along with its own. A puzzle that is done makes room
for the next one.

Axes: B batch, C cells.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from jaxtyping import Bool, Float32, Shaped, UInt8

from hrm.errors import HrmError
from hrm.model.network import Embedded, Latents, Network
from hrm.puzzles.base import Symmetries

LEAST_ROWS = 4
"""Rows of the smallest batch; those that no puzzle needs repeat the last one."""


@dataclass(frozen=True)
class SegmentOutput:
    """The answers to a batch of puzzles after one segment."""

    tokens: UInt8[np.ndarray, "B C"]
    """The answer so far."""
    confidence: Float32[np.ndarray, "B C"]
    """Probability of each cell's token under a softmax of the logits."""
    q_halt: Float32[np.ndarray, " B"]
    """Probability that the answer is right, as the Q-head estimates it."""
    prefers_halt: Bool[np.ndarray, " B"]
    """Whether the early-exit rule would stop here."""

    def seen_before(self, image: Symmetries) -> "SegmentOutput":
        """Return the answers to puzzles, given those to their images under symmetries."""
        confidence = np.empty_like(self.confidence)
        np.put_along_axis(confidence, image.cells, self.confidence, axis=1)
        return replace(self, tokens=image.inverse().apply(self.tokens), confidence=confidence)

    def rows(self, chosen: slice) -> "SegmentOutput":
        """Return the answers to some of the puzzles."""
        return SegmentOutput(
            self.tokens[chosen], self.confidence[chosen], self.q_halt[chosen], self.prefers_halt[chosen]
        )


@dataclass(frozen=True)
class Attempt:
    """One run of a puzzle from its beginning."""

    thoughts: tuple[SegmentOutput, ...] = ()
    """After every segment where a trace is kept, else after the last one; each is a batch of one."""
    segments: int = 0
    """Segments run."""
    settled: int = 0
    """The last segment that changed the answer."""

    def after(self, thought: SegmentOutput, trace: bool) -> "Attempt":
        """Return this run one segment further."""
        segments = self.segments + 1
        changed = not self.thoughts or not np.array_equal(self.thoughts[-1].tokens, thought.tokens)
        thoughts = (*self.thoughts, thought) if trace else (thought,)
        return Attempt(thoughts, segments, segments if changed else self.settled)


@dataclass(eq=False)
class Flight:
    """A puzzle on its way to an answer."""

    number: int
    """Its place in the stream."""
    inputs: UInt8[np.ndarray, " C"]
    images: Sequence[Symmetries]
    """Symmetries under which to try again, each a batch of one."""
    attempts: list[Attempt] = field(default_factory=lambda: [Attempt()])
    """The first is of the puzzle as it is, the others are of its images; all answers are to the puzzle as it is."""
    done: bool = False

    @property
    def view(self) -> UInt8[np.ndarray, " C"]:
        """The puzzle as the network sees it in the present attempt."""
        return self.inputs if len(self.attempts) == 1 else self._image.apply(self.inputs[None])[0]

    @property
    def seat(self) -> tuple[int, int]:
        """What the present attempt is called among all in work."""
        return self.number, len(self.attempts)

    @property
    def _image(self) -> Symmetries:
        return self.images[len(self.attempts) - 2]

    def advance(self, thought: SegmentOutput, stops: bool, budget: int, trace: bool) -> None:
        """Note the answer after one more segment, and stop, go on, or try again."""
        if len(self.attempts) > 1:
            thought = thought.seen_before(self._image)
        self.attempts[-1] = self.attempts[-1].after(thought, trace)
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
    segment: Callable[[Latents, Embedded, UInt8[np.ndarray, "B C"]], tuple[Latents, SegmentOutput]]
    """Runs one segment of a batch."""
    stops: Callable[[UInt8[np.ndarray, "B C"], SegmentOutput], Bool[np.ndarray, " B"]]
    """Says which puzzles may stop with these answers."""
    budget: int
    """No attempt runs more segments."""
    images: Sequence[Symmetries]
    """Symmetries under which to try again, one after the other, a puzzle whose budget is used up."""
    most: int
    """Puzzles in work at once."""
    trace: bool
    """Keep the answers after every segment."""

    def run(self, puzzles: Iterator[UInt8[np.ndarray, " C"]]) -> Iterator[Flight]:
        """Yield the puzzles with their answers, in order, each as soon as it and all before it are done.

        What is wrong with a puzzle ends the stream, once the puzzles before it are answered.
        """
        waiting = enumerate(puzzles)
        flying: list[Flight] = []
        done: dict[int, Flight] = {}
        bank = _Bank(self.model, self.embed, self.most)
        fault: HrmError | None = None
        due = 0
        while True:
            try:
                while fault is None and len(flying) < self.most and (following := next(waiting, None)):
                    flying.append(Flight(*following, self.images))
            except HrmError as error:
                fault = error
            if not flying:
                break
            self._advance(flying, bank)
            done |= {flight.number: flight for flight in flying if flight.done}
            flying = [flight for flight in flying if not flight.done]
            while due in done:
                yield done.pop(due)
                due += 1
        if fault is not None:
            raise fault

    @torch.inference_mode()
    def _advance(self, flying: list[Flight], bank: "_Bank") -> None:
        """Run one segment of every puzzle in work."""
        inputs = bank.seat(flying)
        bank.latents, thought = self.segment(bank.latents, bank.x, inputs)
        thought = thought.rows(slice(len(flying)))
        stops = self.stops(inputs[: len(flying)], thought)
        for row, flight in enumerate(flying):
            flight.advance(thought.rows(slice(row, row + 1)), bool(stops[row]), self.budget, self.trace)


class _Bank:
    """The batch of puzzles in work: a row for each, in their order."""

    latents: Latents
    x: Embedded

    def __init__(self, model: Network, embed: Callable[[UInt8[np.ndarray, "B C"]], Embedded], most: int):
        self._model, self._embed, self._most = model, embed, most
        self._seats: list[tuple[int, int]] = []  # which attempt at which puzzle is in each row
        self._inputs = np.zeros((0, 0), np.uint8)

    def seat(self, flying: list[Flight]) -> UInt8[np.ndarray, "B C"]:
        """Give every puzzle a row, with its own latents or those of a beginning, and return all rows."""
        seats = [flight.seat for flight in flying]
        if seats == self._seats:
            return self._inputs
        size = min(max(LEAST_ROWS, 1 << (len(seats) - 1).bit_length()), self._most)
        self._inputs = pad_batch(np.stack([flight.view for flight in flying]), size)
        self.x = self._embed(self._inputs)
        fresh = self._model.initial(self.x)
        if self._seats:
            old = {seat: row for row, seat in enumerate(self._seats)}
            rows = pad_batch(np.array([old.get(seat, -1) for seat in seats]), size)
            source = torch.from_numpy(rows).to(fresh.z_H.device)
            kept = Latents(*(part[source.clamp(min=0)] for part in (self.latents.z_H, self.latents.z_L)))
            fresh = kept.where(source >= 0, fresh)
        self.latents, self._seats = fresh, seats
        return self._inputs


def pad_batch(rows: Shaped[np.ndarray, "n ..."], batch_size: int) -> Shaped[np.ndarray, "B ..."]:
    """Repeat the last row, a puzzle or its id, until the batch is full."""
    return np.pad(rows, ((0, batch_size - len(rows)), *[(0, 0)] * (rows.ndim - 1)), mode="edge")
