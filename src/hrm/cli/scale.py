"""``hrm scale``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from hrm.cli.console import print_json, progress_line, stderr, stdout, tell_weights
from hrm.cli.options import Cache, Device, Json, Model, Precision, Seed, SplitName, UserPuzzle, output, register_own
from hrm.evaluation.usual import SCALE_BUDGET, SCALE_COPIES, SCALE_PUZZLES, SCALE_SEGMENTS
from hrm.runtime.environment import cache_folder, present


def scale(
    model: Model,
    /,
    *,
    data: Annotated[
        Path | None, Parameter(help="Store, or file with question and answer. Default: generate held-out puzzles.")
    ] = None,
    split: SplitName = "",
    puzzles: Annotated[int, Parameter(help="Number of puzzles, from the start.")] = SCALE_PUZZLES,
    segments: Annotated[int, Parameter(help="Number of segments of each of several runs.")] = SCALE_SEGMENTS,
    copies: Annotated[int, Parameter(help="Number of runs of a puzzle, at most.")] = SCALE_COPIES,
    budget: Annotated[int, Parameter(help="Number of segments that the search may spend on a puzzle.")] = SCALE_BUDGET,
    seed: Seed = 1,
    out: Annotated[Path, output("Folder for the figure (PNG, SVG) and the numbers (JSON).")] = Path("figures"),
    figure: Annotated[bool, Parameter(help="Draw the figure (needs matplotlib).")] = True,
    device: Device = "auto",
    precision: Precision = "auto",
    puzzle: UserPuzzle = "",
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Measure what more thought buys: accuracy against segments and seconds, for each way to spend them.

    Example: `hrm scale sudoku-9x9 --data examples/hardest.csv`.
    """
    from hrm.inference.origin import locate

    located = locate(model)
    from hrm.evaluation.request import ScaleRequest
    from hrm.workflows.measure import scale_to_files

    register_own(puzzle, model)
    request = ScaleRequest(
        model, data, cache_dir=cache_folder(cache), now=present(), split=split, segments=segments, seed=seed,
        device=device, precision=precision, puzzles=puzzles, copies=copies, budget=budget,
    )  # fmt: skip
    command = shlex.join(["hrm", *sys.argv[1:]])
    numbers, files = scale_to_files(request, out, command, figure, progress_line(stderr(), "runs"))
    tell_weights(located)
    if json:
        print_json(numbers | {"files": [str(file) for file in files]})
        return
    say = stdout().print
    for kind in dict.fromkeys(curve["kind"] for curve in numbers["curves"]):
        say(_table(kind, [curve for curve in numbers["curves"] if curve["kind"] == kind]))
    say(f"{numbers['data']}; right: {numbers['right']}. {numbers['answer']}", soft_wrap=True)
    say(f"written: {', '.join(str(file) for file in files)}", soft_wrap=True)


def _table(kind: str, curves: list[dict[str, Any]]) -> Table:
    """Return what the methods of one class reach at their highest cost."""
    table = Table(title=kind, caption="s: seconds a puzzle; wrong: of those accepted")
    for column in ("method", "segments", "most", "s", "right", "accepted", "wrong"):
        table.add_column(column, justify="left" if column == "method" else "right", no_wrap=column != "method")
    for curve in curves:
        end = curve["points"][-1]
        table.add_row(
            curve["method"], f"{end['segments']:.1f}", str(end["most"]), f"{end['seconds']:.3g}", f"{end['exact']:.1%}",
            f"{end['accepted']:.1%}", _share(end["false_accept_rate"]),
        )  # fmt: skip
    return table


def _share(rate: float | None) -> str:
    return "–" if rate is None else f"{rate:.1%}"
