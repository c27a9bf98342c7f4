"""Which published checkpoint lies in a folder, and what its ``all_config.yaml`` says. Free of torch.

The official code of HRM and TRM saves a state dict under the name ``step_N`` beside ``all_config.yaml``; the HRM team
publishes it as ``checkpoint``, and others under a name of their own, beside a YAML file of that name. Checkpoints of
networks that this package does not have are known by their layout.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm.errors import DataError, UsageError
from hrm.files import open_file, read_bounded

SETTINGS, SETTINGS_BYTES = "all_config.yaml", 1 << 16
MOST_BYTES = 8 << 30
"""A larger file is refused unread; the largest published one has 2.2 GB."""
NETWORKS = {
    "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1": "HRM",
    "recursive_reasoning.hrm@HierarchicalReasoningModel_ACTV1": "HRM",
    "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1": "TRM",
}
"""Networks that are read, as the official settings name them."""
FOREIGN_FILES = {"*.pth": "EqR", "model.pt": "InfiLoop"}
CGAR_FILE = "pytorch_model.bin"
"""CGAR is a way to train TRM: its weights are read where settings that name the network lie beside them."""
FOREIGN_NAMES = {"fprm": "FPRM", "fixed": "FPRM", "eqr": "EqR", "equilib": "EqR", "infi": "InfiLoop", "cgar": "CGAR"}
_STEP = re.compile(r"step_(\d{1,12})(?:_.*)?", re.ASCII)


@dataclass(frozen=True)
class Published:
    """A checkpoint of the official code, found and described, but not yet read."""

    file: Path
    network: str
    """HRM or TRM."""
    settings: dict[str, Any]
    """All of ``all_config.yaml``."""

    @property
    def step(self) -> int | None:
        """The update that the name of the file tells."""
        found = _STEP.fullmatch(self.file.name)
        return int(found[1]) if found else None

    @property
    def arch(self) -> dict[str, Any]:
        """The settings of the network."""
        return self.settings["arch"]

    @property
    def weights(self) -> str:
        """Which weights the file holds: the trainer of TRM saves averages where it keeps some, that of HRM has none."""
        if not self.settings.get("ema"):
            return "raw"
        if self.settings.get("checkpoint_every_n_steps"):
            return "averaged (EMA) or raw: its trainer saves both alike"
        return f"averaged (EMA, decay {self.settings.get('ema_rate', 'not stated')})"


def find(path: Path) -> Published:
    """Find the checkpoint that a file or folder holds.

    Raises:
        UsageError: there is no such path, or PyYAML is missing.
        DataError: no checkpoint, or one of a network that this package does not have, by name.
    """
    if not path.exists():
        raise UsageError(f"there is no file or folder {path}: give the folder of a downloaded checkpoint, or its file")
    file = _weights_in(path) if path.is_dir() else path
    # The settings say which network it is; without them, the name of the file may.
    beside = next((each for each in (file.parent / SETTINGS, file.with_suffix(".yaml")) if each.exists()), None)
    if beside is None:
        if file.name == CGAR_FILE:
            raise DataError(f"{file} may be CGAR's, which trains the network TRM: put its {SETTINGS} beside it")
        for pattern, network in FOREIGN_FILES.items():
            if file.match(pattern):
                raise _foreign(file, network)
    try:
        with open_file(file) as f:
            size = f.seek(0, 2)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    if size > MOST_BYTES:
        raise DataError(f"{file} has {size} bytes; at most {MOST_BYTES} are read")
    settings = read_settings(beside or file.parent / SETTINGS)
    name = str(settings["arch"].get("name", ""))
    if name not in NETWORKS:
        known = next((network for part, network in FOREIGN_NAMES.items() if part in name.lower()), "")
        raise _foreign(file, known or (f"{name[:80]!r}" if name else "without a name"))
    return Published(file, NETWORKS[name], settings)


def read_settings(file: Path) -> dict[str, Any]:
    """Return what ``all_config.yaml`` says.

    Raises:
        UsageError: PyYAML is missing.
        DataError: no such file, or it is not what the official code writes.
    """
    try:
        import yaml
    except ImportError:
        raise UsageError("`hrm import` needs PyYAML: pip install 'hierarchical-reasoning[official]'") from None
    try:
        content = read_bounded(file, SETTINGS_BYTES)
        if b"<<" in content:  # merged keys, which may grow without end
            raise ValueError("merged keys, which the official code does not write")
        settings = yaml.safe_load(content)
    except FileNotFoundError:
        raise DataError(f"{file.parent} has no {SETTINGS}, which says what the network is: download it, too") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{file} is refused: {' '.join(str(error).split())[:120]}") from None
    if not isinstance(settings, dict) or not isinstance(settings.get("arch"), Mapping):
        raise DataError(f"{file} has no section arch, which says what the network is")
    return settings


def _weights_in(folder: Path) -> Path:
    """Return the one file of weights in a folder; of several steps, the last."""
    if (folder / "checkpoint").is_file():
        return folder / "checkpoint"
    names = [entry.name for entry in folder.iterdir()]
    steps = {name: int(found[1]) for name in names if (found := _STEP.fullmatch(name))}
    if steps:
        return folder / max(steps, key=lambda name: (steps[name], name))
    known = (CGAR_FILE, *FOREIGN_FILES)
    foreign = [name for name in sorted(names) if any(Path(name).match(pattern) for pattern in known)]
    if foreign:
        return folder / foreign[0]
    raise DataError(f"{folder} holds neither `checkpoint` nor `step_N`: give the file of the weights")


def _foreign(file: Path, network: str) -> DataError:
    return DataError(f"{file} is a checkpoint of the network {network}, which this package does not have")
