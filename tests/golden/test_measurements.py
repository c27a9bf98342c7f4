"""What ``hrm eval``, ``analyze`` and ``report`` print of a shipped model: every key, in order, and every number.

``measurements.json`` holds the output of these commands, recorded before the measuring code was merged into one place.
"""

import json
from pathlib import Path

import pytest

from hrm.analysis.questions import QUESTIONS

RECORDED = json.loads((Path(__file__).parent / "measurements.json").read_text())
SEED = ("--seed", "3", "--device", "cpu", "--json")
COMMANDS = {
    "eval": ("eval", "sudoku-4x4", "--limit", "30", "--batch-size", "12", "--with", "classical", *SEED),
    "eval of mazes": ("eval", "maze-10x10", "--limit", "6", "--segments", "2", "--batch-size", "4", *SEED),
    "report": ("report", "sudoku-4x4", "--puzzles", "40", "--analyses", "residuals,halting,memory", *SEED),
} | {
    f"analyze {what}": ("analyze", "sudoku-4x4", "--what", what, "--puzzles", "4", "--no-figure", *SEED)
    for what in QUESTIONS
}
OF_THE_MACHINE = {
    "network_s", "ms_mean", "ms_median", "wall_s", "machine", "date", "threads", "file", "files", "bytes",
}  # fmt: skip


def masked(value):
    """Leave out what differs from machine to machine and from minute to minute."""
    if isinstance(value, dict):
        return {key: None if key in OF_THE_MACHINE else masked(part) for key, part in value.items()}
    if isinstance(value, list):
        return [masked(part) for part in value]
    return Path(value).name if isinstance(value, str) and value.startswith("/") else value


def differences(value, recorded, where="$"):
    """Yield the places where two values differ: keys and their order, text, and numbers beyond rounding."""
    if isinstance(recorded, dict) and isinstance(value, dict):
        if list(value) != list(recorded):
            yield f"{where}: keys {list(value)}, recorded {list(recorded)}"
            return
        for key, part in recorded.items():
            yield from differences(value[key], part, f"{where}.{key}")
    elif isinstance(recorded, list) and isinstance(value, list) and len(value) == len(recorded):
        for number, part in enumerate(recorded):
            yield from differences(value[number], part, f"{where}[{number}]")
    elif isinstance(recorded, float) and isinstance(value, float):
        if value != pytest.approx(recorded, rel=1e-3, abs=1e-4):
            yield f"{where}: {value}, recorded {recorded}"
    elif value != recorded or type(value) is not type(recorded):
        yield f"{where}: {value!r}, recorded {recorded!r}"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_prints_what_was_recorded(hrm, name):
    result = hrm(*COMMANDS[name])
    assert result.code == 0, result.err
    assert list(differences(masked(result.json), RECORDED[name])) == []


def test_a_difference_is_noticed():
    recorded = {"a": 1.0, "b": [True, None]}
    assert list(differences({"a": 1.00001, "b": [True, None]}, recorded)) == []
    for other in ({"b": [True, None], "a": 1.0}, {"a": 1.1, "b": [True, None]}, {"a": 1.0, "b": [1, None]}):
        assert list(differences(other, recorded))
