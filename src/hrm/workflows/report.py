"""A report on a model: what it reaches, how it halts, puzzles to watch, what is inside, how to measure it again.

``report`` measures and returns plain values; ``hrm.viz.report.page`` makes one HTML file of them.
"""

import hashlib
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hrm.analysis.questions import IN_A_REPORT, QUESTIONS
from hrm.analysis.run import BATCH_SIZE, AnalysisOptions, puzzles_for, run_analysis, segments_for
from hrm.checkpoint import Checkpoint
from hrm.config import RunConfig
from hrm.data.prepare import family
from hrm.data.store import Split
from hrm.errors import UsageError, did_you_mean
from hrm.evaluation.metrics import Scores, Summary, score, summarize, wilson_interval
from hrm.evaluation.rollout import Progress, no_progress, rollout
from hrm.inference.load import BEST, CHECKPOINTS, describe_model, load_model
from hrm.inference.solver import MOST_SEGMENTS, Solver
from hrm.model.flops import flops_per_segment
from hrm.model.network import Network, parameter_counts
from hrm.train.log import METRICS, read_metrics
from hrm.viz.figures.draw import answer, draw
from hrm.viz.figures.sentences import meaning
from hrm.viz.figures.sentences import shown as shown_number
from hrm.viz.figures.style import has_matplotlib, rendered
from hrm.workflows.gallery import gallery


