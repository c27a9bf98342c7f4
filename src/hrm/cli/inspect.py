"""``hrm config``, ``params``, ``recipes`` and ``models``: what there is, without running it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from hrm import pretrained
from hrm.cli.console import print_json, stdout
from hrm.cli.options import Json, Overrides, Recipe, options_of, recipe_names


def config(
    recipe: Recipe = "",
    /,
    *overrides: Overrides,
    config: Annotated[Path | None, Parameter(help="TOML file whose values replace those of the recipe.")] = None,
    json: Json = False,
) -> None:
    """Print a complete configuration as TOML: each value, what it means and where it comes from.

    Example: `hrm config sudoku-4x4 --optim.lr 5e-4`.
    """
    from hrm.config import annotated_toml
    from hrm.recipes import resolve

    resolved, sources = resolve(recipe, config, overrides, options_of("config"))
    if json:
        print_json(resolved.model_dump(mode="json"))
    else:
        stdout().print(annotated_toml(resolved, sources), soft_wrap=True)


def params(
    name: Annotated[
        str,
        Parameter(
            name="RECIPE|MODEL",
            help="Recipe, shipped model, run folder or checkpoint folder.",
            allow_leading_hyphen=True,
            completer=lambda context: [*recipe_names(), *pretrained.names()],
        ),
    ],
    /,
    *overrides: Overrides,
    on: Annotated[
        str,
        Parameter(help="Also estimate the least time of an update on a100, h100, h200, 8xh100 (8 of them), or here."),
    ] = "",
    json: Json = False,
) -> None:
    """Count the parameters of a recipe or a model, component by component.

    Example: `hrm params hrm-sudoku`, `hrm params hrm-sudoku --train.batch-size 1024 --on 8xh100`.
    """
    from hrm.inference.origin import require
    from hrm.recipes import names
    from hrm.recipes.resolve import parse_words

    name, changes = parse_words([name, *overrides], options_of("params"))
    require(name, names())
    from hrm.workflows.params import count

    counts = count(name, changes, on)
    if json:
        print_json(counts)
        return
    table = Table(title=f"{name}: {counts['trainable']:,} trainable parameters")
    table.add_column("component")
    table.add_column("parameters", justify="right")
    for component, number in counts["components"].items():
        table.add_row(component, f"{number:,}")
    table.add_section()
    table.add_row("trainable", f"{counts['trainable']:,}")
    table.add_row("puzzle embedding (apart)", f"{counts['puzzle_table']:,}")
    stdout().print(table)
    if on:
        update = counts["update"]
        best = update["at_best_s"]
        duration = f"{1e3 * best:.3g} ms" if best < 1 else f"{best:.3g} s"
        stdout().print(
            f"an update of {update['slots']:,} slots on {update['on']} in {update['precision']}: at best "
            f"{duration}, {update['at_best_segments_per_s']:,.0f} segments/s, "
            f"limited by {update['bound_by']}",
            soft_wrap=True,
        )


def recipes(*, json: Json = False) -> None:
    """List the experiments that run by name.

    Example: `hrm recipes`, then `hrm train sudoku-4x4`.
    """
    from hrm.recipes import RECIPES, function

    listing = {
        name: " ".join((function(name).__doc__ or "").split("\n\n")[0].split()).replace("``", "") for name in RECIPES
    }
    if json:
        print_json({"recipes": [{"name": name, "what": what} for name, what in listing.items()]})
        return
    table = Table(show_header=False, box=None)
    for name, what in listing.items():
        table.add_row(name, what)
    stdout().print(table)


def models(*, json: Json = False) -> None:
    """List the shipped models and their accuracy.

    Example: `hrm models`.
    """
    found = pretrained.described()
    if json:
        print_json({"models": found})
        return
    for entry in found:
        stdout().print(f"{entry['name']}  {entry['puzzle']}, {entry['trainable']:,} parameters; {entry['reached']}")
        stdout().print(f"  card: {entry['card']}", soft_wrap=True)
