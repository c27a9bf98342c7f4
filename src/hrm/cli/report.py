"""``hrm report``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hrm.analysis.questions import IN_A_REPORT, QUESTIONS
from hrm.cli.console import print_json, progress_line, stderr, stdout, tell_weights
from hrm.cli.options import (
    Cache,
    Device,
    Json,
    Model,
    Precision,
    Seed,
    Segments,
    SplitName,
    UserPuzzle,
    output,
    register_own,
)
from hrm.runtime.environment import cache_folder, present


def report(
    model: Model,
    /,
    *,
    out: Annotated[Path, output("HTML file to write. It needs no other file.")] = Path("report.html"),
    data: Annotated[
        Path | None, Parameter(help="Store or file of puzzles. Default: generate held-out puzzles.")
    ] = None,
    split: SplitName = "",
    puzzles: Annotated[int, Parameter(help="Number of puzzles to measure.")] = 100,
    segments: Segments = None,
    analyses: Annotated[
        str, Parameter(help=f"Questions, separated by commas; `all`; or `none`. Known: {', '.join(QUESTIONS)}.")
    ] = ",".join(IN_A_REPORT),
    seed: Seed = 1,
    device: Device = "auto",
    precision: Precision = "auto",
    puzzle: UserPuzzle = "",
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Write a page about a model: results, halting, animated puzzles and internals; the file works offline.

    Example: `hrm report sudoku-4x4 --out report.html`.
    """
    from hrm.inference.origin import locate

    located = locate(model)
    from hrm.workflows.measure import write_report
    from hrm.workflows.report import ReportRequest

    register_own(puzzle, model)
    named = [] if analyses == "none" else list(QUESTIONS) if analyses == "all" else analyses.split(",")
    request = ReportRequest(
        model, data, cache_dir=cache_folder(cache), now=present(), split=split, puzzles=puzzles,
        segments=segments, analyses=[name.strip() for name in named], seed=seed, device=device, precision=precision,
    )  # fmt: skip
    command = shlex.join(["hrm", *sys.argv[1:]])
    numbers, size = write_report(request, out, command, lambda part: progress_line(stderr(), part))
    last, stops = numbers["results"]["per_segment"][-1], numbers["halting"]
    tell_weights(located)
    if json:
        kept = {key: numbers[key] for key in ("model", "task", "puzzles", "results", "halting", "protocol")}
        summaries = {entry["what"]: entry.get("summary") for entry in numbers["analyses"]}
        print_json({"file": str(out), "bytes": size, **kept, "analyses": summaries})
        return
    low, high = last["exact_ci95"]
    stdout().print(
        f"{out}: exact {last['exact']:.1%} (95 % interval {low:.1%} – {high:.1%}) of {numbers['puzzles']}, "
        f"{stops['segments_mean']:.2f} segments with early exit; {size / 2**20:.1f} MiB, "
        f"{numbers['protocol']['wall_s']:.0f} s",
        soft_wrap=True,
    )
