"""A user's mistake: one clear line on stderr, the right exit code, no traceback, nothing lost."""

import pytest


def refused(result, code, *said):
    assert result.code == code, (result.code, result.err, result.out)
    assert "Traceback" not in result.err and not result.out
    lines = [line for line in result.err.splitlines() if line.strip()]
    assert len(lines) == 1, lines
    assert lines[0].startswith("hrm: ")
    for words in said:
        assert words in lines[0], lines[0]


@pytest.mark.parametrize("puzzle, said", [
    ("..1.4...", ["8", "16"]),                   # wrong length
    ("..1.4.....2.3...1", ["17"]),
    ("..1.4..x..2.3...", ["x", "row 2"]),        # a letter
    ("..1.4.....2.3..7", ["7"]),                 # a digit that does not exist here
    ("11..............", ["1"]),                 # contradicting givens
    ("", []),
    ("[[1,2],[3]]", []),
    ("12.............4", []),                    # several solutions
    ("123........4....", ["no solution"]),       # no rule is broken yet, but the fourth cell has no digit left
    ("..1." * 3000, []),                         # absurdly long
])  # fmt: skip
def test_a_bad_puzzle(hrm, trained, puzzle, said):
    refused(hrm("solve", trained, puzzle), 4, *said)


@pytest.mark.parametrize("text", ["nowhere/puzzles", "puzzles.dat"])
def test_text_that_looks_like_a_path_is_no_file_either(hrm, trained, text):
    refused(hrm("solve", trained, text), 4, "instead of 16", f"nor is there a file {text}")


def test_a_file_without_a_readable_puzzle_has_no_others(hrm, trained, workplace):
    (workplace / "bad.txt").write_text("..1.4...\n")
    result = hrm("solve", trained, "bad.txt")
    refused(result, 4, "8 cells")
    assert "others" not in result.err
    (workplace / "bad.txt").write_text("..1.4...\n..1.4.....2.3...\n")
    assert "; all others were tried" in hrm("solve", trained, "bad.txt").err


def test_no_solution_and_several_solutions_are_told_apart(hrm, trained):
    refused(hrm("solve", trained, "." * 16), 4, "several solutions")
    refused(hrm("solve", trained, "123........4...."), 4, "no solution")


@pytest.mark.parametrize("arguments, said", [
    (["trian"], "Did you mean"),
    (["train"], "name a recipe"),
    (["train", "smok"], "Did you mean 'smoke'"),
    (["train", "smoke", "--optim.lrr", "1"], "Did you mean --optim.lr?"),
    (["train", "smoke", "--dryrun"], "unknown option --dryrun"),
    (["train", "smoke", "--optim.lr"], "needs a value"),
    (["train", "smoke", "--optim.lr", "fast"], "optim.lr"),
    (["train", "smoke", "--model.heads", "7"], "heads must divide width"),
    (["train", "smoke", "stray"], "stray"),
    (["train", "smoke", "--train.device", "tpu"], "train.device"),
    (["train", "smoke", "--data.puzzle", "sudoku-5x5"], "sudoku-5x5"),
    (["train", "smoke", "--config", "nowhere.toml"], "nowhere.toml"),
    (["train", "hrm-sudoku"], "--data.path"),
    (["train", "hrm-sudoku", "--data.path", "nowhere.csv"], "nowhere.csv"),
    (["config", "smoke", "--trian.updates", "1"], "train.updates"),
    (["params", "hrm-sudok"], "hrm-sudoku"),
    (["solve", "sudoku-4x5", "1234"], "sudoku-4x4"),
    (["eval", "sudoku-4x4", "--data", "nowhere.csv"], "nowhere.csv"),
    (["solve", "sudoku-4x4", "..1.4.....2.3...", "--segments", "0"], "segments"),
    (["solve", "sudoku-4x4", "..1.4.....2.3...", "--precision", "fp8"], "precision"),
    (["show", "sudoku-4x4", "..1.4.....2.3...", "--out", "picture.bmp"], ".png"),
    (["data", "build", "sudoku-4x4", "--out", "x"], "--train"),
    (["data", "build", "sudoku-4xx", "--out", "x", "--train", "1"], "sudoku-4x4"),
    (["data", "build", "nowhere.csv", "--out", "x"], "there is no file nowhere.csv; check the path"),
    (["solve"], "solve needs MODEL: Shipped model, run folder"),
    (["analyze", "sudoku-4x4"], "analyze needs --what: one of residuals,"),
    (["train", "smoke", "--out"], "train needs a value for --out: Run folder;"),
    (["train", "smoke", "--train.lr", "1"], "Did you mean --optim.lr?"),
    (["train", "smoke", "--optm.lr", "1"], "Did you mean --optim.lr?"),
    (["train", "smoke", "--data", "rows.csv"], "unknown option --data: give --data.path FILE"),
    (["train", "smoke", "--from", "x"], "unknown option --from: --init MODEL starts from a model's weights"),
    (["train", "smoke", "--model.states", "1"], "of kind 'equivariant'; this one is of kind 'hrm'"),
    (["train", "own"], "give --data.path FILE (rows of input and output"),
    (["push", "sudoku-4x4", "a/b/c", "--out", "x"], "'a/b/c' is not the name of a model on the hub"),
    (["serve", "sudoku-4x4", "--port", "65536"], "--port must be 0 to 65535 (got 65536)"),
])  # fmt: skip
def test_a_bad_command(hrm, arguments, said):
    refused(hrm(*arguments), 2, said)


