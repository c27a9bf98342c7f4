"""Checkpoints of the official HRM code (sapientinc/HRM): settings and tensor names, both ways.

Official names as of its only published architecture, ``hrm_v1``. A compiled or loss-wrapped checkpoint's
prefixes (``_orig_mod.``, ``model.``, ``inner.``) are the caller's to strip, with ``strip_prefix``.
"""

import re
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from hrm.errors import DataError, UsageError, did_you_mean
from hrm.model.config import HRMConfig
from hrm.model.hrm import HRM

_SETTINGS = {
    "vocab_size": "vocab_size",
    "seq_len": "cells",
    "hidden_size": "width",
    "num_heads": "heads",
    "expansion": "expansion",
    "H_layers": "h_layers",
    "L_layers": "l_layers",
    "H_cycles": "cycles",
    "L_cycles": "timesteps",
    "pos_encodings": "positions",
    "puzzle_emb_ndim": "puzzle_width",
    "num_puzzle_identifiers": "puzzles",
    "rms_norm_eps": "norm_eps",
    "rope_theta": "rope_theta",
}
_NOT_THE_NETWORKS = {
    "batch_size", "halt_max_steps", "halt_exploration_prob", "forward_dtype", "loss", "causal", "name",
}  # fmt: skip
_NAMES = {
    "embed_tokens.embedding_weight": "f_I.token_embedding.weight",
    "embed_pos.embedding_weight": "f_I.position_embedding",
    "puzzle_emb.weights": "f_I.puzzle_embedding.weight",
    "lm_head.weight": "f_O.output_head.weight",
    "q_head.weight": "q_head.weight",
    "q_head.bias": "q_head.bias",
    "H_init": "start_H",
    "L_init": "start_L",
}
_PARTS = {
    "self_attn.qkv_proj": "attention.qkv",
    "self_attn.o_proj": "attention.out",
    "mlp.gate_up_proj": "mlp.gate_up",
    "mlp.down_proj": "mlp.down",
}


def config_from_settings(settings: Mapping[str, object]) -> HRMConfig:
    """Translate the official settings of the architecture.

    Raises:
        UsageError: a setting that is unknown, or one that is missing.
    """
    known = [*_SETTINGS, *_NOT_THE_NETWORKS]
    for key in settings:
        if key not in known:
            raise UsageError(f"unknown official setting {key!r}.{did_you_mean(key, known)}")
    missing = [key for key in ("vocab_size", "seq_len", "hidden_size") if key not in settings]
    if missing:
        raise UsageError(f"the official settings lack {', '.join(missing)}")
    fields = {ours: settings[theirs] for theirs, ours in _SETTINGS.items() if theirs in settings}
    width = int(str(fields["width"]))
    fields["prefix"] = -(-int(str(fields.get("puzzle_width", 0))) // width)
    fields.setdefault("puzzle_width", 0)
    return HRMConfig.model_validate(fields)


def official_names(config: HRMConfig) -> dict[str, str]:
    """Return official name -> our name for every tensor of a network of this size."""
    layers = {"H": config.h_layers, "L": config.l_layers}
    names = {
        f"{level}_level.layers.{i}.{theirs}.weight": f"f_{level}.blocks.{i}.{ours}.weight"
        for level, count in layers.items()
        for i in range(count)
        for theirs, ours in _PARTS.items()
    }
    absent = {
        "f_I.position_embedding": config.positions != "learned",
        "f_I.puzzle_embedding.weight": config.puzzle_width == 0,
    }
    return names | {theirs: ours for theirs, ours in _NAMES.items() if not absent.get(ours)}


def strip_prefix(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Remove what ``torch.compile`` and the loss head put before each name of a saved official model."""
    return {re.sub(r"^(_orig_mod\.|model\.|inner\.)+", "", name): array for name, array in arrays.items()}


def model_from_arrays(
    config: Mapping[str, object], arrays: Mapping[str, np.ndarray], dtype: torch.dtype = torch.float32
) -> HRM:
    """Build our network with the weights of an official checkpoint.

    Args:
        config: the official settings (``hidden_size``, ``H_cycles``, …).
        arrays: the official tensors by their official names.
        dtype: dtype of the states.

    Raises:
        UsageError: a setting is unknown or missing.
        DataError: a tensor is missing, extra or wrongly shaped; each is named.
    """
    sizes = config_from_settings(config)
    model = HRM(sizes, dtype=dtype)
    names = official_names(sizes)
    own = model.state_dict()
    problems = [f"missing tensor {name!r}" for name in names if name not in arrays]
    problems += [f"extra tensor {name!r}" for name in arrays if name not in names]
    problems += [
        f"{theirs!r} has shape {tuple(arrays[theirs].shape)}, expected {tuple(own[ours].shape)}"
        for theirs, ours in names.items()
        if theirs in arrays and tuple(arrays[theirs].shape) != tuple(own[ours].shape)
    ]
    if problems:
        raise DataError("not the tensors of this official network: " + "; ".join(problems))
    model.load_state_dict(
        {ours: torch.from_numpy(np.array(arrays[theirs], np.float32)) for theirs, ours in names.items()}
    )
    return model


def arrays_from_model(model: HRM) -> dict[str, np.ndarray]:
    """Return the weights under their official names.

    Raises:
        UsageError: the network has parts that the official code does not know.
    """
    config = model.config
    if not isinstance(config, HRMConfig):
        raise UsageError(f"the official code has no networks of kind {config.kind!r}")
    foreign = {
        "tied": config.tied,
        "mixer": config.mixer != "attention",
        "relation_kinds": bool(config.relation_kinds),
        "q_continue": not config.q_continue,
        "positions": config.positions == "none",
        "grad_calls": config.grad_calls != 2,
        "prefix": config.prefix != -(-config.puzzle_width // config.width),
    }
    unknown = [name for name, differs in foreign.items() if differs]
    if unknown:
        raise UsageError(f"the official code has no counterpart of this network's {', '.join(unknown)}")
    own: dict[str, Tensor] = model.state_dict()
    return {theirs: own[ours].detach().cpu().numpy() for theirs, ours in official_names(config).items()}
