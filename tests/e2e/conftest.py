"""What the tests of the command line share: a trained model and a file of puzzles."""

import pytest


@pytest.fixture(scope="session")
def trained(hrm, workplace):
    """A run folder of the recipe ``smoke``."""
    result = hrm("train", "smoke", "--out", "smoke run", "--json")
    assert result.code == 0, result.err
    assert result.json["updates"] == 60
    return workplace / "smoke run"


@pytest.fixture(scope="session")
def csv_4x4(workplace):
    """Four puzzles with their answers, in the layout of Sudoku-Extreme."""
    file = workplace / "four.csv"
    file.write_text(
        "source,question,answer,rating\n"
        "a,..1.4.....2.3...,2314413214233241,0\n"
        "a,.1.....3...4.4..,3142421313242431,0\n"
        "a,2....3....4..4.1,2134431212433421,0\n"
        "a,2......2...43...,2143431212343421,0\n"
    )
    return file
