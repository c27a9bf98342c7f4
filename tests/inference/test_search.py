"""Searches: which runs they make, that the rules of the puzzle itself decide, and that neighbors change nothing."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from hrm import puzzles
from hrm.errors import UsageError
from hrm.inference.load import load
from hrm.inference.search import MOST_PINS, PIN_SEGMENTS, by_budget, by_effort, images, pins
from hrm.inference.solver import Solver
from hrm.model.network import Embedded, Latents, Network, Segment
from hrm.nn.layers import NO_CONTEXT
from hrm.puzzles.conflicts import conflicts

FAMILY = puzzles.get("sudoku-4x4")
PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"
INPUTS, RIGHT = FAMILY.parse(PUZZLE), FAMILY.parse(ANSWER)
WRONG = np.full(16, 2, np.uint8)


class Pinned(Network):
    """Answers a puzzle with two further givens by the exact search, even if they contradict it, and no other."""

    def __init__(self, guess: np.ndarray):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.guess = guess

    def embed(self, inputs, puzzle_ids=None, mask=None, relations=None):
        return Embedded(inputs.float().unsqueeze(-1), NO_CONTEXT)

    def initial(self, x, generator=None):
        return Latents(torch.zeros_like(x.x), torch.zeros_like(x.x))

    def segment(self, latents, x, cycles=None):
        tokens = [torch.from_numpy(self.answer(row).astype(np.int64)) for row in x.x[:, :, 0].numpy().astype(np.uint8)]
        logits = 9.0 * torch.nn.functional.one_hot(torch.stack(tokens), 6).float()
        return Segment(Latents(latents.z_H + 1, latents.z_L), logits, torch.full((len(x),), 1.0), None)

    def answer(self, view):
        if (view != FAMILY.spec.blank).sum() < (INPUTS != FAMILY.spec.blank).sum() + 2:
            return self.guess
        return next(iter(FAMILY.solutions(view, 1)), self.guess)

    def hidden_matrices(self):
        return []


def runs(plan, answers, most=40):
    """Return how the first runs begin where they end with these answers."""
    search = plan(INPUTS)
    starts = [next(search)]
    while len(starts) < most:
        try:
            starts.append(search.send(answers))
        except StopIteration:
            break
    return starts


def test_pins_are_the_symbols_of_the_last_answer_in_open_cells():
    root, *others = runs(pins(FAMILY, 12, 1000), WRONG)
    assert root.segments == 12 and root.pinned == () and (root.view == INPUTS).all()
    for start in others:
        differ = np.flatnonzero(start.view != INPUTS)
        assert tuple(differ) == start.pinned and 1 <= len(differ) <= MOST_PINS and start.segments == PIN_SEGMENTS
        assert (INPUTS[differ] == FAMILY.spec.blank).all() and (start.view[differ] == WRONG[differ]).all()
    assert all(len(b.pinned) == 1 or set(a.pinned) < set(b.pinned) or len(a.pinned) == 2 for a, b in pairwise(others))


def test_cells_that_clash_are_pinned_first():
    answer = RIGHT.copy()
    answer[:2] = answer[1::-1]  # swapped in their row: they clash in their columns, and others with them
    clashing = set(np.flatnonzero(conflicts(FAMILY, answer) & (INPUTS == FAMILY.spec.blank)).tolist())
    starts = runs(pins(FAMILY, 5, 1000), answer, most=200)[1:]
    single = [start.pinned[0] for start in starts if len(start.pinned) == 1]
    assert set(single[: len(clashing) // 2]) <= clashing < set(single)


def test_no_run_is_made_twice_and_all_are_made_in_the_end():
    starts = runs(pins(FAMILY, 5, 4000), WRONG, most=1000)
    views = {start.view.tobytes() for start in starts}
    blanks = int((INPUTS == FAMILY.spec.blank).sum())
    assert len(views) == len(starts) == 1 + blanks + blanks * (blanks - 1) // 2


def test_a_puzzle_without_open_cells_is_run_once():
    search = pins(FAMILY, 5, 10)(RIGHT)
    next(search)
    with pytest.raises(StopIteration):
        search.send(RIGHT)


def test_the_draws_are_the_same_at_every_call():
    first, second = (runs(pins(FAMILY, 5, 100), WRONG) for _ in range(2))
    assert [start.pinned for start in first] == [start.pinned for start in second]
    assert len({start.pinned for start in first}) > 10


@pytest.mark.parametrize(("effort", "total"), [("quick", 3), ("normal", 2048), ("max", 4096)])
def test_efforts_bound_the_segments_of_a_puzzle(effort, total):
    plan, most = by_effort(FAMILY, effort, 3)
    assert most == total and (len(runs(plan, WRONG)) == 1) is (effort == "quick")
    answer = Solver(Pinned(WRONG), puzzles.get("sudoku-4x4"), 3).solve(PUZZLE, effort=effort)
    assert answer.verified is (effort != "quick") and answer.total_segments <= total


def test_a_budget_bounds_the_segments_of_all_runs():
    solver = Solver(Pinned(WRONG), FAMILY, 3)
    solver.model.answer = lambda view: WRONG
    for budget in (1, 3, 10, 20):
        answer = solver.solve(PUZZLE, budget=budget)
        assert answer.total_segments == budget and answer.segments == min(3, budget) and answer.verified is False
    assert solver.solve(PUZZLE, budget=20, max_segments=12).attempts == 3
    for number in ({"segments": 2}, {"attempts": 2}, {"effort": "max"}):
        with pytest.raises(UsageError, match="not both"):
            solver.solve(PUZZLE, budget=9, **number)
    with pytest.raises(UsageError, match="budget must be 1 to"):
        solver.solve(PUZZLE, budget=0)


def test_a_budget_for_mazes_is_spent_on_images():
    maze = puzzles.get("maze-4x5")
    plan, total = by_budget(maze, 20, 8)
    search = plan(maze.generate(0, 0)[0])
    assert total == 20 and len(list(search)) == 3


def test_mazes_are_turned_and_not_pinned():
    maze = puzzles.get("maze-4x5")
    inputs, answer = maze.generate(0, 0)
    plan, total = by_effort(maze, "normal", 64)
    assert total == 512 and by_effort(maze, "max", 64)[1] == 4096
    search = plan(inputs)
    next(search)
    start = search.send(answer)
    assert start.image is not None and start.pinned == () and start.segments == 64
    assert len(list(images(maze, 64, 5)(inputs))) == 5


def test_an_answer_to_a_pinned_puzzle_is_checked_against_the_puzzle_itself():
    """Where the pinned symbols are wrong the network answers another puzzle than was asked."""
    solver = Solver(Pinned(np.where(np.arange(16) % 3 > 0, RIGHT, RIGHT[::-1])), FAMILY, 3)
    answer = solver.solve(PUZZLE, trace=True)
    assert answer.verified is bool(FAMILY.verify(INPUTS[None], answer.tokens[None])[0])
    assert answer.answer == ANSWER and 1 <= len(answer.pinned) <= MOST_PINS and answer.puzzle == PUZZLE
    assert answer.total_segments > answer.segments == len(answer.trace) and answer.attempts > 2


def test_a_search_that_fails_returns_the_answer_to_the_puzzle_itself():
    solver = Solver(Pinned(WRONG), FAMILY, 3)
    impossible = "123....4........"
    assert not len(FAMILY.solutions(FAMILY.parse(impossible), 1))
    solver.model.answer = lambda view: WRONG
    answer = solver.solve(impossible)
    assert answer.verified is False and answer.pinned == () and answer.segments == 3
    assert answer.total_segments == 3 * answer.attempts <= 2048


def test_numbers_and_an_effort_contradict_each_other():
    solver = Solver(Pinned(WRONG), FAMILY, 3)
    for number in ("segments", "max_segments", "attempts"):
        with pytest.raises(UsageError, match=f"give effort or {number}, not both"):
            solver.solve(PUZZLE, effort="max", **{number: 2})


def test_neighbors_in_the_batch_change_no_search():
    solver = load("sudoku-4x4", "cpu", "fp32")
    solver.max_segments = 1
    rows = [FAMILY.text(FAMILY.generate(3, number)[0]) for number in range(8)]
    together, alone = list(solver.solve_many(rows)), [solver.solve(row) for row in rows]
    assert any(answer.pinned for answer in alone) and all(answer.verified for answer in alone)
    for one, other in zip(together, alone, strict=True):
        assert one.as_dict() | {"q_halt": 0} == other.as_dict() | {"q_halt": 0}
