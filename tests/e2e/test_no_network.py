"""No command reaches out, except those that fetch from or push to the outside.

All commands run, in a quick form, where only loopback exists: in a network namespace of their own. The system counts
there every packet for which it had no way, whoever tried to send it. Beside that, and where there are no namespaces, a
guard in every Python process refuses and notes whatever is not for loopback.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hrm.cli.main import app

OUTWARD = {"data fetch"}
"""Commands that are for reaching out. `push` is, too, but for `--out`; names on the hub have tests in tests/hub."""

QUICK = """
help
--version
models
recipes --json
config smoke
completion bash
params sudoku-4x4
doctor --out .
solve sudoku-4x4 ..1.4.....2.3... --trace
solve sudoku-4x4 four.csv
show sudoku-4x4 ..1.4.....2.3... --out solve.png
eval sudoku-4x4 --data four.csv --segments 2 --record record.json
analyze sudoku-4x4 --what residuals --data four.csv --segments 4 --no-figure
report sudoku-4x4 --data four.csv --segments 2 --analyses none --out report.html
export sudoku-4x4 exported --to torch
scale sudoku-4x4 --data four.csv --puzzles 2 --segments 2 --copies 2 --budget 8 --no-figure
push sudoku-4x4 me/four --out pushed
import published --out imported
train smoke --train.updates 2 --out run
data build four.csv --out store --train 3 --validation 1
data show store
data sample --out sample.csv --from four.csv:2
data check sample.csv
data export store --out official
data import official --out again --puzzle sudoku-4x4
data arc 0a0b0c0d.json --out arc --variants 1
serve sudoku-4x4 --port 0 --json
mcp sudoku-4x4
"""
SLOW = """
demo --out demo
bench --quick
compare smoke --seeds 1 --out compared --train.updates 2 --data four.csv
train arc-small --data.path arc --train.updates 1 --train.compile false --out runs-arc
adapt runs-arc 1a1b1c1d.json --out adapted --updates 1 --variants 1
export sudoku-4x4 exported --to onnx
analyze sudoku-4x4 --what trajectories --data four.csv --segments 4
"""
REFUSED = {"import": 4}
"""Exit codes of commands that do not end with 0: this checkpoint is none."""

GUARD = """
import os, sys

def local(host):
    host = host.decode() if isinstance(host, bytes) else host
    return host in (None, "", "localhost", "::1", "0.0.0.0", "::") or str(host).startswith("127.")

def look(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    else:
        return
    if not local(host):
        with open(os.environ["GUARD"], "a") as seen:
            seen.write(f"{event} {host} by {sys.argv}\\n")
        raise OSError("there is no network here")

sys.addaudithook(look)
"""
DRIVER = """
import fcntl, json, os, signal, socket, struct, subprocess, sys, threading, time

def without_route():
    # How many packets found no way out of this namespace, over IPv4 and IPv6.
    lines = [line.split() for line in open("/proc/net/snmp") if line.startswith("Ip:")]
    six = dict(line.split() for line in open("/proc/net/snmp6"))
    return int(dict(zip(*lines))["OutNoRoutes"]) + int(six["Ip6OutNoRoutes"])

def end_when_ready():
    while "http://127.0.0.1:" not in open(given["output"], errors="replace").read():
        time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)

def run(words):
    if words[0] in ("REACH", "UNSEEN"):  # what no command may do; shows that it would be noticed
        program = f"import socket; socket.create_connection(({words[1]!r}, 9), 1)"
        return subprocess.run([sys.executable, *(["-S"] if words[0] == "UNSEEN" else []), "-c", program]).returncode
    if words[0] == "serve":
        threading.Thread(target=end_when_ready, daemon=True).start()
    from hrm.cli.main import main
    return main(words)

given = json.load(sys.stdin)
if given["namespace"]:
    with socket.socket() as any:
        fcntl.ioctl(any, 0x8914, struct.pack("16sH14x", b"lo", 1))  # set the flags of lo: up
if given["commands"][0][0].islower():
    import hrm.inference.load, hrm.experiment  # once for all forks
