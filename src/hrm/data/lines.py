"""Lines of text from files that nobody vouches for, read block by block."""

from collections.abc import Callable, Iterator
from io import BufferedReader

from hrm.errors import DataError

LINE_BYTES = 1 << 20
"""A longer line is no puzzle."""
BLOCK_BYTES = 1 << 22


def text_lines(file: BufferedReader, name: str, note: Callable[[bytes], object] = len) -> Iterator[str]:
    """Yield the lines of a file or stream as they come in, and never hold more than a block and a line of it."""
    rest, done = b"", 0
    while True:
        block = file.read1(BLOCK_BYTES)
        note(block)
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
        yield from text.split("\n")[: len(lines)]
        done += len(lines)
        if not block:
            return
