"""Everything needed to go on, in a folder that is either whole or refused.

A checkpoint is ``config.toml`` (what was trained; on the hub ``config.json``), ``model.safetensors`` (the weights to
use), optionally ``state.safetensors`` (what training needs beside them), ``README.md`` (its card) and, of families with
tasks, ``variants.u1`` and ``tasks.json`` (the table of puzzle ids), and ``manifest.json``, which holds the size and
sha256 of each and a sha256 of itself. A flipped bit or a missing byte anywhere is found before a tensor is built,
because no format here has a checksum of its own; ``hrm.manifest`` compares them.
"""

import json
import re
import secrets
import shutil
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import safetensors.torch
import tomli_w
import torch
from pydantic import BaseModel, ConfigDict, Field
from safetensors import SafetensorError
from torch import Tensor

from hrm.data.task_table import ROWS, TASKS, TaskTable, table_files, table_of
from hrm.errors import DataError, UsageError
from hrm.files import CHECKPOINT, MANIFEST, MANIFEST_BYTES, fill, replacing, sha256_of
from hrm.manifest import FileRecord, Form, check_content, check_size, damaged, read_listed, read_manifest, record, seal
from hrm.model.renames import renamed

FORMATS = (1, 2)
"""Formats that are read; the last is written. In 1 networks had no modules f_I and f_O, and tensors other names."""
HEADER_BYTES = 1 << 20
"""A longer safetensors header is refused unread."""
REMEDY = "use another checkpoint of the run, or copy or download this one again"

_CONFIG, _CONFIG_JSON = "config.toml", "config.json"
_WEIGHTS, _STATE, _CARD = "model.safetensors", "state.safetensors", "README.md"
_ASIDE = r"\.update-\d{6,}\.old-[0-9a-f]{8}"  # a good checkpoint whose replacement was cut short
_NAME = re.compile(rf"update-\d{{6,}}|{_ASIDE}", re.ASCII)
_LEFTOVER = re.compile(r"\.update-\d{6,}\.(tmp|gone)-[0-9a-f]{8}", re.ASCII)


