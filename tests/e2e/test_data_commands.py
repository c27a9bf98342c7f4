"""``hrm data fetch | import | export | check`` as a user meets them, without a network."""

import json
import zipfile

import pytest

TASK = '{"train": [{"input": [[0]], "output": [[1]]}], "test": [{"input": [[2]], "output": [[3]]}]}'


@pytest.fixture(scope="module")
def store(hrm, workplace):
    arguments = ["data", "build", "sudoku-6x6", "--out", "checked", "--train", 20, "--test", 10]
    assert hrm(*arguments).code == 0
    return "checked"


def one_line(result, code, *said):
    assert result.code == code, (result.code, result.err)
    last = [line for line in result.err.splitlines() if line.startswith("hrm: ")]
    assert len(last) == 1 and "Traceback" not in result.err
    for words in said:
        assert words in last[0], last[0]


def test_a_store_is_checked_and_its_splits_are_proven_apart(hrm, store):
    result = hrm("data", "check", store, "--json")
    assert result.code == 0, result.err
    assert result.json["clean"] and result.json["rows"] == {"train": 20, "test": 10}
    assert result.json["separations"] == [{"part": "test", "of": "train", "twins": 0}]


def test_a_bad_file_is_reported_row_by_row_and_ends_with_4(hrm, workplace, csv_4x4):
    bad = workplace / "twice.csv"
    bad.write_text(csv_4x4.read_text() + csv_4x4.read_text().splitlines()[2] + "\n" + "a," + "." * 16 + ",,\n")
    result = hrm("data", "check", "twice.csv")
    one_line(result, 4, "twice.csv is not clean", "1 duplicate (twice.csv)", "1 several solutions (twice.csv)")
    assert "row 5: row 2" in result.out and "row 6" in result.out
    result = hrm("data", "check", csv_4x4, "--apart-from", "twice.csv", "--json")
    assert result.code == 4 and result.json["separations"] == [{"part": "four.csv", "of": "twice.csv", "twins": 4}]


def test_the_official_layout_goes_there_and_back(hrm, workplace, store):
    assert hrm("data", "export", store, "--out", "official", "--json").json["splits"] == {"train": 20, "test": 10}
    assert json.loads((workplace / "official" / "train" / "dataset.json").read_text())["total_groups"] == 20
    back = hrm("data", "import", "official", "--out", "back", "--puzzle", "sudoku-6x6", "--json")
    assert back.json["digest"] == json.loads((workplace / store / "manifest.json").read_text())["digest"]
    one_line(hrm("data", "import", "official", "--out", "again", "--puzzle", "sudoku-9x9"), 4, "seq_len 36")


def test_a_set_is_taken_from_what_the_user_has(hrm, workplace):
    from hrm.data.sources.hub import DATA_SETS

    with zipfile.ZipFile(workplace / "concept.zip", "w") as archive:
        for part in DATA_SETS["concept-arc"].parts:
            for number in range(1, 11):
                archive.writestr(f"ConceptARC-main/corpus/{part.name}/{part.name}{number}.json", TASK)
            archive.writestr(f"ConceptARC-main/corpus/{part.name}/{part.name}Minimal.json", TASK)
    result = hrm("data", "fetch", "concept-arc", "--from", "concept.zip", "--json")
    assert result.code == 0, result.err
    assert result.json["path"] == "data/concept-arc" and len(result.json["sha256"]) == 16
    folder = workplace / "data" / "concept-arc"
    assert len(list(folder.glob("*/*.json"))) == 160 and (folder / "fetched.json").is_file()
    again = hrm("data", "fetch", "concept-arc")  # all is there: no host is asked
    assert again.code == 0 and "license: MIT" in again.out
    (folder / "Copy" / "Copy1.json").write_text(TASK.replace("3", "4"))
    one_line(hrm("data", "fetch", "concept-arc"), 4, "Copy is not that of concept-arc")


def test_what_is_not_the_published_set_is_refused(hrm, workplace):
    (workplace / "mine").mkdir()
    (workplace / "mine" / "train.csv").write_text("question,answer\n")
    one_line(hrm("data", "fetch", "maze-hard", "--from", "mine"), 4, "train.csv is not that of maze-hard", "sha256")


def test_without_a_network_one_line_says_what_to_get(hrm, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9/")  # nobody listens there
    result = hrm("data", "fetch", "sudoku-extreme", "--out", "offline")
    url = "http://127.0.0.1:9/datasets/sapientinc/sudoku-extreme/resolve/58942f96baeb572ca3127e2a9e9c70f330783d6b/train.csv"
    one_line(result, 1, url, "put it at offline/train.csv", "--from PATH")
