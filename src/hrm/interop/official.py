"""Checkpoints of the official code of HRM (sapientinc/HRM) and TRM: settings and tensor names.

Names as of ``hrm_v1``, which TRM kept; HRM's weights go both ways, TRM's are read. A compiled or loss-wrapped
checkpoint's prefixes (``_orig_mod.``, ``model.``, ``inner.``) are the caller's to strip, with ``strip_prefix``.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from pydantic import ValidationError
from torch import Tensor

from hrm.errors import DataError, UsageError, did_you_mean
from hrm.model.config import HRMConfig
from hrm.model.hrm import HRM
from hrm.nn.sizes import swiglu_width

T = TypeVar("T")

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
_OF_TRM = {"mlp_t": False, "puzzle_emb_len": 16, "no_ACT_continue": True}
"""Settings that TRM added, with their defaults."""
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
    "mlp_t.gate_up_proj": "mixer.gate_up",
    "mlp_t.down_proj": "mixer.down",
}
_PARTS_OF = {"attention": ("self_attn", "mlp"), "mlp": ("mlp_t", "mlp")}


def config_from_settings(settings: Mapping[str, object]) -> HRMConfig:
    """Translate the official settings of the architecture, HRM's or TRM's.

    Raises:
        UsageError: a setting that is unknown, missing, or out of range.
    """
    known = [*_SETTINGS, *_OF_TRM, *_NOT_THE_NETWORKS]
    for key in settings:
        if key not in known:
            raise UsageError(f"unknown official setting {key!r}.{did_you_mean(key, known)}")
    missing = [key for key in ("vocab_size", "seq_len", "hidden_size") if key not in settings]
    if missing:
        raise UsageError(f"the official settings lack {', '.join(missing)}")
    # What both have in common.
    fields: dict[str, Any] = {ours: settings[theirs] for theirs, ours in _SETTINGS.items() if theirs in settings}
    fields.setdefault("puzzle_width", 0)
    try:
        fields["prefix"] = -(-int(fields["puzzle_width"]) // int(fields["width"]))
        if is_trm(settings):
            fields |= _trm_fields(fields, _OF_TRM | dict(settings))
        return HRMConfig.model_validate(fields)
    except ValidationError as error:
        fault = error.errors()[0]
        theirs = {ours: name for name, ours in _SETTINGS.items()}
        named = " ".join(theirs.get(str(part), str(part)) for part in fault["loc"]) or "sizes"
        raise UsageError(f"official setting {named}: {fault['msg']}") from None
    except (ValueError, TypeError, ZeroDivisionError, OverflowError):
        raise UsageError("the official settings hold what is not a number where one belongs") from None


def is_trm(settings: Mapping[str, object]) -> bool:
    """Say whether settings are TRM's, by the name of the network, or by what only TRM has."""
    name = str(settings.get("name", ""))
    return "TinyRecursive" in name or ("Hierarchical" not in name and any(key in settings for key in _OF_TRM))


def _trm_fields(fields: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return what TRM's settings say beside those of HRM: one net in both roles, gradient through the last cycle."""
    timesteps = int(fields.get("timesteps", 2))
    trm: dict[str, Any] = {
        "tied": True, "grad_calls": timesteps + 1, "q_continue": not settings["no_ACT_continue"],
        "prefix": int(settings["puzzle_emb_len"]) or fields["prefix"],
    }  # fmt: skip
    if settings["mlp_t"] or fields.get("positions") not in ("rope", "learned"):
        trm["positions"] = "learned" if fields.get("positions") == "learned" else "none"
    return trm | {"mixer": "mlp" if settings["mlp_t"] else "attention"}


def official_names(config: HRMConfig) -> dict[str, str]:
    """Return official name -> our name for every tensor of a network of this size."""
    layers = {"L": config.l_layers} if config.tied else {"H": config.h_layers, "L": config.l_layers}
    names = {
        f"{level}_level.layers.{i}.{theirs}.weight": f"f_{level}.blocks.{i}.{ours}.weight"
        for level, count in layers.items()
        for i in range(count)
        for theirs, ours in _PARTS.items()
        if theirs.partition(".")[0] in _PARTS_OF.get(config.mixer, ())
    }
    absent = {
        "f_I.position_embedding": config.positions != "learned",
        "f_I.puzzle_embedding.weight": config.puzzle_width == 0,
    }
    return names | {theirs: ours for theirs, ours in _NAMES.items() if not absent.get(ours)}


def official_shapes(config: HRMConfig) -> dict[str, tuple[int, ...]]:
    """Return official name -> shape for every tensor of a network of this size."""
    width, vocab, length = config.width, config.vocab_size, config.length
    inner, across = swiglu_width(width, config.expansion), swiglu_width(length, config.expansion)
    parts = {
        "self_attn.qkv_proj": (3 * width, width), "self_attn.o_proj": (width, width),
        "mlp.gate_up_proj": (2 * inner, width), "mlp.down_proj": (width, inner),
        "mlp_t.gate_up_proj": (2 * across, length), "mlp_t.down_proj": (length, across),
    }  # fmt: skip
    shapes = {
        "embed_tokens.embedding_weight": (vocab, width), "embed_pos.embedding_weight": (length, width),
        "puzzle_emb.weights": (config.puzzles, config.puzzle_width), "lm_head.weight": (vocab, width),
        "q_head.weight": (2, width), "q_head.bias": (2,), "H_init": (width,), "L_init": (width,),
    }  # fmt: skip
    own = re.compile(r"[HL]_level\.layers\.\d+\.(.+)\.weight")
    return {
        name: parts[found[1]] if (found := own.fullmatch(name)) else shapes[name] for name in official_names(config)
    }


def weights_from_tensors(config: HRMConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of our network from those of an official one.

    Args:
        tensors: by their official names.

    Raises:
        DataError: a tensor is missing, extra or wrongly shaped; each is named.
    """
    names, shapes = official_names(config), official_shapes(config)
    problems = [f"missing tensor {name!r}" for name in names if name not in tensors]
    problems += [f"extra tensor {name!r}" for name in tensors if name not in names]
    problems += [
        f"{name!r} has shape {tuple(tensors[name].shape)}, expected {shape}"
        for name, shape in shapes.items()
        if name in tensors and tuple(tensors[name].shape) != shape
    ]
    if problems:
        more = f"; and {len(problems) - 4} more" if len(problems) > 4 else ""
        raise DataError("not the tensors of this official network: " + "; ".join(problems[:4]) + more)
    weights = {ours: tensors[theirs].float() for theirs, ours in names.items()}
    if not config.q_continue:  # TRM keeps a second output of the Q-head, which is never trained
        weights |= {name: weights[name][:1] for name in ("q_head.weight", "q_head.bias")}
    return weights


def strip_prefix(arrays: Mapping[str, T]) -> dict[str, T]:
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
    tensors = {name: torch.from_numpy(np.array(array, np.float32)) for name, array in arrays.items()}
    model.load_state_dict(weights_from_tensors(sizes, tensors))
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
