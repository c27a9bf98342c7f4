"""The models that are served, ready for their first request."""

from collections import deque
from collections.abc import Sequence

import numpy as np

from hrm.inference.load import load_named
from hrm.inference.solver import Solver


def load_models(models: Sequence[str], device: str = "auto", precision: str = "auto") -> dict[str, Solver]:
    """Return the models by the names that clients use, each warmed up. Arguments and errors: ``load_named``."""
    solvers = load_named(models, device, precision)
    for solver in solvers.values():
        _warm_up(solver)
    return solvers


def _warm_up(solver: Solver) -> None:
    """Run one segment, since the first one of a process is many times slower."""
    spec = solver.puzzle.spec
    deque(solver.run(np.full((1, spec.cells), spec.blank, np.uint8), 1), maxlen=0)
