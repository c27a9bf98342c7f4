"""How the answer to an ARC test comes about: the grid with the most votes after each segment.

In the terminal, as an animated GIF, or as a sheet of all segments (PNG or HTML).
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from rich.console import Console
from rich.text import Text

from hrm.errors import UsageError
from hrm.inference.task_vote import Test
from hrm.inference.vote import Candidate
from hrm.puzzles.arc.family import PALETTE
from hrm.puzzles.arc.tasks import Grid, Task
from hrm.viz.puzzle.arc_sheet import Panel, Row, judged, sheet_html, sheet_image
from hrm.viz.puzzle.encode import gif, png, save_by_suffix

SUFFIXES = (".gif", ".png", ".html")
MOST_FRAMES = 512
_FRAME_MS, _LAST_MS = 900, 3000
_DARK = (0, 1, 2, 6, 9)
"""Colors on which black digits cannot be read."""


class Replay(NamedTuple):
    """One test: a row with the best candidates after all segments, and a row for each picture of an animation."""

    row: Row
    frames: tuple[Row, ...]


def replays(tasks: Sequence[Task], ranked: Mapping[Test, Sequence[Sequence[Candidate]]]) -> list[Replay]:
    """Return a replay of each test from its candidates after each segment, the best first."""
    made = []
    for task in sorted(tasks, key=lambda task: task.id):
        for test, pair in enumerate(task.tests):
            best = [stage[0] if stage else None for stage in ranked[task.id, test]]
            answers = [
                Panel(f"{name}: no grid", None) if candidate is None else judged(name, candidate, pair.output)
                for name, candidate in _stages(best)
            ]
            whole, *frames = (
                Row.of(task, test, shown, bool(shown[-1].is_right)) for shown in (answers, *([one] for one in answers))
            )
            made.append(Replay(whole, tuple(frames)))
    return made


def print_replay(console: Console, replay: Replay) -> None:
    """Print the input and the answer at each stage in color, with the digits of the colors."""
    console.print(replay.row.title, markup=False, style="bold")
    for caption, grid, _ in replay.row.panels:
        console.print(f"  {caption}", markup=False, soft_wrap=True)
        if grid is not None:
            console.print(_text(grid), soft_wrap=True)


def save_replays(replays: Sequence[Replay], file: Path, title: str) -> None:
    """Save replays as what the suffix says: ``.gif`` moves, ``.png`` and ``.html`` show all stages at once.

    Raises:
        UsageError: another suffix, or too much to draw.
        HrmError: the file cannot be written.
    """
    rows = [replay.row for replay in replays]
    encoders = {
        ".gif": lambda: _gif(replays, title),
        ".png": lambda: png(sheet_image(rows, title)),
        ".html": lambda: sheet_html(rows, title).encode(),
    }
    save_by_suffix(file, encoders)


def _gif(replays: Sequence[Replay], title: str) -> bytes:
    frames = [frame for replay in replays for frame in replay.frames]
    if not 1 <= len(frames) <= MOST_FRAMES:
        raise UsageError(f"a GIF shows 1 to {MOST_FRAMES} frames (got {len(frames)}); choose fewer tests or segments")
    images = [sheet_image([frame], title) for frame in frames]
    width, height = (max(image.size[axis] for image in images) for axis in (0, 1))
    pages = [Image.new("RGB", (width, height), "white") for _ in images]
    for page, image in zip(pages, images, strict=True):
        page.paste(image)
    return gif(pages, [ms for one in replays for ms in [_FRAME_MS] * (len(one.frames) - 1) + [_LAST_MS]])


def _stages(best: Sequence[Candidate | None]) -> list[tuple[str, Candidate | None]]:
    """Return the runs of equal grids by the names of their segments, each with the votes of its last segment."""
    stages = []
    numbered = enumerate(best, start=1)
    for _, run in groupby(numbered, lambda pair: None if pair[1] is None else pair[1].grid.tolist()):
        (begin, candidate), *later = run
        end, candidate = later[-1] if later else (begin, candidate)
        stages.append((f"segment {begin}" if begin == end else f"segments {begin} to {end}", candidate))
    return stages


def _text(grid: Grid) -> Text:
    text = Text()
    for row in grid.tolist():
        text.append("    ")
        for color in row:
            ink = "white" if color in _DARK else "black"
            text.append(f"{color} ", style=f"{ink} on {PALETTE[color]}")
        text.append("\n")
    text.right_crop(1)
    return text
