"""``hrm data arc``, ``train``, ``eval``, ``solve`` and ``adapt`` on ARC tasks, as a user meets them."""

import json

import numpy as np
import pytest

TINY = ["--train.updates", 2, "--train.batch-size", 4, "--model.width", 32, "--model.puzzle-width", 32,
        "--model.l-layers", 1, "--halting.max-segments", 1, "--train.device", "cpu"]  # fmt: skip


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
    assert "aa, test 1" in page and "bb, test 1" in page and "of 2 tests with a known output are hit" in page
    solved = hrm("solve", model, "tasks/evaluation/bb.json", "--json")
    assert solved.json["task"] == "bb" and solved.json["test"] == 1
    submitted = json.loads((workplace / "s.json").read_text())["bb"][0]["attempt_1"]
    assert (solved.json["answer"] or [[0]]) == submitted


def test_what_the_model_does_not_know_is_refused_and_can_be_learnt(hrm, workplace, model):
    written(workplace / "other", "zz")
    refused = hrm("solve", model, "other/zz.json")
    assert refused.code == 2 and "never seen task 'zz'" in refused.err and "hrm adapt MODEL TASK.json" in refused.err
    adapted = hrm("adapt", model, "other/zz.json", "--out", "adapted", "--updates", 1, "--variants", 1, "--json")
    assert adapted.code == 0, adapted.err
    assert list(json.loads((workplace / "adapted" / "submission.json").read_text())) == ["zz"]