def report(
    name: str | Path,
    *,
    cache_dir: Path,
    now: str,
    data: Path | None = None,
    split: str = "",
    puzzles: int = 100,
    segments: int | None = None,
    analyses: Sequence[str] = IN_A_REPORT,
    seed: int = 1,
    device: str = "auto",
    precision: str = "auto",
    progress: Callable[[str], Progress] = lambda what: no_progress,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Measure a model and return all that its report shows, as plain values.

    Args:
        name: a run folder, a checkpoint folder or a shipped model.
        cache_dir: where the stores of files and of generated training puzzles are kept.
        now: the present time as ISO 8601.
        data: a store, or a CSV/JSONL file; None: unseen puzzles are generated, named by the seed.
        split: which split of a store to use; empty: ``test``, or the only split.
        puzzles: this many, from the start.
        segments: None: the budget of the training.
        analyses: names in ``QUESTIONS``; each gets the first of the same puzzles.
        seed: of the generated puzzles and every random draw.
        progress: called with the name of a part, returns what is told how far it is.
        clock: seconds since any fixed time.

    Raises:
        UsageError, DataError: a name, value, file or checkpoint that is not what it should be.
    """
    for what in analyses:
        if what not in QUESTIONS:
            hint = did_you_mean(what, list(QUESTIONS))
            raise UsageError(f"no analysis is called {what!r}; there are {', '.join(QUESTIONS)}.{hint}")
    if puzzles < 1:
        raise UsageError(f"--puzzles must be 1 or more (got {puzzles})")
    if segments is not None and not 1 <= segments <= MOST_SEGMENTS:
        raise UsageError(f"--segments must be 1 to {MOST_SEGMENTS} (got {segments})")
    began = clock()
    model, config, checkpoint = load_model(name, device, precision)
    budget = segments or config.halting.max_segments
    rows, origin = puzzles_for(config, checkpoint, data, split, puzzles, seed, cache_dir, now)
    solver = Solver(model, family(config.data), config.halting.max_segments, _batch_size(len(rows)))
    steps = list(rollout(solver, rows, budget, progress("answers")))
    scores = Scores.join(list(score(steps, solver.puzzle)), axis=1)
    solved = scores.by_rules.get("valid", scores.exact)
    total = summarize([scores], budget)
    return {
        "model": str(name),
        "title": Path(name).resolve().name if Path(name).exists() else str(name),
        "task": solver.puzzle.spec.name,
        "puzzles": f"{len(rows)} {origin['said']}",
        "results": results(total, config.halting.max_segments),
        "halting": stopping(total),
        "gallery": gallery(solver.puzzle, rows, steps, scores, solved),
        "analyses": _analyses(name, solver, rows, config, checkpoint, analyses, seed, device, origin["said"], progress),
        "training": training(checkpoint.path),
        "card": _card(model, config, checkpoint),
        "protocol": describe_model(checkpoint, config, model)
        | {
            "checkpoint": checkpoint.path.name,
            "puzzles": {key: value for key, value in origin.items() if key != "said"} | {"rows": len(rows)},
            "rows_sha256": digest(rows),
            "seed": seed,
            "segments": budget,
            "early_exit_rule": "q_halt_logit > q_continue_logit" if config.model.q_continue else "q_halt_logit > 0",
            "batch_size": solver.batch_size,
            "machine": f"{platform.machine()}, torch {torch.__version__}",
            "wall_s": round(clock() - began, 1),
            "date": now,
        },
    }


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


def digest(rows: Split) -> str:
    """Return the sha256 of the puzzles and their answers, as they were measured."""
    summed = hashlib.sha256()
    for part in (rows.inputs, rows.labels):
        summed.update(np.ascontiguousarray(part).tobytes())
    return summed.hexdigest()


def _batch_size(count: int) -> int:
    return -(-count // -(-count // BATCH_SIZE))


def _analyses(
    name: str | Path,
    solver: Solver,
    rows: Split,
    config: RunConfig,
    checkpoint: Checkpoint,
    analyses: Sequence[str],
    seed: int,
    device: str,
    said: str,
    progress: Callable[[str], Progress],
) -> list[dict[str, Any]]:
    """Return for each question its headline numbers and its figure, or why it has no answer."""
    trained_on = checkpoint.meta.get("data", {}).get("train_rows")
    exactly = solver if solver.model.dtype == torch.float32 else None
    entries: list[dict[str, Any]] = []
    for what in analyses:
        question = QUESTIONS[what]
        if question.precision == "fp32" and exactly is None:
            model, _, _ = load_model(name, device, "fp32")
            exactly = Solver(model, solver.puzzle, solver.max_segments, solver.batch_size)
        asked = exactly if question.precision == "fp32" and exactly is not None else solver
        count = min(len(rows), question.few or question.puzzles)
        few = Split(rows.inputs[:count], rows.labels[:count], rows.puzzle_ids[:count], rows.ratings[:count])
        segments = segments_for(question, solver.model, config.halting.max_segments)
        entry = {"what": what, "asks": question.asks, "puzzles": count, "segments": segments}
        chosen = Solver(asked.model, asked.puzzle, asked.max_segments, _batch_size(count))
        try:
            choices = AnalysisOptions(seed)
            result = run_analysis(what, chosen, few, segments, choices, config.train.loss, trained_on, progress(what))
        except UsageError as error:  # a question that does not fit this network says so on the page
            entries.append(entry | {"refused": str(error)})
            continue
        numbers = asdict(result)
        answered = answer(what, numbers, count)
        shown = {"model": Path(name).name, "puzzles": f"{count} {said}", "numbers": numbers, "answer": answered}
        figure = rendered(draw(what, [shown]), "svg").decode() if has_matplotlib() else None
        facts = [(key, shown_number(key, value), meaning(key)) for key, value in result.summary.items()]
        entries.append(entry | {"answer": answered, "summary": result.summary, "facts": facts, "figure": figure})
    return entries


_SIZES = ("width", "heads", "h_layers", "l_layers", "layers", "message", "inner", "mixer", "positions", "tied")


def _card(model: Network, config: RunConfig, checkpoint: Checkpoint) -> dict[str, Any]:
    """Return what a model is and how it was trained; None where the checkpoint does not say."""
    counts, table = parameter_counts(model)
    sizes, meta = config.model.model_dump(), checkpoint.meta
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
        "weights_sha256": checkpoint.weights_sha256,
    }
