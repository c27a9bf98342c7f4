"""Pictures can be read: large text, contrast, legends that name what is drawn. Of every family."""

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import UInt8

from hrm import puzzles
from hrm.inference.answer import Answer, TraceStep
from hrm.puzzles.base import Puzzle
from hrm.viz import palette
from hrm.viz.puzzle import files, layout, terminal
from hrm.viz.puzzle.canvas2d import Box, Disc, Words
from hrm.viz.puzzle.frame import Frame, View
from hrm.viz.puzzle.legend import entries


def frame(view: View, moment: TraceStep) -> Frame:
    return Frame(moment, *view.caption(moment))


def moment(family: Puzzle, start: UInt8[np.ndarray, " C"], grid: UInt8[np.ndarray, " C"]) -> tuple[View, TraceStep]:
    """Return a view of one sure segment, and that segment."""
    told = TraceStep(1, grid, np.ones(len(grid), np.float32), grid != start, 0.5, family.text(grid))
    answer = Answer(family.text(start), told.answer, grid, False, 1, 0.5, True, (told,))
    return View(family, answer), told


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-9x9", "killer-4x4", "killer-9x9", "maze-10x10", "samurai-4x4"])
def test_text_is_large_enough_to_read(name: str):
    family = puzzles.get(name)
    start, answer = family.generate(0, 0)
    view, told = moment(family, start, answer)
    for drawing in (files.draw_sheet(view), *files.draw_frames(view)):
        assert min(shape.size for shape in drawing.shapes if isinstance(shape, Words)) >= 10


@pytest.mark.parametrize("name", [name for name in puzzles.names() if not name.endswith("-unique")])
def test_the_legend_names_what_is_drawn_and_nothing_else(name: str):
    family = puzzles.get(name)
    start, answer = family.generate(0, 0)
    view, told = moment(family, start, answer)
    words = [entry.word for entry in entries(view, view.frames())]
    assert len(words) == len(set(words)) and {"clashes", "unsure"}.isdisjoint(words)
    assert "changed" in words
    symbols = {cell.symbol for one in view.frames() for cell in view.cells(one.step) if not cell.fill}
    if not view.sketch.nodes:
        assert ("filled in" in words) == any(symbol.strip() for symbol in symbols)
    filled = {cell.symbol for one in view.frames() for cell in view.cells(one.step) if cell.fill}
    assert {word for token, word in family.spec.words if family.spec.tokens[token] in filled} <= set(words)


@pytest.mark.parametrize("name", [name for name in puzzles.names() if not name.endswith("-unique")])
def test_every_symbol_can_be_read_on_what_it_lies_on(name: str):
    """Not only on white: each ink of a cell has a contrast of 4.5 with the last box or disc below it."""
    family = puzzles.get(name)
    start, answer = family.generate(0, 0)
    for sure in (0.0, 0.4, 1.0):
        view, told = moment(family, start, answer)
        told = replace(told, confidence=np.full(len(start), sure, np.float32))
        shapes = layout.draw_step(view, told, 40).shapes
        for number, word in enumerate(shapes):
            if isinstance(word, Words):
                below = [shape for shape in shapes[:number] if isinstance(shape, Box | Disc) and covers(shape, word)]
                ground = below[-1].ink if below else palette.PAPER
                assert palette.contrast(word.ink, ground) >= 4.5, (word, ground)


def covers(shape: Box | Disc, word: Words) -> bool:
    """Say whether a shape lies below the middle of a symbol; lines do not."""
    x, y = word.x, word.y - 0.36 * word.size
    if isinstance(shape, Disc):
        return (x - shape.x) ** 2 + (y - shape.y) ** 2 <= shape.radius**2
    large = min(shape.width, shape.height) > 10
    return large and shape.x <= x <= shape.x + shape.width and shape.y <= y <= shape.y + shape.height


@pytest.mark.parametrize("name", [name for name in puzzles.names() if puzzles.get(name).spec.solid])
def test_solid_cells_are_seen_on_black_and_on_white_terminals_from_edge_to_edge(name: str):
    family = puzzles.get(name)
    if family.spec.name == "arc" or "coloring" in family.spec.name:
        pytest.skip("not drawn as a grid of solid cells")
    start, answer = family.generate(0, 0)
    view, told = moment(family, start, answer)
    grid = terminal.terminal_grid(view, frame(view, told))
    shades = {palette.seen_on_both(dict(family.spec.fills)[token]) for token in family.spec.solid}
    for shade in shades:
        assert min(palette.contrast(shade, "#000000"), palette.contrast(shade, "#ffffff")) >= 3
    styles = [(span.start, span.end, span.style) for span in grid.spans]
    painted = {at for begin, end, style in styles if style.bgcolor and style.bgcolor.name in shades
               for at in range(begin, end)}  # fmt: skip
    solid = sum(cell.is_solid for cell in view.cells(told))
    assert len(painted) == 2 * solid


def test_the_five_grids_of_a_samurai_have_outlines():
    for name in ("samurai", "samurai-4x4"):
        family = puzzles.get(name)
        view, told = moment(family, *family.generate(0, 0))
        shapes = layout.draw_step(view, told, 20).shapes
        assert len([shape for shape in shapes if shape.ink == palette.MIDDLE]) == 4
        assert len(view.sketch.outlines) == 5
