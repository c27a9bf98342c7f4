"""The numbers of a report are those of the other commands, and its page needs nothing and runs nothing foreign."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrm import load
from hrm.errors import UsageError
from hrm.evaluation.provenance import digest
from hrm.evaluation.request import EvalRequest
from hrm.evaluation.run import evaluate_model
from hrm.viz.report.page import page
from hrm.workflows.report import ReportRequest, report, training

NOW = "2026-01-02T03:04:05+00:00"
PUZZLES = {
    "..1.4.....2.3...": "2314413214233241",
    ".1.....3...4.4..": "3142421313242431",
    "4....1.......21.": "4321214314323214",
}
NASTY = "</script><script>alert(1)</script><img src=http://example.org/x.png onerror=alert(2)>\"'&"
SOURCE = {"version": "0.1.0", "commit": None, "changed": None}


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("report") / "three.csv"
    rows = "".join(f"a,{question},{answer},0\n" for question, answer in PUZZLES.items())
    file.write_text(f"source,question,answer,rating\n{rows}")
    return file


@pytest.fixture(scope="module")
def found(file) -> dict[str, Any]:
    cache_dir = file.parent / "cache"
    return report(ReportRequest("sudoku-4x4", file, cache_dir=cache_dir, now=NOW, segments=2, analyses=["residuals"]))


class Reading(HTMLParser):
    """Collects what a page loads, what it runs, and its words."""

    def __init__(self, text: str):
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = tag

    def handle_endtag(self, tag):
        if tag == self._inside:
            self._inside = ""

    def handle_data(self, data):
        if self._inside == "script":
            self.scripts.append(data)
        elif not self._inside:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def test_the_numbers_are_those_of_eval(found, file):
    told = evaluate_model(
        EvalRequest("sudoku-4x4", file, cache_dir=file.parent / "cache", now=NOW, segments=2, batch_size=3)
    )
    for ours, theirs in zip(found["results"]["per_segment"], told["per_segment"], strict=True):
        assert {key: ours[key] for key in theirs} == pytest.approx(theirs)
    assert found["results"]["per_segment"][-1]["exact_ci95"] == told["exact_ci95"]
    early = told["early_exit"]
    assert {key: found["halting"][key] for key in early} == pytest.approx(early)
    assert sum(found["halting"]["right"]) + sum(found["halting"]["wrong"]) == 3
    assert found["protocol"]["weights_sha256"] == told["protocol"]["weights_sha256"]


def test_the_gallery_shows_what_the_solver_answers(found):
    solver = load("sudoku-4x4", batch_size=3)
    shown = found["gallery"]
    entries = shown["solved"] + shown["failed"]
    assert shown["solved"] and shown["failed"] and len(entries) == 3 == shown["solved_in_all"] + shown["failed_in_all"]
    for entry in entries:
        answer = solver.solve(entry["puzzle"], segments=2, trace=True)
        assert answer.trace is not None and entry["answer"] == answer.answer
        for moment, told in zip(answer.trace, entry["moments"][1:], strict=True):
            assert told["q_halt"] == pytest.approx(moment.q_halt, abs=1e-4)
            assert told["count"].split()[0] == str(int(moment.changed.sum()))
        last = shown["pictures"][entry["moments"][-1]["picture"]]
        symbols = re.findall(r"<text[^>]*>(\d)<", last)
        given = sorted(sign for sign in entry["puzzle"] if sign != ".")
        assert sorted(symbols) == sorted(answer.answer)
        assert sorted(re.findall(r'<text[^>]*font-weight="bold"[^>]*>(\d)<', last)) == given
        if entry in shown["solved"]:
            right = [bool(solver.puzzle.verify(solver.puzzle.parse(entry["puzzle"])[None], moment.tokens[None])[0])
                     for moment in answer.trace]  # fmt: skip
            assert all(right[entry["right_from"] - 1 :]) and (
                entry["right_from"] == 1 or not right[entry["right_from"] - 2]
            )


def test_the_page_needs_nothing_and_holds_the_numbers(found):
    text = page(found, "hrm report sudoku-4x4", SOURCE)
    assert len(text) < 3_000_000
    reading = Reading(text)
    loads = [value for _, attributes in reading.elements for name, value in attributes.items()
             if name in ("src", "href", "data", "action", "srcset", "poster")]  # fmt: skip
    assert loads and all(value and value.startswith(("#", "data:image/png;base64,")) for value in loads)
    assert not re.search(r"https?:|@import|//\w", text.replace(found["protocol"]["machine"], ""))
    assert all(address.startswith("#") for address in re.findall(r"url\(([^)]*)\)", text))
    policies = [attributes["content"] for tag, attributes in reading.elements if attributes.get("http-equiv")]
    assert len(policies) == 1 and policies[0].startswith("default-src 'none'")
    last = found["results"]["per_segment"][-1]
    for said in (
        f"{100 * last['exact']:.1f}",
        f"{found['card']['parameters']:,}",
        found["protocol"]["rows_sha256"],
        NOW,
    ):
        assert said in reading.text
    [asked] = found["analyses"]
    assert asked["answer"] in reading.text and [name for name, _, _ in asked["facts"]] == list(asked["summary"])
    for name, value, meaning in asked["facts"]:
        assert name in reading.text and value in reading.text and meaning and meaning in reading.text
    data = json.loads(reading.scripts[0])
    assert set(data["puzzles"]) == {
        str(entry["row"]) for entry in found["gallery"]["solved"] + found["gallery"]["failed"]
    }
    used = {moment["picture"] for shown in data["puzzles"].values() for moment in shown["moments"]}
    assert used == set(range(len(data["pictures"])))
    assert 'id="training"' not in text and 'href="#training"' not in text  # no chapter without anything in it
    defined = set(re.findall(r"(--c[0-9a-f]{6}):", text))
    assert set(re.findall(r"var\((--c[0-9a-f]{6})\)", text)) <= defined


def test_strings_from_outside_stay_strings(found):
    hostile = json.loads(json.dumps(found))
    hostile["title"] = hostile["task"] = hostile["puzzles"] = NASTY
    hostile["card"]["recipe"] = hostile["card"]["choice"] = hostile["card"]["hardware"] = NASTY
    hostile["card"]["data"]["provenance"] = {NASTY: NASTY}
    hostile["protocol"]["puzzles"] = {NASTY: NASTY}
    hostile["analyses"][0] |= {"facts": [[NASTY, NASTY, NASTY]], "answer": NASTY}
    hostile["gallery"]["symbols"][2] = NASTY
    hostile["analyses"].append({"what": "memory", "asks": "?", "puzzles": 1, "segments": 1, "refused": NASTY})
    for entry in hostile["gallery"]["solved"]:
        entry["puzzle"] = entry["answer"] = entry["moments"][-1]["count"] = NASTY
    text = page(hostile, f"hrm report {NASTY}", SOURCE | {"commit": NASTY})
    reading = Reading(text)
    honest = Reading(page(found, "hrm report", SOURCE))
    assert len(reading.scripts) == len(honest.scripts) == 2 and reading.scripts[1] == honest.scripts[1]
    assert not any(tag == "img" or any(name.startswith("on") for name in told) for tag, told in reading.elements)
    assert NASTY in "".join(reading.words) and json.loads(reading.scripts[0])
    assert "<" not in reading.scripts[0]


def test_curves_of_a_run_are_those_of_its_log(found, tmp_path):
    (tmp_path / "best").mkdir()
    lines = [
        {"update": n, "answer_loss": 10.0 / n, "exact_rate": n / 40, "segments_at_halt": 8 - n / 10}
        for n in (10, 20, 30)
    ]
    lines.append({"update": 30, "validation_exact": 0.75})
    lines.append({"update": 20, "validation_exact": 0.5})
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert training(tmp_path / "best") == lines and training(tmp_path) == []
    text = Reading(page(found | {"training": lines}, "hrm report", SOURCE))
    labels = [told["aria-label"] for tag, told in text.elements if tag == "svg" and told.get("class") == "chart"]
    assert any("Answer loss, nats a cell over the updates, at the end 0.333" in label for label in labels if label)
    assert ("section", {"id": "training", "aria-labelledby": "training-title"}) in text.elements


def test_counts_are_said_in_words_and_what_does_not_occur_is_left_out(found):
    shown = found["gallery"]
    reading = Reading(page(found, "hrm report", SOURCE))
    for kind in ("solved", "failed"):
        assert f"{shown[f'{kind}_in_all']} {kind}, {len(shown[kind])} shown" in reading.text
    without = json.loads(json.dumps(found))
    without["gallery"] |= {"failed": [], "failed_in_all": 0}
    without["halting"]["wrong"] = [0] * len(without["halting"]["wrong"])
    words = Reading(page(without | {"analyses": []}, "hrm report", SOURCE)).text
    assert "0 failed" not in words and "wrong when it stops" not in words and "Inside" not in words


def test_cells_can_be_pointed_at(found):
    for entry in found["gallery"]["solved"] + found["gallery"]["failed"]:
        assert sorted(place for place, *_ in entry["spots"]) == list(range(16))
        picture = found["gallery"]["pictures"][entry["moments"][-1]["picture"]]
        told = {
            (float(x), float(y)): sign
            for x, y, sign in re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*>(\d)<', picture)
        }
        for place, x, y, half in entry["spots"]:
            [sign] = [sign for (u, v), sign in told.items() if abs(u - x) < half and abs(v - y) < half]
            assert sign == found["gallery"]["symbols"][entry["moments"][-1]["tokens"][place]]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"analyses": ["residual"]}, "Did you mean 'residuals'"),
        ({"puzzles": 0}, "--puzzles must be 1 or more"),
        ({"segments": 0}, "--segments must be 1 to"),
    ],
)
def test_mistakes_are_told_before_any_work(options, says, tmp_path):
    with pytest.raises(UsageError, match=re.escape(says)):
        report(ReportRequest("sudoku-4x4", cache_dir=tmp_path, now=NOW, **options))


def test_equal_puzzles_and_answers_have_one_digest(found):
    from hrm.data.store import Split

    grids = np.ones((2, 4), np.uint8)
    rows = Split(grids, grids, np.zeros(2, np.int32), np.zeros(2, np.float32))
    other = Split(grids, grids + 1, np.zeros(2, np.int32), np.zeros(2, np.float32))
    assert digest(rows) == digest(rows) != digest(other) and len(found["protocol"]["rows_sha256"]) == 64
