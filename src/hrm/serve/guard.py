"""What a request must pass before anything reads it: the host that it names, the size of its body, and its patience."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hrm.errors import HrmError
from hrm.serve.api import KindError, refusal

MOST_BYTES = 64 * 1024
"""Of a body."""
BODY_SECONDS = 8.0
"""In which a body must have arrived."""
_DISCARDED = 1024 * 1024
"""Bytes of a refused body that are read and dropped, so that its sender gets to the answer."""


class _GoneError(Exception):
    """The client has left in the middle of its request."""


class _TooLargeError(Exception):
    """The body is longer than allowed."""


_PASSED: Message = {"type": "passed"}


async def _passed(scope: Scope, receive: Receive, send: Send) -> None:
    await send(_PASSED)


class Hosts:
    """Refuses a request whose Host header names another machine, as a web page with a false name would send it.

    The check is Starlette's; the answer is JSON like all others.
    """

    def __init__(self, app: ASGIApp, allowed: Sequence[str]):
        self._app = app
        self._check = TrustedHostMiddleware(_passed, allowed, www_redirect=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        said: list[Message] = []

        async def note(message: Message) -> None:
            said.append(message)

        await self._check(scope, receive, note)
        if said == [_PASSED]:
            await self._app(scope, receive, send)
        else:
            await answer(400, "this Host is not served here: start the server with --allow-host")(scope, receive, send)


class BodyLimit:
    """Reads the body within bounds of size and time, before the application sees the request."""

    def __init__(self, app: ASGIApp, most_bytes: int = MOST_BYTES, seconds: float = BODY_SECONDS):
        self._app, self._most, self._seconds = app, most_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._seconds):
                body = await self._read(Headers(scope=scope), receive)
        except TimeoutError:
            await answer(408, f"the body did not arrive within {self._seconds:g} s", close=True)(scope, receive, send)
        except _TooLargeError:
            await answer(413, f"a body may have {self._most} bytes", close=True)(scope, receive, send)
        except _GoneError:
            return
        else:
            read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

            async def replay() -> Message:
                return read.pop() if read else await receive()

            await self._app(scope, replay, send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        """Return the body, of which never more than the limit is kept."""
        declared = headers.get("content-length", "0")
        length = int(declared) if declared.isdecimal() and len(declared) < 16 else None  # None: beyond all bounds
        if length is None or length > self._most:
            if "expect" not in headers and length is not None and length <= _DISCARDED:
                await _discard(receive, length)
            raise _TooLargeError
        body = bytearray()
        while True:
            chunk, more = await _chunk(receive)
            if len(body) + len(chunk) > self._most:
                await _discard(receive, _DISCARDED if more else 0)
                raise _TooLargeError
            body += chunk
            if not more:
                return bytes(body)


class Room:
    """Refuses a request for answers while there is no room for it, before anything is spent on reading it.

    Args:
        path: where answers are asked for, by POST.
        require_room: raises the reason where there is no room.
        status: the status code of each reason.
    """

    def __init__(self, app: ASGIApp, path: str, require_room: Callable[[], None], status: Mapping[type[HrmError], int]):
        self._app, self._path, self._require_room, self._status = app, path, require_room, status

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and scope["path"] == self._path and scope["method"] == "POST":
            try:
                self._require_room()
            except HrmError as error:
                await answer(self._status[type(error)], error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def require_json(request: Request) -> None:
    """Refuse a body that is not declared as JSON, as the form of a foreign web page would send it.

    Raises:
        KindError: it is not.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise KindError("send JSON, with the header Content-Type: application/json")


def answer(status: int, reason: object, close: bool = False) -> JSONResponse:
    """Return a refusal as JSON, with what tells a client when to come back."""
    headers = {"Connection": "close"} if close else {}
    if status in (429, 503):
        headers["Retry-After"] = "1"
    return JSONResponse(refusal(status, reason), status, headers)


async def _chunk(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _GoneError
    return message.get("body", b""), message.get("more_body", False)


async def _discard(receive: Receive, most: int) -> None:
    more = most > 0
    while more and most > 0:
        chunk, more = await _chunk(receive)
        most -= len(chunk)
