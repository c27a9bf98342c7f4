"""The tools of a language model, called by the client of the protocol's own SDK."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client

from hrm.inference.load import load
from hrm.serve.api import MOST_PUZZLES, MOST_SEGMENTS, Service
from hrm.serve.mcp import create_tools

PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"
PAGE = Path(__file__).resolve().parents[2] / "docs" / "mcp.md"


@pytest.fixture(scope="module")
def maze():
    return load("maze-10x10", "cpu")


@pytest.fixture
def called(solver, maze):
    """Call tools one after the other; return what each answers, plain values or the text of an error."""

    def call(*calls, **options):
        service = Service({"sudoku-4x4": solver, "maze-10x10": maze}, **options)
        service.worker.start()

        async def all_of_them():
            async with Client(create_tools(service)) as client:
                return [await client.call_tool(*each) for each in calls]

        try:
            found = asyncio.run(all_of_them())
        finally:
            service.worker.stop(20)
        return [each.content[0].text if each.is_error else each.structured_content for each in found]

    return call


def test_the_tools_are_typed_and_have_the_limits_of_http(solver):
    async def listed():
        async with Client(create_tools(Service({"sudoku-4x4": solver}))) as client:
            return (await client.list_tools()).tools

    tools = {tool.name: tool for tool in asyncio.run(listed())}
    assert set(tools) == {"list_models", "solve", "verify", "explain"}
    for tool in tools.values():
        assert tool.output_schema["type"] == "object" and tool.annotations.read_only_hint and len(tool.description) > 20
    shown = json.dumps(tools["solve"].input_schema)
    assert f'"maximum": {MOST_SEGMENTS}' in shown and f'"maxItems": {MOST_PUZZLES}' in shown and '"normal"' in shown
    assert set(tools["verify"].input_schema["required"]) == {"puzzle", "answer"}


def test_models_and_answers_are_those_of_the_solver(called, solver):
    models, one, two = called(
        ("list_models", {}),
        ("solve", {"puzzle": PUZZLE}),
        ("solve", {"puzzles": [PUZZLE, "3.4......3..1..4"], "model": "sudoku-4x4", "trace": True, "effort": "normal"}),
    )
    assert [each["name"] for each in models["models"]] == ["sudoku-4x4", "maze-10x10"]
    assert one["answers"][0] == solver.solve(PUZZLE).as_dict() | {"trace": None}
    assert [each["answer"] for each in two["answers"]] == [ANSWER, "3142241343211234"]
    found, alone = two["answers"][1], solver.solve("3.4......3..1..4", trace=True).as_dict()
    for each, expected in zip(found.pop("trace"), alone.pop("trace"), strict=True):  # the page wants more of each
        assert {name: each[name] for name in ("segment", "answer", "changed")} == {
            name: expected[name] for name in ("segment", "answer", "changed")
        }
    # the last digits of a probability depend on the size of the batch
    assert found.pop("q_halt") == pytest.approx(alone.pop("q_halt"), abs=1e-4) and found == alone


@pytest.mark.parametrize("tool, given, said", [
    ("solve", {}, "give puzzle"),
    ("solve", {"puzzle": "111"}, "it has 3 cells instead of 16"),
    ("solve", {"puzzle": "1" * 70_000}, "65536"),
    ("solve", {"puzzle": PUZZLE, "model": "sudoku-4x5"}, "Did you mean 'sudoku-4x4'?"),
    ("solve", {"puzzle": PUZZLE, "max_segments": 10**6}, "1024"),
    ("solve", {"puzzle": PUZZLE, "max_segments": 1024, "attempts": 64}, "4096"),
    ("solve", {"puzzle": PUZZLE, "effort": "max", "attempts": 2}, "not both"),
    ("solve", {"puzzles": [PUZZLE] * 33}, "32"),
    ("solve", {"puzzles": [PUZZLE] * 5, "trace": True}, "at most 4 puzzles"),
    ("solve", {"puzzle": PUZZLE, "deadline": 1e-9}, "deadline passed"),
    ("verify", {"puzzle": PUZZLE}, "answer"),
    ("verify", {"puzzle": PUZZLE, "answer": "12"}, "answer: not a sudoku-4x4 puzzle"),
    ("explain", {"puzzle": "12"}, "2 cells"),
])  # fmt: skip
def test_what_is_wrong_is_said_to_the_language_model(called, tool, given, said):
    wrong, right = called((tool, given), ("solve", {"puzzle": PUZZLE}))
    assert said in wrong and "Traceback" not in wrong and right["answers"][0]["answer"] == ANSWER


@pytest.mark.parametrize("answer, verified, reasons", [
    (ANSWER, True, []),
    ("23 14\n41 32\n14 23\n32 41", True, []),
    ("3214413214233241", False, ["row 1, column 1 holds 3, and so does", "row 1, column 2 holds 2"]),
    ("23.4413214233241", False, ["row 1, column 3 is given as 1, and the answer has blank"]),
    (".314413214233241", False, ["row 1, column 1 is blank"]),
    (ANSWER[:2] + "3" + ANSWER[3:], False, ["row 1, column 2 holds 3", "row 1, column 3 is given as 1"]),
])  # fmt: skip
def test_answers_of_anybody_are_verified(called, answer, verified, reasons):
    (found,) = called(("verify", {"puzzle": PUZZLE, "answer": answer}))
    assert found["verified"] is verified and bool(found["reasons"]) == bool(reasons)
    for reason in reasons:
        assert any(each.startswith(reason) for each in found["reasons"]), found


def test_a_maze_is_verified_by_its_path(called, maze):
    inputs, answer = maze.puzzle.generate(5, 0)
    puzzle, right = maze.puzzle.text(inputs), maze.puzzle.text(answer)
    found = called(
        ("verify", {"model": "maze-10x10", "puzzle": puzzle, "answer": right}),
        ("verify", {"model": "maze-10x10", "puzzle": puzzle, "answer": puzzle}),
        ("verify", {"model": "maze-10x10", "puzzle": puzzle, "answer": right.replace("#", "o", 1)}),
    )
    assert found[0] == {"verified": True, "reasons": []}
    assert found[1] == {"verified": False, "reasons": ["it breaks a rule of maze-10x10"]}
    assert not found[2]["verified"] and "given as wall, and the answer has path" in found[2]["reasons"][0]


def test_an_explanation_tells_what_the_segments_did(called, solver):
    (found,) = called(("explain", {"puzzle": "3.4......3..1..4"}))
    answer = solver.solve("3.4......3..1..4", trace=True)
    changing = [step for step in answer.trace if step.changed.any()]
    assert found["answer"] == answer.answer == "".join(found["rows"]) and found["verified"]
    assert [step["segment"] for step in found["steps"]] == [step.segment for step in changing]
    assert [step["changed_cells"] for step in found["steps"]] == [int(step.changed.sum()) for step in changing]
    assert found["steps"][0]["conflicting_cells"] > 0 == found["steps"][-1]["conflicting_cells"]
    assert found["steps"][-1]["changes"] == ["row 2, column 3: 1"]
    assert f"{answer.segments} segments" in found["summary"] and "keeps the givens and every rule" in found["summary"]


def test_an_explanation_says_that_an_answer_is_wrong(called, monkeypatch):
    monkeypatch.setattr("hrm.inference.search.NORMAL_SEGMENTS", 100)
    (found,) = called(("explain", {"puzzle": "1...2...3....4..", "effort": "normal"}))  # no solution
    assert found["verified"] is False and "The answer is not right: row" in found["summary"]
    assert len(found["steps"]) <= 64


def test_a_fault_of_ours_tells_nothing_and_ends_nothing(called, solver, monkeypatch, caplog):
    monkeypatch.setattr("hrm.serve.mcp.verdict", lambda *given: 1 / 0)
    found = called(("verify", {"puzzle": PUZZLE, "answer": ANSWER}), ("solve", {"puzzle": PUZZLE}))
    assert "ZeroDivision" not in found[0] and found[1]["answers"][0]["verified"]


def test_the_example_of_the_page_prints_what_the_page_shows(capsys):
    text = PAGE.read_text(encoding="utf-8")
    code, shown = re.findall(r"^```\w*\n(.*?)^```", text, re.S | re.M)[-2:]
    here = f'command={sys.executable!r}, env={dict(os.environ)!r}, args=["-m", "hrm", '
    exec(compile(code.replace('command="hrm", args=[', here), "mcp.md", "exec"), {})
    assert capsys.readouterr().out == shown


def test_ctrl_c_ends_it():
    command, pipe = [sys.executable, "-m", "hrm", "mcp", "sudoku-4x4"], subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stderr.readline() == "model: sudoku-4x4 (shipped)\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130 and process.communicate() == ("", "hrm: interrupted\n")
