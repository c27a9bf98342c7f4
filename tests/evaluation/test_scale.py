"""What more thought buys: every method against a model whose answers are known."""

import json

import numpy as np
import pytest
import torch

from hrm import puzzles
from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.evaluation.request import ScaleRequest
from hrm.evaluation.scale import scale, scale_model
from hrm.inference.solver import Solver
from hrm.model.network import Embedded, Latents, Network, Segment
from hrm.nn.layers import NO_CONTEXT
from hrm.viz.figures.scale import draw_scale, sentence

FAMILY = puzzles.get("sudoku-4x4")
COUNT = 4


@pytest.fixture(scope="module")
def split():
    inputs, labels = (np.stack(column) for column in zip(*(FAMILY.generate(5, i) for i in range(COUNT)), strict=True))
    return Split(inputs, labels, np.zeros(COUNT, np.int32), np.full(COUNT, np.nan, np.float32))


class Known(Network):
    """Right on puzzle i from segment ``right_from[i]`` on, sure of itself from segment 2 on; images confuse it.

    From a random start it is right at once on the last puzzle and nowhere else.
    """

    def __init__(self, split, right_from):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.known = {
            row.tobytes(): (label, first)
            for row, label, first in zip(split.inputs, split.labels, right_from, strict=True)
        }
        self.last = split.inputs[-1].tobytes()

    def embed(self, inputs, puzzle_ids=None, mask=None, relations=None):
        return Embedded(inputs.float().unsqueeze(-1), NO_CONTEXT)

    def initial(self, x, generator=None):
        start = 0 if generator is None else 1000 + torch.rand((), generator=generator)
        return Latents(torch.full_like(x.x, start), torch.zeros_like(x.x))

    def segment(self, latents, x, cycles=None):
        number = int(latents.z_H[0, 0, 0]) + 1
        tokens = []
        for row in x.x[:, :, 0].numpy().astype(np.uint8):
            label, first = self.known.get(row.tobytes(), (None, 0))
            right = row.tobytes() == self.last if number > 999 else number >= first
            tokens.append(label if label is not None and right else np.full(16, 2, np.uint8))
        scale = 1.0 if number % 1000 == 2 else 9.0  # not sure where the Q-head would first stop
        logits = scale * torch.nn.functional.one_hot(torch.from_numpy(np.stack(tokens).astype(np.int64)), 6).float()
        wish = torch.full((len(x),), 1.0 if number % 1000 >= 2 else -1.0)
        return Segment(Latents(latents.z_H + 1, latents.z_L), logits, wish, None)

    def hidden_matrices(self):
        return []


@pytest.fixture(scope="module")
def found(split):
    solver = Solver(Known(split, [1, 3, 7, 99]), FAMILY, max_segments=8, batch_size=3)
    return scale(solver, split, segments=4, copies=2, budget=8)


def ends(found, method):
    [curve] = [curve for curve in found.curves if curve.method == method]
    return {point.budget: point for point in curve.points}


def test_one_answer_is_judged_after_each_budget_and_by_the_q_head(found):
    points = ends(found, "more segments")
    assert {m: point.exact for m, point in points.items()} == {1: 0.25, 2: 0.25, 4: 0.5, 8: 0.75}
    assert points[1].accepted == 0 and points[1].false_accept_rate is None
    assert points[8].accepted == 1 and points[8].false_accepts == 1 and points[8].false_accept_rate == 0.25
    early = ends(found, "early exit by the Q-head")
    assert early[8].segments == 2 and early[8].exact == 0.25 and early[8].false_accept_rate == 0.75
    sure = ends(found, "early exit where every cell is sure")
    assert sure[8].segments == 3 and sure[8].exact == 0.5 and sure[8].false_accepts == 2 and sure[2].accepted == 0


def test_without_rules_something_else_chooses(found):
    for source in ("random starts", "symmetric images"):
        for choice in ("majority", "highest q_halt", "smallest residual"):
            points = ends(found, f"{source}, {choice}")
            assert list(points) == [8] and points[8].segments == 8
    # q_halt is the same in all runs, so the first stays; of two runs a majority is both
    assert ends(found, "symmetric images, highest q_halt")[8].exact == 0.5
    agreed = ends(found, "random starts, majority")[8]
    assert agreed.accepted == 0.25 and agreed.false_accepts == 1  # wrong twice in the same way
    # a state that grows by one per segment moves less, as a share of its length, the further it is
    assert ends(found, "random starts, smallest residual")[8].exact == 0.25


def test_with_rules_the_first_answer_that_keeps_them_counts(found):
    one = ends(found, "one run")
    assert one[4].exact == 0.5 and one[8].exact == 0.75 and one[8].segments == (1 + 3 + 7 + 8) / 4
    assert one[8].accepted == 0.75 and one[8].false_accepts == 0
    again = ends(found, "random starts")
    assert again[8].exact == 0.75 and again[8].segments == (1 + 3 + 8 + 5) / 4
    search = ends(found, "pin-and-check")
    assert search[8].exact == 0.75 and search[8].segments == one[8].segments
    assert all(
        point.false_accepts == 0 for curve in found.curves if curve.kind == "rule checker" for point in curve.points
    )


def test_the_classes_of_numbers_stay_apart(found):
    kinds = {curve.method: curve.kind for curve in found.curves}
    assert kinds["more segments"] == "one answer" and kinds["pin-and-check"] == "rule checker"
    assert all((kind == "selection without rules") == (", " in method) for method, kind in kinds.items())


def test_the_figure_has_a_panel_for_each_class_and_follows_from_the_json(tmp_path):
    request = ScaleRequest("sudoku-4x4", cache_dir=tmp_path, now="", puzzles=3, segments=1, copies=2, budget=20)
    numbers = json.loads(json.dumps(scale_model(request), allow_nan=False))
    assert (
        numbers["puzzles"] == 3
        and numbers["model"] == numbers["protocol"]["model"] == "sudoku-4x4"
        and numbers["protocol"]["weights_sha256"]
    )
    figure = draw_scale(numbers)
    assert len(figure.axes) == 3 and [len(axes.lines) for axes in figure.axes] == [3, 6, 4]
    assert "chosen without the rules: " in sentence(numbers)


def test_numbers_that_no_measurement_can_have_are_refused(tmp_path):
    for name in ("puzzles", "copies", "budget"):
        with pytest.raises(UsageError, match=f"--{name} must be 1 or more"):
            scale_model(ScaleRequest("sudoku-4x4", cache_dir=tmp_path, now="", **{name: 0}))
