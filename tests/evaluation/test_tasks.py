"""The vote: an oracle is always right, a liar as often as it should be, and the order never matters."""

import json
from pathlib import Path

import numpy as np
import pytest

from hrm.data.arc import task_table
from hrm.errors import DataError, UsageError
from hrm.evaluation.arc import submission
from hrm.evaluation.tasks import score
from hrm.inference.vote import Candidate, vote
from hrm.puzzles import get
from hrm.puzzles.arc.canvas import encode
from hrm.puzzles.arc.files import read_tasks
from hrm.puzzles.arc.tasks import Pair, Task
from hrm.puzzles.arc.variants import Variant

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
BLACK = np.zeros((1, 1), np.uint8)


def made(task_id, tests=1, seed=0):
    rng = np.random.default_rng(seed)
    grids = [rng.integers(0, 10, rng.integers(1, 12, 2)).astype(np.uint8) for _ in range(2 * tests + 4)]
    pairs = [Pair(a, b) for a, b in zip(grids[::2], grids[1::2], strict=True)]
    return Task(task_id, tuple(pairs[:2]), tuple(pairs[2:]), "evaluation")


def predicted(tasks, count=20, lie=lambda task, test, number, grid: grid, q_halt=lambda number: 0.5):
    """Return what an oracle answers on every variant, the variant undone: test, grid and q_halt.

    ``lie`` may put another grid (of the original) in its place.
    """
    table, rows = task_table(tasks, count, seed=0), []
    for task in tasks:
        for number, puzzle_id in enumerate(table.puzzle_ids(task.id)):
            variant = Variant.of(table.lookup(puzzle_id)[1])
            for test, pair in enumerate(task.tests):
                grid = lie(task.id, test, number, pair.output)
                turned = BLACK if grid is None else variant.apply(grid)
                rows.append(((task.id, test), q_halt(number), turned, grid is None, variant.row))
    tests, halts, grids, empty, variants = zip(*rows, strict=True)
    tokens = encode(grids)
    tokens[np.array(empty)] = 0
    return list(zip(tests, get("arc").without_variants(tokens, np.stack(variants)), halts, strict=True))


def truth(tasks):
    return {task.id: tuple(pair.output for pair in task.tests) for task in tasks}


TASKS = [made("b", 2, 1), made("a", 1, 2), made("c", 3, 3), made("d", 1, 4)]


def shown(ranked):
    return {test: [(c.grid.tolist(), c.votes, c.q_halt) for c in found] for test, found in ranked.items()}


def test_an_oracle_hits_everything_at_once():
    predictions = predicted(TASKS)
    ranked = vote(predictions)
    found = score(ranked, truth(TASKS))
    assert (found.tests, found.tasks) == (7, 4)
    assert set(found.pass_at_test.values()) == set(found.pass_at_task.values()) == {1.0}
    assert all(len(candidates) == 1 for candidates in ranked.values())
    assert all(np.array_equal(grid, truth(TASKS)[task][test]) for (task, test), grid, _ in predictions)


def test_scattered_lies_are_outvoted_and_united_ones_are_not():
    def scattered(task, test, number, grid):
        return grid if number % 10 < 3 else np.full((1, 1 + number), number % 9, np.uint8)

    def united(task, test, number, grid):
        return grid if number % 10 < 3 else np.full((3, 17), 5, np.uint8)

    assert score(vote(predicted(TASKS, lie=scattered)), truth(TASKS)).pass_at_task[1] == 1
    found = score(vote(predicted(TASKS, lie=united)), truth(TASKS))
    assert (found.pass_at_task[1], found.pass_at_task[2]) == (0, 1)


def test_a_known_share_is_wrong():
    """One of seven tests is missed, and with it one of four tasks; another comes second."""

    def lie(task, test, number, grid):
        if (task, test) == ("c", 1):
            return BLACK
        return BLACK if (task, test) == ("a", 0) and number % 3 else grid

    found = score(vote(predicted(TASKS, lie=lie)), truth(TASKS), ks=(1, 2))
    assert found.pass_at_test == {1: 5 / 7, 2: 6 / 7} and found.pass_at_task == {1: 2 / 4, 2: 3 / 4}


