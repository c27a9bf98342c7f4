"""Adapt a trained model to ARC tasks that it has never seen: train on their demonstrations, answer their tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from hrm.data.arc import build_arc
from hrm.data.prepare import family
from hrm.errors import DataError, UsageError
from hrm.evaluation.arc import write_submission
from hrm.evaluation.tasks import scored, solve_tests, truth_of
from hrm.inference.solver import Solver
from hrm.inference.weights import load_model
from hrm.puzzles.arc.family import Arc
from hrm.puzzles.arc.files import Notes
from hrm.runtime.quoting import Terminal
from hrm.train.trainer import Trainer

STORE, RUN, SUBMISSION = "store", "run", "submission.json"
"""What an adaptation leaves in its folder."""


def adapt(
    name: str,
    tasks: list[Path],
    out: Path,
    *,
    now: str,
    updates: int,
    variants: int,
    all_weights: bool = False,
    puzzle_lr: float | None = None,
    device: str = "auto",
    console: Console | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Fit a model to the demonstrations of tasks and answer their tests by vote.

    Outputs of tests, where they are known, are scored and never trained on.

    Args:
        name: a model of ARC.
        tasks: folders or files of tasks.
        out: a new folder for the store, the run and ``submission.json``; the same call again goes on with the run.
        now: the present time as ISO 8601.
        updates: how long to train.
        variants: most variants of a task beside itself.
        all_weights: train the network, too, at the rate of its own training; else only the rows of the puzzle
            embedding, which begin at the mean of those of the model.
        puzzle_lr: learning rate of these rows; None: that of the model's training.

    Returns:
        ``submission`` (its path), ``tests``, ``hidden_tests``, and, where outputs are known, ``pass_at`` and
        ``pass_at_task``.

    Raises:
        UsageError: the model is not of ARC, or has no puzzle embedding.
        DataError: the tasks have no tests, or no demonstrations that do not give a test away.
    """
    # refuse what cannot be adapted, or gives nothing to train on or to answer
    _, config, _ = load_model(name, device)
    puzzle = family(config.data)
    if not isinstance(puzzle, Arc) or getattr(config.model, "puzzle_width", 0) == 0:
        raise UsageError(f"{name} cannot be adapted: it needs a model of ARC with a puzzle embedding")
    notes = Notes()
    store = build_arc(
        out / STORE, tasks, variants, config.data.seed, now, hold_back=True, notes=notes, canvas=puzzle.side
    )
    for line in notes.lines():
        (console or Terminal(stderr=True)).print(line, soft_wrap=True)
    if store.table is None or "test" not in store.splits:
        raise DataError("the tasks have no tests")
    if "train" not in store.splits:
        raise DataError(
            "there is nothing to train on: every demonstration of these tasks is also one of their tests, so all are "
            "left out; give tasks with demonstrations of their own"
        )
    # train as the model was trained, within what was asked for
    optim: dict[str, Any] = {"warmup_updates": 0, "ema": 0.0, "min_lr_ratio": 1.0}
    if not all_weights:
        optim |= {"kind": "adam_atan2", "lr": 0.0}
    if puzzle_lr is not None:
        optim["puzzle_lr"] = puzzle_lr
    changes = {
        "recipe": f"{config.recipe}-adapted",
        "model": {"puzzles": len(store.table)},
        "data": {"path": str(store.path), "validation_path": ""},
        "optim": optim,
        "train": {"updates": updates, "device": device, "checkpoint_every": max(updates, 1)},
    }
    run = Trainer(config.changed(changes, source="adapt"), out / RUN, init=name, console=console)
    run.fit()
    solver = Solver(run.average.eval(), store.puzzle, config.halting.max_segments, config.eval.batch_size)
    ranked = solve_tests(solver, store, config.halting.max_segments, progress=progress)
    write_submission(out / SUBMISSION, ranked)
    result: dict[str, Any] = {"submission": str(out / SUBMISSION), "tests": len(store.held_out_tests())}
    return result | scored(ranked, truth_of(store))
