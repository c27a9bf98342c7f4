"""Variants of ARC tasks.

A variant is one of the eight turns and reflections together with a permutation of the colors 1 to 9. It is kept as
eleven bytes and applied when it is needed, so that a thousand variants of a task take about as much room as a handful
of its examples on the canvas.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8, UInt64

from hrm.errors import UsageError
from hrm.puzzles.arc.canvas import CELLS
from hrm.puzzles.arc.tasks import COLORS, SIDE, Grid, Pair, Task
from hrm.randomness import Stream, mix, uniforms

TRIES = 5
"""How often a variant is drawn for each that is wanted, before the task is taken to have no more."""
MOST_VARIANTS = 100_000

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

    @staticmethod
    def of(row: UInt8[np.ndarray, " 11"]) -> "Variant":
        """Return the variant that eleven bytes stand for: the transform, then the colors."""
        return Variant(int(row[0]), tuple(row[1:].tolist()))

    @property
    def row(self) -> UInt8[np.ndarray, " 11"]:
        """Return the eleven bytes that stand for it."""
        return np.array([self.transform, *self.colors], np.uint8)

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

    def inverse(self) -> "Variant":
        """Return the variant that undoes this one."""
        return Variant(_UNDOES[self.transform], tuple(np.argsort(self.colors).tolist()))

    def name(self, task_id: str) -> str:
        """Return the name of a task's variant: the plain id where nothing changes."""
        if self == ORIGINAL:
            return task_id
        return f"{task_id}_t{self.transform}_{''.join(map(str, self.colors))}"


ORIGINAL = Variant(0, tuple(range(COLORS)))


def variants(task: Task, count: int, seed: int) -> UInt8[np.ndarray, "n 11"]:
    """Draw up to ``count`` variants that differ from the task and from each other, a row each; the task is row 0.

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
    rows = np.zeros((1 + len(draws), 1 + COLORS), np.uint8)
    rows[0] = ORIGINAL.row
    rows[1:, 0] = draws[:, 0] * 8
    rows[1:, 2:] = np.argsort(draws[:, 1:], axis=1) + 1
    _, first = np.unique(_contents(task, rows[:, 0], rows[:, 1:]), return_index=True)
    return rows[np.sort(first)[: count + 1]]


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
    contents = np.zeros(len(transforms), np.uint64)
    for transform in range(8):
        sums = np.zeros((len(kinds), COLORS), np.uint64)
        for number, pair in enumerate(kinds):
            for grid, words_of_role in zip(pair, places, strict=True):
                if grid is not None:
                    turned = moved(grid, transform)
                    np.add.at(sums[number], turned, words_of_role[: turned.shape[0], : turned.shape[1]])
        rows = transforms == transform
        pairs = inks[colors[rows]] @ sums.T
        contents[rows] = mix(pairs + is_test.astype(np.uint64)).sum(axis=1, dtype=np.uint64)
    return contents
