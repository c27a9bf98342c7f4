"""A new family enters by its class alone: stores, training, solving, measuring, pictures and checks work from it.

The class enters in each of the ways that there are: registered, named as ``module:Class``, and listed beside the
package's own. No other file knows of it.
"""

import importlib
import json
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from hrm import puzzles
from hrm.cli.main import main
from hrm.data.store import open_store

HERE = Path(__file__).parent
SMALL = ["--model.width", "16", "--model.heads", "1", "--train.batch_size", "4", "--train.device", "cpu"]


def registered(monkeypatch):
    puzzles.register(importlib.import_module("mirrored_rows").Mirror())
    return "mirror"


def by_path(monkeypatch):
    return "mirrored_rows:Mirror"


def listed(monkeypatch):
    monkeypatch.setattr(puzzles, "CLASSES", (*puzzles.CLASSES, "mirrored_rows:Listed"))
    assert "mirror" in puzzles.names() and "mirror" in puzzles.families()
    return "mirror"


@pytest.fixture(params=[registered, by_path, listed], ids=lambda way: way.__name__)
def family(request, monkeypatch):
    """The name of the family, after it entered in one of the ways."""
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.setattr(puzzles, "_registered", {})
    for function in ("names", "families", "_known"):
        monkeypatch.setattr(puzzles, function, cache(getattr(puzzles, function).__wrapped__))
    return request.param(monkeypatch)


def test_it_is_stored_trained_solved_measured_drawn_and_checked(family, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    own = ["--puzzle", family] if ":" in family else []

    def command(*words, codes=(0,)):
        code = main([str(word) for word in words])
        shown = capsys.readouterr()
        assert code in codes, shown.err
        return shown.out

    command("data", "build", family, "--out", "store", "--train", 2, "--validation", 1)
    assert len(open_store("store", puzzle=puzzles.get(family)).splits["train"]) == 2
    command("train", "own", "--data.puzzle", family, "--data.path", "store", "--updates", 2, "--out", "run", *SMALL)
    question = "abab...."
    audited = json.loads(command("data", "check", "store", *own, "--json"))
    assert audited["clean"] and audited["puzzle"] == "mirror"
    measured = json.loads(command("eval", "run", "--data", "store", "--split", "train", *own, "--json"))
    assert measured["examples"] == 2 and measured["task"] == "mirror"
    solved = json.loads(command("solve", "run", question, "--json", *own, codes=(0, 1)))
    assert len(solved["answer"]) == len(question) and set(solved["answer"]) <= set("ab")
    terminal = command("show", "run", question, *own, codes=(0, 1))
    assert "segment" in terminal and "a" in terminal
    command("show", "run", question, "--out", "solve.png", *own, codes=(0, 1))
    with Image.open("solve.png") as picture:
        assert min(picture.size) > 20
