"""Networks side by side: the same puzzles, several seeds, the same updates or the same operations."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from hrm.config import RunConfig
from hrm.data.build import cached_store
from hrm.data.store import Split, Store
from hrm.errors import UsageError
from hrm.evaluation.run import choose_split, measure, with_answers
from hrm.experiment import Experiment
from hrm.files import replace_file
from hrm.inference.load import load
from hrm.inference.origin import BEST
from hrm.model.flops import flops_per_segment, training_flops
from hrm.model.network import parameter_counts
from hrm.runtime.world import ALONE, World
from hrm.train.log import counting
from hrm.train.setup import Setup, set_up
from hrm.train.trainer import Trainer
from hrm.viz.figures.curves import plot_comparison
from hrm.viz.figures.style import has_matplotlib

STAGES = ("untrained", "half", "trained")
"""When a network is evaluated: before the first update, after half of them, and after the last one, then with the
checkpoint that the validation split chose."""
RESULT, FIGURE = "compare.json", "compare.png"
KEPT = ("exact", "exact_ci95", "valid", "cell", "per_segment", "early_exit", "solve_exit", "pass_at", "pass_at_task")
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Two-sided 95 % quantiles of Student's t, for 1 to 10 degrees of freedom."""


@dataclass(frozen=True)
class _Test:
    """The puzzles that a network is evaluated on."""

    store: Store
    name: str
    """Of the store, or of the file that the user gave."""
    split: str
    rows: Split


def compare(
    ablations: Mapping[str, RunConfig],
    seeds: Sequence[int],
    folder: Path,
    *,
    equal: Literal["updates", "flops"] = "updates",
    data: Path | None = None,
    split: str = "",
    segments: int | None = None,
    cache_dir: Path,
    now: str,
    console: Console,
    world: World = ALONE,
) -> dict[str, Any]:
    """Train every ablation with every seed, evaluate each three times, and return all numbers.

    Seeds name the initial weights, the order and the augmentation; the puzzles are the same for all. What was begun
    goes on, and what is finished is not done again, where the same folder is given.

    Args:
        ablations: configurations by name; the first one sets the budget.
        folder: gets a run folder for each ablation and seed, ``compare.json``, and ``compare.png`` with matplotlib.
        equal: what all ablations have in common: their own number of updates, which then must be the same, or the
            operations of the first one's training, from which the updates of the others follow.
        data: puzzles to evaluate on; None: the split ``test`` of the training data.
        segments: all of them are run; None: each network's own budget.
        now: the present time as ISO 8601.
        world: processes that take the trainings in turn, each one by itself; the first one writes the results.

    Returns:
        ``ablations``, one record each with its ``runs``, which have ``stages``, and a ``summary`` over the seeds.

    Raises:
        UsageError: nothing to compare or to evaluate on, or unequal numbers of updates.
        Interrupted: SIGINT or SIGTERM came; the same call goes on.
    """
    experiments = {name: Experiment.of(config) for name, config in ablations.items()}
    first = next(iter(experiments.values())).config
    if len(set(seeds)) != len(seeds) or not seeds:
        raise UsageError(f"seeds must be different numbers, at least one (got {list(seeds)})")
    comparison: dict[str, Any] = {
        "recipe": first.recipe, "equal": equal, "seeds": list(seeds), "date": now, "variants": [],
    }  # fmt: skip
    # refuse what cannot be compared before the first update
    budgeted = {name: _budgeted(each.config, first, equal, name) for name, each in experiments.items()}
    evaluated_on = {
        name: world.first_on_each_machine(lambda each=each: _evaluated_on(each, data, split, cache_dir, now, console))
        for name, each in experiments.items()
    }

    def trained(name: str, seed: int) -> dict[str, Any]:
        config = budgeted[name].changed("train.seed", seed)
        console.print(f"{name}, seed {seed}: {config.train.updates} updates", highlight=False, markup=False)
        setup = set_up(replace(experiments[name], config=config), folder / f"{name}-seed{seed}")
        progress = console if world.leads else Console(quiet=True)
        return _run(setup, evaluated_on[name], segments, cache_dir, progress)

    # train and evaluate a network for each seed; a stage that was measured before is read
    jobs = [(name, seed) for name in budgeted for seed in seeds]
    results = world.in_turn(trained(*job) for job in jobs[world.rank :: world.size])
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in budgeted}
    for (name, _), run in zip(jobs, results, strict=True):
        found[name].append(run)
    # what each ablation costs, and what its seeds reached
    for name, config in budgeted.items():
        runs, batch = found[name], config.train.batch_size
        comparison["variants"].append({
            "variant": name, "parameters": runs[0].pop("parameters"), "updates": config.train.updates,
            "gflops_per_segment": flops_per_segment(config.model) / 1e9,
            "segments": segments or config.halting.max_segments, "blocks_per_segment": config.model.depth,
            "pflop": training_flops(config.model, config.train.updates, config.train.shallow_updates) * batch / 1e15,
            "runs": runs, "summary": {stage: _summary(runs, stage) for stage in STAGES},
            "config": config.model_dump(mode="json"),
        })  # fmt: skip
        comparison["test"] = runs[0]["test"]
    if world.leads:
        replace_file(folder / RESULT, json.dumps(comparison, indent=1).encode())
        if has_matplotlib():
            plot_comparison(comparison, folder / FIGURE)
    return comparison


