"""The network that learns, the average of its weights, and the optimizers that move them."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from hrm.checkpoint import Checkpoint
from hrm.config import RunConfig
from hrm.data.store import Split
from hrm.data.task_table import TaskTable
from hrm.evaluation.evaluate import evaluate
from hrm.inference.solver import Solver
from hrm.inference.weights import load_weights
from hrm.model.build import build
from hrm.optim.ema import ema_decay, update_ema
from hrm.optim.optimizers import Optimizers
from hrm.puzzles.base import Puzzle
from hrm.runtime.device import choose_device, choose_dtype, described


class _Stopped(Exception):
    """Somebody asked to stop an evaluation."""


class Learner:
    """Built from a configuration, with random weights named by its seed."""

    def __init__(self, config: RunConfig):
        train, self._config = config.train, config
        self.device = choose_device(train.device)
        dtype = choose_dtype(train.precision, self.device)
        self.place = described(self.device, dtype)
        """Where and how is computed, in words."""
        self.model = build(config.model, seed=train.seed, dtype=dtype).to(self.device)
        self.average = copy.deepcopy(self.model) if config.optim.ema else self.model
        """The network whose weights are used: an average over the updates, or ``model`` itself."""
        self._weights, self._averages = (dict(net.named_parameters()) for net in (self.model, self.average))
        matrices, tables = self.model.hidden_matrices(), self.model.puzzle_tables()
        self._optimizers = Optimizers(config.optim, train.updates, self._weights, matrices, tables)
        if train.compile:
            self.model.compile_levels()
            self._optimizers.compile()

    def step(self, loss: Tensor, update: int) -> None:
        """Make update number ``update``, from 1: gradients, optimizers, average."""
        loss.backward()
        self._optimizers.step(update)
        if self.average is not self.model:
            update_ema(self._averages, self._weights, ema_decay(update, self._config.optim.ema))

    def evaluate(self, puzzle: Puzzle, split: Split, stop: Callable[[], bool]) -> dict[str, Any] | None:
        """Return what the averaged weights reach on a split: ``exact``, ``valid``, ``cell``, ``examples``.

        Args:
            stop: asked before each batch whether to give up; then None is returned.
        """
        config = self._config

        def go_on(done: int, total: int) -> None:
            if done < total and stop():
                raise _Stopped

        solver = Solver(self.average.eval(), puzzle, config.halting.max_segments, config.eval.batch_size)
        try:
            go_on(0, len(split))
            metrics = evaluate(solver, split, config.eval.segments, progress=go_on)
        except _Stopped:
            return None
        return {name: metrics[name] for name in ("exact", "valid", "cell", "examples")}

    def state(self) -> dict[str, dict[str, Tensor]]:
        """Return what training needs beside the averaged weights."""
        return {"weights": self.model.state_dict(), "optim": self._optimizers.state()}

    def load(self, average: Mapping[str, Tensor], weights: Mapping[str, Tensor], optim: Mapping[str, Tensor]) -> None:
        """Take back the averaged weights, and what ``state`` returned."""
        self.model.load_state_dict(weights)
        self.average.load_state_dict(average)
        self._optimizers.load(optim)

    def start_from(self, checkpoint: Checkpoint, table: TaskTable | None) -> None:
        """Begin with the weights of a model; see ``load_weights`` for the table."""
        for network in (self.model, self.average):
            load_weights(network, checkpoint, table)
