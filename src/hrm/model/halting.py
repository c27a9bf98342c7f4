"""When a puzzle stops: the paper's rules as pure functions.

Training halts by them. When solving, ``Solver._stops`` asks the rules of the puzzle where a family has rules, and the
Q-head elsewhere.

A puzzle halts by choice (the Q-head prefers it) or by budget (it has used ``max_segments``); the two are kept
apart because only the first says something about the network. Axes: B batch.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Halt:
    """Which puzzles stop after this segment, and why."""

    by_choice: Bool[Tensor, " B"]
    by_budget: Bool[Tensor, " B"]

    @property
    def halted(self) -> Bool[Tensor, " B"]:
        """Either reason."""
        return self.by_choice | self.by_budget


def prefers_halt(q_halt_logit: Float[Tensor, " B"], q_continue_logit: Float[Tensor, " B"] | None) -> Bool[Tensor, " B"]:
    """Say whether halting is worth more than going on.

    Without a value of going on, halting is preferred where it is more likely right than wrong.

    Source: HRM paper, adaptive computation time; TRM for the variant without Q_continue.
    """
    return q_halt_logit > (0.0 if q_continue_logit is None else q_continue_logit)


def should_halt(
    q_halt_logit: Float[Tensor, " B"],
    q_continue_logit: Float[Tensor, " B"] | None,
    segments: Int[Tensor, " B"],
    min_segments: Int[Tensor, " B"],
    max_segments: int,
) -> Halt:
    """Decide after a segment which puzzles stop.

    Args:
        segments: how many segments each puzzle has used, this one included.
        min_segments: how many each must use before it may halt by choice; 0 or 1: no bound.
        max_segments: the budget M_max.

    Source: HRM paper, adaptive computation time.
    """
    by_budget = segments >= max_segments
    by_choice = prefers_halt(q_halt_logit, q_continue_logit) & (segments >= min_segments) & ~by_budget
    return Halt(by_choice, by_budget)


def draw_min_segments(uniforms: Float[Tensor, "B 2"], explore: float, max_segments: int) -> Int[Tensor, " B"]:
    """Draw M_min: uniform in 2 … M_max with probability ``explore``, else 0.

    Args:
        uniforms: two numbers in [0, 1) a puzzle: whether to explore, and how long.

    Source: HRM paper, adaptive computation time.
    """
    length = (2 + (uniforms[:, 1] * (max_segments - 1)).to(torch.int64)).clamp(max=max_segments)
    return torch.where(uniforms[:, 0] < explore, length, torch.zeros_like(length))


def continue_target(
    next_q_halt_logit: Float[Tensor, " B"],
    next_q_continue_logit: Float[Tensor, " B"],
    at_budget: Bool[Tensor, " B"],
) -> Float[Tensor, " B"]:
    """Value of going on: the best that the next segment promises.

    At the budget the next segment can only halt, so its halt value stands alone.

    Args:
        at_budget: whether this puzzle has used ``max_segments`` segments.

    Returns:
        A probability in [0, 1]; carries no gradient.

    Source: HRM paper, adaptive computation time, equation for Ĝ_continue.
    """
    best = torch.where(at_budget, next_q_halt_logit, torch.maximum(next_q_halt_logit, next_q_continue_logit))
    return best.detach().sigmoid()
