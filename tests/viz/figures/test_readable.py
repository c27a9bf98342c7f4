"""Figures can be read: nothing covers anything, ticks lie where the things are, each says its answer."""

import json
from dataclasses import asdict
from itertools import combinations

import numpy as np
import pytest
from matplotlib import container
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from hrm import load, puzzles
from hrm.analysis.questions import QUESTIONS
from hrm.analysis.run import AnalysisOptions, run_analysis
from hrm.data.store import Split
from hrm.viz.figures import curves, sentences, style
from hrm.viz.figures.draw import TOGETHER, answer, draw
from hrm.viz.palette import SERIES, contrast
from hrm.viz.report.drawings import on_dark


@pytest.fixture(scope="module")
def found():
    """Return every analysis of a shipped model on four puzzles, as the JSON file has it."""
    family = puzzles.get("sudoku-4x4")
    inputs, labels = (np.stack(column) for column in zip(*(family.generate(3, i) for i in range(4)), strict=True))
    split = Split(inputs, labels, np.zeros(4, np.int32), np.full(4, np.nan, np.float32))
    solver = load("sudoku-4x4", batch_size=4)
    entries = {}
    for what in QUESTIONS:
        numbers = asdict(run_analysis(what, solver, split, 6, AnalysisOptions()))
        entry = {"model": "sudoku-4x4", "puzzles": "4 puzzles", "numbers": numbers}
        entries[what] = json.loads(json.dumps(entry, allow_nan=False))
    return entries


def rendered(what, found, models=1):
    """Return a figure after its layout, and what draws it; each is drawn once."""
    key = f"drawn {what} {models}"
    if key not in found:
        figure = draw(what, [found[what] | {"model": f"model {n}"} for n in range(models)])
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
        found[key] = figure, canvas.get_renderer()
    return found[key]


@pytest.mark.parametrize(("what", "models"), [*((what, 1) for what in QUESTIONS), *((what, 2) for what in TOGETHER)])
def test_no_text_is_cut_off_or_covers_another(what, models, found):
    figure, renderer = rendered(what, found, models)
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in drawn_texts(figure)]
    for words, box in boxes:
        assert box.x0 >= -1 and box.x1 <= figure.bbox.width + 1 and box.y1 <= figure.bbox.height + 1, words
    for (one, a), (other, b) in combinations(boxes, 2):
        wide, high = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        assert wide <= 3 or high <= 3, f"{one!r} and {other!r}"


def drawn_texts(figure):
    """Return the texts that are drawn: labels of ticks beyond the ends of an axis are not."""
    of_axes, kept = set(), []
    for axes in figure.get_axes():
        of_axes |= set(axes.findobj(Text))
        kept += [axes.title, axes._left_title, *axes.texts]
        kept += axes.get_legend().get_texts() if axes.get_legend() else []
        if axes.axison:
            for axis in (axes.xaxis, axes.yaxis):
                kept.append(axis.label)
                low, high = sorted(axis.get_view_interval())
                kept += [tick.label1 for tick in axis.get_major_ticks() if low - 1e-9 <= tick.get_loc() <= high + 1e-9]
    kept += [text for text in figure.findobj(Text) if text not in of_axes]
    return [text for text in kept if text.get_visible() and text.get_text().strip()]


@pytest.mark.parametrize("what", QUESTIONS)
def test_no_legend_covers_a_point_or_an_error_bar(what, found):
    figure, renderer = rendered(what, found)
    for axes in figure.get_axes():
        if axes.get_legend() is None:
            continue
        box = axes.get_legend().get_window_extent(renderer)
        for line in axes.get_lines():
            points = line.get_transform().transform(line.get_xydata())
            if line.get_transform() == axes.transData:
                assert not any(box.contains(*point) for point in points), what


@pytest.mark.parametrize("what", QUESTIONS)
def test_each_figure_and_file_says_its_answer_and_that_few_puzzles_are_few(what, found):
    figure, _ = rendered(what, found)
    words = " ".join(" ".join(text.get_text().split()) for text in figure.findobj(Text))
    said = answer(what, found[what]["numbers"], 4)
    assert said in words
    assert ("Only 4 puzzles" in said) == (what != "memory")
    assert "Only" not in answer(what, found[what]["numbers"], 400)


