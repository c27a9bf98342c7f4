"""Networks of one state, and of one pass, are asked the same questions; what makes no sense is refused."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch

from hrm.analysis.depth import depth
from hrm.analysis.dimensionality import dimensionality
from hrm.analysis.fixed_points import fixed_points
from hrm.analysis.halting import halting
from hrm.analysis.intermediate import intermediate, preliminary_answers
from hrm.analysis.memory import memory
from hrm.analysis.questions import QUESTIONS
from hrm.analysis.residuals import residuals
from hrm.analysis.run import AnalysisOptions, run_analysis, segments_for
from hrm.analysis.trajectories import trajectories
from hrm.errors import UsageError
from hrm.model.network import Latents

SEGMENTS = 2
ROWS = range(5)
REFUSED = {
    "halting": "hard puzzles cannot get more segments than easy ones",
    "fixed-points": "there is nothing that could come to rest",
    "memory": "there is no N·T that its memory could grow with",
}
"""Of a network that answers in one pass."""


def calls_of(solver, segments=SEGMENTS):
    """Return how many states its calls write: one a block, where a second segment would repeat the first."""
    return 4 if solver.model.config.kind == "direct" else 6 * segments


def runs_of(solver):
    return segments_for(QUESTIONS["residuals"], solver.model, 4, SEGMENTS)


def test_residuals_equal_a_naive_computation(one_state, split, states):
    found = residuals(one_state, split, runs_of(one_state))
    absolute, relative = [], []
    for row in ROWS:
        way = states(one_state, split, row, SEGMENTS)
        pairs = list(zip(way, way[1:], strict=False))
        moved = [float((b - a).norm(dim=-1).mean()) for a, b in pairs]
        absolute.append(moved)
        relative.append([m / float(a.norm(dim=-1).mean()) for m, (a, _) in zip(moved, pairs, strict=True)])
    assert found.z_H.timestep == list(range(1, calls_of(one_state) + 1))
    assert found.z_H.absolute == pytest.approx(np.mean(absolute, axis=0), rel=1e-4)
    assert found.z_H.relative == pytest.approx(np.mean(relative, axis=0), rel=1e-4)
    assert (found.z_L, found.falls_within_cycle, found.jumps_after_H) == (None, None, None)
    assert found.summary["relative movement of z_H, first call"] == found.z_H.relative[0]
    assert found.cycles * found.timesteps * found.segments == len(found.z_H.absolute)


def test_every_segment_of_a_network_of_one_pass_is_the_same(direct, split):
    once, thrice = (residuals(direct, split, segments).z_H for segments in (1, 3))
    assert thrice.absolute == once.absolute * 3 and thrice.timestep == list(range(1, 13))


def test_paths_are_the_projections_of_the_states(one_state, split, states):
    [*_, last] = trajectories(one_state, split, runs_of(one_state)).puzzles
    way = torch.cat(states(one_state, split, 4, SEGMENTS)).flatten(1).double().numpy()
    _, lengths, axes = np.linalg.svd(way - way.mean(0), full_matrices=False)
    shares = lengths**2 / (lengths**2).sum()
    assert last.z_L is None and last.z_H.timestep == list(range(calls_of(one_state) + 1))
    assert last.z_H.explained == pytest.approx(shares[: len(last.z_H.explained)], abs=1e-5)
    naive = (way - way.mean(0)) @ axes[0]
    assert np.array(last.z_H.coordinates)[:, 0] == pytest.approx(naive * np.sign(naive[-1]), abs=1e-3)


@pytest.mark.parametrize("pooling", ["positions", "means"])
def test_the_ratio_of_the_one_state_equals_a_naive_computation(one_state, split, states, pooling):
    found = dimensionality(one_state, split, runs_of(one_state), pooling, permutations=3, untrained_seeds=(3,))
    ways = torch.stack([torch.cat(states(one_state, split, row, SEGMENTS)[1:]) for row in ROWS])
    samples = ways.mean(2) if pooling == "means" else ways
    eigenvalues = np.linalg.eigvalsh(np.cov(samples.flatten(0, -2).double().numpy().T, bias=True))
    assert found.z_H == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rel=1e-4)
    assert found.z_H_ci95[0] < found.z_H < found.z_H_ci95[1] and found.growth.z_H[-1] == pytest.approx(found.z_H)
    assert found.untrained[0] == {"seed": 3, "z_H": pytest.approx(found.z_H, rel=1e-6), "z_L": None}
    assert found.samples_per_puzzle == {"z_H": calls_of(one_state) * (1 if pooling == "means" else 18)}
    assert {found.z_L, found.ratio, found.p_value, found.growth.z_L, found.z_L_ci95, found.ratio_ci95} == {None}


def test_answers_on_the_way_are_the_decoded_states_and_the_last_is_the_solver_s(one_state, split, states):
    segments = runs_of(one_state)
    found = preliminary_answers(one_state, split, segments)
    assert found.shape == (calls_of(one_state), 5, 16)
    for row in ROWS:
        for place, state in enumerate(states(one_state, split, row, SEGMENTS)[1:]):
            with torch.no_grad():
                tokens = (
                    one_state.model.decode(Latents.single(state))[0, :, 2:].argmax(-1) + 2
                )  # neither padding nor a blank
            assert np.array_equal(found[place, row], tokens.numpy()), (row, place)
        [answer] = one_state.solve_many([one_state.puzzle.text(split.inputs[row])], segments=SEGMENTS)
        assert found[-1, row].tolist() == answer.tokens.tolist()
    shown = intermediate(one_state, split, segments, shown=4)
    assert [frame.tokens for frame in shown.example.frames] == found[:, 4].tolist()
    assert shown.exact[-1] == depth(one_state, split, SEGMENTS).exact[-1]


def test_memory_of_one_state_is_constant_for_one_step_and_linear_through_all_calls(recurrent, split):
    found = memory(recurrent, split)
    assert found.NT == found.calls == [4, 16, 64]
    assert max(found.one_step_bytes) <= 1.1 * min(found.one_step_bytes)
    a, b, c = found.full_bytes
    assert a > found.one_step_bytes[0] > 0 and (b - a) / 12 == pytest.approx((c - b) / 48, rel=0.01)


@pytest.mark.parametrize(("what", "reason"), REFUSED.items())
def test_what_takes_more_than_one_pass_is_refused_in_one_line(direct, split, what, reason):
    assert segments_for(QUESTIONS[what], direct.model, 4, 8) == 1
    with pytest.raises(UsageError) as error:
        run_analysis(what, direct, split, 1, AnalysisOptions())
    assert str(error.value) == f"a Transformer of kind 'direct' answers in one pass, so {reason}"


@pytest.mark.parametrize("what", ["halting", "calibration", "fixed-points", "code-length"])
def test_other_questions_have_their_answers_in_json(one_state, split, what):
    if what in REFUSED and one_state.model.config.kind == "direct":
        return
    found = run_analysis(what, one_state, split, segments_for(QUESTIONS[what], one_state.model, 2), AnalysisOptions())
    assert json.loads(json.dumps(asdict(found), allow_nan=False)) and json.dumps(found.summary, allow_nan=False)


def test_one_segment_leaves_no_choice_and_nothing_to_rest(recurrent, split):
    with pytest.raises(UsageError, match="a budget of at least 2 segments"):
        halting(recurrent, split, 1)
    with pytest.raises(UsageError, match="at least 3 segments"):
        fixed_points(recurrent, split, 2)
    assert segments_for(QUESTIONS["fixed-points"], recurrent.model, budget=1) == 3
