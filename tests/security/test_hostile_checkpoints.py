"""A checkpoint whose hashes are right and whose content is made to do harm: refused at once, in one line.

Whoever makes a checkpoint can seal it, so a right hash says that it is intact, and nothing more. The commands run in
this process, so that start-up does not count; time is that of the processor, and memory is limited.
"""

import contextlib
import io
import json
import os
import pickle
import resource
import shutil
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from hrm.checkpoint import latest_checkpoint
from hrm.cli.main import main
from hrm.manifest import record, seal
from hrm.train.log import SUMS

ALLOWED_S, ALLOWED_BYTES = 2.0, 100 << 20
PUZZLE = "..1.4.....2.3..."
TRAIN = "train smoke --train.updates 2 --train.batch_size 4 --eval.every 1 --data.path store --cache cache --out"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a run of two updates, after everything slow was imported."""
    folder, before = tmp_path_factory.mktemp("checkpoints"), Path.cwd()
    os.chdir(folder)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as err:
        for command in ("data build sudoku-4x4 --out store --train 8 --validation 2 --test 2 --share-twins",
                        f"{TRAIN} run", f"solve run {PUZZLE}",
                        "report run --data store --segments 1 --analyses none --out report.html"):  # fmt: skip
            assert main(command.split()) in (0, 5), err.getvalue()
    yield folder
    os.chdir(before)


def forge(folder, meta=None, files=None):
    """Change what a checkpoint keeps, and seal it again as whoever made it could."""
    manifest = json.loads((folder / "manifest.json").read_text())
    if meta:
        meta(manifest["meta"])
    for name, change in (files or {}).items():
        content = change((folder / name).read_bytes())
        (folder / name).write_bytes(content)
        manifest["files"][name] = record(content).model_dump()
    (folder / "manifest.json").write_bytes(seal(manifest))


def refused(capsys, words, said):
    """Run a command in little memory and check that it refuses, at once and in one line."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    began = time.process_time()
    if sys.platform == "linux":
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + ALLOWED_BYTES, limits[1]))
    try:
        code = main(words)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    took = time.process_time() - began
    out, err = capsys.readouterr()
    assert code in (2, 4) and not out, (code, out, err)
    last = err.splitlines()[-1]
    assert last.startswith("hrm: ") and len(last) < 700 and said in last, err
    assert took < ALLOWED_S, f"{took:.1f} s"


def put(name, value):
    """Return what puts a value under a dotted name."""

    def change(meta):
        *way, last = name.split(".")
        for step in way:
            meta = meta[step]
        meta[last] = value

    return change