codes = {}
for words in given["commands"]:
    child = os.fork()
    if child == 0:
        output = os.open(given["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream in (1, 2):
            os.dup2(output, stream)
        code = 99
        try:
            code = run(list(words))
        except SystemExit as end:
            code = end.code or 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    codes[" ".join(words)] = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(json.dumps({"codes": codes, "without_route": without_route() if given["namespace"] else 0}))
"""
NAMESPACE = ["unshare", "--user", "--map-root-user", "--net"]


def namespaces():
    """Say whether this system lets a user make one."""
    return bool(shutil.which("unshare")) and subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode == 0


@pytest.fixture
def folder(tmp_path):
    """What the commands read."""
    rows = [
        ("..1.4.....2.3...", "2314413214233241"),
        (".1.....3...4.4..", "3142421313242431"),
        ("2....3....4..4.1", "2134431212433421"),
    ]
    rows.append(("2......2...43...", "2143431212343421"))
    (tmp_path / "four.csv").write_text("question,answer\n" + "".join(f"{q},{a}\n" for q, a in rows))
    for seed, file in enumerate(("0a0b0c0d.json", "1a1b1c1d.json")):
        rng = np.random.default_rng(seed)
        pairs = [{key: rng.integers(0, 9, (3, 3)).tolist() for key in ("input", "output")} for _ in range(3)]
        (tmp_path / file).write_text(json.dumps({"train": pairs[:2], "test": pairs[2:]}))
    (tmp_path / "published").mkdir()
    name = "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1"
    (tmp_path / "published" / "all_config.yaml").write_text(f"arch: {{name: {name}}}\n")
    (tmp_path / "published" / "checkpoint").write_bytes(b"no checkpoint")
    return tmp_path


def run_all(commands, folder, namespace, timeout=280):
    """Run the commands in turn; return exit codes, packets without a way, and what the guard saw."""
    (folder / "guard").mkdir()
    (folder / "guard" / "sitecustomize.py").write_text(GUARD)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(folder / "guard"), str(Path(__file__).parents[2] / "src")]),
        "GUARD": str(folder / "seen"), "HRM_CACHE": str(folder / "cache"), "HF_HOME": str(folder / "hub"),
    }  # fmt: skip
    command = [*(NAMESPACE if namespace else []), sys.executable, "-c", DRIVER]
    told = {"commands": commands, "namespace": namespace, "output": str(folder / "output")}
    done = subprocess.run(
        command, input=json.dumps(told), capture_output=True, text=True, cwd=folder, env=environment, timeout=timeout
    )
    assert done.returncode == 0, done.stderr
    said, seen = json.loads(done.stdout.splitlines()[-1]), folder / "seen"
    return said["codes"], said["without_route"], seen.read_text() if seen.exists() else ""


def parsed(text):
    return [line.split() for line in text.split("\n") if line]


def check(commands, folder, timeout=280):
    codes, without_route, seen = run_all(commands, folder, namespaces(), timeout)
    output = (folder / "output").read_text(errors="replace")
    assert codes == {" ".join(words): REFUSED.get(words[0], 0) for words in commands}, output
    assert (without_route, seen) == (0, "")


@pytest.mark.slow
def test_no_command_reaches_out(folder):
    check(parsed(QUICK), folder)


@pytest.mark.slow
@pytest.mark.timeout(1900)
def test_no_long_command_reaches_out(folder):
    build = "data arc 0a0b0c0d.json --out arc --variants 1"
    check(parsed(f"{build}\n{SLOW}"), folder, timeout=1800)


def test_every_command_is_tried():
    names = {name for name in app if not name.startswith("-")} - {"data"}
    names |= {f"data {name}" for name in app["data"] if not name.startswith("-")}
    tried = {" ".join(words[: 1 + (words[0] == "data")]) for words in parsed(QUICK + SLOW)} - {"--version"}
    assert tried == names - OUTWARD, "give QUICK or SLOW a quick form of each command"


@pytest.mark.parametrize("where", ["192.0.2.1", "2001:db8::1"])
def test_what_reaches_out_is_seen(folder, where):
    assert where in run_all([["REACH", where]], folder, namespace=False)[2]


@pytest.mark.skipif(not namespaces(), reason="this system allows no network namespaces")
@pytest.mark.parametrize("where", ["192.0.2.1", "2001:db8::1"])
def test_what_the_guard_does_not_see_is_counted(folder, where):
    _, without_route, seen = run_all([["UNSEEN", where]], folder, namespace=True)
    assert without_route > 0 and seen == ""
