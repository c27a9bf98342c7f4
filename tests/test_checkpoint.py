"""A checkpoint is bit for bit what was saved, or it is refused with the file named."""

import hashlib
import json
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from hrm import checkpoint as module
from hrm import files as files_module
from hrm.checkpoint import latest_checkpoint, load_checkpoint, prune, save_checkpoint, verify_checkpoint
from hrm.errors import DataError, HrmError, UsageError
from hrm.manifest import seal

CONFIG = 'kind = "hrm"\n[model]\nwidth = 8\n'


def tensors(seed=0):
    g = torch.Generator().manual_seed(seed)
    return {
        "half": torch.randn(3, 5, generator=g).bfloat16(),
        "single": torch.randn(7, generator=g),
        "special": torch.tensor([float("nan"), float("inf"), -0.0, 1e-45]),
        "count": torch.tensor(2**62 + 1),
        "mask": torch.tensor([True, False]),
        "bytes": torch.arange(16, dtype=torch.uint8),
        "empty": torch.zeros(0, 4),
    }


def save(folder, seed=0, **more):
    given = {"config": CONFIG, "weights": tensors(seed), "state": {"m": torch.full((9,), float(seed))}}
    save_checkpoint(folder, **(given | {"meta": {"update": seed, "loss": 0.1}, "card": f"# Card {seed}\n"} | more))
    return folder


def files(folder):
    return {f.name: f.read_bytes() for f in folder.iterdir()}


def equal(a, b):
    """Compare to the bit, NaN included."""
    return set(a) == set(b) and all(
        a[k].dtype == b[k].dtype and a[k].shape == b[k].shape and raw(a[k]) == raw(b[k]) for k in a
    )


def raw(tensor):
    return bytes(tensor.contiguous().reshape(-1).view(torch.uint8).tolist())


@pytest.fixture
def saved(tmp_path):
    return save(tmp_path / "update-000001", 1)


def refused(folder, *names):
    """Load everything, which must fail, and return whether the message names one of these files."""
    with pytest.raises(DataError) as caught:
        load_checkpoint(folder, with_state=True)
    assert caught.value.exit_code == 4 and "\n" not in str(caught.value)
    with pytest.raises(DataError):
        verify_checkpoint(folder)
    return any(name in str(caught.value) for name in names)


class TestRoundTrip:
    def test_every_bit_comes_back(self, saved):
        found = load_checkpoint(saved, with_state=True)
        assert equal(found.weights, tensors(1)) and equal(found.state or {}, {"m": torch.ones(9)})
        assert (found.config, found.meta, found.path) == (CONFIG, {"update": 1, "loss": 0.1}, saved)
        assert (saved / "README.md").read_text() == "# Card 1\n"
        assert load_checkpoint(saved).state is None
        found.weights["single"] += 1  # what was loaded belongs to the caller

    def test_state_and_card_may_be_absent(self, tmp_path):
        save(tmp_path / "c", state=None, card=None)
        assert set(files(tmp_path / "c")) == {"config.toml", "model.safetensors", "manifest.json"}
        assert load_checkpoint(tmp_path / "c", with_state=True).state is None

    def test_views_and_shared_tensors_are_written_whole(self, tmp_path):
        base = torch.arange(12.0).reshape(3, 4)
        given = {
            "a": base,
            "b": base,
            "t": base.T,
            "row": base[1],
            "odd": base[:, ::2],
            "p": torch.nn.Parameter(base),
        }
        save(tmp_path / "c", weights=given)
        assert equal(load_checkpoint(tmp_path / "c").weights, {k: v.detach() for k, v in given.items()})
        assert (tmp_path / "c" / "model.safetensors").stat().st_size < 2000

    def test_the_same_content_gives_the_same_bytes(self, tmp_path):
        assert files(save(tmp_path / "a")) == files(save(tmp_path / "b"))

    def test_meta_is_what_json_can_say(self, tmp_path):
        save(tmp_path / "c", meta={"b": (1, 2), 10: "ü", 9: None, "deep": {"x": [1e-7, 2**70]}})
        assert load_checkpoint(tmp_path / "c").meta == {
            "b": [1, 2], "10": "ü", "9": None, "deep": {"x": [1e-7, 2**70]},
        }  # fmt: skip
        with pytest.raises(ValueError):
            save(tmp_path / "d", meta={"loss": float("nan")})
        assert not (tmp_path / "d").exists()

    def test_an_older_one_of_the_name_is_replaced(self, saved):
        save(saved, 2, card=None)
        assert load_checkpoint(saved).meta["update"] == 2 and not (saved / "README.md").exists()
        assert [p.name for p in saved.parent.iterdir()] == [saved.name]


