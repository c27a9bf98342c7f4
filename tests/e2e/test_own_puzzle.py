"""The page about one's own puzzles is true: its commands and its code are run as they stand there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hrm import puzzles
from hrm.errors import UsageError

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "your-own-puzzle.md").read_text(encoding="utf-8")
SMALL = ["--train.updates", 60, "--train.batch-size", 16, "--eval.every", 30, "--model.width", 32, "--model.heads", 2,
         "--model.puzzle-width", 32, "--model.l-layers", 1]  # fmt: skip
"""What makes the page's training runs short."""


def fences(kind):
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def commands():
    return [line for fence in fences("sh") for line in fence.splitlines() if line.startswith("hrm ")]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    (folder / "two.csv").write_text(fences("csv")[0])
    subprocess.run([sys.executable, "-c", fences("py")[0]], cwd=folder, check=True)
    for name, code in zip(("mirror", "checked", "mirrors"), fences("python"), strict=True):
        (folder / f"{name}.py").write_text(code)
    return folder


def test_the_page_has_what_is_tested():
    assert len(commands()) == 7 and len(fences("python")) == 3
    assert shlex.split(fences("sh")[0])[1].replace("\\n", "\n") == fences("csv")[0]  # two.csv
    for code in (fences("python")[0], fences("python")[2]):
        lines = code[code.index("class ") :].splitlines()
        assert len([line for line in lines if line.strip()]) <= 40
    assert [line[3:6] for line in PAGE.splitlines() if line.startswith("## (")] == ["(a)", "(b)", "(c)"]


@pytest.mark.slow
def test_its_commands_run(hrm, place):
    for command in commands():
        words = shlex.split(command, comments=True)[1:]
        result = hrm(*words, *(SMALL if words[0] == "train" else []), cwd=place)
        assert result.code == 0, f"{command}: {result.err}"
    refused = hrm("solve", "runs/mirror", "abaabb......", cwd=place)
    assert refused.code == 2 and "add --puzzle mirror:Mirror" in refused.err


@pytest.mark.parametrize("name", ["mirror:Mirror", "mirrors:Mirrors"])
def test_its_classes_keep_their_promises(place, name):
    module, name = name.split(":")
    code = (place / "checked.py").read_text().replace("from mirror import Mirror", f"from {module} import {name}")
    done = subprocess.run(
        [sys.executable, "-c", code.replace("check(Mirror())", f"check({name}())")],
        cwd=place, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.strip() == "ready", done.stderr


def test_its_json_row_is_read(place, hrm):
    (place / "grids.jsonl").write_text(fences("json")[0] * 2)
    plan = hrm("train", "own", "--data.path", "grids.jsonl", "--dry-run", "--json", cwd=place)
    assert plan.code == 0, plan.err
    assert plan.json["config"]["data"]["symbols"] == ["2", "3", "4", "10"]
    assert plan.json["config"]["data"]["shape"] == [2, 2] and plan.json["config"]["model"]["cells"] == 4


def test_a_package_offers_its_families_by_entry_point(place, tmp_path, monkeypatch):
    info = tmp_path / "somebodys_puzzles-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: somebodys-puzzles\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hrm.puzzles]\nsomebodys-mirror = mirror:Mirror\n")
    monkeypatch.syspath_prepend(place)
    with pytest.raises(UsageError, match="no puzzle family is called 'somebodys-mirror'"):
        puzzles.get("somebodys-mirror")
    monkeypatch.syspath_prepend(tmp_path)
    assert puzzles.get("somebodys-mirror").spec.name == "mirror"


def test_its_torch_code_trains_the_network(place, tmp_path):
    code = fences("py")[1]
    check = "\nassert all(p.grad is not None and p.grad.any() for p in model.f_L.parameters())\n"
    done = subprocess.run([sys.executable, "-c", code + check], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
