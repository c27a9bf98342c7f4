"""What each ablation changes and what it leaves alone, and that its operations are counted right."""

import re
from pathlib import Path

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from hrm import puzzles, recipes
from hrm.config import from_toml
from hrm.errors import UsageError
from hrm.model.build import build
from hrm.model.config import HRMConfig
from hrm.model.flops import flops_per_segment, training_flops, update_flops
from hrm.model.network import parameter_counts
from hrm.recipes.ablations import ABLATIONS, ablation
from hrm.workflows.compare import _budgeted

SMOKE = recipes.get("smoke")
UNEVEN = SMOKE.changed({"model": {"h_layers": 2, "l_layers": 3, "relation_kinds": (), "grad_calls": 5}})
"""Levels of different sizes, gradient through more than a cycle, and plain attention, which torch counts exactly."""
ALL = [*ABLATIONS, "grad-3", "grad-4", "own:one-long-segment:full-gradient"]
REBUILT = ["direct", "deep", "wide", "recurrent", "flat", "flat-same-weights"]


def of(config, text):
    return ablation(config, text)[1]


@pytest.mark.parametrize("text", ALL)
def test_an_ablation_keeps_everything_that_it_does_not_name(text):
    base = SMOKE.changed({"train.shallow_updates": 5, "model.q_continue": True, "model.grad_calls": 5})
    changed = of(base, text)
    for section in ("recipe", "data", "optim"):
        assert getattr(changed, section) == getattr(base, section)
    for section, may in (
        ("train", {"shallow_updates"}), ("halting", {"max_segments", "adaptive"}), ("eval", {"segments"})
    ):  # fmt: skip
        ours, theirs = (getattr(config, section).model_dump(exclude=may) for config in (changed, base))
        assert ours == theirs
    for name in ("vocab_size", "cells", "expansion", "mixer", "positions", "relation_kinds", "prefix", "norm_eps"):
        assert getattr(changed.model, name) == getattr(base.model, name)
    assert from_toml(changed.to_toml(), "test") == changed
    assert text == "base" or changed != base


@pytest.mark.parametrize("text", ALL)
def test_the_operations_of_an_ablation_are_those_that_torch_counts(text):
    """Of a segment, and of its backward pass; but for the Q-head, which the formula leaves out.

    Where the first call with gradient is one of f_H, nothing that goes into it needs a gradient, which the formula
    overlooks: a 200th of the whole here.
    """
    config = of(UNEVEN, text).model
    model = build(config)
    x = model.embed(torch.ones(1, 16, dtype=torch.int64))
    q_head = 2 * config.width
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        segment = model.segment(model.initial(x), x)
        assert flops_per_segment(config) == counter.get_total_flops() - q_head
        segment.logits.sum().backward()
    f_H_first = config.kind == "hrm" and config.grad_calls % (config.timesteps + 1) == 1
    counted = counter.get_total_flops() - q_head
    assert update_flops(config).useful == (pytest.approx(counted, rel=1e-2) if f_H_first else counted)


@pytest.mark.parametrize("text", ALL)
def test_equal_operations_are_equal_to_half_an_update(text):
    base = recipes.get("sudoku-4x4")
    config = _budgeted(of(base, text), base, "flops", text)
    budget, spent = (
        training_flops(each.model, each.train.updates, each.train.shallow_updates) for each in (base, config)
    )
    assert abs(budget - spent) <= training_flops(config.model, 1) / 2


@pytest.mark.parametrize("config", [SMOKE, UNEVEN, recipes.get("maze-10x10"), recipes.get("hrm-sudoku")])
def test_sizes_are_those_that_are_promised(config):
    base: HRMConfig = config.model
    direct, deep, wide, recurrent, flat, same = (of(config, text).model for text in REBUILT)
    assert direct.layers == base.blocks and (direct.width, deep.width) == (base.width, base.width)
    assert flops_per_segment(deep) == flops_per_segment(base)
    assert 0.8 < flops_per_segment(wide) / flops_per_segment(base) < 1.2
    assert wide.layers == direct.layers and wide.width // wide.heads == base.width // base.heads
    assert recurrent.grad_calls == recurrent.calls and recurrent.layers == same.layers == base.blocks
    tied = of(config, "tied").model
    if base.tied or base.h_layers == base.l_layers:
        assert flops_per_segment(flat) == flops_per_segment(same) == flops_per_segment(recurrent)
        assert flops_per_segment(flat) == flops_per_segment(base)
        assert update_flops(flat) == update_flops(tied)
        assert flat.calls == base.calls and flat.layers == tied.blocks


