"""The server in process: right answers, each to its own client; every limit; hostile requests."""

import asyncio
import json
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from hrm.inference.load import load

from .conftest import INKALA

PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"
UNSOLVABLE = "1...2...3....4.."
JSON = {"Content-Type": "application/json"}


def posted(within, body, headers=JSON, **options):
    async def test(client):
        return await client.post("/v1/solve", content=body, headers=headers)

    return within(test, **options)


def number(text, name, **labels):
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return sum(each.value for each in samples if each.name == name and labels.items() <= each.labels.items())


def test_one_puzzle_gets_what_hrm_solve_prints(within, solver):
    found = posted(within, json.dumps({"puzzle": PUZZLE}))
    assert found.status_code == 200
    assert found.json() == {"model": "sudoku-4x4", "answers": [solver.solve(PUZZLE).as_dict()]}
    assert found.json()["answers"][0]["answer"] == ANSWER


def test_many_puzzles_in_order_and_as_lists(within, puzzles):
    given = [puzzle for puzzle, _ in puzzles[:20]] + [[[0, 0, 1, 0], [4, 0, 0, 0], [0, 0, 2, 0], [3, 0, 0, 0]]]
    found = posted(within, json.dumps({"model": "sudoku-4x4", "puzzles": given})).json()["answers"]
    assert [each["answer"] for each in found] == [answer for _, answer in puzzles[:20]] + [ANSWER]


def test_a_trace_and_a_budget(within):
    found = posted(within, json.dumps({"puzzle": PUZZLE, "trace": True, "max_segments": 3})).json()["answers"][0]
    assert found["trace"][-1]["answer"] == ANSWER and len(found["trace"]) == found["segments"] <= 3


def test_the_default_is_one_run_and_effort_searches_on(within, monkeypatch):
    monkeypatch.setattr("hrm.inference.search.NORMAL_SEGMENTS", 100)
    hasty = load("sudoku-4x4", "cpu")
    hasty.max_segments = 2

    async def test(client):
        usual, quick, normal = [
            (await client.post("/v1/solve", json={"puzzle": UNSOLVABLE} | more)).json()["answers"][0]
            for more in ({}, {"effort": "quick"}, {"effort": "normal"})
        ]
        assert usual == quick and usual["attempts"] == 1 and usual["total_segments"] == 2 and not usual["verified"]
        assert normal["attempts"] > 5 and 90 < normal["total_segments"] <= 100 and not normal["verified"]

    within(test, solvers={"sudoku-4x4": hasty})


def test_models_health_schema_and_metrics(within):
    async def test(client):
        models = (await client.get("/v1/models")).json()["models"]
        assert [(each["name"], each["rows"], each["checked"]) for each in models] == [("sudoku-4x4", 4, True)]
        assert (await client.get("/health/live")).status_code == (await client.get("/health/ready")).status_code == 200
        # the schema: its examples are requests that work
        schema = (await client.get("/openapi.json")).json()
        body = schema["paths"]["/v1/solve"]["post"]["requestBody"]["content"]["application/json"]
        assert "puzzles" in body["schema"]["properties"] and len(body["examples"]) >= 3
        for example in body["examples"].values():
            assert (await client.post("/v1/solve", json=example["value"])).status_code == 200
        assert "access-control-allow-origin" not in (await client.get("/v1/models", headers={"Origin": "x"})).headers
        # what happened is counted, and paths that do not exist do not become labels
        assert (await client.get("/no/such/path")).status_code == 404
        text = (await client.get("/metrics")).text
        assert number(text, "hrm_requests_total", path="/v1/solve", status="200") == len(body["examples"])
        assert number(text, "hrm_answers_total", model="sudoku-4x4", verdict="verified") == len(body["examples"]) + 1
        assert number(text, "hrm_requests_total", path="other", status="404") == 1 and "/no/such" not in text

    within(test)


def test_two_hundred_clients_get_each_its_own_answer(within, puzzles):
    async def test(client):
        found = await asyncio.gather(*(client.post("/v1/solve", json={"puzzle": puzzle}) for puzzle, _ in puzzles))
        assert {each.status_code for each in found} == {200}
        answers = [each.json()["answers"][0] for each in found]
        assert [(each["puzzle"], each["answer"]) for each in answers] == puzzles
        text = (await client.get("/metrics")).text
        assert number(text, "hrm_batch_puzzles_sum") > 4 * number(text, "hrm_batch_puzzles_count") > 0

    within(test, queue=200)


