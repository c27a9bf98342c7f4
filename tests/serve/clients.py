"""Clients that press a server: many at once, half-sent bodies, bodies of nonsense; and what they note."""

import asyncio
import json
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

HEAD = "POST /v1/solve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n"


class Served:
    """A server as a process of its own."""

    def __init__(self, process, url):
        self.process, self.url = process, url
        self.port = int(url.rpartition(":")[2])

    def memory_mib(self):
        """Return its resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    def ended(self):
        """End it by SIGTERM; return its exit code and what it wrote on stderr."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@contextmanager
def serving(*arguments):
    """Run ``hrm serve`` on a free port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hrm", "serve", *arguments, "--port", "0", "--json"],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        yield Served(process, json.loads(process.stdout.readline())["url"])
    finally:
        process.kill()
        process.communicate()


@asynccontextmanager
async def connected(port):
    """Open a connection, and close it in the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


class Client:
    """A connection that is opened anew when the server has closed it."""

    def __init__(self, port):
        self.port, self.open = port, None

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        if self.open is not None:
            await self.open.__aexit__(*error)

    async def ask(self, body):
        """Send a body; return the status, the text of the answer and the seconds in between."""
        if self.open is None:
            self.open = connected(self.port)
            self.streams = await self.open.__aenter__()
        status, text, took, closed = await exchange(self.streams, body)
        if closed:
            await self.open.__aexit__(None, None, None)
            self.open = None
        return status, text, took


async def exchange(connection, body):
    """Send a body over an open connection.

    Return the status, the text of the answer, the seconds in between, and whether the server closes the connection.
    """
    reader, writer = connection
    began = time.monotonic()
    writer.write(HEAD.format(len(body)).encode() + body)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
    text = await reader.readexactly(length)
    return int(head[9:12]), text, time.monotonic() - began, b"connection: close" in head.lower()


@dataclass
class Noted:
    """What many clients have seen."""

    statuses: Counter = field(default_factory=Counter)
    answers: int = 0
    wrong: list = field(default_factory=list)
    """Answers to something else than what was asked."""
    refused_s: list = field(default_factory=list)
    """Seconds from sending a request to having its refusal with 429."""
    ready_s: float = 0.0
    """Seconds after the last client until a new one has its answer."""

    def refused_ms(self, share):
        """Return the milliseconds within which this share of the refusals came."""
        return 1000 * sorted(self.refused_s)[int(share * (len(self.refused_s) - 1))]

    def __str__(self):
        late = f"refused within {self.refused_ms(0.5):.1f} ms (half), {self.refused_ms(0.99):.1f} ms (99 %)"
        return (
            f"{dict(sorted(self.statuses.items()))}; {self.answers} answers, {len(self.wrong)} wrong; {late}; "
            f"an answer {self.ready_s:.2f} s after"
        )


def questions(puzzles, count, slow, seed):
    """Return requests, each for one to three puzzles in one of many ways, with the right answers.

    Args:
        slow: a 9×9 Sudoku for a few requests that are given up; their answers are None.
    """
    rng, found = random.Random(seed), []
    for _ in range(count):
        asked = [rng.choice(puzzles) for _ in range(rng.randint(1, 3))]
        request = {"puzzles": [puzzle for puzzle, _ in asked], "max_segments": rng.choice([8, 16])}
        if rng.random() < 0.05:
            request["trace"] = True
        if slow and rng.random() < 0.005:
            request, asked = {"model": "sudoku-9x9", "puzzle": slow, "max_segments": 64, "deadline": 0.5}, None
        found.append((json.dumps(request).encode(), asked))
    return found


async def storm(port, clients, seconds, puzzles, slow=None, seed=0):
    """Let many clients ask, each over and over; one that is refused comes back after the seconds that it was told.

    The clients begin within a second of one another, and what they were told (Retry-After: 1) varies by half, as
    that of clients does which do not know one another. Questions are written before and answers read after, so that
    the seconds are the server's.

    Args:
        puzzles: (puzzle, its only answer) in text; every answer is compared with the one to its own question.
        slow: a 9×9 Sudoku for requests that are given up.
    """
    noted, texts, prepared = Noted(), [], questions(puzzles, 5000, slow, seed)
    end = time.monotonic() + seconds

    async def client(number):
        rng = random.Random(number)
        await asyncio.sleep(rng.random())
        async with Client(port) as server:
            while time.monotonic() < end:
                body, asked = rng.choice(prepared)
                status, text, took = await server.ask(body)
                noted.statuses[status] += 1
                if status == 200 and asked is not None:
                    texts.append((asked, text))
                elif status == 429:
                    noted.refused_s.append(took)
                    await asyncio.sleep(rng.uniform(0.5, 1.5))

    await asyncio.gather(*map(client, range(clients)))
    # is it ready again?
    began, status = time.monotonic(), 0
    async with Client(port) as server:
        while status != 200:
            status, *_ = await server.ask(json.dumps({"puzzle": puzzles[0][0]}).encode())
    noted.ready_s = time.monotonic() - began
    # did everybody get the answers to their own questions?
    for asked, text in texts:
        found = [(each["puzzle"], each["answer"]) for each in json.loads(text)["answers"]]
        noted.answers += len(found)
        noted.wrong += [] if found == asked else [(asked, found)]
    return noted


