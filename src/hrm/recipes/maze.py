"""Mazes: from an hour on a laptop to the published experiments."""

from hrm.config import EvalConfig, HaltingConfig, RunConfig, TrainConfig
from hrm.data.config import DataConfig
from hrm.model.config import small
from hrm.optim.config import OptimConfig


def maze_10x10() -> RunConfig:
    """Learn shortest paths of more than 18 moves in 10×10 mazes, from generated ones.

    Command: ``hrm train maze-10x10``.
    """
    network = small(
        6, 100, mixer="messages", relation_kinds=(1,), tied=True, l_layers=2, cycles=2, timesteps=2, grad_calls=6,
        puzzle_width=0,
    )  # fmt: skip
    return RunConfig(
        recipe="maze-10x10",
        model=network,
        data=DataConfig(puzzle="maze-10x10-unique", generate=True, train=20_000, validation=500, augment=False),
        optim=OptimConfig(kind="muon", muon_lr=0.01, lr=1e-3, warmup_updates=100, min_lr_ratio=0.05, ema=0.99),
        halting=HaltingConfig(max_segments=8),
        train=TrainConfig(
            updates=4000, batch_size=64, log_every=50, checkpoint_every=200, loss="softmax", compile=True
        ),
        eval=EvalConfig(every=500, segments=16, batch_size=250),
    )  # fmt: skip
