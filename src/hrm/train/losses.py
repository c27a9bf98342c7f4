"""What a segment is trained on: the answer, and whether the Q-head knows that it is right.

Axes: B batch, C cells, V vocabulary.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hrm.model.network import Segment
from hrm.nn.probabilities import log_probabilities

IGNORED = -100
"""Label of a cell that is not supervised."""


def cross_entropy(
    logits: Float[Tensor, "B C V"], labels: Int[Tensor, "B C"], kind: Literal["stablemax", "softmax"]
) -> Float[Tensor, " B"]:
    """Return for each puzzle the mean over its supervised cells of −log p(label), in fp32 or better."""
    logits = logits if logits.dtype == torch.float64 else logits.float()
    log_p = log_probabilities(logits, kind)
    supervised = labels != IGNORED
    picked = log_p.gather(-1, labels.clamp(min=0).long().unsqueeze(-1)).squeeze(-1)
    return -torch.where(supervised, picked, 0.0).sum(-1) / supervised.sum(-1).clamp(min=1)


def exact_match(logits: Float[Tensor, "B C V"], labels: Int[Tensor, "B C"]) -> Bool[Tensor, " B"]:
    """Say for each puzzle whether every supervised cell is right."""
    return ((logits.argmax(-1) == labels) | (labels == IGNORED)).all(-1)


@dataclass(frozen=True)
class SegmentLoss:
    """The parts of the loss, each summed over the batch."""

    answer: Float[Tensor, ""]
    q_halt: Float[Tensor, ""]
    q_continue: Float[Tensor, ""]
    right: Bool[Tensor, " B"]
    """Whether each puzzle's answer is exactly right: the target of q_halt."""

    def total(self, q_weight: float) -> Float[Tensor, ""]:
        """Return answer + q_weight · (q_halt + q_continue), summed over the batch.

        Source: the official code weighs the Q losses with 0.5; the paper adds them plainly (paper.md 5).
        """
        return self.answer + q_weight * (self.q_halt + self.q_continue)


def segment_loss(
    segment: Segment,
    labels: Int[Tensor, "B C"],
    target_q_continue: Float[Tensor, " B"] | None,
    kind: Literal["stablemax", "softmax"],
) -> SegmentLoss:
    """Compare a segment with the labels and with the value of the next segment.

    Args:
        target_q_continue: from ``halting.continue_target``; None where the network has no such estimate.

    Source: HRM paper, deep supervision and adaptive computation time.
    """
    right = exact_match(segment.logits.detach(), labels)
    q_halt = F.binary_cross_entropy_with_logits(
        segment.q_halt_logit, right.to(segment.q_halt_logit.dtype), reduction="sum"
    )
    q_continue = q_halt.new_zeros(())
    if segment.q_continue_logit is not None and target_q_continue is not None:
        q_continue = F.binary_cross_entropy_with_logits(segment.q_continue_logit, target_q_continue, reduction="sum")
    return SegmentLoss(cross_entropy(segment.logits, labels, kind).sum(), q_halt, q_continue, right)
