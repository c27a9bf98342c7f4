"""Several processes train as one would: the same puzzles in the same order, the same loss up to rounding."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from hrm import recipes
from hrm.checkpoint import load_checkpoint
from hrm.errors import HrmError, UsageError
from hrm.runtime.world import World
from hrm.train.pieces import pieces_of

UPDATES = 100
WANTED = {
    "model": {"width": 32, "heads": 2, "puzzle_width": 32, "q_continue": True},
    "data": {"train": 40, "validation": 10},
    "halting": {"max_segments": 3, "explore": 0.5},
    "train": {"updates": UPDATES, "batch_size": 8, "checkpoint_every": 50, "log_every": 10, "precision": "fp32"},
    "eval": {"every": 50, "segments": 2, "batch_size": 4},
    "optim": {"lr": 3e-4},
}


def environment():
    return {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONFAULTHANDLER": "1"}


def torchrun(count: int, *arguments: object, restarts: int = 0) -> subprocess.CompletedProcess:
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    launch += ["--max-restarts", str(restarts)]
    command = [*(launch if count > 1 else [sys.executable]), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=240)


RANK = """
import os, runpy, sys, torch
os.environ.update(told)
torch.set_num_threads(1)
sys.argv = arguments
runpy.run_path(arguments[0], run_name="__main__")
"""


def forked(forking, count: int, *arguments: object) -> list[int | None]:
    """Run a program in processes that find each other as those of torchrun do; return their exit codes.

    They are forked from one that has imported torch, which takes longer than such a training.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        told = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(count)}
    words, processes = [str(argument) for argument in arguments], []
    for rank in map(str, range(count)):
        own = {"arguments": words, "told": environment() | told | {"RANK": rank, "LOCAL_RANK": rank}}
        processes.append(forking.Process(target=exec, args=(RANK, own)))
        processes[-1].start()
    for process in processes:
        process.join(240)
    return [process.exitcode for process in processes]


def train(
    folder: Path, count: int, until: int = UPDATES, micro_batch: int = 0, killed_at: int = 0, forking=None
) -> Path:
    """Train in so many processes: of torchrun where there are several, or forked."""
    folder.mkdir(exist_ok=True)
    config = recipes.get("smoke", WANTED).changed("train.micro_batch", micro_batch)
    (folder / "wanted.toml").write_text(config.to_toml())
    program = Path(__file__).with_name("in_ranks.py")
    if forking is not None:
        assert forked(forking, count, program, folder, until) == [0] * count
        return folder
    done = torchrun(count, program, folder, until, killed_at, restarts=int(killed_at > 0))
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def state(folder: Path) -> dict[str, torch.Tensor]:
    checkpoint = load_checkpoint(folder / "run" / "checkpoints" / f"update-{UPDATES:06d}", with_state=True)
    assert checkpoint.state is not None
    return {**{f"use/{name}": t for name, t in checkpoint.weights.items()}, **checkpoint.state}


def lines(folder: Path, *left_out: str) -> list[dict]:
    timed = {"updates_per_s", "segments_per_s", "trained_s", *left_out}
    text = (folder / "run" / "metrics.jsonl").read_text()
    return [{k: v for k, v in json.loads(line).items() if k not in timed} for line in text.splitlines()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory, forking):
    return train(tmp_path_factory.mktemp("alone"), 1, forking=forking)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return train(tmp_path_factory.mktemp("two"), 2)


def agrees(folder: Path, alone: Path) -> None:
    """Same puzzles in the same slots at every update, and the loss within 1e-5."""
    one, other = (json.loads((place / "seen.json").read_text()) for place in (alone, folder))
    assert len(other) == UPDATES
    assert [update["draws"] for update in other] == [update["draws"] for update in one]
    ours, theirs = (np.array([update["loss"] for update in updates]) for updates in (other, one))
    print(f"largest relative difference of the loss: {np.abs(ours / theirs - 1).max():.1e}")
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)


def test_two_processes_train_as_one_does(two, alone):
    agrees(two, alone)
    ours, theirs = state(two), state(alone)
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in theirs.items()}
    assert all(torch.equal(ours[f"slots/{name}"], theirs[f"slots/{name}"]) for name in ("inputs", "draws", "segments"))
    validated = [[m for m in lines(place) if "validation_exact" in m] for place in (two, alone)]
    assert [m["validation_examples"] for m in validated[0]] == [10, 10] and validated[0] == validated[1]


def test_one_process_goes_on_where_two_stopped_and_back(tmp_path, alone, forking):
    """In pieces, too: those of an update have the gradient of the whole. It stops while puzzles are in the slots."""
    for count, until, micro_batch in ((1, 31, 0), (2, 62, 2), (1, UPDATES, 4)):
        train(tmp_path, count, until, micro_batch, forking=forking)
    agrees(tmp_path, alone)


