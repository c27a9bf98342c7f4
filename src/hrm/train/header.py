"""What is said before a run begins: five lines, from the configuration alone, so that nobody waits for torch first."""

from pathlib import Path

from hrm.config import RunConfig
from hrm.data.config import DataConfig
from hrm.model.sizes import parameters


def header(config: RunConfig, folder: Path, note: str = "") -> list[str]:
    """Return the lines: recipe and model, device, data, length, folder.

    Args:
        note: what the run does with what lies in its folder, if anything does.
    """
    trainable, table = parameters(config.model)
    train = config.train
    rows = f", and {table:,} in the puzzle embedding" if table else ""
    checks = "no evaluation" if not _validates(config.data) else f"evaluated every {config.eval.every:,}"
    return [
        f"model   {config.recipe}: {config.model.title}, {trainable:,} parameters{rows}",
        f"device  {train.device}, precision {train.precision}{', compiled' if train.compile else ''}",
        f"data    {_data(config.data)}",
        f"length  {train.updates:,} updates of {train.batch_size} puzzles, {checks}, seed {train.seed}",
        f"folder  {folder}{f' ({note})' if note else ''}",
    ]


def _validates(data: DataConfig) -> bool:
    return bool(data.validation or data.validation_path or (data.path and Path(data.path).is_dir()))


def _data(data: DataConfig) -> str:
    if data.path:
        found = f"{data.path} ({data.puzzle})"
        drawn = f", {data.train:,} puzzles of it" if data.train else ""
        held = f", validated on {data.validation_path or format(data.validation, ',')}" if _held(data) else ""
        return found + drawn + held
    counts = {"to train on": data.train, "to validate on": data.validation, "to test on": data.test}
    told = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
    return f"generated {data.puzzle} puzzles (seed {data.seed}): {told}"


def _held(data: DataConfig) -> bool:
    return bool(data.validation_path or data.validation)
