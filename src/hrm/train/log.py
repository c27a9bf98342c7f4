"""What a run reports: a bar or plain lines, ``metrics.jsonl``, ``metrics.csv``, and ``curves.png`` at its end."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from hrm.data.csv_rows import as_csv
from hrm.errors import DataError
from hrm.files import append_line, read_bounded, replace_file
from hrm.model.halting import Halt
from hrm.model.network import Segment
from hrm.runtime.world import ALONE, World
from hrm.train.losses import SegmentLoss
from hrm.viz.figures.curves import plot_curves
from hrm.viz.figures.style import has_matplotlib

METRICS, EVALUATED = "metrics.jsonl", "validation_exact"
"""The file of the log, and what its lines of evaluations hold and its lines of updates do not."""
METRICS_BYTES = 1 << 28


class _Sums(NamedTuple):
    """What is kept of each update: sums over the slots of this process."""

    loss: Tensor
    answer_loss: Tensor
    q_halt_loss: Tensor
    q_continue_loss: Tensor
    exact_rate: Tensor
    q_halt_accuracy: Tensor
    halted_by_choice: Tensor
    halted_by_budget: Tensor
    segments_at_halt: Tensor


SUMS = _Sums._fields
"""The names of these sums."""
EARLY = 3
"""Updates after which the time that is left can be estimated."""
QUIET_S, COUNT_S = 30.0, 2.0
"""Seconds without a line after which one comes, where there is no bar: in training, and while puzzles are generated."""


class RunLog:
    """The log of one run: one line a window of updates, one line an evaluation.

    Args:
        folder: the run folder.
        updates: how many the run will make.
        resumed: the update that the run goes on from; later lines of an interrupted run are dropped.
        evaluated: the last evaluation that counts; a later one will be made again.
        console: where the bar, or plain lines where it is no terminal, go.
    """

    def __init__(self, folder: Path, updates: int, resumed: int, evaluated: int, console: Console):
        self._file = folder / METRICS
        self._csv = folder / "metrics.csv"
        self._updates = updates
        self._console = console
        if self._file.exists():
            lines = read_metrics(self._file)
            kept = [line for line in lines if line["update"] <= (evaluated if EVALUATED in line else resumed)]
            replace_file(self._file, "".join(json.dumps(line) + "\n" for line in kept).encode())
        self._progress = Progress(
            TextColumn("{task.description}"),
            *([BarColumn(bar_width=20)] if console.width >= 100 else []),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("left  {task.fields[news]}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._began, self._first, self._shown = time.monotonic(), resumed, 0.0
        self._task = self._progress.add_task("training", total=updates, completed=resumed, news="")

    def __enter__(self) -> "RunLog":
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    def tick(self, update: int) -> None:
        """Note that an update was made: the bar moves, and where there is none a line comes early and now and then."""
        self._progress.update(self._task, completed=update)
        now, made = time.monotonic(), update - self._first
        if self._console.is_terminal or not (made == EARLY or (made > EARLY and now - self._shown > QUIET_S)):
            return
        self._shown = now
        each = (now - self._began) / made
        left = lasting(each * (self._updates - update))
        self._console.print(
            f"update {update}/{self._updates}  {each:.2f} s an update, about {left} left", soft_wrap=True
        )

    def window(self, update: int, metrics: dict[str, float]) -> None:
        """Note the metrics of the updates since the last window."""
        self._append({"update": update, **metrics})
        left = (self._updates - update) / metrics["updates_per_s"]
        news = (
            f"loss {metrics['loss']:.4f}  exact {metrics['exact_rate']:6.1%}  "
            f"{metrics['segments_per_s']:.0f} segments/s"
        )
        self._progress.update(self._task, completed=update, news=news)
        self._shown = time.monotonic()
        if not self._console.is_terminal:
            self._console.print(f"update {update}/{self._updates}  {news}  {lasting(left)} left", soft_wrap=True)

    def evaluation(self, update: int, metrics: dict[str, Any], training: dict[str, Any]) -> None:
        """Note an evaluation on the validation split, and on training puzzles; bring the table up to date."""
        self._append({"update": update, **{f"validation_{k}": v for k, v in metrics.items()}, **training})
        self.say(
            f"update {update}/{self._updates}  validation: exact {metrics['exact']:.1%}"
            + (f", valid {metrics['valid']:.1%}" if metrics["valid"] is not None else "")
            + f" of {metrics['examples']} puzzles"
            + (f"; training: exact {training['training_exact']:.1%}" if training else "")
        )
        self.write_table()

    def say(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)

    def draw_curves(self) -> None:
        """Draw the metrics of a finished run, where matplotlib is installed."""
        if has_matplotlib():
            plot_curves(read_metrics(self._file), self._file.with_name("curves.png"))

    def write_table(self) -> None:
        """Write all windows and evaluations as CSV."""
        lines = read_metrics(self._file)
        columns = list(dict.fromkeys(key for line in lines for key in line))
        replace_file(self._csv, as_csv(columns, ([line.get(key, "") for key in columns] for line in lines)))

    def _append(self, line: dict[str, Any]) -> None:
        finite = {k: v for k, v in line.items() if not (isinstance(v, float) and not math.isfinite(v))}
        append_line(self._file, json.dumps(finite))


class NoLog:
    """The log of a process that reports nothing, beside another that does."""

    def __enter__(self) -> "NoLog":
        return self

    def __exit__(self, *exc: object) -> None:
        """Do nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments: None


Log = RunLog | NoLog


