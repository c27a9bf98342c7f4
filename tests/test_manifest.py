"""The manifest of every kind of folder is read by one reader, which says what is wrong and what to do."""

import json
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict

from hrm.errors import DataError
from hrm.manifest import (
    FileRecord,
    Form,
    check_content,
    check_size,
    read_listed,
    read_manifest,
    record,
    record_of,
    seal,
)


class Box(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["hrm-box"] = "hrm-box"
    format: int = 2
    lid: bool
    sha256: str = ""


PLAIN = Form("hrm-box", Box, "make one", "make it again", formats=(1, 2))
SEALED = Form("hrm-box", Box, "make one", "make it again", formats=(1, 2), sealed=True)
FIELDS = {"kind": "hrm-box", "format": 2, "lid": True}


def put(folder, content):
    (folder / "manifest.json").write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder


def test_every_format_that_the_form_names_is_read(tmp_path):
    for number in (1, 2):
        assert read_manifest(put(tmp_path, FIELDS | {"format": number}), PLAIN).format == number
        assert read_manifest(put(tmp_path, seal(FIELDS | {"format": number})), SEALED).lid
    with pytest.raises(DataError, match="has box format 3; .* reads format 1 or 2: install .*, or make it again"):
        read_manifest(put(tmp_path, FIELDS | {"format": 3}), PLAIN)


@pytest.mark.parametrize("form", [PLAIN, SEALED])
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (FIELDS | {"kind": "hrm-store"}, "is not a box: manifest.json has kind 'hrm-store', not 'hrm-box'"),
        (b"{", "manifest.json is damaged: not a manifest: .*; make it again"),
        (b"[]", "not an object"),
        (b" " * ((1 << 20) + 1), "longer than 1048576 bytes"),
        (b"[" * 100_000, "not a manifest"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path, form, content, fault):
    with pytest.raises(DataError, match=fault):
        read_manifest(put(tmp_path, content), form)


def test_a_missing_manifest_says_where_to_get_one(tmp_path):
    with pytest.raises(DataError, match="is not a box: it has no manifest.json; make one"):
        read_manifest(tmp_path, PLAIN)
    with pytest.raises(DataError, match="is not a box: there is no such folder; make one"):
        read_manifest(tmp_path / "none", PLAIN)


def test_a_field_that_is_wrong_is_named(tmp_path):
    with pytest.raises(DataError, match="damaged: lid: .*valid boolean; make it again"):
        read_manifest(put(tmp_path, FIELDS | {"lid": []}), PLAIN)


def test_a_seal_holds_every_byte(tmp_path):
    whole = seal(FIELDS)
    assert seal(json.loads(whole)) == whole and read_manifest(put(tmp_path, whole), SEALED).lid
    for other in (whole.replace(b"true", b"false"), whole + b"\n", json.dumps(json.loads(whole)).encode()):
        with pytest.raises(DataError, match="damaged: its content is not what was saved; make it again"):
            read_manifest(put(tmp_path, other), SEALED)


def test_a_listed_file_is_what_its_record_says(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"abc")
    promised = record(b"abc")
    assert promised == record_of(file) == FileRecord(bytes=3, sha256=promised.sha256)
    assert read_listed(file, promised, "again") == b"abc"
    with pytest.raises(DataError, match="x has 3 bytes; at most 2 are read"):
        check_size(file, promised, "again", most=2)
    file.write_bytes(b"abd")
    check_size(file, promised, "again")
    for check in (check_content, read_listed):
        with pytest.raises(DataError, match="x is damaged: its content is not what was saved.*; again"):
            check(file, promised, "again")
    file.write_bytes(b"ab")
    with pytest.raises(DataError, match="x is damaged: it has 2 bytes of 3; again"):
        read_listed(file, promised, "again")
    file.unlink()
    for check in (check_size, check_content, read_listed):
        with pytest.raises(DataError, match="x is damaged: the file is missing; again"):
            check(file, promised, "again")
    file.mkdir()
    with pytest.raises(DataError, match="x is damaged: .*not a file; again"):
        check_size(file, promised, "again")
