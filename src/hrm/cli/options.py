"""The options that several commands have: their types and help texts."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from hrm import pretrained
from hrm.cli.app import app
from hrm.randomness import LARGEST_SEED


def recipe_names(context: object = None) -> list[str]:
    """Return what a shell offers for a recipe."""
    from hrm.recipes import RECIPES

    return list(RECIPES)


def _family_names(context: object) -> tuple[str, ...]:
    from hrm.puzzles import names

    return names()


Json = Annotated[bool, Parameter(negative="", help="Print one JSON object on stdout and nothing else there.")]
Model = Annotated[
    str,
    Parameter(
        help="Shipped model, run folder, checkpoint folder or hf:ORG/NAME.",
        completer=lambda context: pretrained.names(),
    ),
]
Recipe = Annotated[
    str,
    Parameter(
        allow_leading_hyphen=True,
        help="Recipe to start from (`hrm recipes` lists them).",
        completer=recipe_names,
    ),
]
Overrides = Annotated[
    str,
    Parameter(
        name="--SECTION.KEY",
        allow_leading_hyphen=True,
        help="Any value of the configuration, such as --optim.lr 1e-4.",
    ),
]
UserPuzzle = Annotated[
    str,
    Parameter(
        name="--puzzle",
        help="Puzzle family of the model. Needed only for your own class: module:Class. This runs its code.",
    ),
]
Family = Annotated[
    str,
    Parameter(
        name="--puzzle",
        help="Puzzle family, such as sudoku-9x9; `table` for your own rows; or your own class: module:Class. "
        "Default: inferred from the data.",
        completer=_family_names,
    ),
]
SplitName = Annotated[str, Parameter(help="Split of a store to use. Default: test, or the only one.")]
Segments = Annotated[int | None, Parameter(help="Number of segments to run. Default: the training budget.")]
Cache = Annotated[Path | None, Parameter(help="Cache folder. Default: $HRM_CACHE, or the user's cache folder.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], Parameter(help="Where to compute. auto: CUDA, else MPS, else the CPU.")
]
Precision = Annotated[
    Literal["auto", "fp32", "bf16"],
    Parameter(help="Arithmetic. auto: as in training, where the hardware supports it."),
]


def seed_of(what: str) -> Parameter:
    """Return the option ``--seed``: of what."""
    return Parameter(help=f"Seed of {what}.", validator=Number(gte=0, lte=LARGEST_SEED))


Seed = Annotated[int, seed_of("the generated puzzles and of every random choice")]


def output(what: str) -> Parameter:
    """Return the option ``--out``, also ``-o``: where to write."""
    return Parameter(name=["--out", "-o"], help=what)


def options_of(command: str) -> list[str]:
    """Return the long names of a command's options, without dashes and without those of the configuration."""
    arguments = app[command].assemble_argument_collection()
    names = [name.removeprefix("--") for argument in arguments for name in argument.names if name.startswith("--")]
    return [name for name in names if "." not in name]


def register_own(name: str, *models: str) -> None:
    """Let a family of the user's own be found, in this folder or among what is installed.

    Args:
        models: those that it is given for; a family of ours must be the one that they were trained on.

    Raises:
        UsageError: no such class, or a model of another family.
    """
    from hrm import puzzles

    puzzles.register_from_path(name, Path.cwd())
    if models and name and ":" not in name:
        from hrm.inference.weights import require_family

        require_family(name, models)
