"""hrm: train, evaluate and inspect the Hierarchical Reasoning Model, and solve puzzles with it.

>>> import hrm
>>> hrm.load("sudoku-4x4").solve("..1.4.....2.3...").answer
'2314413214233241'

=============  ==========================================================================================
`load`         load a shipped model, a run folder, a checkpoint folder or `hf:ORG/NAME`; returns a `Solver`
`models`       the names of the shipped models
`Solver`       a model with its puzzle family: `solver(puzzle)`, `solve`, `solve_many`, `save`
`Answer`       what a solver returns: the answer, whether it keeps the rules, `save("solve.gif")`
`evaluate`     measure a model on puzzles with known answers; returns a `Result`
`Result`       what `evaluate` returns: the accuracy after each segment, its interval, the protocol
`analyze`      look inside a model: ask one question, get its numbers
`report`       write one HTML page about a model
`watch`        keep every state of a network while it solves: `with hrm.watch(solver) as record:`
`patch`        replace states while it solves: `with hrm.patch(solver, "L", torch.zeros_like, segment=1):`
`Trainer`      train a configuration: `Trainer(hrm.recipes.get("sudoku-4x4"), "runs/mine").fit()`
`RunConfig`    the configuration of a training run
`HRM`          the network, a `torch.nn.Module`
`HRMConfig`    the sizes of the network
`puzzles`      the puzzle families: `hrm.puzzles.get("sudoku-9x9")`
`recipes`      the experiments by name: `hrm.recipes.get("sudoku-4x4", {"optim.lr": 5e-4})`
`__version__`  the version of this package
=============  ==========================================================================================

Importing this package does not import torch; the first use of a name that needs torch does.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING

from hrm.inference import pictures as _pictures

if _TYPE_CHECKING:
    from hrm import puzzles as puzzles
    from hrm import recipes as recipes
    from hrm.config import RunConfig as RunConfig
    from hrm.inference.answer import Answer as Answer
    from hrm.inference.hooks import patch as patch
    from hrm.inference.hooks import watch as watch
    from hrm.inference.load import load as load
    from hrm.inference.solver import Solver as Solver
    from hrm.model.config import HRMConfig as HRMConfig
    from hrm.model.hrm import HRM as HRM
    from hrm.pretrained import names as models
    from hrm.train.trainer import Trainer as Trainer
    from hrm.workflows.api import Result as Result
    from hrm.workflows.api import analyze as analyze
    from hrm.workflows.api import evaluate as evaluate
    from hrm.workflows.api import report as report

    __version__: str

_HOMES = {
    "load": "hrm.inference.load:load",
    "models": "hrm.pretrained:names",
    "Solver": "hrm.inference.solver:Solver",
    "Answer": "hrm.inference.answer:Answer",
    "evaluate": "hrm.workflows.api:evaluate",
    "Result": "hrm.workflows.api:Result",
    "analyze": "hrm.workflows.api:analyze",
    "report": "hrm.workflows.api:report",
    "watch": "hrm.inference.hooks:watch",
    "patch": "hrm.inference.hooks:patch",
    "Trainer": "hrm.train.trainer:Trainer",
    "RunConfig": "hrm.config:RunConfig",
    "HRM": "hrm.model.hrm:HRM",
    "HRMConfig": "hrm.model.config:HRMConfig",
    "puzzles": "hrm.puzzles:",
    "recipes": "hrm.recipes:",
}
"""Name -> where it is defined, as ``module:name``."""

__all__ = [  # noqa: RUF022  in the order of the table above
    "load", "models", "Solver", "Answer", "evaluate", "Result", "analyze", "report", "watch", "patch",
    "Trainer", "RunConfig", "HRM", "HRMConfig", "puzzles", "recipes", "__version__",
]  # fmt: skip

_pictures.painter = lambda: _import_module("hrm.viz.puzzle.answers")


def __getattr__(name: str) -> object:
    """Import a public name at its first use, and keep it."""
    if name == "__version__":
        from importlib.metadata import version

        return version("hierarchical-reasoning")
    if name == "interop":  # hrm.interop.official: weights of the official code
        return _import_module("hrm.interop")
    if name not in _HOMES:
        raise AttributeError(f"module 'hrm' has no attribute {name!r}; it has {', '.join(__all__)}")
    module, _, attribute = _HOMES[name].partition(":")
    home = _import_module(module)
    return getattr(home, attribute) if attribute else home


def __dir__() -> list[str]:
    """Return the public names only."""
    return sorted(__all__)