def _budgeted(config: RunConfig, first: RunConfig, equal: str, name: str) -> RunConfig:
    """Return the configuration with as many updates as its share allows."""
    if equal == "updates":
        if config.train.updates != first.train.updates:
            raise UsageError(
                f"{name} has {config.train.updates} updates, the first ablation {first.train.updates}: give all the "
                "same, or compare at --equal flops"
            )
        return config
    budget, one = (
        training_flops(each.model, each.train.updates, each.train.shallow_updates) * each.train.batch_size
        for each in (first, config)
    )
    updates = max(2, round(config.train.updates * budget / one))
    return config.changed("train.updates", updates)


def _evaluated_on(
    experiment: Experiment, data: Path | None, split: str, cache_dir: Path, now: str, console: Console
) -> _Test:
    """Return the puzzles to evaluate on, some of which must have a known answer.

    Raises:
        UsageError, DataError: there are none.
    """
    if data is not None:
        store = cached_store(data, cache_dir, experiment.puzzle, now)
    else:
        with counting(console, "generating puzzles") as progress:
            store, _ = experiment.puzzles(cache_dir, now, progress)
        if "test" not in store.splits:
            remedy = "give --data FILE, or --data.test N for generated puzzles"
            raise UsageError(f"there is nothing to evaluate on: {remedy}")
    chosen, rows = choose_split(store, split)
    with_answers(rows, store.path)
    return _Test(store, store.path.name if data is None else data.name, chosen, rows)


def _run(setup: Setup, evaluated_on: _Test, segments: int | None, cache_dir: Path, console: Console) -> dict[str, Any]:
    """Train one network to its end and return what it reached at each stage."""
    config, folder = setup.config, setup.folder
    trainer = Trainer(setup, cache_dir=cache_dir, console=console, announce=False, world=ALONE)
    store, name, rows = evaluated_on.store, evaluated_on.split, evaluated_on.rows
    wanted = segments or config.halting.max_segments
    key = {"data": store.digest, "split": name, "segments": wanted, "puzzles": len(rows)}
    stages = []
    for stage, until in zip(STAGES, (0, config.train.updates // 2, config.train.updates), strict=True):
        file = folder / f"{stage}.json"
        line = _kept(file, key)
        if line is None:
            checkpoint = _trained(trainer, folder, stage, until)
            solver = load(checkpoint, config.train.device, batch_size=config.eval.batch_size)
            measured = measure(solver, store, name, wanted)
            assert solver.origin is not None  # it was loaded
            line = {"stage": stage, "key": key} | {k: solver.origin.meta[k] for k in ("update", "trained_s")}
            line |= {k: measured[k] for k in (*KEPT, *measured["per_segment"][-1]) if k in measured}
            replace_file(file, json.dumps(line).encode())
        stages.append({k: v for k, v in line.items() if k != "key"})
    components, _ = parameter_counts(trainer.model)
    test = {"data": evaluated_on.name, "digest": store.digest, "split": name}
    return {
        "seed": config.train.seed, "stages": stages,
        "parameters": sum(components.values()), "test": {**test, "puzzles": len(rows)},
    }  # fmt: skip


def _trained(trainer: Trainer, folder: Path, stage: str, until: int) -> Path:
    """Train so far, and return the checkpoint of this stage, which is kept beside those of the run."""
    if stage == STAGES[-1]:
        trainer.fit()
        return folder / BEST
    checkpoint = folder / stage
    if not checkpoint.is_dir():
        trainer.fit(until)
        if trainer.update != until:
            raise UsageError(
                f"{folder} is at update {trainer.update} already, without a checkpoint of update {until}: it was not "
                "begun by `hrm compare`; choose another --out"
            )
        trainer.save(checkpoint, with_state=False, choice=f"update {until}, not chosen")
    return checkpoint


def _kept(file: Path, key: dict[str, Any]) -> dict[str, Any] | None:
    """Return what an earlier call measured, where it measured the same."""
    try:
        line = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return line if isinstance(line, dict) and line.get("key") == key else None


def _summary(runs: Sequence[dict[str, Any]], stage: str) -> dict[str, Any]:
    """Return the mean over the seeds, with its 95 % interval by Student's t; None with one seed."""
    lines = [line for run in runs for line in run["stages"] if line["stage"] == stage]
    summary: dict[str, Any] = {}
    for metric in ("exact", "valid"):
        values = [line[metric] for line in lines]
        if any(value is None for value in values):
            continue
        mean = statistics.fmean(values)
        summary[metric] = {"mean": mean, "least": min(values), "greatest": max(values), "ci95": None}
        if 1 < len(values) <= len(T95) + 1:
            spread = T95[len(values) - 2] * statistics.stdev(values) / math.sqrt(len(values))
            summary[metric]["ci95"] = [max(0.0, mean - spread), min(1.0, mean + spread)]
    return summary
