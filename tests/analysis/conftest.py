"""Small untrained networks of two states in both layouts, and of one state, and puzzles for them."""

import numpy as np
import pytest
import torch

from hrm import puzzles
from hrm.data.store import Split
from hrm.inference.solver import Solver
from hrm.model.build import build
from hrm.model.config import DirectConfig, EquivariantConfig, RecurrentConfig, small

FAMILY = puzzles.get("sudoku-4x4")
ONE_STATE = {
    "vocab_size": 6, "cells": 16, "width": 16, "heads": 2, "puzzle_width": 16, "prefix": 2, "positions": "none",
    "relation_kinds": (1, 1, 1),
}  # fmt: skip


def some_puzzles(count, seed=5, family=FAMILY):
    inputs, labels = (
        np.stack(column) for column in zip(*(family.generate(seed, i) for i in range(count)), strict=True)
    )
    return Split(inputs, labels, np.zeros(count, np.int32), np.full(count, np.nan, np.float32))


@pytest.fixture(name="some_puzzles")
def generated():
    """Return what generates so many puzzles and their answers."""
    return some_puzzles


@pytest.fixture
def split():
    return some_puzzles(5)


@pytest.fixture(params=["cells", "symbols"])
def solver(request):
    """Batches of 3, so that five puzzles leave a row that only fills up."""
    if request.param == "cells":
        config = small(6, 16, width=16, heads=2, puzzle_width=16, cycles=2, timesteps=3, prefix=2)
    else:
        config = EquivariantConfig(
            kind="equivariant", vocab_size=6, cells=16, symbols=4, width=12, message=4, inner=16, layers=1,
            cycles=2, timesteps=3, grad_calls=3,
        )  # fmt: skip
    return _solver(config)


def _solver(config):
    model = build(config, seed=3)
    with torch.no_grad():
        model.q_head.weight.normal_(generator=torch.Generator().manual_seed(1))
    return Solver(model, FAMILY, max_segments=4, batch_size=3)


@pytest.fixture
def recurrent():
    """One state; six calls a segment."""
    sizes = {"kind": "recurrent", "layers": 2, "cycles": 2, "timesteps": 3, "grad_calls": 6}
    return _solver(RecurrentConfig.model_validate(ONE_STATE | sizes))


@pytest.fixture
def direct():
    """One pass through four blocks."""
    return _solver(DirectConfig.model_validate(ONE_STATE | {"kind": "direct", "layers": 4}))


@pytest.fixture(params=["recurrent", "direct"])
def one_state(request):
    """A network of one state."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def walk():
    """Return the states of one puzzle at every call, computed by hand: (level, timestep, z_H, z_L)."""

    def run(solver, split, row, segments):
        model, config = solver.model, solver.model.config
        inputs = torch.from_numpy(np.asarray(split.inputs[row : row + 1]).astype(np.int64))
        x = model.embed(inputs, relations=torch.from_numpy(solver.puzzle.relation_matrices))
        f_L, f_H = model.f_L, model.f_H or model.f_L
        z_H, z_L = model.initial(x).z_H, model.initial(x).z_L
        found = [("start", 0, z_H, z_L)]
        number = 0
        with torch.no_grad():
            for _ in range(segments * config.cycles):
                for _ in range(config.timesteps):
                    number += 1
                    z_L = f_L(z_L, z_H + x.x, x.context)
                    found.append(("L", number, z_H, z_L))
                z_H = f_H(z_H, z_L, x.context)
                found.append(("H", number, z_H, z_L))
        return found

    return run


@pytest.fixture
def states():
    """Return the states of one puzzle in a network of one state, the one that the first call reads first, by hand."""

    def run(solver, split, row, segments):
        model = solver.model
        inputs = torch.from_numpy(np.asarray(split.inputs[row : row + 1]).astype(np.int64))
        with torch.no_grad():
            x = model.embed(inputs, relations=torch.from_numpy(solver.puzzle.relation_matrices))
            if model.config.kind == "direct":
                found = [x.x]
                for block in model.f_L.blocks:
                    found.append(block(found[-1], x.context))
                return found
            found = [model.initial(x).z_H]
            for _ in range(segments * 6):
                found.append(model.f_L(found[-1], x.x, x.context))
        return found

    return run
