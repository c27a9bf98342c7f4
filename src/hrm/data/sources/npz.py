"""Arrays in files that nobody vouches for: an npy header is read as data, and believed where the file bears it out."""

import math
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from hrm.data.sources.records import Record
from hrm.errors import DataError
from hrm.files import open_file

HEADER_BYTES = 1024
"""A longer npy header is refused unread."""
_READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
MOST_BYTES = 1 << 31
"""A member of an archive that has more bytes unpacked is refused unread."""
MOST_RATIO, FREE_BYTES = 200, 1 << 24
"""So many to one may a member be packed that has more bytes than this; zeros can be packed a thousand to one."""
_NAMES = {"inputs": ("inputs", "questions", "x"), "answers": ("labels", "answers", "outputs", "y")}


def read_header(beginning: bytes, name: str) -> tuple[tuple[int, ...], np.dtype[Any], int, bool]:
    """Read the header of an npy array of whole numbers.

    Args:
        beginning: the first ``HEADER_BYTES`` of the file; numpy would read as many as the header claims to have.

    Returns:
        Its shape, its type, the number of bytes before its data, and whether it is in Fortran order.

    Raises:
        DataError: it is no such array, or its header is none.
    """
    head = BytesIO(beginning)
    try:
        read = _READERS[npy.read_magic(head)]
    except (ValueError, KeyError):
        raise DataError(f"{name} is not an npy file of version 1 or 2") from None
    try:
        with warnings.catch_warnings():  # of a hostile header's spelling
            warnings.simplefilter("ignore")
            shape, fortran, dtype = read(head, max_header_size=HEADER_BYTES)
    except Exception as error:  # what a hostile header can provoke has no base class but this
        raise DataError(f"{name} has a damaged npy header: {ascii(str(error))[1:80]}") from None
    if dtype.kind not in "iu" or not all(type(side) is int and 0 <= side < 1 << 48 for side in shape):
        raise DataError(f"{name} is an array of {dtype.str[:40]!r} and shape {str(shape)[:40]}; integers are needed")
    return shape, dtype, head.tell(), fortran


def npz_records(path: Path) -> Iterator[Record]:
    """Return the rows of two arrays of whole numbers, ``inputs`` and ``labels``, of n rows each, as arrays.

    Raises:
        DataError: it is no such archive; nothing is unpacked before its headers have said so.
    """
    try:
        with open_file(path) as file, zipfile.ZipFile(file) as archive:
            names = {name.removesuffix(".npy"): name for name in archive.namelist()}
            members = [next((names[each] for each in known if each in names), None) for known in _NAMES.values()]
            if members[0] is None:
                held = ", ".join(ascii(each)[1:-1] for each in sorted(names))[:80]
                raise DataError(f"{path.name} holds {held or 'nothing'}; it must hold 'inputs' (n, rows, columns)")
            inputs, answers = (None if member is None else _array(path, archive, member) for member in members)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, OverflowError) as error:
        raise DataError(f"{path.name} is not a readable .npz archive: {ascii(str(error))[1:80]}") from None
    assert inputs is not None
    if answers is not None and len(inputs) != len(answers):
        raise DataError(f"{path.name} has {len(inputs)} inputs and {len(answers)} answers; give as many of each")
    return (
        Record(row + 1, row + 1, inputs[row], None if answers is None else answers[row], None, None)
        for row in range(len(inputs))
    )


def _array(path: Path, archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Return an array after its header has said that it is as large as its file."""
    member, where = archive.getinfo(name), f"{path.name}: {name}"
    size, packed = member.file_size, min(member.compress_size, path.stat().st_size)
    if size > MOST_BYTES:
        raise DataError(f"{where} has {size} bytes unpacked; at most {MOST_BYTES} are read")
    if size > max(FREE_BYTES, MOST_RATIO * packed):
        raise DataError(
            f"{where} has {packed} bytes that become {size}, more than {MOST_RATIO} to one; if these are puzzles, save "
            "them by np.savez, which packs nothing"
        )
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(f"{where} is compressed in a way that numpy never uses; save it with np.savez")
    with archive.open(member) as file:
        shape, dtype, offset, fortran = read_header(file.read(HEADER_BYTES), where)
        needed = math.prod(shape) * dtype.itemsize
        if needed != size - offset:
            raise DataError(
                f"{where} is {dtype} of {shape}, {needed} bytes, but holds {size - offset}; write the file again"
            )
        file.seek(offset)
        content = file.read(needed)
    if len(content) != needed:
        raise DataError(f"{where} ends early; write the file again")
    axes = _axes(shape)
    if len(axes) not in (2, 3):
        raise DataError(
            f"{where} has the shape {shape}, {len(shape)} axes; (n, cells) or (n, rows, columns) is needed, beside "
            "which axes of length 1 are dropped"
        )
    return np.frombuffer(content, dtype).reshape(shape, order="F" if fortran else "C").reshape(axes)


def _axes(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return a shape without the axes of length 1 that are too many; the first axis counts the rows."""
    axes = list(shape)
    while len(axes) > 3 and 1 in axes[1:]:
        last = max(place for place, side in enumerate(axes) if side == 1)
        del axes[last]
    return tuple(axes)