class Window:
    """The updates since the last line of metrics, and the time that they took."""

    def __init__(self, updates: Iterable[Mapping[str, Tensor]] = (), seconds: float = 0.0):
        self.updates = list(updates)
        self._began = time.monotonic() - seconds

    @classmethod
    def of(cls, state: Mapping[str, Tensor], seconds: float, device: torch.device) -> "Window":
        """Return the window whose ``state`` and ``seconds`` these were.

        Raises:
            ValueError: it is no such state.
        """
        lengths = {tuple(tensor.shape) for tensor in state.values()}
        if state and (state.keys() != set(SUMS) or len(lengths) > 1 or len(min(lengths)) != 1):
            raise ValueError(f"its window must hold {', '.join(SUMS)}, each a number an update")
        columns = [tensor.to(device).unbind() for tensor in state.values()]
        return cls([dict(zip(state, row, strict=True)) for row in zip(*columns, strict=True)], seconds)

    def state(self, world: World = ALONE) -> dict[str, Tensor]:
        """Return what each update has left, by name, stacked; a run that goes on from here logs the same line.

        Args:
            world: the processes whose sums are added up.
        """
        names = self.updates[0] if self.updates else ()
        return {name: world.sums(torch.stack([sums[name] for sums in self.updates])) for name in names}

    def mean_loss(self, count: int, slots: int, world: World = ALONE) -> float:
        """Return the mean loss of the last so many updates over all slots.

        Args:
            slots: puzzles in flight, of all processes.
            world: the processes whose sums are added up.
        """
        total = torch.stack([sums["loss"].float() for sums in self.updates[-count:]]).sum()
        return float(world.sums(total)) / (count * slots)

    @property
    def seconds(self) -> float:
        """The time so far."""
        return time.monotonic() - self._began

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Do not count the time of what is done here, such as an evaluation."""
        began = time.monotonic()
        yield
        self._began += time.monotonic() - began

    def restart_clock(self) -> None:
        """Count the time from now on."""
        self._began = time.monotonic()

    def close(self, slots: int, world: World = ALONE) -> tuple[dict[str, float], float]:
        """Return the means over the slots of all updates, and the seconds that they took; then begin without any.

        Args:
            slots: puzzles in flight, of all processes.
            world: the processes whose sums are added up.
        """
        seconds = max(self.seconds, 1e-9)
        totals = [torch.stack([sums[name].float() for sums in self.updates]).sum() for name in self.updates[0]]
        sums = dict(zip(self.updates[0], world.sums(torch.stack(totals)).tolist(), strict=True))
        count, updates_per_s = len(self.updates) * slots, len(self.updates) / seconds
        halted = sums["halted_by_choice"] + sums["halted_by_budget"]
        segments = sums.pop("segments_at_halt")
        self.updates = []
        means = {name: value / count for name, value in sums.items()} | {
            "segments_at_halt": segments / halted if halted else float("nan"),
            "updates_per_s": updates_per_s,
            "segments_per_s": updates_per_s * slots,
        }
        return means, seconds


def sums_of(segment: Segment, loss: SegmentLoss, halt: Halt, segments: Tensor, q_weight: float) -> dict[str, Tensor]:
    """Return what the log keeps of one update: sums over the slots, on the device.

    Args:
        segments: how many segments each puzzle has used.
    """
    return _Sums(
        loss=loss.total(q_weight).detach(),
        answer_loss=loss.answer.detach(),
        q_halt_loss=loss.q_halt.detach(),
        q_continue_loss=loss.q_continue.detach(),
        exact_rate=loss.right.sum(),
        q_halt_accuracy=((segment.q_halt_logit >= 0) == loss.right).sum(),
        halted_by_choice=halt.by_choice.sum(),
        halted_by_budget=halt.by_budget.sum(),
        segments_at_halt=(segments * halt.halted).sum(),
    )._asdict()


def lasting(seconds: float) -> str:
    """Return a time as it is read: seconds, then minutes, then hours."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"


@contextmanager
def counting(console: Console, what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that shows (done, total): a bar in a terminal, elsewhere a line now and then in a long job."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=20), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console, disable=not console.is_terminal, transient=True,
    ) as progress:  # fmt: skip
        task, shown = None, time.monotonic()

        def report(done: int, total: int) -> None:
            nonlocal task, shown
            if task is None:
                task = progress.add_task(what, total=total)
            progress.update(task, completed=done)
            if not console.is_terminal and time.monotonic() - shown > COUNT_S:
                shown = time.monotonic()
                console.print(f"{what} {done}/{total}", highlight=False)

        yield report


def read_metrics(file: str | Path) -> list[dict[str, Any]]:
    """Return the lines of a ``metrics.jsonl``; a last line that was cut short is left out.

    Raises:
        DataError: another line is not what a run writes; says which.
    """
    file = Path(file)
    try:
        texts = read_bounded(file, METRICS_BYTES).splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    lines = []
    for number, text in enumerate(texts, start=1):
        try:
            lines.append(_line_of(text))
        except (ValueError, RecursionError):
            if number == len(texts):
                break
            raise DataError(f"{file}: line {number} is no line of metrics: delete the line, or the file") from None
    return lines


def _line_of(text: bytes) -> dict[str, Any]:
    line = json.loads(text.decode())
    if not isinstance(line, dict) or type(line.get("update")) is not int:
        raise ValueError("no record of an update")
    if not all(value is None or isinstance(value, int | float) for value in line.values()):
        raise ValueError("a value is no number")
    return line
