"""A family's class owns its names: what is listed is found, and nothing else is imported to find it."""

import subprocess
import sys

import pytest

from hrm import puzzles
from hrm.errors import UsageError


def test_a_family_is_found_under_each_of_its_names():
    for name in puzzles.names():
        family = puzzles.get(name)
        assert family is puzzles.get(name) and name == family.generator
    assert set(puzzles.families()) == {name for name in puzzles.names() if not name.endswith("-unique")}
    assert puzzles.get("arc").spec.name == "arc" and "arc" not in puzzles.names()
    assert puzzles.get("arc-5x5").spec.shape == (5, 5) and puzzles.get("arc-5x5").spec.name == "arc-5x5"
    assert puzzles.get("maze-5x9").spec.shape == (5, 9) and puzzles.get("coloring-7x2").spec.shape == (7, 7)


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("sudoku9x9", "sudoku-9x9"), ("maze-10x10-uniqe", "maze-10x10-unique"), ("Killer-6x6", "killer-6x6"),
        ("samuray", "samurai"), ("colouing-8x3", "coloring-8x3"), ("coloring8x3", "coloring-8x3"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_told_the_nearest(wrong, meant):
    with pytest.raises(UsageError, match=f"no puzzle family is called '{wrong}'; .*Did you mean '{meant}'"):
        puzzles.get(wrong)


def test_the_old_spelling_of_coloring_is_the_same_family():
    old, new = puzzles.get("colouring-8x3"), puzzles.get("coloring-8x3")
    assert old.spec == new.spec and old.spec.name == "coloring-8x3"
    assert puzzles.same("colouring-8x3", "coloring-8x3")
    assert not puzzles.same("colouring-8x3", "coloring-9x3") and not puzzles.same("maze-9x9", "maze-9x9-unique")
    assert not puzzles.same("their:Class", "coloring-8x3") and puzzles.same("their:Class", "their:Class")


def test_the_old_name_of_register_from_path_warns():
    with pytest.warns(DeprecationWarning, match="register_from_path"):
        puzzles.admit("sudoku-9x9")


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("sudoku-9x9", ("maze", "sudoku.killer", "sudoku.samurai", "coloring", "arc")),
        ("maze-10x10", ("sudoku.killer", "sudoku.samurai", "coloring", "arc")),
        ("coloring-8x3", ("arc",)),
    ],
)
def test_only_the_classes_up_to_the_one_that_has_the_name_are_imported(name, without):
    code = f"import sys; from hrm.puzzles import get; get({name!r}); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    loaded = [module for module in ran.stdout.split() if module.startswith("hrm.puzzles.")]
    assert not [module for module in loaded for part in without if module.startswith(f"hrm.puzzles.{part}")]
