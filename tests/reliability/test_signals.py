"""A polite signal at any time changes nothing: the run that goes on ends as the undisturbed one, bit for bit."""

import os
import random
import signal
import time

import pytest

from hrm.checkpoint import load_checkpoint, save_checkpoint
from hrm.cli import main as command_line
from hrm.train import learner
from hrm.train.signals import Interrupted

from .runs import TINY, UPDATES, at, begun, differing, hit, left, ready, tiny

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module")
def undisturbed(start, tmp_path_factory):
    """What a whole run leaves, and how many seconds it trains."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    assert start(*TINY[:-1], 1, "--train.updates", 1, "--out", folder.with_name("first")).ended().code == 0
    running = start(*TINY, "--out", folder)
    ready(running, "folder")
    began = time.monotonic()
    ready(running, f"update {UPDATES}/{UPDATES}  validation")
    seconds = time.monotonic() - began
    assert running.ended().code == 0
    return left(folder), seconds


def driven(start, folder, seconds, rng, signals):
    """Stop a run so many times, and let it finish; return the signals that came to it and the longest time to save."""
    came, longest = 0, 0.0
    while True:
        running = start(*TINY, "--out", folder)
        ready(running, "folder")
        number = rng.choice([signal.SIGINT, signal.SIGTERM])
        if came < signals and hit(running, number, rng.random() * seconds * 0.8):
            came, began = came + 1, time.monotonic()
        result = running.ended()
        if result.code == 0:
            return came, longest
        assert result.code in (CODES[number], -number), result
        longest = max(longest, time.monotonic() - began)
        said = [line for line in result.err.splitlines() if line.startswith("hrm:")]
        assert len(said) == 1 and "Traceback" not in result.err, result.err


@pytest.mark.parametrize("runs, signals", [(1, 4), pytest.param(20, 4, marks=pytest.mark.slow)])
@pytest.mark.timeout(1800)
def test_signals_at_random_times(start, undisturbed, tmp_path, runs, signals):
    whole, seconds = undisturbed
    came, longest = 0, 0.0
    for seed in range(runs):
        more, saving = driven(start, tmp_path / str(seed), seconds, random.Random(seed), signals)
        came, longest = came + more, max(longest, saving)
        assert differing(whole, left(tmp_path / str(seed))) == [], seed
    print(f"{came} signals, saved and exited within {longest:.1f} s; one undisturbed run: {seconds:.1f} s")
    assert came >= runs * signals * 3 // 4  # the others came when the run had ended


class Killed(BaseException):
    """Stands for SIGKILL: nothing is tidied up in the folder."""


def evaluating(monkeypatch, update, act, run):
    """Act after the first batch of an evaluation."""

    def evaluate(solver, split, segments, progress, **more):
        def told(done, total):
            if run.update == update and 0 < done < total:
                act()
            progress(done, total)

        return original(solver, split, segments, progress=told, **more)

    original = learner.evaluate
    monkeypatch.setattr(learner, "evaluate", evaluate)


def saving(monkeypatch, update, act, run, when="before"):
    """Act before or after a checkpoint with the state is written."""

    def save(folder, *, with_state, **more):
        acts = with_state and run.update == update
        if acts and when == "before":
            act()
        original(folder, with_state=with_state, **more)
        if acts and when == "after":
            act()

    original = run.save
    run.save = save


def ask():
    os.kill(os.getpid(), signal.SIGTERM)


def die():
    raise Killed


PLACES = {
    "in an update that is due for evaluation": lambda m, run: at(5, ask, run),
    "in an update that ends a window": lambda m, run: at(6, ask, run),
    "in an update inside a window": lambda m, run: at(8, ask, run),
    "in an evaluation": lambda m, run: evaluating(m, 10, ask, run),
    "while a checkpoint is saved": lambda m, run: saving(m, 7, ask, run),
    "in the last update": lambda m, run: at(UPDATES, ask, run),
    "in the last evaluation": lambda m, run: evaluating(m, UPDATES, ask, run),
    "kill before the checkpoint after an evaluation": lambda m, run: saving(m, 7, die, run),
    "kill after a checkpoint inside a window": lambda m, run: saving(m, 7, die, run, "after"),
    "kill in an evaluation": lambda m, run: evaluating(m, 10, die, run),
}

pytestmark = pytest.mark.usefixtures("no_figures", "no_shape_checks")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What undisturbed runs leave: with validation puzzles, and without any."""
    place = tmp_path_factory.mktemp("whole")
    configs = {count: tiny(**{"data.validation": count}) for count in (20, 0)}
    for count, config in configs.items():
        begun(place / str(count), config).fit()
    return place, {count: (config, left(place / str(count))) for count, config in configs.items()}


