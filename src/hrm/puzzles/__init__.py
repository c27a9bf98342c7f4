"""Puzzle families: numpy only, importable without torch."""

from functools import cache

from hrm.errors import UsageError, did_you_mean
from hrm.puzzles.base import Puzzle
from hrm.puzzles.sudoku import BOXES, Sudoku

_FAMILIES = {f"sudoku-{size}x{size}": size for size in BOXES}

NAMES = tuple(_FAMILIES)
"""The families that ``get`` knows."""


@cache
def get(name: str) -> Puzzle:
    """Return the family of this name, always the same object.

    Raises:
        UsageError: there is none of this name.
    """
    if name not in _FAMILIES:
        hint = did_you_mean(name, list(NAMES))
        raise UsageError(f"no puzzle family is called {name!r}; there are {', '.join(NAMES)}.{hint}")
    return Sudoku(_FAMILIES[name])
