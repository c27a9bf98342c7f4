"""What training holds in memory for the gradient, against the length of the recursion."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hrm.analysis.calls import require_recurrent
from hrm.data.store import Split
from hrm.inference.solver import Solver
from hrm.model.build import build
from hrm.model.network_config import NetworkConfig

CYCLES = (1, 4, 16)
TIMESTEPS = 4
"""N·T is 4, 16 and 64."""


@dataclass(frozen=True)
class Memory:
    """Bytes held for the gradient of one segment."""

    puzzles: int
    timesteps: int
    cycles: list[int]
    NT: list[int]
    """N·T of each measurement."""
    calls: list[int]
    """All calls of a segment: N·(T + 1) of f_L and f_H, N·T where there is one state."""
    one_step_bytes: list[int]
    """With the one-step gradient: the last call of each level carries gradient."""
    full_bytes: list[int]
    """With backpropagation through all calls."""

    @property
    def summary(self) -> dict[str, float | str | None]:
        """Return the headline numbers."""
        mib = 2.0**20
        numbers: dict[str, float | str | None] = {}
        for name, held in (("one-step gradient", self.one_step_bytes), ("through all calls", self.full_bytes)):
            numbers |= {f"MiB, {name}, N·T = {NT}": size / mib for NT, size in zip(self.NT, held, strict=True)}
        numbers["one-step gradient, greatest over least"] = max(self.one_step_bytes) / min(self.one_step_bytes)
        return numbers


def memory(solver: Solver, split: Split, cycles: Sequence[int] = CYCLES, timesteps: int = TIMESTEPS) -> Memory:
    """Count what autograd keeps of one segment's forward pass, with the network's own weights.

    Counted are the storages of the tensors saved for the backward pass, each once, without parameters and buffers,
    which lie in memory anyway. This is exact and the same on every machine; what a pass without gradient needs for a
    moment comes on top and does not grow with N·T. T is fixed, so that the number of calls is in proportion
    to N·T.

    Args:
        cycles: N of each measurement.
        timesteps: T of all.

    Raises:
        UsageError: a network that answers in one pass.

    Source: HRM paper, "approximate gradient": O(1) in place of O(T).
    """
    own = require_recurrent(solver, "so there is no N·T that its memory could grow with").config
    batch = min(len(split), 2)
    calls, one_step, full = [], [], []
    for N in cycles:
        longer = own.model_copy(update={"cycles": N, "timesteps": timesteps})
        calls.append(longer.loop.calls)
        for held, learning in ((one_step, longer.loop.states), (full, longer.loop.calls)):
            config = longer.model_copy(update={"grad_calls": learning})
            held.append(saved_bytes(_with_weights(config, solver), split, batch))
    return Memory(batch, timesteps, list(cycles), [N * timesteps for N in cycles], calls, one_step, full)


def saved_bytes(solver: Solver, split: Split, batch: int) -> int:
    """Return the bytes that autograd keeps of one segment of the first puzzles."""
    model = solver.model
    resident = {tensor.untyped_storage().data_ptr() for tensor in [*model.parameters(), *model.buffers()]}
    storages: dict[int, tuple[int, Tensor]] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in resident:
            storages[storage.data_ptr()] = (storage.nbytes(), tensor)  # kept alive, so that no address comes twice
        return tensor

    inputs, ids = np.asarray(split.inputs[:batch]), np.asarray(split.puzzle_ids[:batch])
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), torch.enable_grad():
        x = solver.embed(inputs, ids)
        segment = model.segment(model.initial(x), x)
        assert segment.logits.requires_grad
    return sum(size for size, _ in storages.values())


def _with_weights(config: NetworkConfig, solver: Solver) -> Solver:
    """Return the same weights in a network of another N, T and number of calls that carry gradient."""
    model = build(config, dtype=solver.model.dtype)
    model.load_state_dict(solver.model.state_dict())
    return Solver(model.to(solver.device).train(), solver.puzzle, solver.max_segments, solver.batch_size)
