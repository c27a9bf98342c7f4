"""Every family, and one that a user might write, keeps its promises, and needs no torch."""

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from hrm import puzzles
from hrm.puzzles import get, names
from hrm.puzzles.check import check

HERE = Path(__file__).parent
SLOW = {"sudoku-16x16": 3, "killer-9x9": 3, "samurai": 2, "maze-30x30": 4, "maze-30x30-unique": 4}
"""Families that take their time, and how many of their puzzles are examined."""


OTHER_SIZES = ("maze-4x4", "maze-4x9", "maze-6x5-unique", "maze-24x20", "coloring-4x3", "coloring-30x5")
"""Names beside those that are listed."""


@pytest.mark.parametrize("name", [*names(), *OTHER_SIZES])
def test_family_keeps_its_promises(name):
    assert check(get(name), examples=SLOW.get(name, 10)) == []


def test_a_family_of_ones_own_keeps_its_promises(monkeypatch):
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setattr(puzzles, "_registered", {})
    puzzles.register_from_path("mirrored_rows:Mirror")
    assert check(get("mirrored_rows:Mirror")) == []


def test_families_work_where_torch_is_not_installed():
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "import hrm.puzzles.check\n"
        "from hrm.puzzles import get\n"
        "puzzle = get('sudoku-4x4')\n"
        "print(puzzle.text(puzzle.generate(0, 0)[1]))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert len(ran.stdout.strip()) == 16


@pytest.mark.parametrize("name", names())
def test_a_family_can_be_pickled_as_workers_and_caches_do(name):
    family = get(name)
    again = pickle.loads(pickle.dumps(family))
    assert again.spec == family.spec
    if family.spec.generated:
        assert (again.generate(0, 0)[0] == family.generate(0, 0)[0]).all()
