"""The recipes by name."""

from collections.abc import Callable, Mapping
from importlib import import_module

from hrm.config import RunConfig
from hrm.errors import UsageError, did_you_mean

RECIPES = {
    "smoke": "sudoku.smoke",
    "sudoku-4x4": "sudoku.sudoku_4x4",
    "sudoku-6x6": "sudoku.sudoku_6x6",
    "hrm-6x6": "sudoku.hrm_6x6",
    "best-sudoku": "sudoku.best_sudoku",
    "maze-10x10": "maze.maze_10x10",
    "maze-30x30": "maze.maze_30x30",
    "killer-4x4": "sudoku.killer_4x4",
    "samurai-4x4": "sudoku.samurai_4x4",
    "coloring": "coloring.coloring",
    "arc-small": "arc.arc_small",
    "mini-arc": "arc.mini_arc",
    "own": "custom.own",
    "hrm-maze": "maze.hrm_maze",
    "trm-maze": "maze.trm_maze",
    "hrm-arc1": "arc.hrm_arc1",
    "hrm-arc2": "arc.hrm_arc2",
    "hrm-sudoku": "sudoku.hrm_sudoku",
    "hrm-sudoku-full": "sudoku.hrm_sudoku_full",
    "trm-sudoku": "sudoku.trm_sudoku",
    "trm-sudoku-attention": "sudoku.trm_sudoku_attention",
}
"""Name -> module and function, imported only when it is asked for; in the order in which ``hrm recipes`` lists them."""
ALIASES = {"colouring": "coloring.colouring", "sudoku-9x9": "sudoku.best_sudoku"}
"""Other names of recipes, which are not listed."""


def names() -> list[str]:
    """Return every name that ``get`` knows."""
    return [*RECIPES, *ALIASES]


def function(name: str) -> Callable[[], RunConfig]:
    """Return the function of a recipe, whose docstring says what it is for.

    Raises:
        UsageError: there is no recipe of that name.
    """
    place = RECIPES.get(name) or ALIASES.get(name)
    if place is None:
        hint = did_you_mean(name, names())
        raise UsageError(f"there is no recipe {name!r}.{hint} Choose one of: {', '.join(RECIPES)}")
    module, _, attribute = place.partition(".")
    return getattr(import_module(f"hrm.recipes.{module}"), attribute)


def get(name: str, changes: Mapping[str, object] | None = None) -> RunConfig:
    """Return the configuration of a recipe: ``get("smoke", {"optim.lr": 5e-4, "train.seed": 3})``.

    Args:
        changes: dotted path of a value -> the value in place of the recipe's.

    Raises:
        UsageError: there is no recipe of that name, an unknown key, or a value out of range.
    """
    config = function(name)()
    return config.changed(changes, source=f"recipe {name}") if changes else config
