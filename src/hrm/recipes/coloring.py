"""Graph coloring, small enough for a CPU."""

from hrm.config import RunConfig
from hrm.data.config import DataConfig
from hrm.model.config import small
from hrm.recipes.sudoku import minutes_on_a_cpu


def coloring() -> RunConfig:
    """Learn to color graphs of 10 nodes with three colors; a few nodes are given.

    Messages travel along the edges of each graph, and between a node and the row and column that hold its edges.
    Command: ``hrm train coloring``. About 3 to 9 minutes on one busy CPU core, compiled. Expected: 90.6 – 99.7 % of
    1,000 held-out puzzles at 16 segments (three seeds; docs/tasks.md).
    """
    return _named("coloring")


def colouring() -> RunConfig:
    """Return the recipe as it was before ``coloring`` got its name, so that runs begun under the old one resume."""
    return _named("colouring")


def _named(name: str) -> RunConfig:
    network = small(
        7, 100, width=64, mixer="messages", relation_kinds=(1, 1), tied=True, l_layers=2, grad_calls=6, puzzle_width=0
    )
    return minutes_on_a_cpu(name, network, DataConfig(puzzle=f"{name}-10x3", generate=True, train=2000, validation=200))
