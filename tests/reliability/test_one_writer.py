"""Two runs never write one folder, and a run that was killed leaves nothing in the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from hrm.errors import HrmError
from hrm.train.lock import LOCK, PATIENCE_S, refuse_held, sole_writer

from .runs import TINY, ready

LONG = [*TINY, "--train.updates", 100_000]


def test_the_second_run_ends_at_once_and_names_the_first(start, tmp_path):
    folder = tmp_path / "run"
    first = start(*LONG, "--out", folder)
    try:
        ready(first, "update 3/")
        second = start(*LONG, "--out", folder).ended()
        assert second.code == 1 and len(second.err.splitlines()) == 1, second.err
        assert f"is being written by process {first.process.pid} on {os.uname().nodename!r}" in second.err
        assert first.process.is_alive()
    finally:
        first.process.kill()
    first.ended()
    again = start(*LONG, "--out", folder)  # the lock of one that was killed is no lock
    ready(again, "update 3")
    os.kill(again.process.pid, signal.SIGTERM)
    assert again.ended().code == 143


SECOND = """
import sys
from hrm.cli.main import main
code = main(sys.argv[1:])
assert "torch" not in sys.modules
sys.exit(code)
"""


def test_the_second_run_ends_within_two_seconds(environment, tmp_path):
    """From nothing, and before it imports torch. Its time is that of the processor, and what it waits for the lock."""
    words = [sys.executable, "-c", SECOND, *map(str, LONG), "--out", str(tmp_path / "run")]
    with sole_writer(tmp_path / "run"), open(tmp_path / "said", "w") as said:
        second = subprocess.Popen(words, env=environment, cwd=tmp_path, stderr=said)
        _, status, used = os.wait4(second.pid, 0)
        second.returncode = os.waitstatus_to_exitcode(status)
    said = (tmp_path / "said").read_text()
    assert second.returncode == 1 and f"is being written by process {os.getpid()} on " in said, said
    seconds = used.ru_utime + used.ru_stime + PATIENCE_S
    print(f"the second run ended after {seconds:.1f} s")
    assert seconds < 2


def test_a_run_whose_folder_was_only_just_made_begins_anew(start, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / LOCK).write_text("")
    assert start(*TINY, "--train.updates", 2, "--out", tmp_path / "run").ended().code == 0


@pytest.mark.parametrize("told", ["", "{", "[]", "{}", '{"pid": "x", "host": 1}', "\\ud800", "9" * 5000, "null"])
def test_a_holder_that_cannot_be_read_is_another_process(tmp_path, told):
    with sole_writer(tmp_path):
        (tmp_path / LOCK).write_text(told)
        for attempt in (lambda: refuse_held(tmp_path), lambda: sole_writer(tmp_path).__enter__()):
            with pytest.raises(HrmError, match=r"is being written by another process: .* choose another --out"):
                attempt()
    refuse_held(tmp_path)


def test_the_name_of_the_holder_is_quoted(tmp_path):
    with sole_writer(tmp_path):
        (tmp_path / LOCK).write_text(json.dumps({"pid": 1, "host": "\x1b[31mhost"}))
        with pytest.raises(HrmError) as error:
            refuse_held(tmp_path)
    assert "\x1b" not in str(error.value)


def test_of_many_one_holds_the_folder(tmp_path):
    held, most, lock = 0, 0, threading.Lock()

    def enter(_):
        nonlocal held, most
        try:
            with sole_writer(tmp_path):
                with lock:
                    held += 1
                    most = max(most, held)
                time.sleep(1.5)
                with lock:
                    held -= 1
            return 1
        except HrmError:
            return 0

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(enter, range(6))) == 1
    assert most == 1


def test_a_look_keeps_nobody_out(tmp_path):
    stop = threading.Event()

    def look():
        while not stop.is_set():
            try:
                refuse_held(tmp_path)
            except HrmError:
                pass

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(30):
            with sole_writer(tmp_path):
                pass
    finally:
        stop.set()
        looking.join()


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").mkdir()
    (tmp_path / "loop" / LOCK).symlink_to(LOCK)
    (tmp_path / "taken" / LOCK).mkdir(parents=True)
    for name in ("file", "loop", "taken"):
        with pytest.raises(HrmError, match="cannot write .*choose a folder that you may write to"):
            sole_writer(tmp_path / name).__enter__()


@pytest.mark.skipif(not shutil.which("unshare") or os.getuid() != 0, reason="only root can mount")
def test_a_read_only_disk(environment, tmp_path):
    run = [str(argument) for argument in (sys.executable, "-m", "hrm", *TINY, "--out", tmp_path / "disk" / "run")]
    (tmp_path / "disk").mkdir()
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'mount -t tmpfs -o ro none "{tmp_path}/disk" && exec "$@"', "sh", *run],
        capture_output=True, text=True, env=environment, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1 and "Read-only file system" in done.stderr and len(done.stderr.splitlines()) == 1
