"""Callbacks that send a run's metrics to TensorBoard, Weights & Biases or MLflow; each is an optional package."""

import os
from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm.config import flat
from hrm.errors import UsageError
from hrm.train.callbacks import SEEN, Callback, Outcome

if TYPE_CHECKING:
    from hrm.train.trainer import Trainer


class Logger(Callback):
    """Sends every number of a run elsewhere: one of your own opens in ``on_start``, and has ``write``."""

    def on_log(self, metrics: Mapping[str, float]) -> None:
        """Write each number under ``train/``."""
        self._write_all("train", metrics)

    def on_evaluation(self, metrics: Mapping[str, Any]) -> None:
        """Write each number under ``validation/``, and those of training puzzles under ``training/``."""
        held_out = {name: value for name, value in metrics.items() if not name.startswith(SEEN)}
        seen = {name.removeprefix(SEEN): value for name, value in metrics.items() if name not in held_out}
        self._write_all("validation", held_out)
        if seen:
            self._write_all("training", seen | {"update": metrics["update"]})

    def write(self, values: Mapping[str, float], update: int) -> None:
        """Write these numbers, which are of this update."""
        raise NotImplementedError

    def _write_all(self, prefix: str, metrics: Mapping[str, Any]) -> None:
        numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
        update = int(numbers.pop("update"))
        self.write({f"{prefix}/{name}": value for name, value in numbers.items()}, update)


class TensorBoard(Logger):
    """Write event files; ``tensorboard --logdir RUN`` shows them.

    Args:
        folder: where the event files go; None: ``tensorboard`` in the run folder.
    """

    def __init__(self, folder: str | Path | None = None):
        self._folder = folder
        self._writer_class = _package("torch.utils.tensorboard", "tensorboard").SummaryWriter
        self._writer: Any = None

    def on_start(self, trainer: "Trainer") -> None:
        """Open the event file; what a longer run logged beyond this update is hidden."""
        folder = str(self._folder or trainer.folder / "tensorboard")
        self._writer = self._writer_class(folder, purge_step=trainer.update + 1)
        self._writer.add_text("config", f"```toml\n{trainer.config.to_toml()}\n```")

    def on_end(self, outcome: Outcome | None) -> None:
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()

    def write(self, values: Mapping[str, float], update: int) -> None:
        """Write a scalar for each number."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, update)


class WeightsAndBiases(Logger):
    """Log to Weights & Biases, offline by default: ``wandb sync RUN/wandb/offline-run-…`` uploads a run later.

    Args:
        project: name of the project.
        mode: ``offline``, ``online`` or ``disabled``, as in ``wandb.init``.
    """

    def __init__(self, project: str = "hrm", mode: str = "offline"):
        self._project, self._mode = project, mode
        self._wandb = _package("wandb", "wandb")
        self._run: Any = None

    def on_start(self, trainer: "Trainer") -> None:
        """Begin a run of that name, in the run folder."""
        self._run = self._wandb.init(
            project=self._project,
            name=trainer.folder.name,
            dir=str(trainer.folder),
            mode=self._mode,
            config=trainer.config.model_dump(mode="json"),
        )

    def on_end(self, outcome: Outcome | None) -> None:
        """Finish the run."""
        if self._run is not None:
            self._run.finish(exit_code=0 if outcome is not None else 1)

    def write(self, values: Mapping[str, float], update: int) -> None:
        """Log the numbers at this step."""
        self._run.log(dict(values), step=update)


class MLflow(Logger):
    """Log to MLflow, by default to a file in the run folder, which ``mlflow ui --backend-store-uri URI`` shows.

    Args:
        experiment: name of the experiment.
        uri: where to log; None: ``$MLFLOW_TRACKING_URI``, or ``sqlite:///RUN/mlflow.db``.
    """

    def __init__(self, experiment: str = "hrm", uri: str | None = None):
        self._experiment, self._uri = experiment, uri
        self._mlflow = _package("mlflow", "mlflow")
        self._client: Any = None
        self._run_id = ""

    def on_start(self, trainer: "Trainer") -> None:
        """Begin a run with the values of the configuration as its parameters; a run that resumes begins another."""
        folder = trainer.folder.resolve()
        uri = self._uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}"
        self._client = self._mlflow.MlflowClient(tracking_uri=uri)
        known = self._client.get_experiment_by_name(self._experiment)
        made = known.experiment_id if known else self._client.create_experiment(self._experiment)
        self._run_id = self._client.create_run(made, run_name=folder.name).info.run_id
        for name, value in flat(trainer.config.model_dump(mode="json")).items():
            self._client.log_param(self._run_id, name, value)

    def write(self, values: Mapping[str, float], update: int) -> None:
        """Log a metric for each number."""
        for name, value in values.items():
            self._client.log_metric(self._run_id, name, float(value), step=update)

    def on_end(self, outcome: Outcome | None) -> None:
        """Say whether the run finished or failed."""
        if self._run_id:
            self._client.set_terminated(self._run_id, "FINISHED" if outcome is not None else "FAILED")


LOGGERS: dict[str, type[Logger]] = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases, "mlflow": MLflow}
"""What ``hrm train --log`` takes."""


def require(names: Iterable[str]) -> None:
    """Refuse a logger whose package is missing, without importing any.

    Raises:
        UsageError: which package, and how to install it.
    """
    for name in names:
        if find_spec(name) is None:
            raise _missing(name)


def _package(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise _missing(extra) from None


def _missing(extra: str) -> UsageError:
    return UsageError(
        f"logging needs the package {extra}: pip install 'hierarchical-reasoning[{extra}]' (or pip install {extra})"
    )
