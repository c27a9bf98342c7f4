"""Watching a solver shows the states that its network computes; a patch changes them from its place on."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import hrm
from hrm import puzzles
from hrm.analysis.calls import batches, calls
from hrm.analysis.residuals import residuals
from hrm.data.store import Split
from hrm.evaluation.evaluate import evaluate
from hrm.inference.solver import Solver
from hrm.model.build import build
from hrm.model.config import DirectConfig, EquivariantConfig, RecurrentConfig, small
from hrm.model.network import Latents, Segment

FAMILY = puzzles.get("sudoku-4x4")
ONE_STATE = {
    "vocab_size": 6, "cells": 16, "width": 16, "heads": 2, "puzzle_width": 16, "prefix": 2, "relation_kinds": (1, 1, 1),
}  # fmt: skip
LOOP = {"cycles": 2, "timesteps": 3}
KINDS = {
    "hrm": small(6, 16, width=16, heads=2, puzzle_width=16, prefix=2, **LOOP),
    "equivariant": EquivariantConfig(
        kind="equivariant", vocab_size=6, cells=16, symbols=4, width=12, message=4, inner=16, layers=1, grad_calls=3,
        **LOOP,
    ),
    "recurrent": RecurrentConfig.model_validate(
        ONE_STATE | LOOP | {"kind": "recurrent", "positions": "none", "layers": 2, "grad_calls": 6}
    ),
    "direct": DirectConfig.model_validate(ONE_STATE | {"kind": "direct", "positions": "none", "layers": 4}),
}  # fmt: skip


@pytest.fixture(params=KINDS)
def solver(request):
    """Batches of 4, so that six puzzles leave rows that only fill up."""
    return solver_of(build(KINDS[request.param], seed=3))


@pytest.fixture
def two_states():
    return solver_of(build(KINDS["hrm"], seed=3))


@pytest.fixture(scope="module")
def trained():
    solver = hrm.load("sudoku-4x4", "cpu")
    solver.batch_size = 4
    return solver


def solver_of(model):
    return Solver(model, FAMILY, max_segments=3, batch_size=4)


def generated(count):
    inputs, labels = (np.stack(rows) for rows in zip(*(FAMILY.generate(5, i) for i in range(count)), strict=True))
    return Split(inputs, labels, np.zeros(count, np.int32), np.full(count, np.nan, np.float32))


SPLIT = generated(6)


def by_hand(solver, inputs, segments):
    """Every (segment, cycle, timestep, level, z_H, z_L), from the network alone."""
    model, found = solver.model, []
    with torch.inference_mode():
        x = solver.embed(inputs)
        latents = model.initial(x)
        for segment in range(segments):
            for cycle, timestep, level, after in model.timesteps(latents, x):
                latents = after
                found.append((segment + 1, cycle + 1, timestep + 1, level, after.z_H, after.z_L))
    return found


def places(record):
    return [(call.segment, call.cycle, call.timestep, call.level) for call in record]


def same(one, two):
    return torch.equal(one.z_H, two.z_H) and torch.equal(one.z_L, two.z_L)


def test_a_watch_reads_what_the_network_computes(solver):
    with hrm.watch(solver) as record:
        list(solver.run(SPLIT.inputs, 2))
    expected = by_hand(solver, SPLIT.inputs, 2)
    assert places(record) == [row[:4] for row in expected] and len(record) == 2 * solver.model.config.calls
    for call, row in zip(record, expected, strict=True):
        assert same(call.latents, Latents(*row[4:])) and call.puzzles == tuple(range(6)) and call.attempt == 1
        assert torch.equal(call.state, row[4] if call.level == "H" else row[5])
    timesteps = solver.model.config.loop.cycles * solver.model.config.loop.timesteps
    assert record[-1].number == 2 * timesteps and not solver.hooks


def test_analyses_see_the_same_calls(solver):
    with hrm.watch(solver) as record:
        evaluate(solver, SPLIT, 1)
    seen = [(call.number, call.level, call) for batch in batches(solver, SPLIT) for call in calls(solver, batch, 1)]
    assert len(seen) == len(record)
    for (number, level, ours), call in zip(seen, record, strict=True):
        count = len(call.puzzles)
        assert (number, level) == (call.number, call.level)
        assert torch.equal(ours.state[:count], call.state) and torch.equal(ours.old[:count], call.old)
    assert {call.puzzles for call in record} == {(0, 1, 2, 3), (4, 5)}


def test_a_watch_can_be_narrow(two_states):
    with hrm.watch(two_states, "H", segment=2) as high, hrm.watch(two_states, cycle=2, timestep=3) as late:
        list(two_states.run(SPLIT.inputs, 2))
    assert places(high) == [(2, 1, 3, "H"), (2, 2, 3, "H")]
    assert places(late) == [(1, 2, 3, "L"), (1, 2, 3, "H"), (2, 2, 3, "L"), (2, 2, 3, "H")]
    assert [call.number for call in late.take()] == [6, 6, 12, 12] and len(late) == 0


@pytest.mark.parametrize("copied", [False, True])
def test_a_patch_by_the_identity_changes_no_bit(solver, copied):
    def answers():
        found = list(solver.solve_many(SPLIT.inputs, max_segments=2, attempts=1, trace=True, parsed=True))
        steps = [[(step.confidence.tobytes(), step.q_halt) for step in answer.trace] for answer in found]
        return steps, [answer.answer for answer in found], evaluate(solver, SPLIT, 2)

    plain = answers()
    with hrm.patch(solver, "H", torch.clone if copied else lambda state: state) as patch, hrm.watch(solver):
        assert answers() == plain
    assert patch.applied > 0 and answers() == plain


@pytest.mark.parametrize("level", ["H", "L"])
def test_a_patch_acts_from_its_call_on(solver, level):
    if level not in solver.model.config.loop.levels:
        pytest.skip("one state")
    loop = solver.model.config.loop
    place = {"segment": 2, "cycle": loop.cycles, "timestep": loop.timesteps - (level == "L")}
    plain = by_hand(solver, SPLIT.inputs, 3)
    with hrm.watch(solver) as record, hrm.patch(solver, level, lambda state: state.roll(1, 0) + 1, **place) as patch:
        list(solver.run(SPLIT.inputs, 3))
    assert patch.applied == 1
    at = places(record).index((*place.values(), level))
    for index, (call, row) in enumerate(zip(record, plain, strict=True)):
        if index < at or (not solver.model.config.recurrent and call.segment == 3):
            assert same(call.latents, Latents(*row[4:]))
        elif index == at:
            old = row[4] if level == "H" else row[5]
            assert torch.equal(call.state, old.roll(1, 0) + 1)
        else:
            assert not same(call.latents, Latents(*row[4:]))


def test_the_high_state_can_be_replaced_between_two_calls_of_f_L(two_states):
    with hrm.patch(two_states, "H", torch.zeros_like, segment=1, cycle=2, timestep=1), hrm.watch(two_states) as record:
        list(two_states.run(SPLIT.inputs, 1))
    zero = [(call.cycle, call.timestep, call.level) for call in record if not call.latents.z_H.any()]
    assert zero == [(2, 1, "L"), (2, 2, "L"), (2, 3, "L")]  # until f_H writes it anew


def test_puzzles_that_come_and_go_count_their_own_segments(trained):
    rows = generated(14).inputs
    plain = list(trained.solve_many(rows, parsed=True))
    assert len({answer.segments for answer in plain}) > 1
    with hrm.watch(trained, "H", cycle=2) as record:
        list(trained.solve_many(rows, parsed=True))
    seen = sorted((puzzle, call.attempt, call.segment) for call in record for puzzle in call.puzzles)
    assert seen == [(i, 1, s) for i, answer in enumerate(plain) for s in range(1, answer.segments + 1)]
    call = next(call for call in record if 9 in call.puzzles and call.segment == 2)
    with hrm.watch(trained, "H", segment=2, cycle=2) as alone:
        list(trained.solve_many(rows[9:10], segments=2, parsed=True))
    torch.testing.assert_close(call.state[call.puzzles.index(9)], alone[0].state[0], rtol=1e-3, atol=1e-3)


def test_a_patch_reaches_the_puzzles_that_are_there(trained):
    rows, sizes = generated(14).inputs, []
    plain = list(trained.solve_many(rows, trace=True, parsed=True))

    def function(state):
        sizes.append(len(state))
        return torch.zeros_like(state)

    with hrm.patch(trained, "H", function, segment=2, cycle=2) as patch:
        other = list(trained.solve_many(rows, max_segments=2, attempts=1, trace=True, parsed=True))
    late = [answer.segments > 1 for answer in plain]
    assert sum(sizes) == sum(late) and patch.applied == len(sizes)
    for was, one, two in zip(late, plain, other, strict=True):
        np.testing.assert_allclose(one.trace[0].confidence, two.trace[0].confidence, atol=1e-3)
        assert was == (two.segments == 2) and (not was or not two.verified)


def test_patches_nest_the_outer_one_first_and_records_see_the_result(two_states):
    inputs = SPLIT.inputs
    place = {"segment": 1, "cycle": 1, "timestep": 1}
    with hrm.watch(two_states, "L", **place) as record:
        with hrm.patch(two_states, "L", torch.ones_like, **place), hrm.patch(two_states, "L", lambda z: z * 3, **place):
            list(two_states.run(inputs, 1))
        list(two_states.run(inputs, 1))
    assert (record[0].state == 3).all() and torch.equal(record[1].state, by_hand(two_states, inputs, 1)[0][5])


def test_whatever_happens_the_solver_is_as_before(two_states):
    plain = by_hand(two_states, SPLIT.inputs, 1)

    def fails(state):
        raise RuntimeError("mine")

    with (
        hrm.watch(two_states) as outer,
        pytest.raises(RuntimeError, match="mine"),
        hrm.patch(two_states, "L", fails, cycle=2),
    ):
        list(two_states.run(SPLIT.inputs, 1))
    assert not two_states.hooks and "timesteps" not in vars(two_states.model) and len(outer) == 4
    assert all(
        same(Latents(*a[4:]), Latents(*b[4:])) for a, b in zip(plain, by_hand(two_states, SPLIT.inputs, 1), strict=True)
    )


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("recurrent", {"level": "L"}, "no level 'L': choose 'H'"),
        ("hrm", {"segment": 0}, "no segment 0: segment counts from 1$"),
        ("hrm", {"cycle": 3}, "no cycle 3: cycle counts from 1 to 2"),
        ("hrm", {"timestep": -1}, "no timestep -1: timestep counts from 1 to 3"),
        ("direct", {"timestep": 5}, "no block 5: timestep counts from 1 to 4"),
    ],
)
def test_places_that_do_not_exist_are_refused(kind, arguments, message):
    solver = solver_of(build(KINDS[kind]))
    level = arguments.pop("level", "H")
    for hook in (hrm.watch(solver, level, **arguments), hrm.patch(solver, level, torch.clone, **arguments)):
        with pytest.raises(hrm.errors.UsageError, match=message), hook:
            pass
    assert not solver.hooks


@pytest.mark.parametrize(("result", "got"), [(None, "NoneType"), (torch.zeros(3, 2), r"\[3, 2\]")])
def test_a_patch_of_another_shape_is_refused(two_states, result, got):
    with (
        hrm.patch(two_states, "H", lambda state: result),
        pytest.raises(hrm.errors.UsageError, match=rf"shape of the state, \[6, 18, 16\] \(got {got}\)"),
    ):
        list(two_states.run(SPLIT.inputs, 1))


def test_networks_that_cannot_be_followed_are_refused(two_states):
    kind = type(two_states.model)

    class Deaf(kind):
        def timesteps(self, latents, x, cycles=None):
            for step in list(kind.timesteps(self, latents, x, cycles)):
                _ = yield step  # what is sent in reply is dropped

    class Lists(kind):
        def timesteps(self, latents, x, cycles=None):
            return iter(list(kind.timesteps(self, latents, x, cycles)))

    class Alone(kind):
        def segment(self, latents, x, cycles=None):
            *_, (_, _, _, latents) = kind.timesteps(self, latents, x, cycles)
            return Segment(latents, self.decode(latents), *self.halting_values(latents))

    for other in (Deaf, Lists):
        solver = solver_of(other(two_states.model.config))
        with hrm.watch(solver) as record:
            list(solver.run(SPLIT.inputs, 1))
        assert len(record) == 8
        with hrm.patch(solver, "L", torch.clone), pytest.raises(hrm.errors.UsageError, match="cannot be patched"):
            list(solver.run(SPLIT.inputs, 1))
    solver = solver_of(Alone(two_states.model.config))
    with hrm.watch(solver), pytest.raises(hrm.errors.UsageError, match="its segment runs no timesteps"):
        list(solver.run(SPLIT.inputs, 1))


def test_analyses_look_at_the_patched_network(two_states):
    with hrm.patch(two_states, "H", torch.zeros_like):
        found = residuals(two_states, SPLIT, 2)
    assert found.z_H.absolute[0] > 0 and found.z_H.absolute[1:] == [0, 0, 0] and min(found.z_L.absolute) > 0


def test_analyses_of_a_copy_are_refused(trained):
    with hrm.watch(trained), pytest.raises(hrm.errors.UsageError, match=r"function in hrm\.analysis"):
        hrm.analyze(trained, "residuals")


COMPILED = """
import hrm, numpy, torch
solver = hrm.load("sudoku-4x4", device="cpu", precision="fp32")
grids = numpy.stack([solver.puzzle.generate(3, index)[0] for index in range(4)])
def outputs():
    with hrm.watch(solver) as record, hrm.patch(solver, "H", lambda state: state * 2, cycle=1):
        list(solver.run(grids, 2))
    return [call.state for call in record]
plain = outputs()
solver.model.compile_levels()
for one, two in zip(plain, outputs(), strict=True):
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)
print(len(plain))
"""


@pytest.mark.slow
def test_compiled_levels_can_be_patched():
    """In a process of its own, because the compiler cannot see through the checks of shapes that tests install."""
    done = subprocess.run([sys.executable, "-c", COMPILED], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 4
