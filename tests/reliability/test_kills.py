"""Kills, full disks and damaged files: what was saved stays, and the run that goes on ends as the undisturbed one."""

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from hrm.checkpoint import latest_checkpoint, load_checkpoint
from hrm.cli.main import main
from hrm.train import saving
from hrm.train.trainer import Trainer

from .runs import TINY, UPDATES, begun, differing, left, tiny

pytestmark = pytest.mark.usefixtures("no_figures", "no_shape_checks")


def test_a_run_repeats_and_goes_on_from_every_update(whole):
    home, expected = whole
    begun(home / "again", tiny()).fit()
    assert differing(expected, left(home / "again")) == []
    for update in range(1, UPDATES):
        assert begun(home / "paused", tiny()).fit(until=update).updates == update
    assert begun(home / "paused", tiny()).fit().updates == UPDATES
    assert differing(expected, left(home / "paused")) == []


def program(*arguments, timeout):
    """Return what a program of Python printed."""
    words = [sys.executable, *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("kills, inside_a_save, width, state_mb", [
    (20, 6, 32, 0.9), pytest.param(200, 60, 256, 20, marks=pytest.mark.slow),
])  # fmt: skip
@pytest.mark.timeout(3000)
def test_kills_at_random_times(tmp_path, kills, inside_a_save, width, state_mb):
    """Every update is saved, so at most the one that was not yet saved is lost. Every other kill waits for a save."""
    place = Path(__file__).with_name("killing.py")
    met = json.loads(program(place, tmp_path, kills, inside_a_save, width, timeout=2900))
    print(met)
    assert met["kills"] >= kills and met["inside_a_save"] >= inside_a_save and met["state_mb"] >= state_mb


PRUNING = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from hrm.checkpoint import latest_checkpoint, prune, save_checkpoint
from hrm.files import tidy

torch.set_num_threads(1)
run, rng, done, most = Path(sys.argv[1]), random.Random(0), 0, 0
x = {"x": torch.zeros(50_000)}
for trial in range(int(sys.argv[2])):
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        while True:
            done += 1
            save_checkpoint(run / f"update-{done:06d}", config="", weights=x, state=x, meta={"update": done})
            os.write(tell, f"{done} ".encode())
            prune(run, 3)
    os.close(tell)
    first = os.read(told, 100).decode()
    time.sleep(0.02 * rng.random())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(told) as f:
        done = max(map(int, (first + f.read()).split()))
    found, damaged = latest_checkpoint(run)
    assert found and not damaged and int(found.name[7:]) in (done, done + 1), (found, damaged, done)
    most = max(most, sum(1 for _ in run.iterdir()))
    tidy(run)
    prune(run, 3)
    assert len(list(run.iterdir())) <= 3
    done += 1
print(most)
"""


@pytest.mark.parametrize("kills", [15, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_while_old_checkpoints_are_deleted(tmp_path, kills):
    (tmp_path / "run").mkdir()
    most = int(program("-c", PRUNING, tmp_path / "run", kills, timeout=280))
    assert most <= 3 + 2  # one that is new, one that is being deleted


@pytest.mark.parametrize("flips, cuts", [(40, 12), pytest.param(200, 50, marks=pytest.mark.slow)])
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_used(whole, flips, cuts):
    home, expected = whole
    folder, rng = home / f"damaged-{flips}", random.Random(0)
    begun(folder, tiny()).fit(until=7)
    begun(folder, tiny()).fit(until=14)
    older, newest = folder / "checkpoints" / "update-000007", folder / "checkpoints" / "update-000014"

    def falls_back(name):
        found, damaged = latest_checkpoint(folder / "checkpoints")
        return found == older and len(damaged) == 1 and (name in damaged[0] or "manifest.json" in damaged[0])

    for file in sorted(newest.iterdir()):
        if file.name == "README.md":  # for readers only
            continue
        content = file.read_bytes()
        for _ in range(flips):
            flipped, place = bytearray(content), rng.randrange(len(content))
            flipped[place] ^= 1 << rng.randrange(8)
            file.write_bytes(flipped)
            assert falls_back(file.name), (file.name, place)
        for length in {0, 1, len(content) - 1, *(rng.randrange(len(content)) for _ in range(cuts))}:
            file.write_bytes(content[:length])
            assert falls_back(file.name), (file.name, length)
        if (older / file.name).read_bytes() != content:
            shutil.copyfile(older / file.name, file)
            assert falls_back("update-000014"), file.name
        file.unlink()
        assert falls_back(file.name), file.name
        file.write_bytes(content)
    (newest / "state.safetensors").write_bytes(b"")
    said = []
    console = Console(quiet=True)
    console.print = lambda text, **_: said.append(text)
    assert saving.newest_checkpoint(folder, console) == older and "state.safetensors is damaged" in said[0]
    begun(folder, tiny()).fit()
    assert differing(expected, left(folder)) == []


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), MemoryError()], ids=["GPU", "host"])
def test_out_of_memory_says_what_to_do_and_loses_nothing(tmp_path, monkeypatch, capsys, error):
    original = Trainer.train_segment

    def train_segment(run):
        if run.update == 9:
            raise error
        return original(run)

    command = [str(word) for word in (*TINY, "--out", tmp_path / "run", "--cache", tmp_path / "cache")]
    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "train_segment", train_segment)
        assert main(command) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("hrm: not enough memory: ") and "--train.micro-batch auto" in said
    assert load_checkpoint(tmp_path / "run" / "checkpoints" / "update-000007", with_state=True).meta["update"] == 7
    assert main([*command, "--train.micro-batch", "4"]) == 0  # which may change when a run goes on


FULL = """
mount -t tmpfs -o size=1900k none "$1" && cd "$1" || exit 99
shift
"$@"; code=$?
ls -A run/checkpoints > ../listed; cp -r run ../full
mount -o remount,size=64m "$PWD" && "$@" && cp -r run ../finished
exit $code
"""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("unshare") or os.getuid() != 0, reason="only root can mount")
def test_a_disk_that_fills_up(whole, environment, tmp_path):
    _, expected = whole
    (tmp_path / "disk").mkdir()
    run = [str(word) for word in (sys.executable, "-m", "hrm", *TINY, "--out", "run", "--cache", tmp_path / "cache")]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", FULL, "sh", str(tmp_path / "disk"), *run],
        capture_output=True, text=True, env=environment, timeout=250,
    )  # fmt: skip
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("hrm:")]
    assert done.returncode == 1 and "cannot write" in line and "update-000014" in line and "free" in line, done.stderr
    assert (tmp_path / "listed").read_text().split() == ["update-000007"]
    assert load_checkpoint(tmp_path / "full" / "checkpoints" / "update-000007", with_state=True).meta["update"] == 7
    assert differing(expected, left(tmp_path / "finished")) == []
