"""A store is whole and what it says, or it is refused with the file named."""

import json
import resource
import shutil
import signal
import struct
import time

import numpy as np
import pytest

from hrm.data.store import Split, open_store, write_store
from hrm.errors import DataError, HrmError, UsageError
from hrm.files import sha256_of


@pytest.fixture
def store(tmp_path, toy, toy_split):
    return write_store(tmp_path / "s", toy, {"train": toy_split, "test": toy_split}, {"seed": 1}, "2025-01-01")


def files(path):
    return {f.relative_to(path): f.read_bytes() for f in path.rglob("*") if f.is_file()}


def reseal(path, change):
    """Alter the manifest as somebody who means harm would: consistent, or nearly."""
    manifest = json.loads((path / "manifest.json").read_text())
    change(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_what_is_written_is_read(store, toy, toy_split):
    again = open_store(store.path, puzzle=toy)
    assert again.manifest.splits["train"].rows == len(again.splits["train"]) == 23
    for name in ("inputs", "labels", "puzzle_ids", "ratings"):
        found = getattr(again.split("test"), name)
        assert isinstance(found, np.memmap) and np.array_equal(found, getattr(toy_split, name))
        assert np.array_equal(np.load(store.path / "test" / f"{name}.npy"), found)  # plain npy for everyone else
    assert again.manifest.provenance == {"seed": 1} and again.manifest.created == "2025-01-01"
    with pytest.raises(UsageError, match="train, test"):
        again.split("validation")


def test_the_same_input_gives_the_same_bytes(store, tmp_path, toy, toy_split):
    splits = {"train": toy_split, "test": toy_split}
    same = write_store(tmp_path / "t", toy, splits, {"seed": 1}, "2025-01-01")
    assert files(store.path) == files(same.path)
    later = write_store(tmp_path / "u", toy, splits, {"seed": 1}, "2026-01-01")
    assert later.digest == store.digest
    other = Split(toy_split.inputs, toy_split.labels, toy_split.puzzle_ids + 1, toy_split.ratings)
    assert write_store(tmp_path / "v", toy, splits | {"test": other}, {}, "2025-01-01").digest != store.digest


def test_an_older_store_is_replaced_and_nothing_else_is(store, tmp_path, toy, toy_split):
    write_store(store.path, toy, {"only": toy_split}, {}, "later")
    assert list(open_store(store.path, puzzle=toy).splits) == ["only"]
    assert not [p for p in tmp_path.iterdir() if p.name != "s"]
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter1.txt").write_text("x")
    (tmp_path / "note").write_text("x")
    checkpoint = tmp_path / "checkpoint"
    checkpoint.mkdir()
    (checkpoint / "manifest.json").write_text('{"kind": "hrm-checkpoint"}')
    for path in (precious, tmp_path / "note", checkpoint):
        with pytest.raises(UsageError, match="nothing was changed"):
            write_store(path, toy, {"train": toy_split}, {}, "now")
    assert (precious / "chapter1.txt").exists() and (tmp_path / "note").read_text() == "x"


def test_a_place_that_cannot_be_written_gives_one_clear_line(tmp_path, toy, toy_split, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(HrmError, match="cannot write .*choose a folder") as caught:
        write_store(tmp_path / "file" / "store", toy, {"train": toy_split}, {}, "now")
    assert caught.value.exit_code == 1 and "\n" not in str(caught.value)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("", (), {"free": 10}))
    with pytest.raises(HrmError, match="needs 1[0-9]+ bytes and 10 are free"):
        write_store(tmp_path / "full", toy, {"train": toy_split}, {}, "now")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_leaves_the_older_store(store, tmp_path, toy, toy_split):
    before = files(store.path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(HrmError, match="cannot write .*needed [0-9]+ bytes, free [0-9]+"):
            write_store(store.path, toy, {"train": toy_split}, {}, "now")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, old)
    assert files(store.path) == before and [p.name for p in tmp_path.iterdir()] == ["s"]


def test_every_flip_and_every_cut_of_an_array_is_found(store, toy):
    rng = np.random.default_rng(0)
    for relative, whole in files(store.path).items():
        file = store.path / relative
        if file.name == "manifest.json":
            continue
        for offset in rng.integers(0, len(whole), 15):
            flipped = bytearray(whole)
            flipped[offset] ^= 1 << rng.integers(8)
            file.write_bytes(flipped)
            with pytest.raises(DataError, match=file.name):
                open_store(store.path, puzzle=toy)
        for length in (0, 1, 60, len(whole) - 1):
            file.write_bytes(whole[:length])
            with pytest.raises(DataError, match=file.name):
                open_store(store.path, puzzle=toy)
        file.unlink()
        with pytest.raises(DataError, match=file.name):
            open_store(store.path, puzzle=toy)
        file.write_bytes(whole)
    open_store(store.path, puzzle=toy)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda m: m.update(format=2), "format 2"),
        (lambda m: m.update(kind="zip"), "not a store"),
        (lambda m: m.update(extra=1), "extra"),
        (lambda m: m.update(puzzle="os:system"), "not the name of a puzzle family"),
        (lambda m: m.update(puzzle="chess"), "family 'chess'"),
        (lambda m: m.update(shape=[2, 3]), "shape"),
        (lambda m: m.update(tokens=list("_?abce")), "tokens"),
        (lambda m: m.update(digest="0"), "digest"),
        (lambda m: m["splits"].update({"../x": m["splits"].pop("test")}), r"\.\./x"),
        (lambda m: m["splits"]["test"].update(rows=22), "is needed"),
        (lambda m: m["splits"]["test"]["files"].pop("labels.npy"), "must list"),
        (lambda m: m["splits"].clear(), "digest"),
    ],
)
def test_a_manifest_that_lies_is_refused(store, toy, change, told):
    reseal(store.path, change)
    with pytest.raises(DataError, match=told):
        open_store(store.path, puzzle=toy)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"[" * 100_000, b'{"kind": "hrm-store", "format": ' + b"9" * 9999 + b"}"]
)  # fmt: skip
def test_a_manifest_that_is_none_is_refused(store, toy, content):
    (store.path / "manifest.json").write_bytes(content)
    with pytest.raises(DataError):
        open_store(store.path, puzzle=toy)


