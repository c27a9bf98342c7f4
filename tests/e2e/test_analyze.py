"""``hrm analyze``: figures, numbers and refusals."""

import json
import re
import shlex
import time
from pathlib import Path

import pytest


def test_a_figure_its_numbers_and_a_table(hrm, workplace, csv_4x4):
    result = hrm("analyze", "sudoku-4x4", "--what", "residuals", "--data", csv_4x4, "--segments", 2, "--out", "seen")
    assert result.code == 0, result.err
    assert "relative movement of z_L" in result.out
    saved = json.loads((workplace / "seen" / "residuals-sudoku-4x4.json").read_text())
    [found] = saved["models"]
    assert found["task"] == "sudoku-4x4" and found["puzzles"] == "4 puzzles of four.csv" and found["segments"] == 2
    assert len(found["numbers"]["z_L"]["absolute"]) == 8 and found["protocol"]["weights_sha256"]
    for ending in ("png", "svg"):
        assert (workplace / "seen" / f"residuals-sudoku-4x4.{ending}").stat().st_size > 10_000


def test_several_models_share_a_figure_and_json_is_one_object(hrm, workplace):
    result = hrm(
        "analyze", "sudoku-4x4", "sudoku-9x9", "--what", "depth", "--puzzles", 2, "--segments", 2, "--out", "two",
        "--json",
    )  # fmt: skip
    assert result.code == 0, result.err
    assert [entry["task"] for entry in result.json["models"]] == ["sudoku-4x4", "sudoku-9x9"]
    assert result.json["models"][1]["protocol"]["puzzles"]["generator"] == "sudoku-9x9"
    assert {file.rpartition(".")[2] for file in result.json["files"]} == {"json", "png", "svg"}
    assert (workplace / "two" / "depth-sudoku-4x4-sudoku-9x9.svg").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--what", "residual"), 'Did you mean "residuals"'),
        (("--what", "depth", "--puzzles", "0"), "--puzzles must be 1 or more"),
        (("--what", "depth", "--data", "gone.csv"), "there is no file or store gone.csv"),
        (("--what", "intermediate", "--puzzles", "2", "--shown", "2"), "puzzles 0 to 1"),
    ],
)
def test_mistakes_are_one_line(hrm, arguments, says):
    result = hrm("analyze", "sudoku-4x4", *arguments)
    assert result.code == 2 and says in result.err and "Traceback" not in result.err


@pytest.mark.slow
@pytest.mark.timeout(320)
def test_the_quick_look_at_figure_2_takes_less_than_five_minutes(hrm, workplace):
    page = (Path(__file__).parents[2] / "docs" / "compare.md").read_text()
    [command] = re.findall(r"^hrm (compare .* --out runs/figure-2-quick .*)$", page, re.MULTILINE)
    began = time.monotonic()
    result = hrm(*shlex.split(command), timeout=300)
    assert result.code == 0, result.err
    assert time.monotonic() - began < 300
    found = json.loads((workplace / "runs" / "figure-2-quick" / "compare.json").read_text())
    reached = {line["variant"]: line["summary"]["trained"]["exact"]["mean"] for line in found["variants"]}
    assert list(reached) == ["base", "direct", "deep", "wide", "recurrent"]
    assert max(reached.values()) > 0.2, "nothing was learned, so that nothing is compared"
    assert (workplace / "runs" / "figure-2-quick" / "compare.png").stat().st_size > 10_000


@pytest.mark.slow
@pytest.mark.timeout(320)
@pytest.mark.parametrize("model", ["sudoku-4x4", "sudoku-9x9", "maze-10x10"])
@pytest.mark.parametrize("what", ["residuals", "trajectories", "depth", "intermediate", "dimensionality"])
def test_the_figures_of_the_paper_take_less_than_five_minutes(hrm, workplace, model, what):
    began = time.monotonic()
    result = hrm("analyze", model, "--what", what, timeout=300)
    assert result.code == 0, result.err
    assert (workplace / "figures" / f"{what}-{model}.png").exists()
    assert time.monotonic() - began < 300
