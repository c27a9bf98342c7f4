"""The questions that can be asked of a model by name; free of torch."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Question:
    """What an analysis asks, and what it takes unless told otherwise."""

    asks: str
    puzzles: int
    budgets: int = 1
    """Segments, in multiples of the budget that the model was trained with."""
    least: int = 1
    """Segments that it takes at the least."""
    few: int | None = None
    """Puzzles on a page with other questions, which must not take long; None: ``puzzles``."""
    precision: Literal["fp32", "auto"] = "auto"
    """fp32 where states are compared with one another: in bf16 a state at rest still moves by its last bit."""


What = Literal[
    "residuals", "trajectories", "dimensionality", "intermediate", "halting", "depth", "calibration", "fixed-points",
    "code-length", "memory",
]  # fmt: skip
"""The names of the questions."""

QUESTIONS = {
    "residuals": Question("How far does each call move its state? (figure 3)", 50, few=16, precision="fp32"),
    "trajectories": Question("What paths do the states take? (figure 3)", 4, precision="fp32"),
    "dimensionality": Question("How many dimensions do the states fill? (figure 8)", 100, few=24, precision="fp32"),
    "intermediate": Question("What would it answer at every timestep? (figure 7)", 50, few=16, precision="fp32"),
    "halting": Question("Do harder puzzles get more segments?", 200),
    "depth": Question("What do more segments give at inference? (figure 5)", 100, budgets=4),
    "calibration": Question("Does the Q-head know when the answer is right?", 200),
    "fixed-points": Question(
        "Does it come to rest on wrong answers?", 100, budgets=2, least=3, few=50, precision="fp32"
    ),
    "code-length": Question("Does it compress the solutions?", 100),
    "memory": Question("What does the gradient hold in memory?", 2, precision="fp32"),
}

IN_A_REPORT = ("residuals", "intermediate", "dimensionality", "calibration", "halting")
"""Asked for a report unless told otherwise."""
