"""Variants of ARC tasks, and the table of their puzzle ids.

A variant is one of the eight turns and reflections together with a permutation of the colors 1 to 9. It is kept as
eleven bytes and applied when it is needed, so that a thousand variants of a task take about as much room as a handful
of its examples on the canvas.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Int, UInt8, UInt64

from hrm.errors import DataError, UsageError
from hrm.puzzles.arc.canvas import CELLS
from hrm.puzzles.arc.tasks import COLORS, SIDE, Grid, Pair, Task
from hrm.randomness import Stream, mix, uniforms

BLANK_NAME = "<blank>"
"""Name of puzzle id 0, which belongs to no task."""
TRIES = 5
"""How often a variant is drawn for each that is wanted, before the task is taken to have no more."""
MOST_VARIANTS = 100_000

_NAME = re.compile(r"(.+)_t([0-7])_(0[1-9]{9})", re.ASCII)
_UNDOES = (0, 3, 2, 1, 4, 5, 6, 7)


@dataclass(frozen=True)
class Variant:
    """A turn or reflection together with a permutation of the colors.

    ``transform``: 0 none, 1 to 3 quarter turns to the left, 4 left and right exchanged, 5 top and bottom exchanged,
    6 transposed, 7 transposed along the other diagonal; the numbers are those of the official names.
    """

    transform: int
    colors: tuple[int, ...]
    """The new color of each; 0 stays."""

    def __post_init__(self) -> None:
        if not 0 <= self.transform < 8 or self.colors[:1] != (0,) or sorted(self.colors) != list(range(COLORS)):
            raise UsageError(
                f"a variant has a transform 0 to 7 and a permutation of the colors 0 to 9 with 0 first; got "
                f"{self.transform} and {self.colors}"
            )

    def apply(self, grid: Grid) -> Grid:
        """Return the grid, moved and recolored."""
        return np.array(self.colors, np.uint8)[moved(grid, self.transform)]

    def apply_pair(self, pair: Pair) -> Pair:
        """Return the pair, both grids moved and recolored."""
        return Pair(self.apply(pair.input), None if pair.output is None else self.apply(pair.output))

    def apply_task(self, task: Task) -> Task:
        """Return the task with all of its pairs moved and recolored."""
        kinds = [tuple(map(self.apply_pair, kind)) for kind in (task.demonstrations, task.tests)]
        return replace(task, demonstrations=kinds[0], tests=kinds[1])

    def inverse(self) -> "Variant":
        """Return the variant that undoes this one."""
        return Variant(_UNDOES[self.transform], tuple(np.argsort(self.colors).tolist()))

    def name(self, task_id: str) -> str:
        """Return the name of a task's variant: the plain id where nothing changes."""
        if self == ORIGINAL:
            return task_id
        return f"{task_id}_t{self.transform}_{''.join(map(str, self.colors))}"


ORIGINAL = Variant(0, tuple(range(COLORS)))


def parse_name(name: str) -> tuple[str, Variant]:
    """Return the task's id and the variant that a name stands for."""
    if found := _NAME.fullmatch(name):
        return found[1], Variant(int(found[2]), tuple(map(int, found[3])))
    return name, ORIGINAL


@dataclass(frozen=True, eq=False)
class Variants:
    """Variants of one task or, row by row, of many; eleven bytes each."""

    transforms: UInt8[np.ndarray, " n"]
    colors: UInt8[np.ndarray, "n 10"]

    def __len__(self) -> int:
        return len(self.transforms)

    def __getitem__(self, row: int) -> Variant:
        return Variant(int(self.transforms[row]), tuple(self.colors[row].tolist()))


def variants(task: Task, count: int, seed: int) -> Variants:
    """Draw up to ``count`` variants that differ from the task and from each other; the task itself is number 0.

    The variants are the same in any company, and fewer are the beginning of more. Two are the same where they turn
    the task into the same pairs, in whatever order. The outputs of tests do not count, so that the ids of puzzles
    are the same with and without the solutions.

    Args:
        count: how many are wanted; a task with few colors or with symmetries may have fewer, and so may one whose
            last ones did not turn up in ``TRIES * count`` draws.
    """
    if not 0 <= count <= MOST_VARIANTS:
        raise UsageError(f"a task can have 0 to {MOST_VARIANTS} variants (got {count})")
    own_seed = int.from_bytes(hashlib.sha256(f"{seed}:{task.id}".encode()).digest()[:8], "little")
    draws = uniforms(own_seed, Stream.VARIANT, np.arange(TRIES * count), COLORS)
    transforms = np.append(0, (draws[:, 0] * 8).astype(np.int64)).astype(np.uint8)
    renamed = np.argsort(draws[:, 1:], axis=1) + 1
    colors = np.pad(np.concatenate([np.arange(1, COLORS)[None], renamed]), ((0, 0), (1, 0))).astype(np.uint8)
    _, first = np.unique(_contents(task, transforms, colors), return_index=True)
    kept = np.sort(first)[: count + 1]
    return Variants(transforms[kept], colors[kept])


