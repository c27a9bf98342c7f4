"""``hrm train``."""

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hrm.cli.common import (
    Cache,
    Json,
    Recipe,
    admit_own,
    cache_folder,
    keep_compiled_code,
    output,
    print_json,
    stderr,
    stdout,
)
from hrm.cli.overrides import Overrides, resolve


def train(
    recipe: Recipe = "",
    /,
    *overrides: Overrides,
    config: Annotated[
        Path | None,
        Parameter(help="TOML file whose values replace those of the recipe. Without a recipe it must be complete."),
    ] = None,
    out: Annotated[Path | None, output("Run folder. Default: runs/RECIPE-DIGEST.")] = None,
    init: Annotated[str | None, Parameter(help="Start from the weights of this model.")] = None,
    dry_run: Annotated[
        bool, Parameter(negative="", help="Print what would be trained, its size and duration. Write nothing.")
    ] = False,
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Train a recipe. Run the same command again to resume.

    Any value of the configuration is a flag: `hrm train sudoku-4x4 --optim.lr 2e-3 --train.updates 500`. See
    `hrm config RECIPE` for all of them.

    Example: `hrm train sudoku-4x4 --train.seed 1`.
    """
    from hrm.studies.fit import fitted

    resolved, _ = resolve(recipe, config, overrides)
    admit_own(resolved.data.puzzle)
    resolved = fitted(resolved)
    if dry_run:
        from hrm.studies.dry_run import dry_run as study

        plan = study(resolved)
        if json:
            print_json(plan)
        else:
            stdout().print(resolved.to_toml(), markup=False)
            for key, value in plan.items():
                if key != "config":
                    stdout().print(f"{key.replace('_', ' ')}: {value}", markup=False)
        return
    from hrm.train.trainer import Trainer

    if resolved.train.compile:
        keep_compiled_code()
    outcome = Trainer(resolved, out, cache_folder(cache), init, stderr()).fit()
    if json:
        print_json({"folder": str(outcome.folder), "updates": outcome.updates, "best": outcome.best})
    else:
        best = outcome.best
        reached = "" if best["exact"] is None else f", {best['exact']:.1%} exact on its validation puzzles"
        folder = shlex.quote(str(outcome.folder))
        stdout().print(
            f"{folder}: {outcome.updates} updates; best checkpoint from update {best['update']}{reached}",
            soft_wrap=True,
        )
        arc = resolved.data.puzzle == "arc"
        data, puzzle = (resolved.data.path, "TASK.json") if arc else ("PUZZLES.csv", "PUZZLE")
        stdout().print(
            f"next: hrm eval {folder} --data {shlex.quote(data)}   hrm solve {folder} {puzzle}", soft_wrap=True
        )
