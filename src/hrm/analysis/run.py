"""Ask a model by name a question by name, and say how the numbers were obtained."""

import platform
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import torch

from hrm.analysis.calibration import calibration
from hrm.analysis.calls import segments_of
from hrm.analysis.code_length import code_length
from hrm.analysis.depth import depth
from hrm.analysis.dimensionality import Pooling, dimensionality
from hrm.analysis.fixed_points import fixed_points
from hrm.analysis.halting import halting
from hrm.analysis.intermediate import intermediate
from hrm.analysis.memory import memory
from hrm.analysis.questions import QUESTIONS, Question
from hrm.analysis.residuals import residuals
from hrm.analysis.trajectories import StateKind, trajectories
from hrm.checkpoint import Checkpoint
from hrm.config import RunConfig
from hrm.data.held_out import unseen
from hrm.data.prepare import family
from hrm.data.store import Split
from hrm.errors import UsageError, did_you_mean
from hrm.evaluation.rollout import Progress, no_progress
from hrm.evaluation.run import rows_for, with_answers
from hrm.evaluation.tasks import in_own_ids
from hrm.inference.load import describe_model, load_model
from hrm.inference.solver import MOST_SEGMENTS, Solver
from hrm.model.network import Network
from hrm.viz.figures.draw import answer

BATCH_SIZE = 32
"""Puzzles at once, at the most."""


