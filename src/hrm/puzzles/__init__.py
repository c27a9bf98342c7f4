"""Puzzle families: numpy only, importable without torch."""

import sys
import warnings
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from hrm.errors import UsageError, did_you_mean
from hrm.puzzles.base import Puzzle

CLASSES = (
    "hrm.puzzles.sudoku.classic:Sudoku",
    "hrm.puzzles.maze.maze:Maze",
    "hrm.puzzles.sudoku.killer:Killer",
    "hrm.puzzles.sudoku.samurai:Samurai",
    "hrm.puzzles.coloring:Coloring",
    "hrm.puzzles.arc.family:Arc",
)
"""The classes that are asked for a name, in this order; each is imported only when its turn comes."""

_registered: dict[str, Puzzle] = {}


@cache
def names() -> tuple[str, ...]:
    """Return the names that are listed; ``get`` knows mazes and colorings of other sizes, too."""
    return tuple(name for path in CLASSES for name in _load(path).names())


@cache
def families() -> tuple[str, ...]:
    """Return the listed names without those that only generate other puzzles of the same family."""
    return tuple(name for name in names() if get(name).spec.name == name)


def register(puzzle: Puzzle, name: str = "") -> None:
    """Register a family of your own, so that ``get`` finds it by its name and, if given, by another one."""
    _registered.update(dict.fromkeys({puzzle.spec.name, name} - {""}, puzzle))


def register_from_path(name: str, folder: Path | None = None) -> None:
    """Import and register a family named ``module:Class``: this runs the module's code.

    Names without a colon are ignored. The configuration of a model never triggers this by itself: call it only at the
    user's request.

    Args:
        folder: searched before the installed modules; None: installed modules only.

    Raises:
        UsageError: no such module or class, or it is no family of puzzles.
    """
    module, colon, attribute = name.partition(":")
    if not colon or name in _registered:
        return
    if not all(part.isidentifier() for part in [*module.split("."), attribute]):
        raise UsageError(f"{name!r} does not name a class: write module:Class, such as my_puzzles:Mirror")
    if folder is not None and str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        register(_load(name)(), name)
    except Exception as error:  # whatever the user's code raises, it is theirs
        raise UsageError(f"{name} cannot be used: {type(error).__name__}: {error}") from error


def admit(name: str, folder: Path | None = None) -> None:
    """Deprecated: the name of ``register_from_path`` until version 0.1."""
    warnings.warn("hrm.puzzles.admit is now called register_from_path", DeprecationWarning, stacklevel=2)
    register_from_path(name, folder)


def get(name: str) -> Puzzle:
    """Return the family with this name, always the same object.

    Families are built in, come from installed packages (entry points of the group ``hrm.puzzles``), or are registered.

    Raises:
        UsageError: no family has this name.
    """
    if name in _registered:
        return _registered[name]
    if ":" in name:
        what = f"the puzzles {name} are Python code, which no model runs by itself"
        raise UsageError(f"{what}: to run it, add --puzzle {name}")
    return _known(name)


def same(name: str, other: str) -> bool:
    """Say whether two names are of one family with one generator, as a name and its old spelling are."""
    try:
        return name == other or get(name).generator == get(other).generator
    except UsageError:
        return False


@cache
def _known(name: str) -> Puzzle:
    for path in CLASSES:
        if puzzle := _load(path).from_name(name):
            return puzzle
    for entry in entry_points(group="hrm.puzzles", name=name):
        return entry.load()()
    hint = did_you_mean(name, list(names()))
    raise UsageError(f"no puzzle family is called {name!r}; there are {', '.join(names())}.{hint}")


def _load(path: str) -> type[Puzzle]:
    """Return the class that ``module:Class`` names."""
    module, _, attribute = path.partition(":")
    loaded = getattr(import_module(module), attribute)
    if not isinstance(loaded, type) or not issubclass(loaded, Puzzle):
        raise TypeError("it is no class derived from hrm.puzzles.base.Puzzle")
    return loaded
