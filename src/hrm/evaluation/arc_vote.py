"""ARC answers by vote: every variant of a task answers, what was done to it is undone, and the grids are counted.

Source: HRM paper, section on ARC evaluation, and ``arc_eval.ipynb`` of the official code. Differs: a canvas without
any grid is no vote, where the official count has empty grids take part; and ties are decided by the grids themselves,
so that the order of the predictions cannot matter.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, UInt8

from hrm.errors import DataError, UsageError
from hrm.inference.vote import Candidate, vote
from hrm.puzzles.arc.canvas import decode
from hrm.puzzles.arc.tasks import COLORS, SIDE, Grid, Task
from hrm.puzzles.arc.variants import Variant

KS = (1, 2, 10, 100, 1000)
"""How many attempts are scored; the paper reports 2."""
_BLOCK = 4096

Test = tuple[str, int]
"""A task's id and the number of one of its tests, counted from 0."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a network answered, one row for each test of each variant, in any order. Axes: n rows."""

    task_ids: Sequence[str]
    tests: Int[np.ndarray, " n"]
    """Number of the test within its task, from 0."""
    transforms: UInt8[np.ndarray, " n"]
    colors: UInt8[np.ndarray, "n 10"]
    """The variants, as the table of tasks keeps them."""
    tokens: UInt8[np.ndarray, "n 900"]
    q_halt: Float[np.ndarray, " n"]
    """Probability in [0, 1] that the Q-head gives to halting with this answer."""

    def __post_init__(self) -> None:
        n = len(self.task_ids)
        shapes = {"tests": (n,), "transforms": (n,), "colors": (n, COLORS), "tokens": (n, SIDE * SIDE), "q_halt": (n,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise DataError(f"{n} predictions need {name} of shape {shape}, not {getattr(self, name).shape}")
        for name, most, right in (
            ("q_halt", "probabilities 0 to 1", (self.q_halt >= 0) & (self.q_halt <= 1)),  # NaN is neither
            ("tests", "numbers from 0", self.tests >= 0),
        ):
            if not right.all():
                row = int(np.argmin(right))
                raise DataError(f"prediction {row + 1} has {name} {getattr(self, name)[row]}; allowed are {most}")

    def __len__(self) -> int:
        return len(self.task_ids)


def restored(predictions: Predictions) -> Iterator[Grid]:
    """Yield for each prediction the grid that it means for the original task; empty where it holds none."""
    for start in range(0, len(predictions), _BLOCK):
        for row, grid in enumerate(decode(predictions.tokens[start : start + _BLOCK]), start=start):
            variant = Variant(int(predictions.transforms[row]), tuple(predictions.colors[row].tolist()))
            yield variant.inverse().apply(grid)


def count_votes(predictions: Predictions) -> dict[Test, tuple[Candidate, ...]]:
    """Return for each test its candidates, the best first, by test.

    A variant that is missing is a vote less. A test whose predictions hold no grid has no candidates.
    """
    ranked = vote(
        ((predictions.task_ids[row], int(predictions.tests[row])), grid, float(predictions.q_halt[row]))
        for row, grid in enumerate(restored(predictions))
    )
    return {test: ranked[test] for test in sorted(ranked)}


def answers(tasks: Iterable[Task]) -> dict[str, tuple[Grid, ...]]:
    """Return the outputs of all tests by task id, which is what ``score`` takes; not of tasks with a hidden test."""
    found: dict[str, tuple[Grid, ...]] = {}
    for task in tasks:
        outputs = tuple(pair.output for pair in task.tests if pair.output is not None)
        if len(outputs) == len(task.tests):
            found[task.id] = outputs
    return found


@dataclass(frozen=True)
class Score:
    """Shares of what is hit within K attempts, by K. Both rules, because they are often confused."""

    tests: int
    tasks: int
    pass_at_test: dict[int, float]
    """Share of the tests that are hit: the rule of the ARC Prize."""
    pass_at_task: dict[int, float]
    """Share of the tasks all of whose tests are hit: the rule of the paper."""


def score(
    ranked: Mapping[Test, Sequence[Candidate]], truth: Mapping[str, Sequence[Grid]], ks: Sequence[int] = KS
) -> Score:
    """Score candidates against the true outputs; a test without candidates is missed.

    Raises:
        DataError: a prediction belongs to no test of these tasks.
        UsageError: nothing is to be scored, or a K is below 1.
    """
    if not truth or min(ks, default=1) < 1:
        raise UsageError("a score needs tasks with known outputs, and numbers of attempts of 1 or more")
    for task_id, test in ranked:
        if test >= len(truth.get(task_id, ())):
            raise DataError(f"there are predictions for test {test + 1} of task {task_id!r}, which is not to be scored")
    places = {task: [_place(ranked.get((task, i), ()), grid) for i, grid in enumerate(truth[task])] for task in truth}
    tests = sum(map(len, places.values()))
    return Score(
        tests=tests,
        tasks=len(places),
        pass_at_test={k: sum(place < k for each in places.values() for place in each) / tests for k in ks},
        pass_at_task={k: sum(max(each) < k for each in places.values()) / len(places) for k in ks},
    )


def submission(
    ranked: Mapping[Test, Sequence[Candidate]], tests: Mapping[str, int], attempts: int = 2
) -> dict[str, list[dict[str, list[list[int]]]]]:
    """Return what goes into ``submission.json`` of the ARC Prize: every test of every task, by task id.

    Every attempt must be there: where there are too few candidates the best one stands again, and where there is
    none a single black cell.

    Args:
        tests: number of tests of each task.
    """
    result: dict[str, list[dict[str, list[list[int]]]]] = {}
    for task_id in sorted(tests):
        result[task_id] = []
        for test in range(tests[task_id]):
            grids = [candidate.grid.tolist() for candidate in ranked.get((task_id, test), ())[:attempts]] or [[[0]]]
            grids += grids[:1] * (attempts - len(grids))
            result[task_id].append({f"attempt_{number}": grid for number, grid in enumerate(grids, start=1)})
    return result


def _place(candidates: Sequence[Candidate], truth: Grid) -> float:
    """Return where the true grid stands, counted from 0; infinity where it does not."""
    hits = (place for place, candidate in enumerate(candidates) if np.array_equal(candidate.grid, truth))
    return next(hits, float("inf"))
