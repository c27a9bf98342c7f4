"""The models that are served, by the names that clients use."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hrm.errors import UsageError
from hrm.inference.load import load
from hrm.inference.solver import Solver


def load_models(models: Sequence[str], device: str = "auto", precision: str = "auto") -> dict[str, Solver]:
    """Return the models by the names that clients use: the last part of a folder's.

    Raises:
        UsageError: no such model, or two of one name.
    """
    solvers: dict[str, Solver] = {}
    for model in models:
        name = Path(model).resolve().name
        if name in solvers:
            raise UsageError(f"two models would be called {name}: rename a folder")
        solvers[name] = load(model, device, precision)
        _warm_up(solvers[name])
    return solvers


def _warm_up(solver: Solver) -> None:
    """Run one segment, since the first one of a process is many times slower."""
    spec = solver.puzzle.spec
    deque(solver.run(np.full((1, spec.cells), spec.blank, np.uint8), 1), maxlen=0)
