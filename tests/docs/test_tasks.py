"""The page about all families is true: its examples are run, and it leaves no family out."""

import doctest
from pathlib import Path

from hrm import puzzles, recipes
from hrm.data.sources.hub import DATA_SETS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tasks.md").read_text(encoding="utf-8")


def test_its_examples_print_what_it_says():
    test = doctest.DocTestParser().get_doctest(PAGE, {}, "tasks.md", "docs/tasks.md", 0)
    said: list[str] = []
    failed, tried = doctest.DocTestRunner(verbose=False).run(test, out=said.append)
    assert failed == 0, "".join(said)
    assert tried == PAGE.count("\n>>> ") > 20


def test_every_family_and_every_published_set_is_there():
    for name in puzzles.families():
        family, _, size = name.rpartition("-")
        assert name in PAGE or (family in PAGE and f"`-{size}`" in PAGE), f"{name} is not on the page"
    assert all(f"`{name}`" in PAGE for name in [*DATA_SETS, *recipes.RECIPES] if not name.startswith(("smoke", "own")))
