"""The official code from a folder beside ours, to be timed in this process.

Only its two public classes are used, by their names and call signatures: the network and the loss head. What it
needs and this machine lacks, FlashAttention's compiled function, is stood in for by torch's own attention.
"""

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hrm.bench.reference import EXPLORE, MAX_SEGMENTS, PlainAdamATan2
from hrm.errors import UsageError
from hrm.model.config import HRMConfig

FILES = ("models/hrm/hrm_act_v1.py", "models/losses.py")
_FLASH = ("flash_attn_interface", "flash_attn")
_FAILED = "the official code fails in a step"


class Checkout:
    """The official network and loss head of a folder.

    Args:
        path: the checkout; must hold ``models/hrm/hrm_act_v1.py`` and ``models/losses.py``.

    Raises:
        UsageError: it does not, or they cannot be imported here.
    """

    def __init__(self, path: Path):
        self.path = path
        missing = [name for name in FILES if not (path / name).is_file()]
        if missing:
            raise UsageError(f"--official {path} is not a checkout of the official code: it has no {missing[0]}")
        with _importable(path), _blaming(f"--official {path} cannot be imported"):
            self._network = importlib.import_module("models.hrm.hrm_act_v1").HierarchicalReasoningModel_ACTV1
            self._head = importlib.import_module("models.losses").ACTLossHead

    def build(self, config: HRMConfig, dtype: str, batch: int, device: torch.device) -> Any:
        """Return the loss head around a network of these sizes.

        Args:
            dtype: fp32 or bf16.
            batch: slots B.

        Raises:
            UsageError: the official classes refuse.
        """
        with torch.device(device), _blaming(f"--official {self.path} cannot be built"):
            return self._head(self._network(settings(config, dtype, batch)), "stablemax_cross_entropy")


def settings(config: HRMConfig, dtype: str, batch: int) -> dict[str, object]:
    """Return the official settings of a network of these sizes."""
    return {
        "batch_size": batch, "seq_len": config.cells, "vocab_size": config.vocab_size,
        "puzzle_emb_ndim": config.puzzle_width, "num_puzzle_identifiers": config.puzzles,
        "H_cycles": config.cycles, "L_cycles": config.timesteps, "H_layers": config.h_layers,
        "L_layers": config.l_layers, "hidden_size": config.width, "expansion": config.expansion,
        "num_heads": config.heads, "pos_encodings": config.positions, "rms_norm_eps": config.norm_eps,
        "rope_theta": config.rope_theta, "halt_max_steps": MAX_SEGMENTS, "halt_exploration_prob": EXPLORE,
        "forward_dtype": {"fp32": "float32", "bf16": "bfloat16"}[dtype],
    }  # fmt: skip


def training(head: Any, inputs: Int[Tensor, "B C"], labels: Int[Tensor, "B C"]) -> Callable[[], Tensor]:
    """Return a function that makes one update: forward, loss head, backward, AdamATan2 in plain torch."""
    batch, device = _offered(inputs, labels), inputs.device
    head.train()
    with torch.device(device), _blaming(_FAILED):
        state = {"carry": head.initial_carry(batch)}
    optimizer = PlainAdamATan2(head.parameters())

    def step() -> Tensor:
        with torch.device(device), _blaming(_FAILED):
            state["carry"], loss, *_ = head(return_keys=[], carry=state["carry"], batch=batch)
            (loss / len(inputs)).backward()
        optimizer.step()
        return loss.detach()

    return step


def inference(head: Any, inputs: Int[Tensor, "B C"], labels: Int[Tensor, "B C"], segments: int) -> Callable[[], None]:
    """Return a function that runs so many segments of fresh puzzles, as the official evaluation does."""
    batch, device = _offered(inputs, labels), inputs.device
    head.eval()

    def step() -> None:
        with torch.inference_mode(), torch.device(device), _blaming(_FAILED):
            carry = head.initial_carry(batch)
            for _ in range(segments):
                carry, *_ = head(return_keys=[], carry=carry, batch=batch)

    return step


def _offered(inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
    identifiers = torch.zeros(len(inputs), dtype=torch.int32, device=inputs.device)
    return {"inputs": inputs.to(torch.int32), "labels": labels.to(torch.int32), "puzzle_identifiers": identifiers}


def flash_attn_func(
    q: Float[Tensor, "B S A K"], k: Float[Tensor, "B S A K"], v: Float[Tensor, "B S A K"], causal: bool = False
) -> Float[Tensor, "B S A K"]:
    """Stand in for FlashAttention's function, whose axes are positions before heads."""
    read = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=causal)
    return read.transpose(1, 2).contiguous()


@contextmanager
def _importable(path: Path) -> Iterator[None]:
    """Let ``models`` mean the checkout's for a while, with FlashAttention in place; leave nothing behind."""
    before = {name: module for name, module in sys.modules.items() if _is_models(name)}
    for name in before:
        del sys.modules[name]
    stubs = [] if _has_flash() else [_stub(name) for name in _FLASH]
    sys.path.insert(0, str(path.resolve()))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(path.resolve()))
        for name in [*filter(_is_models, sys.modules), *stubs]:
            del sys.modules[name]
        sys.modules.update(before)


def _is_models(name: str) -> bool:
    return name == "models" or name.startswith("models.")


def _has_flash() -> bool:
    for name in _FLASH:
        try:
            importlib.import_module(name)
        except ImportError:
            continue
        return True
    return False


def _stub(name: str) -> str:
    module = ModuleType(name)
    setattr(module, "flash_attn_func", flash_attn_func)  # noqa: B010  a module knows no attributes of its own
    sys.modules[name] = module
    return name


@contextmanager
def _blaming(what: str) -> Iterator[None]:
    """Turn whatever somebody else's module raises into a user's mistake in one line."""
    try:
        yield
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UsageError(f"{what}: {said}") from error
