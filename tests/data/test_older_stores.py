"""Stores that older versions wrote still open, with the same digest, and are written again to the same bytes."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from hrm.data.store import open_store, write_store

STORES = Path(__file__).parents[1] / "fixtures" / "stores"
DIGESTS = {
    "first-sudoku-4x4": "b5c3bb0279b52ca69a5386cee6430daa0d2ec6ebcd3c8c9fc693cd492f832e00",
    "arc": "6cf6e1e9c879d55c81cd6cd132fb72975a90286beae983c8eb431c786d030efe",
    "colouring-8x3": "002c6688f1cff8f7d85ffab0401d2add6bbbb1b895c09f7e3d6aee263522ffe5",
    "killer-4x4": "6da1b1e8744151dfa698d9d6a2109ea416ddc4bfe5fd2a188c1c34df909847b2",
    "maze-10x10": "1d5d7c82b0232d05226082c7dbc2995204a31eb18e3eeebae8d50ff5ee823a84",
    "named": "3511bf2a40660f96160f82cb07ea531be3474d9f7b3840e7d6a34de55786fed2",
    "samurai-4x4": "78c428215d52aa29c99aaeaeed0cbbcad6e9266e8bb1f18c9aa04c9f2a712367",
    "sudoku-9x9": "ddb2b360de780f0de0f42a2680410b276a701913af3264012df1a1d5300d2f5a",
    "table": "a364d3adc9e3ca479c29f7efeb82a758cadd9e4266c5e441c3952a6cddf468d0",
}
"""Of each store, as the version that wrote it reported it. That of the first version has no tables and no names."""
WRITTEN_BY = "0.1.0"
ARC_NAMES = "93bb1ed2e0dcf21e2aa259af272b24cb71e029d0e05e20d656cb59cdd6426b0c"
"""SHA-256 of the names of all puzzle ids of the ARC store."""


def test_every_fixture_is_tested():
    assert {path.name for path in STORES.iterdir()} == set(DIGESTS)


@pytest.mark.parametrize("name", DIGESTS)
def test_an_older_store_opens_with_its_digest(name):
    store = open_store(STORES / name)
    assert store.digest == DIGESTS[name]
    assert store.manifest.provenance and store.manifest.created.startswith("2026-11-2")
    for split in store.splits.values():  # the family still reads these tokens as puzzles with right answers
        assert split.answered.any() and store.puzzle.verify(split.inputs, split.labels)[split.answered].all()


def test_tables_and_names_come_back():
    assert open_store(STORES / "named").names == ("<blank>", "easy")
    arc = open_store(STORES / "arc")
    assert arc.table is not None and arc.table.task_ids == ("0a1b2c3d", "4e5f6a7b")
    names = "\n".join(arc.table.names(arc.puzzle)).encode()
    assert len(arc.table) == arc.puzzle_rows == 19
    assert hashlib.sha256(names).hexdigest() == ARC_NAMES


@pytest.mark.parametrize("name", DIGESTS)
def test_written_again_it_has_the_same_bytes(name, tmp_path):
    old = open_store(STORES / name)
    write_store(
        tmp_path / "again", old.puzzle, old.splits, old.manifest.provenance, old.manifest.created, old.table, old.names
    )
    again = {file.relative_to(tmp_path / "again") for file in (tmp_path / "again").rglob("*") if file.is_file()}
    assert again == {file.relative_to(old.path) for file in old.path.rglob("*") if file.is_file()}
    for file in again - {Path("manifest.json")}:
        assert (tmp_path / "again" / file).read_bytes() == (old.path / file).read_bytes(), file
    was, now = ((path / "manifest.json").read_text("utf-8") for path in (old.path, tmp_path / "again"))
    now = now.replace(f'"hrm_version": "{version("hierarchical-reasoning")}"', f'"hrm_version": "{WRITTEN_BY}"')
    was = was.replace('"puzzle": "colouring-8x3"', '"puzzle": "coloring-8x3"')  # the family has a new spelling
    if name == "first-sudoku-4x4":  # whose manifest lacks two keys that are null where they do not apply
        assert {"variants": None, "names": None} | json.loads(was) == json.loads(now)
    else:
        assert was == now


def test_the_arrays_are_plain_npy():
    for file in STORES.rglob("*.npy"):
        assert len(np.load(file, allow_pickle=False)) > 0
