"""The shipped model thinks what it thought when it was shipped, segment by segment."""

import json
from pathlib import Path

import pytest

import hrm

RECORDED = json.loads((Path(__file__).parent / "sudoku-4x4.json").read_text())


@pytest.fixture(scope="module")
def solver():
    return hrm.load("sudoku-4x4", device="cpu", precision="fp32")


@pytest.mark.parametrize("puzzle", RECORDED)
def test_a_recorded_trace(solver, puzzle):
    trace = solver.solve(puzzle, segments=len(RECORDED[puzzle]), trace=True).trace
    for moment, recorded in zip(trace, RECORDED[puzzle], strict=True):
        assert moment.answer == recorded["answer"]
        assert moment.q_halt == pytest.approx(recorded["q_halt"], abs=1e-3)


def test_bf16_reaches_the_same_answers(solver):
    rough = hrm.load("sudoku-4x4", device="cpu", precision="bf16")
    for puzzle, recorded in RECORDED.items():
        assert rough.solve(puzzle, segments=4).answer == recorded[-1]["answer"]
