"""What a store of ARC gives away: tests whose answer can be had from the examples that are trained on.

Grids are compared by forms that all variants share, so that no turn, reflection or recoloring hides one. What is
compared is what the store holds, not what its provenance says.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from hrm.data.audit.findings import Audit, Finding, Separation, finding
from hrm.data.store import Split, Store
from hrm.puzzles.arc.canvas import decode
from hrm.puzzles.arc.split import reached
from hrm.puzzles.arc.tasks import Pair

PUBLISHED = frozenset({("070dd51e", 0), ("50a16a69", 0), ("992798f6", 0), ("ca8de6ea", 0)})
"""Tests that the training examples of ARC-AGI-1 itself give away, by task and number from 0; half of its evaluation
tasks were looked at. They are named, but are no fault of a store."""


class ArcAudit(Audit):
    """What was found in a store of ARC."""

    @property
    def conclusion(self) -> str:
        """What is proven of tests that are clean."""
        published = any("published" in note.kind for note in self.notes)
        return f"no test is trained on with its answer{', but those that are published so' if published else ''}"


def audit_arc(store: Store, others: Mapping[str, Store], path: str) -> Audit:
    """Name the tests that are given away by the training split, or by any split of other stores.

    A test is given away where one variant turns a trained pair into its input and its output. An output that is
    trained on with another input is named, too, but may be there by chance: the smaller the grid, the sooner.

    Args:
        others: stores that count as trained on, by what to call them.
    """
    testing = _pairs(store.splits["test"]) if "test" in store.splits else []
    names = store.held_out_tests() if testing else []
    sources = {"train": (store, store.splits["train"])} if "train" in store.splits else {}
    sources |= {
        f"{name}:{split}": (other, rows) for name, other in others.items() for split, rows in other.splits.items()
    }
    findings: list[Finding] = []
    notes: list[Finding] = []
    separations: list[Separation] = []
    for name, (other, split) in sources.items():
        tasks = _tasks(other, split)
        given: dict[str, list[tuple[int, str]]] = {kind: [] for kind in ("fault", "published", "output")}
        for hit in reached(_pairs(split), testing):
            rows = hit.same_pair or hit.same_output
            known = "published" if names[hit.test] in PUBLISHED else "fault"
            task, number = names[hit.test]
            says = f"{task} test {number + 1}, by row {rows[0] + 1} of {name}, task {tasks[rows[0]]}"
            more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
            given[known if hit.same_pair else "output"].append((hit.test + 1, says + more))
        findings += finding(f"given away by {name}", "test", given["fault"])
        notes += finding(f"given away by {name}, as published", "test", given["published"])
        notes += finding(f"output that {name} has with another input", "test", given["output"])
        separations.append(Separation("test", name, len(given["fault"]) + len(given["published"])))
    return ArcAudit(
        path=path, puzzle=store.puzzle.spec.name, shape=store.puzzle.spec.shape,
        rows={name: len(split) for name, split in store.splits.items()},
        answered={name: int(np.asarray(split.labels).any(axis=1).sum()) for name, split in store.splits.items()},
        vocabulary={}, proven=False, separations=separations, findings=findings, notes=notes,
    )  # fmt: skip


def _pairs(split: Split) -> list[Pair]:
    grids = zip(decode(np.asarray(split.inputs)), decode(np.asarray(split.labels)), strict=True)
    return [Pair(given, answer if answer.size else None) for given, answer in grids]


def _tasks(store: Store, split: Split) -> Sequence[str]:
    ids = np.asarray(split.puzzle_ids).tolist()
    return ["(unknown)" if store.table is None else store.table.lookup(puzzle_id)[0] for puzzle_id in ids]
