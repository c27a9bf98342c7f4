"""Mazes: from minutes on a laptop to the published experiments."""

from hrm.config import EvalConfig, HaltingConfig, RunConfig, TrainConfig
from hrm.data.config import DataConfig
from hrm.model.config import HRMConfig, hrm, small, trm_attention
from hrm.optim.config import OptimConfig


def maze_10x10() -> RunConfig:
    """Learn shortest paths of more than 18 moves from generated 10×10 mazes.

    Messages travel between neighbors, one kind for each direction: of several shortest paths, it learns the one that
    goes up if possible, else down, else left. Command: ``hrm train maze-10x10``. 9 minutes on two CPU cores with bf16.
    Expected: 97.6 % valid shortest paths on 500 validation mazes (seed 0, shipped as ``maze-10x10``), 96.6 % on 500
    generated test mazes at 16 segments, 96.7 % on 600 mazes of another source with one shortest path each.
    """
    network = small(
        6, 100, mixer="messages", relation_kinds=(0, 4), tied=True, l_layers=2, cycles=2, timesteps=2, grad_calls=6,
        puzzle_width=0,
    )  # fmt: skip
    return RunConfig(
        recipe="maze-10x10",
        model=network,
        data=DataConfig(puzzle="maze-10x10", generate=True, train=20_000, validation=500, augment=False),
        optim=OptimConfig(kind="muon", muon_lr=0.01, lr=1e-3, warmup_updates=100, min_lr_ratio=0.05, ema=0.99),
        halting=HaltingConfig(max_segments=8),
        train=TrainConfig(
            updates=3000, batch_size=64, log_every=50, checkpoint_every=100, loss="softmax", compile=True
        ),
        eval=EvalConfig(every=300, segments=16, batch_size=250),
    )  # fmt: skip


def maze_30x30() -> RunConfig:
    """Learn the one shortest path, of more than 110 moves, through each of 1,000 mazes of 30×30, turned and mirrored.

    The network of ``maze-10x10`` with twice the timesteps a cycle: a message travels 20 cells a segment. Command:
    ``hrm train maze-30x30``, or with your own files: ``--data.generate false --data.path MAZES.csv
    --data.validation-path OTHERS.csv``. 1.2 s an update on two CPU cores with bf16. Shipped as ``maze-30x30``: the best
    of 300 validation mazes in the first 2,001 of 4,000 planned updates, update 1,500 after 98 minutes; expected there:
    95.7 % at 16 segments (one seed). The rate is high for this network: other updates near it reach 76 – 93 %.
    """
    config = maze_10x10()
    network = small(
        6, 900, mixer="messages", relation_kinds=(0, 4), tied=True, l_layers=2, cycles=2, timesteps=4, grad_calls=10,
        puzzle_width=0,
    )  # fmt: skip
    return RunConfig(
        recipe="maze-30x30",
        model=network,
        data=DataConfig(puzzle="maze-30x30-unique", generate=True, train=1000, validation=300, augment=True),
        optim=config.optim,
        halting=HaltingConfig(max_segments=12),
        train=config.train.model_copy(
            update={"updates": 4000, "batch_size": 32, "log_every": 25, "checkpoint_every": 50}
        ),
        eval=EvalConfig(every=250, segments=16, batch_size=50),
    )


def hrm_maze() -> RunConfig:
    """Train the paper's network on Maze-Hard: 1,000 mazes of 30×30, not augmented, as published for eight GPUs.

    Command: ``hrm data fetch maze-hard``, then ``hrm train hrm-maze --data.path data/maze-hard/train.csv``. Published:
    about an hour on 8 GPUs; 74.5 % exact on the test set at 16 segments. Exact match compares with one stored path of
    millions of shortest ones; ``valid`` counts every one. Not run here: 187 GFLOP a segment, a GPU's work.
    """
    return _published("hrm-maze", hrm(6, 900), augment=False)


def trm_maze() -> RunConfig:
    """Train TRM with attention on Maze-Hard, with rotations and reflections.

    Command: ``hrm train trm-maze --data.path data/maze-hard/train.csv``. Published: less than 24 hours on four L40S;
    85.3 % exact at 16 segments, repeated by others at 75 – 84 %. Not run here.
    """
    config = _published("trm-maze", trm_attention(6, 900), augment=True)
    optim = config.optim.model_copy(update={"ema": 0.999})
    return config.model_copy(update={"optim": optim, "train": config.train.model_copy(update={"updates": 65_104})})


def _published(name: str, network: HRMConfig, augment: bool) -> RunConfig:
    return RunConfig(
        recipe=name,
        model=network,
        data=DataConfig(puzzle="maze-30x30", augment=augment),
        optim=OptimConfig(lr=1e-4, weight_decay=1.0, puzzle_lr=1e-4, puzzle_weight_decay=1.0),
        halting=HaltingConfig(redraw=True),
        train=TrainConfig(updates=26_041, batch_size=768),
    )
