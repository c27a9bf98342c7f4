"""What a checkpoint keeps of a run, the way back, and the model card beside it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from hrm.checkpoint import REMEDY, Checkpoint, latest_checkpoint, load_checkpoint, required
from hrm.config import RunConfig
from hrm.data.store import Split, Store
from hrm.errors import DataError, DivergedError, HrmError
from hrm.files import replace_file
from hrm.inference.answer import counted
from hrm.inference.origin import BEST, CHECKPOINTS, locate
from hrm.model.flops import flops_per_segment, training_flops
from hrm.model.network import Network, parameter_counts
from hrm.runtime.machine import is_out_of_memory
from hrm.runtime.quoting import markdown
from hrm.train.finite import non_finite
from hrm.train.losses import IGNORED
from hrm.train.run_folder import CARD


def packed(parts: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the tensors of several parts under ``part/name``."""
    return {f"{part}/{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}


def unpacked(state: Mapping[str, Tensor], part: str) -> dict[str, Tensor]:
    """Return the tensors of one part by their own names."""
    return {name.removeprefix(f"{part}/"): tensor for name, tensor in state.items() if name.startswith(f"{part}/")}


def newest_checkpoint(folder: Path, console: Console) -> Path | None:
    """Return the newest checkpoint of a run that can be used, with a warning for each newer one that is damaged.

    Raises:
        DataError: there are checkpoints, but none can be used.
    """
    newest, damaged = latest_checkpoint(folder / CHECKPOINTS)
    for problem in damaged:
        console.print(f"warning: {problem}", soft_wrap=True, highlight=False, markup=False)
    if newest is None and damaged:
        raise DataError(f"no checkpoint of {folder} can be used: delete the folder, or choose another --out")
    return newest


def load_to_resume(folder: Path, store: Store) -> tuple[Checkpoint, dict[str, Tensor]]:
    """Return a checkpoint with the state that training resumes from.

    Raises:
        DataError: the checkpoint is damaged, or is of other puzzles.
        DivergedError: it holds a number that is not finite, which older versions saved.
        HrmError: it has no state.
    """
    checkpoint = load_checkpoint(folder, with_state=True)
    if checkpoint.state is None:
        raise HrmError(f"{folder} holds weights only: training cannot resume, but --init can start from them")
    if required(checkpoint, "update", "cursor", "best", "trained_s", "data")["data"]["digest"] != store.digest:
        raise DataError(
            f"{folder} was trained on other puzzles than {store.path} holds now: choose another --out, or "
            "bring the puzzles of its training back"
        )
    if bad := non_finite(checkpoint.weights | checkpoint.state):
        raise DivergedError(
            f"{folder} holds NaN or infinity in {bad[0]!r}: its training had diverged; delete it to go on from an "
            "older checkpoint, or choose another --out and a lower --optim.lr"
        )
    return checkpoint, checkpoint.state


@contextmanager
def fitting(folder: Path) -> Iterator[None]:
    """Refuse the state of a checkpoint whose tensors are others than those of the run that takes them back.

    Raises:
        DataError: what does not fit.
    """
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise DataError(f"{folder} does not hold the state of this run: {str(error)[:120]}; {REMEDY}") from None


def require_slots(given: Mapping[str, Tensor], own: Mapping[str, Tensor], store: Store) -> None:
    """Check the puzzles in flight of a checkpoint before they are taken back.

    Args:
        own: those of a run of this configuration.

    Raises:
        KeyError, ValueError: a tensor is missing or of another shape, or holds a token or puzzle id that there is not.
    """
    for name, tensor in own.items():
        if given[name].shape != tensor.shape:
            raise ValueError(f"slots/{name} has shape {tuple(given[name].shape)}, not {tuple(tensor.shape)}")
    vocab = store.puzzle.spec.vocab_size
    for name, count in (("inputs", vocab), ("labels", vocab), ("puzzle_ids", store.puzzle_rows)):
        known = (given[name] >= 0) & (given[name] < count)
        if name == "labels":
            known |= given[name] == IGNORED
        if not bool(known.all()):
            raise ValueError(f"slots/{name} holds a number that is not among 0 to {count - 1}")


def copy_card(folder: Path) -> None:
    """Show the card of the best weights as that of the run."""
    card = folder / BEST / CARD
    if card.exists():
        replace_file(folder / CARD, card.read_bytes())


def training_of(store: Store, splits: Mapping[str, Split], device: torch.device, processes: int) -> dict[str, Any]:
    """Return what a checkpoint records of the puzzles and the machine of its training."""
    each = f"{processes} processes of " if processes > 1 else ""
    provenance = dict(store.manifest.provenance)
    return {
        "data": {"digest": store.digest, "train_rows": len(splits["train"]), "provenance": provenance},
        "hardware": f"{each}{torch.get_num_threads()} threads, {device.type}",
    }


def start_of(init: str | Path, checkpoint: Checkpoint) -> dict[str, str]:
    """Return what a checkpoint records of the model whose weights training started from."""
    located = locate(init)
    return {"name": located.hub or located.folder.name, "weights_sha256": checkpoint.weights_sha256}


def model_card(config: RunConfig, model: Network, meta: dict[str, Any]) -> str:
    """Return Markdown: what it is, how it was trained, what it reached where, and how to repeat that."""
    counts, table = parameter_counts(model)
    best, data = meta["best"], meta["data"]
    train = config.train
    executed = training_flops(config.model, meta["update"], train.shallow_updates) * train.batch_size
    shallow = f" (one cycle in the first {train.shallow_updates:,} updates)" if train.shallow_updates else ""
    provenance = "\n".join(f"  - {markdown(key)}: {markdown(value)}" for key, value in data["provenance"].items())
    valid = f", valid {best['valid']:.1%}" if best["valid"] is not None else ""
    # what it started from, and how to repeat that
    started, repeat = "", "`hrm train --config config.toml`"
    if start := meta.get("init"):
        weights = f"{markdown(start['name'])} (sha256 {markdown(start['weights_sha256'][:16])})"
        started, repeat = f"\n- Started from the weights of {weights}", f"{repeat}, with `--init` and that model,"
    reached = (
        f"exact {best['exact']:.1%}{valid} on the validation split at update {best['update']}"
        if best["exact"] is not None
        else "not measured: the run had no validation split"
    )
    return f"""# {markdown(config.recipe)}: {config.model.title} for {markdown(config.data.puzzle)}

- Parameters: {sum(counts.values()):,} trainable, puzzle embedding {table:,}
- Loop: {config.model.loop}{shallow}; at most {counted(config.halting.max_segments, "segment")}
- Cost: {flops_per_segment(config.model) / 1e9:.3f} GFLOP a segment and puzzle; {executed / 1e15:.2g} PFLOP in training
  (matrix products, forward and backward)
- Trained: {meta["update"]:,} of {train.updates:,} updates of {train.batch_size} slots, seed
  {train.seed}, {meta["trained_s"] / 60:.1f} minutes ({meta["hardware"]}), on {data["train_rows"]:,} puzzles
- Checkpoint: {meta["choice"]}{started}
- Reached: {reached}
- Training data (digest {data["digest"][:16]}):
{provenance}

Load it with `hrm.load("FOLDER")`; measure it with `hrm eval FOLDER --data PUZZLES.csv`. The complete
configuration is `config.toml` beside this card; {repeat} trains it again. License: Apache-2.0.
"""
