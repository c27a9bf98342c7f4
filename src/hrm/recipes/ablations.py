"""Ablations of an experiment: what a network is compared with, each one change of a recipe's configuration.

Data, augmentation, blocks, loss, optimizer, batch size, seeds and evaluation are the recipe's in all of them.
docs/compare.md lists them with their sources.
"""

import re
from collections.abc import Callable, Mapping

from hrm.config import RunConfig, schema_paths
from hrm.errors import UsageError, did_you_mean
from hrm.model.config import NetworkConfig
from hrm.model.flops import flops_per_segment
from hrm.recipes.resolve import parse_value

BASE = "base"
"""The recipe as it is."""


def base(config: RunConfig) -> RunConfig:
    """Change nothing."""
    return config


def direct(config: RunConfig) -> RunConfig:
    """Answer in one pass through as many blocks as the network has, each run once: no recurrence, one segment.

    The same: width, number of blocks, input, output and whole training. Every update meets fresh puzzles only.

    Source: HRM paper, figure 1, "Direct pred".
    """
    return _one_segment(config, _one_pass(config, "direct", _two_states(config, "direct").blocks))


def deep(config: RunConfig) -> RunConfig:
    """Answer in one pass through as many blocks as a segment runs one after the other, each with weights of its own.

    So a pass costs the operations of a segment. Source: HRM paper, figure 2.
    """
    return _one_segment(config, _one_pass(config, "deep", _two_states(config, "deep").depth))


def wide(config: RunConfig) -> RunConfig:
    """Answer in one pass through the blocks of ``direct``, widened until a pass costs the operations of a segment.

    Heads are added, of the same width: their number is the one that comes nearest. ``wide`` and ``deep`` have about the
    same operations, and so about the same number of weights.

    Source: HRM paper, figure 2, on the left.
    """
    model = _two_states(config, "wide")
    budget = flops_per_segment(_one_pass(config, "wide", model.depth))

    def of(more_heads: int) -> NetworkConfig:
        return _one_pass(config, "wide", model.blocks, more_heads)

    more = 0
    while flops_per_segment(of(more + 1)) <= budget:
        more += 1
    nearest = min((of(more), of(more + 1)), key=lambda wider: abs(flops_per_segment(wider) - budget))
    return _one_segment(config, nearest)


def recurrent(config: RunConfig) -> RunConfig:
    """Call all blocks as one stack with tied weights, as often as a segment's operations allow, in one segment.

    Backpropagation goes through all calls. Source: HRM paper, figure 2, "recurrent Transformer".
    """
    model = _two_states(config, "recurrent")
    calls = max(1, round(model.depth / model.blocks))
    return _one_segment(config, _one_state(config, "recurrent", model.blocks, calls, calls))


def flat(config: RunConfig) -> RunConfig:
    """Take the hierarchy away: one state and one stack, called as often as f_L and f_H are together.

    The stack has the blocks of f_L. Where f_H has as many, a segment costs the same operations, with half the weights,
    or as many where the recipe ties its levels; beside ``tied`` the second state is the only difference.

    Source: TRM paper, the ablation with one latent.
    """
    model = _two_states(config, "flat")
    loop, (low, high) = model.loop, (model.stacks[0], model.stacks[-1])
    calls = loop.timesteps + max(1, round(high / low))
    return _with_model(config, _one_state(config, "flat", low, calls, loop.grad_calls, loop.cycles))


def flat_same_weights(config: RunConfig) -> RunConfig:
    """Take the hierarchy away: one state and all blocks in one stack, called as often as a segment's operations allow.

    Source: Ge, Liao and Poggio (arXiv 2510.00355), the low level alone with eight blocks.
    """
    model = _two_states(config, "flat-same-weights")
    learning = sum(model.call_blocks[-model.loop.grad_calls :])
    calls, grad_calls = (max(1, round(blocks / model.blocks)) for blocks in (model.depth, learning))
    return _with_model(config, _one_state(config, "flat-same-weights", model.blocks, calls, grad_calls))


def tied(config: RunConfig) -> RunConfig:
    """Use f_L in both roles: two states, one set of weights. Source: TRM paper."""
    _two_states(config, "tied")
    return _changed(config, {"model": {"tied": True}})


def no_deep_supervision(config: RunConfig) -> RunConfig:
    """Give every puzzle one segment, in training and evaluation: one loss, after which nothing is carried on.

    Source: ARC Prize, "The hidden drivers of HRM's performance" (one outer loop against several), which the TRM paper
    calls single-step supervision. It takes depth away together with supervision: ``one-long-segment`` does not.
    """
    return _one_segment(config)


def one_long_segment(config: RunConfig) -> RunConfig:
    """Run the cycles of all segments in a single one: the same depth, supervised once, at its end.

    Gradient goes through as many calls as before, so that they are once a puzzle what they were in every segment.
    """
    model = config.model
    if not model.recurrent:
        raise _refusal(config, "one-long-segment", "cycles")
    cycles = model.loop.cycles * config.halting.max_segments
    return _one_segment(config, model.model_copy(update={"cycles": cycles}))


