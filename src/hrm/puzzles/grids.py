"""What families of grid puzzles share: reading JSON and small numbers, and permuting lines."""

import json
import warnings
from functools import cache
from itertools import permutations, product
from math import factorial

import numpy as np
from jaxtyping import Bool, Float, Int, Int8, UInt8

from hrm.errors import DataError

MAX_GIVEN = 4096
"""Longest text, and largest number of cells, that is read as one puzzle."""


def unpacked(given: object, openers: str, most: int = MAX_GIVEN) -> object:
    """Return what JSON text holds, and an array as lists; anything else, other text included, as it came.

    Args:
        openers: characters that JSON of this kind starts with.
        most: longest text that is read.

    Raises:
        DataError: text or an array that is too long, or text that starts like JSON and is none.
    """
    if isinstance(given, np.ndarray):
        if given.size > MAX_GIVEN:
            raise DataError(f"it has {given.size} cells; at most {MAX_GIVEN} are read at once")
        return given.tolist()
    if not isinstance(given, str):
        return given
    if len(given) > most:
        raise DataError(f"it has {len(given)} characters; at most {most} are read at once")
    if not given.strip() or given.lstrip()[0] not in openers:
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError) as error:
        reason = getattr(error, "msg", "nested too deeply")
        raise DataError(f"it starts like JSON but cannot be read as JSON: {reason}") from None


def small_number(item: object) -> int | None:
    """Return a whole number below 1000, given as such or as text; None of anything else."""
    if isinstance(item, str) and item.isascii() and item.isdigit() and len(item) < 4:
        return int(item)
    return item if isinstance(item, int) and not isinstance(item, bool) and 0 <= item < 1000 else None


def place(cell: int, columns: int) -> str:
    """Return where a cell is, in the words of messages."""
    y, x = divmod(cell, columns)
    return f"row {y + 1}, column {x + 1}"


def block_permutations(blocks: int, size: int) -> Int[np.ndarray, "k {blocks*size}"]:
    """Return every order of ``blocks * size`` lines that keeps those of a block together."""
    within = np.array(list(permutations(range(size))))
    parts = np.array(list(product(range(len(within)), repeat=blocks)))
    orders = np.array(list(permutations(range(blocks))))
    lines = orders[:, None, :, None] * size + within[parts][None]
    return lines.reshape(factorial(blocks) * len(parts), blocks * size)


def random_lines(blocks: Float[np.ndarray, "n b"], lines: Float[np.ndarray, "n lines"]) -> Int[np.ndarray, "n lines"]:
    """Turn uniform numbers into orders of lines that keep those of a block together."""
    n, b = blocks.shape
    size = lines.shape[1] // b
    within = np.argsort(lines.reshape(n, b, size), axis=2)
    return (np.argsort(blocks, axis=1)[:, :, None] * size + within).reshape(n, b * size)


@cache
def dihedral(shape: tuple[int, int]) -> Int[np.ndarray, "k C"]:
    """Return where each cell of a turned or reflected grid comes from: eight ways of a square, else four."""
    grid = np.arange(shape[0] * shape[1]).reshape(shape)
    turns = range(4) if shape[0] == shape[1] else (0, 2)
    return np.stack([np.rot90(side, turn).reshape(-1) for side in (grid, grid[:, ::-1]) for turn in turns])


def neighbors(shape: tuple[int, int]) -> Int8[np.ndarray, "C C"]:
    """Return 1 where two cells of a grid touch along an edge, else 0."""
    y, x = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    return (np.abs(y[:, None] - y) + np.abs(x[:, None] - x) == 1).astype(np.int8)


def steps(shape: tuple[int, int]) -> Int8[np.ndarray, "C C"]:
    """Return in which direction the neighbor of a cell lies: 1 up, 2 left, 3 right, 4 down, 0 for all others."""
    return np.select([directions(shape) == kind for kind in (2, 4, 5, 7)], [1, 2, 3, 4], 0).astype(np.int8)


def directions(shape: tuple[int, int]) -> Int8[np.ndarray, "C C"]:
    """Return where each cell's neighbors lie: 1 to 8, row by row from the upper left one, and 0 for all others."""
    y, x = np.divmod(np.arange(shape[0] * shape[1]), shape[1])
    down, right = y - y[:, None], x - x[:, None]
    near = (np.abs(down) <= 1) & (np.abs(right) <= 1)
    place = 3 * down + right + 4  # 4: the cell itself
    return np.where(near & (place != 4), place + (place < 4), 0).astype(np.int8)


def box_units(box: tuple[int, int]) -> Int[np.ndarray, "3 C"]:
    """Return the number of the row, the column and the box of each cell of a Sudoku whose boxes are this large."""
    height, width = box
    n = height * width
    y, x = np.divmod(np.arange(n * n), n)
    return np.stack([y, x, y // height * (n // width) + x // width])


def least_rows(table: UInt8[np.ndarray, "n k"]) -> Bool[np.ndarray, " n"]:
    """Say which rows of a table no other row comes before in lexicographic order."""
    padded = np.pad(table, ((0, 0), (0, -table.shape[1] % 8)))
    words = np.ascontiguousarray(padded).view(">u8").astype(np.uint64)
    left = np.arange(len(table))
    for column in words.T:
        part = column[left]
        left = left[part == part.min()]
    least = np.zeros(len(table), bool)
    least[left] = True
    return least


def __getattr__(name: str) -> object:
    """Return a function by the name that it had before, with a warning."""
    if name == "neighbours":
        warnings.warn("hrm.puzzles.grids.neighbours is now called neighbors", DeprecationWarning, stacklevel=2)
        return neighbors
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
