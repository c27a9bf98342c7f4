"""From a recipe, a file and changes to one validated configuration, and where each value came from."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hrm.config import RunConfig, flat, nested, read_config, schema_paths, validated
from hrm.errors import UsageError, nearest
from hrm.recipes.catalog import RECIPES, get, names


class Resolved(NamedTuple):
    """A configuration, and where its values come from."""

    config: RunConfig
    sources: dict[str, str]
    """Dotted path -> the recipe, the file, or ``flag``; a path that is absent is a default."""


def resolve(
    recipe: str = "",
    file: str | Path | None = None,
    changes: Mapping[str, object] | Sequence[str] = (),
    options: Sequence[str] = (),
) -> Resolved:
    """Merge a recipe, a TOML file and changes, each of which replaces values of those before it.

    >>> config, sources = resolve("smoke", changes={"optim.lr": 5e-4})

    Args:
        recipe: its name; may be empty where a file is given that is complete, or names the recipe that it changes.
        changes: dotted path -> value; or the words of a command line, ``--section.key VALUE`` or
            ``--section.key=VALUE``, of which ``recipe`` may be the first.
        options: the other options of the command, such as ``dry-run``, which an unknown flag may be meant for.

    Raises:
        UsageError: a recipe, file, key or value that does not exist.
    """
    if not isinstance(changes, Mapping):
        recipe, changes = parse_words([recipe, *changes] if recipe else changes, options)
    if not recipe and file is None:
        raise UsageError(f"name a recipe or give --config FILE; recipes: {', '.join(RECIPES)}")
    values = {} if file is None else flat(read_config(file))
    sources = dict.fromkeys(values, str(file)) | dict.fromkeys(flat(changes), "flag")
    if not recipe and not any(path.startswith("model.") for path in values) and values.get("recipe") in names():
        recipe = values["recipe"]
    values |= flat(changes)
    source = str(file) if file and not changes else "configuration"
    if not recipe:
        return Resolved(validated(nested(values), source), sources)
    base = get(recipe)
    return Resolved(
        base.changed(values, source=source), dict.fromkeys(flat(base.model_dump()), f"recipe {recipe}") | sources
    )


def parse_words(words: Sequence[str], options: Sequence[str] = ()) -> tuple[str, dict[str, Any]]:
    """Return the recipe that a command line names, and the values that it sets by dotted path.

    Args:
        options: the other options of the command, such as ``dry-run``, which an unknown flag may be meant for.

    Raises:
        UsageError: two names, an unknown flag, or one without a value.
    """
    recipes, values, known = [], {}, schema_paths()
    sections = {path.partition(".")[0] for path in known if "." in path}
    remaining = iter(words)
    for word in remaining:
        if not word.startswith("--"):
            recipes.append(word)
            continue
        flag, equals, text = word[2:].partition("=")
        path = flag.replace("-", "_")
        if path not in known or path in sections:
            raise UsageError(_unknown(flag, known, options))
        if not equals:
            text = next(remaining, None)
            if text is None:
                raise UsageError(f"--{path} needs a value")
        values[path] = parse_value(text)
    if len(recipes) > 1:
        raise UsageError(f"unexpected argument {recipes[1]!r}; values are written as --section.key VALUE")
    return recipes[0] if recipes else "", values


def parse_value(text: str) -> object:
    """Return the value of a flag: text is read as TOML where it can be."""
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except (ValueError, RecursionError):
        return text


INSTEAD = {
    "resume": "run the same command again and it resumes by itself",
    "continue": "run the same command again and it resumes by itself",
    "epochs": "training is counted in updates, each of one segment of every slot: --train.updates N",
    "steps": "training is counted in updates: --train.updates N",
    "iterations": "training is counted in updates: --train.updates N",
    "learning_rate": "give --optim.lr RATE",
    "dropout": "there is no dropout; --optim.weight_decay regularizes",
    "gpu": "give --train.device cuda",
    "cuda": "give --train.device cuda",
    "cpu": "give --train.device cpu",
    "output": "give --out FOLDER",
    "output_dir": "give --out FOLDER",
    "name": "give --out FOLDER",
    "from": "--init MODEL starts from a model's weights",
    "pretrained": "--init MODEL starts from a model's weights",
    "wandb": "give --log wandb",
    "tensorboard": "give --log tensorboard",
    "data": "give --data.path FILE",
    "workers": "there are no worker processes to set",
    "threads": "set the environment variable OMP_NUM_THREADS",
}
"""What other programs call it -> what to do here."""


def _unknown(flag: str, known: list[str], options: Sequence[str]) -> str:
    """Return the message for a flag that does not exist: every value of that name, or what to do instead."""
    path, problem = flag.replace("-", "_"), f"unknown option --{flag}"
    values = [other for other in known if "." in other]
    inside = [value for value in values if value.startswith(f"{path}.")]
    # what other programs have, or a section
    if path in INSTEAD:
        return f"{problem}: {INSTEAD[path]}"
    if inside:
        return f"{problem}: it is a section; give one of its values, such as --{inside[0]}"
    # a misspelled path, a key without its section, or a misspelled option of the command
    meant = {name.replace("-", "_"): [f"--{name}"] for name in (*values, *options)}
    for value in values:
        meant.setdefault(value.rpartition(".")[2], []).append(f"--{value}")
    # a right key in a wrong section, else what is spelled like it
    same_key = [value for value in values if "." in path and value.rpartition(".")[2] == path.rpartition(".")[2]]
    flags = [flag for name in nearest(path, same_key) or same_key or nearest(path, meant) for flag in meant[name]]
    return f"{problem}. Did you mean {' or '.join(flags)}?" if flags else f"{problem}: see `hrm config RECIPE`"