async def half_sent(port, count):
    """Open connections that send half a body, and wait until the server has closed all; return the seconds of each."""

    async def one():
        async with connected(port) as (reader, writer):
            began = time.monotonic()
            writer.write(HEAD.format(50).encode() + b'{"puzzle": ')
            said = await reader.read()
            return time.monotonic() - began, int(said[9:12])

    return await asyncio.gather(*(one() for _ in range(count)))


# --- bodies of nonsense

SEEDS = [
    {"puzzle": "..1.4.....2.3..."},
    {"puzzles": ["..1.4.....2.3...", "3.4......3..1..4"], "attempts": 2, "trace": True},
    {"model": "sudoku-4x4", "puzzle": [[0, 0, 1, 0], [4, 0, 0, 0], [0, 0, 2, 0], [3, 0, 0, 0]], "max_segments": 3},
    {"puzzle": [0, 0, 1, 0, 4, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0], "deadline": 5.0},
    {"puzzle": ". . | 1 .\n4 . | . .\n----+----\n. . | 2 .\n3 . | . ."},
]
VALUES = [
    None, True, False, 0, -1, 1, 2**63, 10**400, 0.5, -0.0, 1e308, "", "\0", "\ud800", "1" * 16, "." * 16, "x" * 5000,
    "..1.4.....2.3...\n" * 20, "../../etc/passwd", "sudoku-4x4", "ⅣⅠⅡⅢ" * 4, "٠١٢٣" * 4, "é" * 16, [], {}, [[]],
    [None] * 16, [[1, 2], [3]], [[[1]]], ["1"] * 16, [[0] * 4] * 4, [[0] * 64] * 64, [5] * 16, [-1] * 16,
    ["", "_", "?", "x"] * 4, {"puzzle": "1"}, [{"puzzle": "1"}], "[[0,0,1,0],[4,0,0,0],[0,0,2,0],[3,0,0,0]]",
    "[" * 3000, "{}", "null", "NaN",
]  # fmt: skip
PIECES = [
    b"NaN", b"Infinity", b"-", b"1e999", b"[" * 2000, b"{" * 2000, b'"', b"\\u0000", b"\\ud800", b"\xff",
    b"\xef\xbb\xbf", b"\xf0\x9f\x92\xa9", b"null", b",", b"}", b"]", b"0" * 500, b"\x00", b'"puzzle":', b"/*",
    b"\r\n\r\n", b"e", b".", b"_",
]  # fmt: skip


def nonsense(rng):
    """Return a body: a request with values exchanged, then perhaps bytes as well."""
    request = dict(rng.choice(SEEDS))
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        key = rng.choice([*request, "model", "puzzle", "puzzles", "trace", "max_segments", "attempts", "deadline", "x"])
        match rng.randrange(4):
            case 0:
                request.pop(key, None)
            case 1 if isinstance(request.get(key), str) and request[key]:
                letters = list(request[key])
                letters[rng.randrange(len(letters))] = rng.choice("0123456789._-*?xGg \n\t,;|+[]\0é٣")
                request[key] = "".join(letters)
            case 2 if isinstance(request.get(key), list) and request[key]:
                request[key] = [*request[key]]
                request[key][rng.randrange(len(request[key]))] = rng.choice(VALUES)
            case _:
                request[key] = rng.choice(VALUES)
    body = json.dumps(request, ensure_ascii=rng.random() < 0.8).encode("utf-8", "surrogatepass")
    for _ in range(rng.choice([0, 0, 0, 0, 1, 3])):
        at = rng.randrange(len(body) + 1)
        match rng.randrange(4):
            case 0:
                body = body[:at]
            case 1:
                body = body[:at] + rng.choice(PIECES) + body[at:]
            case 2:
                body = body[:at] + bytes([rng.randrange(256)]) + body[at + 1 :]
            case _:
                body = body[:at] + body[at + rng.randint(1, 8) :]
    return body if rng.random() < 0.98 else rng.randbytes(rng.randrange(70_000))


async def fuzz(port, count, clients=8, seed=0):
    """Send bodies of nonsense; return how often each status came, and those that should not come."""
    statuses, strange = Counter(), []

    async def client(number):
        async with Client(port) as server:
            for index in range(number, count, clients):
                body = nonsense(random.Random(f"{seed} {index}"))
                status, text, _ = await server.ask(body)
                statuses[status] += 1
                good = status in (200, 400, 413, 422, 429, 503, 504)
                if not good or "Traceback" in (said := text.decode()) or (status != 200 and "reason" not in said):
                    strange.append((status, body, text))

    await asyncio.gather(*map(client, range(clients)))
    return statuses, strange
