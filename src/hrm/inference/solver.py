"""Puzzles in, answers out: early exit or a fixed number of segments, with a trace of what changed.

Axes: B batch, C cells, n puzzles.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Shaped, UInt8
from torch import Tensor

from hrm.errors import DataError, UsageError
from hrm.inference import pictures
from hrm.inference.origin import Origin, save_model
from hrm.model.contract import Embedded, Network
from hrm.model.halting import prefers_halt
from hrm.model.hrm import parameter_counts
from hrm.puzzles.arc_variants import PuzzleTable
from hrm.puzzles.base import PAD, Puzzle

MOST_SEGMENTS = 65536
"""Segments that one call may ask for."""
SHOWN = 81
"""Characters of an answer that its repr shows."""


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
    tokens: UInt8[np.ndarray, " C"] = field(compare=False, repr=False)
    confidence: Float32[np.ndarray, " C"] = field(compare=False, repr=False)
    changed: Bool[np.ndarray, " C"] = field(compare=False, repr=False)
    """Cells that differ from the moment before; in the first moment, from the puzzle."""
    q_halt: float
    answer: str
    """The tokens as text."""


@dataclass(frozen=True)
class Answer:
    """The answer to one puzzle, and how it came about.

    A notebook shows it as a picture. Two answers are equal if their text and numbers are.
    """

    puzzle: str
    answer: str
    """As one line of the family's text."""
    tokens: UInt8[np.ndarray, " C"] = field(compare=False)
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
    family: Puzzle | None = field(default=None, compare=False)
    """The family of the puzzle, which says how to draw it."""
    model: str = field(default="", compare=False)
    """Name of the model that answered, where it is known."""

    def __repr__(self) -> str:
        """Return the answer and how it ended, in one line."""
        text = self.answer if len(self.answer) <= SHOWN else self.answer[: SHOWN - 1] + "…"
        verdict = {True: "verified", False: "breaks a rule", None: "no rules to check"}[self.verified]
        return f"<Answer {text!r}: {verdict}, {counted(self.segments, 'segment')}, q_halt {self.q_halt:.2f}>"

    def _repr_html_(self) -> str | None:
        """Return the picture that a notebook shows, or None without a family to draw it by."""
        return None if self.family is None else pictures.painter().html(self.family, self)

    def save(self, file: str | Path) -> None:
        """Save a picture: ``.gif`` animates the trace; ``.png`` and ``.svg`` show all its segments on one sheet.

        Without a trace the picture shows the puzzle and the final answer.

        Raises:
            UsageError: another suffix, or an answer without a family.
            HrmError: the file cannot be written.
        """
        if self.family is None:
            raise UsageError("this answer does not know its puzzle family: get it from Solver.solve")
        pictures.painter().save(self.family, self, Path(file))


class Solver:
    """A network together with the family of puzzles that it was trained on.

    Args:
        model: any network that fulfils the contract.
        puzzle: the family.
        max_segments: the budget of early exit.
        batch_size: puzzles solved at once; a batch is always filled up to this size, so that an answer does
            not depend on how many puzzles came with it.
        table: of ARC, which puzzle id belongs to which variant of which task.
        origin: the model's configuration and history, which ``save`` writes; ``hrm.load`` fills it in.
    """

    def __init__(
        self,
        model: Network,
        puzzle: Puzzle,
        max_segments: int,
        batch_size: int = 64,
        table: PuzzleTable | None = None,
        origin: Origin | None = None,
    ):
        self.model = model
        self.puzzle = puzzle
        self.max_segments = max_segments
        self.batch_size = batch_size
        self.table = table
        self.origin = origin
        self.device = next(model.parameters()).device
        self._never = torch.from_numpy(~puzzle.spec.answerable).to(self.device)
        self._relations = torch.from_numpy(puzzle.relation_matrices).to(self.device)

    def __repr__(self) -> str:
        """Return what it solves, how large it is and where it runs, in one line."""
        components, _ = parameter_counts(self.model)
        name = f"{self.origin.name!r} for " if self.origin else ""
        where = f"{self.device}, {str(self.model.dtype).removeprefix('torch.')}"
        return f"<Solver {name}{self.puzzle.spec.name}: {sum(components.values()):,} parameters, {where}>"

    def __call__(self, puzzle: object, segments: int | None = None, trace: bool = False) -> Answer:
        """Solve one puzzle, as ``solve`` does."""
        return self.solve(puzzle, segments, trace)

    def save(self, folder: str | Path) -> None:
        """Save the model as a checkpoint folder, which ``hrm.load`` reads.

        Raises:
            UsageError: the solver was put together by hand, or the folder holds something else.
            HrmError: the folder cannot be written.
        """
        save_model(Path(folder), self.model, self.origin, self.table)

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

        Raises:
            DataError: a puzzle id has no row.
        """
        if puzzle_ids is not None:
            self._refuse_ids(puzzle_ids)
        given = torch.from_numpy(inputs.astype(np.int64)).to(self.device)
        exists = given != PAD if self.puzzle.spec.padded else None
        ids = None if puzzle_ids is None else torch.from_numpy(puzzle_ids.astype(np.int64)).to(self.device)
        own = self.puzzle.relations_of(inputs)
        relations = self._relations if own is None else torch.from_numpy(own).to(self.device)
        return self.model.embed(given, ids, exists, relations)

    def _refuse_ids(self, puzzle_ids: Int[np.ndarray, " B"]) -> None:
        table = getattr(self.model, "puzzle_embedding", None)
        if table is not None and (highest := int(puzzle_ids.max())) >= table.num_embeddings:
            raise DataError(
                f"the data has puzzle id {highest}; the model has {counted(table.num_embeddings, 'puzzle row')}, for "
                f"ids up to {table.num_embeddings - 1}: give data whose ids are those of its training"
            )

    def decide(
        self, logits: Float[Tensor, "B C V"], inputs: UInt8[np.ndarray, "B C"]
    ) -> tuple[UInt8[np.ndarray, "B C"], Float32[np.ndarray, "B C"]]:
        """Return the answer that logits give, and each token's probability under a softmax.

        A cell that exists never gets padding, a blank or a clue, however probable these are.
        """
        likely = logits.float().softmax(-1).masked_fill(self._never, -1)
        confidence, tokens = likely.max(-1)
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
                family=self.puzzle,
                model="" if self.origin is None else self.origin.name,
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


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 segment``, ``2 segments``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
