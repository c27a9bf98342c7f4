"""``hrm eval``."""

import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from rich.table import Table

from hrm.cli.console import print_json, progress_line, stderr, stdout, tell_weights, warn_outside
from hrm.cli.options import Cache, Device, Json, Model, Precision, Segments, SplitName, UserPuzzle, register_own
from hrm.inference.origin import locate
from hrm.runtime.environment import cache_folder, keep_compiled_code, present

if TYPE_CHECKING:
    from hrm.data.store import Store
    from hrm.evaluation.tasks import Ranked


def evaluate(
    model: Model,
    /,
    *,
    data: Annotated[
        Path | None, Parameter(help="Store, or file with question and answer. Default: generate held-out puzzles.")
    ] = None,
    segments: Segments = None,
    limit: Annotated[
        int | None, Parameter(help="Number of puzzles, from the start. Default: all of a file, 200 generated ones.")
    ] = None,
    split: SplitName = "",
    seed: Annotated[int, Parameter(help="Seed of the generated puzzles.")] = 1,
    batch_size: Annotated[int, Parameter(help="Number of puzzles at a time.")] = 256,
    with_: Annotated[
        Literal["classical"] | None, Parameter("--with", help="Also run classical solvers on the first 100 puzzles.")
    ] = None,
    record: Annotated[
        Path | None, Parameter(help="JSON file that records everything needed to repeat the measurement.")
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    compile: Annotated[bool, Parameter(help="Compile the network first. Worth it for thousands of puzzles.")] = False,
    variants: Annotated[
        int | None, Parameter(help="For ARC: number of variants of each task that vote. Default: all.")
    ] = None,
    submission: Annotated[
        Path | None, Parameter(help="For ARC: file for the answers, in the format of the ARC Prize.")
    ] = None,
    sheet: Annotated[
        Path | None, Parameter(help="For ARC: picture of the attempts, .html or .png (the first 64 tests).")
    ] = None,
    puzzle: UserPuzzle = "",
    cache: Cache = None,
    verbose: Annotated[bool, Parameter(negative="", help="Also print how it was measured.")] = False,
    json: Json = False,
) -> None:
    """Measure a model on puzzles with known answers, segment by segment.

    Example: `hrm eval sudoku-4x4`, or with your own puzzles: `hrm eval sudoku-4x4 --data puzzles.csv`.
    """
    located = locate(model)
    from hrm.evaluation.arc import tested_tasks, write_submission
    from hrm.evaluation.record import source_tree, write_record
    from hrm.evaluation.run import evaluate_model
    from hrm.files import require_writable_file
    from hrm.viz.puzzle.arc_sheet import SUFFIXES, save_sheet
    from hrm.viz.puzzle.encode import require_suffix

    register_own(puzzle, model)
    if compile:
        keep_compiled_code()
    for file in (record, submission, sheet):
        if file is not None:
            require_writable_file(file)
    if sheet is not None:
        require_suffix(sheet, SUFFIXES)
    # asked now, because a long evaluation may see the files change, but not the code that runs
    source = source_tree() if record is not None else {}
    stores: list[Store] = []
    ranked: Ranked = {}

    def keep(store: "Store", candidates: "Ranked") -> None:
        stores.append(store)
        ranked.update(candidates)

    began = time.monotonic()
    found = evaluate_model(
        model, data, cache_dir=cache_folder(cache), now=present(), split=split, segments=segments, limit=limit,
        seed=seed, batch_size=batch_size, device=device, precision=precision, compiled=compile,
        with_classical=with_ == "classical", variants=variants, answers=keep,
        progress=progress_line(stderr(), "evaluated"),
    )  # fmt: skip
    tell_weights(located)
    if (outside := found["outside"])["count"]:
        warn_outside(outside["count"], outside["of"], outside["reason"])
    if submission is not None:
        write_submission(submission, ranked)
    if sheet is not None:
        tasks = [task for store in stores for task in tested_tasks(store, len(ranked))]
        save_sheet(tasks, ranked, sheet, f"{model}, {found['protocol']['segments']} segments")
    if record is not None:
        write_record(record, found, source, shlex.join(["hrm", *sys.argv[1:]]), time.monotonic() - began)
    if json:
        print_json(found)
        return
    if submission is not None:
        stdout().print(f"{submission}: two attempts at each of {len(ranked)} tests", markup=False, soft_wrap=True)
    if found.get("hidden_tests"):
        remedy = "" if submission or sheet else "; --submission FILE writes the model's answers"
        stdout().print(f"hidden tests: {found['hidden_tests']}, not scored, for no answer is known{remedy}")
    if not found["examples"]:
        return
    stdout().print(segment_table(found))
    if "pass_at" in found:
        for what, count in (("pass_at", f"{found['tests']} tests"), ("pass_at_task", f"{found['tasks']} tasks")):
            shares = ", ".join(f"{share:.2%} within {k}" for k, share in found[what].items())
            stdout().print(f"of {count}: {shares}", soft_wrap=True)
    low, high = found["exact_ci95"]
    early = found["early_exit"]
    stdout().print(
        f"exact {found['exact']:.2%} (95 % interval {low:.2%} – {high:.2%}), "
        + "".join(f"{name} {found[name]:.2%}, " for name in _extra(found))
        + f"cells {found['cell']:.2%} of {found['examples']} puzzles"
    )
    stdout().print(f"early exit: exact {early['exact']:.2%} with {early['segments_mean']:.2f} segments on average")
    if "classical" in found:
        stdout().print(classical_table(found))
    elif found["plain_solver"]:
        stdout().print(plain_line(found["plain_solver"]))
    if data is None:
        stdout().print(f"data: {found['data']['name']}, held out from training; --data FILE takes your own")
    if verbose:
        stdout().print("protocol: " + ", ".join(f"{k} {v}" for k, v in found["protocol"].items() if k != "train_data"))


def plain_line(plain: dict[str, Any]) -> str:
    """Say what a plain solver needs for the same puzzles."""
    solved = "all" if plain["solved"] == plain["puzzles"] else plain["solved"]
    return (
        f"a plain solver ({plain['name']}) solves {solved} of the first {plain['puzzles']} puzzles with "
        f"{plain['nodes_mean']:.1f} {plain['unit']} and {plain['ms_mean']:.3g} ms a puzzle on average"
    )


def classical_table(found: dict[str, Any]) -> Table:
    """Return a table of the network and of classical solvers."""
    table = Table(title="compared with classical solvers")
    others = [name for name in _extra(found) if name != "valid"]
    for column in ("solver", "puzzles", "valid", *others, "searched", "ms a puzzle"):
        table.add_column(column, justify="left" if column == "solver" else "right")
    extra = [f"{found[name]:.1%}" for name in others]
    ms = 1000 * found["network_s"] / found["examples"]
    table.add_row("the network", str(found["examples"]), f"{found['valid']:.1%}", *extra, "", f"{ms:.3g}")
    for line in found["classical"]:
        extra = [f"{line[name]:.1%}" for name in others]
        valid, nodes = f"{line['solved'] / line['puzzles']:.1%}", f"{line['nodes_mean']:.1f} {line['unit']}"
        table.add_row(line["name"], str(line["puzzles"]), valid, *extra, nodes, f"{line['ms_mean']:.3g}")
    return table


def segment_table(found: dict[str, Any]) -> Table:
    """Return a table of the metrics after each segment."""
    table = Table(title=f"{found['task']}: {found['examples']} puzzles, one answer each")
    for column in ("segment", "exact", *_extra(found), "cells right"):
        table.add_column(column, justify="right")
    for row in found["per_segment"]:
        shares = (f"{row[name]:.2%}" for name in ("exact", *_extra(found), "cell"))
        table.add_row(str(row["segment"]), *shares)
    return table


def _extra(found: dict[str, Any]) -> list[str]:
    """Return the names of the metrics beside exact and cells that this family has."""
    last = found["per_segment"][-1]
    return [name for name in last if name not in ("segment", "exact", "cell") and last[name] is not None]
