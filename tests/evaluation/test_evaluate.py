"""Evaluation against models whose score is known, and the interval against its definition."""

from dataclasses import replace

import numpy as np
import pytest

from hrm import puzzles
from hrm.data.store import Split
from hrm.evaluation.evaluate import evaluate
from hrm.evaluation.metrics import wilson_interval
from hrm.inference.answer import SegmentOutput
from hrm.inference.solver import Solver
from hrm.model.config import small
from hrm.model.hrm import HRM

FAMILY = puzzles.get("sudoku-4x4")


def split(n):
    inputs, labels = (np.stack(c) for c in zip(*(FAMILY.generate(0, i) for i in range(n)), strict=True))
    return Split(inputs, labels, np.zeros(n, np.int32), np.full(n, np.nan, np.float32))


class Scripted(Solver):
    """Right on puzzle i from segment ``right_from[i]`` on, halting and sure from the others."""

    def __init__(self, data, right_from, halts_from, sure_from=(1,) * 6, family=FAMILY):
        super().__init__(HRM(small(6, 16)), family, max_segments=3, batch_size=4)
        self.data, self.right_from, self.halts_from, self.start = data, right_from, halts_from, 0
        self.sure_from = sure_from

    def run(self, inputs, segments, puzzle_ids=None, numbers=None):
        rows = np.minimum(np.arange(self.start, self.start + 4), len(self.data) - 1)
        self.start += 4
        for m in range(1, segments + 1):
            wrong = self.data.labels[rows].copy()
            wrong[:, 0] = np.where(wrong[:, 0] == 2, 3, 2)
            right = (np.array(self.right_from)[rows] <= m)[:, None]
            yield SegmentOutput(
                np.where(right, self.data.labels[rows], wrong).astype(np.uint8),
                np.where((np.array(self.sure_from)[rows] <= m)[:, None] | (np.arange(16) > 0), 0.8, 0.79).astype(
                    np.float32
                ),
                np.ones(4, np.float32),
                np.array(self.halts_from)[rows] <= m,
            )


def test_known_scores():
    data = split(6)
    model = Scripted(data, right_from=[1, 1, 2, 2, 3, 9], halts_from=[1, 2, 1, 3, 9, 9])
    found = evaluate(model, data, segments=3)
    assert [row["exact"] for row in found["per_segment"]] == pytest.approx([2 / 6, 4 / 6, 5 / 6])
    assert found["exact"] == found["valid"] == pytest.approx(5 / 6)
    assert found["cell"] == pytest.approx((5 + 15 / 16) / 6)
    assert found["examples"] == 6
    # early exit: puzzle 2 halts at once and is wrong; 4 and 5 run to the budget, 5 stays wrong
    assert found["early_exit"]["exact"] == pytest.approx(4 / 6)
    assert found["early_exit"]["segments_mean"] == pytest.approx((1 + 2 + 1 + 3 + 3 + 3) / 6)
    assert found["early_exit"]["halted_by_choice"] == pytest.approx(4 / 6)
    low, high = found["exact_ci95"]
    assert low < 5 / 6 < high
    # a run of `hrm solve` goes on until the rules hold
    assert found["solve_exit"] == pytest.approx(
        {"exact": 5 / 6, "segments_mean": (1 + 1 + 2 + 2 + 3 + 3) / 6, "halted_by_choice": 5 / 6}
    )


def test_without_rules_a_puzzle_stops_where_the_q_head_would_and_every_cell_is_sure():
    family = type(FAMILY).from_name("sudoku-4x4")
    family._spec = replace(FAMILY.spec, has_rules=False)
    data, asked = split(6), {"right_from": [1, 1, 2, 2, 3, 9], "halts_from": [1, 2, 1, 3, 9, 9]}
    found = evaluate(Scripted(data, **asked, sure_from=[2, 1, 2, 1, 1, 1], family=family), data, segments=3)
    assert found["valid"] is None
    assert found["solve_exit"] == pytest.approx(
        {"exact": 5 / 6, "segments_mean": (2 + 2 + 2 + 3 + 3 + 3) / 6, "halted_by_choice": 4 / 6}
    )
    assert found["early_exit"]["exact"] == pytest.approx(4 / 6)  # the Q-head alone stops puzzle 2 too early


def test_a_limit_takes_the_first_puzzles():
    data = split(6)
    found = evaluate(Scripted(data, [1, 9, 9, 9, 9, 9], [1] * 6), data, segments=1, limit=1)
    assert (found["examples"], found["exact"]) == (1, 1.0)


@pytest.mark.parametrize(
    "hits, trials, low, high", [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (50, 100, 0.4038, 0.5962)]
)
def test_wilson(hits, trials, low, high):
    """Reference values: Newcombe 1998, method 3."""
    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("trials", [1, 3, 100, 200, 1000])
@pytest.mark.parametrize("z", [1.959964, 2.575829])
def test_the_ends_belong_to_the_interval(trials, z):
    assert wilson_interval(0, trials, z)[0] == 0 and wilson_interval(trials, trials, z)[1] == 1


def test_an_interval_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(0)
    hits = rng.binomial(200, 0.9, size=2000)
    covered = [low <= 0.9 <= high for low, high in (wilson_interval(int(h), 200) for h in hits)]
    assert 0.93 < np.mean(covered) < 0.975
