"""The figure of each analysis, from the numbers that it gave."""

from collections.abc import Callable, Sequence
from pathlib import PurePath
from textwrap import fill
from typing import TYPE_CHECKING, Any

from hrm.viz.figures.answers import draw_calibration, draw_depth, draw_halting
from hrm.viz.figures.intermediate import draw_intermediate, height_of_intermediate
from hrm.viz.figures.limits import draw_code_length, draw_fixed_points, draw_memory
from hrm.viz.figures.sentences import answer
from hrm.viz.figures.states import (
    draw_dimensionality,
    draw_residuals,
    draw_trajectories,
    height_of_trajectories,
    size_of_residuals,
)
from hrm.viz.figures.style import LETTERS_AN_INCH, canvas, heading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Height = float | Callable[[dict[str, Any]], float]
"""Inches, or what tells them from the numbers."""
BESIDE: dict[str, tuple[str, tuple[float, Height], Callable[..., None]]] = {
    "trajectories": (
        "Paths of the states along their principal components", (11.5, height_of_trajectories), draw_trajectories
    ),
    "dimensionality": ("Participation ratio of the states", (10.0, 4.6), draw_dimensionality),
    "intermediate": ("Preliminary answers at every timestep", (10.5, height_of_intermediate), draw_intermediate),
    "halting": ("Segments used against difficulty", (10.0, 4.8), draw_halting),
    "calibration": ("Does the Q-head know?", (7.5, 6.4), draw_calibration),
    "fixed-points": ("Where the recursion comes to rest", (10.0, 4.6), draw_fixed_points),
    "code-length": ("Code length of the solutions", (10.0, 4.8), draw_code_length),
}  # fmt: skip
"""Title, inches, and what draws one model: several models are drawn one above the other."""
TOGETHER: dict[str, tuple[str, Callable[[int], tuple[float, float]], Callable[..., None]]] = {
    "residuals": ("Forward residuals", size_of_residuals, draw_residuals),
    "depth": ("Segments at inference", lambda models: (10.0, 4.6 + 0.4 * models), draw_depth),
    "memory": ("Memory held for the gradient", lambda models: (7.5, 4.8 + 0.4 * models), draw_memory),
}
"""Title, inches for so many models, and what draws all of them: they share axes, or at least their scale."""


def draw(what: str, found: Sequence[dict[str, Any]]) -> "Figure":
    """Draw one analysis of one or several models.

    Args:
        what: name of the analysis.
        found: of each model ``model``, ``puzzles`` (words that begin with their number), ``numbers`` and, where it is
            there, the ``answer``, as the JSON file has them.
    """
    names = short_names([entry["model"] for entry in found])
    answers = [entry.get("answer") or answer(what, entry["numbers"], _count(entry)) for entry in found]
    if what in TOGETHER:
        title, size, each = TOGETHER[what]
        width, height = size(len(found))
        figure = canvas(width, height)
        named = [(name, entry["numbers"]) for name, entry in zip(names, found, strict=True)]
        part = figure.subfigures(1, 1, squeeze=False)[0, 0]
        puzzles = "; ".join(dict.fromkeys(entry["puzzles"] for entry in found))
        if what == "residuals":  # each panel has the sentence of its model
            heading(part, f"{title}: {puzzles}", "", width)
            each(part, [(f"{name}\n{said}", numbers) for (name, numbers), said in zip(named, answers, strict=True)])
        else:
            said = [fill(f"{n}: {a}", int(width * LETTERS_AN_INCH)) for n, a in zip(names, answers, strict=True)]
            heading(part, "\n".join((f"{title}: {_asked(what, puzzles, found)}", *said)), "", width)
            each(part, named)
        return figure
    title, (width, height), each = BESIDE[what]
    heights = [height(entry["numbers"]) if callable(height) else height for entry in found]
    figure = canvas(width, sum(heights))
    parts = figure.subfigures(len(found), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, name, entry, said in zip(parts, names, found, answers, strict=True):
        heading(part, f"{title}, {name}: {entry['puzzles']}", said, width)
        each(part, entry["numbers"])
    return figure


def _asked(what: str, puzzles: str, found: Sequence[dict[str, Any]]) -> str:
    """Return of which puzzles the numbers are: memory is counted for the first ones only."""
    return f"{found[0]['numbers']['puzzles']} puzzles" if what == "memory" else puzzles


def _count(entry: dict[str, Any]) -> int:
    """Return the number of puzzles, with which the words about them begin."""
    first = str(entry["puzzles"]).split(" ")[0]
    return int(first) if first.isdigit() else 0


def short_names(models: Sequence[str]) -> list[str]:
    """Return what to call models: the last part of a path, where that tells them apart."""
    short = [PurePath(model).name or model for model in models]
    return short if len(set(short)) == len(set(models)) else list(models)