@pytest.mark.parametrize("validation", [20, 0])
@pytest.mark.parametrize("place", PLACES)
def test_a_signal_in_any_place(whole, tmp_path, place, validation):
    if "evaluation" in place and "in an update" not in place and not validation:
        pytest.skip("nothing is evaluated")
    home, expected = whole
    config, expected = expected[validation]
    folder = home / f"{list(PLACES).index(place)}-{validation}"
    with pytest.MonkeyPatch.context() as patch:
        run = begun(folder, config)
        PLACES[place](patch, run)
        with pytest.raises((Interrupted, Killed)):
            run.fit()
    again = begun(folder, config)
    assert again.fit().updates == UPDATES
    assert differing(expected, left(folder)) == []
    assert begun(folder, config).fit().best == again.fit().best  # a finished run stays as it is
    assert differing(expected, left(folder)) == []


def test_an_evaluation_that_is_cut_short_twice(whole):
    """The run that goes on is told to stop while it makes up for the evaluation, and is then killed after it."""
    home, expected = whole
    config, expected = expected[20]
    folder = home / "twice"
    for prepare in (
        lambda m, run: at(10, ask, run),
        lambda m, run: evaluating(m, 10, ask, run),
        lambda m, run: saving(m, 10, die, run),
    ):
        with pytest.MonkeyPatch.context() as patch:
            run = begun(folder, config)
            prepare(patch, run)
            with pytest.raises((Interrupted, Killed)):
                run.fit()
    begun(folder, config).fit()
    assert differing(expected, left(folder)) == []


def test_a_checkpoint_of_an_older_version_resumes(whole):
    """It says nothing of evaluations and has no part of a window."""
    home, expected = whole
    config, expected = expected[20]
    run = begun(home / "older", config)
    run.fit(until=12)
    newest = home / "older" / "checkpoints" / "update-000012"
    saved = load_checkpoint(newest, with_state=True)
    save_checkpoint(
        newest, config=saved.config, weights=saved.weights,
        state={name: tensor for name, tensor in saved.state.items() if not name.startswith("window/")},
        meta={name: value for name, value in saved.meta.items() if name not in ("evaluated", "window_s")},
    )  # fmt: skip
    begun(home / "older", config).fit()
    assert differing(expected, left(home / "older")) == []


def test_a_second_signal_ends_at_once_and_what_was_saved_stays(whole):
    home, expected = whole
    config, expected = expected[20]
    folder = home / "second"
    run = begun(folder, config)

    def twice():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    at(9, twice, run)
    with pytest.raises(KeyboardInterrupt):
        run.fit()
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["update-000007"]
    begun(folder, config).fit()
    assert differing(expected, left(folder)) == []


@pytest.mark.parametrize("number, said", [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "terminated")])
@pytest.mark.parametrize("wrap", ["from it", "while it is handled", "twice"])
def test_a_signal_inside_a_library_that_makes_an_error_of_its_own_of_it(monkeypatch, capsys, number, said, wrap):
    def library():
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        except BaseException as error:
            if wrap == "while it is handled":
                raise ImportError("half imported")  # noqa: B904
            raise RuntimeError("Error calling __set_name__") from error

    def command(*arguments, **more):
        try:
            library()
        except RuntimeError as error:
            if wrap == "twice":
                raise AttributeError("not there") from error
            raise

    monkeypatch.setattr(command_line, "app", command)
    old = signal.signal(signal.SIGTERM, command_line._terminate)  # as the installed command does
    try:
        assert command_line.main(["train"]) == CODES[number]
    finally:
        signal.signal(signal.SIGTERM, old)
    assert capsys.readouterr().err == f"hrm: {said}\n"


def test_an_error_without_a_signal_is_not_called_one(monkeypatch):
    def command(*arguments, **more):
        try:
            raise ValueError("a fault")
        except ValueError as error:
            raise RuntimeError("of our own") from error

    monkeypatch.setattr(command_line, "app", command)
    with pytest.raises(RuntimeError, match="of our own"):
        command_line.main(["train"])
