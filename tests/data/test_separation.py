"""No twin of a held-out puzzle gets into training: the check proves it of every family, and finds one that did."""

import numpy as np
import pytest

from hrm import puzzles
from hrm.data.audit.audit import audit
from hrm.data.build import generate_store, store_from_rows
from hrm.data.sources.files import Rows
from hrm.data.store import Split, write_store
from hrm.puzzles.table import Declaration, Table

COUNTS = {"train": 2, "validation": 1, "test": 2}
FEW = dict.fromkeys(COUNTS, 1)
PAIRS = [("validation", "train"), ("test", "train"), ("test", "validation")]
SLOW = {"sudoku-16x16", "killer-9x9", "samurai-4x4", "samurai", "coloring-20x4"}
"""Families that get few puzzles, and are not searched for second answers, which would take seconds."""
SLOWEST = {"killer-9x9", "samurai"}
TABLE = Table(Declaration((2, 2), tuple("abcdef"), symmetries=("turn", "rename")))


def built(path, name):
    """Return the store of a family that generates puzzles, or of rows of a table."""
    if name != "table":
        family = puzzles.get(name)
        return family, generate_store(path, family, FEW if name in SLOW else COUNTS, 2, "now")
    rng = np.random.default_rng(0)
    inputs, labels = rng.integers(2, 8, (2, 40, 4)).astype(np.uint8)
    rows = Rows(TABLE, inputs, labels, np.full(40, np.nan, np.float32), "rows.csv", "0" * 64)
    return TABLE, store_from_rows(path, rows, COUNTS, 0, "now")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] if n in SLOWEST else []) for n in (*puzzles.names(), "table")]
)
def test_splits_are_proven_apart_and_a_planted_twin_is_found(tmp_path, name):
    family, store = built(tmp_path / "store", name)
    result = audit(store.path, puzzle=family, unique=name not in SLOW)
    assert result.clean and [(s.part, s.of, s.twins) for s in result.separations] == [(*pair, 0) for pair in PAIRS]

    train, test = store.splits["train"], store.splits["test"]
    draws = np.random.default_rng(1).random((50, family.spec.symmetry_draws))
    symmetries = family.symmetries(draws)
    last = np.repeat(test.inputs[-1:], 50, axis=0), np.repeat(test.labels[-1:], 50, axis=0)
    moved, answers = (symmetries.apply(grids) for grids in last)
    disguised = int(np.argmax((moved != last[0]).any(axis=1)))
    assert not np.array_equal(moved[disguised], test.inputs[-1])
    leaky = Split(
        np.concatenate([train.inputs, moved[disguised : disguised + 1]]),
        np.concatenate([train.labels, answers[disguised : disguised + 1]]),
        np.append(train.puzzle_ids, np.int32(0)),
        np.append(train.ratings, np.float32(np.nan)),
    )
    splits = dict(store.splits) | {"train": leaky}
    result = audit(write_store(tmp_path / "leaky", family, splits, {}, "now").path, puzzle=family, unique=False)
    assert [(f.kind, f.part, f.rows, f.others) for f in result.findings] == [
        ("twin of a row of train", "test", [len(test)], [f"row {len(leaky)} of train"])
    ]
    assert [(s.part, s.of, s.twins) for s in result.separations] == [(*p, int(p == PAIRS[1])) for p in PAIRS]
