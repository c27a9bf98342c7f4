"""The engine by itself: puzzles with budgets of their own come and go between segments."""

import numpy as np
import pytest

from hrm.inference.load import load
from hrm.inference.solver import Solver

PUZZLES = ["..1.4.....2.3...", "3....2....4...12", "4....1.4......13", "41.....123.4...2"]


@pytest.fixture(scope="module")
def solver():
    return load("sudoku-4x4", "cpu")


def job(solver, number, **options):
    return solver.job(number, solver.puzzle.parse(PUZZLES[number]), **options)


def ended(engine):
    while engine.jobs:
        yield from engine.step()


def test_each_puzzle_has_its_own_budget_and_the_answer_of_a_run_alone(solver):
    engine, options = solver.engine(), [{"max_segments": n, "attempts": 1} for n in (1, 2, 8, 8)]
    for number, budget in enumerate(options):
        engine.begin(job(solver, number, **budget))
    found = {done.number: solver.answer(done) for done in ended(engine)}
    for number, budget in enumerate(options):
        alone = solver.solve(PUZZLES[number], **budget)
        assert (found[number].answer, found[number].segments) == (alone.answer, alone.segments)
    assert engine.room == 16 and not engine.step()


def test_one_that_comes_later_and_one_that_is_dropped_change_nothing_for_the_others(solver):
    engine = solver.engine()
    first, dropped = job(solver, 0, max_segments=8, attempts=1), job(solver, 1, max_segments=8, attempts=1)
    engine.begin(first)
    engine.begin(dropped)
    room = engine.room
    finished = engine.step()
    engine.drop([dropped])
    engine.begin(job(solver, 2, max_segments=8, attempts=1))
    finished += ended(engine)
    assert dropped not in finished and engine.room >= room
    for done in finished:
        alone = solver.solve(PUZZLES[done.number], max_segments=8, attempts=1)
        assert (solver.answer(done).answer, done.segments) == (alone.answer, alone.segments)


def test_a_stream_takes_no_more_puzzles_than_there_is_room_for(solver):
    small = Solver(solver.model, solver.puzzle, 8, batch_size=2)
    read = []

    def puzzles():
        for puzzle in PUZZLES:
            read.append(puzzle)
            yield puzzle

    answers = small.solve_many(puzzles(), segments=3)
    next(answers)
    assert len(read) == 2
    assert [answer.segments for answer in answers] == [3, 3, 3] and read == PUZZLES


def test_halting_is_that_of_a_bank_of_the_same_size_bit_for_bit(solver):
    """Sixteen puzzles at once are run as one batch by hand would be: the same answers and the same numbers."""
    inputs = np.stack([solver.puzzle.parse(PUZZLES[n % 4]) for n in range(16)])
    by_hand = list(solver.run(inputs, 3))
    for row, answer in enumerate(solver.solve_many(inputs, segments=3, trace=True, parsed=True)):
        for output, step in zip(by_hand, answer.trace, strict=True):
            assert step.answer == solver.puzzle.text(output.tokens[row]) and step.q_halt == output.q_halt[row]
