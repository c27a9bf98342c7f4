"""From a name to a solver: a shipped model, a checkpoint folder, a run folder, or a model on the hub."""

from collections.abc import Sequence
from pathlib import Path

from hrm.errors import UsageError
from hrm.inference.solver import Solver
from hrm.inference.weights import load_model


def load(name: str | Path, device: str = "auto", precision: str = "auto", batch_size: int = 64) -> Solver:
    """Return a solver from a shipped model's name, a checkpoint folder, a run folder, or a name on the hub.

    Args:
        name: such as ``sudoku-4x4``, ``runs/sudoku-4x4-1a2b3c4d`` or ``hf:ORG/NAME@REVISION``.
        device: auto, cpu, cuda or mps.
        precision: auto, fp32 or bf16.
        batch_size: puzzles solved at once.

    Raises:
        UsageError: no such name.
        DataError: not a checkpoint, or a damaged one.
        HrmError: the hub cannot be reached.
    """
    return Solver.of(*load_model(name, device, precision), str(name), batch_size)


def load_named(models: Sequence[str], device: str = "auto", precision: str = "auto") -> dict[str, Solver]:
    """Return several models by the last parts of their names, as clients and pages call them.

    Raises:
        UsageError: two of one name; otherwise as ``load``.
    """
    solvers: dict[str, Solver] = {}
    for model in models:
        name = Path(model).resolve().name
        if name in solvers:
            raise UsageError(f"two models would be called {name}: rename a folder")
        solvers[name] = load(model, device, precision)
    return solvers