def fixed_segments(config: RunConfig) -> RunConfig:
    """Give every puzzle the whole budget of segments in training, whatever the Q-head says; Q_continue goes.

    The Q-head still learns whether the answer is right, so that evaluation can tell what early exit would do.

    Source: HRM paper, figure 5; ARC Prize, "The hidden drivers of HRM's performance".
    """
    return _changed(config, {"halting": {"adaptive": False}, "model": {"q_continue": False}})


def one_step_gradient(config: RunConfig) -> RunConfig:
    """Carry gradient through the last call of each level only, as in the paper."""
    return _gradient(config, config.model.loop.states, "one-step-gradient")


def full_gradient(config: RunConfig) -> RunConfig:
    """Carry gradient through every call of a segment: backpropagation through time within it."""
    return _gradient(config, config.model.loop.calls, "full-gradient")


ABLATIONS: Mapping[str, Callable[[RunConfig], RunConfig]] = {
    BASE: base,
    "direct": direct,
    "deep": deep,
    "wide": wide,
    "recurrent": recurrent,
    "flat": flat,
    "flat-same-weights": flat_same_weights,
    "tied": tied,
    "no-deep-supervision": no_deep_supervision,
    "one-long-segment": one_long_segment,
    "fixed-segments": fixed_segments,
    "one-step-gradient": one_step_gradient,
    "full-gradient": full_gradient,
}
"""By name; beside them ``grad-K``, gradient through the last K calls, and one's own (see ``ablation``)."""


def ablation(config: RunConfig, text: str) -> tuple[str, RunConfig]:
    """Return the name of an ablation, and the configuration changed by it.

    Args:
        text: a name of ``ABLATIONS``, or ``NAME:CHANGE:CHANGE…`` with one's own name, where a change is a name of
            ``ABLATIONS`` or ``SECTION.KEY=VALUE``: ``half:model.width=64``, ``direct-4:direct:model.layers=4``.

    Raises:
        UsageError: no such ablation or key, a value out of range, or an ablation that this network cannot have.
    """
    name, *changes = text.split(":")
    for change in changes or [name]:
        if "=" in change:
            path, _, value = change.partition("=")
            if path not in schema_paths():
                raise UsageError(
                    f"ablation {name!r}: {change!r} is not SECTION.KEY=VALUE.{did_you_mean(path, schema_paths())}"
                )
            config = config.changed(path, parse_value(value), source=f"ablation {name}")
        elif match := re.fullmatch(r"grad-(\d+)", change):
            config = _gradient(config, int(match[1]), change)
        elif change in ABLATIONS:
            config = ABLATIONS[change](config)
        else:
            raise UsageError(
                f"no ablation is called {change!r}; there are {', '.join(ABLATIONS)}, grad-K for a number K, or one of "
                "your own, NAME:CHANGE:CHANGE, of these names and SECTION.KEY=VALUE, such as half:model.width=64."
                + did_you_mean(change, list(ABLATIONS))
            )
    return name, config


def _two_states(config: RunConfig, name: str) -> NetworkConfig:
    """Return the network that an ablation takes a state or its recurrence from."""
    if config.model.loop.states != 2:
        raise _refusal(config, name, "two levels")
    return config.model


def _one_pass(config: RunConfig, name: str, layers: int, more_heads: int = 0) -> NetworkConfig:
    network = config.model.one_pass(layers, more_heads)
    if network is None:
        raise _refusal(config, name, "blocks that a Transformer can be made of")
    return network


def _one_state(
    config: RunConfig, name: str, layers: int, timesteps: int, grad_calls: int, cycles: int = 1
) -> NetworkConfig:
    network = config.model.one_state(layers, cycles=cycles, timesteps=timesteps, grad_calls=grad_calls)
    if network is None:
        raise _refusal(config, name, "a counterpart of one state")
    return network


def _refusal(config: RunConfig, name: str, needed: str) -> UsageError:
    return UsageError(
        f"ablation {name!r} needs a network with {needed}; that of {config.recipe} is of kind {config.model.kind!r}"
    )


def _one_segment(config: RunConfig, model: NetworkConfig | None = None) -> RunConfig:
    """Return the configuration with one segment a puzzle, after which there is no going on to be valued."""
    if model is not None:
        config = _with_model(config, model)
    changes: dict[str, object] = {
        "halting": {"max_segments": 1},
        "eval": {"segments": 1},
        "model": {"q_continue": False},
    }
    if model is not None and not model.recurrent:  # it has no cycles to begin with one of
        changes["train"] = {"shallow_updates": 0}
    return _changed(config, changes)


def _gradient(config: RunConfig, calls: int, name: str) -> RunConfig:
    if not config.model.recurrent:
        raise _refusal(config, name, "calls of which only the last carry gradient")
    return _changed(config, {"model": {"grad_calls": calls}})


def _with_model(config: RunConfig, model: NetworkConfig) -> RunConfig:
    return config.changed("model", model, source="variant")


def _changed(config: RunConfig, changes: Mapping[str, object]) -> RunConfig:
    return config.changed(changes, source="variant")
