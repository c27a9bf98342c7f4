"""What a run will be, settled and checked before anything slow happens; free of torch."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hrm.config import RunConfig
from hrm.data.prepare import family, require_source
from hrm.errors import UsageError
from hrm.inference.names import locate
from hrm.model.config import EquivariantConfig, NetworkConfig
from hrm.puzzles.base import PuzzleSpec
from hrm.train.fit import infer_sizes
from hrm.train.header import header
from hrm.train.run_folder import claim, run_folder


@dataclass(frozen=True)
class Plan:
    """A run that can begin."""

    config: RunConfig
    """With nothing left open."""
    folder: Path
    note: str
    """What the run does with what lies in its folder; empty: it begins anew."""


def planned(
    config: RunConfig, folder: str | Path | None = None, init: str | Path | None = None, writes: bool = True
) -> Plan:
    """Settle what a configuration leaves open, and refuse what cannot be trained.

    Args:
        folder: the run folder; None: ``runs/RECIPE-DIGEST``.
        init: a model whose weights it starts from; a wrong name is refused.
        writes: whether the run will be written; else its place is not tried.

    Raises:
        UsageError: nothing to train on, a network of other puzzles, or a folder that holds something else.
        DataError: the puzzles are not what they should be.
        HrmError: the folder cannot be written.
    """
    if init is not None:
        locate(init)
    if config.recipe == "own" and not config.data.path:  # before a family is asked for that needs its rows
        require_source(config.data)
    config = infer_sizes(config)
    require_fit(config.model, family(config.data).spec)
    require_source(config.data)
    place = Path(folder) if folder is not None else run_folder(config)
    return Plan(config, place, claim(place, config, writes))


def announce(plan: Plan, console: Console) -> None:
    """Print the header of a run."""
    for line in header(plan.config, plan.folder, plan.note):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def require_fit(model: NetworkConfig, spec: PuzzleSpec) -> None:
    """Refuse a network that was made for other puzzles.

    Raises:
        UsageError: the size that differs.
    """
    wanted = {"vocab_size": spec.vocab_size, "cells": spec.cells}
    for name, value in wanted.items():
        if getattr(model, name) != value:
            raise UsageError(f"model.{name} is {getattr(model, name)}; {spec.name} needs {value}")
    if isinstance(model, EquivariantConfig) and model.symbols != (names := spec.vocab_size - spec.blank - 1):
        raise UsageError(f"model.symbols is {model.symbols}; {spec.name} has {names} tokens after the blank")
    if len(model.relation_kinds) > len(spec.relations):
        raise UsageError(
            f"model.relation_kinds names {len(model.relation_kinds)} relations; {spec.name} declares "
            f"{len(spec.relations)}: {', '.join(spec.relations)}"
        )
