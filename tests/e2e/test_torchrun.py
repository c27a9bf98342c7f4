"""Commands that several processes carry out together print what one process prints, and end together."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hrm.checkpoint import load_checkpoint
from hrm.cli.main import main

PUZZLES = Path(__file__).parents[2] / "examples" / "puzzles.txt"
SMALL = (
    "--model.width 32 --model.heads 2 --model.puzzle_width 32 --data.train 40 --data.validation 10 --data.test 10 "
    "--halting.max_segments 3 --train.batch_size 8 --train.log_every 2 --eval.segments 2 --eval.batch_size 4 "
).split()  # fmt: skip


def launch(count: int, *options: str) -> list[str]:
    if count == 1:
        return [sys.executable, "-m", "hrm"]
    return [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)),
        *(*options, "-m", "hrm"),
    ]


def environment(cache: Path) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HRM_CACHE": str(cache)}


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(cache):
    def run(count: int, *arguments: object, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess:
        command = [*launch(count, *options), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env=environment(cache), timeout=240)

    return run


@pytest.mark.slow
def test_a_list_is_solved_by_two_as_by_one(run, tmp_path):
    puzzles = [line for line in PUZZLES.read_text().splitlines() if line and line[0] in ".123456789"]
    file = tmp_path / "puzzles.txt"
    file.write_text("\n".join([*puzzles[:5], "not a puzzle", *puzzles[5:9]]) + "\n")
    answers = tmp_path / "answers.csv"
    two = run(2, "solve", "sudoku-9x9", file, "--effort", "quick", "--out", answers)
    one = run(1, "solve", "sudoku-9x9", file, "--effort", "quick", "--csv")
    assert one.returncode in (4, 5) and one.stdout == answers.read_text(), two.stderr[-2000:]
    assert "hrm (process 1)" not in two.stderr and f"written: {answers}" in two.stdout
    said = next(line for line in one.stderr.splitlines() if line.startswith("hrm: "))
    assert said.removeprefix("hrm: ").split("; ")[0] in two.stderr


@pytest.mark.slow
def test_an_evaluation_is_shared(run):
    command = ("eval", "sudoku-4x4", "--limit", 40, "--batch-size", 8, "--segments", 4, "--precision", "fp32", "--json")
    metrics = [json.loads(run(count, *command).stdout) for count in (1, 2)]
    for each in metrics:
        for name in ("network_s", "plain_solver", "protocol"):
            each.pop(name)
    assert metrics[0] == metrics[1] and metrics[0]["examples"] == 40


@pytest.mark.slow
def test_a_comparison_is_shared(run, tmp_path):
    command = ("compare", "smoke", *SMALL, "--train.updates", 4, "--variants", "base,flat", "--seeds", 2, "--json")
    found = [json.loads(run(count, *command, "--out", tmp_path / str(count)).stdout) for count in (1, 2)]
    for each in found:
        each.pop("date")
        for line in each["variants"]:
            for one in line["runs"]:
                for stage in one["stages"]:
                    stage.pop("trained_s")
    assert found[0] == found[1] and [line["variant"] for line in found[0]["variants"]] == ["base", "flat"]
    assert (tmp_path / "2" / "compare.json").exists()


def test_other_commands_are_refused(monkeypatch, capsys):
    started = {"WORLD_SIZE": 2, "RANK": 1, "LOCAL_RANK": 1, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": 29500}
    for name, value in started.items():  # as torchrun does
        monkeypatch.setenv(name, str(value))
    assert main(["analyze", "sudoku-4x4"]) == 2
    assert "hrm (process 1): torchrun is for: compare, eval, solve, train" in capsys.readouterr().err


class Job:
    """A training of many updates in two processes, which has made some."""

    def __init__(self, folder: Path, cache: Path, *options: str):
        self._file = folder.with_name("said.txt")
        long = ("--train.updates", "4000", "--train.checkpoint_every", "5", "--out", str(folder))
        with open(self._file, "w") as said:
            self.process = subprocess.Popen(
                [*launch(2, *options), "train", "smoke", *SMALL, *long],
                env=environment(cache),
                stdout=said,
                stderr=said,
            )
        self.wait_for(lambda: list(folder.glob("checkpoints/update-*")))

    @property
    def said(self) -> str:
        return self._file.read_text()

    def wait_for(self, happened) -> None:
        deadline = time.monotonic() + 120
        while not happened():
            assert time.monotonic() < deadline and self.process.poll() is None, self.said[-3000:]
            time.sleep(0.1)

    def ends_within(self, seconds: float) -> bool:
        """Say whether it ends in time, and not by success."""
        try:
            return self.process.wait(seconds) != 0
        except subprocess.TimeoutExpired:
            self.process.kill()
            return False


@pytest.fixture
def job(tmp_path, cache):
    jobs: list[Job] = []

    def start(*options: str) -> Job:
        jobs.append(Job(tmp_path / "run", cache, *options))
        return jobs[-1]

    yield start
    for each in jobs:
        each.process.kill()


def process_of(folder: Path, rank: int) -> int:
    """Return the id of the process of a rank that trains in a folder."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            command = (place / "cmdline").read_bytes().split(b"\0")
            variables = (place / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(folder).encode() in command and f"RANK={rank}".encode() in variables:
            return int(place.name)
    raise AssertionError(f"no process of rank {rank}")


NEEDS_PROC = pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")


@pytest.mark.slow
@NEEDS_PROC
def test_sigterm_to_one_process_stops_all_after_the_same_update(tmp_path, job):
    folder = tmp_path / "run"
    running = job()
    os.kill(process_of(folder, 1), signal.SIGTERM)
    assert running.ends_within(30), running.said[-2000:]
    stops = {
        line.split("stopped at update ")[1].split(";")[0] for line in running.said.splitlines() if "stopped" in line
    }
    assert len(stops) == 1, running.said[-2000:]
    newest = max(folder.glob("checkpoints/update-*"))
    assert newest.name == f"update-{int(stops.pop()):06d}"
    assert load_checkpoint(newest, with_state=True).state is not None
    with pytest.raises(AssertionError):
        process_of(folder, 0)


@pytest.mark.slow
@NEEDS_PROC
def test_a_killed_process_ends_the_job_with_a_named_error(tmp_path, job):
    folder = tmp_path / "run"
    running = job()
    os.kill(process_of(folder, 1), signal.SIGKILL)
    assert running.ends_within(30), running.said[-2000:]
    assert "rank      : 1 (local_rank: 1)" in running.said and "SIGKILL" in running.said  # torchrun names it
    assert load_checkpoint(max(folder.glob("checkpoints/update-*")), with_state=True).state is not None


@pytest.mark.slow
@NEEDS_PROC
def test_a_killed_process_is_started_again(tmp_path, job):
    folder = tmp_path / "run"
    running = job("--max-restarts", "1")
    os.kill(process_of(folder, 1), signal.SIGKILL)
    running.wait_for(lambda: "resuming" in running.said)
    newest = max(folder.glob("checkpoints/update-*")).name
    running.wait_for(lambda: max(folder.glob("checkpoints/update-*")).name > newest)
    running.process.terminate()
    assert running.ends_within(30), running.said[-2000:]
