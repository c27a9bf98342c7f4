"""What is compiled is one graph without breaks, and is compiled once: 200 updates add nothing to the first ones.

In a process of its own, because the compiler cannot see through the checks of shapes that tests install. The graphs are
run as they are, not translated, which takes most of the time and changes neither breaks nor recompilations.
"""

import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from rich.console import Console

from hrm import recipes
from hrm.model.config import EquivariantConfig
from hrm.recipes.ablations import ablation
from hrm.runtime import compiling
from hrm.train import trainer
from hrm.train.trainer import Trainer

FIRST, UPDATES = 5, 200
EQUIVARIANT = EquivariantConfig(
    kind="equivariant", vocab_size=6, cells=16, symbols=4, width=16, message=8, inner=32, layers=1
)
MAZES = {
    "data.puzzle": "maze-5x5", "model.cells": 25, "model.mixer": "messages", "model.relation_kinds": (0, 4),
}  # fmt: skip


def configured(network):
    small = {"train": {"updates": 1000, "precision": "bf16", "compile": True, "batch_size": 8, "shallow_updates": 3}}
    config = recipes.get("smoke", small | {"optim.kind": "adam_atan2", "data.train": 20, "data.validation": 5})
    if network == "equivariant":
        return config.changed("model", EQUIVARIANT)
    if network == "q_continue":
        return config.changed("model.q_continue", True)
    if network == "messages":  # along the directions of a grid
        return config.changed(MAZES)
    return ablation(config, network)[1]


@pytest.mark.slow
@pytest.mark.parametrize("network", ["base", "q_continue", "equivariant", "messages", "flat", "direct"])
def test_training_is_compiled_once_and_whole(tmp_path, network):
    command = [sys.executable, "-W", "ignore", __file__, str(tmp_path), network]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["breaks"] == {} and found["unseen"] == 0
    assert found["graphs"][0] == found["graphs"][1] > 0


def main(folder, network):
    """Train with one graph a function, and print how many graphs there are after the first updates and at the end."""
    from torch._dynamo.utils import counters

    torch.compile = whole = partial(torch.compile, fullgraph=True, backend="aot_eager")
    compiling.can_compile = lambda: True
    trainer.segment_loss = whole(trainer.segment_loss, dynamic=False)
    trainer.should_halt = whole(trainer.should_halt, dynamic=False)
    run, graphs = Trainer(configured(network), folder / "run", folder, console=Console(quiet=True)), []
    for last in (FIRST, UPDATES):
        while run.update < last:
            run.train_segment()
        graphs.append(counters["stats"]["unique_graphs"])
    print(json.dumps({"breaks": counters["graph_break"], "graphs": graphs, "unseen": len(counters["unimplemented"])}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
