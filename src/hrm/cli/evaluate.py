"""``hrm eval``."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.table import Table

from hrm.cli.console import print_json, progress_line, stderr, stdout, tell_weights, warn_outside
from hrm.cli.options import (
    Cache,
    Device,
    Json,
    Model,
    Precision,
    Segments,
    SplitName,
    UserPuzzle,
    register_own,
    seed_of,
)
from hrm.runtime.environment import cache_folder, keep_compiled_code, present, rank


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
    seed: Annotated[int, seed_of("the generated puzzles")] = 1,
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
    from hrm.inference.origin import locate

    located = locate(model)
    from hrm.evaluation.request import EvalRequest
    from hrm.evaluation.run import evaluate_model
    from hrm.runtime.world import join
    from hrm.workflows.measure import evaluate_to_files

    register_own(puzzle, model)
    if compile:
        keep_compiled_code()
    # Measure, and say on stderr what was measured.
    request = EvalRequest(
        model, data, cache_dir=cache_folder(cache), now=present(), split=split, segments=segments,
        limit=limit, seed=seed, batch_size=batch_size, device=device, precision=precision, compiled=compile,
        with_classical=with_ == "classical", variants=variants, world=join(),
    )  # fmt: skip
    if rank():  # the first process of a job reports for all
        evaluate_model(request)
        return
    command = shlex.join(["hrm", *sys.argv[1:]])
    metrics, answered = evaluate_to_files(
        request, command, record, submission, sheet, progress_line(stderr(), "evaluated")
    )
    tell_weights(located)
    if (outside := metrics["outside"])["count"]:
        warn_outside(outside["count"], outside["of"], outside["reason"])
    if json:
        print_json(metrics)
        return
    # Results: what was written, accuracy by segment, early exit, and what to compare with.
    say = stdout().print
    if submission is not None:
        say(f"{submission}: two attempts at each of {answered} tests", soft_wrap=True)
    if metrics.get("hidden_tests"):
        remedy = "" if submission or sheet else "; --submission FILE writes the model's answers"
        say(f"hidden tests: {metrics['hidden_tests']}, not scored, for no answer is known{remedy}")
    if not metrics["examples"]:
        return
    say(segment_table(metrics))
    if "pass_at" in metrics:
        for what, count in (("pass_at", f"{metrics['tests']} tests"), ("pass_at_task", f"{metrics['tasks']} tasks")):
            shares = ", ".join(f"{share:.2%} within {k}" for k, share in metrics[what].items())
            say(f"of {count}, chosen by a vote: {shares}", soft_wrap=True)
    low, high = metrics["exact_ci95"]
    say(
        f"exact {metrics['exact']:.2%} (95 % interval {low:.2%} – {high:.2%}), "
        + "".join(f"{name} {metrics[name]:.2%}, " for name in _extra(metrics))
        + f"cells {metrics['cell']:.2%} of {metrics['examples']} puzzles"
    )
    for line in _exits(metrics):
        say(line)
    if "classical" in metrics:
        say(classical_table(metrics))
    elif metrics["plain_solver"]:
        say(plain_line(metrics["plain_solver"]))
    if data is None:
        say(f"data: {metrics['data']['name']}, held out from training; --data FILE takes your own")
    if verbose:
        say("protocol: " + ", ".join(f"{k} {v}" for k, v in metrics["protocol"].items() if k != "train_data"))


def _exits(metrics: dict[str, Any]) -> list[str]:
    """Say what is answered where puzzles stop by themselves: by the Q-head, and as in ``hrm solve``."""
    when = "every cell is sure as well" if metrics["valid"] is None else "the rules hold"
    exits = {"early exit": metrics["early_exit"], f"exit where {when}": metrics["solve_exit"]}
    return [
        f"{name}: exact {found['exact']:.2%} with {found['segments_mean']:.2f} segments on average"
        for name, found in exits.items()
    ]


def plain_line(plain: dict[str, Any]) -> str:
    """Say what a plain solver needs for the same puzzles."""
    solved = "all" if plain["solved"] == plain["puzzles"] else plain["solved"]
    return (
        f"a plain solver ({plain['name']}) solves {solved} of the first {plain['puzzles']} puzzles with "
        f"{plain['nodes_mean']:.1f} {plain['unit']} and {plain['ms_mean']:.3g} ms a puzzle on average"
    )


def classical_table(metrics: dict[str, Any]) -> Table:
    """Return a table of the network and of classical solvers."""
    table = Table(title="compared with classical solvers")
    others = [name for name in _extra(metrics) if name != "valid"]
    for column in ("solver", "puzzles", "valid", *others, "searched", "ms a puzzle"):
        table.add_column(column, justify="left" if column == "solver" else "right")
    extra = [f"{metrics[name]:.1%}" for name in others]
    ms = 1000 * metrics["network_s"] / metrics["examples"]
    table.add_row("the network", str(metrics["examples"]), f"{metrics['valid']:.1%}", *extra, "", f"{ms:.3g}")
    for line in metrics["classical"]:
        extra = [f"{line[name]:.1%}" for name in others]
        valid, nodes = f"{line['solved'] / line['puzzles']:.1%}", f"{line['nodes_mean']:.1f} {line['unit']}"
        table.add_row(line["name"], str(line["puzzles"]), valid, *extra, nodes, f"{line['ms_mean']:.3g}")
    return table


def segment_table(metrics: dict[str, Any]) -> Table:
    """Return a table of the metrics after each segment."""
    table = Table(title=f"{metrics['task']}: {metrics['examples']} puzzles, one answer each")
    for column in ("segment", "exact", *_extra(metrics), "cells right"):
        table.add_column(column, justify="right")
    for row in metrics["per_segment"]:
        shares = (f"{row[name]:.2%}" for name in ("exact", *_extra(metrics), "cell"))
        table.add_row(str(row["segment"]), *shares)
    return table


def _extra(metrics: dict[str, Any]) -> list[str]:
    """Return the names of the metrics beside exact and cells that this family has."""
    last = metrics["per_segment"][-1]
    return [name for name in last if name not in ("segment", "exact", "cell") and last[name] is not None]
