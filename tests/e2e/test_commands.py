"""Every command once, with the keys that others build on."""

import json

import pytest

PUZZLE = "..1.4.....2.3..."
BRIEFLY = "--max-segments", 2
"""So that a network that hardly learned anything does not try for long."""


def test_the_paper_s_network_has_27_275_266_parameters(hrm):
    counts = hrm("params", "hrm-sudoku", "--json").json
    assert counts["trainable"] == sum(counts["components"].values()) == 27_275_266
    assert counts["puzzle_table"] == 512
    assert "27,275,266" in hrm("params", "hrm-sudoku").out


def test_recipes_and_models(hrm):
    assert {"smoke", "hrm-sudoku", "trm-sudoku"} <= {r["name"] for r in hrm("recipes", "--json").json["recipes"]}
    assert "sudoku-4x4" in {m["name"] for m in hrm("models", "--json").json["models"]}


def test_an_answer_is_one_line_however_narrow_the_terminal(hrm):
    question = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
    answer = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
    assert hrm("solve", "sudoku-9x9", question, "--segments", 8, columns=40).out.splitlines()[0] == answer


def test_a_printed_configuration_trains_the_same_thing(hrm, workplace):
    printed = hrm("config", "smoke", "--optim.lr", "7e-5")
    assert "lr = 7e-05  # flag" in printed.out and "# default" not in printed.out
    (workplace / "mine.toml").write_text(printed.out)
    again = hrm("config", "--config", "mine.toml", "--json").json
    assert again == hrm("config", "smoke", "--optim.lr=7e-5", "--json").json
    assert again["optim"]["lr"] == 7e-5


def test_flags_may_come_before_the_recipe(hrm):
    before = hrm("config", "--optim.lr", "0.5", "smoke", "--json").json
    assert before == hrm("config", "smoke", "--optim.lr", "0.5", "--json").json


def test_the_version_is_the_distribution_s(installed):
    from importlib.metadata import version

    assert installed("--version").out.strip() == version("hierarchical-reasoning")


def test_a_dry_run_writes_nothing(hrm, tmp_path):
    plan = hrm("train", "smoke", "--dry-run", "--json", cwd=tmp_path).json
    assert plan["trainable_parameters"] == hrm("params", "smoke", "--json").json["trainable"]
    assert plan["hours"] >= 0 and plan["segments_in_all"] == 60 * 32
    assert not list(tmp_path.iterdir())


def test_training_leaves_a_complete_folder_and_the_same_command_finds_it_done(hrm, trained, workplace):
    for name in ("config.toml", "metrics.jsonl", "metrics.csv", "curves.png", "README.md", "best", "checkpoints"):
        assert (trained / name).exists()
    assert "27" not in (trained / "README.md").read_text().split("Parameters")[0]
    before = (trained / "metrics.jsonl").read_text()
    again = hrm("train", "smoke", "--out", "smoke run")
    assert again.code == 0 and (trained / "metrics.jsonl").read_text() == before
    assert "\x1b[" not in again.err + again.out  # piped output is plain


def test_eval(hrm, trained, csv_4x4):
    found = hrm("eval", trained, "--data", csv_4x4, "--segments", 3, "--json").json
    assert found["task"] == "sudoku-4x4" and found["examples"] == 4
    assert [row["segment"] for row in found["per_segment"]] == [1, 2, 3]
    assert found["per_segment"][-1]["exact"] == found["exact"]
    for key in ("cell", "exact", "valid"):
        assert 0 <= found[key] <= 1
    low, high = found["exact_ci95"]
    assert 0 <= low <= found["exact"] <= high <= 1
    assert set(found["early_exit"]) >= {"exact", "segments_mean"}
    assert found["protocol"]["segments"] == 3 and found["protocol"]["weights_sha256"]
    limited = hrm("eval", trained, "--data", csv_4x4, "--limit", 2, "--json").json
    assert limited["examples"] == 2
    assert "95 % interval" in hrm("eval", trained, "--data", csv_4x4).out


def test_solve_text(hrm, trained):
    answer = hrm("solve", trained, PUZZLE, "--json").json
    assert {"puzzle", "answer", "verified", "segments", "q_halt"} <= answer.keys()
    assert answer["puzzle"] == PUZZLE and len(answer["answer"]) == 16
    traced = hrm("solve", trained, PUZZLE, "--segments", 3, "--trace", "--json").json
    assert len(traced["trace"]) == traced["segments"] == 3
    assert traced["trace"][-1]["answer"] == traced["answer"]
    assert "sure" in hrm("solve", trained, PUZZLE, "--segments", 3, "--trace").out


def test_solve_a_file_and_stdin(hrm, trained, csv_4x4):
    lines = [json.loads(line) for line in hrm("solve", trained, csv_4x4, *BRIEFLY, "--json").out.splitlines()]
    assert len(lines) == 4 and lines[0]["puzzle"] == PUZZLE
    piped = hrm("solve", trained, "-", *BRIEFLY, "--json", stdin=f"{PUZZLE}\n\n.1.....3...4.4..\n").out.splitlines()
    assert [json.loads(line)["puzzle"] for line in piped] == [PUZZLE, ".1.....3...4.4.."]


