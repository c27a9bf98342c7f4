"""Running the command line as a user does: by subprocess, in a folder of its own."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import jaxtyping
import jsonschema
import pytest

# in a shell's background jobs Ctrl-C is ignored, and so it would be in all that tests start
signal.signal(signal.SIGINT, signal.default_int_handler)

SCHEMAS = json.loads((Path(__file__).parents[1] / "docs" / "schemas.json").read_text(encoding="utf-8"))


def published(words):
    """Return the published schema of what a command prints with ``--json``."""
    words = [str(word) for word in words]
    schema = SCHEMAS["properties"].get(words[0]) or SCHEMAS["properties"][" ".join(words[:2])]
    return {"$defs": SCHEMAS["$defs"], **schema}


@dataclass
class Result:
    code: int
    out: str
    err: str
    words: tuple = ()

    @property
    def json(self):
        """The one object that ``--json`` printed, which is as the published schema says."""
        lines = self.out.splitlines()
        assert len(lines) == 1, f"--json printed {len(lines)} lines"
        printed = json.loads(lines[0])
        jsonschema.validate(printed, published(self.words))
        return printed


@pytest.fixture(scope="session")
def workplace(tmp_path_factory):
    return tmp_path_factory.mktemp("user with spaces")


@pytest.fixture(scope="session")
def environment(workplace):
    return os.environ | {"HRM_CACHE": str(workplace / "cache")}


@pytest.fixture(scope="session")
def installed(workplace, environment):
    """Run the installed script ``hrm`` with these arguments, from nothing, and return what it did."""

    def run(*arguments, cwd=None, timeout=280):
        done = subprocess.run(
            [str(Path(sys.executable).parent / "hrm"), *map(str, arguments)],
            cwd=cwd or workplace,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=environment | {"COLUMNS": "120"},
        )
        return Result(done.returncode, done.stdout, done.stderr, arguments)

    return run


FORKED = """
import os, sys
os.chdir(cwd)
os.environ.clear()
os.environ.update(env)
for number, name in enumerate(("stdin", "stdout", "stderr")):
    handle = os.open(os.path.join(streams, name), os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY)
    os.dup2(handle, number)
    os.close(handle)
    setattr(sys, name, open(number, "w" if number else "r", closefd=False))
sys.argv = ["hrm", *arguments]
from hrm.cli.main import run
run()
"""
"""What a fork of a process that has imported everything does to be the command ``hrm``."""


class Running:
    """A command that runs in a process of its own."""

    def __init__(self, process, streams, words):
        self.process, self.streams, self.words = process, streams, words

    @property
    def err(self):
        return (self.streams / "stderr").read_text() if (self.streams / "stderr").exists() else ""

    def ended(self, timeout=280):
        """Wait until it has ended, and return what it did; the code of one that a signal killed is negative."""
        self.process.join(timeout)
        if self.process.exitcode is None:
            self.process.kill()
            raise TimeoutError(f"it took more than {timeout} seconds: {self.err[-2000:]}")
        return Result(self.process.exitcode, (self.streams / "stdout").read_text(), self.err, self.words)


@pytest.fixture(scope="session")
def forking():
    """Return what forks a process from one that has imported torch and all that takes longer than most commands."""
    forking = multiprocessing.get_context("forkserver")
    forking.set_forkserver_preload(
        ["hrm.cli.main", "hrm.train.trainer", "hrm.viz.puzzle.files", "hrm.workflows.report", "hrm.data.prepare"]
        # what torch imports at the first optimizer, and matplotlib at the first figure
        + ["torch._dynamo", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg"]
    )
    return forking


@pytest.fixture(scope="session")
def start(forking, workplace, environment, tmp_path_factory):
    """Start ``hrm`` with these arguments in a process of its own."""

    def run(*arguments, cwd=None, stdin=None, columns=120):
        streams = tmp_path_factory.mktemp("streams")
        (streams / "stdin").write_text(stdin or "")
        told = {
            "arguments": [str(argument) for argument in arguments],
            "cwd": str(cwd or workplace),
            "env": environment | {name: os.environ[name] for name in ("HF_ENDPOINT",) if name in os.environ}
            | {"COLUMNS": str(columns)},
            "streams": str(streams),
        }  # fmt: skip
        process = forking.Process(target=exec, args=(FORKED, told))
        process.start()
        return Running(process, streams, arguments)

    return run


@pytest.fixture(scope="session")
def hrm(start):
    """Run ``hrm`` with these arguments in a process of its own, and return what it did."""

    def run(*arguments, timeout=280, **more):
        return start(*arguments, **more).ended(timeout)

    return run


@pytest.fixture(scope="module")
def browser():
    """Return headless Chromium; tests skip where it, or playwright, is absent."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("there is no Chromium here: install the package chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def no_shape_checks():
    """Leave out the checks of shapes, which take more than half the time of a tiny network.

    For runs that repeat what ran with the checks before: undisturbed, as a fixture of the module, or in another test.
    """
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def no_figures(monkeypatch):
    """Leave out the curves that a run draws at its end."""
    monkeypatch.setattr("hrm.train.log.has_matplotlib", lambda: False)


def arc_tasks(folder):
    """Write three tasks of ARC: "flip" and "grow", which are held back, and "paint"."""
    import numpy as np

    rules = {
        "evaluation/flip": lambda grid: grid[:, ::-1],
        "evaluation/grow": lambda grid: np.kron(grid, np.ones((2, 2), int)),
        "training/paint": lambda grid: np.where(grid == 3, 8, grid),
    }
    rng = np.random.default_rng(0)
    for name, rule in rules.items():
        file = folder / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        grids = [rng.integers(0, 10, rng.integers(2, 6, 2)) for _ in range(4)]
        pairs = [{"input": grid.tolist(), "output": rule(grid).tolist()} for grid in grids]
        file.write_text(json.dumps({"train": pairs[:3], "test": pairs[3:]}))
    return folder


@pytest.fixture(scope="session")
def arc_run(tmp_path_factory):
    """Train a tiny model of ARC for two updates: a folder with ``tasks``, a store ``arc`` and the run ``arc-run``."""
    from rich.console import Console

    from hrm import recipes
    from hrm.data.arc import build_arc
    from hrm.train.trainer import Trainer

    place = tmp_path_factory.mktemp("arc")
    tasks = arc_tasks(place / "tasks")
    build_arc(place / "arc", [tasks / "evaluation", tasks / "training"], 2, 0, "2026-01-01T00:00:00+00:00")
    tiny = {
        "model": {"width": 32, "l_layers": 1, "puzzle_width": 32},
        "halting": {"max_segments": 3},
        "train": {"updates": 2, "batch_size": 4, "device": "cpu", "precision": "fp32", "compile": False},
    }
    config = recipes.get("arc-small", tiny).changed("data.path", str(place / "arc"))
    Trainer(config, place / "arc-run", console=Console(quiet=True)).fit()
    return place
