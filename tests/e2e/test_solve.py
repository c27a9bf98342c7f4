"""``hrm solve`` and ``hrm show``: text, files, stores and stdin; which weights; exit codes; warnings; samples."""

import csv
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"
INKALA = "8..........36......7..9.2...5...7.......457.....1...3...1....68..85...1..9....4.."
PLATINUM = ".......12........3..23..4....18....5.6..7.8.......9.....85.....9...4.5..47...6..."


@pytest.fixture(scope="module")
def store(hrm, workplace):
    made = hrm("data", "build", "sudoku-4x4", "--out", "a store", "--csv", "made/rows.csv", "--test", 3, "--seed", 5)
    assert made.code == 0, made.err
    return workplace / "a store"


@pytest.fixture(scope="module")
def unique(hrm, workplace):
    made = hrm(
        "train", "maze-10x10", "--data.puzzle", "maze-10x10-unique", "--data.train", 8, "--data.validation", 0,
        "--train.updates", 1, "--train.batch_size", 4, "--train.compile", "false", "--out", "unique mazes",
    )  # fmt: skip
    assert made.code == 0, made.err
    return "unique mazes"


class TestUntilItIsSolved:
    def test_a_famous_puzzle(self, hrm):
        found = hrm("solve", "sudoku-9x9", INKALA, "--json")
        assert found.code == 0 and found.json["verified"] and 8 < found.json["segments"] <= 64

    def test_an_unsolved_puzzle_is_a_failure_with_a_hint(self, hrm):
        found = hrm("solve", "sudoku-9x9", INKALA, "--max-segments", 3, "--attempts", 1)
        assert found.code == 5 and found.err.splitlines()[-1].endswith("try --max-segments 12")
        assert len(found.out.splitlines()[0]) == 81
        exactly = hrm("solve", "sudoku-9x9", INKALA, "--segments", 3)
        assert exactly.code == 5 and "without --segments" in exactly.err

    def test_the_check_comes_after_the_answer(self, hrm):
        several = hrm("solve", "sudoku-4x4", "1" + "." * 15)
        assert several.code == 4 and "several solutions" in several.err
        assert hrm("solve", "sudoku-4x4", "1" + "." * 15, "--no-check").code in (0, 5)

    @pytest.mark.slow
    def test_effort_bounds_all_tries_of_a_puzzle(self, hrm):
        hard = "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97.."  # Arto Inkala, 2010
        found = hrm("solve", "sudoku-9x9", hard, "--json").json
        assert found["verified"] and found["pinned"] and found["segments"] <= 5 < 32 < found["total_segments"] <= 2048
        quick = hrm("solve", "sudoku-9x9", PLATINUM, "--effort", "quick")
        assert quick.code == 5 and quick.err.endswith("not solved in 64 segments; try --effort normal\n")
        budget = hrm("solve", "sudoku-9x9", PLATINUM, "--budget", 70)
        assert budget.code == 5 and "not solved in 70 segments" in budget.err and "try --budget 140" in budget.err
        refused = hrm("solve", "sudoku-4x4", PUZZLE, "--effort", "max", "--attempts", 3)
        assert refused.code == 2 and "give effort or attempts" in refused.err
        assert hrm("solve", "sudoku-4x4", PUZZLE, "--effort", "more").code == 2

    def test_abstain_withholds_what_breaks_a_rule(self, hrm):
        once = ("--max-segments", 3, "--attempts", 1, "--abstain")
        text = hrm("solve", "sudoku-9x9", INKALA, *once)
        assert (text.code, text.out) == (5, "") and "answer withheld" in text.err
        plain = hrm("solve", "sudoku-9x9", INKALA, *once, "--json")
        assert plain.code == 5 and plain.json["answer"] is None and plain.json["verified"] is False
        rows = hrm("solve", "sudoku-9x9", "-", *once, "--csv", stdin=f"{INKALA}\n")
        assert rows.code == 5 and list(csv.DictReader(io.StringIO(rows.out)))[0]["answer"] == ""
        solved = hrm("solve", "sudoku-4x4", PUZZLE, "--abstain")
        assert solved.code == 0 and solved.out.splitlines()[0] == ANSWER

    def test_two_segment_limits_are_refused(self, hrm):
        assert hrm("solve", "sudoku-4x4", PUZZLE, "--segments", 2, "--max-segments", 3).code == 2


