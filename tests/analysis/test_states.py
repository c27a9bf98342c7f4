"""Residuals, paths, dimensions and provisional answers equal what is written out here by hand."""

import numpy as np
import pytest
import torch

from hrm.analysis.calls import traceable
from hrm.analysis.dimensionality import Moments, _permutation_test, dimensionality, participation_ratio
from hrm.analysis.intermediate import intermediate, preliminary_answers
from hrm.analysis.residuals import residuals
from hrm.analysis.trajectories import principal_path, trajectories
from hrm.errors import UsageError
from hrm.inference.solver import Solver
from hrm.model.build import build
from hrm.model.config import EquivariantConfig, small
from hrm.model.network import Latents, Network

SEGMENTS = 2


def test_residuals_equal_a_naive_computation(solver, split, walk):
    found = residuals(solver, split, SEGMENTS)
    absolute, relative = {"L": [], "H": []}, {"L": [], "H": []}
    for row in range(len(split)):
        steps = walk(solver, split, row, SEGMENTS)
        for level, index in (("L", 3), ("H", 2)):
            path = [steps[0][index], *(step[index] for step in steps if step[0] == level)]
            pairs = list(zip(path, path[1:], strict=False))
            absolute[level].append([float((b - a).norm(dim=-1).mean()) for a, b in pairs])
            relative[level].append([float((b - a).norm(dim=-1).mean() / a.norm(dim=-1).mean()) for a, b in pairs])
    assert found.z_L.timestep == list(range(1, 13)) and found.z_H.timestep == [3, 6, 9, 12]
    for level, curve in (("L", found.z_L), ("H", found.z_H)):
        assert curve.absolute == pytest.approx(np.mean(absolute[level], axis=0), rel=1e-4)
        assert curve.relative == pytest.approx(np.mean(relative[level], axis=0), rel=1e-4)
        assert curve.relative_low == pytest.approx(np.quantile(relative[level], 0.1, axis=0), rel=1e-4)
    L = np.array(found.z_L.absolute)
    falls = (L[0] / L[2] * L[3] / L[5] * L[6] / L[8] * L[9] / L[11]) ** (1 / 4)
    jumps = (L[3] / L[2] * L[6] / L[5] * L[9] / L[8]) ** (1 / 3)
    assert (found.falls_within_cycle, found.jumps_after_H) == (pytest.approx(falls), pytest.approx(jumps))


def test_paths_are_the_projections_of_the_states(solver, split, walk):
    found = trajectories(solver, split, SEGMENTS)
    assert [puzzle.puzzle for puzzle in found.puzzles] == [0, 1, 2, 3, 4]
    steps = walk(solver, split, 4, SEGMENTS)
    states = torch.cat([steps[0][3], *(step[3] for step in steps if step[0] == "L")]).flatten(1).double().numpy()
    centered = states - states.mean(0)
    _, lengths, axes = np.linalg.svd(centered, full_matrices=False)
    path = found.puzzles[4].z_L
    assert path.timestep == list(range(13))
    assert path.explained == pytest.approx((lengths**2 / (lengths**2).sum())[:5], abs=1e-5)
    for number in range(2):
        naive = centered @ axes[number]
        ours = np.array(path.coordinates)[:, number]
        assert ours == pytest.approx(naive * np.sign(naive[-1]), abs=1e-3) and ours[-1] >= 0


def test_a_straight_path_has_one_component_and_a_still_one_none():
    line = np.outer(np.arange(4.0), np.ones(6))
    path = principal_path([0, 1, 2, 3], line)
    assert path.explained[0] == pytest.approx(1) and path.components_for_90 == 1
    assert np.diff(np.array(path.coordinates)[:, 0]) == pytest.approx(np.full(3, np.sqrt(6)))
    assert principal_path([0, 1], np.ones((2, 3))).explained == [0, 0]


