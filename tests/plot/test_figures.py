"""Every analysis has its figure: drawn from the numbers alone, for one model and for two."""

import json
from dataclasses import asdict
from xml.etree import ElementTree

import numpy as np
import pytest

from hrm import puzzles
from hrm.analysis.protocol import Choices, ask
from hrm.analysis.questions import QUESTIONS
from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.inference.solver import Solver
from hrm.model.config import small
from hrm.model.hrm import HRM
from hrm.plot import canvas
from hrm.plot.answers import MOST_FRAMES, chosen_frames
from hrm.plot.figures import BESIDE, TOGETHER, draw

FAMILY = puzzles.get("sudoku-4x4")


@pytest.fixture(scope="module")
def split():
    inputs, labels = (np.stack(column) for column in zip(*(FAMILY.generate(3, i) for i in range(3)), strict=True))
    return Split(inputs, labels, np.zeros(3, np.int32), np.full(3, np.nan, np.float32))


@pytest.fixture(scope="module")
def solver():
    return Solver(HRM(small(6, 16, width=16, heads=2, puzzle_width=16, timesteps=3)), FAMILY, 4, batch_size=3)


def test_every_question_has_a_figure():
    assert set(QUESTIONS) == BESIDE.keys() | TOGETHER.keys()


@pytest.mark.parametrize("what", QUESTIONS)
def test_the_figure_follows_from_the_json(what, solver, split):
    found = ask(what, solver, split, 4, Choices())
    entry = {"model": "a", "puzzles": "3 puzzles", "numbers": asdict(found)}
    entry = json.loads(json.dumps(entry, allow_nan=False))  # what a file has kept is enough
    one, two = draw(what, [entry]), draw(what, [entry, entry | {"model": "b"}])
    assert len(canvas.rendered(one, "png")) > 10_000
    if what in TOGETHER:
        assert len(two.get_axes()) == len(one.get_axes())
    else:
        assert len(two.get_axes()) == 2 * len(one.get_axes()) and two.get_figheight() == 2 * one.get_figheight()


def test_a_figure_is_written_as_png_and_svg(solver, split, tmp_path):
    numbers = asdict(ask("memory", solver, split, 4, Choices()))
    figure = draw("memory", [{"model": "a", "puzzles": "3 puzzles", "numbers": numbers}])
    files = canvas.write(figure, tmp_path / "memory")
    assert [file.name for file in files] == ["memory.png", "memory.svg"]
    assert files[0].read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert ElementTree.fromstring(files[1].read_bytes()).tag.endswith("svg")


def test_the_frames_shown_are_those_that_change_with_first_and_last():
    still = [{"changed": [], "timestep": t} for t in range(5)]
    moving = [{"changed": [t], "timestep": 10 + t} for t in range(40)]
    chosen = chosen_frames(still[:2] + moving + still)
    assert len(chosen) == MOST_FRAMES and chosen[0] == moving[0] and chosen[-1] == moving[-1]
    assert chosen_frames(still) == still[:1]


def test_without_matplotlib_one_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(canvas, "has_matplotlib", lambda: False)
    with pytest.raises(UsageError, match=r"hierarchical-reasoning\[plot\]"):
        canvas.require_matplotlib()
