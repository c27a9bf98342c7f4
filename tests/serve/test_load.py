"""What a server holds under pressure; the slow tests print the figures in docs/serve.md.

pytest tests/serve/test_load.py -m slow -s
"""

import asyncio
import json
import signal
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from .clients import Client, connected, exchange, fuzz, half_sent, serving, storm
from .conftest import INKALA

PUZZLE = json.dumps({"puzzle": "..1.4.....2.3..."}).encode()
UNSOLVABLE = "82" + INKALA[2:]


@pytest.fixture(scope="module")
def served():
    """One server for the fast tests of this file; it never writes a traceback, and ends gracefully."""
    with serving("sudoku-4x4", "--queue", "8") as server:
        yield server
        gracefully_ended(server)


def gracefully_ended(server):
    code, said = server.ended()
    assert code == 0 and "Traceback" not in said and "exception" not in said.lower(), said


def tenfold(solver):
    """Two thousand questions, each with its only answer."""
    family = solver.puzzle
    return [tuple(family.text(grid) for grid in family.generate(7, index)) for index in range(2000)]


def check(noted, answers, refused_ms):
    assert noted.answers >= answers and not noted.wrong, str(noted)
    assert set(noted.statuses) <= {200, 429, 503, 504} and noted.statuses[200] and noted.statuses[429], str(noted)
    assert noted.ready_s <= 2 and noted.refused_ms(0.99) <= refused_ms, str(noted)


# --- more clients than there is room for


def test_more_clients_than_places(served, puzzles):
    noted = asyncio.run(storm(served.port, clients=40, seconds=2, puzzles=puzzles))
    check(noted, answers=40, refused_ms=1000)  # other tests run beside it


@pytest.mark.slow
def test_300_clients_press_a_queue_of_64_for_a_minute(solver):
    with serving("sudoku-4x4", "sudoku-9x9") as server:
        noted = asyncio.run(storm(server.port, clients=300, seconds=60, puzzles=tenfold(solver), slow=UNSOLVABLE))
        print(f"\n300 clients, 60 s: {noted}")
        gracefully_ended(server)
    check(noted, answers=10_000, refused_ms=50)


def test_small_answers_leave_at_once(served):
    """Where a system waits for more to send (Nagle), every answer takes 40 ms."""

    async def twenty():
        async with Client(served.port) as server:
            return [(await server.ask(b"no JSON"))[2] for _ in range(20)]

    assert sorted(asyncio.run(twenty()))[5] < 0.03


# --- senders that do not end


@pytest.mark.slow
def test_100_half_sent_bodies_are_cut_and_hold_up_nobody():
    with serving("sudoku-4x4") as server:

        async def beside():
            halves = asyncio.ensure_future(half_sent(server.port, 100))
            seconds = []
            async with Client(server.port) as client:
                while not halves.done():
                    status, _, took = await client.ask(PUZZLE)
                    assert status == 200
                    seconds.append(took)
                    await asyncio.sleep(0.1)
            return await halves, seconds

        cut, seconds = asyncio.run(beside())
        last, slowest = max(s for s, _ in cut), max(seconds)
        print(f"\n100 half-sent bodies: the last one cut after {last:.2f} s; meanwhile {len(seconds)} others had their "
              f"answers within {1000 * slowest:.0f} ms")  # fmt: skip
        gracefully_ended(server)
    assert {status for _, status in cut} == {408} and last <= 10 and slowest < 2


# --- nonsense


def test_no_nonsense_breaks_it(served):
    statuses, strange = asyncio.run(fuzz(served.port, 300, clients=4, seed=1))
    assert not strange and statuses[200] and statuses[400] and statuses[422]


@pytest.mark.slow
def test_20000_bodies_of_nonsense():
    with serving("sudoku-4x4", "sudoku-9x9", "maze-10x10") as server:
        statuses, strange = asyncio.run(fuzz(server.port, 20_000))
        print(f"\n20,000 bodies of nonsense: {dict(sorted(statuses.items()))}")
        gracefully_ended(server)
    assert not strange, strange[:3]


SCHEMATHESIS = """\
[checks]
positive_data_acceptance.enabled = false  # text that is no puzzle fits the schema, and is refused with 422
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 503, 504]
negative_data_rejection.expected-statuses = [400, 408, 413, 415, 422, 503, 504]
"""


def schemathesis(server, folder, examples):
    """Hold what the server says against its own schema; return what the tool writes."""
    (folder / "schemathesis.toml").write_text(SCHEMATHESIS)
    command = [str(Path(sys.executable).parent / "schemathesis"), "run", f"{server.url}/openapi.json", "--no-color"]
    options = ["--max-examples", str(examples), "--seed", "1", "--continue-on-failure"]
    ran = subprocess.run([*command, *options], cwd=folder, text=True, capture_output=True, timeout=1800)
    assert ran.returncode == 0, ran.stdout[-4000:]
    return ran.stdout


def test_it_keeps_to_its_own_schema(served, tmp_path):
    assert "generated" in schemathesis(served, tmp_path, 5)


@pytest.mark.slow
@pytest.mark.timeout(1200)  # where other programs want the same cores
def test_it_keeps_to_its_own_schema_a_thousand_times(tmp_path):
    with serving("sudoku-4x4") as server:
        said = schemathesis(server, tmp_path, 1000)
        print("\nschemathesis:", *(line.strip() for line in said.splitlines() if "generated" in line))
        gracefully_ended(server)


# --- memory


async def ask(port, count, clients=8):
    async def client():
        async with Client(port) as server:
            for _ in range(count // clients):
                assert (await server.ask(PUZZLE))[0] == 200

    await asyncio.gather(*(client() for _ in range(clients)))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the memory of a process from /proc")
def test_memory_stays_the_same_over_10000_requests():
    with serving("sudoku-4x4") as server:
        asyncio.run(ask(server.port, 1000))
        before = server.memory_mib()
        asyncio.run(ask(server.port, 10_000))
        grown = server.memory_mib() - before
        print(f"\n10,000 requests: resident memory grows by {grown:.1f} MiB, from {before:.0f}")
        gracefully_ended(server)
    assert grown <= 20


# --- the end


def test_sigterm_answers_what_is_accepted_and_takes_no_more(served):
    """Twenty requests are on their way when the signal comes: each gets its answer, or word that there is none."""

    async def clients():
        async with AsyncExitStack() as stack:
            opened = [await stack.enter_async_context(connected(served.port)) for _ in range(20)]
            asked = [asyncio.ensure_future(exchange(each, PUZZLE)) for each in opened]
            await asyncio.sleep(0.02)
            served.process.send_signal(signal.SIGTERM)
            return await asyncio.gather(*asked)

    found = asyncio.run(clients())
    assert {status for status, *_ in found} <= {200, 429, 503} and any(status == 200 for status, *_ in found)
    assert served.process.wait(20) == 0  # what it wrote is looked at by the fixture
