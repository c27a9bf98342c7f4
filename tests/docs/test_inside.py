"""The intervention on the page about looking inside runs as printed, and shows what the page says."""

import re
from pathlib import Path

import hrm

PAGE = Path(__file__).resolve().parents[2] / "docs" / "inside.md"
SECTION = "## Read and change the states yourself"


def test_the_intervention_prints_what_the_page_shows(capsys, environment, monkeypatch):
    monkeypatch.setenv("HRM_CACHE", environment["HRM_CACHE"])
    section = PAGE.read_text(encoding="utf-8").split(SECTION)[1].split("\n## ")[0]
    snippet, shown = re.findall(r"^```\w*\n(.*?)^```", section, re.S | re.M)
    # sixty of the 200 puzzles, for speed: shares differ by chance, not in what they say
    exec(snippet.replace("limit=200", "limit=60"), {})
    ran, page = ([numbers(line) for line in text.splitlines()] for text in (capsys.readouterr().out, shown))
    assert len(ran) == len(page) == 5
    for name, ours, printed in zip(("zero H", "zero L", "exchange H", "exchange L"), ran, page, strict=False):
        assert shown.count(name) == 1 and len(ours) == 6
        assert all(abs(one - two) <= 20 for one, two in zip(ours, printed, strict=True)), name
    zero_H, zero_L, exchange_H, _, deviations = ran
    assert zero_H[1] == 0 and min(zero_L[1:]) > 95 and max(exchange_H[1:]) < 20
    assert all(abs(one - two) < 0.2 for one, two in zip(deviations, page[4], strict=True))
    assert not hrm.load("sudoku-4x4", "cpu").hooks


def numbers(line):
    return [float(number) for number in re.findall(r"'([\d.]+)%?'", line)]
