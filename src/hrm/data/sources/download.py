"""One file over HTTP: bounded, gone on with where it broke off, and honest about what went wrong."""

import http.client
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from hrm.errors import DataError, HrmError

BLOCK_BYTES = 1 << 16
TRIES = 5
"""So often a file is asked for before the last trouble is reported."""
TIMEOUT_S = 30.0
"""A server that is silent for so long has gone."""
_PASSING = {408, 425, 429, 500, 502, 503, 504}
"""Answers that may be another one a second later."""

OpenUrl = Callable[[Request, float], Any]
"""Takes a request and a time-out in seconds; returns what ``urllib.request.urlopen`` returns."""


class _Broken(Exception):
    """This try failed; the next one may not."""


def _open(request: Request, timeout: float) -> Any:
    return urlopen(request, timeout=timeout)


def download(
    url: str,
    part: Path,
    limit_bytes: int,
    progress: Callable[[int, int], None] | None = None,
    open_url: OpenUrl = _open,
    wait: Callable[[float], object] = time.sleep,
) -> None:
    """Bring a file to ``part``, after the bytes that an earlier call left there.

    Nothing shows that those bytes are of the same file: the caller compares the sha256 of the whole. A server
    that ignores ranges sends everything, which then replaces them.

    Args:
        limit_bytes: refuse a longer file.
        progress: called with (bytes here, bytes in all, or the limit where the server does not say).
        wait: called with the seconds between two tries.

    Raises:
        HrmError: what the last try failed of, or that the disk is full.
        DataError: the file is longer than the limit.
    """
    trouble = ""
    for attempt in range(TRIES):
        if attempt:
            wait(2.0 ** (attempt - 1))
        try:
            return _attempt(url, part, limit_bytes, progress, open_url)
        except _Broken as error:
            trouble = str(error)
    raise HrmError(f"{url} could not be fetched in {TRIES} tries: {trouble}")


def _attempt(
    url: str, part: Path, limit_bytes: int, progress: Callable[[int, int], None] | None, open_url: OpenUrl
) -> None:
    # Ask for what is still missing.
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": "hrm", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    try:
        response = open_url(Request(url, headers=headers), TIMEOUT_S)
    except HTTPError as error:
        with error:
            if error.code == 416:  # the part is as long as the file, or longer
                if error.headers.get("Content-Range") == f"bytes */{have}":
                    return
                part.unlink()
                raise _Broken("what was here was longer than the file") from None
            if error.code in _PASSING:
                raise _Broken(f"the server answers {error.code} {error.reason}") from None
            raise HrmError(f"{url} could not be fetched: the server answers {error.code} {error.reason}") from None
    except (TimeoutError, ConnectionResetError, http.client.HTTPException) as error:
        raise _Broken(_words(error)) from None
    except OSError as error:
        cause = error.reason if isinstance(error, URLError) else error
        if isinstance(cause, TimeoutError | ConnectionResetError):
            raise _Broken(_words(cause)) from None
        raise HrmError(f"{url} could not be fetched: {_words(cause)}") from None  # no network, no such host …
    # See how long it will be, and whether there is room.
    with response:
        if response.status != 206 or not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
            have = 0
        length = response.headers.get("Content-Length") or ""
        total = have + int(length) if length.isdecimal() and len(length) < 19 else None
        if (total or 0) > limit_bytes:
            raise _too_long(url, limit_bytes)
        free = shutil.disk_usage(part.parent).free
        if (total or limit_bytes) - have > free:
            raise HrmError(
                f"{url} needs {(total or limit_bytes) - have} bytes on the disk of {part.parent} and {free} are free; "
                "make room or choose another folder"
            )
        # Write block by block.
        with open(part, "ab" if have else "wb") as file:
            while block := _read(response):
                have += len(block)
                if have > limit_bytes:
                    raise _too_long(url, limit_bytes)
                file.write(block)
                if progress:
                    progress(have, total or limit_bytes)
    if total is not None and have != total:
        raise _Broken(f"the connection ended after {have} of {total} bytes")


def _read(response: Any) -> bytes:
    try:
        return response.read(BLOCK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _Broken(f"the connection broke: {_words(error)}") from None


def _too_long(url: str, limit_bytes: int) -> DataError:
    return DataError(f"{url} is longer than {limit_bytes} bytes: this is not the published file, and it was not kept")


def _words(error: object) -> str:
    strerror = error.strerror if isinstance(error, OSError) else None
    return strerror or str(error) or type(error).__name__
