"""``hrm analyze``."""

import json as json_module
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.table import Table

from hrm.analysis.questions import QUESTIONS
from hrm.cli.common import (
    Cache,
    Device,
    Json,
    Own,
    admit_own,
    cache_folder,
    present,
    print_json,
    progress_line,
    stderr,
    stdout,
)

MODELS_A_TABLE = 3
"""Side by side in a terminal; the rest stands below."""


def analyze(
    models: Annotated[list[str], Parameter(name="MODEL", help="Run folders, checkpoint folders or shipped models.")],
    /,
    *,
    what: Annotated[str, Parameter(help=f"The question: {', '.join(QUESTIONS)}.")],
    data: Annotated[
        Path | None, Parameter(help="A store, or a CSV/JSONL file; default: unseen puzzles are generated.")
    ] = None,
    split: Annotated[str, Parameter(help="Split of a store; default: test, or the only one.")] = "",
    puzzles: Annotated[int | None, Parameter(help="The first so many; default: what the question takes.")] = None,
    segments: Annotated[int | None, Parameter(help="Default: what the question takes.")] = None,
    out: Annotated[Path, Parameter(help="Folder for the figure (PNG, SVG) and the numbers (JSON).")] = Path("figures"),
    figure: Annotated[bool, Parameter(help="Draw the figure; needs matplotlib.")] = True,
    seed: Annotated[int, Parameter(help="Names the generated puzzles and every random draw.")] = 1,
    pooling: Annotated[
        Literal["positions", "means"], Parameter(help="Of dimensionality: what counts as one state.")
    ] = "positions",
    state: Annotated[Literal["flattened", "mean"], Parameter(help="Of trajectories: what is a state.")] = "flattened",
    shown: Annotated[int | None, Parameter(help="Of intermediate: number of the puzzle to show, from 0.")] = None,
    device: Device = "auto",
    precision: Annotated[
        str | None, Parameter(help="auto (as trained), fp32 or bf16; default: what the question takes.")
    ] = None,
    puzzle: Own = "",
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Look inside one or several models: a figure, its numbers, and a short table.

    Example: `hrm analyze sudoku-4x4 --what residuals`.
    """
    from hrm.analysis.protocol import Choices
    from hrm.analysis.protocol import analyze as analyze_model
    from hrm.data.folders import replace_file, require_writable_file
    from hrm.plot.canvas import require_matplotlib, write
    from hrm.plot.figures import draw

    admit_own(puzzle)
    if figure:
        require_matplotlib()
    stem = out / "-".join((what, *(Path(name).name for name in models)))
    require_writable_file(stem.with_name(f"{stem.name}.json"))
    found = [
        analyze_model(
            name,
            what,
            cache_dir=cache_folder(cache),
            now=present(),
            data=data,
            split=split,
            puzzles=puzzles,
            segments=segments,
            choices=Choices(seed, pooling, state, shown),
            device=device,
            precision=precision,
            progress=progress_line(stderr(), name),
        )  # fmt: skip
        for name in models
    ]
    numbers = stem.with_name(f"{stem.name}.json")
    text = json_module.dumps({"what": what, "models": found}, indent=1, ensure_ascii=False, allow_nan=False)
    replace_file(numbers, (text + "\n").encode())
    files = [numbers, *(write(draw(what, found), stem) if figure else [])]
    if json:
        print_json({"what": what, "models": found, "files": [str(file) for file in files]})
        return
    for start in range(0, len(found), MODELS_A_TABLE):
        stdout().print(_table(found, slice(start, start + MODELS_A_TABLE)))
    stdout().print(f"written: {', '.join(str(file) for file in files)}", soft_wrap=True, markup=False)


def _table(found: list[dict[str, Any]], shown: slice) -> Table:
    """Return the headline numbers of some of the models, whose names are short among all."""
    from hrm.plot.figures import short_names

    table = Table(title=found[0]["asks"], caption="; ".join(dict.fromkeys(entry["puzzles"] for entry in found)))
    table.add_column("")
    for name in short_names([entry["model"] for entry in found])[shown]:
        table.add_column(name, justify="right")
    names = dict.fromkeys(name for entry in found for name in entry["summary"])
    for name in names:
        table.add_row(name, *(_shown(entry["summary"].get(name)) for entry in found[shown]))
    return table


def _shown(value: float | str | None) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
