"""Run a stream of puzzles: small batches, finished puzzles leave, answers come in order.

A batch holds 4, 8 or 16 … rows, as few as its puzzles need. With fewer than four, CPUs round matrix products in bf16
differently, and an answer would depend on how many puzzles came along with its own. A puzzle that is done makes room
for the next one.

Axes: B batch, C cells.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float32, Shaped, UInt8

from hrm.errors import HrmError
from hrm.model.contract import Embedded, Latents, Network

LEAST_ROWS = 4
"""Rows of the smallest batch; those that no puzzle needs repeat the last one."""


@dataclass(frozen=True)
class Thought:
    """The answers to a batch of puzzles after one segment."""

    tokens: UInt8[np.ndarray, "B C"]
    """The answer so far."""
    confidence: Float32[np.ndarray, "B C"]
    """Probability of each cell's token under a softmax of the logits."""
    q_halt: Float32[np.ndarray, " B"]
    """Probability that the answer is right, as the Q-head sees it."""
    prefers_halt: Bool[np.ndarray, " B"]
    """Whether the early-exit rule would stop here."""

    def rows(self, chosen: slice) -> "Thought":
        """Return the answers to some of the puzzles."""
        return Thought(self.tokens[chosen], self.confidence[chosen], self.q_halt[chosen], self.prefers_halt[chosen])


@dataclass(eq=False)
class Flight:
    """A puzzle on its way to an answer."""

    number: int
    """Its place in the stream."""
    inputs: UInt8[np.ndarray, " C"]
    thoughts: list[Thought] = field(default_factory=list)
    """After every segment where a trace is kept, else after the last one; each is a batch of one."""
    segments: int = 0
    """Segments run."""
    settled: int = 0
    """The last segment that changed the answer."""
    done: bool = False

    def advance(self, thought: Thought, stops: bool, trace: bool) -> None:
        """Note the answer after one more segment."""
        self.segments += 1
        if not self.thoughts or not np.array_equal(self.thoughts[-1].tokens, thought.tokens):
            self.settled = self.segments
        self.thoughts = [*self.thoughts, thought] if trace else [thought]
        self.done = stops


@dataclass
class Engine:
    """Runs puzzles through a network until each may stop."""

    model: Network
    embed: Callable[[UInt8[np.ndarray, "B C"]], Embedded]
    """Returns a batch of parsed puzzles as the network sees it."""
    segment: Callable[[Latents, Embedded, UInt8[np.ndarray, "B C"]], tuple[Latents, Thought]]
    """Runs one segment of a batch."""
    stops: Callable[[UInt8[np.ndarray, "B C"], Thought], Bool[np.ndarray, " B"]]
    """Says which puzzles may stop with these answers."""
    budget: int
    """No puzzle runs more segments."""
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
                    flying.append(Flight(*following))
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
            ends = bool(stops[row]) or flight.segments + 1 >= self.budget
            flight.advance(thought.rows(slice(row, row + 1)), ends, self.trace)


class _Bank:
    """The batch of puzzles in work: a row for each, in their order."""

    latents: Latents
    x: Embedded

    def __init__(self, model: Network, embed: Callable[[UInt8[np.ndarray, "B C"]], Embedded], most: int):
        self._model, self._embed, self._most = model, embed, most
        self._seats: list[int] = []  # number of the puzzle in each row
        self._inputs = np.zeros((0, 0), np.uint8)

    def seat(self, flying: list[Flight]) -> UInt8[np.ndarray, "B C"]:
        """Give every puzzle a row, with its own latents or those of a beginning, and return all rows."""
        seats = [flight.number for flight in flying]
        if seats == self._seats:
            return self._inputs
        size = min(max(LEAST_ROWS, 1 << (len(seats) - 1).bit_length()), self._most)
        self._inputs = filled_up(np.stack([flight.inputs for flight in flying]), size)
        self.x = self._embed(self._inputs)
        fresh = self._model.initial(self.x)
        if self._seats:
            old = {number: row for row, number in enumerate(self._seats)}
            rows = filled_up(np.array([old.get(number, -1) for number in seats]), size)
            source = torch.from_numpy(rows).to(fresh.z_H.device)
            kept = Latents(*(part[source.clamp(min=0)] for part in (self.latents.z_H, self.latents.z_L)))
            fresh = kept.where(source >= 0, fresh)
        self.latents, self._seats = fresh, seats
        return self._inputs


def filled_up(rows: Shaped[np.ndarray, "n ..."], batch_size: int) -> Shaped[np.ndarray, "B ..."]:
    """Repeat the last row, a puzzle or its id, until the batch is full."""
    return np.pad(rows, ((0, batch_size - len(rows)), *[(0, 0)] * (rows.ndim - 1)), mode="edge")
