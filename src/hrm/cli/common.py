"""What the commands share: types of their options, and output."""

import json as json_module
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hrm import pretrained, puzzles, recipes
from hrm.errors import UsageError
from hrm.inference.origin import Located
from hrm.runtime.environment import cache_folder as cache_folder
from hrm.runtime.environment import keep_compiled_code as keep_compiled_code
from hrm.runtime.environment import present as present

Json = Annotated[bool, Parameter(negative="", help="Print one JSON object on stdout and nothing else there.")]
Model = Annotated[
    str,
    Parameter(help="Shipped model, run folder or checkpoint folder.", completer=lambda context: pretrained.names()),
]
Recipe = Annotated[
    str,
    Parameter(
        allow_leading_hyphen=True,
        help="Recipe to start from (`hrm recipes` lists them).",
        completer=lambda context: list(recipes.RECIPES),
    ),
]
Overrides = Annotated[
    str,
    Parameter(
        name="--SECTION.KEY",
        allow_leading_hyphen=True,
        help="Any value of the configuration, such as --optim.lr 1e-4.",
    ),
]
UserPuzzle = Annotated[
    str,
    Parameter(
        name="--puzzle",
        help="Puzzle family of the model. Needed only for your own class: module:Class. This runs its code.",
    ),
]
Family = Annotated[
    str,
    Parameter(
        name="--puzzle",
        help="Puzzle family, such as sudoku-9x9; `table` for your own rows; or your own class: module:Class. "
        "Default: inferred from the data.",
        completer=lambda context: puzzles.names(),
    ),
]
SplitName = Annotated[str, Parameter(help="Split of a store to use. Default: test, or the only one.")]
Segments = Annotated[int | None, Parameter(help="Number of segments to run. Default: the training budget.")]
Cache = Annotated[Path | None, Parameter(help="Cache folder. Default: $HRM_CACHE, or the user's cache folder.")]
Device = Annotated[
    Literal["auto", "cpu", "cuda", "mps"], Parameter(help="Where to compute. auto: CUDA, else MPS, else the CPU.")
]
Precision = Annotated[
    Literal["auto", "fp32", "bf16"],
    Parameter(help="Arithmetic. auto: as in training, where the hardware supports it."),
]


def output(what: str) -> Parameter:
    """Return the option ``--out``, also ``-o``: where to write."""
    return Parameter(name=["--out", "-o"], help=what)


def stdout() -> Console:
    """Return the console for results."""
    return Console(highlight=False)


def stderr() -> Console:
    """Return the console for progress and notes."""
    return Console(stderr=True, highlight=False)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    stderr().print(f"warning: {text}", markup=False, soft_wrap=True)


def warn_outside(count: int, of: int, reason: str) -> None:
    """Warn that some puzzles of a list are unlike those that the model was trained on, with the reason for one."""
    warn(f"{count} of {of} puzzles are unlike those of the training, such as: {reason}")


def print_json(value: Any) -> None:
    """Print one JSON object as one line."""
    sys.stdout.write(json_module.dumps(value, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def register_own(name: str, *models: str) -> None:
    """Let a family of the user's own be found, in this folder or among what is installed.

    Args:
        models: those that it is given for; a family of ours must be the one that they were trained on.

    Raises:
        UsageError: no such class, or a model of another family.
    """
    puzzles.register_from_path(name, Path.cwd())
    if not name or ":" in name:
        return
    for model in models:
        from hrm.inference.load import find_checkpoint

        config = find_checkpoint(model) / "config.toml"
        try:
            trained_on = str(tomllib.loads(config.read_text(encoding="utf-8"))["data"]["puzzle"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # reading the model says what is wrong
        if not puzzles.same(trained_on, name):
            remedy = f"give --puzzle {trained_on}" if ":" in trained_on else "leave --puzzle out"
            raise UsageError(f"{model} solves {trained_on}, not {name}: {remedy}, or choose another model")


def tell_weights(*located: Located) -> None:
    """Say on stderr which weights a command used."""
    for each in located:
        stderr().print(f"model: {each}", markup=False, soft_wrap=True)
        from hrm.checkpoint import card_is_edited
        from hrm.inference.load import find_checkpoint

        if card_is_edited(folder := find_checkpoint(each.folder)):
            note = "was edited or removed since it was saved; the weights are as they were"
            warn(f"{folder / 'README.md'} {note}")


@contextmanager
def progress(what: str, total: int | None) -> Iterator[tuple[Console, Callable[[], None]]]:
    """Show how far a list is, and how long the rest takes: a bar in a terminal, else a line at every tenth of many.

    Gives the console for what is printed meanwhile, so that the bar stays below it, and what to call after each item.
    """
    terminal = sys.stderr.isatty()
    console = stdout() if terminal and sys.stdout.isatty() else stderr()
    if not terminal or not total or total < 2:
        yield stdout(), _tenths(what, total or 0)
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task(what, total=total)
        yield console, lambda: bar.advance(task)


def _tenths(what: str, total: int) -> Callable[[], None]:
    began, done = time.monotonic(), 0

    def advance() -> None:
        nonlocal done
        done += 1
        if total >= 100 and done * 10 // total > (done - 1) * 10 // total:
            left = (time.monotonic() - began) * (total - done) / done
            stderr().print(f"{what} {done:,} of {total:,}, about {left:.0f} s left", markup=False)

    return advance


def progress_line(console: Console, what: str) -> Callable[[int, int], None]:
    """Return a callback that shows done/total, on one line in a terminal; elsewhere at every tenth of a long job."""
    tenths = 0

    def report(done: int, total: int) -> None:
        nonlocal tenths
        before, tenths = tenths, done * 10 // total
        if console.is_terminal:
            console.print(f"{what}: {done}/{total}", end="\n" if done == total else "\r")
        elif total >= 100 and tenths > before:
            console.print(f"{what}: {done}/{total}")

    return report
