"""Models go to a hub and come back as they were; what is no model, or not as promised, is refused."""

import json
import os
import pickle
import socket
import subprocess
import sys
import time

import pytest
import torch
import yaml
from huggingface_hub import constants
from huggingface_hub.utils import close_session

import hrm
from hrm.cli.main import main
from hrm.errors import DataError, HrmError, UsageError
from hrm.hub import fetch

PUZZLE, ANSWER = "..1.4.....2.3...", "2314413214233241"
FILES = {"README.md", "config.json", "manifest.json", "model.safetensors"}


@pytest.fixture(scope="module")
def solver():
    return hrm.load("sudoku-4x4", device="cpu")


@pytest.fixture(scope="module")
def folder(solver, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    solver.save_pretrained(folder, repo_id="me/four")
    return folder


@pytest.fixture
def commit(hub, folder):
    return hub.add("me/four", folder)


def front_matter(text):
    _, block, body = text.split("---\n", 2)
    return yaml.safe_load(block), body


def test_a_saved_model_has_the_files_of_the_hub(folder, solver):
    assert {file.name for file in folder.iterdir()} == FILES
    assert json.loads((folder / "config.json").read_text()) == solver.origin.config.model_dump(mode="json")
    for again in (hrm.load(folder, device="cpu"), hrm.Solver.from_pretrained(folder, device="cpu")):
        assert again.solve(PUZZLE).answer == ANSWER and again.origin.config == solver.origin.config
        assert all(torch.equal(a, b) for a, b in zip(again.model.parameters(), solver.model.parameters(), strict=True))


def test_the_card_states_license_data_and_results(folder):
    data, body = front_matter((folder / "README.md").read_text())
    assert data["license"] == "apache-2.0" and "sudoku-4x4" in data["tags"]
    [index] = data["model-index"]
    [result] = index["results"]
    assert result["dataset"]["split"] == "validation" and result["metrics"][0]["value"] == 1.0
    assert "Training data (digest" in body and 'hrm.load("hf:me/four")' in body and "FOLDER" not in body


def test_records_of_these_weights_become_results(tmp_path, solver):
    record, sha256 = tmp_path / "record.json", solver.origin.weights_sha256
    measured = {
        "task": "sudoku-4x4", "examples": 1000, "exact": 0.997, "exact_ci95": [0.991, 0.999],
        "data": {"name": "mine.csv"}, "protocol": {"weights_sha256": sha256, "segments": 8},
    }  # fmt: skip
    record.write_text(json.dumps(measured))
    solver.save_pretrained(tmp_path / "out", model_card_kwargs={"records": [record], "license": "mit", "tags": ["x"]})
    data, body = front_matter((tmp_path / "out" / "README.md").read_text())
    results = data["model-index"][0]["results"]
    assert [result["metrics"][0]["value"] for result in results] == [1.0, 0.997]
    assert results[1]["dataset"] == {"name": "mine.csv", "type": "mine.csv"} and data["license"] == "mit"
    assert "x" in data["tags"] and "| mine.csv | 1,000 | 8 | 99.7% | 99.1% – 99.9% |" in body
    measured["protocol"]["weights_sha256"] = "0" * 64
    record.write_text(json.dumps(measured))
    with pytest.raises(UsageError, match="record.json is of other weights"):
        solver.save_pretrained(tmp_path / "no", model_card_kwargs={"records": [record]})
    record.write_text("[1]")
    with pytest.raises(DataError, match="record.json is not a record"):
        solver.save_pretrained(tmp_path / "no", model_card_kwargs={"records": [record]})
    assert not (tmp_path / "no").exists()
    assert main(["push", "sudoku-4x4", "me/four", "--record", str(record)]) == 4


def test_every_command_takes_a_name_on_the_hub(hub, commit, capsys, caplog, tmp_path):
    name = f"hf:me/four@{commit}"
    assert main(["solve", name, PUZZLE]) == 0
    said = capsys.readouterr()
    assert said.out.startswith(ANSWER) and f"model: {name}" in said.err and not caplog.records
    asked = len(hub.requests)
    csv = tmp_path / "puzzles.csv"
    csv.write_text(f"question,answer\n{PUZZLE},{ANSWER}\n")
    assert main(["eval", name, "--data", str(csv), "--json", "--cache", str(tmp_path / "stores")]) == 0
    assert json.loads(capsys.readouterr().out)["exact"] == 1.0
    assert main(["params", name, "--json"]) == 0
    assert main(["show", name, PUZZLE, "--json"]) == 0
    assert len(hub.requests) == asked


def test_a_revision_that_is_no_commit_gets_a_note(hub, commit, capsys, caplog):
    assert hrm.load("hf:me/four", device="cpu").solve(PUZZLE).verified
    [note] = caplog.records
    assert note.getMessage() == f"hf:me/four is now hf:me/four@{commit}: write that to get the same weights every time"
    hub.repositories["me/four"].branches["v1"] = commit
    assert main(["params", "hf:me/four@v1"]) == 0
    assert caplog.records[-1].getMessage().startswith(f"hf:me/four@v1 is now hf:me/four@{commit}:")


def test_a_model_is_pushed_and_comes_back(hub, capsys, tmp_path, solver):
    assert main(["push", "sudoku-4x4", "team/four", "--private", "--license", "mit"]) == 0
    url = capsys.readouterr().out.strip()
    repository = hub.repositories["team/four"]
    commit = repository.branches["main"]
    assert url == f"{hub.url}/team/four/commit/{commit}" and repository.private
    assert set(repository.commits[commit]) == FILES | {".gitattributes"}
    assert "license: mit" in repository.commits[commit]["README.md"].decode()
    again = hrm.Solver.from_pretrained("team/four", revision=commit, device="cpu", cache_dir=tmp_path / "own")
    assert again.solve(PUZZLE).answer == ANSWER and (tmp_path / "own" / "models--team--four").is_dir()
    assert not hub.cache.exists()
    solver.push_to_hub("four", branch="next", commit_message="hello")
    own = hub.repositories["me/four"]
    assert set(own.branches) == {"main", "next"} and set(own.commits[own.branches["main"]]) == {".gitattributes"}
    assert 'hrm.load("hf:me/four")' in own.commits[own.branches["next"]]["README.md"].decode()
    asked = len(hub.requests)
    assert main(["push", "sudoku-4x4", "team/four", "--out", str(tmp_path / "look")]) == 0
    assert {file.name for file in (tmp_path / "look").iterdir()} == FILES and len(hub.requests) == asked


def test_pushing_without_a_login_says_so(hub, monkeypatch, capsys):
    monkeypatch.setenv("HF_TOKEN", "wrong")
    assert main(["push", "sudoku-4x4", "team/four"]) in (1, 2)
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("hrm: ")]
    assert "team/four" in line and "log in" in line


