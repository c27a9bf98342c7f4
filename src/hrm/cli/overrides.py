"""From a recipe, a file and flags to one validated configuration, and where each value came from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hrm import recipes
from hrm.config import RunConfig, leaves, merged, override, read_config, schema_paths, validated
from hrm.errors import UsageError, did_you_mean

Overrides = Annotated[
    str,
    Parameter(
        name="--SECTION.KEY",
        allow_leading_hyphen=True,
        help="Any value of the configuration, such as --optim.lr 1e-4.",
    ),
]


def resolve(recipe: str, file: Path | None, flags: Sequence[str]) -> tuple[RunConfig, dict[str, str]]:
    """Return the configuration and the source of each value.

    Args:
        recipe: may be empty where a file is given; then the file must be complete.
        flags: ``--section.key``, value, ``--section.key=value``, … as left on the command line.

    Raises:
        UsageError: a recipe, key or value that does not exist.
    """
    names, pairs = _sorted_out([recipe, *flags] if recipe else list(flags))
    if len(names) > 1:
        raise UsageError(f"unexpected argument {names[1]!r}; values are given as --section.key VALUE")
    recipe = names[0] if names else ""
    if not recipe and file is None:
        raise UsageError(f"name a recipe or give --config FILE; recipes: {', '.join(recipes.RECIPES)}")
    changes = {} if file is None else read_config(file)
    if not recipe and "model" not in changes and changes.get("recipe") in recipes.RECIPES:
        recipe = changes["recipe"]  # the file names the recipe that it changes
    tree, sources = {}, {}
    if recipe:
        tree = recipes.get(recipe).model_dump()
        sources = dict.fromkeys((path for path, _ in leaves(tree)), f"recipe {recipe}")
    if file is not None:
        tree = merged(tree, changes)
        sources |= dict.fromkeys((path for path, _ in leaves(changes)), str(file))
    for path, text in pairs:
        tree = merged(tree, override(path, text))
        sources[path] = "flag"
    return validated(tree, str(file) if file and not flags else "configuration"), sources


def _sorted_out(tokens: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Part what the command line left over into names and (path, text) of ``--section.key`` flags."""
    names, pairs, known = [], [], schema_paths()
    while tokens:
        token = tokens.pop(0)
        if not token.startswith("--"):
            names.append(token)
            continue
        path, equals, text = token[2:].partition("=")
        path = path.replace("-", "_")
        if path not in known:
            options = [*known, "out", "config", "init", "dry-run", "cache", "json"]
            raise UsageError(f"unknown option --{path}.{did_you_mean(path, options)}")
        if not equals:
            if not tokens:
                raise UsageError(f"--{path} needs a value")
            text = tokens.pop(0)
        pairs.append((path, text))
    return names, pairs
