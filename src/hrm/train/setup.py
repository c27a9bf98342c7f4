"""What a run will be, settled and checked before anything slow happens, and the lines that say so; free of torch."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from hrm.config import RunConfig
from hrm.data.config import DataConfig
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
    checks = f"evaluated every {config.eval.every:,}" if _validates(config.data) else "no evaluation"
    for line in (
        f"model   {config.recipe}: {config.model.title}, {weights:,} parameters{rows}",
        f"device  {train.device}, precision {train.precision}{', compiled' if train.compile else ''}",
        f"data    {_described(config.data)}",
        f"length  {train.updates:,} updates of {train.batch_size} puzzles, {checks}, seed {train.seed}",
        f"folder  {setup.folder}{f' ({setup.note})' if setup.note else ''}",
    ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _validates(data: DataConfig) -> bool:
    return bool(data.validation or data.validation_path or (data.path and Path(data.path).is_dir()))


def _described(data: DataConfig) -> str:
    if data.path:
        sample = f", {data.train:,} puzzles of it" if data.train else ""
        validation = data.validation_path or (f"{data.validation:,}" if data.validation else "")
        return f"{data.path} ({data.puzzle}){sample}" + (f", validated on {validation}" if validation else "")
    counts = {"to train on": data.train, "to validate on": data.validation, "to test on": data.test}
    listed = ", ".join(f"{count:,} {purpose}" for purpose, count in counts.items() if count)
    return f"generated {data.puzzle} puzzles (seed {data.seed}): {listed}"
