"""Sudoku and its kin, from seconds on a laptop to the published experiments.

Each docstring has the command, the hardware, the time and the expected accuracy.
"""

from hrm.config import EvalConfig, HaltingConfig, RunConfig, TrainConfig
from hrm.data.config import DataConfig
from hrm.model.config import EquivariantConfig, HRMConfig, hrm, small, trm_attention, trm_mlp
from hrm.optim.config import OptimConfig


def smoke() -> RunConfig:
    """Train a toy network on 4×4 Sudoku for seconds, to see that everything works.

    Command: ``hrm train smoke``. About 5 seconds on two CPU cores. Expected: no useful accuracy.
    """
    return RunConfig(
        recipe="smoke",
        model=small(6, 16, width=64, heads=2, h_layers=1, l_layers=1),
        data=DataConfig(puzzle="sudoku-4x4", generate=True, train=200, validation=50, share_twins=True),
        optim=OptimConfig(lr=2e-3, warmup_updates=10, ema=0.95),
        halting=HaltingConfig(max_segments=4),
        train=TrainConfig(updates=60, batch_size=32, log_every=10, checkpoint_every=30, precision="fp32"),
        eval=EvalConfig(every=30, segments=4, batch_size=50),
    )


def sudoku_4x4() -> RunConfig:
    """Learn 4×4 Sudoku from 1,000 generated puzzles and solve 1,000 others: what ``hrm demo`` runs.

    Command: ``hrm train sudoku-4x4``. About 3 to 4 minutes on two CPU cores. Expected: 99.8 – 100 % exact on the 1,000
    test puzzles at 8 segments (three seeds), 30 – 48 % at one.
    """
    return RunConfig(
        recipe="sudoku-4x4",
        model=small(6, 16, h_layers=1, l_layers=1, q_continue=True),
        data=DataConfig(puzzle="sudoku-4x4", generate=True, train=1000, validation=200, test=1000, share_twins=True),
        optim=OptimConfig(lr=1e-3, warmup_updates=100, min_lr_ratio=0.1, ema=0.99),
        halting=HaltingConfig(max_segments=8),
        train=TrainConfig(updates=1600, batch_size=64, log_every=50, checkpoint_every=400, precision="fp32"),
        eval=EvalConfig(every=400, segments=8, batch_size=200),
    )


def sudoku_6x6() -> RunConfig:
    """Learn 6×6 Sudoku from 1,000 generated puzzles; no split holds a twin of another's.

    The network of ``best-sudoku``, smaller. Command: ``hrm train sudoku-6x6``. About 4 minutes on one CPU core with
    bf16. Expected: 99.1 – 99.7 % exact on the 1,000 test puzzles at 16 segments (three seeds), 56 – 65 % at one; they
    come from ``hrm data build sudoku-6x6 --out six --train 1000 --validation 500 --test 1000`` for ``hrm eval``.
    """
    network = EquivariantConfig(
        kind="equivariant", vocab_size=8, cells=36, symbols=6, width=48, message=16, inner=96, layers=1, grad_calls=6
    )
    return RunConfig(
        recipe="sudoku-6x6",
        model=network,
        data=DataConfig(
            puzzle="sudoku-6x6", generate=True, train=1000, validation=500, test=1000,
            reveal=1.0, reveal_end=0.25, reveal_draws=5000,
        ),
        optim=OptimConfig(kind="muon", muon_lr=0.01, lr=1e-3, warmup_updates=100, min_lr_ratio=0.05, ema=0.99),
        halting=HaltingConfig(max_segments=8),
        train=TrainConfig(updates=600, batch_size=64, log_every=50, checkpoint_every=100, loss="softmax"),
        eval=EvalConfig(every=100, segments=16, batch_size=250),
    )  # fmt: skip


