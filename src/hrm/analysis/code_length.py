"""How many bits the solutions take under the model, and how many the model itself takes: is it compression?

Axes: M segments, n puzzles, C cells, V vocabulary.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from hrm.analysis.calls import batches, run_segments
from hrm.data.store import Split
from hrm.errors import DataError
from hrm.evaluation.metrics import bootstrap_interval, compare
from hrm.evaluation.rollout import Progress, no_progress
from hrm.inference.solver import Solver
from hrm.model.network import parameter_counts
from hrm.nn.probabilities import log_probabilities
from hrm.puzzles.base import PAD


@dataclass(frozen=True)
class CodeLength:
    """Bits of the solutions and of the parameters."""

    probabilities: Literal["stablemax", "softmax"]
    """How logits become probabilities: as in the training."""
    segments: list[int]
    bits_per_cell: list[float]
    """−log2 p of the right token at a cell to fill in, mean over cells and puzzles, after each segment."""
    bits_per_cell_ci95: list[float] | None
    """After the last segment; bootstrap over puzzles."""
    bits_per_cell_right: float | None
    """After the last segment, of the puzzles that are answered right."""
    bits_per_cell_wrong: float | None
    plain_bits_per_cell: float
    """log2 of the number of symbols that answers hold: a code that knows no rule."""
    cells_per_puzzle: float
    """Cells to fill in, mean over puzzles."""
    parameters: int
    bits_per_parameter: int
    """Of the dtype that the weights are kept in."""
    parameter_bits: int
    puzzles_to_break_even: float | None
    """Puzzles from which parameters and solutions together take fewer bits than the plain code; None: never."""
    training_puzzles: int | None
    """Different puzzles that the model was trained on, symmetries apart, where that is known."""
    solutions_log2: float | None
    """log2 of the number of solutions of a puzzle, mean over puzzles: what a code that knows the rules, and may search,
    needs for the whole solution; None where there are too many, or it was not counted."""

    @property
    def summary(self) -> dict[str, float | str | None]:
        """Return the headline numbers."""
        return {
            "bits a cell after the last segment": self.bits_per_cell[-1],
            "of puzzles answered right": self.bits_per_cell_right,
            "of puzzles answered wrong": self.bits_per_cell_wrong,
            "bits a cell of a plain code": self.plain_bits_per_cell,
            "bits a puzzle, given the rules and a search": self.solutions_log2,
            "bits of the parameters": float(self.parameter_bits),
            "puzzles to break even": self.puzzles_to_break_even,
            "puzzles of the training": None if self.training_puzzles is None else float(self.training_puzzles),
        }


def code_length(
    solver: Solver,
    split: Split,
    segments: int,
    probabilities: Literal["stablemax", "softmax"] | None = None,
    training_puzzles: int | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> CodeLength:
    """Code each solution with the model, given its puzzle: −log2 p of the right token, cell by cell.

    Only cells to fill in are coded, each by itself, as the model's output is a product over cells.

    Args:
        probabilities: None: those of the model's loss, where it is known, else softmax.
        training_puzzles: to put beside the number at which it breaks even; None: what the checkpoint says.
        seed: of the bootstrap.

    Source: two-part codes, Rissanen 1978. Differs: parameters are counted at the full length of their dtype,
    an upper bound, for they could be rounded.
    """
    model, origin = solver.model, solver.origin
    if origin is not None:
        probabilities = probabilities or origin.config.train.loss
        training_puzzles = training_puzzles or (origin.meta.get("data") or {}).get("train_rows")
    probabilities = probabilities or "softmax"

    # bits of every cell after every segment
    inputs, labels = np.asarray(split.inputs), np.asarray(split.labels)
    open_cells = (labels != PAD) & ~solver.puzzle.spec.given(inputs)
    parts, exact_parts = [], []
    for batch in batches(solver, split, progress):
        wanted = torch.from_numpy(labels[batch.rows].astype(np.int64)).to(solver.device)
        rows, tokens = [], np.empty(0)
        for _, segment in run_segments(solver, batch, segments):
            log_p = log_probabilities(segment.logits[: batch.count].float(), probabilities)
            picked = log_p.gather(-1, wanted.unsqueeze(-1)).squeeze(-1)
            rows.append(-picked.double().cpu().numpy() / math.log(2))
            tokens = solver.decide(segment.logits, batch.inputs)[0][: batch.count]
        parts.append(np.stack(rows))
        exact_parts.append(compare(tokens, labels[batch.rows])[0])
    bits = np.where(open_cells, np.concatenate(parts, axis=1), 0.0).sum(-1)  # M n C -> M n
    cells, exact = open_cells.sum(1), np.concatenate(exact_parts)
    if not cells.sum():
        raise DataError("there is nothing to code: every cell of these puzzles is given")

    # the plain code, and the parameters
    symbols = len(np.unique(labels[open_cells]))
    plain = math.log2(symbols) if symbols > 1 else 0.0
    last, mean_cells = bits[-1], float(cells.mean())
    counts, table = parameter_counts(model)
    parameters = sum(counts.values()) + table
    each = max(p.element_size() for p in model.parameters()) * 8
    saved = plain * mean_cells - float(last.mean())
    return CodeLength(
        probabilities, list(range(1, segments + 1)),
        (bits.sum(1) / cells.sum()).tolist(),
        bootstrap_interval(lambda rows: last[rows].sum() / max(cells[rows].sum(), 1), len(last), seed=seed),
        _per_cell(last, cells, exact), _per_cell(last, cells, ~exact),
        plain, mean_cells, parameters, each, parameters * each,
        puzzles_to_break_even=parameters * each / saved if saved > 0 else None,
        training_puzzles=training_puzzles,
        solutions_log2=_solutions_log2(solver, split),
    )  # fmt: skip


def _per_cell(bits: np.ndarray, cells: np.ndarray, chosen: np.ndarray) -> float | None:
    return float(bits[chosen].sum() / cells[chosen].sum()) if cells[chosen].sum() else None


def _solutions_log2(solver: Solver, split: Split) -> float | None:
    """Return 0 where the family promises one solution; others are not counted."""
    return 0.0 if solver.puzzle.spec.unique and solver.puzzle.spec.has_rules else None
