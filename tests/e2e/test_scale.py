"""``hrm scale``: tables by class, files, and one line for each mistake."""

import json
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FEW = ("--puzzles", 2, "--segments", 2, "--copies", 2, "--budget", 40)


def test_it_writes_numbers_and_a_figure_and_keeps_the_classes_apart(hrm, tmp_path):
    found = hrm("scale", "sudoku-9x9", "--data", EXAMPLES / "sudoku-9x9.csv", *FEW, "--out", tmp_path)
    assert found.code == 0, found.err
    titles = ("one answer", "selection without rules", "rule checker")
    places = [found.out.index(f" {title} ") for title in titles]
    assert places == sorted(places) and "pin-and-check" in found.out[places[2] :]
    numbers = json.loads((tmp_path / "scale-sudoku-9x9.json").read_text(encoding="utf-8"))
    assert {curve["kind"] for curve in numbers["curves"]} == set(titles)
    assert numbers["command"].startswith("hrm scale") and numbers["puzzles"] == 2
    assert (tmp_path / "scale-sudoku-9x9.svg").stat().st_size > 10_000


def test_mistakes(hrm, tmp_path):
    refused = hrm("scale", "sudoku-4x4", "--copies", 0, "--out", tmp_path)
    assert refused.code == 2 and "--copies must be 1 or more" in refused.err
    missing = hrm("scale", "sudoku-4x4", "--data", "nowhere.csv", "--out", tmp_path)
    assert missing.code == 2 and "nowhere.csv" in missing.err and not list(tmp_path.iterdir())
