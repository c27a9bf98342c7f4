"""A run folder in any state: what a killed run left behind goes, and what somebody did to its files is no matter."""

import json
import shutil

import pytest
from rich.console import Console

from hrm import recipes
from hrm.errors import DataError, UsageError
from hrm.files import tidy
from hrm.inference.load import load
from hrm.train.run_folder import claim
from hrm.train.trainer import Trainer

CONFIG = recipes.get("smoke", {
    "model.width": 32, "model.puzzle_width": 32, "data.train": 20, "data.validation": 10, "train.updates": 4,
    "train.batch_size": 4, "train.checkpoint_every": 2, "eval.every": 2, "eval.segments": 1, "halting.max_segments": 2,
})  # fmt: skip

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture(scope="module")
def paused(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paused") / "run"
    Trainer(CONFIG, folder, console=Console(quiet=True)).fit(until=2)
    return folder


@pytest.fixture
def run(paused, tmp_path):
    shutil.copytree(paused.parent, tmp_path / "place")
    return tmp_path / "place" / "run"


def finished(folder, config=CONFIG):
    return Trainer(config, folder, console=Console(quiet=True)).fit()


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


WHOLE = CONFIG.to_toml()
EDITED = {
    "emptied": b"",
    "cut short": WHOLE.encode()[:100],
    "in another encoding": WHOLE.replace("smoke", "sm\xf6ke").encode("latin-1"),
    "in UTF-16": WHOLE.encode("utf-16"),
    "no TOML": b"lr = = 3",
    "with an unknown key": WHOLE.encode() + b"\n[extra]\nkey = 1\n",
    "with another learning rate": WHOLE.replace("lr = 0.002", "lr = 0.5").encode(),
    "of zeros": bytes(2000),
}


@pytest.mark.parametrize("content", EDITED.values(), ids=EDITED)
def test_an_edited_configuration_beside_the_checkpoints_is_no_matter(run, content):
    (run / "config.toml").write_bytes(content)
    assert claim(run, CONFIG) == "resumes the run that is there"
    with pytest.raises(UsageError, match="holds a run with another configuration .optim.lr 0.002 → 0.5"):
        claim(run, CONFIG.changed("optim.lr", 0.5))
    assert (run / "config.toml").read_bytes() == content


def test_it_is_written_again(run):
    for spoil in (lambda file: file.write_bytes(b""), lambda file: file.unlink()):
        spoil(run / "config.toml")
        assert finished(run).updates == 4 and (run / "config.toml").read_text() == WHOLE


def test_a_damaged_newest_checkpoint_does_not_speak_for_the_run(run):
    newest = run / "checkpoints" / "update-000002"
    for file in ("config.toml", "manifest.json"):
        content = (newest / file).read_bytes()
        for bad in (b"", content[:-3], content.replace(b"0", b"1")):
            (newest / file).write_bytes(bad)
            assert claim(run, CONFIG) == "resumes the run that is there"  # by `best`
        (newest / file).write_bytes(content)
    for place in (newest, run / "best"):
        (place / "config.toml").unlink()
    with pytest.raises(DataError, match="no checkpoint of .* can be used"):
        claim(run, CONFIG)


def test_the_best_weights_of_a_run_without_its_checkpoints_are_not_trained_over(run):
    finished(run)
    shutil.rmtree(run / "checkpoints")
    saved = {str(path): path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for card in (True, False):
        if not card:
            (run / "README.md").unlink()  # it was never finished, but came beyond its first checkpoint
            del saved[str(run / "README.md")]
        with pytest.raises(UsageError, match=rf"those of update 4, but no checkpoint .* --init {run} starts from"):
            finished(run)
        assert {str(path): path.read_bytes() for path in run.rglob("*") if path.is_file()} == saved


def test_a_run_that_was_killed_before_its_first_checkpoint_begins_again(run):
    """It had evaluated already, so ``best`` lies there."""
    shutil.rmtree(run / "checkpoints")
    assert claim(run, CONFIG) == "begins again: it was stopped before its first checkpoint"
    assert finished(run).updates == 4


def test_what_lies_in_the_folder_counts_when_training_begins(run):
    """Another run may have used the folder since the trainer was made."""
    place = run.parent / "other"
    first, second = (
        Trainer(config, place, console=Console(quiet=True)) for config in (CONFIG, CONFIG.changed("optim.lr", 0.5))
    )
    first.fit()
    with pytest.raises(UsageError, match="holds a run with another configuration .optim.lr 0.002 → 0.5"):
        second.fit()


@pytest.mark.parametrize("theirs", [
    {"notes.txt": ""}, {"config.toml": "theirs = 1"}, {"config.toml": ""}, {"checkpoints/epoch-1": ""}, {"best/x": ""},
    {"checkpoints/update-1/model.bin": ""}, {"config.toml": "", "checkpoints/update-000001/manifest.json": "{}"},
])  # fmt: skip
def test_a_folder_that_is_not_ours_is_left_alone(tmp_path, theirs):
    for name, content in theirs.items():
        (tmp_path / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / name).write_text(content)
    with pytest.raises(UsageError, match="is not a run folder: nothing was changed"):
        claim(tmp_path / "work", CONFIG)
    found = {
        str(p.relative_to(tmp_path / "work")): p.read_text() for p in (tmp_path / "work").rglob("*") if p.is_file()
    }
    assert found == theirs


def test_a_swap_of_the_best_weights_that_was_cut_short_is_undone(run):
    """Killed between the two renames; then there are leftovers of both names, and no ``best``."""
    before = json.loads((run / "best" / "manifest.json").read_text())
    shutil.copytree(run / "best", run / ".best.tmp-0123abcd")
    (run / "best").rename(run / ".best.old-0123abcd")
    assert load(run, "cpu").origin.path.parent == run / "checkpoints"  # nobody but the writer tidies up
    trainer = Trainer(CONFIG, run, console=Console(quiet=True))
    assert trainer.fit(until=2).best["update"] == 2
    assert json.loads((run / "best" / "manifest.json").read_text()) == before
    assert names(run) == [".lock", "best", "checkpoints", "config.toml", "metrics.csv", "metrics.jsonl"]


def test_whatever_is_left_over_goes_and_nothing_else(tmp_path):
    left = [".best.tmp-00000000", ".update-000001.gone-0123abcd", ".metrics.jsonl.tmp-ffffffff", ".x.probe-00000000"]
    kept = ["best", ".lock", ".best.tmp-0", ".best.tmp-0123ABCD", "best.tmp-00000000", ".git", ".x.other-00000000"]
    for number, name in enumerate([*left, *kept]):
        if number % 2:
            (tmp_path / name).write_text("")
        else:
            (tmp_path / name / "deep").mkdir(parents=True)
    (tmp_path / ".best.old-00000000").mkdir()
    (tmp_path / ".gone.old-00000000").write_text("came back")
    tidy(tmp_path)
    assert names(tmp_path) == sorted([*kept, "gone"])
    tidy(tmp_path / "absent")
    tidy(tmp_path / "gone")
