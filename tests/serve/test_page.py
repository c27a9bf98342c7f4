"""The page over HTTP, without a browser: its files, their headers, and what it asks beside answers."""

import json

import numpy as np
import pytest

from hrm.inference.load import load
from hrm.inference.solver import Solver
from hrm.page.site import files

PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"
JSON = {"Content-Type": "application/json"}


def test_every_file_is_served_under_a_strict_policy(within):
    async def test(client):
        for name, content in files().items():
            found = await client.get("/" if name == "index.html" else f"/{name}")
            assert found.status_code == 200 and found.content == content
            rules = dict(rule.split(" ", 1) for rule in found.headers["content-security-policy"].split("; "))
            assert rules["default-src"] == rules["frame-ancestors"] == "'none'"
            assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == "'self'"
            assert found.headers["x-content-type-options"] == "nosniff"
            # a copy that is still good is not sent again
            tag = {"If-None-Match": found.headers["etag"]}
            again = await client.get(found.request.url, headers=tag)
            assert (again.status_code, again.content) == (304, b"")
        assert (await client.head("/")).status_code == 200
        assert (await client.post("/")).status_code == 405
        for path in ("/index.html", "/../pyproject.toml", "/static/main.js", "/__init__.py"):
            assert (await client.get(path)).status_code == 404
        assert 'hrm_requests_total{path="/main.js",status="200"} 1.0' in (await client.get("/metrics")).text

    within(test)


def test_a_trace_says_what_every_cell_holds(within, solver):
    body = {"puzzle": PUZZLE, "trace": True, "max_segments": 3}

    async def test(client):
        grid = (await client.get("/v1/models")).json()["models"][0]["grid"]
        answer = (await client.post("/v1/solve", json=body)).json()["answers"][0]
        for step, own in zip(answer["trace"], solver.solve(PUZZLE, trace=True).trace, strict=True):
            assert "".join(grid["symbols"][token] for token in step["cells"]) == step["answer"]
            assert np.allclose(step["confidence"], own.confidence, atol=0.006)

    within(test)


def test_puzzles_are_read_in_every_notation(within, solver):
    async def test(client):
        for given in (PUZZLE, "..1.\n4...\n..2.\n3...", [[0, 0, 1, 0], [4, 0, 0, 0], [0, 0, 2, 0], [3, 0, 0, 0]]):
            found = (await client.post("/v1/read", json={"model": "sudoku-4x4", "puzzle": given})).json()
            assert found["puzzle"] == PUZZLE and found["cells"] == solver.puzzle.parse(PUZZLE).tolist()

    within(test)


@pytest.mark.parametrize("body, status, reason", [
    ("no JSON", 400, "JSON"),
    ("{}", 422, "puzzle"),
    (json.dumps({"puzzle": "1..1............"}), 422, "contradict"),
    (json.dumps({"puzzle": PUZZLE, "trace": True}), 422, "Extra"),
    (json.dumps({"puzzle": PUZZLE, "model": "sudoku"}), 422, "no model"),
    (json.dumps({"puzzle": "1" * 100_000}), 413, "65536"),
])  # fmt: skip
def test_what_cannot_be_read_is_said_in_one_line(within, body, status, reason):
    async def test(client):
        found = await client.post("/v1/read", content=body, headers=JSON)
        assert found.status_code == status and reason in found.json()["reason"]
        assert (await client.post("/v1/read", content=body, headers={"Content-Type": "text/plain"})).status_code in (
            413,
            415,
        )

    within(test)


def test_puzzles_to_try_are_made_once_for_each_model(within, solver, monkeypatch, tmp_path):
    monkeypatch.setenv("HRM_CACHE", str(tmp_path))
    maze = load("maze-10x10", "cpu")
    by_hand = Solver(solver.model, solver.puzzle, 4)

    async def test(client):
        found = (await client.get("/v1/examples", params={"model": "maze"})).json()
        assert len(found["puzzles"]) == 16 and "seed 1" in found["source"]
        assert (await client.get("/v1/examples", params={"model": "maze"})).json() == found
        assert (await client.get("/v1/examples")).json() == {"puzzles": [], "tasks": [], "source": found_none}
        unknown = await client.get("/v1/examples", params={"model": "gone"})
        assert unknown.status_code == 422 and "no model" in unknown.json()["reason"]

    found_none = "No program makes puzzles of this kind: type or paste one."
    within(test, solvers={"by hand": by_hand, "maze": maze})
