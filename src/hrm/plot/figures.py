"""The figure of each analysis, from the numbers that it gave."""

from collections.abc import Callable, Sequence
from pathlib import PurePath
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
from hrm.plot.states import (
    draw_dimensionality,
    draw_residuals,
    draw_trajectories,
    height_of_trajectories,
    size_of_residuals,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Height = float | Callable[[dict[str, Any]], float]
"""Inches, or what tells them from the numbers."""
BESIDE: dict[str, tuple[str, tuple[float, Height], Callable[..., None]]] = {
    "trajectories": (
        "Paths of the states along their principal components", (11.5, height_of_trajectories), draw_trajectories
    ),
    "dimensionality": ("Participation ratio of the states", (10.0, 4.2), draw_dimensionality),
    "intermediate": ("Preliminary answers at every timestep", (10.5, height_of_intermediate), draw_intermediate),
    "halting": ("Segments used against difficulty", (10.0, 4.2), draw_halting),
    "calibration": ("Does the Q-head know?", (6.5, 5.6), draw_calibration),
    "fixed-points": ("Where the recursion comes to rest", (10.0, 4.2), draw_fixed_points),
    "code-length": ("Code length of the solutions", (10.0, 4.2), draw_code_length),
}  # fmt: skip
"""Title, inches, and what draws one model: several models are drawn one above the other."""
TOGETHER: dict[str, tuple[str, Callable[[int], tuple[float, float]], Callable[..., None]]] = {
    "residuals": ("Forward residuals", size_of_residuals, draw_residuals),
    "depth": ("Segments at inference", lambda models: (12.0, 4.4), draw_depth),
    "memory": ("Memory held for the gradient", lambda models: (6.5, 4.6), draw_memory),
}
"""Title, inches for so many models, and what draws all of them: they share axes, or at least their scale."""


def draw(what: str, found: Sequence[dict[str, Any]]) -> "Figure":
    """Draw one analysis of one or several models.

    Args:
        what: name of the analysis.
        found: of each model ``model``, ``puzzles`` (a sentence) and ``numbers``, as the JSON file has them.
    """
    names = short_names([entry["model"] for entry in found])
    if what in TOGETHER:
        title, size, each = TOGETHER[what]
        figure = canvas(*size(len(found)), title)
        named = [(name, entry["numbers"]) for name, entry in zip(names, found, strict=True)]
        each(figure.subfigures(), named, "; ".join(dict.fromkeys(entry["puzzles"] for entry in found)))
        return figure
    title, (width, height), each = BESIDE[what]
    heights = [height(entry["numbers"]) if callable(height) else height for entry in found]
    figure = canvas(width, sum(heights), title)
    parts = figure.subfigures(len(found), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, name, entry in zip(parts, names, found, strict=True):
        each(part, entry["numbers"], f"{name}: {entry['puzzles']}")
    return figure


def short_names(models: Sequence[str]) -> list[str]:
    """Return what to call models: the last part of a path, where that tells them apart."""
    short = [PurePath(model).name or model for model in models]
    return short if len(set(short)) == len(set(models)) else list(models)
