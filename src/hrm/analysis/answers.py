"""What a solver answers after every segment: what the analyses of halting, depth and calibration share.

Axes: M segments, n puzzles, C cells.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Float32, Int, UInt8

from hrm.analysis.calls import Progress, silent
from hrm.data.store import Split
from hrm.inference.slots import pad_batch
from hrm.inference.solver import Solver
from hrm.puzzles.base import PAD


@dataclass(frozen=True)
class Answers:
    """All puzzles after every segment, each run through all of them."""

    tokens: UInt8[np.ndarray, "M n C"]
    right_cells: Float[np.ndarray, "M n"]
    """Share of the supervised cells that are right."""
    exact: Bool[np.ndarray, "M n"]
    """Whether every supervised cell is right."""
    q_halt: Float[np.ndarray, "M n"]
    """Probability that the answer is right, as the Q-head estimates it."""
    prefers_halt: Bool[np.ndarray, "M n"]
    confidence: Float32[np.ndarray, "M n C"]
    """Probability of each cell's token under a softmax of the logits."""

    def segments_used(self, budget: int) -> Int[np.ndarray, " n"]:
        """Return the segments that each puzzle uses with early exit under a budget."""
        chosen = self.prefers_halt[:budget]
        return np.where(chosen.any(0), chosen.argmax(0) + 1, budget)

    def exact_after(self, used: Int[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Say which puzzles are right after as many segments as each has used."""
        return self.exact[used - 1, np.arange(len(used))]


def answers(solver: Solver, split: Split, segments: int, progress: Progress = silent) -> Answers:
    """Run every puzzle through all segments and compare with the stored answers."""
    size, count = solver.batch_size, len(split)
    columns: list[tuple[list[np.ndarray], ...]] = []
    for start in range(0, count, size):
        stop = min(start + size, count)
        ids = pad_batch(np.asarray(split.puzzle_ids[start:stop]), size)
        thoughts = list(solver.run(pad_batch(np.asarray(split.inputs[start:stop]), size), segments, ids))
        n = stop - start
        columns.append((
            [thought.tokens[:n] for thought in thoughts],
            [thought.q_halt[:n] for thought in thoughts],
            [thought.prefers_halt[:n] for thought in thoughts],
            [thought.confidence[:n] for thought in thoughts],
        ))  # fmt: skip
        progress(stop, count)
    tokens, q_halt, prefers_halt, confidence = (
        np.concatenate([np.stack(part) for part in parts], axis=1) for parts in zip(*columns, strict=True)
    )
    labels = np.asarray(split.labels)
    supervised = labels != PAD
    right = (tokens == labels) | ~supervised
    cells = (right & supervised).sum(-1) / supervised.sum(-1).clip(min=1)
    return Answers(tokens, cells, right.all(-1), q_halt.astype(np.float64), prefers_halt, confidence)
