"""``hrm analyze``."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.table import Table

from hrm import pretrained
from hrm.analysis.questions import What
from hrm.cli.console import print_json, progress_line, stderr, stdout, tell_weights
from hrm.cli.options import Cache, Device, Json, Seed, SplitName, UserPuzzle, output, register_own
from hrm.runtime.environment import cache_folder, present

MODELS_A_TABLE = 3
"""Side by side in a terminal; the rest stands below."""


def analyze(
    models: Annotated[
        list[str],
        Parameter(
            name="MODEL",
            help="Shipped models, run folders or checkpoint folders.",
            completer=lambda context: pretrained.names(),
        ),
    ],
    /,
    *,
    what: Annotated[What, Parameter(help="The question to ask (docs/inside.md explains each).")],
    data: Annotated[
        Path | None, Parameter(help="Store or file of puzzles. Default: generate held-out puzzles.")
    ] = None,
    split: SplitName = "",
    puzzles: Annotated[int | None, Parameter(help="Number of puzzles. Default: depends on the question.")] = None,
    segments: Annotated[int | None, Parameter(help="Number of segments. Default: depends on the question.")] = None,
    out: Annotated[Path, output("Folder for the figure (PNG, SVG) and the numbers (JSON).")] = Path("figures"),
    figure: Annotated[bool, Parameter(help="Draw the figure (needs matplotlib).")] = True,
    seed: Seed = 1,
    pooling: Annotated[
        Literal["positions", "means"], Parameter(help="For dimensionality: what counts as one state.")
    ] = "positions",
    state: Annotated[
        Literal["flattened", "mean"], Parameter(help="For trajectories: what counts as one state.")
    ] = "flattened",
    shown: Annotated[int | None, Parameter(help="For intermediate: which puzzle to show, from 0.")] = None,
    device: Device = "auto",
    precision: Annotated[
        Literal["auto", "fp32", "bf16"] | None,
        Parameter(help="Arithmetic. auto: as in training. Default: depends on the question."),
    ] = None,
    puzzle: UserPuzzle = "",
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Look inside one or several models: a figure, its numbers, and a short table.

    Example: `hrm analyze sudoku-4x4 --what residuals`.
    """
    from hrm.inference.origin import locate

    for name in models:
        locate(name)
    from hrm.analysis.run import AnalysisOptions, AnalyzeRequest
    from hrm.viz.figures.draw import short_names
    from hrm.workflows.measure import analyze_to_files

    register_own(puzzle, *models)
    request = AnalyzeRequest(
        models[0], data, what=what, cache_dir=cache_folder(cache), now=present(), split=split,
        puzzles=puzzles, segments=segments, seed=seed, options=AnalysisOptions(seed, pooling, state, shown),
        device=device, precision=precision,
    )  # fmt: skip
    requests = [replace(request, model=name) for name in models]
    entries, files = analyze_to_files(requests, out, figure, lambda name: progress_line(stderr(), name))
    tell_weights(*map(locate, models))
    if json:
        print_json({"what": what, "models": entries, "files": [str(file) for file in files]})
        return
    say = stdout().print
    for start in range(0, len(entries), MODELS_A_TABLE):
        say(_table(entries, slice(start, start + MODELS_A_TABLE)))
    for name, entry in zip(short_names([entry["model"] for entry in entries]), entries, strict=True):
        say(f"{name}: {entry['answer']}", soft_wrap=True)
    say(f"written: {', '.join(str(file) for file in files)}", soft_wrap=True)


def _table(entries: list[dict[str, Any]], shown: slice) -> Table:
    """Return the headline numbers of some of the models, whose names are short among all."""
    from hrm.viz.figures.draw import short_names
    from hrm.viz.figures.sentences import shown as shown_number

    table = Table(title=entries[0]["asks"], caption="; ".join(dict.fromkeys(entry["puzzles"] for entry in entries)))
    table.add_column("")
    for name in short_names([entry["model"] for entry in entries])[shown]:
        table.add_column(name, justify="right")
    names = dict.fromkeys(name for entry in entries for name in entry["summary"])
    for name in names:
        table.add_row(name, *(shown_number(name, entry["summary"].get(name)) for entry in entries[shown]))
    return table
