"""The models that come with the package: a checkpoint folder each, with its card."""

from pathlib import Path

_HERE = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the shipped models."""
    return sorted(folder.name for folder in _HERE.iterdir() if (folder / "manifest.json").is_file())


def path(name: str) -> Path:
    """Return the checkpoint folder of a shipped model; the caller checks that the name is one of ``names``."""
    return _HERE / name
