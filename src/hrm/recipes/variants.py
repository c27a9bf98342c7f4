"""Variants of an experiment: what a network is compared with, each one change of a recipe's configuration."""

from collections.abc import Callable, Mapping

from hrm.config import RunConfig, merged, override, schema_paths, validated
from hrm.errors import UsageError, did_you_mean

BASE = "base"
"""The recipe as it is."""


def base(config: RunConfig) -> RunConfig:
    """Change nothing."""
    return config


def full_gradient(config: RunConfig) -> RunConfig:
    """Carry gradient through every call of a segment: backpropagation through time within it."""
    return _changed(config, {"model": {"grad_calls": config.model.cycles * (config.model.timesteps + 1)}})


def one_step_gradient(config: RunConfig) -> RunConfig:
    """Carry gradient through the last call of each level only, as in the paper."""
    return _changed(config, {"model": {"grad_calls": 2}})


VARIANTS: Mapping[str, Callable[[RunConfig], RunConfig]] = {
    BASE: base,
    "one-step-gradient": one_step_gradient,
    "full-gradient": full_gradient,
}
"""By name; one's own is written ``NAME:SECTION.KEY=VALUE``, with further values after colons."""


def variant(config: RunConfig, text: str) -> tuple[str, RunConfig]:
    """Return the name of a variant, and the configuration changed by it.

    Args:
        text: a name of ``VARIANTS``, or ``NAME:SECTION.KEY=VALUE``, such as ``wide:model.width=256``.

    Raises:
        UsageError: no such variant or key, or a value out of range.
    """
    name, *changes = text.split(":")
    if not changes:
        if name not in VARIANTS:
            raise UsageError(
                f"no variant is called {name!r}; there are {', '.join(VARIANTS)}, or one of your own, such as "
                f"wide:model.width=256.{did_you_mean(name, list(VARIANTS))}"
            )
        return name, VARIANTS[name](config)
    tree = config.model_dump()
    for change in changes:
        path, equals, value = change.partition("=")
        if not equals or path not in schema_paths():
            raise UsageError(
                f"variant {name!r}: {change!r} is not SECTION.KEY=VALUE.{did_you_mean(path, schema_paths())}"
            )
        tree = merged(tree, override(path, value))
    return name, validated(tree, f"variant {name}")


def _changed(config: RunConfig, changes: Mapping[str, object]) -> RunConfig:
    return validated(merged(config.model_dump(), changes), "variant")
