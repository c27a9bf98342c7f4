"""What a record says of the code that measured it."""

import json
import subprocess

import pytest

from hrm.evaluation import record
from hrm.evaluation.record import source_tree, write_record

SOURCE = {"version": "0.1.0", "commit": None, "changed": None}


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "src" / "hrm"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.setattr(record, "PACKAGE", folder)
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return folder


def git(folder, *arguments):
    settings = ("-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", folder, *settings, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_commit_of_a_checkout_and_whether_it_was_changed(package):
    git(package.parents[1], "init")
    assert source_tree()["commit"] is None  # another project's checkout, as far as this one can tell
    git(package, "add", ".")
    git(package, "commit", "-m", "x")
    clean = source_tree()
    assert clean["commit"] == git(package, "rev-parse", "HEAD") and clean["changed"] is False
    (package.parents[1] / "notes.txt").write_text("beside the package")
    assert source_tree()["changed"] is False
    (package / "new.py").write_text("")
    assert source_tree()["changed"] is True


def test_outside_a_checkout_there_is_the_version_alone(package):
    found = source_tree()
    assert found["commit"] is None and found["changed"] is None and found["version"]


def test_without_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert source_tree()["commit"] is None


def test_a_record_replaces_an_older_one_whole(package, tmp_path):
    file = tmp_path / "a.json"
    write_record(file, {"exact": 0.5}, SOURCE, "hrm eval x", 1.23456)
    write_record(file, {"exact": 0.75}, SOURCE, "hrm eval y", 2)
    assert json.loads(file.read_text()) == {
        "exact": 0.75,
        "command": "hrm eval y",
        "wall_s": 2,
        "source": SOURCE,
    }
    with pytest.raises(ValueError, match="JSON"):
        write_record(file, {"exact": float("nan")}, SOURCE, "hrm eval z", 3)
    assert json.loads(file.read_text())["exact"] == 0.75