Count = Annotated[int, Field(ge=0, le=1 << 53)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Facts(BaseModel):
    """Facts that a checkpoint may keep; what else it keeps stays as it is."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True)


class _Best(_Facts):
    """The evaluation by which the best weights were chosen, as shares."""

    update: Count
    exact: Share | None = None
    valid: Share | None = None


class _Trained(_Facts):
    """The puzzles of the training."""

    digest: str
    provenance: dict[str, str | bool | int | float | None] = {}
    train_rows: Count


class _Start(_Facts):
    """The model whose weights training started from."""

    name: str
    weights_sha256: str


class _Guard(_Facts):
    """The losses that the next one is compared with."""

    losses: Annotated[list[Finite], Field(max_length=1000)]
    looked_at: Count
    usual_until: Count
    risen: bool


class _Meta(_Facts):
    """What ``meta`` may say: every reader may rely on these types, and on nothing else."""

    update: Count | None = None
    cursor: Count | None = None
    evaluated: Count | None = None
    trained_s: Seconds | None = None
    window_s: Seconds | None = None
    guard: _Guard | None = None
    choice: str | None = None
    hardware: str | None = None
    best: _Best | None = None
    data: _Trained | None = None
    init: _Start | None = None


class _Manifest(BaseModel):
    """What ``manifest.json`` says."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["hrm-checkpoint"]
    format: Literal[1, 2]
    files: dict[str, FileRecord]
    meta: _Meta
    torch: str
    threads: int
    sha256: str
    """Of this manifest without this field."""


_FORM = Form(CHECKPOINT, _Manifest, "name a run or checkpoint folder", REMEDY, FORMATS, sealed=True)


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint, its tensors on the CPU."""

    path: Path
    config: str
    """The resolved configuration as TOML."""
    weights: dict[str, Tensor]
    """The weights to use (in training with averaged weights: the average)."""
    state: dict[str, Tensor] | None
    """What training needs beside them; None where absent or not asked for."""
    weights_sha256: str
    """Hash of the file of the weights: it names them in protocols."""
    meta: dict[str, Any]
    """Small facts as JSON: the update, the cursor of the sampler, scores …"""
    table: TaskTable | None = None
    """Which row of the puzzle embedding belongs to which variant of which task, in families that have some."""
    card: str | None = None
    """The model card as Markdown."""


def save_checkpoint(
    folder: str | Path,
    *,
    config: str,
    weights: Mapping[str, Tensor],
    state: Mapping[str, Tensor] | None = None,
    meta: Mapping[str, Any],
    card: str | None = None,
    table: TaskTable | None = None,
    as_json: bool = False,
) -> None:
    """Write a checkpoint whole or not at all, in place of an older one of that name.

    Args:
        config: TOML.
        meta: anything that JSON can say; no NaN.
        as_json: write the configuration as JSON, as models on the hub have it.

    Raises:
        HrmError: the disk is too full (checked before anything is written) or the place cannot be written.
        UsageError: something that is not a checkpoint already has this name.
    """
    folder = Path(folder)
    contents = {_CONFIG_JSON: _json(config)} if as_json else {_CONFIG: config.encode()}
    contents[_WEIGHTS] = _serialized(weights)
    if state is not None:
        contents[_STATE] = _serialized(state)
    if card is not None:
        contents[_CARD] = card.encode()
    if table is not None:
        contents |= table_files(table)
    manifest = {
        "kind": CHECKPOINT,
        "format": FORMATS[-1],
        "files": {name: record(data).model_dump() for name, data in contents.items()},
        "meta": json.loads(json.dumps(dict(meta))),  # JSON has no tuples, and no keys but strings
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
    }
    contents[MANIFEST] = seal(manifest)
    assert len(contents[MANIFEST]) <= MANIFEST_BYTES, "meta is for small facts; tensors belong in state"
    with replacing(folder, sum(map(len, contents.values())), CHECKPOINT) as work:
        fill(work, contents)


def load_checkpoint(folder: str | Path, with_state: bool = False) -> Checkpoint:
    """Verify a checkpoint and load it.

    What is used is what was hashed: each file is read once.

    Args:
        with_state: also verify and load what training needs; otherwise only that file's size is checked.

    Raises:
        DataError: which file is missing, damaged or not understood, and what to do.
    """
    folder = Path(folder)
    manifest = _manifest(folder)
    listed = [name for name in manifest.files if name != _STATE or with_state]
    data = {name: read_listed(folder / name, manifest.files[name], REMEDY) for name in listed if name != _CARD}
    weights = _tensors(folder / _WEIGHTS, data[_WEIGHTS])
    state = _tensors(folder / _STATE, data[_STATE]) if _STATE in data else None
    if manifest.format == 1:
        weights, state = renamed(weights), None if state is None else renamed(state)
    weights_sha256 = manifest.files[_WEIGHTS].sha256
    if _CONFIG_JSON in data:
        config = _toml(folder / _CONFIG_JSON, data[_CONFIG_JSON])
    else:
        config = _text(folder / _CONFIG, data[_CONFIG])
    table = None if ROWS not in data else table_of(data, folder, REMEDY)
    card = folder / _CARD  # for readers only, so that an edited one is no damage
    card = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else None
    return Checkpoint(folder, config, weights, state, weights_sha256, _plain(manifest.meta), table, card)


def verify_checkpoint(folder: str | Path) -> dict[str, Any]:
    """Verify every byte of a checkpoint without building tensors, and return its ``meta``.

    Raises:
        DataError: which file is missing, damaged or not understood, and what to do.
    """
    folder = Path(folder)
    manifest = _manifest(folder)
    for name, promised in manifest.files.items():
        if name != _CARD:
            check_content(folder / name, promised, REMEDY)
    return _plain(manifest.meta)


def required(checkpoint: Checkpoint, *names: str) -> dict[str, Any]:
    """Return the facts that a checkpoint keeps, once these are among them.

    Raises:
        DataError: one is missing; says which.
    """
    for name in names:
        if checkpoint.meta.get(name) is None:
            raise DataError(f"{checkpoint.path / MANIFEST} keeps no meta.{name}: training cannot go on; {REMEDY}")
    return checkpoint.meta


def card_is_edited(folder: Path) -> bool:
    """Say whether the card of a checkpoint is another than the one that was saved with it."""
    promised = _manifest(folder).files.get(_CARD)
    return promised is not None and not ((folder / _CARD).is_file() and sha256_of(folder / _CARD) == promised.sha256)


def config_of(folder: Path) -> dict[str, Any]:
    """Return the configuration of a checkpoint, not validated; empty where it cannot be read: loading says why."""
    for name, parsed in ((_CONFIG_JSON, json.loads), (_CONFIG, tomllib.loads)):
        try:
            tree = parsed((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue
        return tree if isinstance(tree, dict) else {}
    return {}


def latest_checkpoint(folder: str | Path) -> tuple[Path | None, list[str]]:
    """Return the newest checkpoint of a run that is whole, and why each newer one is not.

    Args:
        folder: holds checkpoints named ``update-000123``; need not exist.
    """
    folder = Path(folder)
    damaged = []
    for checkpoint in reversed(_listed(folder)):
        try:
            verify_checkpoint(checkpoint)
        except DataError as error:
            damaged.append(str(error))
        else:
            return checkpoint, damaged
    return None, damaged


def newest_until(folder: Path, update: int) -> Path | None:
    """Return the newest checkpoint of a run that is of this update or an earlier one; it is not verified."""
    return next((path for path in reversed(_listed(folder)) if _update_of(path) <= update), None)


def prune(folder: Path, keep: int, until: int | None = None) -> list[Path]:
    """Delete all but the newest checkpoints of a run, and what interrupted saves left behind.

    Checkpoints with a missing, short or unlisted file do not count (hashes are not taken here: that would
    cost seconds a save). Only the process that writes the run may call this.

    Args:
        keep: how many to keep; 1 or more.
        until: if those are all of later updates, keep one more: the newest of this update or an earlier one.

    Returns:
        The checkpoints that were deleted.

    Raises:
        UsageError: ``keep`` is below 1.
    """
    if keep < 1:
        raise UsageError(f"cannot keep {keep} checkpoints: at least 1 must stay")
    for entry in folder.iterdir() if folder.is_dir() else ():
        if _LEFTOVER.fullmatch(entry.name):
            shutil.rmtree(entry, ignore_errors=True)
    kept: set[int] = set()
    deleted = []
    for checkpoint in reversed(_listed(folder)):
        update = _update_of(checkpoint)
        wanted = len(kept) < keep or (until is not None and update <= until < min(kept))
        if wanted and update not in kept:
            try:
                _manifest(checkpoint)
                kept.add(update)
            except DataError:
                continue
        else:
            gone = folder / f".update-{update:06d}.gone-{secrets.token_hex(4)}"
            checkpoint.rename(gone)  # so that a deletion cut short leaves no half checkpoint
            shutil.rmtree(gone, ignore_errors=True)
            deleted.append(checkpoint)
    return deleted


def _update_of(checkpoint: Path) -> int:
    return int(checkpoint.name.lstrip(".").split(".")[0].removeprefix("update-"))


def _listed(folder: Path) -> list[Path]:
    """Return the checkpoints of a run, oldest first; of two of one update the one moved aside is older."""
    checkpoints = [p for p in folder.iterdir() if _NAME.fullmatch(p.name)] if folder.is_dir() else []
    return sorted(checkpoints, key=lambda p: (_update_of(p), p.name[0] != "."))


def _manifest(folder: Path) -> _Manifest:
    """Return the manifest once it and the sizes of the files that it names are right."""
    manifest = read_manifest(folder, _FORM)
    names = set(manifest.files)
    configs, tables = names & {_CONFIG, _CONFIG_JSON}, names & {ROWS, TASKS}
    known = names <= {_WEIGHTS, _STATE, _CARD} | configs | tables
    if not (known and _WEIGHTS in names and len(configs) == 1 and len(tables) != 1):
        raise damaged(folder / MANIFEST, f"it lists {', '.join(manifest.files)[:80]}", REMEDY)
    for name, promised in manifest.files.items():
        if name != _CARD:
            check_size(folder / name, promised, REMEDY)
    return manifest


def _plain(meta: _Meta) -> dict[str, Any]:
    return meta.model_dump(exclude_unset=True)


def _text(file: Path, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{file} is refused: line {line} is not UTF-8; {REMEDY}") from None


def _json(config: str) -> bytes:
    return (json.dumps(tomllib.loads(config), indent=2, allow_nan=False) + "\n").encode()


def _toml(file: Path, data: bytes) -> str:
    try:
        return tomli_w.dumps(json.loads(data))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{file} is refused: no configuration as JSON ({str(error)[:80]}); {REMEDY}") from None


def _tensors(file: Path, data: bytes) -> dict[str, Tensor]:
    """Build tensors from verified bytes; the hash says that they are intact, not that they are harmless."""
    header = int.from_bytes(data[:8], "little")
    if len(data) < 8 or header > min(HEADER_BYTES, len(data) - 8):
        raise DataError(f"{file} is refused: a safetensors header of {header} bytes (allowed: {HEADER_BYTES})")
    try:
        return safetensors.torch.load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise DataError(f"{file} is refused: not sound safetensors ({str(error)[:80]}); {REMEDY}") from None


def _serialized(tensors: Mapping[str, Tensor]) -> bytes:
    """Return safetensors bytes; views are made whole, and tensors that share memory are written apart."""
    separate: dict[str, Tensor] = {}
    owners: set[int] = set()
    for name, tensor in tensors.items():
        whole = tensor.detach().to("cpu").contiguous()
        place = whole.untyped_storage().data_ptr()
        part = place in owners or whole.untyped_storage().nbytes() != whole.nbytes
        separate[name] = whole.clone() if part else whole
        owners.add(place)
    data = safetensors.torch.save(separate)
    header = int.from_bytes(data[:8], "little")
    assert header <= HEADER_BYTES, f"{len(separate)} tensors make a header of {header} bytes, which no load accepts"
    return data