def test_a_family_that_is_not_known_is_refused(store, tmp_path):
    with pytest.raises(DataError, match="unknown family"):
        open_store(store.path)
    with pytest.raises(DataError, match="no such folder"):
        open_store(tmp_path / "nothing")
    with pytest.raises(DataError, match="no manifest"):
        open_store(tmp_path)


def npy(descr, shape, body=b""):
    header = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + body


@pytest.mark.parametrize("rows", [23, 10**11])
@pytest.mark.parametrize(
    "content",
    [
        npy("|u1", (10**12, 8)),
        npy("|u1", (10**11, 6)),
        npy("|u1", (2**64, 2**64)),
        npy("|O", (23, 6), b"\x80\x04cos\nsystem\n" * 20),
        npy("<f8", (23, 6), bytes(23 * 6 * 8)),
        npy("|u1", (6, 23), bytes(23 * 6)),
        npy("|u1", (23, 6), bytes(7)),
        b"\x93NUMPY\x03\x00" + bytes(300),
        b"PK\x03\x04" + bytes(300),
        b"",
    ],
)
def test_a_hostile_array_is_refused_before_memory_is_taken(store, toy, content, rows):
    (store.path / "train" / "inputs.npy").write_bytes(content)

    def change(manifest):
        train = manifest["splits"]["train"]
        train["rows"] = rows
        train["files"]["inputs.npy"] = {
            "bytes": len(content), "sha256": sha256_of(store.path / "train" / "inputs.npy"),
        }  # fmt: skip

    reseal(store.path, change)
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DataError, match="inputs.npy"):
        open_store(store.path, puzzle=toy)
    assert time.process_time() - start < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


def test_tokens_out_of_range_are_refused_with_their_row(tmp_path, toy, toy_split):
    labels = toy_split.labels.copy()
    labels[17, 3] = 6
    bad = Split(toy_split.inputs, labels, toy_split.puzzle_ids, toy_split.ratings)
    with pytest.raises(DataError, match="row 17 of labels holds token 6; palindromes allows 0 to 5"):
        write_store(tmp_path / "s", toy, {"train": bad}, {}, "now")
    with pytest.raises(DataError, match="at least one split"):
        write_store(tmp_path / "s", toy, {}, {}, "now")
    with pytest.raises(UsageError, match="'../x' is not allowed"):
        write_store(tmp_path / "s", toy, {"../x": toy_split}, {}, "now")
    assert not list(tmp_path.iterdir())
