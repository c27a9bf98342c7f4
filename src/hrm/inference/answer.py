"""The records of answers: to a batch after one segment, to one puzzle, and to one puzzle after each of its segments.

They need no torch, and ``as_dict`` turns them into plain values: the JSON of ``hrm solve``. Axes: B batch, C cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from hrm.errors import UsageError
from hrm.inference import pictures
from hrm.puzzles.base import Puzzle, Symmetries

COLUMNS = ("row", "state", "segments", "puzzle", "answer", "total_segments")
"""Of a list of answers."""
STATES = {True: "solved", False: "unsolved", None: "unchecked"}
"""What a list says of an answer, by whether it is verified."""
SURE = 0.8
"""Where a cell's token is less probable, the network goes on, though its Q-head would stop (docs/search.md)."""
SHOWN = 81
"""Characters of an answer that its repr shows."""


@dataclass(frozen=True)
class SegmentOutput:
    """The answers to a batch of puzzles after one segment."""

    tokens: UInt8[np.ndarray, "B C"]
    """The answer so far."""
    confidence: Float32[np.ndarray, "B C"]
    """Probability of each cell's token under a softmax of the logits."""
    q_halt: Float[np.ndarray, " B"]
    """Probability that the answer is right, as the Q-head estimates it."""
    prefers_halt: Bool[np.ndarray, " B"]
    """Whether the Q-head would stop here."""

    @property
    def is_sure(self) -> Bool[np.ndarray, " B"]:
        """Whether every cell's token is at least as probable as ``SURE``."""
        return np.asarray((self.confidence >= SURE).all(axis=1))

    @property
    def stops(self) -> Bool[np.ndarray, " B"]:
        """Whether the network is done by its own judgment: the Q-head would stop, and every cell is sure."""
        return self.prefers_halt & self.is_sure

    def mapped_back(self, image: Symmetries) -> "SegmentOutput":
        """Return the answers to the puzzles themselves, where these are to their images under symmetries."""
        confidence = np.empty_like(self.confidence)
        np.put_along_axis(confidence, image.cells, self.confidence, axis=1)
        return replace(self, tokens=image.inverse().apply(self.tokens), confidence=confidence)

    @staticmethod
    def join(parts: Sequence["SegmentOutput"]) -> "SegmentOutput":
        """Return the answers of several batches as those to one batch."""
        names = ("tokens", "confidence", "q_halt", "prefers_halt")
        return SegmentOutput(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def rows(self, chosen: slice) -> "SegmentOutput":
        """Return the answers to some of the puzzles."""
        return SegmentOutput(
            self.tokens[chosen], self.confidence[chosen], self.q_halt[chosen], self.prefers_halt[chosen]
        )


@dataclass(frozen=True)
class TraceStep:
    """The answer to one puzzle after one segment."""

    segment: int
    """From 1."""
    tokens: UInt8[np.ndarray, " C"] = field(compare=False, repr=False)
    confidence: Float32[np.ndarray, " C"] = field(compare=False, repr=False)
    changed: Bool[np.ndarray, " C"] = field(compare=False, repr=False)
    """Cells that differ from the step before; in the first step, from the puzzle."""
    q_halt: float
    answer: str
    """The tokens as text."""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; the cells that changed by their numbers."""
        changed = self.changed.nonzero()[0].tolist()
        return {"segment": self.segment, "answer": self.answer, "changed": changed, "q_halt": self.q_halt}


@dataclass(frozen=True)
class Answer:
    """The answer to one puzzle, and how it was found.

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
    """Segments of the run that gave the answer."""
    q_halt: float
    """Probability that the answer is right, as the Q-head estimates it."""
    halted_by_choice: bool
    """Whether the network would have stopped here by itself; else the budget, or the fixed number, ended it."""
    trace: tuple[TraceStep, ...] | None = None
    """A step for each segment where a trace was asked for."""
    settled: int = 0
    """The last segment that changed the answer."""
    attempts: int = 1
    """Runs made; all but the first are with a symmetric image of the puzzle, or with cells pinned."""
    total_segments: int = 0
    """Segments of all runs together."""
    pinned: tuple[int, ...] = ()
    """Open cells, by their numbers, that the run which gave the answer took as given; the rules still decide."""
    family: Puzzle | None = field(default=None, compare=False)
    """The family of the puzzle, which says how to draw it."""
    model: str = field(default="", compare=False)
    """Name of the model that answered, where it is known."""

    @property
    def verdict(self) -> str:
        """Whether the answer is right, in a few words."""
        words = {True: "keeps every rule", False: "breaks a rule", None: "no rules are known to check it by"}
        return words[self.verified]

    def as_dict(self, abstain: bool = False) -> dict[str, Any]:
        """Return plain values, as ``hrm solve --json`` prints them.

        Args:
            abstain: withhold the answer and its trace unless the answer is verified.
        """
        names = ("puzzle", "answer", "verified", "segments", "q_halt", "halted_by_choice", "settled", "attempts")
        plain = {name: getattr(self, name) for name in (*names, "total_segments")} | {"pinned": list(self.pinned)}
        if abstain and not self.verified:
            return plain | {"answer": None}
        return plain if self.trace is None else plain | {"trace": [step.as_dict() for step in self.trace]}

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


def answer_of(
    puzzle: Puzzle,
    inputs: UInt8[np.ndarray, " C"],
    outputs: Sequence[SegmentOutput],
    segments: int,
    trace: bool = False,
    settled: int = 0,
    attempts: int = 1,
    model: str = "",
    total_segments: int = 0,
    pinned: tuple[int, ...] = (),
) -> Answer:
    """Return the answer to a parsed puzzle, which is the last of its outputs, each a batch of one.

    Args:
        trace: the outputs are those of all segments, and are kept as its trace.
    """
    grids = [output.tokens[0] for output in outputs]
    steps = (
        TraceStep(number, grid, output.confidence[0], grid != before, float(output.q_halt[0]), puzzle.text(grid))
        for number, (output, before, grid) in enumerate(zip(outputs, [inputs, *grids], grids, strict=False), start=1)
    )
    return Answer(
        puzzle=puzzle.text(inputs),
        answer=puzzle.text(grids[-1]),
        tokens=grids[-1],
        verified=bool(puzzle.verify(inputs[None], grids[-1][None])[0]) if puzzle.spec.has_rules else None,
        segments=segments,
        q_halt=float(outputs[-1].q_halt[0]),
        halted_by_choice=bool(outputs[-1].stops[0]),
        trace=tuple(steps) if trace else None,
        settled=settled,
        attempts=attempts,
        total_segments=total_segments,
        pinned=pinned,
        family=puzzle,
        model=model,
    )


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 segment``, ``2 segments``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
