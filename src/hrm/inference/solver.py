"""Puzzles in, answers out: early exit or a fixed number of segments, with a trace of what changed.

Axes: B batch, C cells, n puzzles.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Shaped, UInt8
from torch import Tensor

from hrm.errors import UsageError
from hrm.model.contract import Embedded, Network
from hrm.model.halting import prefers_halt
from hrm.puzzles.arc_variants import PuzzleTable
from hrm.puzzles.base import PAD, Puzzle

MOST_SEGMENTS = 65536
"""Segments that one call may ask for."""


@dataclass(frozen=True)
class Thought:
    """What a batch of puzzles stands at after one segment."""

    tokens: UInt8[np.ndarray, "B C"]
    """The answer so far."""
    confidence: Float32[np.ndarray, "B C"]
    """Probability of each cell's token under a softmax of the logits."""
    q_halt: Float32[np.ndarray, " B"]
    """Probability that the answer is right, as the Q-head sees it."""
    prefers_halt: Bool[np.ndarray, " B"]
    """Whether the early-exit rule would stop here."""


@dataclass(frozen=True)
class Moment:
    """One puzzle after one segment of its trace."""

    segment: int
    """From 1."""
    tokens: UInt8[np.ndarray, " C"]
    confidence: Float32[np.ndarray, " C"]
    changed: Bool[np.ndarray, " C"]
    """Cells that differ from the moment before; in the first moment, from the puzzle."""
    q_halt: float
    answer: str
    """The tokens as text."""


@dataclass(frozen=True)
class Answer:
    """The answer to one puzzle, and how it came about."""

    puzzle: str
    answer: str
    """As one line of the family's text."""
    tokens: UInt8[np.ndarray, " C"]
    """The same as token ids."""
    verified: bool | None
    """Whether the answer keeps the givens and every rule; None where the family knows no rules."""
    segments: int
    """Segments used."""
    q_halt: float
    """Probability that the answer is right, as the Q-head sees it."""
    halted_by_choice: bool
    """Whether the early-exit rule held at the end; else the budget, or the fixed number, ended it."""
    trace: tuple[Moment, ...] | None = None
    """A moment per segment where a trace was asked for."""