def test_what_was_fetched_works_without_a_hub(hub, commit, monkeypatch, caplog):
    first = hrm.load("hf:me/four", device="cpu")
    hub.server.shutdown()
    hub.server.server_close()
    close_session()
    for name in ("hf:me/four", f"hf:me/four@{commit}"):
        fetch.folder_of.cache_clear()
        assert hrm.load(name, device="cpu").origin.path == first.origin.path
    # what was never fetched is asked for once
    caplog.clear()
    began = time.monotonic()
    for name in ("hf:me/other", f"hf:me/other@{commit}"):
        with pytest.raises(HrmError, match="me/other on the hub is not in the cache, and the hub is out of reach"):
            hrm.load(name)
    assert time.monotonic() - began < 5
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    close_session()
    for name in ("me/four", f"me/four@{commit}"):
        assert hrm.Solver.from_pretrained(name, device="cpu").origin.path == first.origin.path
    with pytest.raises(HrmError, match="me/other on the hub is not in the cache"):
        hrm.load("hf:me/other")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    close_session()
    again = hrm.Solver.from_pretrained("me/four", local_files_only=True, device="cpu")
    assert again.origin.path == first.origin.path
    with pytest.raises(HrmError, match="me/other on the hub is not in the cache"):
        hrm.Solver.from_pretrained("me/other", local_files_only=True)


def test_a_network_that_swallows_everything_is_given_up_soon(hub, monkeypatch):
    with socket.create_server(("127.0.0.1", 0), backlog=8) as deaf:  # it never answers
        place = f"http://127.0.0.1:{deaf.getsockname()[1]}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", place)
        monkeypatch.setattr(fetch, "PATIENCE_S", 0.5)
        began = time.monotonic()
        with pytest.raises(HrmError, match="the hub is out of reach"):
            hrm.load("hf:me/deaf")
        assert time.monotonic() - began < 5


def test_a_busy_hub_is_asked_again_which_is_said_once(hub, commit, monkeypatch, caplog):
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    hub.busy = 4
    assert hrm.load("hf:me/four", device="cpu").solve(PUZZLE).answer == ANSWER
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert [line for line in said if line.startswith("waiting for the hub")] == said[:1] and hub.busy == 0


