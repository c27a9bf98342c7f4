"""What the headline numbers of the analyses mean, and how readers see them."""

import re
from math import isfinite

from hrm.viz.figures.style import percent

_RATE = re.compile(
    r"relative movement|variance along|exact|share right|right |false fixed|answer at rest|state moving|one blank|"
    r"q_halt ≥"
)
_MEANINGS = (
    (r"relative movement", "How far one call moves the state, as a share of the state's length."),
    (r"z_L falls within", "How many times smaller z_L's last step of a cycle is than its first."),
    (r"z_L jumps after", "How many times larger z_L's step is right after z_H was updated."),
    (r"^state$", "What counts as one state: all its numbers, or their mean over the cells."),
    (r"variance along", "How much of the path lies in a plane: 100 % would be a flat drawing."),
    (r"components for 90", "Directions that it takes to hold nine tenths of the path."),
    (r"^(untrained )?PR\(", "Participation ratio: in about how many directions the states spread evenly."),
    (r"^ratio", "How many times more dimensions z_H fills than z_L."),
    (r"^p of PR", "How often chance alone gives as large a difference; below 0.05 it is unlikely."),
    (r"^of dimensions", "Numbers in one state: the most that a participation ratio could be."),
    (r"^pooling", "What counts as one state: every cell, or the mean over cells."),
    (r"^exact", "Share of puzzles whose whole answer is right."),
    (r"^cells that break", "Cells that clash by a rule, on average a puzzle."),
    (r"^cells changed", "Cells that change from step to step, summed over all steps, on average a puzzle."),
    (r"^segments", "Rounds of computation that are used before stopping, on average."),
    (r"budget$|^most segments", "The most rounds that were allowed."),
    (r"^difficulty", "What difficulty is measured by."),
    (r"ρ", "Rank correlation of difficulty and segments: 1 harder is always longer, 0 no relation."),
    (r"^share right", "Share of answers that are right, whatever q_halt says."),
    (r"^ECE", "Average gap between q_halt and the share that is right; 0 is perfect."),
    (r"^Brier", "Mean squared error of q_halt as a probability; 0 is perfect, 0.25 is a coin."),
    (r"^q_halt ≥", "How often q_halt above one half goes with a right answer, and below with a wrong one."),
    (r"^AUROC", "How often a right answer has a higher q_halt than a wrong one; 0.5 is chance."),
    (r"^right after the last", "Share of puzzles that are right in the end."),
    (r"^false fixed", "Share of puzzles whose state stops moving on a wrong answer."),
    (r"^answer at rest", "Share of puzzles whose answer stops changing and is wrong."),
    (r"^state moving", "Share of puzzles that are wrong while the state still moves."),
    (r"^right once", "Share of puzzles that were right once and did not stay so."),
    (r"^one blank", "Solved puzzles with a single cell left empty: the easiest puzzles there are."),
    (r"^bits a cell of a plain", "What a cell costs if nothing is known but the number of symbols."),
    (r"^bits a cell|^of puzzles", "What a cell of the solution costs, given the model."),
    (r"^bits a puzzle", "What the solution costs for one who knows the rules and may search."),
    (r"^bits of the parameters", "What the model itself costs."),
    (r"^puzzles to break", "Puzzles from which model and solutions together cost less than the plain code."),
    (r"^puzzles of the", "Puzzles that it was trained on, symmetries not counted."),
    (r"^MiB", "Memory that training keeps for the gradient of one segment."),
    (r"^one-step gradient", "How much that memory grows from the shortest recursion to the longest."),
)


def meaning(name: str) -> str:
    """Return what a headline number says, in a sentence; empty where it is not known."""
    return next((words for pattern, words in _MEANINGS if re.search(pattern, name)), "")


def is_rate(name: str) -> bool:
    """Say whether a headline number is a share, which readers see in percent."""
    return bool(_RATE.match(name))


def shown(name: str, value: float | str | None) -> str:
    """Return a headline number as readers see it."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if not isfinite(value):
        return "undefined"
    if is_rate(name):
        return percent(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
