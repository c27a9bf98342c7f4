"""Archives of arrays are read by their headers, and refused by them."""

import io
import time
import zipfile

import numpy as np
import pytest

from hrm.data.config import DataConfig
from hrm.data.prepare import infer_table
from hrm.data.sources.files import pairs, read_rows
from hrm.data.sources.npz import npz_records
from hrm.errors import DataError
from hrm.puzzles import get
from hrm.puzzles.table import Declaration, Table

EIGHT_TERABYTES = b"\x93NUMPY\x01\x00\x76\x00" + (
    b"{'descr': '|u1', 'fortran_order': False, 'shape': (8000000000, 1000), }".ljust(117) + b"\n"
)


def archive(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            if isinstance(content, np.ndarray):
                buffer = io.BytesIO()
                np.save(buffer, content)
                content = buffer.getvalue()
            file.writestr(f"{name}.npy", content)
    return path


def test_rows_of_arrays(tmp_path):
    inputs = np.arange(12).reshape(3, 2, 2) % 5
    np.savez_compressed(tmp_path / "a.npz", inputs=inputs, labels=inputs[:, ::-1])
    rows = list(pairs(tmp_path / "a.npz"))
    assert len(rows) == 3 and np.array_equal(rows[1][1], inputs[1]) and rows[2][0] == "a.npz: row 3 (line 3)"
    assert infer_table(DataConfig(puzzle="table", path=str(tmp_path / "a.npz"))).symbols == ("0", "1", "2", "3", "4")
    table = Table(Declaration((2, 2), ("0", "1", "2", "3", "4")))
    found = read_rows(tmp_path / "a.npz", table)
    assert np.array_equal(found.inputs.reshape(3, 2, 2), inputs + 2)


def test_a_known_family_from_arrays(tmp_path):
    family = get("sudoku-4x4")
    puzzle, answer = family.generate(0, 0)
    np.savez(tmp_path / "s.npz", questions=puzzle[None] - 1, answers=answer[None] - 1)
    assert np.array_equal(read_rows(tmp_path / "s.npz", family).inputs[0], puzzle)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"inputs": EIGHT_TERABYTES, "labels": EIGHT_TERABYTES}, "inputs.npy is uint8 of .8000000000, 1000"),
        ({"inputs": np.zeros((2, 3)), "labels": np.zeros((2, 3))}, "an array of '<f8'"),
        ({"inputs": np.zeros((2, 3), int), "labels": np.zeros((1, 3), int)}, "2 inputs and 1 answers"),
        ({"other": np.zeros((2, 3), int)}, "it must hold 'inputs'"),
        ({"inputs": b"nothing"}, "inputs.npy is not an npy file"),
        ({"inputs": np.array([[{}]], object)}, "an array of '|O'"),
    ],
)
def test_hostile_archives_are_refused_at_once(tmp_path, members, said):
    began = time.process_time()
    with pytest.raises(DataError, match=said):
        list(npz_records(archive(tmp_path / "x.npz", **members)))
    assert time.process_time() - began < 2


def test_what_is_no_archive(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"PK nothing")
    with pytest.raises(DataError, match="not a readable .npz"):
        list(npz_records(tmp_path / "x.npz"))
