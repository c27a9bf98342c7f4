"""Your own puzzles."""

from hrm.config import EvalConfig, HaltingConfig, RunConfig, TrainConfig
from hrm.data.config import DataConfig
from hrm.model.config import HRMConfig
from hrm.optim.config import OptimConfig


def own() -> RunConfig:
    """Train on puzzles of your own: a CSV, JSONL or NPZ file of inputs and answers, or a class.

    Command: ``hrm train own --data.path ROWS.csv --data.validation 100``, or ``--data.puzzle module:Class
    --data.generate true --data.train 1000``. Symbols, shape, blank and the network's sizes follow from the puzzles.
    Rows get attention and learned positions; a class that declares relations gets messages along them, and Muon.
    Minutes on two CPU cores for grids of up to 100 cells. Expected: depends on the puzzles; docs/your-own-puzzle.md
    says what to change at 0 %.
    """
    network = HRMConfig(
        vocab_size=4, cells=1, width=128, expansion=2.0, tied=True, h_layers=2, l_layers=2, grad_calls=6,
    )  # fmt: skip
    return RunConfig(
        recipe="own",
        model=network,
        data=DataConfig(puzzle="table"),
        optim=OptimConfig(lr=1e-3, warmup_updates=100, min_lr_ratio=0.1, ema=0.99),
        halting=HaltingConfig(max_segments=8),
        train=TrainConfig(updates=2000, batch_size=64, log_every=50, checkpoint_every=500, loss="softmax"),
        eval=EvalConfig(segments=8, batch_size=100),
    )
