"""The records in ``results`` still hold: the shipped weights give these numbers, and every record is listed."""

import json
from pathlib import Path

import pytest

from hrm import pretrained, puzzles
from hrm.data.build import generate_store
from hrm.evaluation.metrics import wilson_interval
from hrm.evaluation.request import EvalRequest, ScaleRequest
from hrm.evaluation.run import evaluate_model
from hrm.evaluation.scale import scale_model
from hrm.files import sha256_of

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
RECORDS = sorted((ROOT / "results").glob("*.json"))
SEARCHES = sorted((ROOT / "results" / "search").glob("*.json"))
VOTES = sorted((ROOT / "results" / "votes").glob("*.json"))
NOW = "2026-01-01T00:00:00+00:00"
RECHECKED, SEARCHED = {"sudoku-9x9": 100, "maze-30x30": 10}, 16
"""Puzzles of a record that are measured again, of other models 200: so many that it takes seconds."""
SEGMENTS = 4
"""A record of more is measured again up to here: its curve has that number, too."""
Z99 = 2.575829


def read(file):
    return json.loads(file.read_text(encoding="utf-8"))


def data_of(record, folder):
    """Return the record's puzzles, generated again or found again by their hash."""
    data = record["data"]
    origin = data["provenance"]
    if "generator" in origin:
        family = puzzles.get(origin["generator"])
        return generate_store(
            folder / "data", family, data["splits"], origin["seed"], NOW, origin["twins_across_splits"]
        ).path
    for file in SHARED.rglob(origin["source"]):
        if sha256_of(file) == origin["source_sha256"]:
            return file
    pytest.skip(f"{origin['source']} is not beside this checkout")


def interval(exact, puzzles):
    return wilson_interval(round(exact * puzzles), puzzles, Z99)


def test_there_are_records():
    assert RECORDS


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.stem)
def test_a_record_of_a_shipped_model_is_measured_again(file, tmp_path):
    record = read(file)
    protocol = record["protocol"]
    if protocol["model"] not in pretrained.names():
        pytest.skip(f"{protocol['model']} is not shipped")
    segments = min(protocol["segments"], SEGMENTS)
    request = EvalRequest(
        protocol["model"], data_of(record, tmp_path), cache_dir=tmp_path, now=NOW, split=protocol["split"],
        segments=segments, limit=RECHECKED.get(protocol["model"], 200), device="cpu",
    )  # fmt: skip
    found = evaluate_model(request)
    assert found["protocol"]["weights_sha256"] == protocol["weights_sha256"]
    assert found["protocol"]["data_digest"] == protocol["data_digest"]
    low, high = interval(found["exact"], found["examples"])
    least, most = interval(record["per_segment"][segments - 1]["exact"], record["examples"])
    assert low <= most and least <= high  # both are estimates, and rounding differs between machines


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.stem)
def test_a_record_is_whole_and_listed(file):
    record = read(file)
    curve = record["per_segment"]
    assert [row["segment"] for row in curve] == list(range(1, record["protocol"]["segments"] + 1))
    assert curve[-1]["exact"] == record["exact"] and record["config"] and record["wall_s"] > 0
    assert record["source"]["version"] and record["command"].startswith("hrm eval ")
    low, high = record["exact_ci95"]
    plain = record["plain_solver"]
    cells = (
        f"[{file.stem}]({file.name})", record["protocol"]["model"], f"{record['examples']:,}",
        str(record["protocol"]["segments"]), f"{record['exact']:.1%} ({low:.1%} – {high:.1%})",
        f"{plain['nodes_mean']:.1f} {plain['unit']}, {plain['ms_mean']:.1f} ms",
        record["protocol"]["date"][:10],
    )  # fmt: skip
    rows = [line.split(" | ") for line in (file.parent / "README.md").read_text(encoding="utf-8").splitlines()]
    listed = [row for row in rows if row[0] == f"| {cells[0]}"]
    assert len(listed) == 1, f"list it once in results/README.md, with {cells}"
    model, _, *rest = listed[0][1:]
    assert (cells[0], model, *(cell.removesuffix(" |") for cell in rest)) == cells


