"""The model card that lies beside every checkpoint."""

from typing import Any

from hrm.config import RunConfig
from hrm.model.flops import flops_per_segment, training_flops
from hrm.model.hrm import parameter_counts
from hrm.model.network import Network


def model_card(config: RunConfig, model: Network, meta: dict[str, Any]) -> str:
    """Return Markdown: what it is, how it was trained, what it reached where, and how to repeat that."""
    counts, table = parameter_counts(model)
    best, data = meta["best"], meta["data"]
    train = config.train
    executed = training_flops(config.model, meta["update"], train.shallow_updates) * train.batch_size
    shallow = f" (one cycle in the first {train.shallow_updates:,} updates)" if train.shallow_updates else ""
    provenance = "\n".join(f"  - {key}: {value}" for key, value in data["provenance"].items())
    valid = f", valid {best['valid']:.1%}" if best["valid"] is not None else ""
    reached = (
        f"exact {best['exact']:.1%}{valid} on the validation split at update {best['update']}"
        if best["exact"] is not None
        else "not measured: the run had no validation split"
    )
    return f"""# {config.recipe}: {config.model.title} for {config.data.puzzle}

- Parameters: {sum(counts.values()):,} trainable, puzzle table {table:,}
- Loop: {config.model.loop}{shallow}; at most {config.halting.max_segments} segments
- Cost: {flops_per_segment(config.model) / 1e9:.3f} GFLOP a segment and puzzle; {executed / 1e15:.2g} PFLOP in training
  (matrix products, forward and backward)
- Trained: {meta["update"]:,} of {train.updates:,} updates of {train.batch_size} slots, seed
  {train.seed}, {meta["trained_s"] / 60:.1f} minutes ({meta["hardware"]}), on {data["train_rows"]:,} puzzles
- Checkpoint: {meta["choice"]}
- Reached: {reached}
- Training data (digest {data["digest"][:16]}):
{provenance}

Load it with `hrm.load("FOLDER")`; measure it with `hrm eval FOLDER --data PUZZLES.csv`. The complete
configuration is `config.toml` beside this card; `hrm train --config config.toml` trains it again. License: Apache-2.0.
"""