@dataclass(frozen=True, eq=False)
class PuzzleTable:
    """Which puzzle id belongs to which variant of which task: 0 is blank, then by task id and variant number."""

    task_ids: tuple[str, ...]
    starts: Int[np.ndarray, " T1"]
    """The variants of task t are the rows ``starts[t]`` up to ``starts[t + 1]``; the puzzle id is the row plus 1."""
    variants: Variants

    def __len__(self) -> int:
        return len(self.variants) + 1

    @property
    def nbytes(self) -> int:
        """Size of the arrays and of the ids in bytes."""
        arrays = (self.starts, self.variants.transforms, self.variants.colors)
        return sum(array.nbytes for array in arrays) + sum(map(len, self.task_ids))

    def __contains__(self, task_id: str) -> bool:
        return task_id in self._places

    def puzzle_ids(self, task_id: str) -> range:
        """Return the puzzle ids of a task, that of the original first.

        Raises:
            DataError: the table has no such task.
        """
        if task_id not in self._places:
            raise DataError(f"the table of puzzle ids has no task {task_id!r}; build it from all tasks")
        place = self._places[task_id]
        return range(int(self.starts[place]) + 1, int(self.starts[place + 1]) + 1)

    def lookup(self, puzzle_id: int) -> tuple[str, Variant]:
        """Return the task and the variant of a puzzle id, which is 1 or more."""
        if not 1 <= puzzle_id < len(self):
            raise DataError(f"there is no puzzle {puzzle_id}; puzzle ids go from 1 to {len(self) - 1}")
        place = int(np.searchsorted(self.starts, puzzle_id - 1, side="right")) - 1
        return self.task_ids[place], self.variants[puzzle_id - 1]

    def shared_with(self, other: "PuzzleTable") -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
        """Return the puzzle ids that both tables give to one variant of one task: those of this table, and the other's.

        The blank one is among them.
        """
        own, others = [np.zeros(1, np.int64)], [np.zeros(1, np.int64)]
        for task_id in self._places.keys() & other._places.keys():
            here, there = self.puzzle_ids(task_id), other.puzzle_ids(task_id)
            _, mine, theirs = np.intersect1d(self._words(here), other._words(there), return_indices=True)
            own.append(mine + here.start)
            others.append(theirs + there.start)
        return np.concatenate(own), np.concatenate(others)

    def _words(self, puzzle_ids: range) -> np.ndarray:
        """Return each variant as one comparable item; none ends in a zero byte, for 0 is the first color."""
        rows = slice(puzzle_ids.start - 1, puzzle_ids.stop - 1)
        table = np.concatenate([self.variants.transforms[rows, None], self.variants.colors[rows]], axis=1)
        return np.ascontiguousarray(table).view(f"S{table.shape[1]}")[:, 0]

    def names(self) -> list[str]:
        """Return the names of all puzzle ids, in the form of the official ``identifiers.json``."""
        looked_up = (self.lookup(puzzle_id) for puzzle_id in range(1, len(self)))
        return [BLANK_NAME, *(variant.name(task_id) for task_id, variant in looked_up)]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {task_id: place for place, task_id in enumerate(self.task_ids)}


def puzzle_table(tasks: Sequence[Task], count: int, seed: int) -> PuzzleTable:
    """Give a puzzle id to every task and to up to ``count`` variants of each, whatever order the tasks come in."""
    ordered = sorted(tasks, key=lambda task: task.id)
    ids = tuple(task.id for task in ordered)
    if len(set(ids)) < len(ids):
        raise DataError("two of the tasks have one id; read them together with read_tasks")
    drawn = [variants(task, count, seed) for task in ordered]
    starts = np.cumsum([0, *map(len, drawn)])
    transforms = np.concatenate([np.zeros(0, np.uint8), *(each.transforms for each in drawn)])
    colors = np.concatenate([np.zeros((0, COLORS), np.uint8), *(each.colors for each in drawn)])
    return PuzzleTable(ids, starts, Variants(transforms, colors))


def moved(grid: Grid, transform: int) -> Grid:
    """Return the grid after a turn or reflection, numbered as in ``Variant``."""
    if transform < 4:
        return np.rot90(grid, transform)
    return (grid[:, ::-1], grid[::-1], grid.T, grid[::-1, ::-1].T)[transform - 4]


def _contents(
    task: Task, transforms: UInt8[np.ndarray, " n"], colors: UInt8[np.ndarray, "n 10"]
) -> UInt64[np.ndarray, " n"]:
    """Return numbers that two variants share exactly when they turn the task into the same pairs (but for 2^-60).

    A grid is the sum over its cells of one random word for the place times one for the color. So the places of a
    color are summed once for each transform, and a permutation only chooses the word that each sum is multiplied by.
    """
    kinds = [(pair.input, pair.output) for pair in task.demonstrations] + [(pair.input, None) for pair in task.tests]
    words = mix(np.arange(2 * CELLS + COLORS, dtype=np.uint64))
    places, inks = words[: 2 * CELLS].reshape(2, SIDE, SIDE), words[2 * CELLS :]
    is_test = np.arange(len(kinds)) >= len(task.demonstrations)
    found = np.zeros(len(transforms), np.uint64)
    for transform in range(8):
        sums = np.zeros((len(kinds), COLORS), np.uint64)
        for number, pair in enumerate(kinds):
            for grid, words_of_role in zip(pair, places, strict=True):
                if grid is not None:
                    turned = moved(grid, transform)
                    np.add.at(sums[number], turned, words_of_role[: turned.shape[0], : turned.shape[1]])
        rows = transforms == transform
        pairs = inks[colors[rows]] @ sums.T
        found[rows] = mix(pairs + is_test.astype(np.uint64)).sum(axis=1, dtype=np.uint64)
    return found