def hrm_6x6() -> RunConfig:
    """Learn 6×6 Sudoku with a small version of the paper's network, the baseline of docs/findings.md.

    One block a level, attention with related cells in place of positions, gradient through the last cycle; no symbol is
    special by design, unlike in ``sudoku-6x6``. Command: ``hrm train hrm-6x6``. About 2 minutes on one CPU core with
    bf16. Expected: docs/findings.md; stopped while it still learns, so that differences show.
    """
    return RunConfig(
        recipe="hrm-6x6",
        model=small(8, 36, h_layers=1, l_layers=1),
        data=DataConfig(puzzle="sudoku-6x6", generate=True, train=1000, validation=500, test=1000),
        optim=OptimConfig(lr=1e-3, warmup_updates=100, min_lr_ratio=0.1, ema=0.99),
        halting=HaltingConfig(max_segments=8),
        train=TrainConfig(updates=800, batch_size=64, log_every=50, checkpoint_every=200, precision="bf16"),
        eval=EvalConfig(every=200, segments=8, batch_size=250),
    )


def killer_4x4() -> RunConfig:
    """Learn Killer Sudoku of 4×4 cells: no givens, but cages of different digits with given sums.

    Messages travel along rows, columns, boxes, and the cages of each puzzle. Command: ``hrm train killer-4x4``. About 2
    minutes on one busy CPU core. Expected: 99.9 % of 1,000 held-out puzzles at 16 segments (three seeds;
    docs/tasks.md).
    """
    network = small(
        56, 16, mixer="messages", relation_kinds=(1, 1, 1, 1), tied=True, l_layers=2, grad_calls=6, puzzle_width=0
    )
    data = DataConfig(puzzle="killer-4x4", generate=True, train=2000, validation=200)
    return minutes_on_a_cpu("killer-4x4", network, data)


def samurai_4x4() -> RunConfig:
    """Learn Samurai Sudoku of five 4×4 grids; the middle one shares a box with each of the others.

    Command: ``hrm train samurai-4x4``. About 3 minutes on one busy CPU core, compiled. Expected: 95.2 – 97.8 % of 1,000
    held-out puzzles at 16 segments (three seeds; docs/tasks.md).
    """
    network = small(
        6, 64, mixer="messages", relation_kinds=(1, 1, 1), tied=True, l_layers=2, grad_calls=6, puzzle_width=0
    )
    data = DataConfig(puzzle="samurai-4x4", generate=True, train=2000, validation=200)
    return minutes_on_a_cpu("samurai-4x4", network, data)


def best_sudoku() -> RunConfig:
    """Learn 9×9 Sudoku from 1,000 puzzles on a CPU: symbols as a set, gradient through whole segments.

    Command: ``hrm train best-sudoku --data.path PUZZLES.csv --data.validation-path OTHERS.csv``. 2.6 hours on one or
    two busy CPU cores with bf16. On 1,000 puzzles of a mix like Sudoku-Extreme's, expected on 500 validation puzzles:
    51 % exact at 16 segments (one seed, so the spread is unknown); on 10,000 test puzzles 51.0 %, and 71.6 % at 64.
    """
    network = EquivariantConfig(
        kind="equivariant", vocab_size=11, cells=81, symbols=9, width=64, message=16, inner=128, layers=1,
        timesteps=5, grad_calls=12,
    )  # fmt: skip
    return RunConfig(
        recipe="best-sudoku",
        model=network,
        data=DataConfig(puzzle="sudoku-9x9", reveal=1.0, reveal_end=0.25, reveal_draws=25000),
        optim=OptimConfig(kind="muon", muon_lr=0.01, lr=1e-3, warmup_updates=100, min_lr_ratio=0.05, ema=0.998),
        halting=HaltingConfig(max_segments=8),
        train=TrainConfig(
            updates=4500, batch_size=64, log_every=50, checkpoint_every=100, loss="softmax", compile=True
        ),
        eval=EvalConfig(every=500, segments=16, batch_size=128),
    )


