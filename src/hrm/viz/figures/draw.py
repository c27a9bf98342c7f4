"""The figure of each analysis and the sentence that answers it, from the numbers that it gave."""

from collections.abc import Callable, Sequence
from pathlib import PurePath
from textwrap import fill
from types import ModuleType
from typing import TYPE_CHECKING, Any

from hrm.viz.figures import (
    calibration,
    code_length,
    depth,
    dimensionality,
    fixed_points,
    halting,
    intermediate,
    memory,
    residuals,
    trajectories,
)
from hrm.viz.figures.style import LETTERS_AN_INCH, canvas, heading, plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BESIDE: dict[str, tuple[str, float, float | Callable[[dict[str, Any]], float], ModuleType]] = {
    "trajectories": ("Paths of the states along their principal components", 11.5, trajectories.height, trajectories),
    "dimensionality": ("Participation ratio of the states", 10.0, 4.6, dimensionality),
    "intermediate": ("Preliminary answers at every timestep", 10.5, intermediate.height, intermediate),
    "halting": ("Segments used against difficulty", 10.0, 4.8, halting),
    "calibration": ("Does the Q-head know?", 7.5, 6.4, calibration),
    "fixed-points": ("Where the recursion comes to rest", 10.0, 4.6, fixed_points),
    "code-length": ("Code length of the solutions", 10.0, 4.8, code_length),
}
"""Title, width and height (or what it is, from the numbers) in inches, and the module that draws one model and answers
the question in a sentence. Several models stand one above the other."""
TOGETHER: dict[str, tuple[str, Callable[[int], tuple[float, float]], ModuleType]] = {
    "residuals": ("Forward residuals", residuals.size, residuals),
    "depth": ("Segments at inference", lambda models: (10.0, 4.6 + 0.4 * models), depth),
    "memory": ("Memory held for the gradient", lambda models: (7.5, 4.8 + 0.4 * models), memory),
}
"""Title, inches for so many models, and the module that draws them all: they share axes, or at least their scale."""
FEW = 20
"""Fewer puzzles than this, and a sentence says so."""


def answer(what: str, numbers: dict[str, Any], puzzles: int) -> str:
    """Return the sentence that answers the question of an analysis.

    Args:
        what: name of the analysis.
        numbers: what it gave, as the JSON file has it.
        puzzles: how many it was asked of.
    """
    sentence = (TOGETHER | BESIDE)[what][-1].sentence(numbers)
    if puzzles < FEW and what != "memory":
        sentence += f" (Only {puzzles} puzzle{'s' * (puzzles != 1)}: read this as a hint, not as a measurement.)"
    return sentence


def draw(what: str, entries: Sequence[dict[str, Any]]) -> "Figure":
    """Draw one analysis of one or several models.

    Args:
        what: name of the analysis.
        entries: of each model ``model``, ``puzzles`` (words that begin with their number), ``numbers`` and perhaps the
            ``answer``, as the JSON file has them.
    """
    entries = [{**entry, "puzzles": plain(str(entry["puzzles"]))} for entry in entries]
    names = [plain(name) for name in short_names([entry["model"] for entry in entries])]
    answers = [entry.get("answer") or answer(what, entry["numbers"], _count(entry)) for entry in entries]
    return (_together if what in TOGETHER else _one_above_the_other)(what, names, answers, entries)


def _together(what: str, names: Sequence[str], answers: Sequence[str], entries: Sequence[dict[str, Any]]) -> "Figure":
    title, size, module = TOGETHER[what]
    width, height = size(len(entries))
    figure = canvas(width, height)
    part = figure.subfigures(1, 1, squeeze=False)[0, 0]
    puzzles = "; ".join(dict.fromkeys(entry["puzzles"] for entry in entries))
    lines: list[str] = []
    if what == "memory":  # counted for the first puzzles only
        puzzles = f"{entries[0]['numbers']['puzzles']} puzzles"
    if what == "residuals":  # each panel has the sentence of its model
        names = [f"{name}\n{words}" for name, words in zip(names, answers, strict=True)]
    else:
        letters = int(width * LETTERS_AN_INCH)
        lines = [fill(f"{name}: {words}", letters) for name, words in zip(names, answers, strict=True)]
    heading(part, "\n".join((f"{title}: {puzzles}", *lines)), "", width)
    module.draw(part, [(name, entry["numbers"]) for name, entry in zip(names, entries, strict=True)])
    return figure


def _one_above_the_other(
    what: str, names: Sequence[str], answers: Sequence[str], entries: Sequence[dict[str, Any]]
) -> "Figure":
    title, width, height, module = BESIDE[what]
    heights = [height(entry["numbers"]) if callable(height) else height for entry in entries]
    figure = canvas(width, sum(heights))
    parts = figure.subfigures(len(entries), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, name, entry, words in zip(parts, names, entries, answers, strict=True):
        heading(part, f"{title}, {name}: {entry['puzzles']}", words, width)
        module.draw(part, entry["numbers"])
    return figure


def _count(entry: dict[str, Any]) -> int:
    """Return the number of puzzles, with which the words about them begin."""
    first = str(entry["puzzles"]).split(" ")[0]
    return int(first) if first.isdigit() else 0


def short_names(models: Sequence[str]) -> list[str]:
    """Return what to call models: the last part of a path, where that tells them apart."""
    short = [PurePath(model).name or model for model in models]
    return short if len(set(short)) == len(set(models)) else list(models)
