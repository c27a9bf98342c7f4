"""Count parameters, and say what an update costs on an accelerator."""

from collections.abc import Mapping
from typing import Any, Literal

from hrm import recipes
from hrm.config import RunConfig
from hrm.errors import UsageError
from hrm.inference.origin import require
from hrm.inference.weights import load_model
from hrm.model.build import build
from hrm.model.flops import flops_per_segment
from hrm.model.network import parameter_counts
from hrm.model.network_config import NetworkConfig
from hrm.model.roofline import ACCELERATORS, Accelerator, predict, several
from hrm.runtime.device import choose_device, choose_dtype
from hrm.runtime.speed import copy_rate, product_rate

_STACKS = {"recurrent": "f", "direct": "blocks"}
"""What the one stack of these kinds is called among the components; f_L in the network."""
HERE = "here"
"""The device of this machine, with the peaks that it shows now."""
PROBE_S = 0.3
"""Seconds for which each peak of this machine is measured."""


def count(name: str, changes: Mapping[str, object] | None = None, on: str = "") -> dict[str, Any]:
    """Return the parameters of a recipe's network or of a model: trainable, puzzle table apart, by component.

    Args:
        changes: other values for a recipe, by dotted path.
        on: also return under ``update`` what an update takes at best on these accelerators: ``h100``, ``8xh100``, or
            ``here``.

    Raises:
        UsageError: neither a recipe nor a model has this name; changes to a model; an unknown accelerator.
        DataError: a checkpoint that is damaged.
    """
    # the network and its configuration
    if name in recipes.names():
        config = recipes.resolve(name, changes=changes or {}).config
        model = build(config.model)
    else:
        require(name, recipes.names())
        if changes:
            raise UsageError(f"values such as --{next(iter(changes))} can be given with a recipe, not with a model")
        model, config, _ = load_model(name, device="cpu")
    # what it consists of
    counts, table = parameter_counts(model)
    stack = _STACKS.get(config.model.kind, "f_L")
    components = {stack if name == "f_L" else name: number for name, number in counts.items()}
    return {
        "trainable": sum(components.values()),
        "puzzle_table": table,
        "components": components,
        "gflops_per_segment": flops_per_segment(config.model) / 1e9,
        **({"update": update_on(config, on)} if on else {}),
    }


def update_on(config: RunConfig, on: str) -> dict[str, Any]:
    """Return what an update of all slots takes at best on some accelerators (see ``model.roofline``).

    Raises:
        UsageError: an unknown accelerator, or slots that they cannot share equally.
    """
    precision: Literal["bf16", "fp32"] = "fp32" if config.train.precision == "fp32" else "bf16"
    if on == HERE:
        number = 1
        accelerator, precision = _this_machine(config.model, config.train.batch_size, config.train.precision)
    else:
        number, kind = several(on)
        accelerator = ACCELERATORS[kind]
    slots, muon = config.train.batch_size, config.optim.kind == "muon"
    best = predict(config.model, slots, accelerator, count=number, precision=precision, muon=muon)
    return {
        "on": f"{number} × {accelerator.title}" if number > 1 else accelerator.title,
        "precision": precision,
        "slots": slots,
        "at_best_s": best.seconds,
        "at_best_segments_per_s": best.segments_per_s,
        "bound_by": best.bound_by,
        "parts_s": {
            "operations": best.computing_s, "memory": best.moving_s, "launches": best.launching_s,
            "exchange": best.exchanging_s,
        },
        "gflop": best.flops / 1e9,
        "gigabytes": best.bytes / 1e9,
        "kernels": best.kernels,
    }  # fmt: skip


def _this_machine(network: NetworkConfig, slots: int, wanted: str) -> tuple[Accelerator, Literal["bf16", "fp32"]]:
    """Return the peaks of the device that training would choose, measured, and the arithmetic that it would choose."""
    device = choose_device("auto")
    precision = "bf16" if choose_dtype(wanted, device).itemsize == 2 else "fp32"
    rows, inputs, outputs = max(network.products, key=lambda product: product[0] * product[1] * product[2])
    rate = 1e9 * product_rate((slots * rows, inputs, outputs), precision, PROBE_S, device)
    copied = 1e9 * copy_rate(PROBE_S, device)
    return Accelerator(f"this machine ({device})", rate, rate, copied), precision
