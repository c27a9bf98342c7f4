"""What ``hrm eval``, ``scale``, ``analyze`` and ``report`` do: measure, and write the files that were asked for."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hrm.analysis.run import AnalyzeRequest, analyze
from hrm.data.store import Store
from hrm.errors import UsageError
from hrm.evaluation.arc import tested_tasks, write_submission
from hrm.evaluation.record import source_tree, write_record
from hrm.evaluation.request import EvalRequest, ScaleRequest
from hrm.evaluation.rollout import Progress, no_progress
from hrm.evaluation.run import evaluate_model
from hrm.evaluation.scale import scale_model
from hrm.evaluation.tasks import Ranked
from hrm.files import replace_file, require_writable_file
from hrm.inference.answer import counted
from hrm.runtime.quoting import json_text
from hrm.viz.figures.draw import draw
from hrm.viz.figures.scale import draw_scale, sentence
from hrm.viz.figures.style import require_matplotlib, write
from hrm.viz.puzzle.arc_sheet import SUFFIXES, save_sheet
from hrm.viz.puzzle.encode import require_suffix
from hrm.viz.report.page import page
from hrm.workflows.report import ReportRequest, report


def evaluate_to_files(
    request: EvalRequest,
    command: str,
    record: Path | None = None,
    submission: Path | None = None,
    sheet: Path | None = None,
    progress: Progress = no_progress,
) -> tuple[dict[str, Any], int]:
    """Measure a model and write the files that are given; return the metrics and the number of ARC tests answered.

    Args:
        command: what to repeat the measurement with.
        record: JSON file with everything needed to repeat it.
        submission: for ARC, the answers in the format of the ARC Prize.
        sheet: for ARC, a picture of the attempts.

    Raises:
        UsageError, DataError: as ``evaluate_model``.
        HrmError: a file cannot be written; nothing is measured then.
    """
    # what can be refused at once
    for file in (record, submission, sheet):
        if file is not None:
            require_writable_file(file)
    if sheet is not None:
        require_suffix(sheet, SUFFIXES)
    source = source_tree() if record else {}  # asked now, because files may change while it measures
    stores: list[Store] = []
    ranked: Ranked = {}

    def keep(store: Store, candidates: Ranked) -> None:
        stores.append(store)
        ranked.update(candidates)

    # measure and write
    began = time.monotonic()
    metrics = evaluate_model(request, keep, progress)
    if submission is not None:
        write_submission(submission, ranked)
    if sheet is not None:
        tasks = [task for store in stores for task in tested_tasks(store, len(ranked))]
        save_sheet(tasks, ranked, sheet, f"{request.model}, {counted(metrics['protocol']['segments'], 'segment')}")
    if record is not None:
        write_record(record, metrics, source, command, time.monotonic() - began)
    return metrics, len(ranked)


def analyze_to_files(
    requests: Sequence[AnalyzeRequest],
    out: Path,
    figure: bool = True,
    progress: Callable[[str], Progress] = lambda model: no_progress,
) -> tuple[list[dict[str, Any]], list[Path]]:
    """Ask one question of several models; return the answers and the files written: numbers (JSON) and figure.

    Args:
        requests: one for each model, all with the same question.
        out: folder for the files.
        figure: draw it, as PNG and SVG.
        progress: called with the name of a model, returns what is called with the puzzles done and all of them.

    Raises:
        UsageError, DataError: as ``analyze``; matplotlib is missing.
        HrmError: a file cannot be written; nothing is measured then.
    """
    if figure:
        require_matplotlib()
    what = requests[0].what
    stem = out / "-".join((what, *(Path(str(request.model)).name for request in requests)))
    numbers = stem.with_name(f"{stem.name}.json")
    require_writable_file(numbers)
    entries = [analyze(request, progress(str(request.model))) for request in requests]
    text = json_text({"what": what, "models": entries}, indent=1)
    replace_file(numbers, (text + "\n").encode())
    return entries, [numbers, *(write(draw(what, entries), stem) if figure else [])]


def scale_to_files(
    request: ScaleRequest, out: Path, command: str, figure: bool = True, progress: Progress = no_progress
) -> tuple[dict[str, Any], list[Path]]:
    """Measure what more thought buys a model; return the numbers and the files written: numbers (JSON) and figure.

    Args:
        out: folder for the files.
        command: what to repeat the measurement with.
        figure: draw it, as PNG and SVG.

    Raises:
        UsageError, DataError: as ``scale_model``; matplotlib is missing.
        HrmError: a file cannot be written; nothing is measured then.
    """
    if figure:
        require_matplotlib()
    stem = out / f"scale-{Path(str(request.model)).name}"
    file = stem.with_name(f"{stem.name}.json")
    require_writable_file(file)
    source, began = source_tree(), time.monotonic()
    numbers = scale_model(request, progress)
    numbers["answer"] = sentence(numbers)
    write_record(file, numbers, source, command, time.monotonic() - began)
    return numbers, [file, *(write(draw_scale(numbers), stem) if figure else [])]


def write_report(
    request: ReportRequest,
    out: Path,
    command: str,
    progress: Callable[[str], Progress] = lambda part: no_progress,
) -> tuple[dict[str, Any], int]:
    """Measure a model, write its page, and return the numbers and the bytes of the page.

    Args:
        command: what to repeat the report with.

    Raises:
        UsageError: the file does not end in .html, or an option is wrong.
        HrmError: the file cannot be written; nothing is measured then.
    """
    if out.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"a report is an HTML file: {str(out)!r} must end in .html")
    require_writable_file(out)
    source = source_tree()  # asked now, because files may change while it measures, but not the code that runs
    numbers = report(request, progress)
    written = page(numbers, command, source).encode()
    replace_file(out, written)
    return numbers, len(written)