def test_q_halt_decides_between_as_many_votes_and_the_grid_between_equals():
    def two(task, test, number, grid):
        return grid if number % 2 else np.full((2, 2), 3, np.uint8)

    tasks = [TASKS[1]]
    for sure, place in ((1, 0), (0, 1)):
        halts = predicted(tasks, 19, two, lambda number, sure=sure: 0.9 if number % 2 == sure else 0.2)
        candidates = vote(halts)["a", 0]
        assert [c.votes for c in candidates] == [10, 10]
        assert np.array_equal(candidates[place].grid, tasks[0].tests[0].output)
        assert [round(c.q_halt, 9) for c in candidates] == [0.9, 0.2]
    tied = predicted(tasks, 19, two)
    grids = [(c.grid.shape, c.grid.tobytes()) for c in vote(tied)["a", 0]]
    assert len(grids) == 2 and grids == sorted(grids)


def test_the_order_of_predictions_does_not_matter():
    predictions = predicted(
        TASKS,
        lie=lambda task, test, number, grid: grid if number % 3 else np.full((1, 2), number % 5, np.uint8),
        q_halt=lambda number: number / 21,
    )
    rng = np.random.default_rng(0)
    expected = shown(vote(predictions))
    for _ in range(5):
        assert shown(vote([predictions[row] for row in rng.permutation(len(predictions))])) == expected


def test_missing_variants_are_votes_less():
    predictions = predicted(TASKS)
    assert score(vote(predictions[::5]), truth(TASKS)).pass_at_test[1] == 1
    found = score(vote(each for each in predictions if each[0][0] != "a"), truth(TASKS))
    assert found.pass_at_task[1] == 3 / 4 and found.pass_at_test[1] == 6 / 7


def test_a_canvas_without_a_grid_is_no_vote():
    predictions = predicted(TASKS, lie=lambda task, test, number, grid: grid if number == 7 else None)
    ranked = vote(predictions)
    assert all([c.votes for c in candidates] == [1] for candidates in ranked.values())
    nothing = vote(predicted(TASKS, lie=lambda task, test, number, grid: None))
    assert set(nothing) == set(ranked) and not any(nothing.values())
    assert score(nothing, truth(TASKS)).pass_at_test[1000] == 0


def test_the_submission_has_every_attempt_of_every_test():
    ranked = {
        ("b", 1): (Candidate(np.array([[1, 2]], np.uint8), 3, 0.5), Candidate(BLACK, 2, 0.5)),
        ("a", 0): (Candidate(np.array([[7]], np.uint8), 1, 0.5),),
    }
    found = submission(ranked, {"b": 2, "a": 1})
    assert json.loads(json.dumps(found)) == {
        "a": [{"attempt_1": [[7]], "attempt_2": [[7]]}],
        "b": [{"attempt_1": [[0]], "attempt_2": [[0]]}, {"attempt_1": [[1, 2]], "attempt_2": [[0]]}],
    }
    assert list(found) == ["a", "b"]


def test_a_variant_that_cannot_be():
    with pytest.raises(UsageError, match="a variant has"):
        get("arc").without_variants(encode([BLACK]), Variant(7, tuple(range(10))).row[None] + np.uint8(1))


def test_scores_that_cannot_be():
    ranked = vote(predicted(TASKS, 3))
    with pytest.raises(DataError, match="test 1 of task 'a', which is not to be scored"):
        score(ranked, truth(TASKS[:1]))
    with pytest.raises(UsageError, match="needs tasks"):
        score({}, {})
    with pytest.raises(UsageError, match="1 or more"):
        score(ranked, truth(TASKS), ks=(0,))


@pytest.mark.skipif(not (SHARED / "arc1").is_dir(), reason="needs the real ARC tasks")
def test_an_oracle_on_every_held_back_task():
    """All 200 tasks with up to 3 variants each; every seventh test is answered by a black cell instead."""
    tasks = [task for task in read_tasks(SHARED / "arc1" / "data") if task.held_back]
    assert set(score(vote(predicted(tasks, 3)), truth(tasks)).pass_at_task.values()) == {1.0}
    tests = [(task.id, test) for task in tasks for test in range(len(task.tests))]
    wrong = set(tests[::7])
    liar = predicted(tasks, 2, lie=lambda task, test, number, grid: BLACK if (task, test) in wrong else grid)
    found = score(vote(liar), truth(tasks))
    assert found.tests == 214 and found.pass_at_test[1000] == 1 - len(wrong) / 214
    assert found.pass_at_task[2] == 1 - len({task for task, _ in wrong}) / 200
