"""A signal that comes before training, while a command starts or makes puzzles: one line, and 130 or 143."""

import signal
import time

import pytest

from .runs import hit, ready

CODES = {signal.SIGINT: (130, "hrm: interrupted"), signal.SIGTERM: (143, "hrm: terminated")}
MANY = ["train", "smoke", "--data.train", 20_000, "--data.share-twins", "true"]


def told(code, err, number):
    return code == CODES[number][0] and err.splitlines()[-1] == CODES[number][1] and "Traceback" not in err


@pytest.mark.parametrize("number", CODES)
def test_while_puzzles_are_made(start, tmp_path, number):
    running = start(*MANY, "--out", tmp_path / "run", "--cache", tmp_path / "cache")
    ready(running, "folder")
    assert hit(running, number, 0.5)
    result = running.ended()
    assert told(result.code, result.err, number), result
    assert not (tmp_path / "run").exists()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []  # nothing half made


@pytest.mark.parametrize("number", CODES)
def test_other_commands(start, tmp_path, number):
    running = start("data", "build", "sudoku-6x6", "--train", 20_000, "--out", tmp_path / "six")
    time.sleep(1)
    assert hit(running, number, 0)
    result = running.ended()
    assert told(result.code, result.err, number), result
    assert list(tmp_path.iterdir()) == []
