"""Count parameters."""

from typing import Any

from hrm import recipes
from hrm.inference.origin import require
from hrm.inference.weights import load_model
from hrm.model.build import build
from hrm.model.flops import flops_per_segment
from hrm.model.network import parameter_counts

_STACKS = {"recurrent": "f", "direct": "blocks"}
"""What the one stack of these kinds is called among the components; f_L in the network."""


def count(name: str) -> dict[str, Any]:
    """Return the parameters of a recipe's network or of a model: trainable, puzzle table apart, by component.

    Raises:
        UsageError: neither a recipe nor a model has this name.
        DataError: a checkpoint that is damaged.
    """
    if name in recipes.names():
        config = recipes.get(name)
        model = build(config.model)
    else:
        require(name, recipes.names())
        model, config, _ = load_model(name, device="cpu")
    counts, table = parameter_counts(model)
    stack = _STACKS.get(config.model.kind, "f_L")
    components = {stack if name == "f_L" else name: number for name, number in counts.items()}
    return {
        "trainable": sum(components.values()),
        "puzzle_table": table,
        "components": components,
        "gflops_per_segment": flops_per_segment(config.model) / 1e9,
    }
