"""The truth table of halting."""

import pytest
import torch

from hrm.model.halting import continue_target, draw_min_segments, prefers_halt, should_halt


@pytest.mark.parametrize("q_halt, q_continue, used, least, choice, budget", [
    (1.0, 0.0, 1, 0, True, False),   # halting is worth more
    (0.0, 1.0, 1, 0, False, False),  # going on is worth more
    (0.5, 0.5, 1, 0, False, False),  # a tie goes on: nothing halts at the start of training
    (1.0, 0.0, 1, 2, False, False),  # exploration keeps it
    (1.0, 0.0, 2, 2, True, False),   # exploration has been served
    (1.0, 0.0, 4, 0, False, True),   # the budget is its own reason
    (0.0, 1.0, 4, 0, False, True),
    (1.0, 0.0, 5, 9, False, True),   # the budget beats exploration
    (0.1, None, 1, 0, True, False),
    (-0.1, None, 1, 0, False, False),
    (0.0, None, 1, 0, False, False),
])  # fmt: skip
def test_truth_table(q_halt, q_continue, used, least, choice, budget):
    one = lambda value: torch.tensor([value])  # noqa: E731
    halt = should_halt(
        one(q_halt), None if q_continue is None else one(q_continue), one(used), one(least), max_segments=4
    )
    assert bool(halt.by_choice) is choice and bool(halt.by_budget) is budget
    assert bool(halt.halted) is (choice or budget)


def test_value_of_going_on_is_the_best_of_the_next_segment():
    halt, go_on = torch.tensor([0.0, 2.0, 0.0, 2.0]), torch.tensor([1.0, 1.0, 1.0, 1.0])
    at_budget = torch.tensor([False, False, True, True])
    expected = torch.tensor([1.0, 2.0, 0.0, 2.0]).sigmoid()
    torch.testing.assert_close(continue_target(halt, go_on, at_budget), expected)
    assert not continue_target(halt.requires_grad_(), go_on, at_budget).requires_grad


def test_without_a_value_of_going_on_the_sign_decides():
    assert prefers_halt(torch.tensor([0.1, 0.0, -0.1]), None).tolist() == [True, False, False]


def test_exploration_is_uniform_from_two_to_the_budget():
    numbers = torch.rand(20000, 2, generator=torch.Generator().manual_seed(0))
    drawn = draw_min_segments(numbers, explore=0.25, max_segments=5)
    share = torch.bincount(drawn, minlength=6) / len(drawn)
    assert share[1] == 0
    torch.testing.assert_close(share[0], torch.tensor(0.75), atol=0.02, rtol=0)
    torch.testing.assert_close(share[2:], torch.full((4,), 0.0625), atol=0.01, rtol=0)
    assert not draw_min_segments(numbers, 0.0, 5).any()
    assert (draw_min_segments(numbers, 1.0, 1) == 1).all()