@pytest.mark.parametrize("body, status, reason", [
    ("", 400, "JSON"),
    ("no JSON", 400, "JSON"),
    ('{"puzzle": "' + PUZZLE, 400, "JSON"),
    (b'{"puzzle": "\xff\xfe"}', 400, "JSON"),
    ('{"puzzle": "\\ud800"}', 400, "JSON"),
    ('{"puzzle": ' + "[" * 30000 + "]" * 30000 + "}", 400, "recursion"),
    ('{"puzzle": ' + '{"a":' * 5000 + "1" + "}" * 5001, 400, "recursion"),
    ('{"puzzle": [' + "9" * 60000 + "]}", 400, "number"),
    ("[]", 422, "object"),
    ("null", 422, "object"),
    ("{}", 422, "give puzzle"),
    ('{"puzzle": "1", "puzzles": ["1"]}', 422, "give puzzle"),
    ('{"puzzle": 5}', 422, "puzzle"),
    ('{"puzzle": true}', 422, "puzzle"),
    ('{"puzzle": {"a": 1}}', 422, "puzzle"),
    ('{"puzzle": [[[1]]]}', 422, "puzzle"),
    ('{"puzzle": [1e999]}', 422, "puzzle"),
    ('{"puzzle": [-1]}', 422, "puzzle"),
    ('{"puzzle": [123456789012345678901234567890]}', 422, "puzzle"),
    ('{"puzzle": []}', 422, ""),
    ('{"puzzle": ""}', 422, ""),
    ('{"puzzle": "1..1............"}', 422, ""),
    ('{"puzzle": "\\u0000"}', 422, ""),
    ('{"puzzles": []}', 422, "puzzles"),
    ('{"puzzles": ["..1.4.....2.3...", "5"]}', 422, "puzzle 2"),
    (json.dumps({"puzzles": [PUZZLE] * 33}), 422, "32"),
    (json.dumps({"puzzles": [PUZZLE] * 5, "trace": True}), 422, "trace"),
    (json.dumps({"puzzle": PUZZLE, "attempt": 3}), 422, "Extra"),
    (json.dumps({"puzzle": PUZZLE, "model": "sudoku-4x5"}), 422, "Did you mean 'sudoku-4x4'"),
    (json.dumps({"puzzle": PUZZLE, "model": "../../etc/passwd"}), 422, "no model"),
    (json.dumps({"puzzle": PUZZLE, "max_segments": 0}), 422, "max_segments"),
    (json.dumps({"puzzle": PUZZLE, "max_segments": 10**30}), 422, "max_segments"),
    (json.dumps({"puzzle": PUZZLE, "max_segments": "3"}), 422, "max_segments"),
    (json.dumps({"puzzle": PUZZLE, "max_segments": 1024, "attempts": 64}), 422, "4096"),
    (json.dumps({"puzzle": PUZZLE, "attempts": 65}), 422, "attempts"),
    (json.dumps({"puzzle": PUZZLE, "attempts": 2, "effort": "max"}), 422, "not both"),
    (json.dumps({"puzzle": PUZZLE, "effort": "much"}), 422, "effort: Input should be 'quick', 'normal' or 'max'"),
    (json.dumps({"puzzle": [1] * 16385}), 422, "puzzle"),
    (json.dumps({"puzzle": PUZZLE, "deadline": 0}), 422, "deadline"),
    ('{"puzzle": "' + PUZZLE + '", "deadline": NaN}', 422, "deadline"),
    (json.dumps({"puzzle": PUZZLE, "trace": 1}), 422, "trace"),
    ('{"puzzle": "' + "1" * 100_000 + '"}', 413, "65536"),
])  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(within, body, status, reason):
    found = posted(within, body)
    assert found.status_code == found.json()["status"] == status, found.text
    said = found.json()["reason"]
    assert reason in said and 5 < len(said) <= 400 and "\n" not in said and "Traceback" not in said


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_only_json_is_read(within, kind):
    assert posted(within, json.dumps({"puzzle": PUZZLE}), {"Content-Type": kind}).status_code == 415
    assert posted(
        within, json.dumps({"puzzle": PUZZLE}), {"Content-Type": "application/json; charset=utf-8"}
    ).is_success


