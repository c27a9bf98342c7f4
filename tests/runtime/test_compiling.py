"""A machine that cannot compile trains all the same, and says why it is slow."""

import subprocess
import sys

import pytest

from hrm.runtime import compiling

SCRIPT = """
import torch
from hrm.runtime.compiling import compiled
double = compiled(lambda x: (x * 2).sin())
x = torch.ones(3)
assert torch.equal(double(x), (x * 2).sin()) and torch.equal(double(x), (x * 2).sin())
"""


def test_a_broken_compiler_is_said_once_and_the_function_runs_as_it_is(tmp_path):
    broken = tmp_path / "g++"
    broken.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    broken.chmod(0o755)
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin", "CXX": str(broken), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the compiler failed, running without compilation") == 1


@pytest.mark.parametrize("platform", ["linux", "win32"])
def test_without_a_compiler_nothing_is_compiled(monkeypatch, capsys, platform):
    monkeypatch.setattr(compiling.sys, "platform", platform)
    monkeypatch.setattr(compiling.shutil, "which", lambda name: None)
    monkeypatch.setattr(compiling, "_noted", set())
    assert compiling.compiled(len) is len
    assert "running without compilation" in capsys.readouterr().err
