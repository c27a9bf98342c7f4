"""Files made to do harm: every command that reads one refuses it at once, in one line that names the place.

The commands run in this process, so that start-up does not count; time is that of the processor, which a busy
machine does not change, and memory is limited, so that a command that takes a gigabyte fails.
"""

import contextlib
import gzip
import importlib
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import time
import zipfile
from functools import partial
from pathlib import Path

import pytest

from hrm.cli.main import main

QUESTION, ANSWER = "..1.4.....2.3...", "2314413214233241"
HEAD = f"question,answer\n{QUESTION},{ANSWER}\n".encode()
LINE = json.dumps({"question": QUESTION, "answer": ANSWER}).encode() + b"\n"
ALLOWED_S, ALLOWED_BYTES = 2.0, 400 << 20
TASK = {"train": [{"input": [[0, 1]], "output": [[1, 0]]}], "test": [{"input": [[2]], "output": [[3]]}]}
MODEL = "sudoku-4x4"


def npy(descr="|u1", shape=(1, 16), body=bytes(16), fortran=False):
    header = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


def archive(inputs, name="inputs.npy", packed=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", packed) as file:
        file.writestr(name, inputs)
        file.writestr("labels.npy", npy())
    return buffer.getvalue()


def sparse(path, head, size=1 << 29):
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(size)


def jsonl(question, answer=ANSWER):
    return json.dumps({"question": question, "answer": answer}).encode() + b"\n"


ROWS = {
    "empty.csv": (b"", "empty.csv"),
    "nul.csv": (HEAD + b"\0\n", "line 3 holds a NUL"),
    "utf16.csv": (HEAD.decode().encode("utf-16-le"), "NUL|not UTF-8"),  # without its mark
    "utf16-mark.csv": (b"\xff\xfe" + HEAD.decode().encode("utf-16-le") + b"\x00", "mark of UTF-16 and is none"),
    "utf32.csv": (HEAD.decode().encode("utf-32"), "is UTF-32"),
    "bomb.jsonl.gz": (gzip.compress((LINE.strip() + b" " * 1_000_000 + b"\n") * 99), "packed bytes become more than"),
    "bomb-line.csv.gz": (gzip.compress(HEAD + b"1" * (1 << 27)), "line 3 is longer"),
    "cut.csv.gz": (gzip.compress(HEAD * 50)[:-9], "not a whole gzip file"),
    "rows.csv": (HEAD + b'"' + b'1","\n' * (1 << 19), "not CSV"),
    "twice.csv": (b"question,input\n1,2\n", "both mean the question"),
    "deep.json": (b"[" * 100_000, "is not JSON"),
    "long.json": (partial(sparse, head=b"["), "is longer than"),
    "arc.json": (json.dumps(TASK).encode(), "is a task of ARC"),
    "latin.csv": (HEAD + b"caf\xe9,1\n", "line 3 is not UTF-8"),
    "long.csv": (HEAD + b"1" * (1 << 21), "line 3 is longer"),
    "wide.csv": (b"," * (1 << 19) + b"\n", "the header is"),
    "quote.csv": (HEAD + b'"' + b"1\n" * (1 << 20), "not CSV"),
    "cells.csv": (HEAD + b"1" * 5000 + b",1\n", r"row 2 \(line 3\)"),
    "gigabyte.csv": (partial(sparse, head=b""), "longer than|NUL"),
    "gigabyte-line.csv": (partial(sparse, head=HEAD), "line 3 is longer|line 3 holds a NUL"),
    "deep.jsonl": (LINE + b'{"question": ' + b"[" * 100_000 + b"\n", r"row 2 \(line 2\) is not JSON"),
    "digits.jsonl": (LINE + b'{"question": ' + b"9" * 100_000 + b"}\n", r"row 2 \(line 2\) is not JSON"),
    "nan.jsonl": (LINE + b'{"question": NaN, "answer": Infinity}\n', r"row 2 \(line 2\)"),
    "twice.jsonl": (LINE + b'{"question": "1", "question": "2"}\n', r"row 2 \(line 2\).*'question' occurs twice"),
    "alias.jsonl": (LINE + b'{"question": "1", "input": "2"}\n', r"row 2 \(line 2\).*both mean the question"),
    "surrogate.jsonl": (LINE + b'{"question": "\\ud800", "answer": "\\ud800\\u0000"}\n', r"row 2 \(line 2\)"),
    "cells.jsonl": (LINE + jsonl([[1] * 500] * 500), r"row 2 \(line 2\)"),
    "ragged.jsonl": (LINE + jsonl([[1, 2], [3]]), r"row 2 \(line 2\)"),
    "float.jsonl": (LINE + jsonl([[1.5, 2]]), r"row 2 \(line 2\)"),
    "nested.jsonl": (LINE + jsonl([[[1]]]), r"row 2 \(line 2\)"),
    "object.jsonl": (LINE + jsonl({"a": 1}), r"row 2 \(line 2\)"),
    "number.jsonl": (LINE + jsonl([[10**30]], [[10**30]]), r"row 2 \(line 2\)"),
    "word.jsonl": (jsonl([["x" * 5000, "y"]], [["x" * 5000, "y"]]), r"row 1 \(line 1\)"),
    "gigabyte.jsonl": (partial(sparse, head=LINE), "line 2 is longer|line 2 holds a NUL"),
    "garbage.npz": (b"PK\x03\x04" + bytes(2000), "not a readable .npz"),
    "gigabyte.npz": (partial(sparse, head=b"PK\x03\x04"), "not a readable .npz"),
    "terabytes.npz": (archive(npy(shape=(8 * 10**12, 1))), r"inputs.npy is uint8 of \(8000000000000, 1\)"),
    "shape.npz": (archive(npy(shape=(2**64, 2**64))), "inputs.npy is an array of"),
    "minus.npz": (archive(npy(shape=(-1, 16))), "inputs.npy is an array of"),
    "pickle.npz": (archive(npy("|O", body=b"\x80\x04cos\nsystem\n" * 20)), "inputs.npy is an array of '|O'"),
    "axes.npz": (archive(npy(shape=(1, 2, 2, 4))), "4 axes"),
    "float.npz": (archive(npy("<f8", body=bytes(128))), "inputs.npy is an array of '<f8'"),
    "negative.npz": (archive(npy("|i1", body=b"\xfe" * 16)), r"row 1 \(line 1\)"),
    "header.npz": (archive(b"\x93NUMPY\x02\x00\xff\xff\xff\x1f" + bytes(1 << 20)), "damaged npy .*536870911 bytes"),
    "code.npz": (archive(b"\x93NUMPY\x01\x00\x84\x03" + b"(" * 900), "damaged npy header"),
    "bomb.npz": (lambda path: path.write_bytes(archive(npy(shape=(1 << 22, 16), body=bytes(1 << 26)))), "to one"),
    "lzma.npz": (archive(npy(), packed=zipfile.ZIP_LZMA), "compressed in a way that numpy never uses"),
    "slip.npz": (archive(npy(), name="../../inputs.npy"), r"holds ../../inputs, labels; it must hold 'inputs'"),
}  # fmt: skip
"""Content, or what writes it, and what is said about it."""
PLAIN = {
    "gigabyte.txt": (partial(sparse, head=QUESTION.encode() + b"\n"), "line 2 is longer|NUL"),
    "latin.txt": (b"caf\xe9\n", "line 1 is not UTF-8"),
    "word.txt": (b"1" * 5000, "line 1"),
}
READERS = {
    "build": ("data", "build", "FILE", "--puzzle", MODEL, "--out", "store"),
    "build table": ("data", "build", "FILE", "--puzzle", "table", "--out", "store"),
    "check": ("data", "check", "FILE", "--puzzle", MODEL),
    "apart": ("data", "check", "good.csv", "--apart-from", "FILE"),
    "sample": ("data", "sample", "--from", "FILE:1", "--puzzle", MODEL, "--out", "sample.csv"),
    "train": ("train", "smoke", "--data.path", "FILE", "--out", "run", "--cache", "cache"),
    "validate": ("train", "smoke", "--data.validation-path", "FILE", "--out", "run", "--cache", "cache"),
    "own": ("train", "own", "--data.path", "FILE", "--out", "run", "--cache", "cache"),
    "eval": ("eval", MODEL, "--data", "FILE", "--cache", "cache"),
    "solve": ("solve", MODEL, "FILE"),
}  # fmt: skip


@contextlib.contextmanager
def little_memory():
    """Let this process take so much more address space, and no more."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    if sys.platform == "linux":
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + ALLOWED_BYTES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


def run(capsys, *arguments):
    """Run a command and return its exit code, what it said on stderr, and on both."""
    with little_memory():
        began = time.process_time()
        signal.alarm(60)  # whoever waits for a pipe takes no time at all
        try:
            code = main([str(argument) for argument in arguments])
        finally:
            signal.alarm(0)
        took = time.process_time() - began
    out, err = capsys.readouterr()
    assert took < ALLOWED_S, f"{took:.1f} s"
    return code, err, out + err


def refused(capsys, arguments, said="", codes=(4,)):
    code, err, both = run(capsys, *arguments)
    assert code in codes, (code, both)
    *notes, last = err.splitlines()
    if arguments[0] == "train" and notes:  # which says what it will train, before it reads a file to its end
        notes = [line for line in notes if not line.startswith("generating")]  # which comes where it takes seconds
        assert [line.split()[0] for line in notes] == ["model", "device", "data", "length", "folder"], err
        err, notes = last, []
    assert last.startswith("hrm: ") and len(err) < 700, err
    assert not notes or arguments[0] == "solve", err  # which names a bad puzzle and goes on to the next
    assert re.search(said, both), both


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with a good file, store, official data set and tasks, after everything slow was imported."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "good.csv").write_bytes(HEAD)
    (folder / "tasks" / "evaluation").mkdir(parents=True)
    (folder / "tasks" / "evaluation" / "a.json").write_text(json.dumps(TASK))
    before = Path.cwd()
    os.chdir(folder)
    for module in ("evaluation.arc", "evaluation.run", "train.trainer", "data.sample", "data.sources.hub"):
        importlib.import_module(f"hrm.{module}")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for command in (
            f"data build {MODEL} --out good --train 4 --test 2 --share-twins", "data export good --out official",
            "data arc tasks --out arc --variants 2", f"solve {MODEL} {QUESTION}",
        ):  # fmt: skip
            assert main(command.split()) == 0
    yield folder
    os.chdir(before)


@pytest.mark.parametrize("name", [*ROWS, *PLAIN])
def test_a_file_of_rows_is_refused_by_all_who_read_it(place, capsys, name):
    content, said = (ROWS | PLAIN)[name]
    file = place / name
    content(file) if callable(content) else file.write_bytes(content)
    try:
        for reader, arguments in READERS.items():
            if name in PLAIN and reader != "solve":
                continue
            for_table = reader in ("build table", "own")
            if for_table and name in ("negative.npz", "cells.csv"):
                continue  # a table may hold any number, and lines of up to 4,096 cells
            refused(capsys, [part.replace("FILE", name) for part in arguments], "" if for_table else said)
        assert not {"store", "run", "sample.csv"} & set(os.listdir(place))
    finally:
        file.unlink()


SPECIAL = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "circle": lambda path: path.symlink_to(path.name),
    "folder": lambda path: path.mkdir(),
    "nothing": lambda path: None,
}


@pytest.mark.parametrize("kind", SPECIAL)
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "npz", "txt"])
def test_what_is_no_file_is_never_waited_for(place, capsys, kind, suffix):
    file = place / f"{kind}.{suffix}"
    SPECIAL[kind](file)
    for reader, arguments in READERS.items():
        if suffix != "txt" or reader == "solve":
            refused(capsys, [part.replace("FILE", file.name) for part in arguments], kind, (2, 4))


@pytest.mark.parametrize("name", ["gigabyte.txt", "latin.txt", "/dev/zero"])
def test_a_stream_is_read_in_pieces(place, capsys, name, monkeypatch):
    if name in PLAIN:
        content, said = PLAIN[name]
        content(place / name) if callable(content) else (place / name).write_bytes(content)
    with open(place / name) as stream:
        monkeypatch.setattr(sys, "stdin", stream)
        refused(capsys, ["solve", MODEL, "-"], "stdin: .*line")


WRITERS = {
    **{kind: make for kind, make in SPECIAL.items() if kind != "nothing"},
    "gigabyte": partial(sparse, head=b""),
    "terabytes": partial(sparse, head=npy(shape=(1 << 39, 16), body=b""), size=(1 << 43) + 128),
    "deep": lambda path: path.write_bytes(b"[" * 100_000),
    "deep objects": lambda path: path.write_bytes(b'{"train":' * 100_000),
    "digits": lambda path: path.write_bytes(b'{"train": ' + b"9" * 100_000 + b"}"),
    "nan": lambda path: path.write_bytes(b"NaN"),
    "twice": lambda path: path.write_bytes(b'{"train": [], "train": []}'),
    "utf16": lambda path: path.write_bytes("{}".encode("utf-16")),
    "nul": lambda path: path.write_bytes(bytes(5000)),
    "empty": lambda path: path.write_bytes(b""),
    "numbers": lambda path: path.write_bytes(b"[" + b"1," * (1 << 23) + b"1]"),
    "words": lambda path: path.write_bytes(b"[" + b'"",' * (1 << 22) + b'""]'),
    "colors": lambda path: path.write_text(json.dumps(TASK | {"test": [{"input": [[10]]}]})),
    "ragged": lambda path: path.write_text(json.dumps(TASK | {"test": [{"input": [[1, 2], [3]]}]})),
    "no tests": lambda path: path.write_text(json.dumps(TASK | {"test": []})),
}
FOLDERS = {
    "good": (["manifest.json", "train/inputs.npy", "train/ratings.npy"],
             ["data check X", "data show X", "data export X --out out", "data check good.csv --apart-from X",
              f"eval {MODEL} --data X --cache cache", "train smoke --data.path X --out run"]),
    "arc": (["variants/tasks.json", "variants/variants.u1"], ["data show X"]),
    "official": (["train/dataset.json", "identifiers.json", "train/all__inputs.npy", "train/all__group_indices.npy"],
                 [f"data import X --out out --puzzle {MODEL}"]),
    "tasks": (["evaluation/a.json"], ["data arc X --out out", "data arc X/evaluation/a.json --out out"]),
}  # fmt: skip
"""Folders, the files in them that are replaced, and who reads them; X is the folder."""


@pytest.mark.parametrize("kind", WRITERS)
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_with_a_hostile_file_is_refused(place, capsys, tmp_path, folder, kind):
    files, commands = FOLDERS[folder]
    for number, name in enumerate(files):
        broken = tmp_path / str(number)
        shutil.copytree(place / folder, broken)
        (broken / name).unlink()
        WRITERS[kind](broken / name)
        for command in commands if number == 0 else commands[:1]:
            codes = (2, 4) if kind in SPECIAL else (4,)
            refused(capsys, command.replace("X", str(broken)).split(), Path(name).stem.split(".")[0], codes)
        assert "out" not in os.listdir(place) and "run" not in os.listdir(place)


@pytest.mark.parametrize("kind", WRITERS)
def test_what_is_fetched_from_a_hostile_place(place, capsys, tmp_path, kind):
    (tmp_path / "corpus" / "Copy").mkdir(parents=True)
    for name, source, arguments in (
        ("a.zip", "a.zip", ["arc-1"]), ("a.json", "a.json", ["concept-arc"]),
        ("corpus/Copy/Copy1.json", ".", ["concept-arc"]), ("train.csv", ".", ["maze-hard"]),
        ("train.csv", "train.csv", ["maze-hard"]),
    ):  # fmt: skip
        if not os.path.lexists(tmp_path / name):
            WRITERS[kind](tmp_path / name)
        given = ["data", "fetch", *arguments, "--from", tmp_path / source, "--out", tmp_path / "out"]
        if kind != "terabytes" or not name.endswith("csv"):  # longer than any file that is copied
            refused(capsys, given, codes=(2, 4))
        assert not list(tmp_path.glob("out/*.csv"))
