"""The Dockerfile, without building it: what it copies is there, what it pins is tested, what it asks is answered."""

import json
import re
import subprocess
import sys
from pathlib import Path

from .clients import serving

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")


def lines(instruction):
    return re.findall(rf"^{instruction} (.*)", TEXT, re.M)


def test_it_copies_what_is_there_and_let_through():
    let_through = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [name for line in lines("COPY") if not line.startswith("--from") for name in line.split()[:-1]]
    assert {"src", "pyproject.toml", "constraints.txt"} <= set(copied)
    for name in copied:
        assert (ROOT / name).exists() and f"!{name}" in let_through, name


def test_torch_is_the_tested_version_for_the_cpu():
    (pinned,) = re.findall(r"(https://\S+/cpu) (torch==\S+)", TEXT)
    assert pinned[1] in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()


def test_it_runs_as_nobody_special_and_what_it_runs_is_a_command():
    assert lines("USER") == ["10001"]
    command, models = json.loads(lines("ENTRYPOINT")[0]), json.loads(lines("CMD")[0])
    with serving(*models, "--host", command[command.index("--host") + 1]) as server:
        (check,) = re.findall(r"HEALTHCHECK .* CMD (\[.*\])", TEXT)
        program = json.loads(check)[2]
        assert command[-1] == "8000" and "127.0.0.1:8000/" in program
        asked = [sys.executable, "-c", program.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}")]
        assert subprocess.run(asked, timeout=20).returncode == 0
        server.ended()
        assert subprocess.run(asked, timeout=20, capture_output=True).returncode != 0
