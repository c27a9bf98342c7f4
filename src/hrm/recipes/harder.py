"""Harder puzzles, small enough for a CPU: sums of regions, grids that overlap, and graphs."""

from hrm.config import EvalConfig, HaltingConfig, RunConfig, TrainConfig
from hrm.data.config import DataConfig
from hrm.model.config import HRMConfig, small
from hrm.optim.config import OptimConfig


def killer_4x4() -> RunConfig:
    """Learn Killer Sudoku of 4×4 cells: no givens, but cages of different digits with given sums.

    Messages travel along rows, columns, boxes, and the cages of each puzzle. Command: ``hrm train killer-4x4``. About 2
    minutes on one busy CPU core. Expected: 99.9 % of 1,000 held-out puzzles at 16 segments (three seeds;
    docs/tasks.md).
    """
    network = small(
        56, 16, mixer="messages", relation_kinds=(1, 1, 1, 1), tied=True, l_layers=2, grad_calls=6, puzzle_width=0
    )
    return _recipe("killer-4x4", network, DataConfig(puzzle="killer-4x4", generate=True, train=2000, validation=200))


def samurai_4x4() -> RunConfig:
    """Learn Samurai Sudoku of five 4×4 grids; the middle one shares a box with each of the others.

    Command: ``hrm train samurai-4x4``. About 3 minutes on one busy CPU core, compiled. Expected: 95.2 – 97.8 % of 1,000
    held-out puzzles at 16 segments (three seeds; docs/tasks.md).
    """
    network = small(
        6, 64, mixer="messages", relation_kinds=(1, 1, 1), tied=True, l_layers=2, grad_calls=6, puzzle_width=0
    )
    return _recipe("samurai-4x4", network, DataConfig(puzzle="samurai-4x4", generate=True, train=2000, validation=200))


def colouring() -> RunConfig:
    """Learn to color graphs of 10 nodes with three colors; a few nodes are given.

    Messages travel along the edges of each graph, and between a node and the row and column that hold its edges.
    Command: ``hrm train colouring``. About 3 to 9 minutes on one busy CPU core, compiled. Expected: 90.6 – 99.7 % of
    1,000 unseen puzzles at 16 segments (three seeds; docs/tasks.md).
    """
    network = small(
        7, 100, width=64, mixer="messages", relation_kinds=(1, 1), tied=True, l_layers=2, grad_calls=6, puzzle_width=0
    )
    return _recipe("colouring", network, DataConfig(puzzle="colouring-10x3", generate=True, train=2000, validation=200))


def _recipe(name: str, network: HRMConfig, data: DataConfig) -> RunConfig:
    return RunConfig(
        recipe=name,
        model=network,
        data=data,
        optim=OptimConfig(kind="muon", muon_lr=0.01, lr=1e-3, warmup_updates=50, min_lr_ratio=0.05, ema=0.98),
        halting=HaltingConfig(max_segments=8),
        train=TrainConfig(updates=400, batch_size=64, log_every=50, checkpoint_every=200, loss="softmax"),
        eval=EvalConfig(every=100, segments=16, batch_size=200),
    )
