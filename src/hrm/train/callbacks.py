"""The events of a training run, for programs of your own.

>>> from hrm import recipes
>>> from hrm.train.trainer import Trainer
>>> class Best:
...     exact = 0.0
...     def on_evaluation(self, metrics):
...         self.exact = max(self.exact, metrics["exact"])
>>> trainer = Trainer(recipes.get("smoke"), "runs/smoke", callbacks=[Best()])  # doctest: +SKIP
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from hrm.train.trainer import Trainer

SEEN = "training_"
"""Begins the names of results on training puzzles, which the network has seen."""
Event = Literal["on_start", "on_log", "on_evaluation", "on_checkpoint", "on_end"]


@dataclass(frozen=True)
class Outcome:
    """What a finished run leaves behind."""

    folder: Path
    updates: int
    best: dict[str, Any]
    """Update, exact and valid of the best checkpoint on the validation split; exact is None without one."""


class Callback:
    """The events of a run, in order; an object with some of these methods will do, derived from this class or not.

    An exception that a callback raises ends the run.
    """

    def on_start(self, trainer: "Trainer") -> None:
        """Training begins, or resumes at ``trainer.update``."""

    def on_log(self, metrics: Mapping[str, float]) -> None:
        """Means over the updates since the last call, as in ``metrics.jsonl``: ``update``, ``loss`` and more."""

    def on_evaluation(self, metrics: Mapping[str, Any]) -> None:
        """Results on the validation puzzles: ``update``, ``exact``, ``valid``, ``cell``, ``examples``.

        With ``eval.training`` also those on training puzzles: ``training_exact`` and so on.
        """

    def on_checkpoint(self, folder: str) -> None:
        """A checkpoint that training can resume from lies in ``folder``."""

    def on_end(self, outcome: Outcome | None) -> None:
        """The run ends: with its outcome, or None where it was interrupted or failed. Called in any case."""


def tell(callbacks: Iterable[object], event: Event, argument: object) -> None:
    """Call ``event`` of every callback that has such a method."""
    for callback in callbacks:
        method = getattr(callback, event, None)
        if method is not None:
            method(argument)
