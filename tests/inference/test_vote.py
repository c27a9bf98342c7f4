"""The vote over several answers to one puzzle."""

import numpy as np

from hrm.inference.vote import vote


def grid(*values):
    return np.array(values, np.uint8)


def listed(ranked):
    return {key: [(c.grid.tolist(), c.votes, c.q_halt) for c in each] for key, each in ranked.items()}


def test_votes_come_first_then_the_mean_of_q_halt_then_the_grid():
    answers = [
        (7, grid(1, 2), 0.25), (7, grid(3, 4), 0.75), (7, grid(1, 2), 0.75),
        ("other", grid(9), 0.5), ("other", grid(8), 0.5), ("other", grid(5, 5), 0.625),
    ]  # fmt: skip
    expected = {
        7: [([1, 2], 2, 0.5), ([3, 4], 1, 0.75)],
        "other": [([5, 5], 1, 0.625), ([8], 1, 0.5), ([9], 1, 0.5)],
    }
    assert listed(vote(answers)) == listed(vote(answers[::-1])) == expected


def test_grids_of_the_same_cells_and_another_shape_are_others():
    assert [c.votes for c in vote([(0, grid(1, 2), 0.5), (0, grid([1], [2]), 0.5)])[0]] == [1, 1]


def test_an_empty_answer_is_no_vote():
    assert vote([(0, grid(), 0.9), (1, grid(), 0.9), (1, grid(3), 0.1)])[0] == ()
    assert listed(vote([(1, grid(), 0.9), (1, grid(3), 0.125)])) == {1: [([3], 1, 0.125)]}
