"""The command line as a user meets it: by subprocess, in a folder of its own."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self):
        lines = self.out.splitlines()
        assert len(lines) == 1, f"--json printed {len(lines)} lines"
        return json.loads(lines[0])


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    return tmp_path_factory.mktemp("user with spaces")


@pytest.fixture(scope="session")
def hrm(workplace):
    """Run ``hrm`` with these arguments and return what it did."""

    def run(*arguments, cwd=None, stdin=None, timeout=280, columns=120):
        import os

        done = subprocess.run(
            [str(Path(sys.executable).parent / "hrm"), *map(str, arguments)],
            cwd=cwd or workplace,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=os.environ | {"HRM_CACHE": str(workplace / "cache"), "COLUMNS": str(columns)},
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return run


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
