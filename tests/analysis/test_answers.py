"""Halting, depth, calibration, rest, code length and memory, on networks that do what a test tells them."""

import json
import math
from dataclasses import asdict

import numpy as np
import pytest
import torch

from hrm import puzzles
from hrm.analysis.calibration import calibration, expected_calibration_error, reliability
from hrm.analysis.code_length import code_length
from hrm.analysis.depth import depth
from hrm.analysis.fixed_points import fixed_points, one_blank
from hrm.analysis.halting import difficulties, halting
from hrm.analysis.memory import memory
from hrm.data.store import Split
from hrm.errors import DataError, UsageError
from hrm.evaluation.evaluate import evaluate
from hrm.evaluation.metrics import Scores, auroc, bootstrap_interval, spearman
from hrm.inference.solver import Solver
from hrm.model.config import small
from hrm.model.hrm import HRM

FAMILY = puzzles.get("sudoku-4x4")


def scripted(exact, prefers):
    """Return scores of answers that are right and halt as told, M × n."""
    exact, prefers = np.array(exact, bool), np.array(prefers, bool)
    return Scores(exact, exact.astype(float), exact * 0.8 + 0.1, prefers, exact)


def test_segments_used_stop_at_the_first_wish_or_at_the_budget():
    found = scripted([[0, 1, 0], [1, 0, 0], [1, 1, 0]], [[0, 1, 0], [0, 0, 0], [1, 1, 0]])
    assert found.segments_used(3).tolist() == [3, 1, 3]
    assert found.segments_used(2).tolist() == [2, 1, 2]
    assert found.exact_after(found.segments_used(2)).tolist() == [True, True, False]


def test_depth_is_what_evaluation_says_segment_by_segment(solver, split):
    found = depth(solver, split, 4)
    told = evaluate(solver, split, 4)
    assert found.exact == [line["exact"] for line in told["per_segment"]]
    assert found.cell == pytest.approx([line["cell"] for line in told["per_segment"]])
    assert found.early_exact[-1] == told["early_exit"]["exact"]
    assert found.early_segments_mean[-1] == told["early_exit"]["segments_mean"]
    assert found.early_segments_mean[0] == 1 and found.trained_budget == 4


def halted(solver, puzzle):
    """Return when the Q-head alone stops a puzzle, within four segments, and its answer then."""
    batch = np.stack([puzzle] * solver.batch_size)
    for number, thought in enumerate(solver.run(batch, 4), start=1):
        if thought.prefers_halt[0] or number == 4:
            return number, thought.tokens[0]
    raise AssertionError("there is no segment")


def test_halting_tells_segments_and_difficulty(solver, split):
    rated = Split(split.inputs, split.labels, split.puzzle_ids, np.array([3, 1, 4, 1, 5], np.float32))
    found = halting(solver, rated, 4)
    alone = [halted(solver, row) for row in split.inputs]
    assert found.segments == [segments for segments, _ in alone]
    assert found.measure == "rating of the data" and found.difficulty == [3, 1, 4, 1, 5]
    assert found.exact == [bool((tokens == row).all()) for (_, tokens), row in zip(alone, split.labels, strict=True)]
    assert halting(solver, split, 4).measure in ("guesses of a plain search", "cells to fill in")


def test_difficulties_count_guesses_and_blanks(some_puzzles):
    family = puzzles.get("sudoku-9x9")
    found = difficulties(family, some_puzzles(3, family=family))
    assert list(found) == ["guesses of a plain search", "cells to fill in"]
    split = some_puzzles(3, family=family)
    assert found["cells to fill in"].tolist() == (np.asarray(split.inputs) == 1).sum(1).tolist()


def test_rank_correlation_with_ties():
    assert spearman(np.array([1, 2, 3, 4]), np.array([10, 20, 30, 40])) == pytest.approx(1)
    assert spearman(np.array([1, 2, 3]), np.array([9.0, 4.0, 1.0])) == pytest.approx(-1)
    # by hand: ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4
    assert spearman(np.array([1, 2, 2, 3]), np.array([1, 3, 2, 4])) == pytest.approx(4.5 / math.sqrt(4.5 * 5))
    assert math.isnan(spearman(np.array([1, 1]), np.array([1, 2])))


