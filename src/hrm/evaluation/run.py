"""Evaluate a model, by name or loaded, on a file or on generated puzzles, and say how the number was obtained."""

import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8

from hrm.config import RunConfig
from hrm.data.build import cached_store
from hrm.data.config import DataConfig
from hrm.data.held_out import unseen
from hrm.data.store import Split, Store
from hrm.errors import DataError, UsageError
from hrm.evaluation.baselines import classical
from hrm.evaluation.evaluate import evaluate
from hrm.evaluation.tasks import Ranked, in_own_ids, scored, solve_tests, truth_of
from hrm.inference.load import describe_model, load
from hrm.inference.solver import MOST_SEGMENTS, Solver
from hrm.puzzles.base import Puzzle

MOST_LOOKED_AT = 1000
"""Puzzles of which it is asked whether they are like those of the training."""
GENERATED = 200
"""Puzzles that are generated where no data and no number are given."""


def evaluate_model(
    model: str | Path | Solver,
    data: Path | None = None,
    *,
    cache_dir: Path,
    now: str,
    split: str = "",
    segments: int | None = None,
    limit: int | None = None,
    batch_size: int = 256,
    device: str = "auto",
    precision: str = "auto",
    compiled: bool = False,
    seed: int = 1,
    with_classical: bool = False,
    variants: int | None = None,
    answers: Callable[[Store, Ranked], None] = lambda store, ranked: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Any]:
    """Return every metric of a model on a data set, with its protocol.

    Beside the metrics of ``evaluate``: ``outside`` (how many puzzles are unlike those of the training), ``network_s``
    (how long they took), ``plain_solver`` (what the family's best classical solver needs, or None), ``config``
    (that the model was trained under), ``data`` (what it takes to get the same puzzles elsewhere) and ``protocol``.

    Args:
        model: a shipped model, a run folder, a checkpoint folder, or a solver, which keeps its device, arithmetic and
            batch size.
        data: a store or a file of puzzles; None: held-out puzzles are generated, ``limit`` or ``GENERATED`` of them.
        cache_dir: where the store of a file is kept.
        now: the present time as ISO 8601.
        clock: seconds since any fixed time.
        split: which split to use; empty: ``test``, or the only split.
        segments: how many to run; None: the budget that the model was trained with.
        limit: only this many puzzles, from the start.
        seed: of the generated puzzles.
        compiled: compile the network first; pays for thousands of puzzles.
        variants: of a family with tasks, how many variants of each task vote; None: all that the model has.
        answers: called with the store and the candidates for each test of its tasks, the best first.
        with_classical: add ``classical``: what each classical solver of the family makes of the first puzzles.

    Raises:
        UsageError, DataError: a name, value, file or checkpoint that is not what it should be.
    """
    if segments is not None and not 1 <= segments <= MOST_SEGMENTS:
        raise UsageError(f"--segments must be 1 to {MOST_SEGMENTS} (got {segments})")
    if limit is not None and limit < 1:
        raise UsageError(f"--limit must be 1 or more (got {limit})")
    if batch_size < 1:
        raise UsageError(f"--batch-size must be 1 or more (got {batch_size})")
    solver = model if isinstance(model, Solver) else load(model, device, precision, batch_size)
    puzzle, config = solver.puzzle, solver.origin.config if solver.origin else None
    segments = segments or (config.halting.max_segments if config else solver.max_segments)
    store, name_of_split = None, "generated"
    if data is None:
        rows, provenance = _generated(puzzle, config, limit or GENERATED, seed, cache_dir, now)
    else:
        store, name_of_split, rows = rows_for(puzzle, data, split, cache_dir, now)
        provenance = dict(store.manifest.provenance)
    if compiled:
        solver.model.compile_levels()
    began = clock()
    if store is None:
        found = evaluate(solver, rows, segments, limit, progress)
    else:
        found = measure(solver, store, name_of_split, segments, limit, variants, answers, progress)
    found["network_s"] = clock() - began
    solvers = puzzle.classical_solvers if with_classical else puzzle.classical_solvers[:1]
    lines = [classical(puzzle, rows.inputs[: found["examples"]], solver) for solver in solvers]
    found["plain_solver"] = lines[0] if lines else None
    if with_classical:
        found["classical"] = lines
    found["outside"] = _outside(solver, rows.inputs[: found["examples"]])
    found["config"] = config.model_dump(mode="json") if config else None
    found["data"] = {
        "name": data.name if data else f"generated puzzles (seed {seed})",
        "splits": {each: len(store.split(each)) for each in store.splits} if store else {name_of_split: len(rows)},
        "provenance": provenance,
    }
    found["protocol"] = _known(solver, model) | {
        "data": str(data) if data else f"generated puzzles (seed {seed})",
        "data_digest": store.digest if store else None,
        "split": name_of_split,
        "rows_in_split": len(rows),
        "segments": segments,
        "metric": "exact: every cell equals the stored answer; one answer a puzzle, no search",
        "batch_size": solver.batch_size,
        "compiled": compiled,
        "machine": f"{platform.machine()}, torch {torch.__version__}",
        "date": now,
    }
    return found


