"""A new kind of network enters by one decorated class: it is trained, saved, loaded, evaluated and looked into."""

from typing import ClassVar, Literal

import pytest
import torch
from rich.console import Console
from torch import nn

import hrm
from hrm.analysis.residuals import residuals
from hrm.config import from_toml, schema_paths, validated
from hrm.evaluation.evaluate import evaluate
from hrm.model.config import KINDS
from hrm.model.network import Embedded, Latents, Network, Segment
from hrm.model.network_config import Loop, LoopedConfig, network_kind
from hrm.nn.layers import NO_CONTEXT
from hrm.recipes.ablations import ablation
from hrm.train.trainer import Trainer


class Toy(Network):
    """z ← tanh(W z + x) of one state, with a wish to halt that depends on nothing."""

    def __init__(self, config, seed=0, dtype=torch.float32):
        super().__init__()
        self.config, self.dtype = config, dtype
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.tokens = nn.Embedding(config.vocab_size, config.width)
            self.step = nn.Linear(config.width, config.width, bias=False)
            self.answer = nn.Linear(config.width, config.vocab_size)
        self.wish = nn.Parameter(torch.zeros(()))

    def embed(self, inputs, puzzle_ids=None, mask=None, relations=None):
        return Embedded(self.tokens(inputs), NO_CONTEXT)

    def initial(self, x, generator=None):
        batch = x if isinstance(x, int) else len(x)
        return Latents.single(torch.zeros(batch, self.config.cells, self.config.width))

    def timesteps(self, latents, x, cycles=None):
        for cycle in range(cycles or self.config.cycles):
            for timestep in range(self.config.timesteps):
                latents = Latents.single(torch.tanh(self.step(latents.z_H) + x.x))
                yield cycle, timestep, "H", latents

    def decode(self, latents):
        return self.answer(latents.z_H)

    def segment(self, latents, x, cycles=None):
        *_, (_, _, _, latents) = self.timesteps(latents, x, cycles)
        return Segment(latents, self.decode(latents), self.wish.expand(len(x)), None)

    def hidden_matrices(self):
        return [self.step.weight]


@pytest.fixture
def toy(monkeypatch):
    """The configuration of a small toy, whose kind is forgotten after the test."""
    monkeypatch.setitem(KINDS, "toy", None)  # so that it is gone again at the end

    @network_kind
    class ToyConfig(LoopedConfig, frozen=True):
        title: ClassVar[str] = "a toy"
        network: ClassVar[str] = f"{__name__}:Toy"
        kind: Literal["toy"]
        width: int = 8
        cycles: int = 2
        timesteps: int = 2
        grad_calls: int = 2
        relation_kinds: tuple[int, ...] = ()
        q_continue: bool = False
        sharpness: float = 1.0
        """A setting of its own."""

        @property
        def loop(self):
            return Loop(1, self.cycles, self.timesteps, self.grad_calls)

        @property
        def stacks(self):
            return (1,)

        @property
        def products(self):
            return [(self.cells, self.width, self.width)]

        @property
        def parameters(self):
            return self.vocab_size * (2 * self.width + 1) + self.block_weights + 1, 0

    return {"kind": "toy", "vocab_size": 6, "cells": 16, "grad_calls": 4, "sharpness": 2.0}


def configured(model):
    return validated(
        {
            "recipe": "custom",
            "model": model,
            "data": {"puzzle": "sudoku-4x4", "generate": True, "train": 20, "validation": 5, "share_twins": True},
            "halting": {"max_segments": 2},
            "train": {"updates": 2, "batch_size": 4, "precision": "fp32", "device": "cpu"},
        },
        "test",
    )


def test_a_kind_of_network_of_one_s_own(toy, tmp_path):
    config = configured(toy)
    assert "model.sharpness" in schema_paths() and config.model.sharpness == 2.0
    assert from_toml(config.to_toml(), "test") == config
    run = Trainer(config, tmp_path / "run", tmp_path / "cache", console=Console(quiet=True))
    assert sum(p.numel() for p in run.model.parameters()) == config.model.parameters[0]
    before = run.model.step.weight.clone()
    assert run.fit().updates == 2 and not torch.equal(run.model.step.weight, before)

    solver = hrm.load(tmp_path / "run", "cpu")
    assert isinstance(solver.model, Toy) and torch.equal(solver.model.step.weight, run.model.step.weight)
    metrics = dict(evaluate(solver, run.splits["validation"], 2))
    assert metrics["examples"] == 5 and 0 <= metrics["exact"] <= 1
    measured = residuals(solver, run.splits["validation"], 3)
    assert len(measured.z_H.relative) == 3 * 4 and measured.z_L is None and measured.z_H.relative[1] > 0
    assert ablation(config, "one-long-segment")[1].model.cycles == 4


def test_its_section_is_validated_as_any_other(toy):
    with pytest.raises(
        hrm.errors.UsageError, match=r"model.vocab_size: .*unknown key 'model.sharpnes'.*model.sharpness"
    ):
        configured(toy | {"sharpnes": 1, "vocab_size": 0})
    with pytest.raises(hrm.errors.UsageError, match=r"grad_calls must be at most 4"):
        configured(toy | {"grad_calls": 5})


def test_without_the_class_its_kind_is_unknown():
    with pytest.raises(hrm.errors.UsageError, match="model.kind: choose one of 'hrm', .* .got 'toy'."):
        configured({"kind": "toy"})