def test_auroc_counts_pairs():
    scores, hits = np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True])
    assert auroc(scores, hits) == pytest.approx((1 + 0.5 + 1 + 1) / 4)
    assert math.isnan(auroc(scores, np.ones(4, bool)))


def test_a_bootstrap_interval_covers_the_mean_of_a_normal_sample():
    draws = np.random.default_rng(0).normal(size=400)
    low, high = bootstrap_interval(lambda rows: float(draws[rows].mean()), 400)
    assert low < draws.mean() < high and high - low == pytest.approx(2 * 1.96 / 20, rel=0.2)
    assert bootstrap_interval(lambda rows: math.nan, 5) is None


def test_reliability_equals_the_sum_written_out():
    rng = np.random.default_rng(1)
    q = rng.random((6, 50))
    right = rng.random((6, 50)) < q**2
    found = reliability((q, right), bins=5)
    total = 0.0
    for number, line in enumerate(found.bins):
        here = (q >= number / 5) & (q < (number + 1) / 5)
        assert line.count == here.sum() and line.exact == pytest.approx(right[here].mean())
        total += here.sum() / 300 * abs(right[here].mean() - q[here].mean())
    assert found.ece.value == pytest.approx(total) and found.ece.ci95[0] < total < found.ece.ci95[1] + 0.05
    assert found.brier.value == pytest.approx(((q - right) ** 2).mean())
    assert found.accuracy.value == pytest.approx(((q >= 0.5) == right).mean())
    assert expected_calibration_error(np.array([1.0, 0.0]), np.array([True, False]), 10) == 0


def test_calibration_where_everything_is_wrong_has_no_auroc(solver, split):
    found = calibration(solver, split, 2)
    assert found.all_segments.moments == 10 and found.last_segment.moments == 5
    assert found.all_segments.base_rate == 0 and found.all_segments.auroc.value is None
    assert sum(line.count for line in found.all_segments.bins) == 10


class Still(HRM):
    """Says the same at every segment; its z_H moves by ``factor`` of its length."""

    def __init__(self, says, factor):
        super().__init__(small(6, 16, width=16, heads=2, puzzle_width=16))
        self.says, self.factor = says, factor

    def segment(self, latents, x, cycles=None):
        found = super().segment(latents, x)
        tokens = torch.from_numpy(self.says.astype(np.int64)).expand(len(x), 16)
        logits = 20.0 * torch.nn.functional.one_hot(tokens, 6).float()
        z_H = latents.z_H * (1 + self.factor)
        return type(found)(type(latents)(z_H, latents.z_L), logits, found.q_halt_logit, None)


@pytest.mark.parametrize(("factor", "at_rest"), [(0.001, True), (0.1, False)])
def test_rest_on_a_wrong_answer_is_a_false_fixed_point(split, factor, at_rest):
    model = Still(np.asarray(split.labels[1]), factor)
    found = fixed_points(Solver(model, FAMILY, 4, batch_size=3), split, 8)
    alike = [bool((row == split.labels[1]).all()) for row in split.labels]
    assert found.right == alike and found.answer_at_rest == [True] * 5
    assert found.movement == pytest.approx([factor] * 5, rel=1e-3)
    wrong = 1 - sum(alike) / 5
    assert found.false_fixed_points == pytest.approx(wrong if at_rest else 0)
    assert found.wrong_and_moving == pytest.approx(0 if at_rest else wrong)
    assert found.frozen_wrong_answers == pytest.approx(wrong) and found.left_right_answer == 0
    with pytest.raises(UsageError, match="3 segments"):
        fixed_points(Solver(model, FAMILY, 4), split, 2)


def test_one_blank_blanks_one_open_cell_of_each_solution(split, monkeypatch):
    solver = Solver(Still(np.asarray(split.labels[1]), 0.0), FAMILY, 4, batch_size=5)
    asked = []
    run = solver.run
    monkeypatch.setattr(solver, "run", lambda inputs, *rest: asked.append(inputs) or run(inputs, *rest))
    found = one_blank(solver, split, 3)
    blank = asked[0] != split.labels
    assert blank.sum(1).tolist() == [1] * 5 and (asked[0][blank] == 1).all() and (split.inputs[blank] == 1).all()
    hits = np.asarray(split.labels)[1][np.nonzero(blank)[1]] == split.labels[blank]
    assert found.cell == [hits.mean()] * 3 and found.ever_left == 0
    assert found.exact == [(split.labels == split.labels[1]).all(1).mean()] * 3


