"""How the answer to an ARC test comes about: the grid with the most votes after each segment.

In the terminal, as an animated GIF, or as a sheet of all segments (PNG or HTML).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.text import Text

from hrm.errors import HrmError, UsageError
from hrm.inference.tasks import Test
from hrm.inference.vote import Candidate
from hrm.puzzles.arc.family import PALETTE
from hrm.puzzles.arc.tasks import Grid, Pair, Task
from hrm.viz.puzzle.arc_sheet import Panel, judged, save, sheet_image

SUFFIXES = (".gif", ".png", ".html")
MOST_FRAMES = 512
_FRAME_MS, _LAST_MS = 900, 3000


@dataclass(frozen=True, eq=False)
class Replay:
    """One test and the best candidate after each segment."""

    title: str
    input: Grid
    stages: tuple[tuple[str, Candidate | None], ...]
    """Which segments, and their candidate; equal grids in a row are one stage."""
    output: Grid | None
    """None where it is not known."""
    demonstrations: tuple[Pair, ...]

    @property
    def panels(self) -> list[Panel]:
        """Return the input, the answer at each stage and the true output."""
        return [("input", self.input, None), *self.answers, *self._truth]

    @property
    def answers(self) -> list[Panel]:
        """Return the answer at each stage."""
        return [
            (f"{name}: no grid", None, None) if best is None else judged(name, best, self.output)
            for name, best in self.stages
        ]

    @property
    def solved(self) -> bool:
        """Return whether the answer after the last segment is right."""
        return bool(self.answers[-1][2])

    @property
    def frames(self) -> Iterator["Frame"]:
        """Yield what an animation shows, one stage after the other."""
        for answer in self.answers:
            panels: list[Panel] = [("input", self.input, None), answer, *self._truth]
            yield Frame(self.title, self.demonstrations, panels, self.output)

    @property
    def _truth(self) -> list[Panel]:
        return [] if self.output is None else [("true output", self.output, None)]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of an animation."""

    title: str
    demonstrations: tuple[Pair, ...]
    panels: list[Panel]
    output: Grid | None

    @property
    def solved(self) -> bool:
        """Return whether the answer of this picture is right."""
        return bool(self.panels[1][2])


def replays(tasks: Sequence[Task], ranked: Mapping[Test, Sequence[Sequence[Candidate]]]) -> list[Replay]:
    """Return a replay of each test from its candidates after each segment, the best first."""
    found: list[Replay] = []
    for task in sorted(tasks, key=lambda task: task.id):
        for number, pair in enumerate(task.tests):
            best = [stage[0] if stage else None for stage in ranked[task.id, number]]
            title = f"{task.id}, test {number + 1}"
            found.append(Replay(title, pair.input, _stages(best), pair.output, task.demonstrations))
    return found


def print_replay(console: Console, replay: Replay) -> None:
    """Print the input and the answer at each stage in color, with the digits of the colors."""
    console.print(replay.title, markup=False, style="bold")
    for caption, grid, _ in replay.panels:
        console.print(f"  {caption}", markup=False, soft_wrap=True)
        if grid is not None:
            console.print(_text(grid), soft_wrap=True)


def require_suffix(file: Path) -> None:
    """Refuse a name that does not say what to draw, before anything is computed.

    Raises:
        UsageError: another suffix than .gif, .png or .html.
    """
    if file.suffix.lower() not in SUFFIXES:
        raise UsageError(f"cannot draw ARC into {str(file)!r}: its name must end in {', '.join(SUFFIXES)}")


def save_replays(shown: Sequence[Replay], file: Path, title: str) -> None:
    """Save replays as what the suffix says: ``.gif`` moves, ``.png`` and ``.html`` show all stages at once.

    Raises:
        UsageError: another suffix, or too much to draw.
        HrmError: the file cannot be written.
    """
    require_suffix(file)
    if file.suffix.lower() != ".gif":
        save(shown, file, title)
        return
    frames = [(frame, last) for replay in shown for frame, last in _with_last(replay)]
    if not 1 <= len(frames) <= MOST_FRAMES:
        raise UsageError(f"a GIF shows 1 to {MOST_FRAMES} frames (got {len(frames)}); choose fewer tests or segments")
    images = [sheet_image([frame], title) for frame, _ in frames]
    width, height = (max(image.size[axis] for image in images) for axis in (0, 1))
    pages = [Image.new("RGB", (width, height), "white") for _ in images]
    for page, image in zip(pages, images, strict=True):
        page.paste(image)
    durations = [_LAST_MS if last else _FRAME_MS for _, last in frames]
    try:
        pages[0].save(file, "GIF", save_all=True, append_images=pages[1:], duration=durations, loop=0)
    except OSError as error:
        raise HrmError(f"cannot write {file}: {error.strerror}; name a file that you can write") from None


def _with_last(replay: Replay) -> Iterator[tuple[Frame, bool]]:
    frames = list(replay.frames)
    for number, frame in enumerate(frames, start=1):
        yield frame, number == len(frames)


def _stages(best: Sequence[Candidate | None]) -> tuple[tuple[str, Candidate | None], ...]:
    """Return the runs of equal grids, each with the votes of its last segment."""
    runs: list[tuple[int, int, Candidate | None]] = []
    for number, candidate in enumerate(best, start=1):
        begin = number
        if runs and _same(runs[-1][2], candidate):
            begin = runs.pop()[0]
        runs.append((begin, number, candidate))
    return tuple(
        (f"segment {begin}" if begin == end else f"segments {begin} to {end}", candidate)
        for begin, end, candidate in runs
    )


def _same(one: Candidate | None, other: Candidate | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one.grid, other.grid)


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


_DARK = (0, 1, 2, 6, 9)
"""Colors on which black digits cannot be read."""
