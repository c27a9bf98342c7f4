"""``hrm config``, ``params``, ``recipes`` and ``models``: what there is, without running it."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from hrm.cli.common import Json, print_json, stdout
from hrm.cli.overrides import Overrides, resolve


def config(
    recipe: Annotated[str, Parameter(allow_leading_hyphen=True, help="Name of a recipe.")] = "",
    /,
    *overrides: Overrides,
    config: Annotated[Path | None, Parameter(help="TOML file whose values replace the recipe's.")] = None,
    json: Json = False,
) -> None:
    """Print a complete configuration as TOML, with what each value means and where it comes from."""
    from hrm.config import annotated_toml

    resolved, sources = resolve(recipe, config, overrides)
    if json:
        print_json(resolved.model_dump(mode="json"))
    else:
        stdout().print(annotated_toml(resolved, sources), markup=False, soft_wrap=True)


def params(
    name: Annotated[str, Parameter(name="RECIPE|MODEL", help="A recipe, run folder, checkpoint or shipped model.")],
    /,
    *,
    json: Json = False,
) -> None:
    """Count the parameters of a recipe's network or of a model, component by component."""
    from hrm.studies.params import count

    counts = count(name)
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
    table.add_row("puzzle table (apart)", f"{counts['puzzle_table']:,}")
    stdout().print(table)


def recipes(*, json: Json = False) -> None:
    """List the experiments that can be run by name."""
    from hrm.recipes import RECIPES

    listing = {
        name: " ".join((recipe.__doc__ or "").split("\n\n")[0].split()).replace("``", "")
        for name, recipe in RECIPES.items()
    }
    if json:
        print_json({"recipes": [{"name": name, "what": what} for name, what in listing.items()]})
        return
    table = Table(show_header=False, box=None)
    for name, what in listing.items():
        table.add_row(name, what)
    stdout().print(table)


def models(*, json: Json = False) -> None:
    """List the shipped models, with what they reached."""
    from hrm.studies.params import shipped

    found = shipped()
    if json:
        print_json({"models": found})
        return
    for entry in found:
        stdout().print(f"{entry['name']}  {entry['puzzle']}, {entry['trainable']:,} parameters; {entry['reached']}")
        stdout().print(f"  card: {entry['card']}", soft_wrap=True)
