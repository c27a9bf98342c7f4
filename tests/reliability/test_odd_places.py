"""Every command works, or says in one line why not, wherever it runs: odd folders, systems without this and that."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
BASH = shutil.which("bash") or "bash"
PUZZLE, ROWS = (
    "..1.4.....2.3...",
    "question,answer\n..1.4.....2.3...,2314413214233241\n.1.....3...4.4..,3142421313242431\n",
)
COMMANDS = f"""
recipes
config smoke
completion bash
models
doctor --out .
params sudoku-4x4
solve sudoku-4x4 {PUZZLE}
solve sudoku-4x4 rows.csv --csv
show sudoku-4x4 {PUZZLE} --out drawn.png
eval sudoku-4x4 --data rows.csv --segments 1 --record record.json
analyze sudoku-4x4 --what residuals --data rows.csv --segments 2 --out analyses
report sudoku-4x4 --data rows.csv --segments 1 --analyses none --out report.html
data build rows.csv --out store --train 2 --share-twins
data sample --out sample.csv --from rows.csv:1
data check rows.csv
train smoke --train.updates 1 --data.path store --out run
eval run --data store
train smoke --train.updates 1 --optim.lr fast
solve nothing {PUZZLE}
data show nothing
"""
FEW = f"""
recipes
config smoke
completion bash
solve sudoku-4x4 {PUZZLE}
show sudoku-4x4 {PUZZLE} --out drawn.png
data build rows.csv --out store --train 2 --share-twins
train smoke --train.updates 1 --data.path store --out run
solve nothing {PUZZLE}
data show nothing
"""
FAILS = {"--optim.lr fast": 2, "solve nothing": 2, "data show nothing": 4}
"""Exit codes of mistakes, by a part of the command."""

DRIVER = """
import os, sys
from hrm.cli.main import main, run
import hrm.experiment, hrm.data.prepare, hrm.viz.puzzle.files, hrm.viz.figures.draw
for line in os.environ["COMMANDS"].strip().splitlines():
    child = os.fork()
    if child == 0:
        sys.argv = ["hrm", *line.split()]
        try:
            run()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            import traceback
            traceback.print_exc()
            code = 99
        try:
            for stream in (sys.stdout, sys.stderr):
                stream and stream.flush()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(3, f"{code} {line}\\n".encode())
