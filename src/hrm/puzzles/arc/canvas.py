"""ARC on a square canvas: a grid of any size that fits, as tokens, and back.

The canvas of ARC has 30×30 cells; sets of smaller grids, such as Mini-ARC, take a smaller one.

Token 0 is padding, 1 the end of a grid (EOS), 2 to 11 are the colors 0 to 9.

Source: the official code's layout (``dataset/build_arc_dataset.py``) and crop (``arc_eval.ipynb``), restated.
"""

from collections.abc import Sequence
from math import isqrt

import numpy as np
from jaxtyping import Int, UInt8

from hrm.puzzles.arc.tasks import SIDE, Grid, Pair
from hrm.randomness import Stream, uniforms

PAD, EOS, FIRST_COLOR, VOCAB = 0, 1, 2, 12
CELLS = SIDE * SIDE
"""Of the largest canvas."""


def encode(
    grids: Sequence[Grid], offsets: Int[np.ndarray, "n 2"] | None = None, side: int = SIDE
) -> UInt8[np.ndarray, "n C"]:
    """Put each grid on a canvas, with EOS on the row just below and the column just right of it where they fit.

    Args:
        offsets: row and column of each grid's corner; None: (0, 0) for all.
        side: rows and columns of the canvas.
    """
    n = len(grids)
    top, left = np.zeros((2, n), np.int64) if offsets is None else offsets.T.astype(np.int64)
    height, width = np.array([grid.shape for grid in grids], np.int64).reshape(n, 2).T
    below, right = top + height, left + width
    if n and (min(top.min(), left.min()) < 0 or max(below.max(), right.max()) > side):
        raise ValueError(f"a grid does not fit on the canvas of {side}x{side} at its offset")
    canvas = np.zeros((n, side, side), np.uint8)
    line = np.arange(side)
    rows = (line >= top[:, None]) & (line < below[:, None])
    columns = (line >= left[:, None]) & (line < right[:, None])
    cells = rows[:, :, None] & columns[:, None, :]
    canvas[cells] = np.concatenate([grid.reshape(-1) for grid in grids] or [np.zeros(0, np.uint8)]) + FIRST_COLOR
    canvas[(line == below[:, None])[:, :, None] & columns[:, None, :]] = EOS
    canvas[rows[:, :, None] & (line == right[:, None])[:, None, :]] = EOS
    return canvas.reshape(n, side * side)


def encode_pairs(
    pairs: Sequence[Pair], offsets: Int[np.ndarray, "n 2"] | None = None, side: int = SIDE
) -> tuple[UInt8[np.ndarray, "n C"], UInt8[np.ndarray, "n C"]]:
    """Return inputs and labels; both of a pair have its one offset. The label of an unknown output is all padding."""
    known = [number for number, pair in enumerate(pairs) if pair.output is not None]
    labels = np.zeros((len(pairs), side * side), np.uint8)
    outputs = [pair.output for pair in pairs if pair.output is not None]
    labels[known] = encode(outputs, None if offsets is None else offsets[known], side)
    return encode([pair.input for pair in pairs], offsets, side), labels


def decode(tokens: UInt8[np.ndarray, "n C"], offsets: Int[np.ndarray, "n 2"] | None = None) -> list[Grid]:
    """Return of each canvas the largest rectangle of colors at its upper left corner, empty where there is none.

    Of several as large, the one of the fewest rows counts.

    Args:
        offsets: row and column of the corner; None: (0, 0) for all.
    """
    n, side = len(tokens), isqrt(tokens.shape[1])
    canvas = tokens.reshape(n, side, side)
    if offsets is not None:
        line = np.arange(side)
        y, x = (line + offsets[:, :1], line + offsets[:, 1:])
        inside = (y < side)[:, :, None] & (x < side)[:, None, :]
        moved = canvas[np.arange(n)[:, None, None], (y % side)[:, :, None], (x % side)[:, None, :]]
        canvas = np.where(inside, moved, PAD).astype(np.uint8)
    color = (canvas >= FIRST_COLOR) & (canvas < VOCAB)
    run = np.where(color.all(axis=2), side, np.argmin(color, axis=2))  # colors at the start of each row
    width = np.minimum.accumulate(run, axis=1)
    rows = np.argmax(width * np.arange(1, side + 1), axis=1) + 1
    widths = width[np.arange(n), rows - 1]
    sizes = zip((rows * (widths > 0)).tolist(), widths.tolist(), strict=True)
    return [canvas[i, :h, :w] - np.uint8(FIRST_COLOR) for i, (h, w) in enumerate(sizes)]


def random_offsets(
    pairs: Sequence[Pair], seed: int, counters: Int[np.ndarray, " n"], side: int = SIDE
) -> Int[np.ndarray, "n 2"]:
    """Draw for each pair one offset that fits its input and its output, every fitting one equally likely.

    Args:
        counters: the number of the draw that each pair belongs to.
        side: rows and columns of the canvas.
    """
    shapes = np.array([[(1, 1) if grid is None else grid.shape for grid in pair] for pair in pairs]).reshape(-1, 2, 2)
    room = side + 1 - shapes.max(axis=1)
    return (uniforms(seed, Stream.TRANSLATE, counters, 2) * room).astype(np.int64)
