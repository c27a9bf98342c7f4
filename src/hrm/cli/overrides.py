"""From a recipe, a file and flags to one validated configuration, and where each value came from."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from hrm import recipes
from hrm.config import RunConfig, changed, leaves, merged, override, read_config, schema_paths, validated
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
        raise UsageError(f"unexpected argument {names[1]!r}; values are written as --section.key VALUE")
    recipe = names[0] if names else ""
    if not recipe and file is None:
        raise UsageError(f"name a recipe or give --config FILE; recipes: {', '.join(recipes.RECIPES)}")
    changes: dict[str, Any] = {} if file is None else read_config(file)
    sources = dict.fromkeys((path for path, _ in leaves(changes)), str(file))
    if not recipe and "model" not in changes and changes.get("recipe") in recipes.names():
        recipe = changes["recipe"]  # the file names the recipe that it changes
    for path, text in pairs:
        changes = merged(changes, override(path, text))
        sources[path] = "flag"
    name = str(file) if file and not flags else "configuration"
    if not recipe:
        return validated(changes, name), sources
    config = recipes.get(recipe)
    told = dict.fromkeys((path for path, _ in leaves(config.model_dump())), f"recipe {recipe}")
    return changed(config, changes, name), told | sources


def _sorted_out(tokens: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Part what the command line left over into names and (path, text) of ``--section.key`` flags."""
    names, pairs, known = [], [], schema_paths()
    sections = {path.partition(".")[0] for path in known if "." in path}
    while tokens:
        token = tokens.pop(0)
        if not token.startswith("--"):
            names.append(token)
            continue
        flag, equals, text = token[2:].partition("=")
        path = flag.replace("-", "_")
        if path not in known or path in sections:
            raise UsageError(_unknown(flag, known, sections))
        if not equals:
            if not tokens:
                raise UsageError(f"--{path} needs a value")
            text = tokens.pop(0)
        pairs.append((path, text))
    return names, pairs


INSTEAD = {
    "resume": "run the same command again and it resumes by itself",
    "continue": "run the same command again and it resumes by itself",
    "epochs": "training is counted in updates, each of one segment of every slot: --train.updates N",
    "steps": "training is counted in updates: --train.updates N",
    "iterations": "training is counted in updates: --train.updates N",
    "learning_rate": "--optim.lr RATE",
    "dropout": "there is no dropout; --optim.weight_decay regularizes",
    "gpu": "--train.device cuda",
    "cuda": "--train.device cuda",
    "cpu": "--train.device cpu",
    "output": "--out FOLDER",
    "output_dir": "--out FOLDER",
    "name": "--out FOLDER",
    "from": "--init MODEL starts from a model's weights",
    "pretrained": "--init MODEL starts from a model's weights",
    "wandb": "--log wandb",
    "tensorboard": "--log tensorboard",
    "data": "--data.path FILE",
    "workers": "there are no worker processes to set",
    "threads": "set the environment variable OMP_NUM_THREADS",
}
"""What other programs call it -> what to do here."""


def _unknown(flag: str, known: list[str], sections: set[str]) -> str:
    """Return the message for a flag that does not exist: every value of that name, or what to do instead."""
    path = flag.replace("-", "_")
    same = [f"--{other}" for other in known if other.rpartition(".")[2] == path and "." in other]
    begun = f"unknown option --{flag}"
    if path in INSTEAD:
        return f"{begun}: {INSTEAD[path]}"
    if path in sections:
        values = [f"--{other}" for other in known if other.startswith(f"{path}.")]
        return f"{begun}: it is a section; give one of its values, such as {values[0]}"
    if same:
        return f"{begun}: did you mean {' or '.join(same)}?"
    keys = {other.rpartition(".")[2] for other in known if "." in other}
    if "." not in path and (near := get_close_matches(path, sorted(keys), n=1, cutoff=0.7)):
        same = [f"--{other}" for other in known if other.rpartition(".")[2] == near[0] and "." in other]
        return f"{begun}: did you mean {' or '.join(same)}?"
    options = [*known, "out", "config", "init", "dry-run", "cache", "json"]
    return f"{begun}.{did_you_mean(path, options)}"