def test_the_shipped_model_solves_an_unseen_puzzle(installed):
    answer = installed("solve", "sudoku-4x4", PUZZLE, "--json").json
    assert answer["verified"] and answer["answer"] == "2314413214233241"


@pytest.mark.parametrize("suffix", ["gif", "png", "svg"])
def test_show_draws(hrm, trained, workplace, suffix):
    result = hrm("show", trained, PUZZLE, "--out", f"picture.{suffix}", "--segments", 2)
    assert result.code in (0, 5), result.err  # it has hardly been trained
    assert (workplace / f"picture.{suffix}").stat().st_size > 500


def test_show_in_the_terminal(hrm, trained):
    assert "segment 2" in hrm("show", trained, PUZZLE, "--segments", 2).out


def test_data_build_and_show(hrm, workplace):
    built = hrm("data", "build", "sudoku-6x6", "--out", "six", "--train", 6, "--test", 4, "--json").json
    assert built["splits"] == {"train": 6, "test": 4}
    shown = hrm("data", "show", "six", "--json").json
    assert shown["digest"] == built["digest"]
    again = hrm("data", "build", "sudoku-6x6", "--out", "six-again", "--train", 6, "--test", 4, "--json").json
    assert again["digest"] == built["digest"]


def test_data_sample(hrm, csv_4x4, tmp_path):
    drawn = hrm("data", "sample", "-o", tmp_path / "two.csv", "--from", f"{csv_4x4}:2", "--seed", 1, "--json").json
    assert drawn["drawn"] == [2] and drawn["puzzle"] == "sudoku-4x4"
    assert set((tmp_path / "two.csv").read_text().splitlines()) < set(csv_4x4.read_text().splitlines())
    apart = ("data", "sample", "--from", f"{csv_4x4}:1", "--apart-from", csv_4x4)
    none = hrm(*apart, "-o", tmp_path / "none.csv")
    assert none.code == 4 and "there are 0 that" in none.err
    assert "FILE:COUNT" in hrm("data", "sample", "--from", csv_4x4, "-o", tmp_path / "none.csv").err
    assert "2 sudoku-4x4" in hrm("data", "sample", "--from", f"{csv_4x4}:2", "-o", tmp_path / "again.csv").out


def test_a_record_of_an_evaluation(hrm, csv_4x4, tmp_path):
    file = tmp_path / "new" / "record.json"
    command = ("eval", "sudoku-4x4", "--data", csv_4x4, "--segments", 2, "--record", file)
    found = hrm(*command, "--json").json
    record = json.loads(file.read_text(encoding="utf-8"))
    assert {key: record[key] for key in found} == found
    assert record["config"]["model"]["width"] == 128 and record["protocol"]["model"] == "sudoku-4x4"
    assert record["data"]["name"] == "four.csv" and record["data"]["splits"] == {"all": 4}
    assert record["data"]["provenance"]["source_sha256"]
    assert record["wall_s"] > 0 and record["command"].startswith("hrm eval sudoku-4x4 --data ")
    assert set(record["source"]) == {"version", "commit", "changed"}
    assert hrm(*command[:3], csv_4x4, "--limit", 1, "--record", file).code == 0  # takes the place of the old one
    assert json.loads(file.read_text(encoding="utf-8"))["examples"] == 1
    assert [path.name for path in file.parent.iterdir()] == ["record.json"]
    refused = hrm(*command[:3], csv_4x4, "--record", csv_4x4 / "record.json")
    assert refused.code == 1 and "cannot write" in refused.err and "evaluated" not in refused.err
    assert hrm(*command[:3], csv_4x4, "--record", tmp_path).code == 2


def test_eval_says_what_a_plain_solver_needs(hrm, csv_4x4):
    plain = hrm("eval", "sudoku-4x4", "--data", csv_4x4, "--segments", 1, "--json").json["plain_solver"]
    assert (plain["puzzles"], plain["solved"]) == (4, 4) and plain["ms_mean"] > 0
    assert "solves all of the first 4 puzzles" in hrm("eval", "sudoku-4x4", "--data", csv_4x4, "--segments", 1).out
    table = hrm("eval", "sudoku-4x4", "--data", csv_4x4, "--segments", 1, "--with", "classical").out
    assert "the network" in table and "depth-first search" in table and "digits tried" in table


def test_train_on_a_file_of_one_s_own(hrm, workplace, csv_4x4):
    flags = ["--data.path", csv_4x4, "--data.train", 3, "--data.validation", 1, "--train.updates", 4,
             "--train.checkpoint_every", 4, "--eval.every", 4, "--train.batch_size", 4]  # fmt: skip
    result = hrm("train", "smoke", "--out", "own", *flags, "--json")
    assert result.code == 0, result.err
    assert result.json["best"]["exact"] is not None
