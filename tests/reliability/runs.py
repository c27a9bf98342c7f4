"""Runs of a tiny recipe in processes of their own, to be stopped and killed at any time, and what they leave."""

import csv
import json
import os
import time

import torch
from rich.console import Console

from hrm import recipes
from hrm.checkpoint import load_checkpoint
from hrm.train.trainer import Trainer

UPDATES = 24
TINY = [
    "train", "smoke", "--train.updates", UPDATES, "--train.batch-size", 8, "--train.log-every", 3, "--eval.every", 5,
    "--train.checkpoint-every", 7, "--model.width", 32, "--model.puzzle-width", 32, "--data.train", 40,
    "--data.validation", 20, "--eval.batch-size", 10, "--eval.segments", 2, "--halting.max-segments", 3,
]  # fmt: skip
"""A run whose lines, evaluations and checkpoints fall on different updates."""
TIMES = {"updates_per_s", "segments_per_s", "trained_s", "window_s"}


def untimed(record):
    return {key: value for key, value in record.items() if key not in TIMES}


def left(folder):
    """Return all that a finished run left, apart from times: final state, best weights, metrics."""
    found = {}
    last = folder / "checkpoints" / f"update-{UPDATES:06d}"
    for name, place in (("last", last), ("best", folder / "best")):
        checkpoint = load_checkpoint(place, with_state=name == "last")
        tensors = {**checkpoint.weights, **{f"state/{key}": value for key, value in (checkpoint.state or {}).items()}}
        contents = {key: value.reshape(-1).view(torch.uint8).numpy().tobytes() for key, value in tensors.items()}
        found |= {f"{name}/{key}": content for key, content in contents.items()}
        found |= {f"{name}.meta": untimed(checkpoint.meta), f"{name}.config": checkpoint.config}
    found["metrics"] = [untimed(json.loads(line)) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    with open(folder / "metrics.csv", newline="") as f:
        found["table"] = [untimed(line) for line in csv.DictReader(f)]
    return found


def differing(left_one, left_other):
    """Return the names of what differs."""
    return [name for name in {**left_one, **left_other} if left_one.get(name) != left_other.get(name)]


def ready(running, words):
    """Wait until a command has said certain words, or has ended."""
    began = time.monotonic()
    while words not in running.err and running.process.is_alive():
        assert time.monotonic() - began < 60
        time.sleep(0.002)


def hit(running, number, after):
    """Send a signal after so many seconds; return whether the command still ran then."""
    running.process.join(after)
    if running.process.exitcode is not None:
        return False
    os.kill(running.process.pid, number)
    return True


def tiny(**changes):
    """Return the configuration of that run."""
    sizes = {
        name.removeprefix("--").replace("-", "_"): value for name, value in zip(TINY[2::2], TINY[3::2], strict=True)
    }
    return recipes.get("smoke", sizes | changes)


def begun(folder, config, console=None, callbacks=()):
    """Return its trainer in this process."""
    console = console or Console(quiet=True)
    return Trainer(config, folder, folder.parent / "cache", console=console, announce=False, callbacks=callbacks)


def at(update, act, run):
    """Act when an update has been made, before anything else is done with it."""
    original = run.train_segment

    def train_segment():
        made = original()
        if run.update == update:
            act()
        return made

    run.train_segment = train_segment
