"""Models that know tasks (ARC) over HTTP: a request names the task, and the page is shown what belongs to it."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from hrm.data.arc import build_arc
from hrm.errors import UsageError
from hrm.inference.load import load
from hrm.page.tasks import MOST_SHOWN, Tasks
from hrm.serve.api import Service
from hrm.serve.mcp import create_tools

NOW = "2026-01-01T00:00:00+00:00"
NAMES = ["flip", "grow", "paint"]


@pytest.fixture(scope="module")
def arc(arc_run):
    solver = load(arc_run / "arc-run", "cpu", "fp32")
    with torch.no_grad():  # two updates have hardly told the tasks apart
        for table in solver.model.puzzle_tables():
            table.normal_(generator=torch.Generator().manual_seed(0))
    return solver


@pytest.fixture(scope="module")
def tasks(arc_run):
    return {name: json.loads(next((arc_run / "tasks").rglob(f"{name}.json")).read_text()) for name in NAMES}


def asked(within, test, arc, **more):
    return within(test, solvers={"arc": arc, **more})


def test_a_grid_is_solved_as_a_test_of_its_task(within, arc, tasks):
    grid = tasks["grow"]["test"][0]["input"]

    async def test(client):
        found = {}
        for task in NAMES:
            body = {"puzzle": grid, "task": task, "trace": True}
            answered = await client.post("/v1/solve", json=body)
            assert answered.status_code == 200, answered.text
            [answer] = answered.json()["answers"]
            # the original of the task alone, and nothing of its neighbors in the batch
            ids = np.array([arc.table.puzzle_ids(task)[0]] * 4)
            steps = list(arc.run(np.repeat(arc.puzzle.parse(grid)[None], 4, axis=0), answer["segments"], ids))
            assert [step["cells"] for step in answer["trace"]] == [step.tokens[0].tolist() for step in steps]
            assert answer["verified"] is None and answer["answer"] == arc.puzzle.text(steps[-1].tokens[0])
            assert answer["answer"] == arc.solve(grid, task=task).answer
            found[task] = tuple(answer["trace"][0]["cells"])
        assert len(set(found.values())) == 3  # each task is another row of the embedding

    asked(within, test, arc)


def test_a_task_must_be_named_where_there_are_some_and_nowhere_else(within, arc, solver):
    async def test(client):
        bodies = [
            ({"puzzle": [[1]]}, "name its task"),
            ({"puzzle": [[1]], "task": "flop"}, "never seen task 'flop'"),
            ({"puzzle": "." * 16, "model": "sudoku", "task": "flip"}, "belong to no tasks"),
            ({"puzzle": [[1]], "task": 3}, "task: Input should be a valid string"),
        ]
        for body, reason in bodies:
            refused = await client.post("/v1/solve", json=body)
            assert refused.status_code == 422 and reason in refused.json()["reason"], refused.text
        for model, task, reason in (("arc", "flop", "never seen"), ("sudoku", "flip", "no tasks")):
            refused = await client.get("/v1/task", params={"model": model, "task": task})
            assert refused.status_code == 422 and reason in refused.json()["reason"]
        refused = await client.get("/v1/task")
        assert (refused.status_code, refused.json()) == (422, {"status": 422, "reason": "task: Field required"})

    asked(within, test, arc, sudoku=solver)


def test_what_belongs_to_a_task_is_shown(within, arc, tasks, solver):
    async def test(client):
        models = (await client.get("/v1/models")).json()["models"]
        assert [model["tasks"] for model in models] == [NAMES, []]
        for name in NAMES:
            record = (await client.get("/v1/task", params={"task": name})).json()
            given = {part: [{k: json.loads(v) for k, v in pair.items()} for pair in record[part]]
                     for part in ("demonstrations", "tests")}  # fmt: skip
            held_back = name != "paint"  # the tests of a training task are trained on
            assert given["tests"] == (tasks[name]["test"] if held_back else [])
            assert given["demonstrations"] == tasks[name]["train"] + ([] if held_back else tasks[name]["test"])
            assert record["task"] == name and "From the store arc" in record["source"]
        examples = (await client.get("/v1/examples")).json()
        assert examples["tasks"] == ["flip", "grow"] and "held back" in examples["source"]
        assert [json.loads(text) for text in examples["puzzles"]] == [
            tasks[name]["test"][0]["input"] for name in examples["tasks"]
        ]

    asked(within, test, arc, sudoku=solver)


def test_another_store_or_none_shows_nothing_and_says_why(arc_run, tmp_path):
    solver, other = load(arc_run / "arc-run", "cpu"), tmp_path / "other"
    build_arc(other, [arc_run / "tasks" / "evaluation"], 2, 0, NOW)
    for store, says in ((tmp_path / "gone", "not at hand"), (other, "not the one of its training")):
        solver.origin = replace(solver.origin, config=solver.origin.config.changed("data.path", str(store)))
        found = Tasks.of(solver)
        assert found.store is None and says in found.source
        assert found.record("flip").demonstrations == [] and found.examples(4).puzzles == []


def test_few_of_many_demonstrations_are_shown(arc, monkeypatch):
    monkeypatch.setattr("hrm.page.tasks.MOST_SHOWN", 2)
    record = Tasks.of(arc).record("flip")
    assert len(record.demonstrations) == 2 < MOST_SHOWN and "first 2 of 3" in record.source


def test_they_are_no_tools_of_a_language_model(arc):
    with pytest.raises(UsageError, match="parts of tasks"):
        create_tools(Service({"arc": arc}))
