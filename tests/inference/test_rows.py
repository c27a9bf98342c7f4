"""Rows of a list with their answers, and what to say about them."""

import io
from dataclasses import replace

import pytest

from hrm import puzzles
from hrm.data.sources.questions import questions
from hrm.errors import DataError, UsageError
from hrm.inference.answer import Answer
from hrm.inference.load import load
from hrm.inference.rows import Summary, advice, ambiguity, fault_beside_answer, require_rules, solve_row, solve_rows
from hrm.inference.solver import Solver
from hrm.puzzles.table import Declaration, Table

FAMILY = puzzles.get("sudoku-4x4")
PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"
LINES = f"{PUZZLE}\n11..............\n.1.....3...4.4..\n"


@pytest.fixture(scope="module")
def solver():
    return load("sudoku-4x4", "cpu")


def stream(text):
    return io.BufferedReader(io.BytesIO(text.encode()))


def numbered(text, family=FAMILY):
    return enumerate(questions(stream(text), family), start=1)


def test_rows_keep_their_numbers_and_bad_ones_are_noted(solver):
    summary = Summary()
    rows = list(solve_rows(solver, numbered(LINES), summary))
    assert [row.number for row in rows] == [1, 3] and summary.rows == 2
    assert rows[0].answer == solver.solve(PUZZLE) and (rows[0].inputs == FAMILY.parse(PUZZLE)).all()
    assert len(summary.faults) == 1 and "line 2" in summary.faults[0]
    assert not summary.unsolved and not summary.outside


def test_what_breaks_a_rule_and_what_is_unlike_the_training_is_counted(solver):
    summary = Summary()
    rows = list(solve_rows(solver, numbered(LINES), summary, segments=1, max_segments=None))
    assert summary.unsolved == [row.answer for row in rows if row.answer.verified is False]
    maze, summary = load("maze-10x10", "cpu"), Summary()
    near = "SG" + "#" * 98
    row = solve_row(maze, near, effort="quick")
    assert "its shortest path has 1 move" in row.outside
    list(solve_rows(maze, numbered(f"{near}\n", maze.puzzle), summary, effort="quick"))
    assert summary.outside == [row.outside]


def test_one_puzzle_is_one_row(solver):
    row = solve_row(solver, PUZZLE, segments=2, trace=True)
    assert (row.number, row.outside) == (1, None) and row.answer == solver.solve(PUZZLE, segments=2, trace=True)
    with pytest.raises(UsageError, match="not both"):
        solve_row(solver, "no puzzle", segments=2, max_segments=3)
    with pytest.raises(DataError):
        solve_row(solver, "no puzzle")


def test_the_exact_search_says_what_is_wrong_with_a_puzzle():
    assert ambiguity(FAMILY, FAMILY.parse(PUZZLE)) is None
    assert "several solutions" in str(ambiguity(FAMILY, FAMILY.parse("1" + "." * 15)))
    assert "no solution" in str(ambiguity(FAMILY, FAMILY.parse("12.....3........")))


def test_a_puzzle_without_solution_is_refused_before_a_model_tries():
    with pytest.raises(DataError, match="no solution"):
        fault_beside_answer(FAMILY, "12.....3........")
    assert "several solutions" in str(fault_beside_answer(FAMILY, "1" + "." * 15))
    assert fault_beside_answer(FAMILY, PUZZLE) is None
    assert fault_beside_answer(Table(Declaration((1, 2), ("a", "b"), ".")), "..") is None


def answer(segments, settled, attempts=1):
    tokens = FAMILY.parse(ANSWER)
    return Answer(PUZZLE, ANSWER, tokens, False, segments, 0.5, True, settled=settled, attempts=attempts)


def test_advice_follows_from_how_the_answers_ended():
    exactly = "not solved in 1 segment; without --segments the model goes on until the rules hold"
    assert advice([answer(1, 1)], 1) == exactly
    moving = "not solved in 64 segments, 8 attempts; try --max-segments 256"
    assert advice([answer(64, 3), answer(64, 60, 8)], None) == moving
    tried = [replace(answer(16, 3, 100), total_segments=1024), replace(answer(16, 3, 9), total_segments=80)]
    assert advice(tried, None, "normal") == "not solved in 1024 segments (100 attempts); try --effort max"
    assert advice(tried, None, "max") == "not solved in 1024 segments (100 attempts)"
    assert advice(tried, None, None, 1024) == "not solved in 1024 segments (100 attempts); try --budget 2048"
    assert advice([replace(answer(64, 3), total_segments=64)], None, "quick").endswith("try --effort normal")
    assert advice([answer(64, 3)], None) == "not solved in 64 segments, and the answer no longer changes"


def test_answers_of_unknown_rules_cannot_be_withheld(solver):
    require_rules(solver)
    with pytest.raises(UsageError, match="leave out --abstain"):
        require_rules(Solver(solver.model, Table(Declaration((4, 4), ("1", "2", "3", "4"), ".")), 4))