@pytest.mark.slow
def test_a_repeat_is_bitwise(tmp_path, two):
    again, first = state(train(tmp_path, 2)), state(two)
    assert all(torch.equal(again[name], first[name]) for name in first)


@pytest.mark.slow
def test_a_process_that_is_killed_and_started_again_changes_nothing(tmp_path, two):
    again, first = state(train(tmp_path, 2, killed_at=70)), state(two)
    assert json.loads((tmp_path / "seen.json").read_text())[0]["update"] == 51  # of the process that was started again
    assert all(torch.equal(again[name], first[name]) for name in first)


@pytest.mark.slow
def test_a_number_that_is_not_finite_in_one_process_ends_all_alike(tmp_path):
    """Both say the same, the report names the process and its puzzles, and the run goes on from before."""
    config = recipes.get("smoke", WANTED).changed("train.checkpoint_every", 5)
    (tmp_path / "wanted.toml").write_text(config.to_toml())
    program, broken_at = Path(__file__).with_name("in_ranks.py"), 13
    done = torchrun(2, program, tmp_path, 30, 0, broken_at)
    assert done.returncode != 0 and "exitcode  : 3" in done.stderr, done.stderr[-2000:]
    ours, theirs = ((tmp_path / f"diverged-{rank}").read_text() for rank in range(2))
    assert ours == theirs and "training diverged at update 13: the loss became NaN" in ours
    report = json.loads((tmp_path / "run" / "nan_report.json").read_text())
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert (report["update"], report["what"], report["processes"]) == (broken_at, "loss", [1])
    assert report["draws"] == seen[broken_at - 1]["draws"][4:] and len(report["rows"]) == 4
    saved = list((tmp_path / "run").rglob("*.safetensors"))
    assert len(saved) >= 4
    for file in saved:
        tensors = safetensors.torch.load_file(file).values()
        assert all(tensor.isfinite().all() for tensor in tensors if tensor.is_floating_point()), file
    done = torchrun(2, program, tmp_path, 30)
    assert done.returncode == 0, done.stderr[-2000:]
    later = json.loads((tmp_path / "seen.json").read_text())[len(seen) :]
    assert [update["update"] for update in later] == [*range(11, 31)]


SLOWLY_MADE = """
import sys, time
from datetime import timedelta
from pathlib import Path
from hrm.runtime import world
from hrm.runtime.environment import end

world.WAIT = timedelta(seconds=2)
own, file = world.join(), Path(sys.argv[1])

def make():
    if not file.exists():
        assert own.rank == 0
        time.sleep(5)
        file.write_text("made")
    return file.read_text()

assert [own.first_on_each_machine(make) for _ in range(2)] == ["made", "made"]
assert own.all_of(own.rank) == [0, 1]
end(0)
"""


@pytest.mark.slow
def test_the_others_wait_for_what_the_first_makes_as_long_as_it_takes(tmp_path):
    (tmp_path / "make.py").write_text(SLOWLY_MADE)
    done = torchrun(2, tmp_path / "make.py", tmp_path / "file")
    assert done.returncode == 0, done.stderr[-2000:]


def test_slots_are_shared_equally_or_not_at_all():
    assert [World(rank, 4).share(8) for rank in range(4)] == [slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 8)]
    with pytest.raises(UsageError, match=r"batch_size 10 .* 4 processes equally: give --train.batch-size 8"):
        World(0, 4).share(10)


def test_lists_that_were_dealt_out_come_back_in_order(monkeypatch):
    dealt = [[0, 3, 6], [1, 4], [2, 5]]
    monkeypatch.setattr(World, "all_of", lambda self, own: dealt)
    assert list(World(1, 3).in_turn([1, 4])) == list(range(7))


def fits(most: int):
    tried = []

    def rehearse(rows: slice) -> None:
        tried.append(rows.stop)
        if rows.stop > most:
            raise torch.OutOfMemoryError("CUDA out of memory")

    return rehearse, tried


def test_pieces_that_fit_into_memory():
    alone = World()
    assert pieces_of(0, 8, fits(8)[0], alone) == [slice(0, 8)]
    assert pieces_of(4, 8, fits(8)[0], alone) == [slice(0, 4), slice(4, 8)]
    rehearse, tried = fits(5)
    assert pieces_of("auto", 24, rehearse, alone) == [slice(n, n + 3) for n in range(0, 24, 3)] and tried == [
        24,
        12,
        6,
        3,
    ]
    with pytest.raises(UsageError, match="micro_batch 5 does not divide the 8 slots: give 4, or auto"):
        pieces_of(5, 8, rehearse, alone)
    with pytest.raises(HrmError, match="single slot"):
        pieces_of("auto", 8, fits(0)[0], alone)
    with pytest.raises(RuntimeError, match="something else"):
        pieces_of("auto", 8, lambda rows: (_ for _ in ()).throw(RuntimeError("something else")), alone)
