"""Count parameters, and list what is shipped."""

from pathlib import Path
from typing import Any

from hrm import pretrained, recipes
from hrm.errors import UsageError, did_you_mean
from hrm.inference.load import read_model
from hrm.model.build import build
from hrm.model.flops import flops_per_segment
from hrm.model.hrm import parameter_counts


def count(name: str) -> dict[str, Any]:
    """Return the parameters of a recipe's network or of a model: trainable, puzzle table apart, by component.

    Raises:
        UsageError: neither a recipe nor a model has this name.
        DataError: a checkpoint that is damaged.
    """
    if name in recipes.RECIPES:
        config = recipes.get(name)
        model = build(config.model)
    elif name in pretrained.names() or Path(name).exists():
        model, config, _ = read_model(name, device="cpu")
    else:
        known = [*recipes.RECIPES, *pretrained.names()]
        raise UsageError(
            f"there is no recipe or model {name!r}.{did_you_mean(name, known)} Recipes: {', '.join(recipes.RECIPES)}"
        )
    components, table = parameter_counts(model)
    return {
        "trainable": sum(components.values()),
        "puzzle_table": table,
        "components": components,
        "gflops_per_segment": flops_per_segment(config.model) / 1e9,
    }


def shipped() -> list[dict[str, Any]]:
    """Return name, family, size and folder of every shipped model."""
    found = []
    for name in pretrained.names():
        model, config, _ = read_model(name, device="cpu")
        components, _ = parameter_counts(model)
        found.append(
            {
                "name": name,
                "puzzle": config.data.puzzle,
                "trainable": sum(components.values()),
                "reached": _reached(name),
                "card": str(pretrained.path(name) / "README.md"),
            }
        )
    return found


def _reached(name: str) -> str:
    """Return what a shipped model's card says that it reached."""
    lines = (pretrained.path(name) / "README.md").read_text(encoding="utf-8").splitlines()
    return next(
        (line.removeprefix("- Reached: ") for line in lines if line.startswith("- Reached: ")), "no measurement"
    )
