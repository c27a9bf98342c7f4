"""Where the recursion comes to rest: on right answers, on wrong ones, and whether a solved puzzle stays solved.

Axes: M segments, n puzzles, C cells.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

from hrm.analysis.calls import batches, require_recurrent, run_segments
from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.evaluation.metrics import compare, wilson_interval
from hrm.evaluation.rollout import Progress, collect, no_progress, rollout
from hrm.inference.solver import Solver
from hrm.puzzles.base import PAD, Puzzle

TOLERANCE = 0.01
"""A state is at rest where z_H moves by less than this share of its length from one segment to the next."""


@dataclass(frozen=True)
class OneBlank:
    """Solved puzzles of which one cell was blanked: the easiest puzzles there are."""

    puzzles: int
    segments: list[int]
    cell: list[float]
    """Share of the blanked cells that are filled in right, after each segment."""
    exact: list[float]
    """Share of the whole grids that are right."""
    exact_ci95: list[list[float]]
    ever_left: float
    """Share of the puzzles that were right after some segment and wrong after a later one."""


@dataclass(frozen=True)
class FixedPoints:
    """Who comes to rest, and where."""

    segments: int
    window: int
    """Segments at the end through which nothing may move."""
    tolerance: float
    right: list[bool]
    """Whether each puzzle's answer after the last segment is the stored one."""
    movement: list[float]
    """Greatest movement of z_H between segments in the window, as a share of its length."""
    answer_at_rest: list[bool]
    """Whether no cell of the answer changed in the window."""
    false_fixed_points: float
    """Share of all puzzles whose state is at rest with a wrong answer."""
    false_fixed_points_ci95: list[float]
    frozen_wrong_answers: float
    """Share of all puzzles whose answer does not change any more and is wrong."""
    wrong_and_moving: float
    """Share of all puzzles that are wrong with a state that still moves."""
    left_right_answer: float
    """Share of all puzzles that were right after some segment and are wrong after the last one."""
    one_blank: OneBlank | None
    """None where answers hold symbols that no puzzle gives (mazes), or cells show clues."""

    @property
    def summary(self) -> dict[str, float | str | None]:
        """Return the headline numbers."""
        blank = self.one_blank
        return {
            "right after the last segment": float(np.mean(self.right)),
            "false fixed points (state at rest, wrong)": self.false_fixed_points,
            "answer at rest, wrong": self.frozen_wrong_answers,
            "state moving, wrong": self.wrong_and_moving,
            "right once, wrong in the end": self.left_right_answer,
            "one blank: exact after the first segment": None if blank is None else blank.exact[0],
            "one blank: exact after the last segment": None if blank is None else blank.exact[-1],
            "one blank: right once, wrong later": None if blank is None else blank.ever_left,
        }


