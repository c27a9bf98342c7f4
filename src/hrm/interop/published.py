"""From a published checkpoint of HRM or TRM to a folder that ``hrm.load`` reads.

``layout`` finds the files, ``unpickling`` reads the weights in a process of its own, ``official`` translates them, and
here they get a configuration and the puzzles that they are for.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from hrm import puzzles
from hrm.checkpoint import save_checkpoint
from hrm.config import RunConfig, validated
from hrm.data.sources.official import IDENTIFIERS_BYTES
from hrm.data.sources.official_arc import read_names
from hrm.data.task_table import TaskTable
from hrm.errors import DataError, UsageError
from hrm.files import CHECKPOINT, read_bounded, require_writable
from hrm.interop import layout
from hrm.interop.official import config_from_settings, weights_from_tensors
from hrm.model.config import HRMConfig
from hrm.puzzles.base import Puzzle

FAMILIES = ("sudoku-9x9", "maze-30x30", "arc", "sudoku-4x4", "sudoku-6x6")
"""Families that are found by the size of the vocabulary and the number of cells."""
MOST_SECONDS = 900
MOST = {"H_layers": 99, "L_layers": 99, "H_cycles": 1000, "L_cycles": 1000, "hidden_size": 1 << 16}
"""Larger settings are refused before anything is made of them."""
ROWS = "f_I.puzzle_embedding.weight"


@dataclass(frozen=True)
class Imported:
    """What was imported."""

    folder: str
    network: str
    """HRM or TRM."""
    weights: str
    """Which weights the file held: raw, or averaged."""
    puzzle: str
    parameters: int
    """Numbers in the network without the puzzle embedding and the initial states."""
    puzzle_rows: int
    """Rows of the puzzle embedding."""
    tasks: int | None
    """Tasks whose rows are known by name; None without identifiers."""
    update: int | None
    """The update that the name of the file tells."""

    def lines(self) -> list[str]:
        """Return it in a few sentences."""
        rows = f"{self.puzzle_rows:,} puzzle row{'s' * (self.puzzle_rows != 1)}"
        if self.tasks is not None:
            rows += f" of {self.tasks:,} tasks"
        elif self.puzzle == "arc":
            rows += "; which task each belongs to is unknown, so that test-time tasks are unknown, too: give "
            rows += "--identifiers identifiers.json of its training data"
        return [
            f"{self.folder}: {self.network} for {self.puzzle}, {self.parameters:,} parameters",
            f"weights: {self.weights}",
            f"puzzle embedding: {rows}",
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def import_checkpoint(path: Path, out: Path, puzzle: str = "", identifiers: Path | None = None) -> Imported:
    """Read a published checkpoint and write it as a checkpoint folder.

    Args:
        path: its folder, or the file of weights beside ``all_config.yaml``.
        puzzle: the family; empty: found by the sizes of the network and the name of its data.
        identifiers: of ARC, ``identifiers.json`` of the training data, which names the rows of the puzzle embedding.

    Raises:
        UsageError: an unknown family, or several that fit.
        DataError: what is wrong with the checkpoint, in which file.
    """
    require_writable(out, CHECKPOINT)
    found = layout.find(path)
    with TemporaryDirectory(prefix=".import-", dir=out.resolve().parent) as folder:
        converted = Path(folder) / "tensors.safetensors"
        _convert(found.file, converted)
        with safe_open(converted, "pt") as opened:
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  no dictionary
        return _write(found, tensors, out, puzzle, identifiers)


def _write(
    found: layout.Published, tensors: Mapping[str, Tensor], out: Path, name: str, identifiers: Path | None
) -> Imported:
    """Fit tensors, settings and puzzles together, and write the checkpoint."""
    # The sizes that the settings leave out are those of the tensors, and the family's.
    settings = _settings(found, tensors)
    sequence = _sequence(settings, tensors)
    family = _family(name, settings["vocab_size"], sequence, found)
    try:
        network = config_from_settings(settings | {"seq_len": family.spec.cells})
        config = _config(found, family, network)
    except UsageError as error:
        raise DataError(f"{found.file.parent / layout.SETTINGS} is refused: {error}") from None
    try:
        weights = weights_from_tensors(network, tensors)
    except DataError as error:
        raise DataError(f"{found.file} is refused: {error}") from None
    # Rows of tasks get the order of our tables.
    table = None
    if identifiers is not None:
        if not family.spec.has_tasks or ROWS not in weights:
            raise UsageError(f"--identifiers is for tasks with a puzzle embedding; this is a model of {name or family}")
        table, weights[ROWS] = _by_task(identifiers, weights[ROWS])
        config = config.changed("model.puzzles", len(table))
    fixed = ("start_H", "start_L", ROWS)
    imported = Imported(
        folder=str(out), network=found.network, weights=found.weights, puzzle=config.data.puzzle,
        parameters=sum(tensor.numel() for key, tensor in weights.items() if key not in fixed),
        puzzle_rows=config.model.puzzle_rows, tasks=None if table is None else len(table.task_ids), update=found.step,
    )  # fmt: skip
    meta = {"update": found.step, "choice": f"imported from {found.file.name}; weights: {found.weights}"}
    save_checkpoint(
        out, config=config.to_toml(), weights=weights, meta=meta, card=_card(imported, found), table=table
    )  # fmt: skip
    return imported


def _convert(file: Path, out: Path) -> None:
    """Turn the file into safetensors in another process: whatever happens there, nothing happens here."""
    try:
        said = json.loads(_in_a_process(file, out).splitlines()[-1])
    except subprocess.TimeoutExpired:
        raise DataError(f"{file} is refused: reading it takes more than {MOST_SECONDS} seconds") from None
    except (ValueError, IndexError):
        raise DataError(f"{file} is refused: the process that reads it ended without a result") from None
    if "error" in said:
        raise DataError(f"{file} is refused: {said['error']}")


def _in_a_process(file: Path, out: Path) -> str:
    """Return what ``unpickling`` prints about the file."""
    command = [sys.executable, "-P", "-W", "ignore", "-m", "hrm.interop.unpickling", str(file.resolve()), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=MOST_SECONDS, stdin=subprocess.DEVNULL)
    return done.stdout


def _settings(found: layout.Published, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the settings of the network with the sizes that only its tensors tell."""
    settings = {name: value for name, value in found.arch.items() if not isinstance(value, dict)}
    for name, most in MOST.items():
        value = settings.get(name)
        if value is not None and not (type(value) is int and 0 <= value <= most):
            raise DataError(
                f"{found.file.parent / layout.SETTINGS}: arch.{name} must be 0 to {most} (got {value!r:.40})"
            )
    if str(settings.get("puzzle_emb_ndim", "")).startswith("$"):  # a reference that was not resolved
        settings["puzzle_emb_ndim"] = settings.get("hidden_size")
    if "embed_tokens.embedding_weight" not in tensors:
        raise DataError(f"{found.file} is refused: missing tensor 'embed_tokens.embedding_weight'")
    settings["vocab_size"] = len(tensors["embed_tokens.embedding_weight"])
    if "puzzle_emb.weights" in tensors:
        settings["num_puzzle_identifiers"] = len(tensors["puzzle_emb.weights"])
    return settings


