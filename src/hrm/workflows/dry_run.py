"""What a run would be: its size and cost, before it writes anything."""

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hrm.experiment import Experiment
from hrm.model.build import build
from hrm.model.flops import flops_per_segment, training_flops, update_flops
from hrm.model.network import parameter_counts
from hrm.puzzles.table import Table
from hrm.runtime.device import choose_device, choose_dtype
from hrm.train.setup import Setup

PROBED = 8
"""Puzzles in the batch that is timed."""
READ_BYTES = 64 << 20
"""A longer file is not read as a whole."""


def dry_run(setup: Setup) -> dict[str, Any]:
    """Return parameters, operations, device, and the hours that this machine would need.

    The time is scaled up from the second of two forward and backward passes of at most 8 puzzles: an estimate, good to
    a factor of two; the optimizer, the data and the evaluations come on top.

    It fails where the run would, with the same message: files are read as the run would read them, into a folder that
    is gone afterwards. Generated puzzles are not generated, and files of more than 64 MB are not read to their end.

    Raises:
        HrmError: what would keep the run from beginning.
    """
    # fail where the run would
    config, puzzle = setup.config, setup.experiment.puzzle
    _read(setup.experiment)
    device = choose_device(config.train.device)
    dtype = choose_dtype(config.train.precision, device)
    model = build(config.model, dtype=dtype).to(device)
    components, table = parameter_counts(model)
    # time a small batch twice, and keep the second time
    batch = min(config.train.batch_size, PROBED)
    took = 0.0
    for _ in range(2):
        began = time.monotonic()
        grids = np.ones((batch, config.model.cells), np.uint8)
        relations = torch.from_numpy(puzzle.relations_for(grids)).to(device)
        x = model.embed(torch.from_numpy(grids.astype(np.int64)).to(device), relations=relations)
        segment = model.segment(model.initial(x), x)
        (segment.logits.float().square().mean() + segment.q_halt_logit.mean()).backward()
        if config.model.q_continue:
            with torch.no_grad():
                model.segment(segment.latents, x)
        took = (time.monotonic() - began) * config.train.batch_size / batch
    # scale it up to the whole run
    updates, shallow = config.train.updates, config.train.shallow_updates
    whole = training_flops(config.model, updates, shallow) / update_flops(config.model).executed
    return {
        "recipe": config.recipe,
        "trainable_parameters": sum(components.values()),
        "puzzle_table": table,
        "gflops_per_segment_and_puzzle": round(flops_per_segment(config.model) / 1e9, 4),
        "updates": updates,
        "segments_in_all": updates * config.train.batch_size,
        "device": str(device),
        "precision": str(dtype).removeprefix("torch."),
        "seconds_per_update": round(took, 3),
        "hours": round(took * whole / 3600, 2),
        "data": config.data.path or f"{config.data.train} generated {config.data.puzzle} puzzles",
        **({"cells": puzzle.described()} if isinstance(puzzle, Table) else {}),
        "config": config.model_dump(mode="json"),
    }


def _read(experiment: Experiment) -> None:
    """Read the puzzles that the run would read, and forget them."""
    path = Path(experiment.config.data.path)
    if not experiment.config.data.path or (path.is_file() and path.stat().st_size > READ_BYTES):
        return
    with tempfile.TemporaryDirectory() as folder:
        experiment.puzzles(folder, now="")
