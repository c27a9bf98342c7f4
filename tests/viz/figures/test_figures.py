"""Every analysis has its figure: drawn from the numbers alone, for one model and for two."""

import json
from dataclasses import asdict
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.text import Text

from hrm import puzzles
from hrm.analysis.calls import segments_of
from hrm.analysis.questions import QUESTIONS
from hrm.analysis.run import AnalysisOptions, run_analysis
from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.inference.solver import Solver
from hrm.model.build import build
from hrm.model.config import DirectConfig, RecurrentConfig, small
from hrm.viz.figures import style
from hrm.viz.figures.draw import BESIDE, TOGETHER, draw
from hrm.viz.figures.intermediate import MOST_FRAMES, chosen_frames

FAMILY = puzzles.get("sudoku-4x4")


@pytest.fixture(scope="module")
def split():
    inputs, labels = (np.stack(column) for column in zip(*(FAMILY.generate(3, i) for i in range(3)), strict=True))
    return Split(inputs, labels, np.zeros(3, np.int32), np.full(3, np.nan, np.float32))


@pytest.fixture(scope="module")
def solvers():
    two = small(6, 16, width=16, heads=2, puzzle_width=16, timesteps=3)
    one = {"vocab_size": 6, "cells": 16, "width": 16, "heads": 2, "puzzle_width": 16, "layers": 2}
    configs = {
        "hrm": two,
        "recurrent": RecurrentConfig.model_validate(one | {"kind": "recurrent"}),
        "direct": DirectConfig.model_validate(one | {"kind": "direct"}),
    }
    return {kind: Solver(build(config), FAMILY, 4, batch_size=3) for kind, config in configs.items()}


@pytest.fixture(scope="module")
def solver(solvers):
    return solvers["hrm"]


def test_every_question_has_a_figure():
    assert set(QUESTIONS) == BESIDE.keys() | TOGETHER.keys()


@pytest.mark.parametrize("what", QUESTIONS)
def test_the_figure_follows_from_the_json(what, solver, split):
    found = run_analysis(what, solver, split, 4, AnalysisOptions())
    entry = {"model": "a", "puzzles": "3 puzzles", "numbers": asdict(found)}
    entry = json.loads(json.dumps(entry, allow_nan=False))  # what a file has kept is enough
    one, two = draw(what, [entry]), draw(what, [entry, entry | {"model": "b"}])
    assert len(style.rendered(one, "png")) > 10_000
    if what == "residuals":
        assert len(two.get_axes()) == 2 * len(one.get_axes()) and two.get_figwidth() < 2 * one.get_figwidth()
    elif what in TOGETHER:
        assert len(two.get_axes()) == len(one.get_axes())
    else:
        assert len(two.get_axes()) == 2 * len(one.get_axes()) and two.get_figheight() == 2 * one.get_figheight()


@pytest.mark.parametrize("what", ["residuals", "trajectories", "dimensionality", "intermediate", "depth"])
def test_networks_of_one_and_of_two_states_share_a_figure(what, solvers, split):
    entries = []
    for kind in ("hrm", "recurrent", "direct"):
        found = run_analysis(what, solvers[kind], split, segments_of(solvers[kind].model, 2), AnalysisOptions())
        numbers = json.loads(json.dumps(asdict(found), allow_nan=False))
        entries.append({"model": f"runs/x/{kind}", "puzzles": "3 puzzles", "numbers": numbers})
    figure = draw(what, entries)
    assert len(style.rendered(figure, "png")) > 10_000
    words = " ".join(text.get_text() for text in figure.findobj(Text))
    assert all(kind in words for kind in ("hrm", "recurrent")) and "runs/x" not in words
    if what in ("residuals", "trajectories", "intermediate"):
        assert "block (2 in one pass)" in words and "timestep (3 a segment)" in words


def test_panels_of_many_models_share_their_scale_and_stand_in_rows(solvers, split):
    found = [
        run_analysis("residuals", solvers[kind], split, 1, AnalysisOptions()) for kind in ("hrm", "recurrent", "direct")
    ]
    entries = [{"model": f"{n}", "puzzles": "3", "numbers": asdict(found[n % 3])} for n in range(6)]
    figure = draw("residuals", entries)
    axes = [one for one in figure.get_axes() if one.axison]
    assert len(axes) == 12 and figure.get_figheight() == 2 * draw("residuals", entries[:1]).get_figheight()
    assert len({one.get_ylim() for one in axes}) == 2  # absolute and relative
    moved = [value for entry in entries for value in entry["numbers"]["z_H"]["absolute"]]
    assert any(one.get_ylim()[0] < min(moved) and max(moved) < one.get_ylim()[1] for one in axes)


def test_models_whose_folders_have_one_name_keep_their_paths(solver, split):
    numbers = asdict(run_analysis("depth", solver, split, 2, AnalysisOptions()))
    figure = draw("depth", [{"model": f"{place}/base", "puzzles": "3", "numbers": numbers} for place in "ab"])
    words = " ".join(text.get_text() for text in figure.findobj(Text))
    assert "a/base" in words and "b/base" in words


def test_the_depth_at_which_each_model_was_trained_is_marked(solvers, split):
    entries = []
    for budget in (1, 3):
        trained = Solver(solvers["hrm"].model, FAMILY, budget, batch_size=3)
        entries.append(
            {
                "model": f"m{budget}",
                "puzzles": "3",
                "numbers": asdict(run_analysis("depth", trained, split, 4, AnalysisOptions())),
            }
        )
    accuracy = draw("depth", entries).get_axes()[1]
    stars = [float(line.get_xdata()[0]) for line in accuracy.get_lines() if line.get_marker() == "*"]
    assert stars == [1, 3]


def test_a_figure_is_written_as_png_and_svg(solver, split, tmp_path):
    numbers = asdict(run_analysis("memory", solver, split, 4, AnalysisOptions()))
    figure = draw("memory", [{"model": "a", "puzzles": "3 puzzles", "numbers": numbers}])
    files = style.write(figure, tmp_path / "memory")
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
    monkeypatch.setattr(style, "has_matplotlib", lambda: False)
    with pytest.raises(UsageError, match=r"hierarchical-reasoning\[plot\]"):
        style.require_matplotlib()
