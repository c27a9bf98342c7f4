"""Callbacks hear of a run in order, loggers are optional, and a folder is nobody else's."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
from rich.console import Console

from hrm import recipes
from hrm.errors import UsageError
from hrm.train.callbacks import Callback
from hrm.train.log import read_metrics
from hrm.train.loggers import Logger, MLflow, TensorBoard, WeightsAndBiases
from hrm.train.trainer import Trainer

SMALL = {
    "model.width": 32, "data.train": 40, "data.validation": 10, "train.updates": 6, "train.batch_size": 8,
    "train.log_every": 2, "train.checkpoint_every": 3, "eval.every": 3, "eval.segments": 2, "halting.max_segments": 2,
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def run(folder, cache, *callbacks, **changes):
    config = recipes.get("smoke", SMALL | changes)
    return Trainer(config, str(folder), str(cache), console=Console(quiet=True), callbacks=callbacks)


class Kept(Logger):
    def __init__(self):
        self.seen = []

    def write(self, values, update):
        self.seen.append((update, values))


class Heard:
    def __init__(self):
        self.events = []

    def __getattr__(self, name):
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda argument: self.events.append((name, argument))


def test_events_come_in_order_with_what_the_log_holds(tmp_path, cache):
    heard = Heard()
    outcome = run(tmp_path / "run", cache, heard, Callback()).fit()
    names = [name for name, _ in heard.events]
    assert names == [
        "on_start", "on_log", "on_evaluation", "on_checkpoint", "on_log", "on_log", "on_evaluation", "on_checkpoint",
        "on_end",
    ]  # fmt: skip
    metrics = [argument for name, argument in heard.events if name == "on_log"]
    assert [line["update"] for line in metrics] == [2, 4, 6] and all(line["loss"] > 0 for line in metrics)
    evaluated = [argument for name, argument in heard.events if name == "on_evaluation"]
    assert [line["examples"] for line in evaluated] == [10, 10] and 0 <= evaluated[0]["exact"] <= 1
    assert heard.events[-1][1] is outcome


def test_an_evaluation_solves_training_puzzles_too_where_it_is_asked_to(tmp_path, cache):
    heard = Heard()
    trainer = run(tmp_path / "run", cache, heard, logger := Kept(), **{"eval.training": 7})
    trainer.fit()
    evaluated = [argument for name, argument in heard.events if name == "on_evaluation"]
    assert [line["training_examples"] for line in evaluated] == [7, 7] and [line["examples"] for line in evaluated] == [
        10,
        10,
    ]
    logged = [line for line in read_metrics(tmp_path / "run/metrics.jsonl") if "validation_exact" in line]
    assert [line["training_cell"] for line in logged] == [line["training_cell"] for line in evaluated]
    assert [values for update, values in logger.seen if "training/exact" in values and update == 3]
    first = trainer.splits["train"].take(slice(7))
    assert (
        evaluated[-1]["training_cell"] == trainer._learner.evaluate(trainer.store.puzzle, first, lambda: False)["cell"]
    )


def test_the_end_is_heard_of_even_after_a_failure_and_part_of_the_methods_will_do(tmp_path, cache):
    class Refuses:
        def on_log(self, metrics):
            raise RuntimeError("enough")

    ended = []
    with pytest.raises(RuntimeError, match="enough"):
        run(tmp_path / "run", cache, Refuses(), SimpleNamespace(on_end=ended.append)).fit()
    assert ended == [None]


def test_callbacks_change_nothing(tmp_path, cache):
    first, second = run(tmp_path / "a", cache), run(tmp_path / "b", cache, Heard())
    first.fit(), second.fit()
    pairs = zip(first.model.parameters(), second.model.parameters(), strict=True)
    assert all(bool((p == q).all()) for p, q in pairs)


def test_tensorboard_gets_every_number_of_the_log(tmp_path, cache, monkeypatch):
    scalars, closed = {}, []

    class Writer:
        def __init__(self, folder, purge_step):
            assert folder == str(tmp_path / "run" / "tensorboard") and purge_step == 1

        def add_text(self, name, text):
            assert "[model]" in text

        def add_scalar(self, name, value, step):
            scalars.setdefault(name, []).append(step)

        def close(self):
            closed.append(True)

    module = ModuleType("torch.utils.tensorboard")
    module.SummaryWriter = Writer
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    run(tmp_path / "run", cache, TensorBoard()).fit()
    assert scalars["train/loss"] == [2, 4, 6] and scalars["validation/exact"] == [3, 6] and closed == [True]


def test_weights_and_biases_is_offline_unless_told(tmp_path, cache, monkeypatch):
    begun, logged, ended = [], [], []

    def init(**settings):
        begun.append(settings)
        return SimpleNamespace(
            log=lambda values, step: logged.append((step, values)), finish=lambda exit_code: ended.append(exit_code)
        )

    module = ModuleType("wandb")
    module.init = init
    monkeypatch.setitem(sys.modules, "wandb", module)
    run(tmp_path / "run", cache, WeightsAndBiases()).fit()
    assert begun[0]["mode"] == "offline" and begun[0]["config"]["train"]["updates"] == 6
    assert [step for step, values in logged if "train/loss" in values] == [2, 4, 6]
    assert [step for step, values in logged if "validation/exact" in values] == [3, 6] and ended == [0]


def test_mlflow_gets_every_number_in_a_file_of_the_run_folder_unless_told(tmp_path, cache, monkeypatch):
    begun, metrics, params, ended = [], {}, {}, []
    client = SimpleNamespace(
        get_experiment_by_name=lambda name: None, create_experiment=lambda name: "7",
        create_run=lambda experiment, run_name: SimpleNamespace(info=SimpleNamespace(run_id=experiment + run_name)),
        log_param=lambda run, name, value: params.update({name: value}),
        log_metric=lambda run, name, value, step: metrics.setdefault(name, []).append(step),
        set_terminated=lambda run, status: ended.append((run, status)),
    )  # fmt: skip
    module = ModuleType("mlflow")
    module.MlflowClient = lambda tracking_uri: begun.append(tracking_uri) or client
    monkeypatch.setitem(sys.modules, "mlflow", module)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run(tmp_path / "run", cache, MLflow()).fit()
    assert begun == [f"sqlite:///{tmp_path / 'run' / 'mlflow.db'}"] and params["train.updates"] == 6
    assert metrics["train/loss"] == [2, 4, 6] and metrics["validation/exact"] == [3, 6]
    assert ended == [("7run", "FINISHED")]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://there")
    run(tmp_path / "two", cache, MLflow(), MLflow(uri="http://here")).fit()
    assert begun[1:] == ["http://there", "http://here"]


def test_a_logger_of_ones_own_opens_and_writes(tmp_path, cache):
    class Mine(Logger):
        seen = []

        def write(self, values, update):
            self.seen.append((update, "train/loss" in values, "validation/exact" in values))

    run(tmp_path / "run", cache, mine := Mine()).fit()
    assert mine.seen == [(2, True, False), (3, False, True), (4, True, False), (6, True, False), (6, False, True)]


@pytest.mark.parametrize(
    "logger, module", [(TensorBoard, "torch.utils.tensorboard"), (WeightsAndBiases, "wandb"), (MLflow, "mlflow")]
)
def test_a_missing_package_is_named(monkeypatch, logger, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match="pip install 'hierarchical-reasoning"):
        logger()


def test_more_updates_go_on_and_anything_else_is_named(tmp_path, cache):
    folder = tmp_path / "run"
    run(folder, cache).fit()
    longer = run(folder, cache, **{"train.updates": 9})
    assert longer.fit().updates == 9
    for changes, said in (
        ({"train.updates": 6}, r"train.updates 9 → 6\)"),
        ({"train.updates": 12, "optim.lr": 0.5}, r"optim.lr 0.002 → 0.5, train.updates 9 → 12\).*--init"),
        ({"train.updates": 9, "train.seed": 4}, r"train.seed 0 → 4\)"),
    ):
        with pytest.raises(UsageError, match=said):
            run(folder, cache, **changes)
    assert run(folder, cache, **{"train.updates": 9}).fit().updates == 9
