"""hrm: train, evaluate, solve with and look into the Hierarchical Reasoning Model.

>>> import hrm
>>> hrm.load("sudoku-4x4").solve("..1.4.....2.3...").answer
'2314413214233241'

Nothing here imports torch before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hrm.config import RunConfig as RunConfig
    from hrm.inference.load import load as load
    from hrm.inference.solver import Answer as Answer
    from hrm.inference.solver import Solver as Solver
    from hrm.model.config import HRMConfig as HRMConfig
    from hrm.model.hrm import HRM as HRM
    from hrm.train.trainer import Trainer as Trainer

_HOMES = {
    "HRM": "hrm.model.hrm",
    "HRMConfig": "hrm.model.config",
    "RunConfig": "hrm.config",
    "Trainer": "hrm.train.trainer",
    "Solver": "hrm.inference.solver",
    "Answer": "hrm.inference.solver",
    "load": "hrm.inference.load",
}
__all__ = ["HRM", "Answer", "HRMConfig", "RunConfig", "Solver", "Trainer", "load"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "interop":  # a room with a promise of its own: hrm.interop.official
        return import_module("hrm.interop")
    raise AttributeError(f"module 'hrm' has no attribute {name!r}")