def fixed_points(
    solver: Solver,
    split: Split,
    segments: int,
    tolerance: float = TOLERANCE,
    seed: int = 0,
    progress: Progress = no_progress,
) -> FixedPoints:
    """Look for states that stop moving on a wrong answer, and blank one cell of each solved puzzle.

    A puzzle is at a *fixed point* where through the last quarter of the segments (two at the least) z_H moves from
    segment to segment by less than ``tolerance`` of its length: the mean over positions of ‖z_H − z_H before‖ / ‖z_H
    before‖. It is a *false* one where the answer is wrong.

    Args:
        segments: 3 or more.
        seed: chooses the cell that is blanked, among those that the puzzle did not give.

    Raises:
        UsageError: too few segments, or a network that answers in one pass.

    Source: Ren and Liu (arXiv 2601.10679): spurious fixed points, and failures with one blank cell. Differs: the
    criterion of rest is ours.
    """
    require_recurrent(solver, "so there is nothing that could come to rest")
    if segments < 3:
        raise UsageError(f"fixed points need at least 3 segments (got {segments})")
    window = max(2, segments // 4)
    tokens, exact, moved = _run(solver, split, segments, progress)
    movement = moved[-window:].max(0)
    at_rest = movement < tolerance
    frozen = (tokens[-window:] == tokens[-window - 1 : -1]).all((0, 2))
    right = exact[-1]
    count = len(split)
    false = at_rest & ~right
    return FixedPoints(
        segments, window, tolerance, right.tolist(), movement.tolist(), frozen.tolist(),
        false_fixed_points=float(false.mean()),
        false_fixed_points_ci95=list(wilson_interval(int(false.sum()), count)),
        frozen_wrong_answers=float((frozen & ~right).mean()),
        wrong_and_moving=float((~at_rest & ~right).mean()),
        left_right_answer=float((exact.any(0) & ~right).mean()),
        one_blank=one_blank(solver, split, segments, seed, progress),
    )  # fmt: skip


def one_blank(
    solver: Solver, split: Split, segments: int, seed: int = 0, progress: Progress = no_progress
) -> OneBlank | None:
    """Fill every cell of each puzzle in but one, and see how often and how long that one is filled in right."""
    inputs, labels = np.asarray(split.inputs), np.asarray(split.labels)
    open_cells = (labels != PAD) & ~solver.puzzle.spec.given(inputs)
    chosen = open_cells.any(1)
    if not chosen.any() or not _answers_can_be_given(solver.puzzle, inputs, labels):
        return None

    # the solutions with one cell blanked
    inputs, labels, open_cells = inputs[chosen], labels[chosen], open_cells[chosen]
    draws = np.random.default_rng(seed).random(open_cells.shape)
    cell = np.where(open_cells, draws, -1.0).argmax(1)
    rows = np.arange(len(labels))
    blanked = labels.copy()
    blanked[rows, cell] = solver.puzzle.spec.blank
    easy = Split(blanked, labels, np.asarray(split.puzzle_ids)[chosen], np.asarray(split.ratings)[chosen])

    # what the solver makes of them
    tokens = collect(rollout(solver, easy, segments, progress), lambda step: step.output.tokens)
    hit = tokens[:, rows, cell] == labels[rows, cell]
    exact, _ = compare(tokens, labels)
    was_right = np.logical_or.accumulate(exact, axis=0)
    return OneBlank(
        len(labels), list(range(1, segments + 1)), hit.mean(1).tolist(), exact.mean(1).tolist(),
        [list(wilson_interval(int(row.sum()), len(labels))) for row in exact],
        float((was_right & ~exact).any(0).mean()),
    )  # fmt: skip


def _run(
    solver: Solver, split: Split, segments: int, progress: Progress
) -> tuple[UInt8[np.ndarray, "M n C"], Bool[np.ndarray, "M n"], Float[np.ndarray, "M n"]]:
    """Return the answers, whether they are right, and the relative movement of z_H, after each segment."""
    tokens, moved = [], []
    for batch in batches(solver, split, progress):
        tokens.append([])
        moved.append([])
        for before, segment in run_segments(solver, batch, segments):
            z_H = before.z_H.float()
            change = (segment.latents.z_H.float() - z_H).norm(dim=-1) / z_H.norm(dim=-1).clamp(min=1e-12)
            moved[-1].append(batch.over_positions(change))
            tokens[-1].append(solver.decide(segment.logits, batch.inputs)[0][: batch.count])
    all_tokens = np.concatenate([np.stack(rows) for rows in tokens], axis=1)
    return all_tokens, compare(all_tokens, np.asarray(split.labels))[0], np.concatenate(moved, axis=1)


def _answers_can_be_given(puzzle: Puzzle, inputs: UInt8[np.ndarray, "n C"], labels: UInt8[np.ndarray, "n C"]) -> bool:
    """Say whether puzzles give cells in the symbols of their answers, so that most of an answer is a puzzle."""
    given = set(np.unique(inputs[puzzle.spec.given(inputs)]).tolist())
    return not puzzle.spec.clues and set(np.unique(labels[labels != PAD]).tolist()) <= given