def test_puzzles_that_never_give_the_symbols_of_their_answers_have_no_such_test(some_puzzles):
    maze = puzzles.get("maze-10x10")
    split = some_puzzles(2, family=maze)
    model = HRM(small(maze.spec.vocab_size, 100, width=16, heads=2, puzzle_width=16, relation_kinds=()))
    assert one_blank(Solver(model, maze, 2, batch_size=2), split, 1) is None


@pytest.mark.parametrize("kind", ["softmax", "stablemax"])
def test_bits_equal_the_sum_written_out(solver, split, kind):
    found = code_length(solver, split, 2, kind, training_puzzles=7)
    model, bits, cells = solver.model, 0.0, 0
    for row in range(5):
        inputs = torch.from_numpy(np.asarray(split.inputs[row : row + 1]).astype(np.int64))
        x = model.embed(inputs, relations=torch.from_numpy(FAMILY.relation_matrices))
        with torch.no_grad():
            latents = model.segment(model.initial(x), x).latents
            logits = model.segment(latents, x).logits[0].double()
        score = torch.where(logits >= 0, logits + 1, 1 / (1 - logits)) if kind == "stablemax" else logits.exp()
        p = score / score.sum(-1, keepdim=True)
        for cell in range(16):
            if split.inputs[row, cell] == 1:
                bits -= math.log2(float(p[cell, split.labels[row, cell]]))
                cells += 1
    assert found.bits_per_cell[-1] == pytest.approx(bits / cells, rel=1e-4)
    assert found.bits_per_cell_wrong == pytest.approx(bits / cells, rel=1e-4) and found.bits_per_cell_right is None
    assert found.plain_bits_per_cell == 2 and found.cells_per_puzzle == cells / 5
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert found.parameter_bits == 32 * found.parameters and found.training_puzzles == 7
    saved = 2 * cells / 5 - bits / 5
    assert found.puzzles_to_break_even == (pytest.approx(found.parameter_bits / saved, rel=1e-3) if saved > 0 else None)
    full = Split(split.labels, split.labels, split.puzzle_ids, split.ratings)
    with pytest.raises(DataError, match="every cell"):
        code_length(solver, full, 1)


def test_gradient_memory_is_constant_for_one_step_and_linear_through_all_calls(solver, split):
    """The floor of the paper's claim: O(1) against O(T), at N·T = 4, 16, 64."""
    found = memory(solver, split)
    assert found.NT == [4, 16, 64] and found.calls == [5, 20, 80]
    assert max(found.one_step_bytes) <= 1.1 * min(found.one_step_bytes)
    a, b, c = found.full_bytes
    assert a > found.one_step_bytes[0] > 0
    assert (b - a) / 12 == pytest.approx((c - b) / 48, rel=0.01)
    assert memory(solver, split, cycles=(1,)).full_bytes == [a]


def test_memory_counts_what_autograd_keeps(split):
    """One more call through the graph costs what one call of the level costs, counted by hand of a linear map."""
    from hrm.analysis.memory import saved_bytes

    class Line(HRM):
        def segment(self, latents, x, cycles=None):
            found = super().segment(latents, x)
            wide = (x.x.detach() * torch.ones(1, requires_grad=True)).exp().exp()  # each exp keeps its result
            return type(found)(found.latents, wide.sum() + found.logits, found.q_halt_logit, None)

    config = small(6, 16, width=16, heads=2, puzzle_width=16)
    plain, more = (Solver(kind(config), FAMILY, 4) for kind in (HRM, Line))
    states = 2 * 17 * 16 * 4
    extra = saved_bytes(more, split, 2) - saved_bytes(plain, split, 2)
    assert 2 * states <= extra <= 3 * states + 64


def test_every_record_is_plain_json(solver, split):
    for record in (
        depth(solver, split, 2),
        halting(solver, split, 2),
        fixed_points(solver, split, 3),
        memory(solver, split),
    ):
        assert json.loads(json.dumps(asdict(record), allow_nan=False)) and json.dumps(record.summary, allow_nan=False)