@runtime_checkable
class Finding(Protocol):
    """What an analysis returns: a frozen record of plain values, with its headline numbers."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def summary(self) -> dict[str, Any]:
        """Return the headline numbers by name."""
        ...


@dataclass(frozen=True)
class AnalysisOptions:
    """What can be chosen of single analyses; the others do not look at it."""

    seed: int = 0
    """Of bootstraps, permutations, random sets and blanked cells."""
    pooling: Pooling = "positions"
    """Of ``dimensionality``."""
    state: StateKind = "flattened"
    """Of ``trajectories``."""
    shown: int | None = None
    """Of ``intermediate``: the puzzle whose answers are kept."""


def analyze(
    name: str | Path,
    what: str,
    *,
    cache_dir: Path,
    now: str,
    data: Path | None = None,
    split: str = "",
    puzzles: int | None = None,
    segments: int | None = None,
    choices: AnalysisOptions | None = None,
    device: str = "auto",
    precision: str | None = None,
    progress: Progress = no_progress,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Return what an analysis finds of a model: ``answer``, ``numbers``, their ``summary``, ``protocol``.

    The ``answer`` is a sentence that follows from the numbers.

    Args:
        name: a run folder, a checkpoint folder or a shipped model.
        what: a name in ``QUESTIONS``.
        cache_dir: where the stores of files and of generated training puzzles are kept.
        now: the present time as ISO 8601.
        data: a store, or a CSV/JSONL file; None: unseen puzzles are generated, named by the seed.
        split: which split of a store to use; empty: ``test``, or the only split.
        puzzles: this many, from the start; None: depends on the question.
        segments: None: what the question takes; a network that answers in one pass runs one whatever is asked.
        precision: auto, fp32 or bf16; None: what the question takes.
        clock: seconds since any fixed time.

    Raises:
        UsageError, DataError: a name, value, file or checkpoint that is not what it should be.
    """
    if what not in QUESTIONS:
        hint = did_you_mean(what, list(QUESTIONS))
        raise UsageError(f"no analysis is called {what!r}; there are {', '.join(QUESTIONS)}.{hint}")
    question, choices = QUESTIONS[what], choices or AnalysisOptions()
    count = question.puzzles if puzzles is None else puzzles
    if count < 1:
        raise UsageError(f"--puzzles must be 1 or more (got {count})")
    if segments is not None and not 1 <= segments <= MOST_SEGMENTS:
        raise UsageError(f"--segments must be 1 to {MOST_SEGMENTS} (got {segments})")
    model, config, checkpoint = load_model(name, device, precision or question.precision)
    segments = segments_for(question, model, config.halting.max_segments, segments)
    rows, origin = puzzles_for(config, checkpoint, data, split, count, choices.seed, cache_dir, now)
    batches = -(-len(rows) // BATCH_SIZE)
    solver = Solver(model, family(config.data), config.halting.max_segments, batch_size=-(-len(rows) // batches))
    began = clock()
    trained_on = checkpoint.meta.get("data", {}).get("train_rows")
    try:
        found = run_analysis(what, solver, rows, segments, choices, config.train.loss, trained_on, progress)
    except UsageError as error:  # one of several models, perhaps
        raise UsageError(f"{name}: {error}") from None
    numbers = asdict(found)
    return {
        "what": what,
        "asks": question.asks,
        "model": str(name),
        "task": solver.puzzle.spec.name,
        "puzzles": f"{len(rows)} {origin['said']}",
        "segments": segments,
        "answer": answer(what, numbers, len(rows)),
        "summary": found.summary,
        "numbers": numbers,
        "protocol": describe_model(checkpoint, config, model)
        | {
            "checkpoint": checkpoint.path.name,
            "puzzles": origin | {"rows": len(rows)},
            "choices": asdict(choices),
            "batch_size": solver.batch_size,
            "wall_s": round(clock() - began, 1),
            "machine": f"{platform.machine()}, torch {torch.__version__}",
            "date": now,
        },
    }


def run_analysis(
    what: str,
    solver: Solver,
    rows: Split,
    segments: int,
    choices: AnalysisOptions,
    loss: Literal["stablemax", "softmax"] = "softmax",
    training_puzzles: int | None = None,
    progress: Progress = no_progress,
) -> Finding:
    """Ask one question of a solver and its puzzles.

    Args:
        loss: how the model's logits become probabilities.
        training_puzzles: how many it was trained on, where that is known.

    Raises:
        UsageError, DataError: the question does not fit this network, these puzzles or this number of segments.
    """
    match what:
        case "residuals":
            return residuals(solver, rows, segments, progress)
        case "trajectories":
            return trajectories(solver, rows, segments, choices.state, progress)
        case "dimensionality":
            return dimensionality(solver, rows, segments, choices.pooling, seed=choices.seed, progress=progress)
        case "intermediate":
            return intermediate(solver, rows, segments, choices.shown, progress)
        case "halting":
            return halting(solver, rows, segments, choices.seed, progress)
        case "depth":
            return depth(solver, rows, segments, progress)
        case "calibration":
            return calibration(solver, rows, segments, seed=choices.seed, progress=progress)
        case "fixed-points":
            return fixed_points(solver, rows, segments, seed=choices.seed, progress=progress)
        case "code-length":
            return code_length(solver, rows, segments, loss, training_puzzles, choices.seed, progress)
        case _:
            return memory(solver, rows)


def segments_for(question: Question, model: Network, budget: int, asked: int | None = None) -> int:
    """Return how many segments a question is asked of: so many, or what it takes; one where nothing goes on.

    Args:
        budget: segments that the model was trained with.
    """
    usual = min(max(question.least, question.budgets * budget), MOST_SEGMENTS)
    return segments_of(model, asked or usual)


def puzzles_for(
    config: RunConfig,
    checkpoint: Checkpoint,
    data: Path | None,
    split: str,
    count: int,
    seed: int,
    cache_dir: Path,
    now: str,
) -> tuple[Split, dict[str, Any]]:
    """Return the puzzles that ``analyze`` asks about, and where they come from, also in words (``said``)."""
    if data is None:
        rows, provenance = unseen(config.data, count, seed, cache_dir, now)
        return rows, provenance | {"said": f"generated puzzles (seed {seed})"}
    puzzle = family(config.data)
    store, name, rows = rows_for(puzzle, data, split, cache_dir, now)
    if puzzle.spec.has_tasks:
        rows = in_own_ids(rows, checkpoint.table, store, count)
    rows = with_answers(rows.take(slice(count)), data)
    return rows, {"said": f"puzzles of {data.name}", "data": str(data), "split": name, "digest": store.digest}
