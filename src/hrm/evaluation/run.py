"""Evaluate a model, by name or loaded, on a file or on generated puzzles, and say how the number was obtained."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from hrm.data.build import cached_store
from hrm.data.config import DataConfig
from hrm.data.held_out import unseen
from hrm.data.store import Split, Store
from hrm.errors import DataError, UsageError
from hrm.evaluation.baselines import classical
from hrm.evaluation.evaluate import evaluate
from hrm.evaluation.provenance import early_exit_rule, provenance, solve_exit_rule
from hrm.evaluation.request import EvalRequest, Request
from hrm.evaluation.rollout import Progress, no_progress
from hrm.evaluation.tasks import Ranked, in_own_ids, scored, solve_tests, truth_of
from hrm.inference.load import load
from hrm.inference.solver import Solver
from hrm.runtime.world import ALONE, World

MOST_LOOKED_AT = 1000
"""Puzzles of which it is asked whether they are like those of the training."""
GENERATED = 200
"""Puzzles that are generated where no data and no number are given."""


def evaluate_model(
    request: EvalRequest,
    answers: Callable[[Store, Ranked], None] = lambda store, ranked: None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Return every metric of a model on a data set, with its protocol.

    Beside the metrics of ``evaluate``: ``outside`` (how many puzzles are unlike those of the training), ``network_s``
    (how long they took), ``plain_solver`` (what the family's best classical solver needs, or None), ``config``
    (that the model was trained under), ``data`` (what it takes to get the same puzzles elsewhere) and ``protocol``.

    Args:
        request: the model, the puzzles and how to run them.
        answers: called with the store and the candidates for each test of its tasks, the best first.
        progress: called with (puzzles done, puzzles in all) after every batch.

    Raises:
        UsageError, DataError: a name, value, file or checkpoint that is not what it should be.
    """
    # the model and the puzzles
    request.require_counts(limit=request.limit, batch_size=request.batch_size)
    solver = open_solver(request, request.batch_size)
    puzzle, config = solver.puzzle, solver.origin.config if solver.origin else None
    segments = request.segments or (config.halting.max_segments if config else solver.max_segments)
    chosen = choose_puzzles(solver, request, request.limit or GENERATED)
    if request.compiled:
        solver.model.compile_levels()

    # the network's answers
    began = time.perf_counter()
    if chosen.store is None:
        metrics = evaluate(solver, chosen.rows, segments, progress=progress, world=request.world)
    else:
        metrics = measure(
            solver,
            chosen.store,
            chosen.split,
            segments,
            request.limit,
            request.variants,
            answers,
            progress,
            request.world,
        )
    metrics["network_s"] = time.perf_counter() - began

    # the same puzzles by search, and whether they are like those of the training
    inputs = chosen.rows.inputs[: metrics["examples"]]
    solvers = puzzle.classical_solvers if request.with_classical else puzzle.classical_solvers[:1]
    baselines = request.world.from_leader(lambda: [classical(puzzle, inputs, solver) for solver in solvers])
    metrics["plain_solver"] = baselines[0] if baselines else None
    if request.with_classical:
        metrics["classical"] = baselines
    metrics["outside"] = _outside(solver, inputs)

    # how it was measured
    splits = {name: len(chosen.store.split(name)) for name in chosen.store.splits} if chosen.store else None
    metrics["config"] = config.model_dump(mode="json") if config else None
    metrics["data"] = {
        "name": request.data.name if request.data else request.puzzles_from,
        "splits": splits or {chosen.split: len(chosen.rows)},
        "provenance": chosen.provenance,
    }
    protocol = {
        "data": str(request.data or request.puzzles_from),
        "data_digest": chosen.store.digest if chosen.store else None,
        "split": chosen.split,
        "rows_in_split": len(chosen.rows),
        "segments": segments,
        "metric": "exact: every cell equals the stored answer; one answer a puzzle, no search",
        "batch_size": solver.batch_size,
        "compiled": request.compiled,
    }
    if solver.origin:
        name = solver.origin.name if request.model is solver else str(request.model)
        rules = {
            "early_exit_rule": early_exit_rule(solver.origin.config),
            "solve_exit_rule": solve_exit_rule(puzzle, solver.origin.config),
        }
        protocol = {"model": name, **rules, **protocol}
    metrics["protocol"] = provenance(solver, protocol, request.now)
    return metrics


