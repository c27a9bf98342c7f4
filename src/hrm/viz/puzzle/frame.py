"""What is seen in the pictures of an answer: of each cell after a segment, and what all of them share.

Everything follows from what the family declares: ``PuzzleSpec`` and ``Puzzle.sketch``. Axes: C cells, Y rows and X
columns of the picture, which may be fewer than those of the puzzle.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import PurePath

import numpy as np
from jaxtyping import Bool, Int, UInt8

from hrm.errors import UsageError
from hrm.inference.answer import Answer, TraceStep, counted
from hrm.puzzles.base import PAD, Puzzle, Sketch
from hrm.puzzles.conflicts import conflicts

THIN, REGION, THICK = 1, 2, 4
"""Lines beside cells, which are added up: of the grid; around a region; around a box, and around all cells."""
UNSURE = 0.5
"""A confidence below this has a mark where there is no shade."""


@dataclass(frozen=True)
class Cell:
    """What is seen of one cell."""

    place: int
    """Its number in the puzzle."""
    y: int
    x: int
    symbol: str
    """Empty where it is blank, or tells its clue in another way."""
    fill: str
    """The declared color, ``#rrggbb``, or empty."""
    is_solid: bool
    """Whether the color stands for the symbol."""
    given: bool
    """Whether the puzzle tells it, and the answer keeps it."""
    changed: bool
    clashes: bool
    """Whether it breaks a rule that single cells show: equal to a related cell, or a given that was overwritten."""
    confidence: float
    """1 where it is given or empty."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A step that is worth a picture, and what stands below it."""

    step: TraceStep
    name: str
    count: str