def test_the_mean_state_is_the_mean_over_positions(solver, split, walk):
    path = trajectories(solver, split, SEGMENTS, state="mean").puzzles[0].z_H
    steps = walk(solver, split, 0, SEGMENTS)
    states = torch.cat([steps[0][2], *(step[2] for step in steps if step[0] == "H")]).mean(1).double().numpy()
    lengths = np.linalg.svd(states - states.mean(0), compute_uv=False) ** 2
    assert path.explained == pytest.approx(lengths[:5] / lengths.sum(), abs=1e-5)


@pytest.mark.parametrize("rank", [1, 2, 7, 12])
def test_participation_ratio_of_equal_eigenvalues_is_their_number(rank):
    rng = np.random.default_rng(rank)
    basis, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    covariance = 3.7 * basis[:, :rank] @ basis[:, :rank].T
    assert participation_ratio(covariance) == pytest.approx(rank)


def test_participation_ratio_of_known_spectra():
    assert participation_ratio(np.diag([1e6, 1.0, 1.0, 1.0])) == pytest.approx(1, abs=1e-5)
    assert participation_ratio(np.diag([2.0, 1.0, 1.0])) == pytest.approx(16 / 6)
    assert np.isnan(participation_ratio(np.zeros((3, 3))))


@pytest.mark.parametrize("pooling", ["positions", "means"])
def test_the_pooled_ratio_equals_a_naive_computation(solver, split, walk, pooling):
    found = dimensionality(solver, split, SEGMENTS, pooling, permutations=20, untrained_seeds=(3, 8))
    for name, level, index in (("z_H", "H", 2), ("z_L", "L", 3)):
        per_puzzle = []
        for row in range(len(split)):
            states = torch.cat([step[index] for step in walk(solver, split, row, SEGMENTS) if step[0] == level])
            samples = states.mean(1) if pooling == "means" else states.flatten(0, 1)
            per_puzzle.append(samples.double().numpy())
        assert found.samples_per_puzzle[name] == len(per_puzzle[0])

        def ratio(rows, per_puzzle=per_puzzle):
            eigenvalues = np.linalg.eigvalsh(np.cov(np.concatenate([per_puzzle[r] for r in rows]).T, bias=True))
            return eigenvalues.sum() ** 2 / (eigenvalues**2).sum()

        assert getattr(found, name) == pytest.approx(ratio(range(5)), rel=1e-4)
        without = np.array([ratio(sorted({0, 1, 2, 3, 4} - {row})) for row in range(5)])
        spread = 1.959964 * np.sqrt(4 / 5 * ((without - without.mean()) ** 2).sum())
        assert found.__dict__[f"{name}_ci95"][1] - getattr(found, name) == pytest.approx(spread, rel=1e-2)
        assert found.growth.puzzles[-1] == 5 and getattr(found.growth, name)[-1] == pytest.approx(getattr(found, name))
        # the q_head apart, seed 3 is the network itself
        assert found.untrained[0][name] == pytest.approx(getattr(found, name), rel=1e-6)
        assert found.untrained[1][name] != pytest.approx(getattr(found, name), rel=1e-3)
    assert found.ratio == pytest.approx(found.z_H / found.z_L)


def cloud(rng, puzzles, dimensions, width=8, samples=30):
    """Return the moments of a cloud that fills so many dimensions."""
    spread = np.diag([1.0] * dimensions + [0.0] * (width - dimensions))
    states = rng.normal(size=(puzzles, samples, width)) @ spread + 5
    return Moments(states.mean(1), np.einsum("psi,psj->pij", states, states) / samples)


def test_the_permutation_test_sees_a_difference_and_none_where_there_is_none():
    rng = np.random.default_rng(0)
    wide, narrow = cloud(rng, 20, 6), cloud(rng, 20, 2)
    assert _permutation_test(wide, narrow, 199, rng) == pytest.approx(1 / 200)
    assert _permutation_test(narrow, wide, 199, rng) > 0.9
    even = [_permutation_test(cloud(rng, 10, 4), cloud(rng, 10, 4), 99, rng) for _ in range(40)]
    assert 0.25 < np.mean(even) < 0.75 and np.mean(np.array(even) <= 0.1) <= 0.3


