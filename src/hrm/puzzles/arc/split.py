"""The paper's split of ARC tasks, and the proof that no output to be found is trained on.

Every task's demonstrations are trained on. Its tests are, too, unless it lies in a folder named ``evaluation``: then
they are what is tested. Source: HRM paper, and ``dataset/build_arc_dataset.py`` of the official code.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from hrm.puzzles.arc.tasks import COLORS, Grid, Pair, Task
from hrm.puzzles.arc.variants import moved


class Reference(NamedTuple):
    """An example by its place; it holds no grids."""

    task_id: str
    part: Literal["demonstration", "test"]
    number: int
    """Counted from 0."""

    def __str__(self) -> str:
        return f"{self.task_id} {self.part} {self.number + 1}"


def resolve(tasks: Mapping[str, Task], reference: Reference) -> Pair:
    """Return the pair that a reference stands for."""
    task = tasks[reference.task_id]
    return (task.demonstrations if reference.part == "demonstration" else task.tests)[reference.number]


def split(tasks: Sequence[Task]) -> tuple[tuple[Reference, ...], tuple[Reference, ...]]:
    """Return what is trained on and what is tested, by task id and place.

    A test whose output is not known is tested wherever it lies: it cannot be trained on.
    """
    training: list[Reference] = []
    testing: list[Reference] = []
    for task in sorted(tasks, key=lambda task: task.id):
        training += [Reference(task.id, "demonstration", number) for number in range(len(task.demonstrations))]
        for number, pair in enumerate(task.tests):
            tested = task.held_back or pair.output is None
            (testing if tested else training).append(Reference(task.id, "test", number))
    return tuple(training), tuple(testing)


@dataclass(frozen=True)
class Leak:
    """An output to be found that a turn, a reflection or a recoloring makes of a grid that is trained on."""

    test: Reference
    same_output: tuple[Reference, ...]
    """Training examples with this output; one may be there by chance, the smaller the grid the sooner."""
    same_pair: tuple[Reference, ...]
    """Those with the same input as well, by the same turn and recoloring: the answer itself is trained on."""


def leaks(tasks: Sequence[Task], training: Sequence[Reference], testing: Sequence[Reference]) -> tuple[Leak, ...]:
    """Return the outputs to be found that can be had from a trained output, by task id and place.

    No variant of any kind can hide one: grids are compared by forms that all of their variants share. Tests whose
    output is not known are passed over.
    """
    by_id = {task.id: task for task in tasks}
    hits = reached([resolve(by_id, each) for each in training], [resolve(by_id, each) for each in testing])
    return tuple(
        Leak(testing[each.test], *(tuple(training[row] for row in rows) for rows in (each.same_output, each.same_pair)))
        for each in hits
    )


class Reached(NamedTuple):
    """As ``Leak``, by the places of the pairs."""

    test: int
    same_output: list[int]
    same_pair: list[int]


def reached(training: Sequence[Pair], testing: Sequence[Pair]) -> list[Reached]:
    """Return which of the tested pairs can be had from trained ones, as ``leaks`` does."""
    trained = _by_invariant(training)
    hits: list[Reached] = []
    for key, tested in _by_invariant(testing).items():
        forms = [(canonical(output), row, output) for row, output in trained.get(key, [])]
        for test, output in tested if forms else []:
            own, whole = canonical(output), canonical(testing[test].input, output)
            same = [(row, end) for form, row, end in forms if form == own]
            pairs = [row for row, end in same if canonical(training[row].input, end) == whole]
            if same:
                hits.append(Reached(test, [row for row, _ in same], pairs))
    return sorted(hits)


def canonical(*grids: Grid) -> bytes:
    """Return a form that grids share exactly when one variant turns all of the one into those of the other.

    It is the least, over the eight turns and reflections, of the grids with their colors 1 to 9 numbered in the
    order in which they first occur. Color 0 stays, as it does in every variant.
    """
    return min(_relabeled([moved(grid, transform) for grid in grids]) for transform in range(8))


def _relabeled(grids: list[Grid]) -> bytes:
    cells = np.concatenate([grid.reshape(-1) for grid in grids])
    present, first = np.unique(cells, return_index=True)
    order = present[np.argsort(first)]
    order = order[order > 0]
    numbers = np.zeros(COLORS, np.uint8)
    numbers[order] = np.arange(1, len(order) + 1)
    return bytes(size for grid in grids for size in grid.shape) + numbers[cells].tobytes()


def _by_invariant(pairs: Sequence[Pair]) -> dict[bytes, list[tuple[int, Grid]]]:
    """Gather the pairs whose outputs have one size and equal counts of colors, as all variants of one have."""
    gathered: dict[bytes, list[tuple[int, Grid]]] = defaultdict(list)
    for row, pair in enumerate(pairs):
        if (output := pair.output) is not None:
            counts = np.bincount(output.reshape(-1), minlength=COLORS)
            key = bytes(sorted(output.shape)) + np.append(counts[0], np.sort(counts[1:])).tobytes()
            gathered[key].append((row, output))
    return gathered