class Solver:
    """A network together with the family of puzzles that it was trained on.

    Args:
        model: any network that fulfils the contract.
        puzzle: the family.
        max_segments: the budget of early exit.
        batch_size: puzzles solved at once; a batch is always filled up to this size, so that an answer does
            not depend on how many puzzles came with it.
        table: of ARC, which puzzle id belongs to which variant of which task.
    """

    def __init__(
        self,
        model: Network,
        puzzle: Puzzle,
        max_segments: int,
        batch_size: int = 64,
        table: PuzzleTable | None = None,
    ):
        self.model = model
        self.puzzle = puzzle
        self.max_segments = max_segments
        self.batch_size = batch_size
        self.table = table
        self.device = next(model.parameters()).device
        self._relations = torch.from_numpy(puzzle.relation_matrices).to(self.device)

    def solve(self, puzzle: object, segments: int | None = None, trace: bool = False) -> Answer:
        """Solve one puzzle given as text, nested lists or an array.

        Args:
            puzzle: what ``Puzzle.parse`` of the family reads.
            segments: run exactly this many; None: stop when the Q-head says so, at the latest at the budget.
            trace: keep what every segment changed.

        Raises:
            DataError: the puzzle cannot be read, or contradicts itself.
            UsageError: ``segments`` is out of range, or the model knows a puzzle by its task only (ARC).
        """
        return next(self._solve(self.puzzle.parse(puzzle)[None], segments, trace))

    def solve_many(
        self, puzzles: Iterable[object], segments: int | None = None, trace: bool = False
    ) -> Iterator[Answer]:
        """Yield the answers in the order of the puzzles; as ``solve``, in batches."""
        parsed = (self.puzzle.parse(puzzle) for puzzle in puzzles)
        while chunk := list(islice(parsed, self.batch_size)):
            yield from self._solve(filled_up(np.stack(chunk), self.batch_size), segments, trace, len(chunk))

    def think(
        self, inputs: UInt8[np.ndarray, "B C"], segments: int, puzzle_ids: Int[np.ndarray, " B"] | None = None
    ) -> Iterator[Thought]:
        """Yield what the network thinks after each of so many segments, for a batch of parsed puzzles.

        Args:
            puzzle_ids: rows of the puzzle embedding; None: row 0 for all.
        """
        with torch.inference_mode():
            x = self.embed(inputs, puzzle_ids)
            latents = self.model.initial(x)
            for _ in range(segments):
                segment = self.model.segment(latents, x)
                latents = segment.latents
                tokens, confidence = self.decide(segment.logits, inputs)
                yield Thought(
                    tokens=tokens,
                    confidence=confidence,
                    q_halt=_numpy(segment.q_halt_logit.sigmoid()),
                    prefers_halt=_numpy(prefers_halt(segment.q_halt_logit, segment.q_continue_logit)),
                )

    def embed(self, inputs: UInt8[np.ndarray, "B C"], puzzle_ids: Int[np.ndarray, " B"] | None = None) -> Embedded:
        """Return a batch of parsed puzzles as the network sees it.

        Args:
            puzzle_ids: rows of the puzzle embedding; None: row 0 for all.
        """
        given = torch.from_numpy(inputs.astype(np.int64)).to(self.device)
        exists = given != PAD if self.puzzle.spec.padded else None
        ids = None if puzzle_ids is None else torch.from_numpy(puzzle_ids.astype(np.int64)).to(self.device)
        own = self.puzzle.relations_of(inputs)
        relations = self._relations if own is None else torch.from_numpy(own).to(self.device)
        return self.model.embed(given, ids, exists, relations)

    def decide(
        self, logits: Float[Tensor, "B C V"], inputs: UInt8[np.ndarray, "B C"]
    ) -> tuple[UInt8[np.ndarray, "B C"], Float32[np.ndarray, "B C"]]:
        """Return the answer that logits give, and each token's probability under a softmax."""
        confidence, tokens = logits.float().softmax(-1).max(-1)
        answers = _numpy(tokens).astype(np.uint8)
        if self.puzzle.spec.padded:
            answers = np.where(inputs == PAD, np.uint8(PAD), answers)
        return answers, _numpy(confidence)

    def _solve(
        self,
        inputs: UInt8[np.ndarray, "B C"],
        segments: int | None,
        trace: bool,
        count: int = 1,
    ) -> Iterator[Answer]:
        """Yield the answers to the first ``count`` puzzles of a batch."""
        if segments is not None and not 1 <= segments <= MOST_SEGMENTS:
            raise UsageError(f"segments must be 1 to {MOST_SEGMENTS} (got {segments})")
        if self.table is not None:
            raise UsageError(
                "a grid alone does not say which task it belongs to: give the file of its task, "
                "`hrm solve MODEL TASK.json`"
            )
        budget = self.max_segments if segments is None else segments
        thoughts: list[Thought] = []
        used = np.zeros(len(inputs), np.int64)  # 0 while the puzzle goes on
        for number, thought in enumerate(self.think(inputs, budget), start=1):
            thoughts.append(thought)
            stops = thought.prefers_halt if segments is None else np.zeros(len(inputs), bool)
            used[(used == 0) & (stops | (number == budget))] = number
            if used[:count].all():
                break
        for row in range(count):
            last = thoughts[used[row] - 1]
            tokens = last.tokens[row]
            yield Answer(
                puzzle=self.puzzle.text(inputs[row]),
                answer=self.puzzle.text(tokens),
                tokens=tokens,
                verified=self._verified(inputs[row : row + 1], tokens[None]),
                segments=int(used[row]),
                q_halt=float(last.q_halt[row]),
                halted_by_choice=bool(last.prefers_halt[row]),
                trace=self._trace(inputs[row], thoughts[: used[row]], row) if trace else None,
            )

    def _verified(self, inputs: UInt8[np.ndarray, "1 C"], tokens: UInt8[np.ndarray, "1 C"]) -> bool | None:
        return bool(self.puzzle.verify(inputs, tokens)[0]) if self.puzzle.spec.has_rules else None

    def _trace(self, puzzle: UInt8[np.ndarray, " C"], thoughts: list[Thought], row: int) -> tuple[Moment, ...]:
        before = [puzzle, *(thought.tokens[row] for thought in thoughts)]
        return tuple(
            Moment(
                segment=number,
                tokens=thought.tokens[row],
                confidence=thought.confidence[row],
                changed=thought.tokens[row] != before[number - 1],
                q_halt=float(thought.q_halt[row]),
                answer=self.puzzle.text(thought.tokens[row]),
            )
            for number, thought in enumerate(thoughts, start=1)
        )


def filled_up(rows: Shaped[np.ndarray, "n ..."], batch_size: int) -> Shaped[np.ndarray, "B ..."]:
    """Repeat the last row, a puzzle or its id, until the batch is full."""
    return np.pad(rows, ((0, batch_size - len(rows)), *[(0, 0)] * (rows.ndim - 1)), mode="edge")


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
