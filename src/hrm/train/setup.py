"""What a run will be, settled and checked before anything slow happens, and the lines that say so; free of torch."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hrm.config import RunConfig
from hrm.experiment import Experiment
from hrm.inference.origin import locate
from hrm.train.run_folder import claim, default_folder


@dataclass(frozen=True)
class Setup:
    """A run that can begin."""

    experiment: Experiment
    folder: Path
    note: str
    """What the run does with what lies in its folder; empty: it begins anew."""
    init: str | Path | None = None
    """A model whose weights it starts from, in place of random ones."""

    @property
    def config(self) -> RunConfig:
        """The configuration, with nothing left open."""
        return self.experiment.config


def set_up(
    config: RunConfig | Experiment,
    folder: str | Path | None = None,
    init: str | Path | None = None,
    writes: bool = True,
) -> Setup:
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
    experiment = config if isinstance(config, Experiment) else Experiment.of(config)
    place = Path(folder) if folder is not None else default_folder(experiment.config)
    return Setup(experiment, place, claim(place, experiment.config, writes), init)


def print_header(setup: Setup, console: Console) -> None:
    """Print five lines before the run begins: model, device, data, length, folder."""
    config, train = setup.config, setup.config.train
    weights, table = config.model.parameters
    rows = f", and {table:,} in the puzzle embedding" if table else ""
    checks = f"evaluated every {config.eval.every:,}" if _validates(setup.experiment) else "no evaluation"
    for line in (
        f"model   {config.recipe}: {config.model.title}, {weights:,} parameters{rows}",
        f"device  {train.device}, precision {train.precision}{', compiled' if train.compile else ''}",
        f"data    {_described(setup.experiment)}",
        f"length  {train.updates:,} updates of {train.batch_size} puzzles, {checks}, seed {train.seed}",
        f"folder  {setup.folder}{f' ({setup.note})' if setup.note else ''}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _validates(experiment: Experiment) -> bool:
    data, store = experiment.config.data, experiment.source
    return bool(data.validation_path or ("validation" in store.splits if store is not None else data.validation))


def _described(experiment: Experiment) -> str:
    data, store = experiment.config.data, experiment.source
    train, validation, test = data.train, data.validation, data.test
    if store is not None:  # which is taken as it is split
        train, validation, test = (len(store.splits.get(name, ())) for name in ("train", "validation", "test"))
    amounts = {
        "to train on": f"{train:,}" if train else "the rest" if validation else "all",
        "to validate on": data.validation_path or (f"{validation:,}" if validation else ""),
        "to test on": f"{test:,}" if test else "",
    }
    source = f"{data.path} ({data.puzzle})" if data.path else f"generated {data.puzzle} puzzles (seed {data.seed})"
    return f"{source}: " + ", ".join(f"{amount} {purpose}" for purpose, amount in amounts.items() if amount)