def _outside(solver: Solver, inputs: UInt8[np.ndarray, "n C"]) -> dict[str, Any]:
    """Count the puzzles, among the first ones, that are unlike those of the training, and say how the first one is."""
    asked = inputs[:MOST_LOOKED_AT]
    reasons = [reason for puzzle in asked if (reason := solver.outside(np.asarray(puzzle)))]
    return {"count": len(reasons), "of": len(asked), "reason": reasons[0] if reasons else None}


def _generated(
    puzzle: Puzzle, config: RunConfig | None, count: int, seed: int, cache_dir: Path, now: str
) -> tuple[Split, dict[str, Any]]:
    """Return held-out puzzles, and where they come from."""
    if not puzzle.spec.generated:
        raise UsageError(f"puzzles of the family {puzzle.spec.name} cannot be generated: give data (--data)")
    return unseen(config.data if config else DataConfig(puzzle=puzzle.spec.name), count, seed, cache_dir, now)


def _known(solver: Solver, model: str | Path | Solver) -> dict[str, Any]:
    """Return what a protocol says of the model."""
    known = solver.origin
    if known is None:
        return {"model": type(solver.model).__name__, "device": str(solver.device)}
    exits = "q_halt_logit > q_continue_logit" if known.config.model.q_continue else "q_halt_logit > 0"
    return describe_model(known, known.config, solver.model) | {
        "model": known.name if isinstance(model, Solver) else str(model),
        "checkpoint": known.path.name,
        "early_exit_rule": exits,
    }


def rows_for(puzzle: Puzzle, data: Path, split: str, cache_dir: Path, now: str) -> tuple[Store, str, Split]:
    """Return the store behind a path, and the split to measure a model on, with its name.

    Args:
        data: a store, or a CSV/JSONL file.
        split: empty: ``test``, else the only one.
        now: the present time as ISO 8601.

    Raises:
        UsageError: there is nothing at this path, or no such split.
        DataError: the file or store is not what it should be.
    """
    if not data.exists():
        raise UsageError(f"there is no file or store {data}")
    store = cached_store(data, cache_dir, puzzle, now)
    return store, *choose_split(store, split)


def measure(
    solver: Solver,
    store: Store,
    split: str,
    segments: int,
    limit: int | None = None,
    variants: int | None = None,
    answers: Callable[[Store, Ranked], None] = lambda store, ranked: None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Return the metrics of ``evaluate`` for a split of a store, and of tests of tasks those of the vote.

    Rows without a known answer are not scored. Where no answer to a test of a task is known, ``examples`` is 0 and
    there are no metrics.

    Args: as those of ``evaluate_model``.
    """
    rows = store.split(split).take(slice(limit))
    votes = store.table is not None and split == "test"
    if solver.puzzle.spec.has_tasks:
        rows = in_own_ids(rows, solver.table, store, limit)
    if votes and not rows.answered.any():
        found = {"task": solver.puzzle.spec.name, "examples": 0}
    else:
        found = evaluate(solver, with_answers(rows, store.path), segments, progress=progress)
    if votes:
        ranked = solve_tests(solver, store, segments, variants, limit, progress)
        found |= scored(ranked, truth_of(store, limit))
        answers(store, ranked)
    return found


def with_answers(rows: Split, where: Path) -> Split:
    """Return the rows whose answer is known, for only these can be scored.

    Raises:
        DataError: there are none.
    """
    answered = rows.answered
    if not answered.any():
        raise DataError(f"no answer in {where} is known, so nothing can be measured; give puzzles with answers")
    return rows if answered.all() else rows.take(answered)


def choose_split(store: Store, name: str) -> tuple[str, Split]:
    """Return the named split; without a name ``test``, or the only one.

    Raises:
        UsageError: there is no such split, or none can be chosen.
    """
    if not name:
        if "test" in store.splits:
            name = "test"
        elif len(store.splits) == 1:
            name = next(iter(store.splits))
        else:
            raise UsageError(f"{store.path} has several splits; choose one by --split: {', '.join(store.splits)}")
    return name, store.split(name)