def hrm_sudoku() -> RunConfig:
    """Train the paper's network on 1,000 puzzles of Sudoku-Extreme, as published for eight GPUs.

    Command: ``hrm train hrm-sudoku --data.path train.csv`` with ``train.csv`` of sapientinc/sudoku-extreme, of which
    1,000 puzzles are drawn. Published: about 10 minutes on 8 GPUs, an hour on one H200; 55.0 % exact on the test set
    at 16 segments, repeated by others at 45.8 – 57.5 %. Run here: 5 updates of 16 slots on a CPU; no accuracy yet.
    """
    return RunConfig(
        recipe="hrm-sudoku",
        model=hrm(11, 81),
        data=DataConfig(puzzle="sudoku-9x9", train=1000),
        optim=OptimConfig(lr=1e-4, weight_decay=1.0, puzzle_lr=1e-4, puzzle_weight_decay=1.0),
        halting=HaltingConfig(redraw=True),
        train=TrainConfig(updates=26041, batch_size=768),
    )


def hrm_sudoku_full() -> RunConfig:
    """Train the paper's network on all of Sudoku-Extreme: T = 8, 8 segments, learned positions, softmax, cosine.

    Command: ``hrm train hrm-sudoku-full --data.path train.csv``. Published: about 2 hours on 8 GPUs; an independent
    checkpoint reached 98.7 % exact at 16 segments. Run here: 5 updates of 16 slots on a CPU, on 24,618 puzzles of the
    same kind that stand in for the real set; no accuracy yet.
    """
    return RunConfig(
        recipe="hrm-sudoku-full",
        model=hrm(11, 81, timesteps=8, positions="learned"),
        data=DataConfig(puzzle="sudoku-9x9"),
        optim=OptimConfig(lr=3e-4, puzzle_lr=3e-4, min_lr_ratio=0.1),
        halting=HaltingConfig(max_segments=8, redraw=True),
        train=TrainConfig(updates=166_319, batch_size=2304, loss="softmax"),
    )


def trm_sudoku() -> RunConfig:
    """Train TRM with its mixer on 1,000 puzzles of Sudoku-Extreme.

    Command: ``hrm train trm-sudoku --data.path train.csv``. Published: 18 – 36 hours on one L40S; 87.4 % exact at 16
    segments, repeated by others at 75.6 – 87.3 %. Run here: 5 updates of 16 slots on a CPU; no accuracy yet.
    """
    return _trm("trm-sudoku", mlp=True)


def trm_sudoku_attention() -> RunConfig:
    """Train TRM with attention on 1,000 puzzles of Sudoku-Extreme.

    Command: ``hrm train trm-sudoku-attention --data.path train.csv``. Published: 74.7 % exact at 16 segments, repeated
    by others at 69.7 – 77.7 %. Run here: 5 updates of 16 slots on a CPU; no accuracy yet.
    """
    return _trm("trm-sudoku-attention", mlp=False)


def _trm(name: str, mlp: bool) -> RunConfig:
    return RunConfig(
        recipe=name,
        model=trm_mlp(11, 81) if mlp else trm_attention(11, 81),
        data=DataConfig(puzzle="sudoku-9x9", train=1000),
        optim=OptimConfig(lr=1e-4, weight_decay=1.0, puzzle_lr=1e-4, puzzle_weight_decay=1.0, ema=0.999),
        halting=HaltingConfig(redraw=True),
        train=TrainConfig(updates=65_104, batch_size=768),
    )


def minutes_on_a_cpu(name: str, network: HRMConfig, data: DataConfig) -> RunConfig:
    """Return a recipe that trains for minutes on one CPU core: 400 updates with Muon."""
    return RunConfig(
        recipe=name,
        model=network,
        data=data,
        optim=OptimConfig(kind="muon", muon_lr=0.01, lr=1e-3, warmup_updates=50, min_lr_ratio=0.05, ema=0.98),
        halting=HaltingConfig(max_segments=8),
        train=TrainConfig(updates=400, batch_size=64, log_every=50, checkpoint_every=200, loss="softmax"),
        eval=EvalConfig(every=100, segments=16, batch_size=200),
    )