class TestLists:
    def test_a_store_a_file_and_text_agree(self, hrm, store, workplace):
        with open(workplace / "made" / "rows.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        found = hrm("solve", "sudoku-4x4", store, "--csv")
        said = list(csv.DictReader(io.StringIO(found.out)))
        assert [row["puzzle"] for row in said] == [row["question"] for row in rows]
        assert [row["answer"] for row in said] == [row["answer"] for row in rows]
        assert found.out == hrm("solve", "sudoku-4x4", "made/rows.csv", "--csv").out
        assert hrm("solve", "sudoku-4x4", rows[1]["question"]).out.splitlines()[0] == said[1]["answer"]

    def test_columns_can_be_split_whatever_the_symbols(self, hrm):
        found = hrm("solve", "maze-10x10", EXAMPLES / "mazes.csv")
        header, *lines = [line.split("\t") for line in found.out.splitlines()]
        assert header == ["row", "state", "segments", "puzzle", "answer", "total_segments"]
        assert len(lines) == 20 and all(len(line[3]) == len(line[4]) == 100 for line in lines)

    def test_a_wrong_answer_in_a_list_is_a_failure(self, hrm):
        found = hrm("solve", "sudoku-9x9", "-", "--max-segments", 2, "--attempts", 1, stdin=f"{INKALA}\n" * 2)
        assert found.code == 5 and "2 of 2 puzzles" in found.err and "unsolved" in found.out

    def test_long_lists_say_how_long_the_rest_takes(self, hrm):
        found = hrm("data", "build", "sudoku-4x4", "--csv", "hundred.csv", "--test", 100, "--share-twins")
        assert found.code == 0, found.err
        found = hrm("solve", "sudoku-4x4", "hundred.csv")
        assert "solved 50 of 100, about" in found.err and "solved" not in found.out.splitlines()[0]

    def test_two_puzzles_cost_little_more_than_one(self, hrm, workplace):
        """Both are as hard; most of the time is the start."""
        (workplace / "one.txt").write_text(INKALA + "\n")
        (workplace / "two.txt").write_text(f"{INKALA}\n" * 2)
        took = {}
        for name in ("one.txt", "two.txt", "one.txt", "two.txt"):
            began = time.monotonic()
            assert hrm("solve", "sudoku-9x9", name, "--json").code == 0
            took[name] = min(took.get(name, 99), time.monotonic() - began)
        assert took["two.txt"] <= 1.3 * took["one.txt"], took


class TestAnswersInAFile:
    @pytest.mark.slow
    def test_a_killed_command_goes_on_where_it_stopped(self, environment, tmp_path):
        (tmp_path / "list.txt").write_text(f"{INKALA}\n" * 40)
        command = [sys.executable, "-m", "hrm", "solve", "sudoku-9x9", "list.txt", "--out"]
        assert subprocess.run([*command, "whole.csv"], cwd=tmp_path, env=environment).returncode == 0
        answers, ended = tmp_path / "answers.csv", []
        for rows in (5, 20):
            running = subprocess.Popen([*command, "answers.csv"], cwd=tmp_path, env=environment)
            while running.poll() is None and not (answers.exists() and answers.read_bytes().count(b"\n") > rows):
                time.sleep(0.01)
            running.kill()
            ended.append(running.wait())
        assert ended == [-9, -9] and answers.read_bytes().count(b"\n") < 41
        assert subprocess.run([*command, "answers.csv"], cwd=tmp_path, env=environment).returncode == 0
        assert answers.read_bytes() == (tmp_path / "whole.csv").read_bytes()


class TestFilesAndText:
    def test_show_takes_a_row_of_a_file_or_store(self, hrm, store):
        found = hrm("show", "sudoku-4x4", store, "--row", 2, "--out", "new/folder/x.png", "--json").json
        assert found["puzzle"] == hrm("show", "sudoku-4x4", "made/rows.csv", "--row", 2, "--json").json["puzzle"]
        assert hrm("show", "sudoku-4x4", store, "--row", 4).code == 2
        assert hrm("show", "sudoku-4x4", store, "--row", 0).code == 2

    def test_show_says_by_its_code_that_an_answer_breaks_a_rule(self, hrm, workplace):
        unsolved = hrm("show", "sudoku-9x9", INKALA, "--segments", 2, "--out", "unsolved.svg")
        assert unsolved.code == 5 and "without --segments" in unsolved.err and "breaks a rule" in unsolved.out
        assert (workplace / "unsolved.svg").exists()
        assert hrm("show", "sudoku-4x4", PUZZLE, "--out", "solved.svg").code == 0

    @pytest.mark.parametrize("length", [256, 1000, 5000])
    def test_a_text_too_long_for_a_file_name_is_a_puzzle(self, hrm, length):
        found = hrm("solve", "sudoku-4x4", "[[" + "1," * length + "1]]")
        assert found.code == 4 and "File name" not in found.err and "Traceback" not in found.err

    def test_sample_reads_stores(self, hrm, store, workplace):
        found = hrm("data", "sample", "--out", "two.csv", "--from", f"{store}:1", "--json")
        assert found.code == 0 and found.json["drawn"] == [1]
        assert len((workplace / "two.csv").read_text().splitlines()) == 2

    def test_build_says_where_to_write(self, hrm):
        found = hrm("data", "build", "sudoku-4x4", "--test", 2)
        assert found.code == 2 and "--csv FILE" in found.err

    def test_several_splits_have_a_column(self, hrm, workplace):
        assert (
            hrm("data", "build", "sudoku-4x4", "--csv", "s.csv", "--train", 2, "--test", 1, "--share-twins").code == 0
        )
        with open(workplace / "s.csv", encoding="utf-8") as file:
            assert [row["split"] for row in csv.DictReader(file)] == ["train", "train", "test"]
        assert hrm("data", "check", "s.csv", "--no-unique").code in (0, 4)


class TestWhichWeights:
    def test_a_folder_of_ones_own_comes_first(self, hrm, tmp_path):
        trained = hrm("train", "smoke", "--train.updates", 3, "--out", "sudoku-4x4", cwd=tmp_path)
        assert trained.code == 0 and "hrm eval ./sudoku-4x4" in trained.out
        rows = tmp_path / "rows.csv"
        rows.write_text(f"question,answer\n{PUZZLE},{ANSWER}\n")
        for name in ("sudoku-4x4", "./sudoku-4x4"):
            found = hrm("eval", name, "--data", rows, "--segments", 2, cwd=tmp_path)
            assert found.code == 0 and "model: ./sudoku-4x4 (local folder)" in found.err, found.err
            assert "exact 0.00%" in found.out
        solved = hrm("solve", "sudoku-4x4", PUZZLE, "--max-segments", 2, cwd=tmp_path)
        assert "model: ./sudoku-4x4 (local folder)" in solved.err and solved.code == 5

    def test_a_folder_without_a_model_does_not_hide_a_shipped_one(self, hrm, tmp_path):
        (tmp_path / "sudoku-4x4").mkdir()
        found = hrm("solve", "sudoku-4x4", PUZZLE, cwd=tmp_path)
        assert found.code == 0 and "model: sudoku-4x4 (shipped)" in found.err


class TestUnlikeTheTraining:
    """A model trained on mazes with one shortest path, and one trained on long ones."""

    SEVERAL = "S" + "." * 98 + "G"

    def test_solve_and_show_warn(self, hrm, unique):
        limits = ("--max-segments", 1, "--attempts", 1)
        for command in (("solve", unique, self.SEVERAL), ("show", unique, self.SEVERAL, "--out", "m.png")):
            found = hrm(*command, *limits)
            assert "several shortest paths; the model was trained on mazes with one only" in found.err

    def test_eval_warns(self, hrm, unique):
        found = hrm("eval", unique, "--data", EXAMPLES / "mazes.csv", "--segments", 1)
        assert "puzzles are unlike those of the training" in found.err and found.code == 0

    @pytest.mark.slow
    def test_a_short_path(self, hrm):
        near = "SG" + "#" * 98
        assert "its shortest path has 1 move;" in hrm("solve", "maze-10x10", near).err

    def test_no_warning_where_there_is_no_reason(self, hrm):
        assert "warning" not in hrm("solve", "maze-10x10", EXAMPLES / "mazes.csv").err
        assert "warning" not in hrm("eval", "maze-10x10", "--data", EXAMPLES / "mazes.csv", "--segments", 1).err


class TestPoorSurroundings:
    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs the rights of root")
    @pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
    def test_a_user_without_a_home_folder(self, csv_4x4):
        place = Path(tempfile.mkdtemp(prefix="homeless"))
        place.chmod(0o777)
        shutil.copy(csv_4x4, place / "four.csv")
        environment = {name: value for name, value in os.environ.items() if name not in ("HOME", "HRM_CACHE")}
        run = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups", sys.executable, "-m", "hrm"]

        def user(*arguments, **more):
            return subprocess.run(
                [*run, *arguments], cwd=place, env=environment | more, capture_output=True, text=True, timeout=200
            )

        if user("--version").returncode:
            pytest.skip("another user may not read this installation")
        measured = ("eval", "sudoku-4x4", "--data", "four.csv", "--segments", "1")
        assert user(*measured, XDG_CACHE_HOME=str(place / "cache")).returncode == 0
        environment.pop("XDG_CACHE_HOME", None)
        refused = user(*measured)
        assert refused.returncode == 2 and "--cache" in refused.stderr and "Traceback" not in refused.stderr
        drawn = user("analyze", "sudoku-4x4", "--what", "depth", "--puzzles", "2", "--cache", "c", "--out", "f")
        assert drawn.returncode == 0, drawn.stderr
        shutil.rmtree(place)

    def test_a_matplotlib_that_cannot_be_imported(self, workplace, tmp_path):
        (tmp_path / "matplotlib").mkdir()
        (tmp_path / "matplotlib" / "__init__.py").write_text("raise RuntimeError('broken binary')\n")
        path = os.pathsep.join([str(tmp_path), *sys.path])
        done = subprocess.run(
            [sys.executable, "-m", "hrm", "analyze", "sudoku-4x4", "--what", "depth", "--puzzles", "2"],
            cwd=workplace, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=200,
        )  # fmt: skip
        assert done.returncode == 2 and "cannot be imported here (RuntimeError: broken binary)" in done.stderr
        assert "Traceback" not in done.stderr


class TestACardIsForReaders:
    @pytest.mark.parametrize("change", ["edit", "remove"])
    def test_an_edited_card_only_warns(self, hrm, trained, tmp_path, change):
        shutil.copytree(trained / "best", tmp_path / "copy")
        card = tmp_path / "copy" / "README.md"
        card.unlink() if change == "remove" else card.write_text(card.read_text() + "a note\n")
        found = hrm("solve", tmp_path / "copy", PUZZLE, "--max-segments", 1, "--attempts", 1)
        assert found.code in (0, 5) and "README.md was edited or removed" in found.err
        assert "warning" not in hrm("solve", trained / "best", PUZZLE, "--max-segments", 1).err


class TestSamples:
    def test_the_files_hold_what_the_commands_make(self, hrm, workplace):
        for family, name in (("sudoku-9x9", "sudoku-9x9.csv"), ("maze-10x10", "mazes.csv")):
            assert hrm("data", "build", family, "--csv", name, "--test", 20, "--seed", 13).code == 0
            assert (workplace / name).read_bytes() == (EXAMPLES / name).read_bytes()

    def test_they_are_clean_and_solved(self, hrm):
        assert hrm("data", "check", EXAMPLES / "sudoku-9x9.csv").code == 0
        assert hrm("solve", "sudoku-9x9", EXAMPLES / "puzzles.txt").code == 0
