"""The run folder: whose it is, what may be done with it, and where its checkpoints lie. Free of torch."""

from pathlib import Path

from hrm.config import RunConfig, flat, from_toml
from hrm.errors import UsageError
from hrm.files import CHECKPOINT, require_writable
from hrm.inference.names import BEST, CHECKPOINTS

CONFIG = "config.toml"
"""Inside a run folder: the resolved configuration."""


def run_folder(config: RunConfig) -> Path:
    """Return where a run goes unless told: ``runs/RECIPE-DIGEST``."""
    return Path("runs") / f"{config.recipe}-{config.digest()}"


def claim(folder: Path, config: RunConfig, writes: bool = True) -> str:
    """Refuse a folder that cannot be written or is not this run's, before any work is done.

    A run may go on to more updates than it was begun with; nothing else of its configuration may change.

    Args:
        writes: whether the run will be written; else its place is not tried.

    Returns:
        What the run does with what it finds there, for its header: empty where it begins anew.

    Raises:
        UsageError: the folder is something else, or holds a run with another configuration.
        HrmError: it cannot be written.
    """
    file = folder / CONFIG
    if not file.is_file():
        if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
            raise UsageError(f"{folder} exists and is not a run folder: nothing was changed; choose another --out")
        if writes:
            require_writable(folder, CHECKPOINT)
        return ""
    if writes:
        require_writable(folder / "config", CHECKPOINT)
    if not any((folder / name).exists() for name in (BEST, CHECKPOINTS)):
        return ""
    old = from_toml(file.read_text(encoding="utf-8"), str(file))
    changes = differences(old, config)
    if not changes:
        return "resumes the run that is there"
    if changes.keys() == {"train.updates"} and config.train.updates > old.train.updates:
        return (
            f"goes on from {old.train.updates} to {config.train.updates} updates; "
            "from here the learning rate follows the longer schedule"
        )
    told = ", ".join(f"{path} {before} → {after}" for path, (before, after) in list(changes.items())[:4])
    more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
    raise UsageError(
        f"{folder} holds a run with another configuration ({told}{more}): repeat the command that started it, choose "
        f"another --out, or start from its weights with --init {folder} and another --out"
    )


def differences(old: RunConfig, new: RunConfig) -> dict[str, tuple[str, str]]:
    """Return the values in which two configurations differ: dotted path -> (old, new)."""
    before, after = (flat(config.model_dump(mode="json")) for config in (old, new))
    paths = [path for path in before | after if before.get(path) != after.get(path)]
    return {path: (_shown(before.get(path)), _shown(after.get(path))) for path in paths}


def _shown(value: object) -> str:
    text = "(none)" if value is None else "(empty)" if value in ("", []) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
