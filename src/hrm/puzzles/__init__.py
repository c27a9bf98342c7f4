"""Puzzle families: numpy only, importable without torch."""

import re
from functools import cache

from hrm.errors import UsageError, did_you_mean
from hrm.puzzles.base import Puzzle
from hrm.puzzles.maze import Maze
from hrm.puzzles.sudoku import BOXES, Sudoku

_MAZE = re.compile(r"maze-(\d{1,4})x(\d{1,4})(-unique)?", re.ASCII)

FAMILIES = (*(f"sudoku-{size}x{size}" for size in BOXES), *(f"maze-{size}x{size}" for size in (10, 16, 30)))
"""The families that are told by their puzzles; ``get`` knows mazes of other sizes, too."""
NAMES = (*FAMILIES, *(f"{name}-unique" for name in FAMILIES if name.startswith("maze")))
"""The names that are listed: a ``-unique`` maze is of the same family, and only generates other mazes."""


@cache
def get(name: str) -> Puzzle:
    """Return the family of this name, always the same object.

    Raises:
        UsageError: there is none of this name.
    """
    if name in FAMILIES and name.startswith("sudoku"):
        return Sudoku(int(name.rpartition("x")[2]))
    if found := _MAZE.fullmatch(name):
        return Maze(int(found[1]), int(found[2]), unique=bool(found[3]))
    hint = did_you_mean(name, list(NAMES))
    raise UsageError(f"no puzzle family is called {name!r}; there are {', '.join(NAMES)}.{hint}")
