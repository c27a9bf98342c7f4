"""Rows of a NumPy archive: a user's .npz file, untrusted until its headers say what it is."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hrm.errors import DataError

MOST_BYTES = 1 << 31
"""An array of more bytes is refused unread."""
_NAMES = {"inputs": ("inputs", "questions", "x"), "answers": ("labels", "answers", "outputs", "y")}


class Record(NamedTuple):
    """One row as its file spells it."""

    row: int
    """Counted from 1, without the header and empty lines."""
    line: int
    question: object
    answer: object
    rating: object
    source: object

    @property
    def where(self) -> str:
        """Return its place in words."""
        return f"row {self.row} (line {self.line})"


def npz_records(path: Path) -> Iterator[Record]:
    """Yield the rows of two arrays of whole numbers, ``inputs`` and ``labels``, of n rows each, as arrays.

    Raises:
        DataError: it is no such archive; nothing is unpacked before its headers have said so.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = {Path(name).stem: name for name in archive.namelist()}
            found = []
            for what, known in _NAMES.items():
                name = next((names[each] for each in known if each in names), None)
                if name is None and what == "answers":
                    found.append(None)
                    continue
                if name is None:
                    held = ", ".join(sorted(names))[:80]
                    raise DataError(f"{path.name} holds {held or 'nothing'}; it must hold {what!r} (n, rows, columns)")
                found.append(_array(path, archive, name))
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path.name} is not a readable .npz archive: {str(error)[:80]}") from None
    inputs, answers = found
    assert inputs is not None
    if answers is not None and len(inputs) != len(answers):
        raise DataError(f"{path.name} has {len(inputs)} inputs and {len(answers)} answers; give as many of each")
    for row in range(len(inputs)):
        yield Record(row + 1, row + 1, inputs[row], None if answers is None else answers[row], None, None)


def _array(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return an array after its header has said that it is as large as its file."""
    size = archive.getinfo(name).file_size
    if size > MOST_BYTES:
        raise DataError(f"{path.name}: {name} has {size} bytes unpacked; at most {MOST_BYTES} are read")
    with archive.open(name) as file:
        try:
            version = np.lib.format.read_magic(file)
            read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
            shape, fortran, dtype = read(file)
        except (ValueError, KeyError) as error:
            raise DataError(f"{path.name}: {name} is not an npy array: {str(error)[:80]}") from None
        count = int(np.prod([int(side) for side in shape], dtype=object))
        if dtype.kind not in "iu" or len(shape) not in (2, 3) or fortran or count * dtype.itemsize > size:
            raise DataError(
                f"{path.name}: {name} is {dtype} of {shape}; it must hold whole numbers, (n, cells) or "
                "(n, rows, columns)"
            )
        content = file.read(count * dtype.itemsize)
    if len(content) != count * dtype.itemsize:
        raise DataError(f"{path.name}: {name} ends early; write the file again")
    return np.frombuffer(content, dtype).reshape(shape)
