"""A report on a model: what it reaches, how it halts, puzzles to watch, what is inside, how to measure it again.

``report`` measures and returns plain values; ``hrm.viz.report.page`` makes one HTML file of them.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from hrm.analysis.questions import IN_A_REPORT, QUESTIONS
from hrm.analysis.run import (
    AnalysisOptions,
    in_batches,
    puzzles_to_analyze,
    require_questions,
    run_analysis,
    segments_for,
)
from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.evaluation.metrics import Scores, Summary, score, summarize, wilson_interval
from hrm.evaluation.provenance import digest, early_exit_rule, machine, provenance
from hrm.evaluation.request import Request
from hrm.evaluation.rollout import Progress, no_progress, rollout
from hrm.evaluation.run import open_solver
from hrm.inference.origin import BEST, CHECKPOINTS, Origin
from hrm.inference.solver import Solver
from hrm.model.flops import flops_per_segment
from hrm.model.network import Network, parameter_counts
from hrm.train.log import METRICS, read_metrics
from hrm.viz.figures.draw import answer, draw
from hrm.viz.figures.sentences import meaning
from hrm.viz.figures.sentences import shown as shown_number
from hrm.viz.figures.style import has_matplotlib, rendered
from hrm.workflows.gallery import gallery


@dataclass(frozen=True)
class ReportRequest(Request):
    """What ``hrm report`` shows of a model."""

    _: KW_ONLY
    puzzles: int = 100
    """This many, from the start."""
    analyses: Sequence[str] = IN_A_REPORT
    """Names in ``QUESTIONS``; each gets the first of the same puzzles."""


def report(request: ReportRequest, progress: Callable[[str], Progress] = lambda part: no_progress) -> dict[str, Any]:
    """Measure a model and return all that its report shows, as plain values.

    Args:
        request: the model, the puzzles and the questions.
        progress: called with the name of a part, returns what is called with the puzzles done and those of the part.

    Raises:
        UsageError, DataError: a name, value, file or checkpoint that is not what it should be.
    """
    # the model and the puzzles
    require_questions(request.analyses)
    request.require_counts(puzzles=request.puzzles)
    began = time.perf_counter()
    solver, name = open_solver(request), Path(str(request.model))
    origin = solver.origin
    assert origin is not None
    budget = request.segments or solver.max_segments
    rows, source = puzzles_to_analyze(solver, request, request.puzzles)
    solver = in_batches(solver, len(rows))

    # what it answers, and what is inside
    steps = list(rollout(solver, rows, budget, progress("answers")))
    scores = Scores.join(list(score(steps, solver.puzzle)), axis=1)
    total = summarize([scores], budget)
    report = {
        "model": str(request.model),
        "title": name.resolve().name if name.exists() else str(name),
        "task": solver.puzzle.spec.name,
        "puzzles": f"{len(rows)} {request.puzzles_from}",
        "results": results(total, solver.max_segments),
        "halting": stopping(total),
        "gallery": gallery(solver.puzzle, rows, steps, scores),
        "analyses": _analyses(request, solver, rows, progress),
        "training": training(origin.path),
        "card": _card(solver.model, origin),
    }

    # how it was measured
    protocol = {
        "puzzles": {key: value for key, value in source.items() if key != "said"} | {"rows": len(rows)},
        "rows_sha256": digest(rows),
        "seed": request.seed,
        "segments": budget,
        "early_exit_rule": early_exit_rule(origin.config),
        "batch_size": solver.batch_size,
        "machine": machine(),
        "wall_s": round(time.perf_counter() - began, 1),
    }
    return report | {"protocol": provenance(solver, protocol, request.now)}


def results(total: Summary, budget: int) -> dict[str, Any]:
    """Return the shares that are right after every segment, as ``hrm eval`` defines them.

    Args:
        budget: segments that the model was trained with.
    """
    per_segment = [
        {"segment": number, "exact": shares["exact"], "exact_ci95": interval, **shares}
        for number, (shares, interval) in enumerate(zip(total.shares, total.intervals, strict=True), start=1)
    ]
    return {"examples": total.examples, "trained_budget": budget, "per_segment": per_segment}


def stopping(total: Summary) -> dict[str, Any]:
    """Return what early exit answers, and how many puzzles use how many segments."""
    interval = list(wilson_interval(sum(total.right), total.examples))
    return {
        "budget": len(total.right), "exact": total.early_exit["exact"], "exact_ci95": interval, **total.early_exit,
        "right": total.right, "wrong": total.wrong,
    }  # fmt: skip


def training(checkpoint: Path) -> list[dict[str, Any]]:
    """Return the log of the run that a checkpoint belongs to; empty where it lies in no run folder."""
    if checkpoint.name == BEST:
        return read_metrics(checkpoint.parent / METRICS)
    if checkpoint.parent.name == CHECKPOINTS:
        return read_metrics(checkpoint.parents[1] / METRICS)
    return []


def _analyses(
    request: ReportRequest, solver: Solver, rows: Split, progress: Callable[[str], Progress]
) -> list[dict[str, Any]]:
    """Return for each question its headline numbers and its figure, or why it has no answer."""
    exactly = solver if solver.model.dtype == torch.float32 else None
    entries: list[dict[str, Any]] = []
    for what in request.analyses:
        # the question and its puzzles
        question = QUESTIONS[what]
        if question.precision == "fp32" and exactly is None:
            exactly = open_solver(request, precision="fp32")
        count = min(len(rows), question.few or question.puzzles)
        asked = in_batches(exactly if question.precision == "fp32" and exactly else solver, count)
        segments = segments_for(question, solver.model, solver.max_segments)
        entry = {"what": what, "asks": question.asks, "puzzles": count, "segments": segments}

        # its answer
        few, options = rows.take(slice(count)), AnalysisOptions(request.seed)
        try:
            finding = run_analysis(what, asked, few, segments, options, progress(what))
        except UsageError as error:  # a question that does not fit this network says so on the page
            entries.append(entry | {"refused": str(error)})
            continue
        numbers, summary = asdict(finding), finding.summary
        words = {"answer": answer(what, numbers, count)}
        shown = {"model": Path(str(request.model)).name, "puzzles": f"{count} {request.puzzles_from}"}
        drawing = [shown | words | {"numbers": numbers}]
        figure = rendered(draw(what, drawing), "svg").decode() if has_matplotlib() else None
        facts = [(key, shown_number(key, value), meaning(key)) for key, value in summary.items()]
        entries.append(entry | words | {"summary": summary, "facts": facts, "figure": figure})
    return entries


_SIZES = ("width", "heads", "h_layers", "l_layers", "layers", "message", "inner", "mixer", "positions", "tied")


def _card(model: Network, origin: Origin) -> dict[str, Any]:
    """Return what a model is and how it was trained; None where the checkpoint does not say."""
    config, meta = origin.config, origin.meta
    counts, table = parameter_counts(model)
    sizes = config.model.model_dump()
    return {
        "recipe": config.recipe,
        "kind": config.model.title,
        "parameters": sum(counts.values()),
        "puzzle_table": table,
        "components": counts,
        "sizes": {key: sizes[key] for key in _SIZES if key in sizes},
        "loop": str(config.model.loop),
        "max_segments": config.halting.max_segments,
        "gflops_per_segment": flops_per_segment(config.model) / 1e9,
        "updates": meta.get("update"),
        "updates_planned": config.train.updates,
        "slots": config.train.batch_size,
        "seed": config.train.seed,
        "trained_s": meta.get("trained_s"),
        "hardware": meta.get("hardware"),
        "choice": meta.get("choice"),
        "best": meta.get("best"),
        "data": meta.get("data"),
        "weights_sha256": origin.weights_sha256,
    }