def test_the_page_lists_every_ablation_and_its_examples_can_be_had():
    page = (Path(__file__).parents[2] / "docs" / "compare.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([a-zK-]+)` \|", page, re.M)
    assert listed == [*list(ABLATIONS)[:-1], "grad-K", "full-gradient"]
    commands = re.findall(r"^hrm compare (\S+) .*?--variants (\S+)", page, re.M)
    examples = re.findall(r"`([a-z0-9-]+(?::[^`:]+)+)`", page)
    assert len(commands) == 4 and len(examples) >= 4
    for recipe, texts in [*commands, ("sudoku-4x4", ",".join(examples))]:
        assert all(of(recipes.get(recipe), text) for text in texts.split(","))


def test_weights_are_those_that_are_promised():
    base, direct, flat, same, tied = (
        parameter_counts(build(of(SMOKE, text).model))[0]
        for text in ("base", "direct", "flat", "flat-same-weights", "tied")
    )
    assert sum(base.values()) == sum(direct.values()) == sum(same.values())
    assert sum(flat.values()) == sum(tied.values()) < sum(base.values())


def test_segments_are_those_that_are_promised():
    base = of(SMOKE, "base:model.q_continue=true")
    for text in ("direct", "deep", "wide", "recurrent", "no-deep-supervision", "one-long-segment"):
        changed = of(base, text)
        assert changed.halting.max_segments == changed.eval.segments == 1 and not changed.model.q_continue
    for text in ("flat", "flat-same-weights", "tied", "fixed-segments"):
        changed = of(base, text)
        assert changed.halting.max_segments == 4
        assert changed.model.q_continue == (text != "fixed-segments") == changed.halting.adaptive
    assert of(base, "one-long-segment").model.depth == 4 * base.model.depth
    assert of(base, "one-long-segment").model.grad_calls == base.model.grad_calls


def test_gradient_goes_as_far_as_it_is_told():
    found = {text: of(SMOKE, text).model.grad_calls for text in ("one-step-gradient", "grad-4", "full-gradient")}
    assert found == {"one-step-gradient": 2, "grad-4": 4, "full-gradient": 6}
    assert of(SMOKE, "x:flat:one-step-gradient").model.grad_calls == 1
    with pytest.raises(UsageError, match="at most 6"):
        of(SMOKE, "grad-7")


@pytest.mark.parametrize("recipe", list(recipes.RECIPES))
def test_every_recipe_has_every_ablation_or_says_why_not(recipe):
    config = recipes.get(recipe)
    for text in ABLATIONS:
        if config.model.kind == "equivariant" and text in ("direct", "deep", "wide"):
            with pytest.raises(UsageError, match="kind 'equivariant'"):
                of(config, text)
        else:
            of(config, text)


@pytest.mark.parametrize("text", ["flat", "flat-same-weights", "recurrent", "model.states=1"])
def test_the_equivariant_network_with_one_state(text):
    """Its operations are those that torch counts, and ``flat`` differs from ``tied`` in the second state alone."""
    base = recipes.get("sudoku-6x6")
    untied = of(base, "x:model.tied=false:model.timesteps=3")
    config = of(untied, f"x:{text}").model
    model = build(config)
    relations = torch.from_numpy(puzzles.get("sudoku-6x6").relation_matrices)
    x = model.embed(torch.ones(1, 36, dtype=torch.int64), relations=relations)
    with FlopCounterMode(display=False) as counter:
        model.segment(model.initial(x), x)
    assert flops_per_segment(config) == counter.get_total_flops() - 2 * config.width
    assert config.loop.states == 1 and "start_L" not in model.state_dict() and model.initial(1).z_L.numel() == 0
    assert sum(parameter_counts(model)[0].values()) == config.parameters[0]
    flat, tied = of(untied, "flat").model, of(untied, "tied").model
    assert flops_per_segment(flat) == flops_per_segment(tied) and flat.parameters == tied.parameters
    with pytest.raises(UsageError, match="two levels"):
        of(untied, "x:flat:tied")


@pytest.mark.parametrize("text", ["x:direct:tied", "x:direct:grad-2", "x:direct:one-long-segment", "x:flat:direct"])
def test_ablations_that_contradict_each_other_are_refused(text):
    with pytest.raises(UsageError, match="of kind '(direct|recurrent)'"):
        of(SMOKE, text)
