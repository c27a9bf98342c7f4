"""Text from files that nobody vouches for, read block by block: UTF-8 or UTF-16, packed by gzip or not."""

import codecs
import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from hrm.errors import DataError
from hrm.files import open_file

T = TypeVar("T")

LINE_BYTES = 1 << 20
"""A longer line is no puzzle."""
BLOCK_BYTES = 1 << 22
MOST_UNPACKED = 1 << 32
"""A gzip file that becomes larger is refused."""
MOST_RATIO, FREE_BYTES = 200, 1 << 24
"""How many times larger than its packed bytes a gzip file may become, once it is larger than the second number."""


@runtime_checkable
class ByteSource(Protocol):
    """Where the bytes of a text come from."""

    def read1(self, size: int, /) -> bytes:
        """Return the next bytes, at most this many; none at the end."""
        ...


def file_lines(path: Path, note: Callable[[bytes], object] = len) -> Iterator[str]:
    """Yield the lines of a text file, each with its line end; it may be packed by gzip.

    Args:
        note: called with the bytes of the file as they are read, packed if it is packed.

    Raises:
        DataError: it cannot be read, or is no text.
    """
    try:
        with open_file(path) as file:
            yield from text_lines(file, path.name, note)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; check the path") from None


def note_file(path: Path, note: Callable[[bytes], object]) -> None:
    """Call somebody with the bytes of a file, a block at a time.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with open_file(path) as file:
            while block := file.read(BLOCK_BYTES):
                note(block)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; check the path") from None


def whole_text(path: Path, most: int) -> str:
    """Return the text of a file that may be packed by gzip.

    Args:
        most: a text of more bytes is refused.

    Raises:
        DataError: it cannot be read, is no text, or is too long.
    """
    try:
        with open_file(path) as file:
            source = plain_source(file, path.name)
            blocks, size, block = [], os.fstat(file.fileno()).st_size, b" "
            while block and size <= most:
                block = source.read1(BLOCK_BYTES)
                blocks.append(block)
                size = sum(map(len, blocks))
            if size > most:
                raise DataError(f"{path.name} is longer than {most} bytes; split it into smaller files")
        return b"".join(blocks).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path.name} is not UTF-8: line {line}; save the file as UTF-8 text") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}; check the path") from None


def text_lines(file: BufferedReader, name: str, note: Callable[[bytes], object] = len) -> Iterator[str]:
    """Yield the lines of a file or stream as they come in, and never hold more than a block and a line of it.

    Each line but the last has its line end.

    Raises:
        DataError: a line that is too long or no text, by its number.
    """
    source = plain_source(file, name, note)
    rest, done = b"", 0
    while True:
        block = source.read1(BLOCK_BYTES)
        whole = rest + block
        cut = whole.rfind(b"\n") + 1 if block else len(whole)
        piece, rest = whole[:cut], whole[cut:]
        lines = piece.split(b"\n")
        if not lines[-1]:
            lines.pop()
        if max(map(len, lines), default=0) > LINE_BYTES or len(rest) > LINE_BYTES:
            line = done + 1 + next((i for i, each in enumerate(lines) if len(each) > LINE_BYTES), len(lines))
            raise DataError(f"{name}: line {line} is longer than {LINE_BYTES} bytes; is it text?")
        if b"\0" in piece:
            line = done + piece[: piece.index(b"\0")].count(b"\n") + 1
            raise DataError(f"{name}: line {line} holds a NUL byte; the file must be plain UTF-8 text")
        try:
            text = piece.decode("utf-8-sig" if not done else "utf-8")
        except UnicodeDecodeError as error:
            line = done + piece[: error.start].count(b"\n") + 1
            raise DataError(f"{name}: line {line} is not UTF-8; save the file as UTF-8 text") from None
        yield from (line + "\n" for line in text.split("\n")[:-1])
        if not block:
            if not text.endswith("\n") and text:
                yield text.rpartition("\n")[2]
            return
        done += len(lines)


def require_some(items: Iterator[T], lack: str) -> Iterator[T]:
    """Yield what comes, and refuse nothing at all.

    Raises:
        DataError: with the message ``lack``, where nothing came.
    """
    empty = True
    for item in items:
        empty = False
        yield item
    if empty:
        raise DataError(lack)


def plain_source(file: BufferedReader, name: str, note: Callable[[bytes], object] = len) -> ByteSource:
    """Return the bytes of a file or stream as UTF-8, unpacked where it is packed by gzip.

    Raises:
        DataError: text in UTF-32; and, while it is read, packed bytes that are damaged or become too many.
    """
    source = _Noted(file, note)
    head = file.peek(4)[:4]
    if head.startswith(b"\x1f\x8b"):
        source = _Unpacked(source, name)
        head = source.peek()
    if head in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        raise DataError(f"{name} is UTF-32 text, by its byte order mark; save the file as UTF-8 text")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _FromUtf16(source, name)
    return source


class _Noted:
    """A file that tells somebody what is read of it."""

    def __init__(self, file: BufferedReader, note: Callable[[bytes], object]):
        self._file, self._note = file, note
        self.count = 0

    def read1(self, size: int, /) -> bytes:
        return self._seen(self._file.read1(size))

    def read(self, size: int = -1, /) -> bytes:
        return self._seen(self._file.read(size))

    def _seen(self, block: bytes) -> bytes:
        self._note(block)
        self.count += len(block)
        return block


class _Unpacked:
    """What a gzip file holds, as long as it stays within bounds."""

    def __init__(self, packed: _Noted, name: str):
        self._packed, self._name = packed, name
        readable: Any = packed  # it has the one method that is needed
        self._file = gzip.GzipFile(fileobj=readable, mode="rb")
        self._count = 0

    def peek(self) -> bytes:
        """Return the first four bytes, and leave them to be read."""
        return self._tried(lambda: self._file.peek(4)[:4])

    def read1(self, size: int, /) -> bytes:
        block = self._tried(lambda: self._file.read1(size))
        self._count += len(block)
        if self._count > max(FREE_BYTES, min(MOST_UNPACKED, MOST_RATIO * self._packed.count)):
            raise DataError(
                f"{self._name}: {self._packed.count} packed bytes become more than {self._count}; at most "
                f"{MOST_RATIO} to one, and {MOST_UNPACKED} in all, are read. Unpack it yourself if you trust it"
            )
        return block

    def _tried(self, read: Callable[[], bytes]) -> bytes:
        try:
            return read()
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"{self._name} is not a whole gzip file: {error}") from None


class _FromUtf16:
    """UTF-16 text with a byte order mark, as UTF-8."""

    def __init__(self, source: ByteSource, name: str):
        self._source, self._name = source, name
        self._decoder = codecs.getincrementaldecoder("utf-16")()

    def read1(self, size: int, /) -> bytes:
        while True:
            block = self._source.read1(size)
            try:
                text = self._decoder.decode(block, final=not block)
            except UnicodeDecodeError:
                raise DataError(
                    f"{self._name} begins with the mark of UTF-16 and is none; save the file as UTF-8 text"
                ) from None
            if text or not block:
                return text.encode()