"""


def run_all(folder, *, environment=None, without=(), python=(), before=(), shell="", commands=COMMANDS, cwd=None):
    """Run commands in forks of one process; return their exit codes, and what all of them printed on stderr.

    Args:
        environment: variables that are set; ``without``: those that are not.
        python: options of the interpreter; before: words before it.
        shell: redirections of the shell, such as ``>&-``.
    """
    variables = os.environ | {"PYTHONPATH": str(SOURCE), "COMMANDS": commands, "HRM_CACHE": str(folder / "cache")}
    variables |= environment or {}
    for name in without:
        variables.pop(name, None)
    codes, err = folder / "codes", folder / "err"
    words = [*before, sys.executable, *python, "-c", DRIVER]
    script = f'exec "$@" 3>"$CODES" {shell}'
    with open(err, "wb") as stderr:
        subprocess.run(
            [BASH, "-c", script, "bash", *words], cwd=cwd or folder, stdin=subprocess.DEVNULL, stderr=stderr,
            stdout=subprocess.DEVNULL, env=variables | {"CODES": str(codes)}, timeout=280,
        )  # fmt: skip
    ran = dict(reversed(line.split(" ", 1)) for line in codes.read_text().splitlines())
    assert len(ran) == len(commands.strip().splitlines()), err.read_text(errors="replace")
    return {line: int(code) for line, code in ran.items()}, err.read_text(errors="replace")


def check(folder, fails=FAILS, **how):
    """Run all commands and check their exit codes, and that every mistake took one line."""
    codes, err = run_all(folder, **how)
    wanted = {line: next((code for part, code in fails.items() if part in line), 0) for line in codes}
    wanted |= {line: 5 for line in codes if codes[line] == 5 and line.startswith("solve")}
    assert codes == wanted, err
    said = [line for line in err.splitlines() if line.startswith("hrm: ")]
    assert len(said) == sum(code in (1, 2, 4) for code in codes.values()), err
    assert "Traceback" not in err and "Warning" not in err, err
    return err


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "with spaces, 日本語 & a 'quote'"
    place.mkdir()
    (place / "rows.csv").write_text(ROWS)
    return place


ODD = {
    "TZ": "Pacific/Chatham", "LC_ALL": "C", "LANG": "C", "TERM": "dumb", "NO_COLOR": "1", "COLUMNS": "1",
    "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "7", "MPLBACKEND": "TkAgg",
}  # fmt: skip


def test_everything_odd_at_once(folder):
    """A path with spaces and Japanese, no home, the C locale, an odd time zone, a dumb terminal, `python -O`."""
    check(folder, environment=ODD, without=("HOME", "XDG_CACHE_HOME"), python=["-O"], commands=FEW)
    assert {"drawn.png", "store", "run"} <= set(os.listdir(folder))


@pytest.mark.slow
def test_every_command_in_a_usual_place(folder):
    check(folder)
    assert {"drawn.png", "record.json", "report.html", "store", "run", "sample.csv"} <= set(os.listdir(folder))


def nobody():
    """Words that drop the rights of the superuser, for whom nothing is read-only; none for others."""
    if os.geteuid():
        return []
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if shutil.which("setpriv") else None


PLACES = {
    "optimized": {"python": ["-O"]},
    "very optimized": {"python": ["-OO"]},
    "no home": {"without": ("HOME", "XDG_CACHE_HOME")},
    "home is a file": {"environment": {"HOME": "/dev/null"}},
    "C locale": {"environment": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}},
    "latin-1": {"environment": {"PYTHONIOENCODING": "latin-1"}},
    "time zone": {"environment": {"TZ": ":nowhere/at all"}},
    "no colors": {"environment": {"NO_COLOR": "1", "TERM": "dumb", "FORCE_COLOR": "1"}},
    "narrow": {"environment": {"COLUMNS": "1", "LINES": "1"}},
    "one core": {"before": ["taskset", "-c", "0"]} if shutil.which("taskset") else {},
    "no stdin": {"shell": "<&-"},
    "no stdout": {"shell": ">&-"},
    "no stderr": {"shell": "2>&-"},
    "nothing open": {"shell": "<&- >&- 2>&-"},
    "no PATH": {"environment": {"PATH": "/nowhere"}},
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", PLACES)
def test_an_odd_place(folder, kind):
    how = PLACES[kind] | {"commands": FEW}
    if "2>&-" in how.get("shell", ""):
        codes, _ = run_all(folder, **how)
        wanted = {line: next((code for part, code in FAILS.items() if part in line), 0) for line in codes}
        assert {k: v for k, v in codes.items() if v != 5} == {k: v for k, v in wanted.items() if codes[k] != 5}
    else:
        check(folder, **how)


@pytest.mark.slow
def test_a_folder_that_cannot_be_written(folder):
    words = nobody()
    if words is None:
        pytest.skip("needs setpriv, or not to be the superuser")
    (folder / "cache").mkdir(mode=0o777)
    for name in ("codes", "err"):
        (folder / name).touch(mode=0o666)
        (folder / name).chmod(0o666)
    (folder / "cache").chmod(0o777)
    store = "question,answer\n..1.4.....2.3...,2314413214233241\n"
    (folder / "rows.csv").write_text(store)
    folder.chmod(0o555)
    for parent in folder.parents[:3]:
        if not os.geteuid():
            parent.chmod(0o755)
    written = dict.fromkeys(
        ("doctor", "drawn", "--record", "analyses", "report.html", "--out store", "--out run", "sample.csv"), 1
    )
    without_store = {"train smoke --train.updates 1 --data.path store": 2, "eval run": 2}
    try:
        err = check(folder, FAILS | without_store | written, before=words)
    finally:
        folder.chmod(0o755)
    assert err.count("cannot write") >= 6
    assert set(os.listdir(folder)) == {"rows.csv", "cache", "codes", "err"}


@pytest.mark.parametrize("command", ["recipes", "config smoke", "completion bash", "solve sudoku-4x4 many.txt",
                                     f"show sudoku-4x4 {PUZZLE} --segments 8", "--help"])  # fmt: skip
@pytest.mark.slow
def test_a_reader_that_leaves(folder, command):
    (folder / "many.txt").write_text(f"{PUZZLE}\n" * 3000)
    done = subprocess.run(
        [BASH, "-c", f'"$0" -m hrm {command} | head -1', sys.executable], cwd=folder, capture_output=True, text=True,
        timeout=120, env=os.environ | {"PYTHONPATH": str(SOURCE), "HRM_CACHE": str(folder / "cache")},
    )  # fmt: skip
    assert done.stdout.count("\n") == 1
    told = [line for line in done.stderr.splitlines() if not line.startswith("model: ")]
    assert not told, done.stderr


@pytest.mark.slow
def test_without_a_compiler_the_network_runs_as_it_is(folder):
    commands = "train smoke --train.updates 2 --train.compile true --data.path store --out run"
    build = "data build rows.csv --out store --train 2 --share-twins"
    codes, err = run_all(folder, environment={"PATH": "/nowhere"}, commands=f"{build}\n{commands}")
    assert set(codes.values()) == {0}, err
    assert err.count("no C++ compiler found: running without compilation") == 1 and "Traceback" not in err


def test_without_bf16_auto_is_fp32(monkeypatch):
    import torch

    from hrm.runtime.device import choose_dtype

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {})
    assert choose_dtype("auto", torch.device("cpu")) is torch.float32


GROWTH = """
import gc, os, resource, sys, threading
from rich.console import Console
from hrm import recipes
from hrm.train.callbacks import Callback
from hrm.train.trainer import Trainer

class Watch(Callback):
    seen = []
    def on_log(self, metrics):
        gc.collect()
        mib = int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() / 2**20
        self.seen.append((mib, len(os.listdir("/proc/self/fd")), threading.active_count()))

changes = {"train.updates": 3600, "train.batch_size": 16, "train.log_every": 100, "eval.every": 600}
config = recipes.get("smoke", changes)
Trainer(config, "run", "cache", callbacks=[Watch()], console=Console(quiet=True)).fit()
print(*Watch.seen[5], *Watch.seen[-1])
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_is_flat_over_3000_updates(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", GROWTH], cwd=tmp_path, capture_output=True, text=True, timeout=880,
        env=os.environ | {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, files, threads, after, files_after, threads_after = map(float, done.stdout.split())
    print(f"resident: {before:.0f} MiB after 600 updates, {after:.0f} MiB after 3,600; {files_after:.0f} files open")
    assert after - before <= 20 and abs(files_after - files) <= 2 and threads_after == threads


def test_no_assert_guards_against_a_user():
    """What a user can get wrong raises an HrmError, which `python -O` does not remove: asserts name no input."""
    found = []
    for path in (SOURCE / "hrm" / "cli").rglob("*.py"):
        found += [path.name for line in path.read_text().splitlines() if re.match(r"\s*assert ", line)]
    assert not found
