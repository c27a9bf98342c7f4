"""ARC: minutes of a CPU, and as published."""

from hrm.config import EvalConfig, HaltingConfig, RunConfig, TrainConfig
from hrm.data.config import DataConfig
from hrm.model.config import hrm, small
from hrm.optim.config import OptimConfig


def arc_small() -> RunConfig:
    """Learn ConceptARC from its demonstrations on one CPU core, and answer its tests.

    Messages travel in eight directions, and every cell gets the task's embedding. Command: ``hrm data fetch
    concept-arc``, ``hrm data arc data/concept-arc --hold-back --variants 3 --out concepts``, ``hrm train arc-small
    --data.path concepts``, ``hrm eval RUN --data concepts``. About 3 minutes of one core with bf16, compiled. Expected:
    little, because there are two or three examples per task; 1.2 – 1.5 % of 336 tests within one attempt, 3.0 –
    3.6 % within two (112 of the 160 tasks, three seeds; docs/tasks.md).
    """
    network = small(
        12, 900, mixer="messages", relation_kinds=(8,), tied=True, l_layers=2, cycles=1, timesteps=2, width=64,
        prefix=0,
    )  # fmt: skip
    return RunConfig(
        recipe="arc-small",
        model=network,
        data=DataConfig(puzzle="arc"),
        optim=OptimConfig(
            kind="muon", muon_lr=0.01, lr=1e-3, warmup_updates=20, min_lr_ratio=0.05, ema=0.99, puzzle_lr=0.05,
            puzzle_weight_decay=0.1,
        ),
        halting=HaltingConfig(max_segments=4),
        train=TrainConfig(updates=600, batch_size=16, loss="softmax", compile=True, checkpoint_every=200),
        eval=EvalConfig(batch_size=32),
    )  # fmt: skip


def mini_arc() -> RunConfig:
    """Learn Mini-ARC, grids of 5x5, from its demonstrations on one CPU core, and answer its tests.

    Messages travel in eight directions, and every cell gets the task's embedding. Command: ``hrm data fetch
    mini-arc``, ``hrm data arc data/mini-arc --canvas 5 --hold-back --variants 63 --out miniarc``, ``hrm train mini-arc
    --data.path miniarc``, ``hrm eval RUN --data miniarc``. 26 to 27 minutes of one core with bf16. Expected:
    11.5 – 14.2 % of 113 tests within one attempt, 15.9 – 17.7 % within two (three seeds; docs/results.md).
    """
    network = small(
        12, 25, mixer="messages", relation_kinds=(8,), tied=True, l_layers=2, cycles=1, timesteps=2, prefix=0,
    )  # fmt: skip
    return RunConfig(
        recipe="mini-arc",
        model=network,
        data=DataConfig(puzzle="arc-5x5"),
        optim=OptimConfig(
            kind="muon", muon_lr=0.02, lr=2e-3, warmup_updates=50, min_lr_ratio=0.02, ema=0.995, puzzle_lr=0.02,
            puzzle_weight_decay=0.1,
        ),
        halting=HaltingConfig(max_segments=1),
        train=TrainConfig(updates=4000, batch_size=128, loss="softmax", compile=True, checkpoint_every=400),
        eval=EvalConfig(batch_size=256),
    )  # fmt: skip


def hrm_arc1() -> RunConfig:
    """Train the paper's network on ARC-AGI-1 and ConceptARC with 1,000 variants per task, as published for eight GPUs.

    Command: ``hrm data fetch arc-1`` and ``concept-arc``, ``hrm data arc data/arc-1/training data/arc-1/evaluation
    data/concept-arc --out arc1``, then ``hrm train hrm-arc1 --data.path arc1``. Published: about 24 hours on 8 GPUs;
    40.3 % within two attempts, 960 tasks in 876 thousand variants. Not run here: the puzzle embedding alone has 449
    million numbers, and a segment takes 187 GFLOP.
    """
    return _published("hrm-arc1", 518_200)


def hrm_arc2() -> RunConfig:
    """Train the paper's network on ARC-AGI-2 with 1,000 variants per task, as published for eight GPUs.

    Command: ``hrm data fetch arc-2``, ``hrm data arc data/arc-2/training data/arc-2/evaluation --out arc2``, then
    ``hrm train hrm-arc2 --data.path arc2``. Published: about 24 hours on 8 GPUs; 5.0 % within two attempts. Not run
    here. Never mix the two sets: ARC-2 trains on 376 of ARC-1's 400 evaluation tasks.
    """
    return _published("hrm-arc2", 605_400)


def _published(name: str, updates: int) -> RunConfig:
    return RunConfig(
        recipe=name,
        model=hrm(12, 900),
        data=DataConfig(puzzle="arc"),
        optim=OptimConfig(lr=1e-4, weight_decay=0.1, puzzle_lr=1e-2, puzzle_weight_decay=0.1),
        halting=HaltingConfig(redraw=True),
        train=TrainConfig(updates=updates, batch_size=768, checkpoint_every=10_000),
    )
