"""How a measurement was made: which model, puzzles and machine; every record of numbers holds it as ``protocol``."""

import hashlib
import platform
from typing import Any

import numpy as np
import torch

from hrm.config import RunConfig
from hrm.data.store import Split
from hrm.inference.answer import SURE
from hrm.inference.solver import Solver
from hrm.puzzles.base import Puzzle


def provenance(solver: Solver, protocol: dict[str, Any], now: str) -> dict[str, Any]:
    """Return the record of a measurement.

    Args:
        protocol: what the measurement itself adds, such as its puzzles and segments.
        now: the present time as ISO 8601.
    """
    return describe_model(solver) | protocol | {"machine": machine(), "date": now}


def describe_model(solver: Solver) -> dict[str, Any]:
    """Return what is known of a model: its recipe, update, weights and arithmetic."""
    origin = solver.origin
    if origin is None:
        return {"model": type(solver.model).__name__, "device": str(solver.device)}
    return {
        "model": str(origin.path),
        "recipe": origin.config.recipe,
        "update": origin.meta.get("update"),
        "checkpoint_choice": origin.meta.get("choice", "this checkpoint"),
        "weights_sha256": origin.weights_sha256,
        "train_data": origin.meta.get("data"),
        "seed": origin.config.train.seed,
        "precision": str(solver.model.dtype).removeprefix("torch."),
        "device": str(solver.device),
        "threads": torch.get_num_threads(),
        "checkpoint": origin.path.name,
    }


def early_exit_rule(config: RunConfig) -> str:
    """Return the rule by which a model of this configuration stops early."""
    return "q_halt_logit > q_continue_logit" if config.model.q_continue else "q_halt_logit > 0"


def solve_exit_rule(puzzle: Puzzle, config: RunConfig) -> str:
    """Return the rule by which a run of ``hrm solve`` stops."""
    if puzzle.spec.has_rules:
        return "the answer keeps the rules"
    return f"{early_exit_rule(config)}, and every cell's token has a probability of {SURE} or more"


def machine() -> str:
    """Return the kind of processor and the version of torch."""
    return f"{platform.machine()}, torch {torch.__version__}"


def digest(rows: Split) -> str:
    """Return the sha256 of the puzzles and their answers, as they were measured."""
    summed = hashlib.sha256()
    for part in (rows.inputs, rows.labels):
        summed.update(np.ascontiguousarray(part).tobytes())
    return summed.hexdigest()
