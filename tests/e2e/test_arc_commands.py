"""``hrm data arc``, ``train``, ``eval``, ``solve`` and ``adapt`` on ARC tasks, as a user meets them."""

import json

import numpy as np
import pytest

from hrm import evaluate
from hrm.errors import DataError

TINY = ["--train.updates", 2, "--train.batch-size", 4, "--model.width", 32, "--model.puzzle-width", 32,
        "--model.l-layers", 1, "--halting.max-segments", 1, "--train.device", "cpu",
        "--train.compile", "false"]  # fmt: skip


def written(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        rng = np.random.default_rng(list(name.encode()))
        pairs = [{key: rng.integers(0, 9, (3, 3)).tolist() for key in ("input", "output")} for _ in range(3)]
        (folder / f"{name}.json").write_text(json.dumps({"train": pairs[:2], "test": pairs[2:]}))


@pytest.fixture(scope="module")
def model(hrm, workplace):
    written(workplace / "tasks" / "evaluation", "aa", "bb")
    written(workplace / "tasks" / "training", "cc")
    built = hrm("data", "arc", "tasks", "--out", "arc", "--variants", 2, "--json")
    assert built.code == 0, built.err
    assert built.json["splits"] == {"train": 7, "test": 2} and built.json["provenance"]["tests_given_away"] == 0
    trained = hrm("train", "arc-small", "--data.path", "arc", "--out", "arc-run", *TINY)
    assert trained.code == 0, trained.err
    return "arc-run"


def test_a_store_is_checked(hrm, model):
    result = hrm("data", "check", "arc")
    assert result.code == 0 and "no row of test is a twin of a row of train" in result.out


def test_answers_by_vote_in_every_form(hrm, workplace, model):
    asked = ["eval", model, "--data", "arc", "--segments", 1, "--batch-size", 4]
    result = hrm(*asked, "--submission", "s.json", "--sheet", "a.html", "--json")
    assert result.code == 0, result.err
    assert result.json["tests"] == result.json["tasks"] == 2 and "1" in result.json["pass_at"]
    assert sorted(json.loads((workplace / "s.json").read_text())) == ["aa", "bb"]
    page = (workplace / "a.html").read_text()
    assert "aa, test 1" in page and "bb, test 1" in page and "of 2 tests with a known output are solved" in page
    solved = hrm("solve", model, "tasks/evaluation/bb.json", "--json")
    assert solved.json["task"] == "bb" and solved.json["test"] == 1
    submitted = json.loads((workplace / "s.json").read_text())["bb"][0]["attempt_1"]
    assert (solved.json["answer"] or [[0]]) == submitted


def test_a_smaller_canvas_from_end_to_end(hrm, workplace):
    written(workplace / "mini", "ma", "mb")
    written(workplace / "mini-new", "mz")
    built = hrm("data", "arc", "mini", "--out", "mini-store", "--variants", 2, "--canvas", 5, "--hold-back", "--json")
    assert built.code == 0 and built.json["puzzle"] == "arc-5x5", built.err
    train = ["train", "mini-arc", "--data.path", "mini-store", "--out", "mini-run", *TINY, "--train.compile", "false"]
    assert hrm(*train).code == 0
    assert hrm("data", "check", "mini-store").code == 0
    result = hrm("eval", "mini-run", "--data", "mini-store", "--sheet", "mini.png", "--submission", "m.json", "--json")
    assert result.code == 0 and result.json["tests"] == 2 and (workplace / "mini.png").exists(), result.err
    solved = hrm("solve", "mini-run", "mini/mb.json", "--json")
    submitted = json.loads((workplace / "m.json").read_text())["mb"][0]["attempt_1"]
    assert solved.code == 0 and (solved.json["answer"] or [[0]]) == submitted, solved.err
    assert hrm("show", "mini-run", "mini/ma.json", "--out", "ma.gif").code == 0
    adapted = hrm("adapt", "mini-run", "mini-new/mz.json", "--out", "mz", "--updates", 1, "--variants", 1, "--json")
    assert adapted.code == 0 and json.loads((workplace / "mz" / "store" / "manifest.json").read_text())["shape"] == [
        5,
        5,
    ]
    large = {"train": [{"input": [[1]], "output": [[1]]}], "test": [{"input": [[0] * 6]}]}
    (workplace / "mini" / "ma.json").write_text(json.dumps(large))  # another grid under a name that the model knows
    refused = hrm("solve", "mini-run", "mini/ma.json")
    assert refused.code == 4 and "'ma' has a grid of 1x6 cells; arc-5x5 takes 5x5 at most" in refused.err
    assert hrm("data", "export", "mini-store", "--out", "mini-official").code == 0
    back = hrm("data", "import", "mini-official", "--out", "mini-back", "--puzzle", "arc-5x5", "--json")
    assert back.code == 0 and back.json["puzzle"] == "arc-5x5" and back.json["splits"]["test"] == 2, back.err


def test_what_the_model_does_not_know_is_refused_and_can_be_learned(hrm, workplace, model):
    written(workplace / "other", "zz")
    refused = hrm("solve", model, "other/zz.json")
    assert refused.code == 2 and "never seen task 'zz'" in refused.err and "hrm adapt MODEL TASK.json" in refused.err
    adapted = hrm("adapt", model, "other/zz.json", "--out", "adapted", "--updates", 1, "--variants", 1, "--json")
    assert adapted.code == 0, adapted.err
    assert list(json.loads((workplace / "adapted" / "submission.json").read_text())) == ["zz"]


def test_how_an_answer_comes_about(hrm, workplace, model):
    task = "tasks/evaluation/bb.json"
    shown = hrm("solve", model, task, "--segments", 3, "--trace")
    assert shown.code == 0 and "bb, test 1" in shown.out and "true output" in shown.out and "segment" in shown.out
    told = hrm("solve", model, task, "--segments", 3, "--trace", "--json").json
    assert [moment["segment"] for moment in told["trace"]] == [1, 2, 3]
    plain = hrm("solve", model, task, "--segments", 3, "--json").json
    assert told["trace"][-1]["answer"] == told["answer"] == plain["answer"]
    drawn = hrm("show", model, task, "--segments", 2, "--out", "bb.gif")
    assert drawn.code == 0 and (workplace / "bb.gif").read_bytes()[:4] == b"GIF8"
    assert "segment" in hrm("show", model, task, "--segments", 2).out
    refused = hrm("show", model, "[[1, 2]]")
    assert refused.code == 2 and "needs the file of a task" in refused.err


def kaggle(folder, name, solutions, *names):
    folder.mkdir(exist_ok=True)
    written(folder / "single", *names)
    tasks = {each: json.loads((folder / "single" / f"{each}.json").read_text()) for each in names}
    answers = {each: [pair.pop("output") for pair in task["test"]] for each, task in tasks.items()}
    (folder / f"{name}_challenges.json").write_text(json.dumps(tasks))
    if solutions:
        (folder / f"{name}_solutions.json").write_text(json.dumps(answers))
    for file in (folder / "single").iterdir():
        file.unlink()


@pytest.mark.slow
def test_hidden_tests_are_answered_and_not_scored(hrm, workplace):
    kaggle(workplace / "kaggle", "x_training", True, "da", "db")
    kaggle(workplace / "kaggle", "x_evaluation", True, "ea")
    kaggle(workplace / "kaggle", "x_test", False, "ta", "tb")
    (workplace / "kaggle" / "broken.json").write_text("{")
    built = hrm("data", "arc", "kaggle", "--out", "kaggle-store", "--variants", 1)
    assert built.code == 0 and "train 12, test 3" in built.out and "hidden_tests 2" in built.out
    assert "skipped 1" in built.err and "broken.json is not JSON" in built.err
    assert hrm("train", "arc-small", "--data.path", "kaggle-store", "--out", "kaggle-run", *TINY).code == 0
    asked = ["eval", "kaggle-run", "--data", "kaggle-store", "--segments", 1]
    result = hrm(*asked, "--submission", "k.json", "--sheet", "k.html")
    assert result.code == 0 and "hidden tests: 2, not scored" in result.out and "of 1 tests" in result.out
    assert sorted(json.loads((workplace / "k.json").read_text())) == ["ea", "ta", "tb"]
    assert (workplace / "k.html").read_text().count("example 1</figcaption>") == 3
    built = hrm("data", "arc", "kaggle/x_test_challenges.json", "--out", "hidden-store", "--variants", 1)
    assert hrm("train", "arc-small", "--data.path", "hidden-store", "--out", "hidden-run", *TINY).code == 0
    asked = ["eval", "hidden-run", "--data", "hidden-store", "--segments", 1]
    result = hrm(*asked, "--submission", "h.json")
    assert result.code == 0 and "h.json: two attempts at each of 2 tests" in result.out and "%" not in result.out
    assert sorted(json.loads((workplace / "h.json").read_text())) == ["ta", "tb"]
    told = hrm(*asked, "--json").json
    assert told["hidden_tests"] == 2 and told["examples"] == 0 and "exact" not in told and "pass_at" not in told
    with pytest.raises(DataError, match="no answer in .*hidden-store is known"):
        evaluate(workplace / "hidden-run", workplace / "hidden-store", segments=1)
    for command in ("report", "analyze"):
        what = ["--what", "halting"] if command == "analyze" else ["--out", "hidden.html"]
        refused = hrm(command, "hidden-run", "--data", "hidden-store", *what)
        assert refused.code == 4 and "no answer in hidden-store is known" in refused.err, refused.err


def test_every_task_broken_is_bad_data(hrm, workplace):
    (workplace / "bad").mkdir()
    for name, content in (("a", "{"), ("b", '{"train": [], "test": []}')):
        (workplace / "bad" / f"{name}.json").write_text(content)
    refused = hrm("data", "arc", "bad", "--out", "bad-store")
    assert refused.code == 4 and "a.json is not JSON" in refused.err and not (workplace / "bad-store").exists()
    missing = hrm("data", "arc", "tasks", "absent.json", "--out", "bad-store")
    assert missing.code == 4 and "absent.json cannot be read" in missing.err


def test_a_list_of_pairs_is_trained_on_and_has_no_test(hrm, workplace, model):
    written(workplace / "re", "aa")
    pairs = json.loads((workplace / "re" / "aa.json").read_text())["train"]
    (workplace / "re" / "aa.json").write_text(json.dumps(pairs))
    built = hrm("data", "arc", "re", "--out", "re-store", "--variants", 1, "--json")
    assert built.code == 0 and built.json["splits"] == {"train": 2}
    refused = hrm("solve", model, "re/aa.json")
    assert refused.code == 2 and "demonstrations only" in refused.err


def test_an_official_layout_of_arc_trains_and_ids_beyond_the_table_are_refused(hrm, workplace, model):
    assert hrm("data", "export", "arc", "--out", "arc-official").code == 0
    back = hrm("data", "import", "arc-official", "--out", "arc-back", "--puzzle", "arc", "--json")
    assert back.code == 0 and back.json["splits"] == {"train": 7, "test": 2}
    assert hrm("eval", model, "--data", "arc-back", "--segments", 1, "--json").json["tests"] == 2
    train = ["train", "arc-small", "--data.path", "arc-back", *TINY]
    assert hrm(*train, "--out", "arc-back-run").code == 0
