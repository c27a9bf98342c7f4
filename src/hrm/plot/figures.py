"""The figure of each analysis, from the numbers that it gave."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hrm.plot.answers import (
    draw_calibration,
    draw_depth,
    draw_halting,
    draw_intermediate,
    height_of_intermediate,
)
from hrm.plot.canvas import canvas
from hrm.plot.limits import draw_code_length, draw_fixed_points, draw_memory
from hrm.plot.states import draw_dimensionality, draw_residuals, draw_trajectories

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Height = float | Callable[[dict[str, Any]], float]
"""Inches, or what tells them from the numbers."""
BESIDE: dict[str, tuple[str, tuple[float, Height], Callable[..., None]]] = {
    "residuals": ("Forward residuals", (7.5, 5.2), draw_residuals),
    "trajectories": ("Paths of the states along their principal components", (11.5, 5.6), draw_trajectories),
    "dimensionality": ("Participation ratio of the states", (10.0, 4.2), draw_dimensionality),
    "intermediate": ("Preliminary answers at every timestep", (10.5, height_of_intermediate), draw_intermediate),
    "halting": ("Segments used against difficulty", (10.0, 4.2), draw_halting),
    "calibration": ("Does the Q-head know?", (6.5, 5.6), draw_calibration),
    "fixed-points": ("Where the recursion comes to rest", (10.0, 4.2), draw_fixed_points),
    "code-length": ("Code length of the solutions", (10.0, 4.2), draw_code_length),
}
"""Title, inches, and what draws one model: several models are drawn one above the other."""
TOGETHER: dict[str, tuple[str, tuple[float, float], Callable[..., None]]] = {
    "depth": ("Segments at inference", (10.5, 4.4), draw_depth),
    "memory": ("Memory held for the gradient", (6.5, 4.6), draw_memory),
}
"""The same for figures in which all models share the axes."""


def draw(what: str, found: Sequence[dict[str, Any]]) -> "Figure":
    """Draw one analysis of one or several models.

    Args:
        what: name of the analysis.
        found: of each model ``model``, ``puzzles`` (a sentence) and ``numbers``, as the JSON file has them.
    """
    if what in TOGETHER:
        title, (width, height), each = TOGETHER[what]
        figure = canvas(width, height, title)
        each(figure.subfigures(), [(entry["model"], entry["numbers"]) for entry in found], _about(found))
        return figure
    title, (width, height), each = BESIDE[what]
    heights = [height(entry["numbers"]) if callable(height) else height for entry in found]
    figure = canvas(width, sum(heights), title)
    parts = figure.subfigures(len(found), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, entry in zip(parts, found, strict=True):
        each(part, entry["numbers"], _about([entry]))
    return figure


def _about(found: Sequence[dict[str, Any]]) -> str:
    """Say which models and puzzles a figure is about."""
    models = ", ".join(dict.fromkeys(entry["model"] for entry in found))
    return f"{models}: {'; '.join(dict.fromkeys(entry['puzzles'] for entry in found))}"
