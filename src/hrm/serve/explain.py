"""Say in words whether an answer is right, and how one came about: for readers who see no picture.

Axes: C cells.
"""

from typing import Annotated

import numpy as np
from jaxtyping import UInt8
from pydantic import BaseModel, Field

from hrm.data.sources.encoding import Encoder
from hrm.errors import DataError
from hrm.inference.answer import Answer, TraceStep, counted
from hrm.puzzles.base import PAD, Puzzle
from hrm.puzzles.conflicts import conflicts
from hrm.puzzles.grids import place
from hrm.serve.api import LONGEST_TEXT

MOST_REASONS, MOST_CHANGES, MOST_STEPS = 10, 20, 64
"""That are told: reasons why an answer is wrong, cells that a segment changed, segments."""

AnswerText = Annotated[
    str, Field(max_length=LONGEST_TEXT, description="The answer as text, as solve returns it, or a grid of lines.")
]


class Verdict(BaseModel):
    """Whether an answer is right."""

    verified: bool | None = Field(description="Whether it keeps the givens and every rule; null: no rules are known.")
    reasons: list[str] = Field(description=f"What is wrong with it; at most {MOST_REASONS}.")


class Step(BaseModel):
    """What a segment did."""

    segment: int
    changed_cells: int = Field(description="In the first segment: cells that differ from the puzzle.")
    changes: list[str] = Field(description=f"Where, and the new symbol; at most {MOST_CHANGES}.")
    conflicting_cells: int = Field(description="Cells that hold the symbol of a cell from which they must differ.")
    q_halt: float = Field(description="Probability that the answer is right, as the network estimates it.")


class Explanation(BaseModel):
    """How a model came to an answer."""

    model: str
    puzzle: str
    answer: str
    rows: list[str] = Field(description="The answer row by row.")
    verified: bool | None
    summary: str
    steps: list[Step] = Field(description=f"Segments that changed the answer; at most {MOST_STEPS}, the last ones.")


def read_answer(family: Puzzle, text: str) -> UInt8[np.ndarray, " C"]:
    """Return the tokens of an answer, which may break any rule.

    Raises:
        DataError: it is no grid of this family.
    """
    tokens = Encoder(family, "answer", "answer").by_cells("".join(text.splitlines()))
    if tokens is not None:
        return tokens[0]
    try:
        return family.parse(text)
    except DataError as error:
        raise DataError(f"answer: {error}") from None


def verdict(family: Puzzle, inputs: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]) -> Verdict:
    """Judge an answer by the rules alone."""
    spec = family.spec
    if not spec.has_rules:
        return Verdict(
            verified=None, reasons=["the family knows no rules: an answer can only be compared with another"]
        )
    if bool(family.verify(inputs[None], answer[None])[0]):
        return Verdict(verified=True, reasons=[])
    # one reason for each cell at fault: a given that is not kept, no symbol, one that stands twice
    where = [place(cell, spec.shape[1]) for cell in range(spec.cells)]
    given, twice = spec.given(inputs), conflicts(family, answer, inputs)
    reasons = []
    for cell in range(spec.cells):
        symbol = _symbol(family, answer[cell])
        if given[cell] and inputs[cell] != answer[cell]:
            reasons.append(f"{where[cell]} is given as {_symbol(family, inputs[cell])}, and the answer has {symbol}")
        elif inputs[cell] != PAD and not spec.answerable[answer[cell]]:
            reasons.append(f"{where[cell]} is {symbol}")
        elif twice[cell]:
            reasons.append(f"{where[cell]} holds {symbol}, and so does a cell from which it must differ")
    return Verdict(verified=False, reasons=reasons[:MOST_REASONS] or [f"it breaks a rule of {spec.name}"])


def explanation(model: str, family: Puzzle, answer: Answer) -> Explanation:
    """Tell how an answer came about.

    Args:
        answer: with its trace.
    """
    inputs, trace = family.parse(answer.puzzle), answer.trace or ()
    steps = [_step(family, inputs, step) for step in trace if step.changed.any()]
    columns = family.spec.shape[1]
    text = "".join(family.spec.tokens[token] for token in answer.tokens)
    return Explanation(
        model=model, puzzle=answer.puzzle, answer=answer.answer, verified=answer.verified,
        rows=[text[i : i + columns] for i in range(0, len(text), columns)],
        summary=" ".join(_sentences(model, family, answer, steps)),
        steps=steps[-MOST_STEPS:],
    )  # fmt: skip


def _step(family: Puzzle, inputs: UInt8[np.ndarray, " C"], step: TraceStep) -> Step:
    cells = np.flatnonzero(step.changed).tolist()
    columns = family.spec.shape[1]
    return Step(
        segment=step.segment,
        changed_cells=len(cells),
        changes=[f"{place(i, columns)}: {_symbol(family, step.tokens[i])}" for i in cells[:MOST_CHANGES]],
        conflicting_cells=int(conflicts(family, step.tokens, inputs).sum()),
        q_halt=round(step.q_halt, 4),
    )


def _sentences(model: str, family: Puzzle, answer: Answer, steps: list[Step]) -> list[str]:
    """Return the story of an answer, a sentence or two for each part of it."""
    runs = counted(answer.attempts, "run")
    said = [
        f"{model} read the whole puzzle at once and improved its answer segment by segment: "
        f"{counted(answer.segments, 'segment')} in the run that gave the answer, {answer.total_segments} in {runs}."
    ]
    # how it went on
    for step in steps[:1]:
        said.append(f"Its first segment filled or changed {counted(step.changed_cells, 'cell')}.")
    if len(steps) > 1:
        later = sum(step.changed_cells for step in steps[1:])
        said.append(f"Later segments changed {counted(later, 'cell')}, the last one in segment {answer.settled}.")
    if answer.pinned:
        cells = " and ".join(place(cell, family.spec.shape[1]) for cell in answer.pinned)
        said.append(f"That run took {cells} as given, with the symbol of an earlier answer.")
    # whether it is right
    if answer.verified:
        said.append("The answer keeps the givens and every rule: the rules were checked, whatever the network says.")
    elif answer.verified is None:
        said.append(f"No rules are known to check it by; the network itself gives it {answer.q_halt:.0%}.")
    else:
        wrong = verdict(family, family.parse(answer.puzzle), answer.tokens).reasons[0]
        said.append(f"The answer is not right: {wrong}. Ask for more effort, or check the puzzle.")
    return said


def _symbol(family: Puzzle, token: np.uint8) -> str:
    """Return a word or a character for what a cell holds."""
    usual = "blank" if token == family.spec.blank else family.spec.tokens[token]
    return dict(family.spec.words).get(int(token), usual)
