"""Names and fields that came from outside are shown as they are: no markup, no escape, no formula, in any command."""

import ast
import contextlib
import csv
import io
import json
import os
import shutil
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hrm
from hrm.cli.app import app
from hrm.cli.main import main
from hrm.errors import HrmError, one_line, printable
from hrm.runtime.quoting import Terminal, csv_note, json_text, markdown

SOURCE = Path(hrm.__file__).parent
NAME = "[/x] a[b] [red]r :smile: \x1b[31m \x1b]0;t\x07 \x9b1m \x7f \u202e\u2066 \r\n\t $x^$ <b>&amp; `c` 日本"
"""Markup and emoji codes of rich, escapes of C0 and C1, marks that turn the text, line ends, LaTeX, HTML;
as a path it is in the folder "["."""
BAD = NAME + "\udcff"
"""With a byte that is no UTF-8, as a file may have in its name and no text can."""
PUZZLE = "..1.4.....2.3..."


def seen(text):
    """Whether a terminal only shows this text."""
    return all(c in "\n" or c.isprintable() or unicodedata.category(c) == "Zs" for c in text)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder in which a model, a file, a store and a task have the name."""
    folder, before = tmp_path_factory.mktemp("evil"), Path.cwd()
    os.chdir(folder)
    rows = [(PUZZLE, "2314413214233241"), (".1.....3...4.4..", "3142421313242431"),
            ("2....3....4..4.1", "2134431212433421"), ("2......2...43...", "2143431212343421")]  # fmt: skip
    Path("[").mkdir()
    with open(f"{NAME}.csv", "w", newline="") as file:
        table = [("source", "question", "answer", "rating"), *((NAME, *row, "1") for row in rows)]
        csv.writer(file).writerows(table)
    Path(f"{NAME}.txt").write_text(f"{PUZZLE}\n{NAME}\n")
    Path(f"{NAME}.toml").write_text("[train]\nupdates = 1\n")
    Path(f"{NAME}.json").write_text(json.dumps({NAME: {"train": [], "test": []}}))
    shutil.copytree(SOURCE / "pretrained" / "sudoku-4x4", NAME)
    shutil.copytree(SOURCE / "pretrained" / "sudoku-4x4", BAD)
    shutil.copy(f"{NAME}.csv", f"{BAD}.csv")
    (folder / NAME / "README.md").write_text(f"# {NAME}\n")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as err:
        build = ["data", "build", f"{NAME}.csv", "--out", f"{NAME}.store", "--train", "4", "--share-twins"]
        assert main(build) == 0, err.getvalue()
        os.environ["HRM_CACHE"] = str(folder / f"{NAME}.cache")
    yield folder
    del os.environ["HRM_CACHE"]
    os.chdir(before)


TRIED = """
NAME
--NAME
help NAME
help data NAME
models NAME
recipes NAME
--install-completion --shell NAME
config NAME
config smoke --config NAME.toml
config smoke --config NAME
config smoke --NAME 1
config smoke --optim.lr NAME
completion NAME
params NAME
doctor --out NAME
doctor NAME
solve NAME PUZZLE
solve NAME PUZZLE --trace
solve sudoku-4x4 NAME.txt
solve sudoku-4x4 NAME.csv
solve sudoku-4x4 NAME.csv --csv
solve sudoku-4x4 NAME
solve sudoku-4x4 PUZZLE --puzzle NAME
show NAME PUZZLE
show sudoku-4x4 PUZZLE --out NAME.svg
show sudoku-4x4 PUZZLE --out NAME.NAME
show sudoku-4x4 NAME.csv --row 1 --out NAME.png
eval NAME --data NAME.csv --segments 1 --record NAME.record --verbose
eval NAME --data NAME.store --segments 1 --split NAME
eval NAME --data NAME.lost
eval NAME.lost --data NAME.csv
analyze NAME --what residuals --data NAME.csv --segments 2 --out NAME.analyses
analyze NAME --what NAME
report NAME --data NAME.csv --segments 1 --analyses none --out NAME.html
report NAME --data NAME.csv --out NAME
export NAME NAME.csv --to torch
export NAME NAME.exported --to NAME
scale NAME --data NAME.csv --puzzles 2 --segments 1 --copies 1 --budget 1 --out NAME.scale
push NAME me/NAME --out NAME.pushed
push NAME me/good --out NAME.pushed
import NAME --out NAME.imported
train smoke --train.updates 1 --train.batch_size 2 --data.path NAME.store --out NAME.run
train smoke --train.updates 1 --train.batch_size 2 --data.path NAME.store --out NAME.run --train.seed 9
train smoke --out NAME --dry-run
train smoke --data.path NAME.lost --out NAME.run
train NAME
demo --out NAME.csv
bench --NAME
compare smoke --seeds 1 --out NAME.csv
compare NAME
adapt NAME NAME.json --out NAME.adapted
serve NAME.lost --port 0
serve NAME --host NAME
mcp NAME.lost
data NAME
data build NAME.csv --out NAME.built --csv NAME.rows --train 2 --test 2 --share-twins
data build NAME.lost --out NAME.built
data show NAME.store
data show NAME
data sample --out NAME.sample.csv --from NAME.csv:2
data sample --out NAME.csv --from NAME.csv:2
data sample --out NAME.new.csv --from NAME
data check NAME.csv
data check NAME.store --apart-from NAME.csv
data fetch NAME
data fetch arc-1 --from NAME --out NAME.fetched
data export NAME.store --out NAME.official
data import NAME --out NAME.again --puzzle sudoku-4x4
data arc NAME.json --out NAME.arc --variants 1
BAD
solve BAD PUZZLE
solve BAD PUZZLE --json
solve sudoku-4x4 BAD
solve sudoku-4x4 BAD.csv --csv
show BAD PUZZLE --out BAD.svg
eval BAD --data BAD.csv --segments 1 --record BAD.record
analyze BAD --what residuals --data BAD.csv --segments 2 --out BAD.analyses
report BAD --data BAD.csv --segments 1 --analyses none --out BAD.html
push BAD me/good --out BAD.pushed
config smoke --config BAD
train smoke --train.updates 1 --data.path BAD.csv --out run-1
train smoke --train.updates 1 --data.path NAME.store --out BAD.run
data build BAD.csv --out BAD.store --train 4 --share-twins --csv BAD.rows
data show BAD.store
data export BAD.store --out BAD.official
data check BAD.csv
data sample --out BAD.sample.csv --from BAD.csv:2
"""
"""Every command, given the name wherever it takes one."""


def parsed():
    lines = [line.split() for line in TRIED.split("\n") if line]
    return [
        pytest.param(
            [word.replace("NAME", NAME).replace("BAD", BAD).replace("PUZZLE", PUZZLE) for word in line],
            id=" ".join(line),
        )
        for line in lines
    ]


@pytest.mark.parametrize("words", parsed())
def test_what_a_command_prints_is_only_seen(place, capsys, words):
    code = main(words)
    out, err = capsys.readouterr()
    assert code in (0, 1, 2, 4, 5), err
    assert seen(out) and seen(err), [line for line in (out + err).splitlines() if not seen(line)]
    if code:
        assert err.splitlines()[-1].startswith("hrm: "), err
    # no bracket was taken for markup, and no code for a picture
    assert (out + err).count("r :smile: ") == (out + err).count("[red]r :smile: ")
    assert "\N{SMILING FACE WITH OPEN MOUTH AND SMILING EYES}" not in out + err


def test_every_command_is_tried():
    names = {name for name in app if not name.startswith("-")} - {"data"}
    names |= {f"data {name}" for name in app["data"] if not name.startswith("-")}
    lines = [line.split() for line in TRIED.split("\n") if line]
    assert names <= {" ".join(words[: 1 + (words[0] == "data")]) for words in lines}


@pytest.mark.parametrize("words", [
    ["solve", NAME, PUZZLE, "--json"], ["data", "show", f"{NAME}.store", "--json"],
    ["data", "check", f"{NAME}.csv", "--json"], ["eval", NAME, "--data", f"{NAME}.csv", "--segments", "1", "--json"],
    ["params", NAME, "--json"],
])  # fmt: skip
def test_json_is_only_seen_and_says_the_same(place, capsys, words):
    assert main(words) == (4 if "check" in words else 0)  # there are twins
    out = capsys.readouterr().out
    assert seen(out) and out.count("\n") == 1
    value = json.loads(out)
    if words[0] == "data":
        assert value["path"] in (f"{NAME}.csv", f"{NAME}.store")


def test_files_that_are_written_are_only_seen(place, capsys):
    """Rows, records, cards, pages and drawings, after the commands above or alone."""
    for words in (
        ["data", "sample", "--out", "sample.csv", "--from", f"{NAME}.csv:2"],
        ["eval", NAME, "--data", f"{NAME}.csv", "--segments", "1", "--record", "record.json"],
        ["report", NAME, "--data", f"{NAME}.csv", "--segments", "1", "--analyses", "none", "--out", "report.html"],
        ["show", NAME, PUZZLE, "--out", "solve.svg"],
        ["train", "smoke", "--train.updates", "1", "--data.path", f"{NAME}.store", "--out", "run"],
        ["push", NAME, "me/good", "--out", "pushed"],
    ):
        assert main(words) == 0, capsys.readouterr().err
    for file in ("sample.csv", "record.json", "report.html", "solve.svg", "run/README.md", "run/best/README.md",
                 "run/metrics.csv", "pushed/README.md"):  # fmt: skip
        text = (place / file).read_text().replace("\t", " ")
        assert seen(text), (file, [line for line in text.splitlines() if not seen(line)][:3])
    card = (place / "run" / "README.md").read_text()
    assert "[/x]" not in card.replace("\\[", "") and "\\[" in card and "<b>" not in card.replace("\\<", "")
    assert "<b>&amp;" not in (place / "report.html").read_text()


@pytest.mark.parametrize("text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=\x1b"])
def test_a_spreadsheet_takes_no_note_for_a_formula(tmp_path, capsys, text):
    with open(tmp_path / "four.csv", "w", newline="") as file:
        csv.writer(file).writerows([("source", "question", "answer"), (text, PUZZLE, "2314413214233241")])
    assert main(["data", "sample", "--out", str(tmp_path / "sample.csv"), "--from", f"{tmp_path / 'four.csv'}:1"]) == 0
    with open(tmp_path / "sample.csv", newline="") as file:
        note = list(csv.reader(file))[1][0]
    assert note[0] not in "=+-@\t\r" and seen(note)


def test_numbers_stay_numbers():
    assert [csv_note(text) for text in ("-1.5", "+2", "0.25", "a-b")] == ["-1.5", "+2", "0.25", "a-b"]


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp", "Zs", "Ll", "Sm", "Ps", "Pe", "Co"])))
def test_any_text(text):
    file = io.StringIO()
    console = Terminal()
    console.file, console.width = file, 10_000
    console.print(text, soft_wrap=True)
    for shown in (file.getvalue(), printable(text, keep=""), one_line(text), str(HrmError(text)), markdown(text),
                  json_text({"a": text, text: 1}), json_text([text], indent=1), csv_note(text)):  # fmt: skip
        assert all(c in "\n\t\u200c\u200d" or seen(c) for c in shown)
    assert json.loads(json_text(text)) == text and json.loads(json_text([text], indent=1)) == [text]
    assert one_line(one_line(text)) == one_line(text) and "\n" not in one_line(text)


def test_one_module_makes_consoles():
    """Text that is printed passes ``hrm.runtime.quoting``; what prints otherwise is listed."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                quiet = any(keyword.arg == "quiet" for keyword in node.keywords)
                if (name == "Console" and not quiet) or name in ("print", "sys.stdout.write", "sys.stderr.write"):
                    found.add((str(path.relative_to(SOURCE)), name))
    assert found == {
        ("cli/answers.py", "print"),  # cells in one line each
        ("cli/console.py", "sys.stdout.write"),  # JSON
        ("cli/main.py", "print"),  # messages, in one line
        ("cli/shell.py", "sys.stdout.write"),  # completion
        ("export/runners/run.py", "print"),  # without this package
        ("interop/unpickling.py", "print"),  # JSON for who called it
        ("runtime/compiling.py", "print"),  # a fixed note
        ("serve/mcp.py", "print"),  # a fixed note
    }
