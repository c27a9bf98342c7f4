"""Two nodes train as one process does: two network namespaces of this machine, joined by a virtual cable."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hrm import recipes

from .test_world import UPDATES, WANTED, agrees, environment, train


def ip(*words):
    return subprocess.run(["ip", *words], capture_output=True, text=True)


@pytest.fixture
def nodes():
    """The names of two namespaces that reach each other under 10.213.0.1 and 10.213.0.2, and nothing else."""
    names = [f"hrm{os.getpid()}-{number}" for number in (1, 2)]
    cable = [f"hv{os.getpid()}-{number}" for number in (1, 2)]
    if shutil.which("ip") is None or ip("netns", "add", names[0]).returncode:
        pytest.skip("needs `ip` and the right to make network namespaces")
    try:
        commands = [["netns", "add", names[1]], ["link", "add", cable[0], "type", "veth", "peer", "name", cable[1]]]
        for number, (name, end) in enumerate(zip(names, cable, strict=True), 1):
            inside = ["-n", name]
            commands += [
                ["link", "set", end, "netns", name],
                [*inside, "link", "set", end, "name", "eth0"],
                [*inside, "addr", "add", f"10.213.0.{number}/24", "dev", "eth0"],
                [*inside, "link", "set", "eth0", "up"],
                [*inside, "link", "set", "lo", "up"],
            ]
        for command in commands:
            if (done := ip(*command)).returncode:
                pytest.skip(f"ip {' '.join(command)}: {done.stderr.strip()}")
        yield names
    finally:
        for name in names:
            ip("netns", "del", name)


@pytest.mark.slow
def test_two_nodes_train_as_one_process_does(tmp_path, nodes):
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "wanted.toml").write_text(recipes.get("smoke", WANTED).to_toml())
    torchrun = [
        sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1",
        "--rdzv-backend", "c10d", "--rdzv-endpoint", "10.213.0.1:29500", "--rdzv-id", "test",
    ]  # fmt: skip
    script = [Path(__file__).with_name("in_ranks.py"), folder, str(UPDATES)]
    started = [
        subprocess.Popen(
            ["ip", "netns", "exec", name, *torchrun, "--rdzv-conf", f"is_host={number == 1}", "--local-addr",
             f"10.213.0.{number}", *script],
            env=environment() | {"GLOO_SOCKET_IFNAME": "eth0"}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        for number, name in enumerate(nodes, 1)
    ]  # fmt: skip
    try:
        said = [process.communicate(timeout=280)[0].decode() for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], "\n".join(said)[-3000:]
    agrees(folder, train(tmp_path / "alone", 1))
