"""The pictures that an ``Answer`` offers: in a notebook, and as a file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from markupsafe import Markup

from hrm.inference.answer import Answer, TraceStep, counted
from hrm.puzzles.base import Puzzle
from hrm.viz.puzzle import files
from hrm.viz.puzzle.canvas2d import to_svg
from hrm.viz.puzzle.frame import View
from hrm.viz.puzzle.layout import cell_width, draw_step
from hrm.viz.templates import render

MOST_SEGMENTS = 16
"""Of a longer trace a notebook shows the end only."""


def html(puzzle: Puzzle, answer: Answer) -> str:
    """Return the final grid, or all segments of a short trace, with one line below."""
    words = f"{puzzle.spec.name}: {answer.verdict}, {counted(answer.segments, 'segment')}"
    words += f", sure: {answer.q_halt:.0%}"
    if answer.trace and len(answer.trace) <= MOST_SEGMENTS:
        drawing = files.draw_sheet(View(puzzle, answer))
    else:
        view = View(puzzle, with_trace(puzzle, answer))
        end = view.steps()[-1]
        still = replace(end, changed=np.zeros_like(end.changed))
        drawing = draw_step(view, still, cell_width(view, 30, 300))
    picture = to_svg(drawing, words).replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)
    return render("answer.html", picture=Markup(picture), caption=words)


def save(puzzle: Puzzle, answer: Answer, file: str | Path) -> None:
    """Save a picture of an answer: ``.gif`` moves, ``.png`` and ``.svg`` are a sheet.

    Raises:
        UsageError: another suffix, or too many segments.
        HrmError: the file cannot be written.
    """
    files.save(puzzle, with_trace(puzzle, answer), file)


def with_trace(puzzle: Puzzle, answer: Answer) -> Answer:
    """Return the answer with its trace; where none was kept, its end is the only step, drawn as sure."""
    if answer.trace:
        return answer
    changed = answer.tokens != puzzle.parse(answer.puzzle)
    sure = np.ones(len(answer.tokens), np.float32)
    end = TraceStep(answer.segments, answer.tokens, sure, changed, answer.q_halt, answer.answer)
    return replace(answer, trace=(end,))
