"""``hrm train``."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from hrm.cli.console import print_json, stderr, stdout
from hrm.cli.options import Cache, Json, Overrides, Recipe, options_of, output, register_own
from hrm.runtime.environment import cache_folder, keep_compiled_code, rank

if TYPE_CHECKING:
    from hrm.train.setup import Setup


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
    updates: Annotated[int | None, Parameter(help="Short for --train.updates: how long to train.")] = None,
    lr: Annotated[float | None, Parameter(help="Short for --optim.lr: the learning rate.")] = None,
    seed: Annotated[int | None, Parameter(help="Short for --train.seed. Puzzles: --data.seed.")] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda", "mps"] | None, Parameter(help="Short for --train.device: where to compute.")
    ] = None,
    log: Annotated[
        tuple[Literal["tensorboard", "wandb", "mlflow"], ...],
        Parameter(negative="", help="Also log to this service. Can be repeated."),
    ] = (),
    dry_run: Annotated[
        bool, Parameter(negative="", help="Print what would be trained, its size and duration. Write nothing.")
    ] = False,
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Train a recipe. Run the same command again to resume.

    Any value of the configuration is a flag: `hrm train sudoku-4x4 --optim.lr 2e-3 --train.updates 500`. See
    `hrm config RECIPE` for all of them. On several GPUs: `torchrun --nproc-per-node 8 -m hrm train RECIPE`.

    Example: `hrm train sudoku-4x4 --train.seed 1`.
    """
    from hrm.recipes import resolve
    from hrm.train.loggers import LOGGERS, require
    from hrm.train.setup import print_header, set_up

    # What will be trained; what cannot be is refused before torch is loaded.
    short = {"train.updates": updates, "optim.lr": lr, "train.seed": seed, "train.device": device}
    flags = [f"--{path}={value}" for path, value in short.items() if value is not None]
    resolved = resolve(recipe, config, [*overrides, *flags], options_of("train")).config
    register_own(resolved.data.puzzle)
    setup = set_up(resolved, out, init, writes=not dry_run)
    if dry_run:
        _dry_run(setup, json)
        return
    require(log)
    if not rank():
        print_header(setup, stderr())
    if setup.config.train.compile:
        keep_compiled_code()
    from hrm.train.trainer import Trainer

    callbacks = [LOGGERS[name]() for name in log]
    trainer = Trainer(setup, cache_dir=cache_folder(cache), console=stderr(), callbacks=callbacks, announce=False)
    outcome = trainer.fit()
    # Results, and what to do next.
    if rank():  # the first process of a job reports for all
        return
    if json:
        print_json({"folder": str(outcome.folder), "updates": outcome.updates, "best": outcome.best})
        return
    best = outcome.best
    reached = "" if best["exact"] is None else f", {best['exact']:.1%} exact on its validation puzzles"
    stdout().print(
        f"{outcome.folder}: {outcome.updates} updates; best checkpoint from update {best['update']}{reached}",
        soft_wrap=True,
    )
    for command in trainer.next_commands():
        stdout().print(f"next: {shlex.join(command)}", soft_wrap=True)


def _dry_run(setup: "Setup", json: bool) -> None:
    from hrm.workflows.dry_run import dry_run

    estimate = dry_run(setup)
    if json:
        print_json(estimate)
        return
    stdout().print(setup.config.to_toml())
    for key, value in estimate.items():
        if key != "config":
            stdout().print(f"{key.replace('_', ' ')}: {value}")