def test_a_ratio_needs_two_puzzles(solver, some_puzzles):
    with pytest.raises(UsageError, match="2 puzzles"):
        dimensionality(solver, some_puzzles(1), 1)


def test_preliminary_answers_equal_a_naive_computation(solver, split, walk):
    found = preliminary_answers(solver, split, SEGMENTS)
    assert found.shape == (12, 5, 16)
    model = solver.model
    for row in (0, 4):
        inputs = torch.from_numpy(np.asarray(split.inputs[row : row + 1]).astype(np.int64))
        x = model.embed(inputs, relations=torch.from_numpy(solver.puzzle.relation_matrices))
        for level, timestep, z_H, z_L in walk(solver, split, row, SEGMENTS):
            if level == "L":
                with torch.no_grad():
                    ahead = (model.f_H or model.f_L)(z_H, z_L, x.context)
                    tokens = model.decode(Latents(ahead, z_L))[0, :, 2:].argmax(-1) + 2  # neither padding nor a blank
                assert np.array_equal(found[timestep - 1, row], tokens.numpy()), (row, timestep)


def test_the_last_preliminary_answer_of_each_segment_is_the_solver_s(solver, split):
    found = intermediate(solver, split, 3, shown=4)
    for number, thought in enumerate(solver.run(np.asarray(split.inputs[3:])[[0, 1, 1]], 3), start=1):
        assert found.example.frames[number * 6 - 1].tokens == thought.tokens[1].tolist()
    [answer] = solver.solve_many([solver.puzzle.text(split.inputs[4])], segments=3)
    assert found.example.frames[-1].tokens == answer.tokens.tolist()


def test_what_changed_and_what_breaks_a_rule(solver, split):
    found = intermediate(solver, split, 1, shown=2)
    tokens = preliminary_answers(solver, split, 1)
    before = np.asarray(split.inputs)
    for k, answers in enumerate(tokens):
        assert found.changed[k] == pytest.approx((answers != before).sum(1).mean())
        assert found.cell[k] == pytest.approx((answers == split.labels).mean())
        assert found.exact[k] == (answers == split.labels).all(1).mean()
        frame = found.example.frames[k]
        assert frame.changed == np.flatnonzero(answers[2] != before[2]).tolist()
        grid, given = answers[2].reshape(4, 4), split.inputs[2] > 1
        for cell in range(16):
            y, x = divmod(cell, 4)
            box = grid[y // 2 * 2 : y // 2 * 2 + 2, x // 2 * 2 : x // 2 * 2 + 2]
            clash = max((unit == grid[y, x]).sum() for unit in (grid[y], grid[:, x], box)) > 1 and grid[y, x] > 1
            overwritten = given[cell] and answers[2, cell] != split.inputs[2, cell]
            assert (cell in frame.breaking) == bool(clash or overwritten)
        before = answers
    with pytest.raises(UsageError, match="puzzles 0 to 4"):
        intermediate(solver, split, 1, shown=5)


def test_positions_of_both_layouts():
    exists = torch.tensor([[True, False, True]])
    config = small(6, 3, width=16, heads=2, puzzle_width=16, prefix=1)
    assert build(config).positions(exists).tolist() == [[True, True, False, True]]
    symbols = EquivariantConfig(kind="equivariant", vocab_size=4, cells=3, symbols=2)
    assert build(symbols).positions(exists).tolist() == [[True, True, False, False, True, True]]


def test_a_network_that_does_not_show_its_calls_is_refused(solver):
    class Plain(Network):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def embed(self, inputs, puzzle_ids=None, mask=None, relations=None):
            raise NotImplementedError

        initial = segment = hidden_matrices = embed

    with pytest.raises(UsageError, match="calls of a Plain cannot be followed"):
        traceable(Solver(Plain(), solver.puzzle, 4))
