"""What a page must know of a family to draw its puzzles and to let a person write one."""

from typing import Annotated

import numpy as np
from jaxtyping import UInt8
from pydantic import BaseModel, Field

from hrm.puzzles.base import PAD, Puzzle
from hrm.puzzles.conflicts import pairs_that_differ
from hrm.viz.palette import ink_on
from hrm.viz.report.drawings import on_dark

Pairs = list[Annotated[list[int], Field(min_length=2, max_length=2)]]
Parts = list[Annotated[list[int], Field(min_length=4, max_length=4)]]


class Fill(BaseModel):
    """The color of a cell and of a symbol on it, ``#rrggbb``."""

    light: tuple[str, str]
    dark: tuple[str, str]


class Grid(BaseModel):
    """A family as an editor sees it. Tokens are numbers; cells are numbered row by row."""

    rows: int
    columns: int
    symbols: list[str] = Field(description="The text of each token; token 0 is a cell outside the puzzle.")
    blank: int = Field(description="Token of a cell that the answer fills in.")
    clues: list[int] = Field(description="Further tokens that the answer replaces.")
    offered: list[int] = Field(description="Tokens that a puzzle is written with, the blank first.")
    once: list[int] = Field(description="Tokens that every puzzle holds exactly once.")
    words: dict[int, str] = Field(description="Words for tokens: wall, path.")
    fills: dict[int, Fill] = Field(description="Tokens whose cells have a color.")
    solid: list[int] = Field(description="Tokens that are told by their color alone.")
    box: tuple[int, int] = Field(description="Rows and columns of a box; 0, 0 where there are none.")
    padded: bool = Field(description="Whether puzzles may be smaller than the grid.")
    sized: bool = Field(
        description="Whether a puzzle is a grid of any size up to this one, and its answer perhaps of another size."
    )
    outside: list[int] = Field(description="Cells that no puzzle has, though the grid does.")
    drawn: bool = Field(description="Whether a puzzle is more than its cells, such as a graph: it is given as text.")
    pairs: Pairs = Field(description="Cells that must differ; those of a puzzle that is drawn come with it.")


class Drawing(BaseModel):
    """A puzzle that was read, and what pictures show beside the symbols in its cells."""

    puzzle: str = Field(description="As one line of text.")
    cells: list[int] = Field(description="The token of each cell.")
    pairs: Pairs = Field(description="Cells that must differ.")
    regions: list[int] | None = Field(description="Number of the region of each cell, -1 where it is in none.")
    notes: dict[int, str] = Field(description="Small words in the corner of a cell.")
    nodes: list[int] = Field(description="Cells that are nodes of a graph; then only these are drawn.")
    edges: Pairs = Field(description="Nodes that a line joins.")
    outlines: Parts = Field(description="Parts: top row, left column, rows, columns.")


def grid_of(puzzle: Puzzle) -> Grid:
    """Return a family as an editor sees it."""
    spec = puzzle.spec
    no_grids = np.zeros((0, spec.cells), np.uint8)
    drawn = puzzle.relations_of(no_grids) is not None
    outside = _outside(puzzle)
    padded = spec.padded and not outside
    left_out = {PAD, spec.blank, *spec.clues, *spec.marks}
    offered = [spec.blank, *(token for token in range(spec.vocab_size) if token not in left_out)]
    sized = not padded and bool(spec.answerable[PAD])
    if sized:
        offered = offered[1:]  # the blank only marks where a grid ends
    if padded:
        offered = [*(token for token in offered if spec.tokens[token]), PAD]  # a table may have no blank
    fills = {token: _fill(color, color if sized else on_dark(color)) for token, color in spec.fills}
    return Grid(
        rows=spec.shape[0], columns=spec.shape[1], symbols=list(spec.tokens), blank=spec.blank,
        clues=list(spec.clues), offered=offered, once=list(spec.once), words=dict(spec.words),
        fills=fills, solid=list(spec.solid), box=spec.box,
        padded=padded, sized=sized, outside=outside, drawn=drawn,
        pairs=[] if drawn else pairs_that_differ(spec, puzzle.relation_matrices).tolist(),
    )  # fmt: skip


def drawing_of(puzzle: Puzzle, inputs: UInt8[np.ndarray, " C"]) -> Drawing:
    """Return a parsed puzzle with what pictures show of it."""
    sketch, own = puzzle.sketch(inputs), puzzle.relations_of(inputs[None])
    return Drawing(
        puzzle=puzzle.text(inputs),
        cells=inputs.tolist(),
        pairs=pairs_that_differ(puzzle.spec, puzzle.relation_matrices if own is None else own[0]).tolist(),
        regions=None if sketch.regions is None else sketch.regions.tolist(),
        notes=dict(sketch.notes),
        nodes=list(sketch.nodes),
        edges=[list(edge) for edge in sketch.edges],
        outlines=[list(part) for part in sketch.outlines],
    )


def _outside(puzzle: Puzzle) -> list[int]:
    """Return the cells that are related to none, where others are: those between the grids of a Samurai."""
    related = (puzzle.relation_matrices != 0).any(axis=(0, 1))
    return np.flatnonzero(~related).tolist() if related.any() else []


def _fill(light: str, dark: str) -> Fill:
    return Fill(light=(light, ink_on(light)), dark=(dark, ink_on(dark)))
