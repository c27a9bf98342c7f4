"""Puzzle families: numpy only, importable without torch."""

import re
import sys
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from hrm.errors import UsageError, did_you_mean
from hrm.puzzles.arc.family import ARC, Arc
from hrm.puzzles.base import Puzzle
from hrm.puzzles.coloring import Coloring
from hrm.puzzles.maze.maze import Maze
from hrm.puzzles.sudoku.classic import BOXES, Sudoku
from hrm.puzzles.sudoku.killer import SIZES, Killer
from hrm.puzzles.sudoku.samurai import SIDES, Samurai

_MAZE = re.compile(r"maze-(\d{1,4})x(\d{1,4})(-unique)?", re.ASCII)
_COLORING = re.compile(r"colouring-(\d{1,4})x(\d{1,4})", re.ASCII)

FAMILIES = (
    *(f"sudoku-{size}x{size}" for size in BOXES),
    *(f"maze-{size}x{size}" for size in (10, 16, 30)),
    *(f"killer-{size}x{size}" for size in SIZES),
    *("samurai" if size == 9 else f"samurai-{size}x{size}" for size in SIDES),
    "colouring-8x3",
    "colouring-12x3",
    "colouring-20x4",
)
"""The families that are told by their puzzles; ``get`` knows mazes and colorings of other sizes, too."""
NAMES = (*FAMILIES, *(f"{name}-unique" for name in FAMILIES if name.startswith("maze")))
"""The names that are listed: a ``-unique`` maze is of the same family, and only generates other mazes."""


_own: dict[str, Puzzle] = {}


def register(puzzle: Puzzle, name: str = "") -> None:
    """Register a family of your own, so that ``get`` finds it by its name and, if given, by another one."""
    _own.update(dict.fromkeys({puzzle.spec.name, name} - {""}, puzzle))


def admit(name: str, folder: Path | None = None) -> None:
    """Import and register a family named ``module:Class``: this runs the module's code.

    Names without a colon are ignored. The configuration of a model never triggers this by itself: call it only at the
    user's request.

    Args:
        folder: searched before the installed modules; None: installed modules only.

    Raises:
        UsageError: no such module or class, or it is no family of puzzles.
    """
    module, colon, attribute = name.partition(":")
    if not colon or name in _own:
        return
    if not all(part.isidentifier() for part in [*module.split("."), attribute]):
        raise UsageError(f"{name!r} does not name a class: write module:Class, such as my_puzzles:Mirror")
    if folder is not None and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        found = getattr(import_module(module), attribute)
        if not isinstance(found, type) or not issubclass(found, Puzzle):
            raise TypeError("it is no class derived from hrm.puzzles.base.Puzzle")
        register(found(), name)
    except Exception as error:  # whatever the user's code raises, it is theirs
        raise UsageError(f"{name} cannot be used: {type(error).__name__}: {error}") from error


def get(name: str) -> Puzzle:
    """Return the family with this name, always the same object.

    Families are built in, come from installed packages (entry points of the group ``hrm.puzzles``), or are registered.

    Raises:
        UsageError: no family has this name.
    """
    if name in _own:
        return _own[name]
    if ":" in name:
        raise UsageError(f"these puzzles are code of someone's own: to run it, add --puzzle {name}")
    return _known(name)


@cache
def _known(name: str) -> Puzzle:
    if name in FAMILIES and name.startswith("sudoku"):
        return Sudoku(int(name.rpartition("x")[2]))
    if name == ARC:
        return Arc()
    if name in FAMILIES and name.startswith("killer"):
        return Killer(int(name.rpartition("x")[2]))
    if name in FAMILIES and name.startswith("samurai"):
        return Samurai(4 if name.endswith("4x4") else 9)
    if found := _MAZE.fullmatch(name):
        return Maze(int(found[1]), int(found[2]), unique=bool(found[3]))
    if found := _COLORING.fullmatch(name):
        return Coloring(int(found[1]), int(found[2]))
    for found in entry_points(group="hrm.puzzles", name=name):
        return found.load()()
    hint = did_you_mean(name, list(NAMES))
    raise UsageError(f"no puzzle family is called {name!r}; there are {', '.join(NAMES)}.{hint}")
