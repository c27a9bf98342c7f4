"""``hrm compare``."""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from hrm.cli.console import print_json, stderr, stdout
from hrm.cli.options import Cache, Json, Overrides, Recipe, Segments, SplitName, options_of, output, register_own
from hrm.runtime.environment import cache_folder, keep_compiled_code, present, rank


def compare(
    recipe: Recipe = "",
    /,
    *overrides: Overrides,
    variants: Annotated[
        str,
        Parameter(help="Ablations, separated by commas (docs/compare.md lists them). Your own: half:model.width=64."),
    ] = "base",
    seeds: Annotated[int, Parameter(help="Number of seeds: 0, 1, …")] = 3,
    equal: Annotated[
        Literal["updates", "flops"], Parameter(help="What all ablations share: the number of updates or of operations.")
    ] = "updates",
    data: Annotated[
        Path | None, Parameter(help="Puzzles to evaluate on. Default: the test split of the training data.")
    ] = None,
    split: SplitName = "",
    segments: Segments = None,
    config: Annotated[Path | None, Parameter(help="TOML file whose values replace those of the recipe.")] = None,
    out: Annotated[Path | None, output("Folder for the runs. Default: runs/compare-RECIPE.")] = None,
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Train a recipe and ablations of it with several seeds and compare their results. Run it again to resume.

    torchrun starts it in several processes, which take the trainings in turn.

    Example: `hrm compare sudoku-4x4 --data.test 1000 --variants base,full-gradient --seeds 3`.
    """
    from hrm.experiment import Experiment
    from hrm.recipes import resolve
    from hrm.recipes.ablations import ablation
    from hrm.runtime.world import join
    from hrm.workflows import compare as workflow

    resolved = resolve(recipe, config, overrides, options_of("compare")).config
    register_own(resolved.data.puzzle)
    resolved = Experiment.of(resolved).config  # ablations are made of the sizes that puzzles decide
    if resolved.train.compile:
        keep_compiled_code()
    folder = out or Path("runs") / f"compare-{resolved.recipe}"
    comparison = workflow.compare(
        dict(ablation(resolved, text.strip()) for text in variants.split(",")), list(range(seeds)), folder, equal=equal,
        data=data, split=split, segments=segments, cache_dir=cache_folder(cache), now=present(), console=stderr(),
        world=join(),
    )  # fmt: skip
    if rank():  # the first process of a job reports for all
        return
    if json:
        print_json(comparison)
        return
    test = comparison["test"]
    stdout().print(_table(comparison))
    stdout().print(
        f"exact in % of {test['puzzles']} puzzles of {test['data']} ({test['split']}) after M segments, all run; "
        "fresh: untrained; trained: the checkpoint that validation chose; mean: over the seeds, with its interval by "
        "Student's t. "
        f"All numbers: {folder / workflow.RESULT}, {folder / workflow.FIGURE}",
        soft_wrap=True,
    )


def _table(comparison: dict[str, Any]) -> Table:
    """Return a row for each ablation and seed, and one for their mean."""
    varying = "PFLOP" if comparison["equal"] == "updates" else "updates"
    table = Table(title=f"{comparison['recipe']} at equal {comparison['equal']}", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("variant", "weights", varying, "M", "seed", "fresh", "half", "trained", "95 %"):
        words = column == "variant"
        table.add_column(column, justify="left" if words else "right", no_wrap=not words, overflow="fold")
    for line in comparison["variants"]:
        first = (
            line["variant"],
            _short(line["parameters"]),
            f"{line['pflop']:.2g}" if varying == "PFLOP" else f"{line['updates']:,}",
            str(line["segments"]),
        )
        for run in line["runs"]:
            shares = [f"{100 * stage['exact']:.1f}" for stage in run["stages"]]
            low, high = run["stages"][-1]["exact_ci95"]
            table.add_row(*first, str(run["seed"]), *shares, _range(low, high))
            first = ("", "", "", "")
        summary = line["summary"]["trained"]["exact"]
        if summary["ci95"]:
            means = [f"{100 * line['summary'][stage]['exact']['mean']:.1f}" for stage in line["summary"]]
            low, high = summary["ci95"]
            table.add_row("", "", "", "", "mean", *means, _range(low, high), end_section=True)
    return table


def _short(number: int) -> str:
    return f"{number / 1e6:.3g}M" if number >= 1e6 else f"{number / 1e3:.3g}k"


def _range(low: float, high: float) -> str:
    return f"{100 * low:.1f}–{100 * high:.1f}"