def _sequence(settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> int | None:
    """Return the number of cells, where a tensor tells it: a table of positions, or a map across them."""
    positions = tensors.get("embed_pos.embedding_weight")
    across = tensors.get("L_level.layers.0.mlp_t.down_proj.weight")
    known = positions if positions is not None else across
    if known is None:
        return None
    try:
        return len(known) - config_from_settings({**settings, "seq_len": 1}).prefix
    except UsageError as error:
        raise DataError(f"{layout.SETTINGS} is refused: {error}") from None


def _family(name: str, vocab: int, cells: int | None, found: layout.Published) -> Puzzle:
    """Return the family that was asked for, or the one that fits the sizes and the name of the training data."""
    sizes = f"a vocabulary of {vocab}" + ("" if cells is None else f" and {cells} cells")
    if name:
        family = puzzles.get(name)
        if family.spec.vocab_size != vocab or cells not in (None, family.spec.cells):
            needs = f"a vocabulary of {family.spec.vocab_size} and {family.spec.cells} cells"
            raise UsageError(f"{name} has {needs}; the checkpoint is for {sizes}: choose another --puzzle")
        return family
    fitting = [
        family
        for family in map(puzzles.get, FAMILIES)
        if family.spec.vocab_size == vocab and cells in (None, family.spec.cells)
    ]
    data = str(found.settings.get("data_path", "")) + str(found.settings.get("data_paths", ""))
    named = [family for family in fitting if family.spec.name.partition("-")[0] in data.lower()]
    fitting = named or fitting
    if len(fitting) != 1:
        several = " or ".join(family.spec.name for family in fitting) or "no family that is known by its sizes"
        raise UsageError(f"the checkpoint is for {sizes}, which is {several}: choose with --puzzle")
    return fitting[0]


def _config(found: layout.Published, family: Puzzle, network: HRMConfig) -> RunConfig:
    """Return the configuration, with the settings of the training where ours has a counterpart."""
    given, arch = found.settings, found.arch
    loss = arch.get("loss")
    kind = str(loss.get("loss_type", "")) if isinstance(loss, Mapping) else ""
    optim = {
        "lr": given.get("lr"), "weight_decay": given.get("weight_decay"), "puzzle_lr": given.get("puzzle_emb_lr"),
        "puzzle_weight_decay": given.get("puzzle_emb_weight_decay"), "min_lr_ratio": given.get("lr_min_ratio"),
        "warmup_updates": given.get("lr_warmup_steps"), "ema": given.get("ema_rate") if given.get("ema") else None,
    }  # fmt: skip
    halting = {
        "max_segments": arch.get("halt_max_steps"), "explore": arch.get("halt_exploration_prob"), "redraw": True,
    }  # fmt: skip
    train = {
        "updates": found.step or 1, "batch_size": given.get("global_batch_size") or 768,
        "loss": "softmax" if kind.startswith("softmax") else "stablemax",
    }  # fmt: skip
    sections = {"optim": optim, "halting": halting, "train": train}
    tree = {name: {key: v for key, v in values.items() if v is not None} for name, values in sections.items()}
    tree |= {"model": network.model_dump(), "data": {"puzzle": family.spec.name}}
    return validated(tree | {"recipe": f"official-{found.network.lower()}"}, "the settings")


def _by_task(file: Path, rows: Tensor) -> tuple[TaskTable, Tensor]:
    """Return the table of tasks that names of rows stand for, and the rows in its order.

    A task whose original has no row of its own gets the mean of all.
    """
    try:
        names = json.loads(read_bounded(file, IDENTIFIERS_BYTES))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not valid JSON: {str(error)[:80]}") from None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{file} must be a list of names")
    if len(names) != len(rows):
        raise DataError(f"{file} has {len(names)} names, the puzzle embedding {len(rows)} rows: they are not a pair")
    named = read_names(names, file)
    if names != list(dict.fromkeys(names)):
        raise DataError(f"{file} names a row twice")
    return named.table, _in_order(names, named.names, rows)


def _in_order(names: Sequence[str], wanted: Sequence[str], rows: Tensor) -> Tensor:
    places = {name: place for place, name in enumerate(names)}
    order = torch.tensor([places.get(name, len(rows)) for name in wanted])
    return torch.cat((rows, rows.mean(0, keepdim=True)))[order]


def _card(imported: Imported, found: layout.Published) -> str:
    """Return the model card: where the weights come from."""
    facts = "\n".join(f"- {line[:1].upper()}{line[1:]}" for line in imported.lines()[1:])
    return f"""# {imported.network} for {imported.puzzle}, imported

- Network: {imported.network}, {imported.parameters:,} parameters, from `{found.file.name}` of the official code
{facts}

Load it with `hrm.load("FOLDER")`. Training data, accuracy and license are those of the publisher.
"""