WRONG = {
    "update": ["x", -1, 1e99, True, [], 2**70, {}], "cursor": ["x", -3, 0.5], "evaluated": [[]],
    "trained_s": ["x", -1.0, [], True], "window_s": ["x"], "choice": [3, {}], "hardware": [["x"]],
    "guard": [3, {"losses": [1.0]}, {"losses": ["x"], "looked_at": 0, "usual_until": 0, "risen": False}],
    "best": [3, "x", [1]], "best.update": ["x", None, -1], "best.exact": ["x", 2, -0.1], "best.valid": [[]],
    "data": [[], "x", {}], "data.digest": [3, None], "data.train_rows": ["x", -1, 0.5],
    "data.provenance": [[], "x"], "data.provenance.source": [[], {"a": {}}],
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_fact_of_another_type_is_named_by_every_reader(place, tmp_path, capsys, name):
    for number, value in enumerate(WRONG[name]):
        run = tmp_path / "run"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(place / "run", run)
        for folder in (run / "best", *run.glob("checkpoints/*")):
            forge(folder, put(name, value))
        readers = [
            f"solve {run} {PUZZLE}", f"report {run} --data store --segments 1 --out out.html",
            f"push {run} me/x --out pushed", f"params {run}", f"eval {run} --data store --cache cache",
            f"train smoke --out new --data.path store --init {run}",
        ]  # fmt: skip
        for command in readers if number == 0 else readers[:1]:
            refused(capsys, command.split(), f"meta.{name}")
        if number == 0:
            refused(capsys, [*TRAIN.split(), str(run)], "no checkpoint of")
    assert not {"out.html", "pushed"} & set(os.listdir(place))


@pytest.mark.parametrize("name", ["update", "cursor", "best", "trained_s", "data"])
@pytest.mark.parametrize("absent", [True, False])
def test_a_run_does_not_go_on_without(place, tmp_path, capsys, name, absent):
    shutil.copytree(place / "run", tmp_path / "run")
    for folder in (tmp_path / "run").glob("checkpoints/*"):
        forge(folder, (lambda meta: meta.pop(name)) if absent else put(name, None))
    refused(capsys, [*TRAIN.split(), str(tmp_path / "run")], f"meta.{name}")


def config(text, value):
    return lambda content: content.replace(text.encode(), value.encode() if isinstance(value, str) else value)


def tensors(change):
    def changed(content):
        held = safetensors.torch.load(content)
        change(held)
        return safetensors.torch.save(held)

    return changed


def header(fields):
    text = json.dumps(fields).encode()
    return lambda content: len(text).to_bytes(8, "little") + text + bytes(64)


def floats(count):
    return {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}


class Code:
    """What a pickle runs when it is read."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


CONTENT = {
    "latin-1": ({"config.toml": config('recipe = "smoke"', b'recipe = "\xe9"')}, "config.toml is refused: line 1"),
    "a NUL": ({"config.toml": lambda content: content + b"\0"}, "is not TOML"),
    "no TOML": ({"config.toml": lambda content: b"[" * 100_000}, "is not TOML"),
    "width": ({"config.toml": config("width = 64", "width = 1048576")}, "does not fit"),
    "layers": ({"config.toml": config("l_layers = 1", "l_layers = 1000000000000")}, "does not fit"),
    "cycles": ({"config.toml": config("cycles = 2", "cycles = 1000000000000")}, "model.cycles"),
    "segments": ({"config.toml": config("max_segments = 4", "max_segments = 1000000000000")}, "halting.max_segments"),
    "cells": ({"config.toml": config("cells = 16", "cells = 1000000")}, "1000000 cells"),
    "code": ({"config.toml": config('"sudoku-4x4"', '"os:mkdir"')}, "add --puzzle os:mkdir"),
    "pickle": ({"model.safetensors": lambda content: pickle.dumps(Code())}, "model.safetensors is refused"),
    "torch": ({"model.safetensors": lambda content: b"PK\x03\x04" + bytes(200)}, "model.safetensors is refused"),
    "long header": ({"model.safetensors": lambda content: (1 << 40).to_bytes(8, "little")}, "header of 1099511627776"),
    "terabytes": ({"model.safetensors": header({"x": floats(1 << 40)})}, "model.safetensors is refused"),
    "overlap": ({"model.safetensors": header({"x": floats(16), "y": floats(16)})}, "model.safetensors is refused"),
    "empty tensors": ({"model.safetensors": header({f"{n}": floats(0) for n in range(10_000)})}, "refused"),
    "another": ({"model.safetensors": tensors(lambda held: held.update(more=torch.zeros(3)))}, "extra 'more'"),
    "fewer": ({"model.safetensors": tensors(lambda held: held.pop(min(held)))}, ""),
}  # fmt: skip


@pytest.mark.parametrize("kind", CONTENT)
def test_content_that_does_harm(place, tmp_path, capsys, kind):
    files, said = CONTENT[kind]
    shutil.copytree(place / "run" / "best", tmp_path / "best")
    before = {name: (tmp_path / "best" / name).read_bytes() for name in files}
    forge(tmp_path / "best", files=files)
    assert all((tmp_path / "best" / name).read_bytes() != content for name, content in before.items())
    for command in (f"solve {tmp_path}/best {PUZZLE}", f"eval {tmp_path}/best --data store --cache cache",
                    f"report {tmp_path}/best --data store --segments 1 --out out.html",
                    f"push {tmp_path}/best me/x --out pushed"):  # fmt: skip
        refused(capsys, command.split(), said)
    assert not {"ran", "out.html", "pushed"} & set(os.listdir(place))


STATE = {
    "shape": (lambda held: held.update({"slots/inputs": torch.zeros(4, 9)}), "slots/inputs has shape"),
    "token": (lambda held: held["slots/inputs"].fill_(99), "slots/inputs holds"),
    "id": (lambda held: held["slots/puzzle_ids"].fill_(10**6), "slots/puzzle_ids holds"),
    "slots": (lambda held: held.pop("slots/z_H"), "z_H"),
    "weights": (lambda held: held.pop(next(n for n in held if n.startswith("weights/"))), "does not hold"),
    "optimizer": (lambda held: held.update({next(n for n in held if n.startswith("optim/") and held[n].dim() > 1):
                                            torch.zeros(7)}), "has not the shape"),
    "fewer moments": (lambda held: held.pop(next(n for n in held if n.endswith("/m"))), "not what its optimizer needs"),
    "moments of nothing": (lambda held: held.update({"optim/x/m": torch.zeros(2)}), "moments of x"),
    "window": (lambda held: held.update({"window/loss": torch.zeros(2)}), "window must hold"),
    "ragged window": (lambda held: held.update({f"window/{name}": torch.zeros(n) for n, name in enumerate(SUMS)}),
                      "window must hold"),
}  # fmt: skip


@pytest.mark.parametrize("kind", STATE)
def test_a_state_of_another_run(place, tmp_path, capsys, kind):
    change, said = STATE[kind]
    shutil.copytree(place / "run", tmp_path / "run")
    newest, _ = latest_checkpoint(tmp_path / "run" / "checkpoints")
    forge(newest, files={"state.safetensors": tensors(change)})
    refused(capsys, [*TRAIN.split(), str(tmp_path / "run")], said)


@pytest.mark.parametrize("content", [b'recipe = "caf\xe9"\n', b"\xff\xfe", b"a = 1\n\x80 = 2\n", b"[" * 100_000, b"\0"])
def test_a_broken_configuration_of_a_run(place, tmp_path, capsys, content):
    shutil.copytree(place / "run", tmp_path / "run")
    (tmp_path / "run" / "config.toml").write_bytes(content)
    words = ["train", "--config", str(tmp_path / "run" / "config.toml"), "--out", "new"]
    line = content[: max(content.find(b"\xe9"), content.find(b"\x80"), 0)].count(b"\n") + 1
    refused(capsys, words, f"line {line}" if content[0] in b"ra" else "config.toml")
    assert main([*TRAIN.split(), str(tmp_path / "run")]) == 0  # the checkpoints hold it, too


@pytest.mark.parametrize(
    "line", [b"caf\xe9", b"[]", b'{"update": "x"}', b'{"update": 1, "loss": []}', b"[" * 100_000, b"\0"]
)
def test_a_broken_line_of_metrics(place, tmp_path, capsys, line):
    shutil.copytree(place / "run", tmp_path / "run")
    file = tmp_path / "run" / "metrics.jsonl"
    good = file.read_bytes()
    file.write_bytes(good + line + b"\n" + good.splitlines()[0] + b"\n")
    number = good.count(b"\n") + 1
    for command in (
        f"{TRAIN} {tmp_path}/run",
        f"report {tmp_path}/run --data store --segments 1 --analyses none --out o.html",
    ):
        refused(capsys, command.split(), f"metrics.jsonl: line {number} is no line of metrics")
    file.write_bytes(good + line[:1])  # cut short: this is what a crash leaves
    assert main([*TRAIN.split(), str(tmp_path / "run")]) == 0
    assert file.read_bytes() == good
