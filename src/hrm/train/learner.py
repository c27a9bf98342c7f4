"""The network that learns, the average of its weights, and the optimizers that move them."""

import copy
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

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
from hrm.runtime.world import ALONE, World, reporting_lost_peers
from hrm.train.finite import gradient_norm


class _Stopped(Exception):
    """Somebody asked to stop an evaluation."""


class Learner:
    """Built from a configuration, with random weights named by its seed.

    Each of several processes has the whole network; torch's DistributedDataParallel averages their gradients.

    Args:
        world: the processes that train this network together.
    """

    def __init__(self, config: RunConfig, world: World = ALONE):
        train, self._config, self._world = config.train, config, world
        self.device = choose_device(train.device)
        dtype = choose_dtype(train.precision, self.device)
        self.place = described(self.device, dtype) + (f", in {world.size} processes" if world.size > 1 else "")
        """Where and how is computed, in words."""
        self.model = build(config.model, seed=train.seed, dtype=dtype).to(self.device)
        self.average = copy.deepcopy(self.model) if config.optim.ema else self.model
        """The network whose weights are used: an average over the updates, or ``model`` itself."""
        self._weights, self._averages = (dict(net.named_parameters()) for net in (self.model, self.average))
        matrices, tables = self.model.hidden_matrices(), self.model.puzzle_tables()
        self._optimizers = Optimizers(config.optim, train.updates, self._weights, matrices, tables)
        self._parallel: DistributedDataParallel | None = None
        self._sparse = _sparse_tables(self.model)
        if train.compile:
            self.model.compile_levels()
            self._optimizers.compile()

    def connect(self, pieces: int) -> None:
        """Average gradients over the processes from now on, where there are several.

        Args:
            pieces: in how many pieces the slots of an update are computed.
        """
        if self._world.size > 1:
            self._parallel = _averaging(self.model, self._sparse, static=pieces == 1)

    def backward(self, loss: Callable[[], Tensor], last: bool = True) -> None:
        """Add the gradient of a loss to that of the pieces before it.

        Args:
            loss: computes the loss of one piece.
            last: whether this is the last piece of the update: then all processes average what they have.
        """
        if self._parallel is None:
            loss().backward()
            return
        with reporting_lost_peers(), nullcontext() if last else self._parallel.no_sync():
            self._parallel(loss).backward()
        if last:
            for table in self._sparse.values():
                _join_rows(table, self._world)

    def step(self, update: int) -> Float[Tensor, ""]:
        """Make update number ``update``, from 1: optimizers, average; return the norm of the gradient."""
        norm = gradient_norm(self._weights.values())
        self._optimizers.step(update)
        if self.average is not self.model:
            update_ema(self._averages, self._weights, ema_decay(update, self._config.optim.ema))
        return norm

    def forget_gradients(self) -> None:
        """Drop what ``backward`` has added up."""
        self.model.zero_grad(set_to_none=True)

    def evaluate(self, puzzle: Puzzle, split: Split, stop: Callable[[], bool]) -> dict[str, Any] | None:
        """Return what the averaged weights reach on a split: ``exact``, ``valid``, ``cell``, ``examples``.

        Args:
            stop: asked before each batch whether to give up; then None is returned, to all processes.
        """
        config = self._config

        def go_on(done: int, total: int) -> None:
            if done < total and stop():
                raise _Stopped

        if any(self._world.counts(stop())):
            return None
        trained = self.average.training
        solver = Solver(self.average.eval(), puzzle, config.halting.max_segments, config.eval.batch_size)
        try:
            metrics = evaluate(solver, split, config.eval.segments, progress=go_on, world=self._world)
        except _Stopped:
            return None
        finally:
            self.average.train(trained)  # it may be the network that learns
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


class _Replica(nn.Module):
    """A network under the one call that DistributedDataParallel watches, whatever the call does with it."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, compute: Callable[[], Tensor]) -> Tensor:
        return compute()


def _averaging(model: nn.Module, sparse: Collection[str], static: bool) -> DistributedDataParallel:
    """Return a network whose gradients are averaged over the processes.

    Args:
        sparse: names of the tables, which are left out.
        static: every backward pass is averaged; torch has no static graph where some are only added up.
    """
    replica = _Replica(model)
    # buffers never change; of the tables only the rows that were used are exchanged
    left_alone = [name for name, _ in model.named_buffers()] + list(sparse)
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(replica, [f"model.{n}" for n in left_alone])
    with reporting_lost_peers():
        return DistributedDataParallel(replica, static_graph=static, gradient_as_bucket_view=True)


def _sparse_tables(model: nn.Module) -> dict[str, nn.Parameter]:
    tables = {name: module for name, module in model.named_modules() if isinstance(module, nn.Embedding)}
    return {f"{name}.weight": module.get_parameter("weight") for name, module in tables.items() if module.sparse}


def _join_rows(table: nn.Parameter, world: World) -> None:
    """Replace the sparse gradient of a table by the mean over the processes: all rows of all, each counted once."""
    grad = table.grad
    assert grad is not None and grad.is_sparse
    rows, values = grad._indices()[0], grad._values() / world.size
    counts = world.counts(len(rows))
    fill = max(counts) - len(rows)  # gathering wants equal sizes; what fills them is dropped again
    rows = world.joined(torch.cat((rows, rows.new_zeros(fill))))
    values = world.joined(torch.cat((values, values.new_zeros(fill, values.shape[1]))))
    each, device = max(counts), rows.device
    real = torch.cat([torch.arange(count, device=device) + rank * each for rank, count in enumerate(counts)])
    rows, values = rows[real].unsqueeze(0), values[real]
    table.grad = torch.sparse_coo_tensor(rows, values, table.shape, check_invariants=False)  # checks wait for a GPU
