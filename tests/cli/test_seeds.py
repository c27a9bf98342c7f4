"""Every seed is a whole number from 0 to 2**63 - 1, and any other one is refused in one line before any work."""

import sys

import pytest

from hrm.cli.app import app
from hrm.cli.main import main
from hrm.config import schema_paths

WORDS = {
    "analyze": ["analyze", "sudoku-4x4", "--what", "depth"], "data arc": ["data", "arc", ".", "--out", "x"],
    "data build": ["data", "build", "sudoku-4x4"], "data sample": ["data", "sample", "--out", "x", "--from", "y:1"],
    "demo": ["demo"], "eval": ["eval", "sudoku-4x4"], "report": ["report", "sudoku-4x4"],
    "scale": ["scale", "sudoku-4x4"], "train": ["train", "smoke"],
}  # fmt: skip
NAMES = [
    *(("train", f"--{path}") for path in schema_paths() if path.endswith(".seed")),
    *((command, "--seed") for command in WORDS),
]


def test_these_are_all():
    commands = {
        f"{group}{name}": of[name] for group, of in (("", app), ("data ", app["data"])) for name in of if name[0] != "-"
    }
    with_seed = {
        name
        for name, command in commands.items()
        if name != "data" and any("--seed" in argument.names for argument in command.assemble_argument_collection())
    }
    assert with_seed == set(WORDS) and len(NAMES) == len(WORDS) + 2


@pytest.mark.parametrize(("command", "option"), NAMES, ids=map(" ".join, NAMES))
@pytest.mark.parametrize("seed", [-1, 2**63, 10**40])
def test_any_other_seed_is_refused(capsys, tmp_path, monkeypatch, command, option, seed):
    monkeypatch.chdir(tmp_path)
    torch = "torch" in sys.modules
    assert main([*WORDS[command], option, str(seed)]) == 2
    said = capsys.readouterr()
    assert not said.out and len(said.err.splitlines()) == 1 and "seed" in said.err and str(seed) in said.err
    assert list(tmp_path.iterdir()) == [] and ("torch" in sys.modules) == torch
