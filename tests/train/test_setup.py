"""The header of a run says which puzzles it will train and validate on: those that it takes, whatever was asked for."""

from io import StringIO

import pytest
from rich.console import Console

from hrm import recipes
from hrm.data.csv_rows import write_store_as_csv
from hrm.data.prepare import prepare
from hrm.train.setup import print_header, set_up

NOW = "2026-01-01T00:00:00+00:00"


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Stores with 8 puzzles to train on, with and without 4 to validate on, and a file of both."""
    place, found = tmp_path_factory.mktemp("places"), {}
    for name, validation in (("both", 4), ("alone", 0)):
        data = recipes.get("smoke", {"data.train": 8, "data.validation": validation}).data
        store, _ = prepare(data, place / name, NOW)
        found[name] = str(store.path)
        write_store_as_csv(store, place / f"{name}.csv")
        found[f"{name}.csv"] = str(place / f"{name}.csv")
    return found


@pytest.mark.parametrize(("path", "asked", "data", "checks"), [
    ("", {"train": 9, "validation": 3}, "9 to train on, 3 to validate on", True),
    ("", {"train": 9, "validation": 0}, "9 to train on", False),
    ("both", {"train": 9, "validation": 0}, "8 to train on, 4 to validate on", True),
    ("alone", {"train": 9, "validation": 3}, "8 to train on", False),
    ("alone", {"validation_path": "{both.csv}"}, "8 to train on, {both.csv} to validate on", True),
    ("both.csv", {"train": 5, "validation": 3}, "5 to train on, 3 to validate on", True),
    ("both.csv", {"train": 0, "validation": 3}, "the rest to train on, 3 to validate on", True),
    ("both.csv", {"train": 0, "validation": 0}, "all to train on", False),
])  # fmt: skip
def test_the_puzzles_are_those_that_it_takes(tmp_path, places, path, asked, data, checks):
    def named(text):
        for name, place in places.items():
            text = text.replace(f"{{{name}}}", place)
        return text

    wanted = {name: named(value) if isinstance(value, str) else value for name, value in asked.items()}
    config = recipes.get("smoke", {"data": wanted | {"path": places.get(path, "")}})
    setup, console = set_up(config, tmp_path / "run", writes=False), Console(file=StringIO(), width=1000)
    print_header(setup, console)
    lines = console.file.getvalue().splitlines()
    source = f"{config.data.path} (sudoku-4x4)" if path else "generated sudoku-4x4 puzzles (seed 0)"
    assert lines[2] == f"data    {source}: {named(data)}"
    assert ("evaluated every" in lines[3]) == checks and ("no evaluation" in lines[3]) == (not checks)
    _, splits = setup.experiment.puzzles(tmp_path / "cache", NOW)
    assert ("validation" in splits) == checks
    if path != "both.csv" or asked["train"]:
        assert f"{len(splits['train'])} to train on" in lines[2]
