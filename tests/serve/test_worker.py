"""The worker without HTTP: whose puzzles share a batch, and what becomes of those that fail or are given up."""

import json
import time
from concurrent.futures import wait

import pytest

from hrm.errors import DataError, UsageError
from hrm.inference.engine import Engine
from hrm.inference.load import load
from hrm.inference.solver import ROWS_ON_CPU
from hrm.serve.api import EXAMPLE, MOST_PUZZLES, Service, SolveRequest
from hrm.serve.worker import LateError, StoppingError

from .conftest import INKALA

PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"


@pytest.fixture
def service(solver):
    batches = []
    made = Service({"sudoku-4x4": solver}, on_batch=batches.append)
    made.batches = batches
    yield made
    made.worker.stop(20)


def ticket(service, **request):
    return service.ticket(service.read(json.dumps({"puzzle": PUZZLE} | request), SolveRequest))


def submitted(service, *tickets):
    for each in tickets:
        service.worker.submit(each)
    service.worker.start()
    wait([each.result for each in tickets if not each.result.cancelled()], timeout=60)


def test_plain_values_in_and_out(service, solver):
    service.worker.start()
    assert service.solve(EXAMPLE) == {"model": "sudoku-4x4", "answers": [solver.solve(PUZZLE).as_dict()]}
    with pytest.raises(DataError):
        service.solve({"puzzle": "1"})
    with pytest.raises(UsageError):
        service.solve({"puzzle": PUZZLE, "attempts": 0})


def test_all_requests_to_a_model_share_its_batch(service):
    plain, other = [ticket(service) for _ in range(10)], ticket(service, attempts=2, max_segments=7)
    submitted(service, *plain[:5], other, *plain[5:])
    assert service.batches[0] == 11 and service.batches == sorted(service.batches, reverse=True)
    assert {each.result.result()[0].answer for each in [*plain, other]} == {ANSWER}


def test_a_batch_is_bounded_and_requests_take_turns(service, puzzles):
    many, small = [puzzle for puzzle, _ in puzzles[:MOST_PUZZLES]], ticket(service)
    tickets = [ticket(service, puzzle=None, puzzles=many) for _ in range(3)]
    began = []
    small.result.add_done_callback(lambda result: began.extend(each.begun for each in tickets))
    submitted(service, *tickets, small)
    assert max(service.batches) == ROWS_ON_CPU and max(began) < len(many)
    assert all([a.answer for a in each.result.result()] == [a for _, a in puzzles[:32]] for each in tickets)


def test_answers_are_those_of_the_solver_whatever_comes_along(service, solver, puzzles):
    many = [puzzle for puzzle, _ in puzzles[:20]]
    tickets = [ticket(service, puzzle=None, puzzles=many, max_segments=n) for n in (1, 3, 8)]
    submitted(service, *tickets)
    for each, n in zip(tickets, (1, 3, 8), strict=True):
        found, expected = each.result.result(), list(solver.solve_many(many, max_segments=n, attempts=1))
        assert [(a.answer, a.segments, a.verified) for a in found] == [
            (a.answer, a.segments, a.verified) for a in expected
        ]


def test_a_puzzle_that_nobody_waits_for_is_not_begun(service):
    left, stays = ticket(service), ticket(service)
    left.result.cancel()
    submitted(service, left, stays)
    assert service.batches == [1] and stays.result.result()[0].answer == ANSWER


def test_one_that_gives_up_does_not_hold_up_the_rest_of_its_batch():
    contradictory = "82" + INKALA[2:]  # without a solution, so that no attempt ends early
    solver = load("sudoku-9x9", "cpu")
    service = Service({"sudoku-9x9": solver})
    hard = ticket(service, puzzle=contradictory, max_segments=512, attempts=8, deadline=1)
    easy = ticket(service, puzzle=INKALA, max_segments=512, attempts=8)
    began = time.monotonic()
    submitted(service, hard, easy)
    assert isinstance(hard.result.exception(), LateError) and time.monotonic() - began < 29
    assert easy.result.result()[0] == solver.solve(INKALA, max_segments=512)
    service.worker.stop(20)


def test_a_fault_of_ours_fails_its_batch_and_the_worker_goes_on(service, monkeypatch, caplog):
    engine, true, calls = service.worker._engines["sudoku-4x4"], Engine.step, []

    def step():
        calls.append(len(engine.jobs))
        return 1 / 0 if len(calls) == 1 else true(engine)

    monkeypatch.setattr(engine, "step", step)
    broken, sound = ticket(service), ticket(service)
    submitted(service, broken)
    service.worker.submit(sound)
    assert sound.result.result(60)[0].answer == ANSWER and service.worker.is_ready
    assert isinstance(broken.result.exception(), ZeroDivisionError) and "a batch failed" in caplog.text


def test_an_answer_that_cannot_be_made_fails_its_batch_at_once(service, solver, monkeypatch, caplog):
    monkeypatch.setattr(solver, "answer", lambda job: 1 / 0)
    broken = ticket(service)
    submitted(service, broken)
    assert isinstance(broken.result.exception(), ZeroDivisionError) and not service.worker._work
    monkeypatch.undo()
    sound = ticket(service)
    service.worker.submit(sound)
    assert sound.result.result(60)[0].answer == ANSWER


def test_what_was_taken_is_answered_before_the_end(service):
    tickets = [ticket(service) for _ in range(3)]
    submitted(service, *tickets)
    service.worker.stop(20)
    assert all(each.result.result()[0].answer == ANSWER for each in tickets) and not service.worker.is_ready
    with pytest.raises(StoppingError):
        service.worker.submit(ticket(service))