def test_a_body_without_a_declared_length_is_counted(within):
    sent = 0

    async def chunks(count):
        nonlocal sent
        for _ in range(count):
            sent += 1
            yield b" " * 1024

    async def test(client):
        found = await client.post("/v1/solve", content=chunks(10_000), headers=JSON)
        assert (found.status_code, found.headers["connection"]) == (413, "close") and sent < 1200
        assert (await client.post("/v1/solve", content=chunks(63), headers=JSON)).status_code == 400
        declared = await client.post("/v1/solve", content=chunks(1), headers=JSON | {"Content-Length": "9" * 30})
        assert declared.status_code == 413

    within(test)


def test_a_slow_body_is_cut(within):
    async def drops():
        while True:
            yield b" "
            await asyncio.sleep(0.05)

    async def test(client):
        began = time.monotonic()
        found = await client.post("/v1/solve", content=drops(), headers=JSON)
        assert found.status_code == 408 and time.monotonic() - began < 5
        assert (await client.post("/v1/solve", json={"puzzle": PUZZLE})).status_code == 200

    within(test, body_seconds=0.5)


def test_other_hosts_are_refused(within):
    async def test(client):
        for host, status in (("evil.example", 400), ("a.example.com", 200), ("localhost:8000", 200), ("", 400)):
            found = await client.get("/health/live", headers={"Host": host})
            assert found.status_code == status and found.json()["status"] in ("live", 400), host

    within(test, hosts=["localhost", "*.example.com"])


def test_a_full_queue_refuses_and_a_deadline_ends_the_waiting(within):
    async def test(client):
        waiting = [
            asyncio.ensure_future(client.post("/v1/solve", json={"puzzle": PUZZLE, "deadline": 1})) for _ in range(3)
        ]
        await asyncio.sleep(0.2)
        refused = await client.post("/v1/solve", json={"puzzle": PUZZLE})
        assert refused.status_code == 429 and refused.headers["retry-after"] == "1" and "3" in refused.json()["reason"]
        late = await asyncio.gather(*waiting)
        assert [each.status_code for each in late] == [504] * 3 and "deadline" in late[0].json()["reason"]
        # those that nobody waits for any more make room
        late = await client.post("/v1/solve", json={"puzzle": PUZZLE, "deadline": 0.1})
        assert late.status_code == 504
        client.app.state.service.worker.refuse_more()
        assert (await client.post("/v1/solve", json={"puzzle": PUZZLE})).status_code == 503
        assert (await client.get("/health/ready")).status_code == 503
        assert (await client.get("/health/live")).status_code == 200

    within(test, works=False, queue=3)


def test_a_deadline_ends_the_work_and_not_that_of_others(within, solver):
    contradictory = "82" + INKALA[2:]  # without a solution, so that no attempt ends early

    async def test(client):
        hard = {"model": "sudoku-9x9", "puzzle": contradictory, "max_segments": 512, "attempts": 8, "deadline": 1}
        late = asyncio.ensure_future(client.post("/v1/solve", json=hard))
        await asyncio.sleep(0.3)
        began = time.monotonic()
        easy = await client.post("/v1/solve", json={"puzzle": PUZZLE})
        assert easy.status_code == 200 and time.monotonic() - began < 20 and (await late).status_code == 504

    within(test, solvers={"sudoku-4x4": solver, "sudoku-9x9": load("sudoku-9x9", "cpu")})


def test_a_client_that_leaves_is_waited_for_no_longer(within):
    async def test(client):
        body = json.dumps({"puzzle": PUZZLE}).encode()
        messages = [{"type": "http.request", "body": body, "more_body": False}, {"type": "http.disconnect"}]

        async def receive():
            await asyncio.sleep(0.05)
            return messages.pop(0)

        async def send(message):
            pass

        scope = {
            "type": "http", "method": "POST", "path": "/v1/solve", "query_string": b"", "http_version": "1.1",
            "scheme": "http", "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        }  # fmt: skip
        worker = client.app.state.service.worker
        began = time.monotonic()
        await client.app(scope, receive, send)
        assert time.monotonic() - began < 5 and worker.waiting == 0
        assert (await client.get("/metrics")).text.count('status="499"')
        worker.start()  # finds nobody, and so solves nothing
        worker.stop(20)
        assert number((await client.get("/metrics")).text, "hrm_batch_puzzles_count") == 0

    within(test, works=False)