def test_a_broken_toml(hrm, workplace):
    (workplace / "broken.toml").write_text("[optim\nlr = 1")
    refused(hrm("train", "smoke", "--config", "broken.toml"), 2, "broken.toml", "line 1")
    (workplace / "typo.toml").write_text("[optim]\nlearning_rate = 1")
    refused(hrm("train", "smoke", "--config", "typo.toml"), 2, "optim.learning_rate")


def test_not_a_checkpoint(hrm, workplace):
    (workplace / "empty").mkdir()
    refused(hrm("solve", "empty", "..1.4.....2.3..."), 4, "not a checkpoint")
    (workplace / "file.txt").write_text("hello")
    refused(hrm("solve", "file.txt", "..1.4.....2.3..."), 4, "file.txt")


@pytest.mark.parametrize("damage", ["flip", "truncate", "delete", "manifest"])
def test_a_damaged_checkpoint(hrm, trained, tmp_path, damage):
    import shutil

    shutil.copytree(trained / "best", tmp_path / "best")
    file = tmp_path / "best" / ("manifest.json" if damage == "manifest" else "model.safetensors")
    data = bytearray(file.read_bytes())
    if damage == "truncate":
        file.write_bytes(data[:-7])
    elif damage == "delete":
        file.unlink()
    else:
        data[len(data) // 2] ^= 4
        file.write_bytes(data)
    refused(hrm("solve", tmp_path / "best", "..1.4.....2.3..."), 4, file.name)


@pytest.mark.parametrize("content, said", [
    ("question,answer\n..1.4.....2.3...,2314413214233242\n", "row 1"),       # the answer breaks a rule
    ("question,answer\n..1.4.....2.3...,2314\n", "row 1"),
    ("question,answer\n..1.4.....2.3..x,2314413214233241\n", "row 1"),
    ("a,b\n1,2\n", "question"),
    ("", "bad.csv"),
    ("question,answer\n", "bad.csv"),
    ("question,answer\n" + "1" * 81 + "," + "1" * 81 + "\n", ""),            # another family
])  # fmt: skip
def test_a_bad_file(hrm, trained, workplace, content, said):
    (workplace / "bad.csv").write_text(content)
    refused(hrm("eval", trained, "--data", "bad.csv"), 4, said)


def test_building_from_puzzles_that_are_not_puzzles(hrm, workplace):
    """Several solutions, found by the exact solver, with the row."""
    (workplace / "loose.csv").write_text(
        "question,answer\n..1.4.....2.3...,2314413214233241\n" + "." * 16 + ",1234341221434321\n"
    )
    refused(hrm("data", "build", "loose.csv", "--out", "loose", "--validation", 1), 4, "puzzle 2", "several solutions")
    assert not (workplace / "loose").exists()


def test_an_unwritable_folder(hrm, workplace):
    (workplace / "a file").write_text("precious")
    refused(hrm("train", "smoke", "--out", "a file/run", "--cache", "cache"), 1, "a file/run")
    refused(hrm("data", "build", "sudoku-4x4", "--out", "a file/store", "--test", 1), 1, "a file")
    refused(hrm("show", "sudoku-4x4", "..1.4.....2.3...", "--out", "a file/x.png"), 1, "a file")
    assert (workplace / "a file").read_text() == "precious"


def test_another_run_s_folder_is_left_alone(hrm, trained):
    before = (trained / "config.toml").read_text()
    refused(hrm("train", "smoke", "--out", trained, "--train.seed", 3), 2, "another configuration")
    assert (trained / "config.toml").read_text() == before


def test_somebody_else_s_folder_is_left_alone(hrm, workplace):
    (workplace / "theirs").mkdir()
    (workplace / "theirs" / "README.md").write_text("my notes")
    refused(hrm("train", "smoke", "--out", "theirs"), 2, "theirs")
    assert [p.name for p in (workplace / "theirs").iterdir()] == ["README.md"]
    assert (workplace / "theirs" / "README.md").read_text() == "my notes"


def test_a_store_is_not_replaced_unasked(hrm, workplace):
    build = ["data", "build", "sudoku-4x4", "--out", "kept", "--share-twins", "--test"]
    assert hrm(*build, 3).code == 0
    refused(hrm(*build, 4), 2, "already")


def test_a_diverged_run_says_so_and_can_be_tried_again(hrm, workplace):
    result = hrm("train", "smoke", "--out", "diverged", "--optim.lr", "1e30")
    assert result.code == 3 and "lower --optim.lr" in result.err.splitlines()[-1]
    assert hrm("train", "smoke", "--out", "diverged", "--train.updates", 2).code == 0


def test_a_run_whose_checkpoints_are_all_damaged_is_not_begun_again(hrm, trained, tmp_path):
    import shutil

    shutil.copytree(trained, tmp_path / "run")
    for manifest in (tmp_path / "run" / "checkpoints").glob("*/manifest.json"):
        manifest.unlink()
    result = hrm("train", "smoke", "--out", tmp_path / "run")
    assert result.code == 4 and "delete the folder" in result.err.splitlines()[-1]


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_no_puzzles_at_all(hrm, trained, content):
    refused(hrm("solve", trained, "-", stdin=content), 4, "no puzzles")


def test_a_bad_line_of_stdin_is_named(hrm, trained):
    result = hrm("solve", trained, "-", stdin="..1.4.....2.3...\n..1.\n")
    assert result.code == 4 and "stdin, line 2" in result.err


@pytest.mark.parametrize("arguments", [["recipes"], ["--help"], ["params", "smoke", "--json"]])
def test_a_full_disk_behind_stdout(hrm, arguments):
    import os
    import subprocess
    import sys
    from pathlib import Path

    if not os.path.exists("/dev/full"):
        pytest.skip("needs /dev/full")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [Path(sys.executable).parent / "hrm", *arguments], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1 and "Traceback" not in done.stderr and len(done.stderr.splitlines()) == 1


def test_answers_keep_the_numbers_of_their_puzzles(hrm, trained, workplace):
    """A puzzle that cannot be read counts, too, so that `show --row` means the same puzzle."""
    good, bad = "..1.4.....2.3...", "11.............."
    (workplace / "list.txt").write_text(f"{good}\n{bad}\n{good}\n")
    result = hrm("solve", trained, "list.txt", "--csv", "--segments", 1)
    assert [line.partition(",")[0] for line in result.out.splitlines()] == ["row", "1", "3"]
    assert result.code == 4 and "line 2" in result.err
    shown = hrm("show", trained, "list.txt", "--row", 3, "--json", "--segments", 1)
    assert shown.code in (0, 5) and shown.json["puzzle"] == good
    refused(hrm("show", trained, "list.txt", "--row", 2, "--json", "--segments", 1), 4, "line 2")
