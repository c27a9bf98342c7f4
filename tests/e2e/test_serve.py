"""``hrm serve`` as a process: it says where it listens, answers, counts, cuts the slow, and ends gracefully."""

import json
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"
HARD = "82.........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."  # no solution


@contextmanager
def served(environment, workplace, *arguments):
    """Run the installed command on a free port; give the process and its address."""
    command = [str(Path(sys.executable).parent / "hrm"), "serve", *arguments, "--port", "0", "--json"]
    process = subprocess.Popen(
        command, cwd=workplace, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        said = json.loads(process.stdout.readline())
        assert said["url"].startswith("http://127.0.0.1:")
        yield process, said["url"]
    finally:
        process.kill()
        process.communicate()


def test_a_server_from_start_to_end(environment, workplace):
    with served(environment, workplace, "sudoku-4x4", "--allow-host", "puzzles.example") as (process, url):
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        with httpx.Client(base_url=url, timeout=30) as client:
            # answers and counts
            assert client.get("/health/ready").json() == {"status": "ready"}
            found = client.post("/v1/solve", json={"puzzle": PUZZLE})
            assert found.status_code == 200 and found.json()["answers"][0]["answer"] == ANSWER
            assert 'hrm_answers_total{model="sudoku-4x4",verdict="verified"} 1.0' in client.get("/metrics").text
            # hosts and bodies
            assert client.get("/v1/models", headers={"Host": "evil.example"}).status_code == 400
            assert client.get("/v1/models", headers={"Host": "puzzles.example"}).status_code == 200
            large = client.post("/v1/solve", content=b" " * 100_000, headers={"Content-Type": "application/json"})
            assert large.status_code == 413 and "65536" in large.json()["reason"]
        # half a head and half a body are cut
        half_a_body = b"POST /v1/solve HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"
        began, halves = time.monotonic(), [socket.create_connection(address, timeout=20) for _ in range(2)]
        for half, start in zip(halves, (b"GET /health/live HT", half_a_body), strict=True):
            half.sendall(start)
        for half in halves:
            with half:
                while half.recv(4096):
                    pass
            assert 5 < time.monotonic() - began < 15
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0 and out == "" and "Traceback" not in err and "sudoku-4x4 (shipped)" in err


def test_sigterm_waits_for_the_answers_that_are_due(environment, workplace):
    with served(environment, workplace, "sudoku-9x9", "--deadline", "120") as (process, url):
        body = json.dumps({"puzzle": HARD, "max_segments": 40})
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        head = f"Host: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        with socket.create_connection(address, timeout=30) as waiting:
            waiting.sendall(f"POST /v1/solve HTTP/1.1\r\n{head}\r\n{body}".encode())
            while "hrm_batch_puzzles_count 0.0" in httpx.get(f"{url}/metrics").text:
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            said = b""
            while chunk := waiting.recv(4096):
                said += chunk
        assert said.startswith(b"HTTP/1.1 200")
        assert json.loads(said.partition(b"\r\n\r\n")[2])["answers"][0]["segments"] == 40
        assert process.wait(20) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/health/live")


@pytest.mark.parametrize("arguments, code, said", [
    ((), 2, "serve needs MODEL"),
    (("sudoku-4x5",), 2, "Did you mean 'sudoku-4x4'?"),
    (("sudoku-4x4", "sudoku-4x4"), 2, "two models would be called sudoku-4x4"),
    (("sudoku-4x4", "--queue", "0"), 2, "--queue must be 1"),
    (("sudoku-4x4", "--deadline", "nan"), 2, "--deadline must be"),
    (("sudoku-4x4", "--allow-host", "a.*.example"), 2, "--allow-host takes"),
    (("sudoku-4x4", "--port", "99999"), 2, "--port must be 0 to 65535 (got 99999)"),
    (("sudoku-4x4", "--host", "203.0.113.1"), 1, "cannot listen on 203.0.113.1"),
])  # fmt: skip
def test_mistakes_are_one_line(hrm, arguments, code, said):
    found = hrm("serve", *arguments, timeout=60)
    assert found.code == code and said in found.err and found.err.count("\n") == 1 and found.out == ""


@pytest.mark.parametrize("arguments, said", [
    (("sudoku-4x5",), "Did you mean 'sudoku-4x4'?"),
    (("sudoku-4x4", "--deadline", "0"), "--deadline must be"),
])  # fmt: skip
def test_mistakes_with_mcp_are_one_line(hrm, arguments, said):
    found = hrm("mcp", *arguments, timeout=60)
    assert found.code == 2 and said in found.err and found.err.count("\n") == 1 and found.out == ""


def test_a_port_that_is_taken(hrm):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = hrm("serve", "sudoku-4x4", "--port", taken.getsockname()[1], timeout=60)
    assert found.code == 1 and "Address already in use" in found.err and found.err.count("\n") == 1