def _outside(solver: Solver, inputs: UInt8[np.ndarray, "n C"]) -> dict[str, Any]:
    """Count the puzzles, among the first ones, that are unlike those of the training, and say how the first one is."""
    asked = inputs[:MOST_LOOKED_AT]
    reasons = [reason for puzzle in asked if (reason := solver.outside(np.asarray(puzzle)))]
    return {"count": len(reasons), "of": len(asked), "reason": reasons[0] if reasons else None}


def open_solver(request: Request, batch_size: int = 64, precision: str | None = None) -> Solver:
    """Return the solver that a request names; one that is loaded stops at the budget of its training.

    Args:
        precision: in place of the request's.
    """
    if isinstance(request.model, Solver):
        return request.model
    solver = load(request.model, request.device, precision or request.precision or "auto", batch_size)
    if solver.origin is not None:
        solver.max_segments = solver.origin.config.halting.max_segments
    return solver


@dataclass(frozen=True)
class Chosen:
    """The puzzles that a request names."""

    rows: Split
    split: str
    """Name of the split, or ``generated``."""
    store: Store | None
    """None: they were generated."""
    provenance: dict[str, Any]
    """Where they come from."""


def choose_puzzles(solver: Solver, request: Request, count: int) -> Chosen:
    """Return the split that a request names, or as many held-out puzzles.

    Raises:
        UsageError: there is nothing at this path, no such split, or the family cannot be generated.
        DataError: the file or store is not what it should be.
    """
    puzzle = solver.puzzle
    if request.data is None:
        if not puzzle.spec.generated:
            raise UsageError(f"puzzles of the family {puzzle.spec.name} cannot be generated: give data (--data)")
        config = solver.origin.config.data if solver.origin else DataConfig(puzzle=puzzle.spec.name)
        rows, provenance = unseen(config, count, request.seed, request.cache_dir, request.now)
        return Chosen(rows, "generated", None, provenance)
    if not request.data.exists():
        raise UsageError(f"there is no file or store {request.data}; check the path")
    store = cached_store(request.data, request.cache_dir, puzzle, request.now)
    name, rows = choose_split(store, request.split)
    return Chosen(rows, name, store, dict(store.manifest.provenance))


def rows_to_score(solver: Solver, store: Store, split: str, limit: int | None, where: Path | None = None) -> Split:
    """Return the first rows of a split that have a known answer, with the puzzle ids of the model.

    Args:
        where: what the user calls the store.

    Raises:
        UsageError: the model has never seen a task.
        DataError: no answer is known.
    """
    rows = store.split(split).take(slice(limit))
    if solver.puzzle.spec.has_tasks:
        rows = in_own_ids(rows, solver.table, store, limit)
    return with_answers(rows, where or store.path)


def measure(
    solver: Solver,
    store: Store,
    split: str,
    segments: int,
    limit: int | None = None,
    variants: int | None = None,
    answers: Callable[[Store, Ranked], None] = lambda store, ranked: None,
    progress: Progress = no_progress,
    world: World = ALONE,
) -> dict[str, Any]:
    """Return the metrics of ``evaluate`` for a split of a store, and of tests of tasks those of the vote.

    Rows without a known answer are not scored. Where no answer to a test of a task is known, ``examples`` is 0 and
    there are no metrics.

    Args: as those of ``evaluate_model`` and its request.
    """
    votes = store.table is not None and split == "test"
    if votes and not store.split(split).take(slice(limit)).answered.any():
        metrics = {"task": solver.puzzle.spec.name, "examples": 0}
    else:
        metrics = evaluate(solver, rows_to_score(solver, store, split, limit), segments, progress=progress, world=world)
    if votes:
        ranked = solve_tests(solver, store, segments, variants, limit, progress, world)
        metrics |= scored(ranked, truth_of(store, limit))
        answers(store, ranked)
    return metrics


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