def test_sentences_follow_the_numbers(found):
    saw = found["residuals"]["numbers"]
    assert "yes, the sawtooth" in answer("residuals", saw | {"falls_within_cycle": 3.0, "jumps_after_H": 2.0}, 99)
    assert "no, not the sawtooth" in answer("residuals", saw | {"falls_within_cycle": 1.0}, 99)
    filled = found["dimensionality"]["numbers"] | {"p_value": 0.01}
    for bounds, verdict in (([1.5, 2], "yes, z_H"), ([0.5, 0.8], "no, z_H"), ([0.5, 2], "no clear")):
        assert verdict in answer("dimensionality", filled | {"ratio_ci95": bounds}, 99)
    line = {"measure": "m", "spearman": 0.5}
    hard = found["halting"]["numbers"] | {"measure": "m"}
    for bounds, verdict in (([0.2, 0.7], "Yes, harder"), ([-0.7, -0.2], "No, harder"), ([-0.1, 0.5], "No relation")):
        assert answer("halting", hard | {"correlations": [line | {"ci95": bounds}]}, 99).startswith(verdict)
    still = found["fixed-points"]["numbers"]
    for share, verdict in ((0.0, "No: 0 %"), (0.25, "Yes: 25 %")):
        assert answer("fixed-points", still | {"false_fixed_points": share}, 99).startswith(verdict)
    memory = found["memory"]["numbers"]
    assert "yes, it is constant" in answer("memory", memory, 2)
    assert "no, it is not constant" in answer("memory", memory | {"one_step_bytes": [1, 2, 3]}, 2)


@pytest.mark.parametrize("what", QUESTIONS)
def test_every_headline_number_has_a_meaning(what, found):
    family = puzzles.get("sudoku-4x4")
    inputs, labels = family.generate(3, 0)
    two = Split(
        *(np.stack([part] * 2) for part in (inputs, labels)), np.zeros(2, np.int32), np.full(2, np.nan, np.float32)
    )
    summary = run_analysis(what, load("sudoku-4x4", batch_size=2), two, 3, AnalysisOptions()).summary
    for name in summary:
        assert sentences.meaning(name), name


def test_shares_are_shown_in_percent():
    assert [style.percent(share) for share in (0, 0.00012, 0.05, 0.987, 0.9999, 1)] == [
        "0 %", "0.012 %", "5 %", "98.7 %", ">99.9 %", "100 %",
    ]  # fmt: skip
    assert sentences.shown("exact at the last timestep", 0.5) == "50 %"
    assert sentences.shown("PR(z_H)", 0.5) == "0.5" and sentences.shown("bits of the parameters", 1e7) == "10,000,000"


def test_bars_stand_on_their_ticks(found):
    numbers = found["halting"]["numbers"] | {"exact": [True, False, True, True], "segments": [1, 1, 2, 6]}
    bars = draw("halting", [found["halting"] | {"numbers": numbers}]).get_axes()[1]
    centers = {bar.get_x() + bar.get_width() / 2 for bar in bars.patches}
    assert centers == set(range(1, 7))
    heights = [
        [bar.get_height() for bar in group] for group in bars.containers if isinstance(group, container.BarContainer)
    ]
    assert heights == [[1, 1, 0, 0, 0, 1], [1, 0, 0, 0, 0, 0]]


def test_variants_of_one_depth_have_places_of_their_own(tmp_path, monkeypatch):
    kept = []
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda figure, *_, **__: kept.append(figure))
    stage = {"update": 1, "exact": 0.5, "exact_ci95": [0.4, 0.6]}
    variants = [
        {"variant": name, "pflop": 1e-5, "updates": 1, "blocks_per_segment": depth, "segments": 2,
         "runs": [{"stages": [stage]}], "summary": {"trained": {"exact": {"mean": 0.5, "ci95": None}}}}
        for name, depth in (("a", 12), ("b", 6), ("c", 12))
    ]  # fmt: skip
    measured = {"recipe": "r", "equal": "updates", "test": {"puzzles": 9}, "variants": variants}
    curves.plot_comparison(measured, tmp_path / "x.png")
    left, right = kept[0].get_axes()
    assert [label.get_text() for label in right.get_xticklabels()] == ["b\n12", "a\n24", "c\n24"]
    drawn = sorted(float(line.get_xdata()[0]) for line in right.get_lines() if line.get_marker() in "osD")
    assert drawn == list(right.get_xticks()) == [0, 1, 2]
    assert "GFLOP" in left.get_xlabel()


def test_inks_of_figures_can_be_read_in_light_and_dark():
    for ink in (*SERIES[:5], "#141418", "#185cc8", "#b3121f"):
        assert contrast(ink, "#ffffff") >= 4.5, ink
        assert contrast(on_dark(ink), on_dark("#ffffff")) >= 4.5, ink
    assert style.LETTERS_AN_INCH > 0
