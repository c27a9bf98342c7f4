"""What a page shows of the tasks that a model knows: demonstrations and held-out tests, from its training store."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from hrm.data.store import Store, open_store
from hrm.errors import HrmError, UsageError
from hrm.inference.solver import Solver
from hrm.page.examples import Examples

MOST_SHOWN = 10
"""Demonstrations of a task that are shown."""


class Example(BaseModel):
    """An input and what it turns into, each as one line of text."""

    input: str
    output: str | None = Field(description="null: not known.")


class TaskRecord(BaseModel):
    """A task that a model knows by its name."""

    task: str
    demonstrations: list[Example] = Field(description=f"What the model was trained on, at most {MOST_SHOWN} of them.")
    tests: list[Example] = Field(description="What was held back from its training.")
    source: str = Field(description="Where they come from, in one sentence; or why there are none.")


@dataclass(frozen=True)
class Tasks:
    """The tasks of a model."""

    store: Store | None
    """The store that it was trained on; None: it is not at hand."""
    source: str
    """Where the examples come from; or why there are none."""

    @staticmethod
    def of(solver: Solver) -> "Tasks":
        """Open the store that a model was trained on, if it still lies where its configuration says.

        Raises:
            UsageError: the model knows no tasks.
        """
        if solver.table is None:
            raise UsageError("the puzzles of this model belong to no tasks")
        origin = solver.origin
        if origin is None or not origin.config.data.path:
            return Tasks(None, "The model does not say which store it was trained on, so no examples can be shown.")
        path = Path(origin.config.data.path)
        try:
            store = open_store(path, verify=False)
        except HrmError:
            return Tasks(None, f"The store {path.name} of its training is not at hand, so no examples can be shown.")
        if store.table is None or store.digest != origin.meta.get("data", {}).get("digest"):
            return Tasks(None, f"The store {path.name} is not the one of its training, so no examples are shown.")
        return Tasks(store, f"From the store {path.name} of its training.")

    def examples(self, kept: int) -> Examples:
        """Return held-out tests, evenly spread over the store, each with its task."""
        if self.store is None or self.store.table is None or "test" not in self.store.splits:
            return Examples(puzzles=[], source=self.source if self.store is None else "No task has a held-out test.")
        split = self.store.splits["test"]
        rows = np.unique(np.linspace(0, len(split) - 1, min(kept, len(split))).astype(int))
        return Examples(
            puzzles=[self.store.puzzle.text(np.asarray(split.inputs[row])) for row in rows],
            tasks=[self.store.table.lookup(int(split.puzzle_ids[row]))[0] for row in rows],
            source=f"{self.source} It was held back.",
        )

    def record(self, task: str) -> TaskRecord:
        """Return what is to be shown of a task."""
        if self.store is None or self.store.table is None:
            return TaskRecord(task=task, demonstrations=[], tests=[], source=self.source)
        shown, tests = (_pairs(self.store, name, task) for name in ("train", "test"))
        left_out = f" The first {MOST_SHOWN} of {len(shown)} demonstrations." if len(shown) > MOST_SHOWN else ""
        return TaskRecord(task=task, demonstrations=shown[:MOST_SHOWN], tests=tests, source=self.source + left_out)


def _pairs(store: Store, name: str, task: str) -> list[Example]:
    """Return the examples of a task in a split; an output of nothing but padding is not known."""
    if name not in store.splits or store.table is None or task not in store.table:
        return []
    split, text = store.splits[name], store.puzzle.text
    rows = np.flatnonzero(np.isin(np.asarray(split.puzzle_ids), store.table.puzzle_ids(task)))
    pairs = ((np.asarray(split.inputs[row]), np.asarray(split.labels[row])) for row in rows)
    return [Example(input=text(given), output=text(output) if output.any() else None) for given, output in pairs]