@dataclass(frozen=True, eq=False)
class View:
    """What is seen of an answer with its trace: its steps, its cells, and the part of the grid that is ever filled."""

    puzzle: Puzzle
    answer: Answer

    @cached_property
    def start(self) -> UInt8[np.ndarray, " C"]:
        """The puzzle."""
        return self.puzzle.parse(self.answer.puzzle)

    @cached_property
    def sketch(self) -> Sketch:
        """What the family shows beside symbols."""
        return self.puzzle.sketch(self.start)

    @cached_property
    def opening(self) -> TraceStep:
        """The puzzle itself as step 0."""
        sure, same = np.ones(len(self.start), np.float32), np.zeros(len(self.start), bool)
        return TraceStep(0, self.start, sure, same, 0.0, self.answer.puzzle)

    def steps(self) -> list[TraceStep]:
        """Return the trace, led by the puzzle.

        Raises:
            UsageError: there is no trace.
        """
        if not self.answer.trace:
            raise UsageError("this answer has no trace to show; solve with trace=True")
        return [self.opening, *self.answer.trace]

    def frames(self, most: int | None = None) -> list[Frame]:
        """Return the puzzle, every segment that changed something, and the end where nothing moved any more.

        Raises:
            UsageError: there is no trace, or more than ``most`` segments changed something.
        """
        first, *trace = self.steps()
        telling = [step for step in trace if step.changed.any()]
        frames = [Frame(step, *self.caption(step)) for step in (first, *telling)]
        if not telling or telling[-1] is not trace[-1]:
            frames.append(Frame(trace[-1], f"unchanged to segment {trace[-1].segment}", ""))
        if most is not None and len(frames) - 1 > most:
            count = f"a file shows at most {most} segments, not {len(frames) - 1}"
            raise UsageError(f"{count}; solve with segments={most} or fewer")
        return frames

    @cached_property
    def title(self) -> str:
        """The model and the family, once where both have one name."""
        family, model = self.puzzle.spec.name, PurePath(self.answer.model).name
        return family if model in ("", family) else f"{model}, {family}"

    @cached_property
    def verdict(self) -> str:
        """What became of the answer, in a few words."""
        used, trace = counted(self.answer.segments, "segment"), self.answer.trace or ()
        if self.answer.verified is None:
            return f"answer after {used}, not checked: no rules known"
        if self.answer.verified:
            last_other = max((m.segment for m in trace if (m.tokens != self.answer.tokens).any()), default=0)
            begun = last_other + 1
            idle = bool(trace) and begun < trace[-1].segment
            return f"solved, right from segment {begun} of {self.answer.segments}" if idle else f"solved in {used}"
        end = trace[-1] if trace else None
        clashing = sum(cell.clashes for cell in self.cells(end)) if end else 0
        what = counted(clashing, "node" if self.sketch.nodes else "cell")
        why = f"{what} clash{'es' * (clashing == 1)}" if clashing else "a rule is broken"
        return f"not solved in {used}: {why}"

    @cached_property
    def window(self) -> tuple[slice, slice]:
        """The rows and columns that hold a cell at some step."""
        ever = self._exists(self.start)
        for step in self.answer.trace or ():
            ever |= self._exists(step.tokens)
        ever |= not ever.any()
        square = ever.reshape(self.puzzle.spec.shape)
        rows, columns = np.flatnonzero(square.any(axis=1)).tolist(), np.flatnonzero(square.any(axis=0)).tolist()
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        rows, columns = self.window
        return rows.stop - rows.start, columns.stop - columns.start

    def cells(self, step: TraceStep) -> list[Cell]:
        """Return the cells that exist at a step, row by row."""
        spec, fills = self.puzzle.spec, dict(self.puzzle.spec.fills)
        kept = spec.given(self.start) & (step.tokens == self.start)
        clashing = conflicts(self.puzzle, step.tokens, self.start)
        if spec.has_rules:
            clashing |= spec.given(self.start) & ~kept
        tokens = self._cut(step.tokens)
        exists, places = self._cut(self._exists(step.tokens)), self._cut(np.arange(spec.cells))
        cells = []
        for y, x in zip(*(axis.tolist() for axis in np.nonzero(exists)), strict=True):
            token, place = int(tokens[y, x]), int(places[y, x])
            empty = token in (PAD, spec.blank, *spec.clues)
            cells.append(
                Cell(
                    place=place,
                    y=y,
                    x=x,
                    symbol="" if empty else spec.tokens[token],
                    fill=fills.get(token, ""),
                    is_solid=token in spec.solid,
                    given=bool(kept[place]),
                    changed=bool(step.changed[place]),
                    clashes=bool(clashing[place]),
                    confidence=1.0 if kept[place] or empty else float(step.confidence[place]),
                )
            )
        return cells

    def lines(self, step: TraceStep) -> tuple[Int[np.ndarray, "lines X"], Int[np.ndarray, "Y lines_down"]]:
        """Return what lines are above and below each row, and left and right of each column."""
        exists = np.pad(self._cut(self._exists(step.tokens)), 1)
        height, width = self.puzzle.spec.box
        regions = self.sketch.regions
        numbers = np.pad(np.full(self.shape, -1) if regions is None else self._cut(regions), 1, constant_values=-1)
        lines = []
        for axis, size, offset in ((0, height, self.window[0].start), (1, width, self.window[1].start)):
            before, after, region, other = (
                np.moveaxis(part, axis, 0)[cut, 1:-1]
                for part, cut in product((exists, numbers), (slice(None, -1), slice(1, None)))
            )
            at_box = (np.arange(len(before)) + offset) % size == 0 if size else np.zeros(len(before), bool)
            kinds = THIN + REGION * (region != other) + THICK * (at_box[:, None] | (before ^ after))
            lines.append(np.moveaxis(kinds * (before | after), 0, axis))
        return lines[0], lines[1]

    def caption(self, step: TraceStep) -> tuple[str, str]:
        """Return which segment this is, and what is to be counted in it: nothing where givens are the walls."""
        nodes = list(self.sketch.nodes)
        noun = "node" if nodes else "cell"
        if step.segment == 0:
            given = self.puzzle.spec.given(self.start)
            count = int(np.count_nonzero(given[nodes] if nodes else given))
            counts = count and (nodes or not self.puzzle.spec.fills)
            return "puzzle", f"{counted(count, noun)} given" if counts else ""
        count = int(np.count_nonzero(step.changed[nodes] if nodes else step.changed))
        return f"segment {step.segment}", f"{counted(count, noun)} changed"

    def _exists(self, tokens: UInt8[np.ndarray, " C"]) -> Bool[np.ndarray, " C"]:
        return self.sketch.fixed | ~np.isin(tokens, (PAD, self.puzzle.spec.blank))

    def _cut(self, numbers: np.ndarray) -> np.ndarray:
        return numbers.reshape(self.puzzle.spec.shape)[self.window]
