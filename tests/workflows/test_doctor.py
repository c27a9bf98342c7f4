"""What ``hrm doctor`` says of machines that are faked: builds of torch, GPUs, loads, versions."""

import sys
from types import SimpleNamespace

import pytest
import torch

from hrm.cli.main import main
from hrm.runtime import machine
from hrm.workflows import doctor


@pytest.fixture
def checks(tmp_path, monkeypatch):
    """Return the checks of a machine with this build of torch and these GPUs, by name."""

    def examined(build=None, gpus=(), usable=False, architectures=("sm_80", "sm_90"), capability=(9, 0)):
        found = SimpleNamespace(name="H100", total_memory=80 * 2**30, major=capability[0], minor=capability[1])
        monkeypatch.setattr(torch.version, "cuda", build)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: found)
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: list(architectures))
        monkeypatch.setattr(doctor, "nvidia_gpus", lambda: list(gpus))
        monkeypatch.setattr(doctor, "_bf16", lambda: ("ok", "", ""))
        return {check.name: check for check in doctor.examine(lambda: tmp_path, tmp_path)}

    return examined


def two_lines(hint, backend):
    lines = hint.split("\n")[-2:]
    assert lines[0] == "pip install uv"
    assert lines[1].startswith(f"uv pip install --python {sys.executable} --torch-backend={backend} ")
    return True


def test_the_build_of_torch_is_held_against_the_hardware(checks):
    assert checks()["torch"].state == checks("12.8", ["H100"], usable=True)["torch"].state == "ok"
    unused = checks(gpus=["H100"])["torch"]
    assert unused.state == "note" and "H100" in unused.detail and two_lines(unused.hint, "auto")
    too_large = checks("12.8")["torch"]
    assert too_large.state == "note" and "no GPU" in too_large.detail and two_lines(too_large.hint, "cpu")


def test_a_gpu_that_cannot_be_used_says_why(checks, monkeypatch):
    assert checks("12.8", ["H100"], usable=True)["device"].detail == "cuda: H100, 80 GiB"
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    old_driver = checks("12.8", ["H100"])["device"]
    assert old_driver.state == "note" and "driver" in old_driver.hint and two_lines(old_driver.hint, "auto")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "unset it" in checks("12.8", ["H100"])["device"].hint


@pytest.mark.parametrize(
    "capability, architectures, runs",
    [((9, 0), ["sm_80", "sm_90a"], True), ((8, 9), ["sm_80", "sm_90"], True), ((6, 1), ["sm_75", "sm_90"], False),
     ((12, 0), ["sm_90", "sm_120"], True), ((8, 0), ["sm_86"], False), ((9, 0), [], True)],
)  # fmt: skip
def test_a_gpu_that_the_build_has_no_code_for_is_broken(checks, capability, architectures, runs):
    found = checks("12.8", ["H100"], usable=True, architectures=architectures, capability=capability)["device"]
    assert (found.state == "ok") == runs and ("no code" in found.detail) != runs


@pytest.mark.parametrize("load, state", [(0.5, "ok"), (7.0, "note")])
def test_a_busy_machine_is_noted(monkeypatch, load, state):
    monkeypatch.setattr(doctor, "cores", lambda: 2)
    monkeypatch.setattr(doctor.os, "getloadavg", lambda: (load, 0, 0), raising=False)
    assert doctor._load()[0] == state


@pytest.mark.parametrize("versions, state, said", [
    ({}, "ok", "none is older"), ({"torch": "2.10.0+cu128"}, "broken", "torch 2.10.0+cu128, to be safe: 2.11"),
    ({"pydantic": "2.9"}, "broken", "pydantic 2.9, needed"), ({"matplotlib": "3.1"}, "note", "matplotlib 3.1, needed"),
    ({"starlette": "0.48"}, "broken", "starlette 0.48, to be safe: 1.0.1"), ({"numpy": None}, "broken", "missing"),
    ({"matplotlib": None, "onnx": None}, "ok", "none is older"), ({"pytest": "1.0"}, "ok", "none is older"),
])  # fmt: skip
def test_versions_are_held_against_what_is_asked_for_and_what_is_safe(monkeypatch, versions, state, said):
    from importlib.metadata import version

    def faked(name):
        if (found := versions.get(name, version(name))) is None:
            raise doctor.PackageNotFoundError(name)
        return found

    monkeypatch.setattr(doctor, "version", faked)
    found = doctor._packages()
    assert found[0] == state and said in found[1] and bool(found[2]) == (state != "ok")


def test_packages_are_checked_where_hrm_is_not_installed(monkeypatch):
    def missing(name):
        raise doctor.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "requires", missing)
    assert doctor._packages()[0] == "ok" and doctor._asked_for() == {}


@pytest.mark.parametrize("script, names", [
    ("echo 'NVIDIA H100 80GB HBM3'\necho 'NVIDIA T4'", ["NVIDIA H100 80GB HBM3", "NVIDIA T4"]),
    ("echo 'No devices were found'\nexit 6", []), (None, []),
])  # fmt: skip
def test_the_driver_is_asked_for_gpus(tmp_path, monkeypatch, script, names):
    monkeypatch.setenv("PATH", str(tmp_path), prepend=None)
    if script is not None:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    assert machine.nvidia_gpus() == names


def test_markdown_is_one_table_that_breaks_nowhere(capsys, monkeypatch, tmp_path):
    found = [doctor.Check("a|b", "note", "one|two", "first\nsecond"), doctor.Check("c", "broken", "[x]", "")]
    monkeypatch.setattr(doctor, "examine", lambda cache, runs: found)
    assert main(["doctor", "--markdown", "--cache", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    rows = out.splitlines()
    assert rows[1] == "|---|---|---|---|" and rows[2] == r"| note | a\|b | one\|two | first<br>second |"
    assert len(rows) == 4 and "needed and broken: c" in err
    assert main(["doctor", "--cache", str(tmp_path)]) == 1 and "[x]" in capsys.readouterr().out