@pytest.mark.parametrize("name, code, named", [
    ("hf:me/none", 2, "there is no model me/none on the hub, or it is not yours to see"),
    ("hf:me/four@gone", 2, "me/four on the hub has no revision 'gone'"),
    ("hf:four", 2, "'hf:four' is not the name of a model on the hub: write hf:ORG/NAME"),
    ("hf:me/../four", 2, "is not the name of a model on the hub"),
    ("hf:me/four@../../x", 2, "is not the name of a model on the hub"),
    ("hf:me/four@a b", 2, "is not the name of a model on the hub"),
    ("hf:", 2, "is not the name of a model on the hub"),
    ("hf:me/gated", 1, "me/gated on the hub is gated: accept its terms"),
    ("hf:me/pickle", 4, "me/pickle on the hub has no whole checkpoint of this package; `hrm import` reads"),
])  # fmt: skip
def test_names_of_nothing_are_refused_in_one_line(hub, commit, capsys, name, code, named):
    hub.repositories["me/gated"] = hub.repositories["me/four"]
    hub.gated.add("me/gated")
    pickled = hub.repositories.setdefault("me/pickle", type(hub.repositories["me/four"])())
    pickled.commit({"pytorch_model.bin": pickle.dumps({}), "config.json": b"{}"})
    for command in (["solve", name, PUZZLE], ["params", name]):
        assert main(command) == code
        [line] = capsys.readouterr().err.splitlines()
        assert named in line
    assert not any(".bin" in request for request in hub.requests)


def manifest_with(change):
    """Return the files of a model whose manifest was changed before it was published, unsealed."""

    def of(files):
        manifest = json.loads(files["manifest.json"])
        change(manifest)
        return files | {"manifest.json": json.dumps(manifest).encode()}

    return of


def weights_with(change):
    return lambda files: files | {"model.safetensors": change(files["model.safetensors"])}


def entry(name):
    return manifest_with(lambda m: m["files"].update({name: {"bytes": 3, "sha256": "0" * 64}}))


HOSTILE = {
    "traversal": (entry("../../../evil"), "manifest.json lists '../../../evil', which no model for use has"),
    "absolute": (entry("/etc/passwd"), "lists '/etc/passwd'"),
    "pickle": (entry("pytorch_model.bin"), "lists 'pytorch_model.bin'"),
    "itself": (entry("manifest.json"), "lists 'manifest.json'"),
    "no list": (lambda files: files | {"manifest.json": b'{"files": 3}'}, "does not say which files a model has"),
    "deep": (lambda files: files | {"manifest.json": b"[" * 100_000}, "does not say which files a model has"),
    "no weights": (lambda files: {n: f for n, f in files.items() if "safe" not in n}, "no whole checkpoint"),
    "longer": (weights_with(lambda weights: weights + b"x"), "its manifest.json says"),
    "flipped": (
        weights_with(lambda weights: weights[:-1] + bytes([weights[-1] ^ 1])),
        "model.safetensors is damaged: its content is not what was saved",
    ),
    "unsealed": (manifest_with(lambda m: m["meta"].update(update=1)), "manifest.json is damaged"),
    "config": (lambda files: files | {"config.json": b" " * len(files["config.json"])}, "config.json is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_not_as_promised_is_refused(hub, commit, capsys, tmp_path, kind):
    change, named = HOSTILE[kind]
    repository = hub.repositories["me/four"]
    bad = repository.commit({})
    repository.commits[bad] = change(repository.commits[commit])
    assert main(["solve", f"hf:me/four@{bad}", PUZZLE]) == 4
    [line] = capsys.readouterr().err.splitlines()
    assert named in line
    assert not list(tmp_path.rglob("*evil*")) and not list(tmp_path.rglob("*.bin"))


@pytest.mark.parametrize("file, size", [("manifest.json", 1 << 21), ("model.safetensors", 9 << 30)])
def test_a_file_that_is_too_large_is_refused_before_it_is_sent(hub, commit, capsys, file, size):
    hub.claims[file] = size
    assert main(["solve", f"hf:me/four@{commit}", PUZZLE]) == 4
    assert f"{file} has {size} bytes (allowed: " in capsys.readouterr().err
    assert not any(request.startswith("GET") and request.endswith(file) for request in hub.requests)


def test_a_card_that_was_edited_or_removed_is_no_damage(hub, commit, capsys):
    files = hub.repositories["me/four"].commits[commit]
    files["README.md"] += b"More.\n"
    assert main(["solve", f"hf:me/four@{commit}", PUZZLE]) == 0
    assert "README.md was edited or removed since it was saved" in capsys.readouterr().err


def test_without_huggingface_hub_the_message_says_what_to_install(monkeypatch, capsys, solver, tmp_path):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    fetch.folder_of.cache_clear()
    assert main(["solve", "hf:me/four", PUZZLE]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line == "hrm: models on the hub need huggingface_hub: pip install 'hierarchical-reasoning[hub]'"
    assert main(["push", "sudoku-4x4", "me/four"]) == 2
    assert "pip install 'hierarchical-reasoning[hub]'" in capsys.readouterr().err
    assert not (tmp_path / "saved").exists()


def test_the_command_finds_the_hub_of_the_environment(hub, commit, tmp_path):
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "hrm", "solve", "hf:me/four", PUZZLE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()[0]) == (0, ANSWER), done.stderr
    assert done.stderr.splitlines()[0].startswith("hf:me/four is now hf:me/four@")
