"""A command imports only what its puzzle needs."""

import subprocess
import sys

import pytest

PUZZLE = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."
CODE = """
import sys
from hrm.cli.main import main
sys.argv = ["hrm", *sys.argv[1:]]
code = main(sys.argv[1:])
print("imported:", *sys.modules)
sys.exit(code)
"""


@pytest.mark.parametrize("options", [(), ("--json",), ("--trace",)])
def test_a_sudoku_is_solved_without_any_module_of_arc(options):
    command = [sys.executable, "-c", CODE, "solve", "sudoku-9x9", PUZZLE, "--segments", "1", *options]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode in (0, 5), ran.stderr
    loaded = ran.stdout.rpartition("imported: ")[2].split()
    assert "hrm.inference.solver" in loaded and "hrm.puzzles.sudoku.classic" in loaded
    parts = {module: module.split(".") for module in loaded if module.startswith("hrm.")}
    assert [m for m, names in parts.items() if any(n == "arc" or "arc_" in n or "_arc" in n for n in names)] == []
