"""Ask a model by name a question by name, and say how the numbers were obtained."""

import time
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

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
from hrm.data.store import Split
from hrm.errors import UsageError, did_you_mean
from hrm.evaluation.provenance import provenance
from hrm.evaluation.request import Request
from hrm.evaluation.rollout import Progress, no_progress
from hrm.evaluation.run import choose_puzzles, open_solver, rows_to_score
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


@dataclass(frozen=True)
class AnalyzeRequest(Request):
    """What ``hrm analyze`` asks of one model."""

    _: KW_ONLY
    what: str
    """A name in ``QUESTIONS``."""
    puzzles: int | None = None
    """This many, from the start; None: what the question takes."""
    options: AnalysisOptions = AnalysisOptions()
    precision: str | None = None


ANALYSES: dict[str, tuple[Callable[..., Finding], tuple[str, ...]]] = {
    "residuals": (residuals, ()),
    "trajectories": (trajectories, ("state",)),
    "dimensionality": (dimensionality, ("pooling", "seed")),
    "intermediate": (intermediate, ("shown",)),
    "halting": (halting, ("seed",)),
    "depth": (depth, ()),
    "calibration": (calibration, ("seed",)),
    "fixed-points": (fixed_points, ("seed",)),
    "code-length": (code_length, ("seed",)),
}
"""The function behind each question about segments, and the options that it takes."""


def analyze(request: AnalyzeRequest, progress: Progress = no_progress) -> dict[str, Any]:
    """Return what an analysis finds of a model: ``answer``, ``numbers``, their ``summary``, ``protocol``.

    The ``answer`` is a sentence that follows from the numbers.

    Raises:
        UsageError, DataError: a name, value, file or checkpoint that is not what it should be.
    """
    # the question, the model and the puzzles
    require_questions([request.what])
    question = QUESTIONS[request.what]
    count = question.puzzles if request.puzzles is None else request.puzzles
    request.require_counts(puzzles=count)
    solver = open_solver(request, precision=request.precision or question.precision)
    segments = segments_for(question, solver.model, solver.max_segments, request.segments)
    rows, source = puzzles_to_analyze(solver, request, count)
    solver = in_batches(solver, len(rows))

    # the answer, and how it was obtained
    began = time.perf_counter()
    try:
        finding = run_analysis(request.what, solver, rows, segments, request.options, progress)
    except UsageError as error:  # one of several models, perhaps
        raise UsageError(f"{request.model}: {error}") from None
    numbers = asdict(finding)
    protocol = {
        "puzzles": source | {"rows": len(rows)},
        "choices": asdict(request.options),
        "batch_size": solver.batch_size,
        "wall_s": round(time.perf_counter() - began, 1),
    }
    return {
        "what": request.what,
        "asks": question.asks,
        "model": str(request.model),
        "task": solver.puzzle.spec.name,
        "puzzles": f"{len(rows)} {request.puzzles_from}",
        "segments": segments,
        "answer": answer(request.what, numbers, len(rows)),
        "summary": finding.summary,
        "numbers": numbers,
        "protocol": provenance(solver, protocol, request.now),
    }


def run_analysis(
    what: str,
    solver: Solver,
    rows: Split,
    segments: int,
    options: AnalysisOptions,
    progress: Progress = no_progress,
) -> Finding:
    """Ask one question of a solver and its puzzles.

    Raises:
        UsageError, DataError: the question does not fit this network, these puzzles or this number of segments.
    """
    if what == "memory":
        return memory(solver, rows)
    function, names = ANALYSES[what]
    return function(solver, rows, segments, progress=progress, **{name: getattr(options, name) for name in names})


def require_questions(names: Sequence[str]) -> None:
    """Refuse names of which there is no question.

    Raises:
        UsageError: names the first one.
    """
    for what in names:
        if what not in QUESTIONS:
            hint = did_you_mean(what, list(QUESTIONS))
            raise UsageError(f"no analysis is called {what!r}; there are {', '.join(QUESTIONS)}.{hint}")


def segments_for(question: Question, model: Network, budget: int, asked: int | None = None) -> int:
    """Return how many segments a question is asked of: so many, or what it takes; one where nothing goes on.

    Args:
        budget: segments that the model was trained with.
    """
    usual = min(max(question.least, question.budgets * budget), MOST_SEGMENTS)
    return segments_of(model, asked or usual)


def puzzles_to_analyze(solver: Solver, request: Request, count: int) -> tuple[Split, dict[str, Any]]:
    """Return the first puzzles with a known answer, and where they come from, also in words (``said``)."""
    chosen, words = choose_puzzles(solver, request, count), {"said": request.puzzles_from}
    if chosen.store is None:
        return chosen.rows, chosen.provenance | words
    rows = rows_to_score(solver, chosen.store, chosen.split, count, request.data)
    return rows, words | {"data": str(request.data), "split": chosen.split, "digest": chosen.store.digest}


def in_batches(solver: Solver, count: int) -> Solver:
    """Return the solver with the batch size that splits so many puzzles evenly."""
    solver = copy(solver)
    solver.batch_size = -(-count // -(-count // BATCH_SIZE))
    return solver
