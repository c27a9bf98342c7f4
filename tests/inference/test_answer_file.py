"""A file of answers is continued where it stopped, and by the command that began it only."""

import csv
import errno
import json
import os
import signal

import pytest

from hrm.cli import main as command_line
from hrm.inference.answer import COLUMNS
from hrm.inference.answer_file import AnswerFile
from hrm.puzzles import get

FAMILY = get("sudoku-4x4")
PUZZLES = [FAMILY.text(FAMILY.generate(3, index)[0]) for index in range(40)]
PUZZLES[5] = "1" * 16  # contradicts itself
main = command_line.main


@pytest.fixture
def listed(tmp_path, monkeypatch):
    """Return a function that runs ``hrm solve`` on a list, with its answers in a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("\n".join(PUZZLES) + "\n")
    return lambda *more, source="list.txt", out="answers.csv": main(
        ["solve", "sudoku-4x4", source, "--out", out, "--device", "cpu", *more]
    )


@pytest.fixture
def whole(listed, tmp_path):
    """Return the file of a run that nothing stopped."""
    assert listed(out="whole.csv") == 4  # one puzzle cannot be read
    return (tmp_path / "whole.csv").read_bytes()


def after(rows, act, monkeypatch):
    """Do something once so many rows are written."""
    real = AnswerFile.add

    def add(self, row):
        real(self, row)
        if len(self.states) == rows:
            act(self)

    monkeypatch.setattr(AnswerFile, "add", add)


def test_the_file_holds_what_csv_prints(listed, whole, capsys):
    capsys.readouterr()
    main(["solve", "sudoku-4x4", "list.txt", "--csv", "--device", "cpu"])
    assert capsys.readouterr().out.encode() == whole
    numbers = [int(row["row"]) for row in csv.DictReader(whole.decode().splitlines())]
    assert numbers == [number for number in range(1, 41) if number != 6]


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_file_that_is_continued(sent, code, listed, whole, tmp_path, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        old = signal.signal(signal.SIGTERM, command_line._terminate)  # as the installed command does
        after(9, lambda file: signal.raise_signal(sent), patch)
        assert listed() == code
        signal.signal(signal.SIGTERM, old)
    assert "answers.csv holds 9 of 39 answers: run the same command again to go on" in capsys.readouterr().err
    held = (tmp_path / "answers.csv").read_bytes()
    assert whole.startswith(held) and held.count(b"\n") == 10
    assert listed("--json") == 4  # the puzzle that cannot be read is named again
    said = capsys.readouterr()
    assert json.loads(said.out) == {"file": "answers.csv", "rows": 39, "resumed": 9, "unsolved": 0, "unreadable": 1}
    assert "line 6" in said.err and (tmp_path / "answers.csv").read_bytes() == whole


@pytest.mark.parametrize("cut", [0, 10, 60, 200, 201, -1])
def test_wherever_a_file_was_cut_it_becomes_the_same(cut, listed, whole, tmp_path):
    (tmp_path / "answers.csv").write_bytes(whole[:cut])
    (tmp_path / "answers.csv.json").write_bytes((tmp_path / "whole.csv.json").read_bytes())
    assert listed() == 4 and (tmp_path / "answers.csv").read_bytes() == whole


def test_a_whole_file_says_the_same_again(listed, capsys):
    arguments = ("--segments", "1")
    assert listed(*arguments) == 4
    (
        there := os.path.join(
            "list.txt",
        )
    )
    lines = [line for line in PUZZLES if line != "1" * 16]
    with open(there, "w") as file:
        file.write("\n".join(lines) + "\n")
    codes = [listed(*arguments, out="other.csv") for _ in range(2)]
    err = capsys.readouterr().err.splitlines()
    assert codes == [5, 5] and err[-1].endswith("of 39 puzzles: not solved before")


DIFFERENT = {
    "other options": (("--effort", "quick"), None),
    "other puzzles": ((), lambda lines: lines[:-1]),
    "other order": ((), lambda lines: lines[::-1]),
    "another precision": (("--precision", "bf16"), None),
    "abstain": (("--abstain",), None),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_does_not_belong_to_the_file_is_refused(name, listed, whole, tmp_path, capsys):
    more, change = DIFFERENT[name]
    if change:
        (tmp_path / "list.txt").write_text("\n".join(change(PUZZLES)) + "\n")
    assert listed(*more, out="whole.csv") == 2
    says = capsys.readouterr().err.splitlines()[-1]
    assert "whole.csv holds answers" in says and "another --out" in says
    assert (tmp_path / "whole.csv").read_bytes() == whole


def test_a_file_of_the_user_is_left_alone(listed, whole, tmp_path, capsys):
    (tmp_path / "mine.csv").write_text("row,state\n")
    assert listed(out="mine.csv") == 2 and "mine.csv was not written by this command" in capsys.readouterr().err
    assert listed(out="list.txt") == 2  # the puzzles themselves
    (tmp_path / "new.csv.json").write_text("{}")
    assert listed(out="new.csv") == 2 and not (tmp_path / "new.csv").exists()
    assert (tmp_path / "mine.csv").read_text() == "row,state\n" and (tmp_path / "new.csv.json").read_text() == "{}"
    (tmp_path / "a folder").mkdir()
    os.mkfifo(tmp_path / "a pipe")
    assert listed(out="a folder") == 2 and listed(out="a pipe") == 1


@pytest.mark.parametrize("change", ["answer to another", "rows in another order", "a column less", "a row more"])
def test_an_edited_file_is_refused(change, listed, whole, tmp_path, capsys):
    lines = whole.decode().splitlines(keepends=True)
    if change == "answer to another":
        lines[3] = lines[3].replace(PUZZLES[2], PUZZLES[7])
    elif change == "rows in another order":
        lines[3], lines[4] = lines[4], lines[3]
    elif change == "a column less":
        lines = [line.rsplit(",", 1)[0] + "\n" for line in lines]
    else:
        lines.append(lines[-1])
    (tmp_path / "whole.csv").write_text("".join(lines))
    assert listed(out="whole.csv") == 2
    assert "nothing was changed" in capsys.readouterr().err and (tmp_path / "whole.csv").read_text() == "".join(lines)


def test_two_processes_do_not_write_one_file(listed, tmp_path, monkeypatch, capsys):
    codes = []
    with monkeypatch.context() as patch:
        after(3, lambda file: codes.append(listed()), patch)
        assert listed() == 4
    assert codes == [1] and "another process is writing answers.csv" in capsys.readouterr().err
    numbers = [line.split(",")[0] for line in (tmp_path / "answers.csv").read_text().splitlines()]
    assert len(numbers) == len(set(numbers)) == 40


def test_a_full_disk_loses_nothing(listed, whole, tmp_path, monkeypatch, capsys):
    def full(handle, data, write=os.write):
        if handle > 2 and os.fstat(handle).st_size > 500:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[: min(len(data), 30)])

    with monkeypatch.context() as patch:
        patch.setattr("os.write", full)
        assert listed() == 1
    said = capsys.readouterr().err.splitlines()
    assert "No space left" in said[-1] and "run the same command again" in said[-1]
    assert not (tmp_path / "answers.csv").read_bytes().endswith(b"\n")
    assert listed() == 4 and (tmp_path / "answers.csv").read_bytes() == whole


def test_stdin_is_written_once(listed, tmp_path, monkeypatch, capsys):
    for code in (0, 2):
        with open(tmp_path / "list.txt") as file:
            text = "\n".join(file.read().splitlines()[:3])
        read, write = os.pipe()
        os.write(write, text.encode())
        os.close(write)
        old = os.dup(0)
        os.dup2(read, 0)
        with open(0, closefd=False) as stream:
            monkeypatch.setattr("sys.stdin", stream)
            assert listed(source="-", out="stream.csv") == code
        os.dup2(old, 0)
        for handle in (old, read):
            os.close(handle)
    assert "stdin cannot be continued" in capsys.readouterr().err
    rows = list(csv.reader((tmp_path / "stream.csv").read_text().splitlines()))
    assert rows[0] == [*COLUMNS] and [row[0] for row in rows[1:]] == ["1", "2", "3"]
    assert not (tmp_path / "stream.csv.json").exists()


def test_out_is_for_lists(listed, capsys):
    assert listed(source=PUZZLES[0]) == 2 and "--out takes the answers to a file" in capsys.readouterr().err
    assert listed("--trace") == 2 and "leave out --trace" in capsys.readouterr().err
