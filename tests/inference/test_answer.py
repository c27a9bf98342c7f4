"""Answers as plain values."""

import json
from dataclasses import replace

import numpy as np

from hrm import puzzles
from hrm.inference.answer import SegmentOutput, answer_of
from hrm.puzzles.base import Symmetries

FAMILY = puzzles.get("sudoku-4x4")
PUZZLE, WRONG, ANSWER = "..1.4.....2.3...", "2314413214233242", "2314413214233241"


def output(text, q_halt=0.25, confidence=0.9):
    tokens = np.array([[FAMILY.spec.tokens.index(symbol) for symbol in text]], np.uint8)
    return SegmentOutput(
        tokens, np.full((1, 16), confidence, np.float32), np.array([q_halt], np.float32), np.array([True])
    )


def test_an_answer_turns_into_plain_values():
    outputs = [output(WRONG), output(ANSWER, 0.75)]
    plain = answer_of(FAMILY, FAMILY.parse(PUZZLE), outputs, segments=2, trace=True, settled=2, model="mine").as_dict()
    assert json.loads(json.dumps(plain)) == {
        "puzzle": PUZZLE, "answer": ANSWER, "verified": True, "segments": 2, "q_halt": 0.75, "halted_by_choice": True,
        "settled": 2, "attempts": 1, "total_segments": 0, "pinned": [],
        "trace": [
            {"segment": 1, "answer": WRONG, "changed": [0, 1, *range(3, 4), *range(5, 10), 11, 13, 14, 15],
             "q_halt": 0.25},
            {"segment": 2, "answer": ANSWER, "changed": [15], "q_halt": 0.75},
        ],
    }  # fmt: skip


def test_a_network_is_done_where_its_q_head_would_stop_and_every_cell_is_sure():
    sure, unsure = output(ANSWER), output(ANSWER)
    unsure.confidence[0, 5] = 0.79
    both = SegmentOutput.join([sure, unsure])
    assert both.prefers_halt.all() and both.is_sure.tolist() == both.stops.tolist() == [True, False]
    assert not replace(sure, prefers_halt=np.array([False])).stops[0]


def test_without_a_trace_there_is_none_in_the_plain_values():
    answer = answer_of(FAMILY, FAMILY.parse(PUZZLE), [output(WRONG)], segments=7)
    assert (answer.verified, answer.verdict, answer.trace) == (False, "breaks a rule", None)
    assert "trace" not in answer.as_dict() and answer.as_dict()["segments"] == 7


def test_answers_to_images_are_mapped_back():
    draws = np.random.default_rng(0).random((1, FAMILY.spec.symmetry_draws))
    image: Symmetries = FAMILY.symmetries(draws)
    own = output(ANSWER)
    sure = np.arange(16, dtype=np.float32)[None]
    seen = SegmentOutput(
        image.apply(own.tokens), np.take_along_axis(sure, image.cells, 1), own.q_halt, own.prefers_halt
    )
    back = seen.mapped_back(image)
    assert np.array_equal(back.tokens, own.tokens) and np.array_equal(back.confidence, sure)


def test_abstaining_withholds_all_but_verified_answers():
    for text, ruled in ((ANSWER, True), (WRONG, False)):
        answer = answer_of(FAMILY, FAMILY.parse(PUZZLE), [output(text)], segments=1, trace=True)
        plain = answer.as_dict(abstain=True)
        assert plain["verified"] is ruled and plain["answer"] == (text if ruled else None)
        assert ("trace" in plain) is ruled and answer.as_dict()["answer"] == text
