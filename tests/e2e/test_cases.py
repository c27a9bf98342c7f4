"""Inputs as users have them: what each command says of them. One table; a line for each command.

The files of the folder `../shared/cases` are used where that folder exists; the project's own tests hold the same rules
on files of their own making.
"""

import json
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

CASES = Path(__file__).resolve().parents[3] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the folder ../shared/cases is not there")


@dataclass
class Case:
    """Commands in turn; all but the last must succeed, and the last result is checked."""

    kind: str
    commands: tuple[str, ...]
    check: Callable


def ok(*said, absent=()):
    """The command succeeds, and prints these words and none of the absent ones."""

    def check(result):
        assert result.code == 0, result.err
        for words in said:
            assert words in result.out, result.out
        for words in absent:
            assert words not in result.out, result.out

    return check


def refused(code, *said):
    """The command ends with this exit code and one line that says these words."""

    def check(result):
        assert result.code == code, (result.code, result.err)
        lines = [line for line in result.err.splitlines() if line.startswith("hrm: ")]
        assert len(lines) == 1 and "Traceback" not in result.err, result.err
        for words in said:
            assert words in lines[0], lines[0]

    return check


def symbols(*expected, shape):
    """The store holds these symbols alone, in grids of this shape."""

    def check(result):
        assert result.code == 0, result.err
        found = json.loads(result.out)
        assert (found["shape"], found["symbols"]) == (list(shape), list(expected)), found

    return check


def built(file, train, validation, *more):
    """The command that builds a store of this file of rows."""
    name = f"{file.partition('-')[0]}{len(more)}"
    return " ".join(
        [f"data build {file} --puzzle table --out out/s{name} --train {train} --validation {validation} --json", *more]
    )


def sorted_or_not(result):
    """The answer has a symbol for every cell, right or wrong."""
    answer = result.out.split()[0]
    assert len(answer) == 4 and set(answer) <= set("abcd"), result.out


def unsolved(result):
    """The model loads and answers; whether it solves the puzzle does not matter."""
    assert result.code in (0, 5) and "answer" in result.json, result.err


TABLES = [
    Case("A1", (built("01-multiline-digits.csv", 5, 2),), symbols("1", "2", "3", shape=(3, 4))),
    Case("A1", (built("02-multiline-numbers.csv", 5, 2),), symbols("1", "2", "3", "10", shape=(3, 4))),
    Case("A2", (built("03-space-is-a-symbol.csv", 5, 2),), refused(4, "may be symbols", "--cells characters")),
    Case(
        "A2",
        (built("03-space-is-a-symbol.csv", 5, 2, "--cells characters"),),
        symbols(" ", "@", shape=(1, 16)),
    ),
    Case("A2", (built("04-one-word-rows.csv", 3, 1),), symbols("blue", "green", "red", shape=(1, 3))),
    Case("A3", (built("05-line-of-words.jsonl", 5, 2),), symbols("D1", "F3", "R2", "U1", shape=(1, 3))),
    Case(
        "A6",
        (
            "train own --data.path 09-sorter.csv --data.validation 5 --train.updates 1 --train.seed 1 --out out/r09",
            "solve out/r09 dcab --segments 1",
        ),
        sorted_or_not,
    ),
    Case(
        "A7",
        (
            "train own --data.path 10-own-grids.jsonl --data.validation 10 --train.updates 1 --out out/r10",
            "eval out/r10 --data 10-own-grids.jsonl --segments 1 --json",
        ),
        ok(),
    ),
    Case("E2", ("data check 06-four.csv",), ok("06-four.csv: sudoku-4x4, 4 rows of 4 cells", "clean")),
    Case("E2", ("eval sudoku-9x9 --data 23-kaggle-1m.csv --segments 1",), ok("sudoku-9x9")),
    Case("E2", ("eval sudoku-9x9 --data 24-kaggle-3m.csv --segments 1",), ok("sudoku-9x9")),
    Case("E2", ("data check 31-semicolons.csv",), ok("clean")),
    Case("D5", ("train --config 26-bom.toml --out out/r26",), ok("2 updates")),
    Case("D6", ("data check 27-excel-empty-columns.csv",), ok("clean")),
    Case("D7", ("data check 30-with-channel-axis.npz",), ok("sudoku-9x9, 9 rows of 9 cells")),
]
"""Own tables and containers of rows."""

TINY = "--train.updates 1 --train.batch_size 2 --model.width 64 --model.puzzle_width 64 --model.heads 2"
KAGGLE = "14-arc-agi_evaluation"

