"""What the commands print: results on stdout, progress and notes on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hrm.runtime.quoting import Terminal, json_text

if TYPE_CHECKING:
    from hrm.inference.origin import Located

LINE_S = 60
"""Seconds after which a long job says again how far it is."""


def stdout() -> Console:
    """Return the console for results."""
    return Terminal()


def stderr() -> Console:
    """Return the console for progress and notes."""
    return Terminal(stderr=True)


def print_line(text: str) -> None:
    """Print a line of results as it is, however long."""
    stdout().print(text, soft_wrap=True)


def print_note(text: str) -> None:
    """Print a note on stderr as it is, however long."""
    stderr().print(text, soft_wrap=True)


def warn(text: str) -> None:
    """Print a warning on stderr."""
    print_note(f"warning: {text}")


def warn_outside(count: int, of: int, reason: str) -> None:
    """Warn that some puzzles of a list are unlike those that the model was trained on, with the reason for one."""
    warn(f"{count} of {of} puzzles are unlike those of the training, such as: {reason}")


def print_json(value: Any) -> None:
    """Print one JSON object as one line."""
    sys.stdout.write(json_text(value) + "\n")
    sys.stdout.flush()


def tell_weights(*located: "Located") -> None:
    """Say on stderr which weights a command used."""
    for each in located:
        print_note(f"model: {each}")
        from hrm.checkpoint import card_is_edited
        from hrm.inference.weights import find_checkpoint

        if card_is_edited(folder := find_checkpoint(each.folder)):
            note = "was edited or removed since it was saved; the weights are as they were"
            warn(f"{folder / 'README.md'} {note}")


@contextmanager
def progress(what: str, total: int | None, done: int = 0) -> Iterator[tuple[Console, Callable[[], None]]]:
    """Show how far a list is, and how long the rest takes: a bar in a terminal, else lines.

    There is a line at every tenth of many items, and after every minute in which one was done.

    Gives the console for what is printed meanwhile, so that the bar stays below it, and what to call after each item.

    Args:
        done: items done before.
    """
    terminal = sys.stderr.isatty()
    console = stdout() if terminal and sys.stdout.isatty() else stderr()
    if not terminal or not total or total < 2:
        yield stdout(), _lines(what, total or 0, done)
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False) as bar:
        task = bar.add_task(what, total=total, completed=done)
        yield console, lambda: bar.advance(task)


def _lines(what: str, total: int, before: int) -> Callable[[], None]:
    began = said = time.monotonic()
    done = before

    def advance() -> None:
        nonlocal done, said
        done, now = done + 1, time.monotonic()
        late = now - said >= LINE_S and total
        if late or _passes_a_tenth(done - 1, done, total):
            left = (now - began) * (total - done) / (done - before)
            stderr().print(f"{what} {done:,} of {total:,}, about {left:.0f} s left")
            said = now

    return advance


def _passes_a_tenth(before: int, done: int, total: int) -> bool:
    """Say whether a long job has come to another tenth of its way."""
    return total >= 100 and done * 10 // total > before * 10 // total


def progress_line(console: Console, what: str) -> Callable[[int, int], None]:
    """Return a callback that shows done/total, on one line in a terminal; elsewhere at every tenth of a long job."""
    before = 0

    def report(done: int, total: int) -> None:
        nonlocal before
        if console.is_terminal:
            console.print(f"{what}: {done}/{total}", end="\n" if done == total else "\r")
        elif _passes_a_tenth(before, done, total):
            console.print(f"{what}: {done}/{total}")
        before = done

    return report