@pytest.mark.parametrize("file", RECORDS, ids=lambda file: file.stem)
def test_the_rules_accept_right_answers_and_no_others(file):
    record = read(file)
    if puzzles.get(record["task"]).spec.unique:
        assert all(row["valid"] == row["exact"] for row in record["per_segment"])


def test_only_records_are_listed():
    listed = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
    assert listed.count(".json)") == len(RECORDS) + len(SEARCHES) + len(VOTES)


@pytest.mark.parametrize("file", VOTES, ids=lambda file: file.stem)
def test_a_record_of_a_vote_is_whole_and_listed(file):
    record = read(file)
    origin, trained = record["data"]["provenance"], record["protocol"]["train_data"]
    assert record["source"]["version"] and record["command"].startswith("hrm eval ") and record["wall_s"] > 0
    assert origin["tests_given_away"] == 0 and origin["held_back"] == origin["tasks"] == record["tasks"]
    assert trained["digest"] == record["protocol"]["data_digest"]  # the store holds both, its tests apart
    once, twice = (record["pass_at"][k] for k in "12")
    low, high = wilson_interval(round(twice * record["tests"]), record["tests"])
    cells = (
        f"[{file.stem}](votes/{file.name})", str(record["tests"]), str(origin["variants"] + 1),
        str(record["protocol"]["segments"]), f"{once:.1%}", f"{twice:.1%} ({low:.1%} – {high:.1%})",
        record["protocol"]["date"][:10],
    )  # fmt: skip
    row = f"| {' | '.join(cells)} |"
    assert row in (ROOT / "results" / "README.md").read_text(encoding="utf-8"), f"list it as {row}"


def verdict_of(record):
    """Return the search within its whole budget."""
    [search] = [curve for curve in record["curves"] if curve["method"] == "pin-and-check"]
    assert search["kind"] == "rule checker" and search["points"][-1]["budget"] == record["budget"]
    return search["points"][-1]


@pytest.mark.parametrize("file", SEARCHES, ids=lambda file: file.stem)
def test_a_record_of_a_search_is_whole_and_listed(file):
    record = read(file)
    end = verdict_of(record)
    assert record["source"]["version"] and record["command"].startswith("hrm scale ") and record["wall_s"] > 0
    cells = (
        f"[{file.stem}](search/{file.name})", record["model"], f"{record['puzzles']:,}", f"{record['budget']:,}",
        f"{end['exact']:.1%} ({end['exact_ci95'][0]:.1%} – {end['exact_ci95'][1]:.1%})",
        f"{end['segments']:.1f} ({end['most']:,})", str(end["false_accepts"]), record["protocol"]["date"][:10],
    )  # fmt: skip
    row = f"| {' | '.join(cells)} |"
    assert row in (ROOT / "results" / "README.md").read_text(encoding="utf-8"), f"list it as {row}"


@pytest.mark.slow
@pytest.mark.parametrize("file", SEARCHES, ids=lambda file: file.stem)
def test_a_record_of_a_search_is_measured_again(file, tmp_path):
    record = read(file)
    data = next((each for each in SHARED.rglob(Path(record["protocol"]["data"]).name)), None)
    if data is None:
        pytest.skip("its puzzles are not beside this checkout")
    request = ScaleRequest(
        record["model"], data, cache_dir=tmp_path, now=NOW, puzzles=SEARCHED, segments=1, copies=1,
        budget=record["budget"], device="cpu",
    )  # fmt: skip
    found = scale_model(request)
    end, recorded = verdict_of(found), verdict_of(record)
    assert found["protocol"]["data_digest"] == record["protocol"]["data_digest"]
    assert found["protocol"]["weights_sha256"] == record["protocol"]["weights_sha256"]
    low, high = interval(end["exact"], SEARCHED)
    assert low <= recorded["exact"] <= high and end["false_accepts"] == 0