ARC_AND_OFFICIAL = [
    Case(
        "C1",
        ("data import off_trm --out out/s11 --puzzle sudoku-9x9", "data export out/s11 --out out/e11",
         "data import out/e11 --out out/s11b --puzzle sudoku-9x9 --json"),
        ok('"splits": {"train": 1, "test": 1}'),
    ),
    Case("C2", ("data import offarc --out out/s12 --puzzle arc",), ok("puzzle: arc")),
    Case(
        "B1",
        ("data import off_ids --out out/s13 --puzzle sudoku-9x9",
         f"train hrm-sudoku --data.path out/s13 {TINY} --out out/r13", "eval out/r13 --data out/s13 --segments 1"),
        ok("cells"),
    ),
    Case(
        "C3",
        (f"data arc {KAGGLE}_challenges.json {KAGGLE}_solutions.json --out out/s14 --variants 2",),
        ok("hidden_tests 0", "test 3"),
    ),
    Case(
        "C3",
        (f"data arc {KAGGLE}_challenges.json --out out/s14b --variants 2",
         "train arc-small --data.path out/s14b --train.updates 2 --train.compile false --out out/r14",
         "eval out/r14 --data out/s14b --segments 1 --submission out/sub.json"),
        ok("out/sub.json: two attempts at each of 3 tests", "hidden tests: 3, not scored", absent=("%",)),
    ),
    Case("C4", ("data arc 15-arc-uuid.json --out out/s15 --variants 2",), ok("train 3")),
    Case("C4", ("data arc \"16-Let's_meet_(edit).json\" --out out/s16 --variants 2",), ok("train 3")),
    Case("C4", ("data arc 17-re-arc.json --out out/s17 --variants 2",), ok("train 6")),
]  # fmt: skip
"""ARC tasks, and data sets in the layout of the official code."""

TRAINING = [
    Case(
        "D4",
        ("train smoke --train.updates 3 --out out/r40", "train smoke --train.updates 6 --out out/r40"),
        ok("out/r40: 6 updates"),
    ),
    Case(
        "D4",
        ("train smoke --train.updates 3 --out out/r40b", "train smoke --updates 3 --seed 1 --out out/r40b"),
        refused(2, "train.seed 0 → 1", "--init out/r40b"),
    ),
]
"""Run folders."""

SOLVING = [
    Case(
        "D3",
        ("train own --data.path 09-sorter.csv --data.validation 5 --train.updates 1 --train.seed 1 --out out/r09d",
         "report out/r09d --puzzles 3 --analyses none"),
        refused(2, "--data"),
    ),
    Case("D8", ("train smoke --train.updates 2 --out out/r41", "solve out/r41 ..1.4.....2.3... --json"), unsolved),
]  # fmt: skip
"""Models and their answers."""

SADMAN = ".164.....2....9...4......62.7.23.1..1.......3..3.87.4.96......5...8....7.....682."
RATED = "..43..2.9..5..9..1.7..6..43..6..2.8719...74...5..83...6.....1.5..35.869..4291.3.."


def puzzles(*expected, code=0, said=""):
    """The command answers these puzzles in turn, and ends with this exit code."""

    def check(result):
        assert result.code == code and said in result.err and "Traceback" not in result.err, (result.code, result.err)
        assert [line.split("\t")[3] for line in result.out.splitlines()[1:]] == list(expected), result.out

    return check


NINE = "solve sudoku-9x9 {}"

TEXT = [
    Case("A5", ("solve sudoku-4x4 07-zero-is-a-digit.txt",), refused(4, "line 1", "column 3 holds '0'", "one way")),
    Case("A5", ("data check 08-hexadoku.csv",), ok("'.' 135", "clean", "exactly one solution")),
    Case(
        "A7",
        ("train own --data.path 10-own-grids.jsonl --data.validation 10 --train.updates 1 --out out/r10b",
         "solve out/r10b 10-one-grid.txt --segments 1 --json"),
        lambda result: ok()(result) or len(result.out.splitlines()) == 1 or pytest.fail(result.out),
    ),
    *(
        Case(kind, (NINE.format(file),), puzzles(SADMAN))
        for kind, file in [("E1", "18-sadman.sdk"), ("E1", "19-simple-sudoku.ss"), ("D1", "20-dashes.txt"),
                           ("D1", "21-minus-one.txt"), ("D2", "22-rows-on-one-line.txt")]
    ),
    Case("E3", (NINE.format("25-list-with-ratings.txt"),), puzzles(SADMAN, RATED)),
    Case("E4", (NINE.format("28-one-bad-line.txt"),), puzzles(SADMAN, RATED, code=4, said="line 2")),
    Case(
        "E5",
        ("data check 29-f-puzzles.json --puzzle killer-4x4",),
        refused(4, "1 several solutions"),  # it has one cage, so it is read, and it is true
    ),
    Case("F1", ("data check 32-unreachable-goal.csv",), refused(4, "1 no solution")),
]  # fmt: skip
"""Text of puzzles."""

ALL = [*SOLVING, *TABLES, *ARC_AND_OFFICIAL, *TRAINING, *TEXT]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("cases")
    shutil.copytree(CASES, place / "cases", copy_function=shutil.copyfile)
    (place / "cases").chmod(0o755)
    (place / "cases" / "out").mkdir()
    for archive in (place / "cases").glob("*.tar.gz"):
        shutil.unpack_archive(archive, place / "cases", filter="data")
    return place / "cases"


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.kind} {case.commands[-1]}")
def test_case(hrm, folder, case):
    *first, last = case.commands
    for command in first:
        result = hrm(*shlex.split(command), cwd=folder)
        assert result.code == 0, f"{command}: {result.err}"
    case.check(hrm(*shlex.split(last), cwd=folder))


def test_a_folder_with_the_name_of_a_shipped_model(hrm, folder):
    """Kind A4: what was trained here is measured, not the shipped model."""
    place = folder / "shadow"
    place.mkdir()
    assert hrm("train", "smoke", "--train.updates", 3, "--out", "sudoku-4x4", cwd=place).code == 0
    found = hrm("eval", "sudoku-4x4", "--data", "../06-four.csv", "--json", cwd=place)
    assert found.json["exact"] == 0 and "(local folder)" in found.err