class TestDamage:
    def test_every_flip_and_every_cut_is_found(self, saved):
        rng = np.random.default_rng(0)
        for name, whole in files(saved).items():
            if name == "README.md":  # for readers only
                continue
            for offset in rng.integers(0, len(whole), 60):
                flipped = bytearray(whole)
                flipped[offset] ^= 1 << int(rng.integers(8))
                (saved / name).write_bytes(flipped)
                assert refused(saved, name), name
            for length in {0, 1, 4, len(whole) - 1} | set(rng.integers(0, len(whole), 20).tolist()):
                (saved / name).write_bytes(whole[:length])
                assert refused(saved, name), name
            (saved / name).write_bytes(whole + b"\n")
            assert refused(saved, name), name
            (saved / name).unlink()
            assert refused(saved, name), name
            (saved / name).write_bytes(whole)
        load_checkpoint(saved, with_state=True)

    def test_an_edited_or_missing_card_is_no_damage_but_told(self, saved):
        assert not module.card_is_edited(saved)
        (saved / "README.md").write_text("my notes")
        assert module.card_is_edited(saved) and load_checkpoint(saved, with_state=True).card == "my notes"
        (saved / "README.md").unlink()
        assert module.card_is_edited(saved) and load_checkpoint(saved).card is None
        module.verify_checkpoint(saved)

    def test_no_bit_of_the_manifest_is_idle(self, saved):
        whole = files(saved)["manifest.json"]
        for bit in range(0, 8 * len(whole), 5):
            flipped = bytearray(whole)
            flipped[bit // 8] ^= 1 << bit % 8
            (saved / "manifest.json").write_bytes(flipped)
            with pytest.raises(DataError):
                verify_checkpoint(saved)

    def test_a_file_of_another_checkpoint_is_found(self, saved, tmp_path):
        other = files(save(tmp_path / "other", 2, meta={"update": 1, "loss": 0.3}))
        for name, whole in files(saved).items():
            if other[name] != whole and name != "README.md":
                (saved / name).write_bytes(other[name])
                assert refused(saved, name, "README.md", "model.safetensors"), name
                (saved / name).write_bytes(whole)

    def test_two_files_of_one_checkpoint_swapped_are_found(self, saved):
        a, b = saved / "model.safetensors", saved / "state.safetensors"
        first, second = a.read_bytes(), b.read_bytes()
        a.write_bytes(second), b.write_bytes(first)
        assert refused(saved, "model.safetensors")

    def test_the_message_says_what_to_do(self, saved):
        (saved / "model.safetensors").unlink()
        with pytest.raises(DataError, match="model.safetensors is damaged: the file is missing; use another"):
            load_checkpoint(saved)

    def test_a_damaged_checkpoint_can_be_written_again(self, saved):
        (saved / "manifest.json").write_bytes(b"")
        save(saved, 3)
        assert load_checkpoint(saved).meta["update"] == 3


def forge(folder, name, content, **changes):
    """Put a file in and make the manifest agree, as somebody who means harm would."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest |= changes
    (folder / "manifest.json").write_bytes(seal(manifest))


class TestHostile:
    @pytest.mark.parametrize(
        "content",
        [
            (2**20 + 1).to_bytes(8, "little") + b"{" + b" " * 2**20,
            (2**63).to_bytes(8, "little") + b"{}",
            (200).to_bytes(8, "little") + b"{}",
            b"",
            b"\x80\x04cos\nsystem\n(S'true'\ntR.",
            (2).to_bytes(8, "little") + b"[]",
            (100).to_bytes(8, "little")
            + b'{"a":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}'.ljust(104),
            (100).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}'.ljust(108),
        ],
    )
    def test_hostile_safetensors_are_refused(self, saved, content):
        forge(saved, "model.safetensors", content)
        start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(DataError, match="model.safetensors is refused"):
            load_checkpoint(saved)
        assert time.process_time() - start < 2
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB

    @pytest.mark.parametrize("name", ["../evil", "model.pt", "/etc/passwd"])
    def test_no_file_but_ours_is_read(self, saved, name, tmp_path):
        manifest = json.loads((saved / "manifest.json").read_text())
        forge(
            saved,
            "config.toml",
            CONFIG.encode(),
            files=manifest["files"] | {name: {"bytes": 1, "sha256": "0"}},
        )
        with pytest.raises(DataError, match="manifest.json is damaged: it lists"):
            load_checkpoint(saved)

    @pytest.mark.parametrize(
        ("changes", "told"),
        [
            ({"format": 3}, "checkpoint format 3; this version of hrm reads format 1 or 2"),
            ({"kind": "hrm-store"}, "is not a checkpoint: manifest.json has kind 'hrm-store'"),
            ({"more": 1}, "more"),
            ({"meta": []}, "meta"),
            ({"files": {}}, "it lists"),
            ({"files": {"config.toml": {"bytes": 1.5, "sha256": ""}}}, "bytes"),
        ],
    )
    def test_a_manifest_that_is_not_understood_is_refused(self, saved, changes, told):
        forge(saved, "config.toml", CONFIG.encode(), **changes)
        with pytest.raises(DataError, match=told):
            load_checkpoint(saved)

    @pytest.mark.parametrize(
        "content",
        [
            b"[]",
            b"{",
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"9" * 9999,
            b'{"kind": NaN}',
            b" " * 2**21,
        ],
    )
    def test_a_manifest_that_is_none_is_refused(self, saved, content):
        (saved / "manifest.json").write_bytes(content)
        start = time.process_time()
        with pytest.raises(DataError, match="manifest.json"):
            load_checkpoint(saved)
        assert time.process_time() - start < 2

    def test_what_is_not_a_checkpoint_is_refused(self, tmp_path):
        (tmp_path / "model.pt").write_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR.")
        for folder, told in (
            (tmp_path, "it has no manifest.json; name a run"),
            (tmp_path / "nothing", "there is no such folder"),
            (tmp_path / "model.pt", "it is a file; name a run"),
        ):
            with pytest.raises(DataError, match=f"is not a checkpoint: .*{told}"):
                load_checkpoint(folder)


KILLING = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from hrm.checkpoint import latest_checkpoint, load_checkpoint, prune, save_checkpoint

torch.set_num_threads(1)
run, rng, done, during = Path(sys.argv[1]), random.Random(0), -1, 0
for trial in range(25):
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        while True:
            done += 1
            x = {"x": torch.full((50_000,), float(done))}
            folder = run / f"update-{done // 3:06d}"  # each name is written three times
            save_checkpoint(folder, config="", weights=x, state=x, meta={"update": done})
            os.write(tell, f"{done} ".encode())
    os.close(tell)
    first = os.read(told, 100).decode()
    time.sleep(0.03 * rng.random())
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(told) as f:
        done = max(map(int, (first + f.read()).split()))
    found, damaged = latest_checkpoint(run)
    assert found and not damaged, (trial, damaged)
    last = load_checkpoint(found, with_state=True)
    assert last.meta["update"] in (done, done + 1), (trial, done, last.meta)
    assert (last.weights["x"] == last.meta["update"]).all() and (last.state["x"] == last.meta["update"]).all()
    done = last.meta["update"]
    during += any(p.name.startswith(".") for p in run.iterdir())
    prune(run, 2)
    assert not any(".tmp-" in p.name for p in run.iterdir())
print(during, done)
"""


class TestInterruption:
    @pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt(), SystemExit(143)])
    @pytest.mark.parametrize("place", ["write", "flush", "rename"])
    def test_a_failure_leaves_the_older_checkpoint(self, saved, monkeypatch, place, failure):
        before = files(saved)
        owner, name = {
            "write": (module.Path, "write_bytes"),
            "flush": (files_module, "flush"),
            "rename": (module.Path, "rename"),
        }[place]
        works, calls = getattr(owner, name), 0
        for fatal in range(12):
            calls = 0

            def sometimes(*args, fatal=fatal):
                nonlocal calls
                calls += 1
                if calls == fatal + 1:
                    raise failure
                return works(*args)

            monkeypatch.setattr(owner, name, sometimes)
            try:
                save(saved, 2)
                break
            except (HrmError, KeyboardInterrupt, SystemExit) as error:
                assert not isinstance(error, HrmError) or "No space left" in str(error)
            finally:
                monkeypatch.setattr(owner, name, works)
            if files(saved) != before:  # the last flush comes after the rename: then the new one is whole
                assert place == "flush" and load_checkpoint(saved, with_state=True).meta["update"] == 2
            assert not [p for p in saved.parent.iterdir() if ".tmp-" in p.name]
        assert fatal >= 2 and load_checkpoint(saved, with_state=True).meta["update"] == 2

    def test_killed_at_any_time_nothing_that_was_saved_is_lost(self, tmp_path):
        result = subprocess.run(
            [sys.executable, "-c", KILLING, str(tmp_path / "run")],
            capture_output=True,
            text=True,
            timeout=280,
        )
        assert result.returncode == 0, result.stderr
        during, updates = map(int, result.stdout.split())
        assert during >= 3 and updates >= 24  # the kills did hit saves, and there was progress between them

    def test_a_full_disk_is_told_before_anything_is_written(self, saved, monkeypatch):
        before = files(saved)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: type("", (), {"free": 1234}))
        with pytest.raises(HrmError, match=r"cannot write .*update-000001: it needs \d+ bytes and 1234 are free"):
            save(saved, 2)
        assert files(saved) == before and len(list(saved.parent.iterdir())) == 1

    def test_a_disk_that_fills_up_leaves_the_older_checkpoint(self, saved):
        before, limits = files(saved), resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        try:
            with pytest.raises(HrmError, match=r"cannot write .*needed \d+ bytes, free \d+") as caught:
                save(saved, 2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
        assert caught.value.exit_code == 1 and "\n" not in str(caught.value)
        assert files(saved) == before and len(list(saved.parent.iterdir())) == 1

    def test_a_place_that_cannot_be_written_gives_one_clear_line(self, tmp_path):
        (tmp_path / "file").write_text("precious")
        with pytest.raises(HrmError, match="cannot write .*choose a folder") as caught:
            save(tmp_path / "file" / "update-000001")
        assert caught.value.exit_code == 1 and "\n" not in str(caught.value)
        with pytest.raises(UsageError, match="nothing was changed"):
            save(tmp_path / "file")
        assert (tmp_path / "file").read_text() == "precious"


class TestRun:
    @pytest.fixture
    def run(self, tmp_path):
        for update in (1, 2, 10, 1000000):
            save(tmp_path / f"update-{update:06d}", update)
        (tmp_path / "best").mkdir()
        (tmp_path / ".update-000011.tmp-00000000").mkdir()
        return tmp_path

    def test_the_newest_is_the_one_with_the_highest_number(self, run, tmp_path):
        assert latest_checkpoint(run) == (run / "update-1000000", [])
        assert latest_checkpoint(tmp_path / "none") == (None, [])

    def test_damaged_ones_are_passed_over_and_told(self, run):
        file = run / "update-1000000" / "state.safetensors"
        file.write_bytes(file.read_bytes()[:-1] + b"\x01")
        (run / "update-000010" / "manifest.json").unlink()
        found, damaged = latest_checkpoint(run)
        assert found == run / "update-000002" and len(damaged) == 2
        assert "update-1000000/state.safetensors is damaged" in damaged[0] and "update-000010" in damaged[1]

    def test_pruning_keeps_the_newest_whole_ones(self, run):
        (run / "update-1000000" / "model.safetensors").unlink()
        assert prune(run, 2) == [run / "update-000001"]
        assert {p.name for p in run.iterdir()} == {"update-000002", "update-000010", "update-1000000", "best"}
        with pytest.raises(UsageError, match="at least 1"):
            prune(run, 0)
        assert prune(run / "none", 1) == []

    def test_a_swap_cut_short_loses_nothing(self, run):
        aside = (run / "update-1000000").rename(run / ".update-1000000.old-0123abcd")
        assert latest_checkpoint(run) == (aside, [])  # killed between the two renames
        save(run / "update-1000000", 5)
        assert latest_checkpoint(run)[0] == run / "update-1000000"
        assert aside in prune(run, 4) and len(module._listed(run)) == 4
