"""Callbacks that send a run's metrics to TensorBoard or Weights & Biases; both are optional packages."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm.errors import UsageError
from hrm.train.callbacks import Callback, Outcome

if TYPE_CHECKING:
    from hrm.train.trainer import Trainer


class TensorBoard(Callback):
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

    def on_log(self, metrics: Mapping[str, float]) -> None:
        """Write each number under ``train/``."""
        self._write("train", metrics)

    def on_evaluation(self, metrics: Mapping[str, Any]) -> None:
        """Write each number under ``validation/``."""
        self._write("validation", metrics)

    def on_end(self, outcome: Outcome | None) -> None:
        """Close the event file."""
        if self._writer is not None:
            self._writer.close()

    def _write(self, prefix: str, metrics: Mapping[str, Any]) -> None:
        for name, value in _numbers(metrics).items():
            self._writer.add_scalar(f"{prefix}/{name}", value, int(metrics["update"]))


class WeightsAndBiases(Callback):
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

    def on_log(self, metrics: Mapping[str, float]) -> None:
        """Log each number under ``train/``."""
        self._write("train", metrics)

    def on_evaluation(self, metrics: Mapping[str, Any]) -> None:
        """Log each number under ``validation/``."""
        self._write("validation", metrics)

    def on_end(self, outcome: Outcome | None) -> None:
        """Finish the run."""
        if self._run is not None:
            self._run.finish(exit_code=0 if outcome is not None else 1)

    def _write(self, prefix: str, metrics: Mapping[str, Any]) -> None:
        named = {f"{prefix}/{name}": value for name, value in _numbers(metrics).items()}
        self._run.log(named, step=int(metrics["update"]))


LOGGERS: dict[str, type[Callback]] = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases}
"""What ``hrm train --log`` takes."""


def require(names: Iterable[str]) -> None:
    """Refuse a logger whose package is missing, without importing any.

    Raises:
        UsageError: which package, and how to install it.
    """
    for name in names:
        if find_spec(name) is None:
            raise _missing(name)


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: value for name, value in metrics.items() if name != "update" and isinstance(value, int | float)}


def _package(module: str, extra: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise _missing(extra) from None


def _missing(extra: str) -> UsageError:
    return UsageError(
        f"logging needs the package {extra}: pip install 'hierarchical-reasoning[{extra}]' (or pip install {extra})"
    )
