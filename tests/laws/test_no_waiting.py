"""An update asks the device for nothing but the slots that have halted, so that a GPU never waits for the host.

The network is trained on torch's device ``meta``, whose tensors have shapes and no contents: whatever needs a number
from the device, or the number of elements that a condition selects, fails there. What is not asked but told, as the
next puzzles are, must go through ``to_device``.
"""

import numpy as np
import pytest
import torch
from rich.console import Console
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hrm import recipes
from hrm.model.config import EquivariantConfig
from hrm.recipes.ablations import ablation
from hrm.runtime.world import World
from hrm.train import bank, learner, trainer
from hrm.train.trainer import Trainer

META = torch.device("meta")


class WaitedError(Exception):
    """The host would wait for the device."""


class Watch(TorchDispatchMode):
    """Refuses what ``meta`` lets pass: copies of host tensors, and writing where a mask says so."""

    allowed = False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        result = func(*args, **(kwargs or {}))
        made = [leaf for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        on_device = any(tensor.is_meta for tensor in (*tensors, *made))
        if on_device and not self.allowed and any(not tensor.is_meta and tensor.dim() for tensor in tensors):
            raise WaitedError(f"{func} copies from the host")
        if "index_put" in str(func) and any(index is not None and index.dtype == torch.bool for index in args[1]):
            raise WaitedError(f"{func} counts the places of a mask")
        return result


@pytest.fixture
def device(monkeypatch):
    """Let training take place on ``meta``; each slot halts with a probability of 0.3."""
    watch, random = Watch(), np.random.default_rng(0)

    class NoCopy:
        def __init__(self, tensor):
            self.shape, self.mask = tensor.shape, tensor.dtype == torch.bool

        def wait(self):
            return random.random(self.shape) < 0.3 if self.mask else np.zeros(self.shape, np.int64)

    def to_device(array, device):
        watch.allowed = True
        try:
            return torch.from_numpy(array).to(device)
        finally:
            watch.allowed = False

    monkeypatch.setattr(learner, "choose_device", lambda name: META)
    monkeypatch.setattr(bank, "HostCopy", NoCopy)
    monkeypatch.setattr(bank, "to_device", to_device)
    return watch


EQUIVARIANT = EquivariantConfig(
    kind="equivariant", vocab_size=6, cells=16, symbols=4, width=16, message=8, inner=32, layers=1
)
WIDTH = {"model.width": 32, "model.puzzle_width": 32, "model.heads": 2}


def configured(name):
    smoke = recipes.get("smoke", {"data.train": 20, "data.validation": 5})
    return {
        "hrm, Muon": smoke.changed("optim.kind", "muon"),
        "hrm, AdamATan2, puzzle table, Q_continue, pieces": recipes.get(
            "smoke", {**WIDTH, "model.puzzles": 5, "model.q_continue": True, "optim.kind": "adam_atan2",
                      "train.micro_batch": 4, "data.train": 20, "data.validation": 5},
        ),
        "equivariant, fp32": smoke.changed("model", EQUIVARIANT).changed("train.precision", "fp32"),
        "relations of each puzzle, padded": recipes.get(
            "coloring", {**WIDTH, "data.train": 8, "data.validation": 2, "data.test": 0, "train.batch_size": 4}
        ),
        "one state": ablation(smoke, "flat")[1],
        "one pass": ablation(smoke, "direct")[1],
    }[name]  # fmt: skip


def trained(folder, name):
    config = configured(name)
    if config.train.precision != "fp32":
        config = config.changed("train.precision", "bf16")
    return Trainer(config.changed("train.compile", False), folder / "run", folder, console=Console(quiet=True))


@pytest.mark.parametrize("name", [
    "hrm, Muon", "hrm, AdamATan2, puzzle table, Q_continue, pieces", "equivariant, fp32",
    "relations of each puzzle, padded", "one state", "one pass",
])  # fmt: skip
def test_an_update_asks_for_the_halted_slots_alone(device, tmp_path, name):
    run = trained(tmp_path, name)
    with device:
        for _ in range(2):
            sums = run.train_segment()
    assert run.update == 2 and all(value.is_meta for value in sums.values())


def test_rows_of_a_puzzle_table_are_joined_without_asking(device, monkeypatch):
    monkeypatch.setattr(World, "counts", lambda self, count: [count] * self.size)
    monkeypatch.setattr(World, "joined", lambda self, rows: torch.cat([rows] * self.size))
    table = torch.nn.Embedding(5, 3, sparse=True, device=META)
    with device:
        table(torch.zeros(4, dtype=torch.int64, device=META)).sum().backward()
        learner._join_rows(table.weight, World(0, 2))
    assert table.weight.grad.is_sparse and table.weight.grad.is_meta


def written(values, place):
    values.clone()[place] = 0.0


QUESTIONS = {
    "item": lambda x: x.sum().item(),
    "bool": lambda x: bool(x.sum() > 0),
    "int": lambda x: int(x.sum()),
    "float": lambda x: float(x.sum()),
    "tolist": lambda x: x.tolist(),
    "numpy": lambda x: x.numpy(),
    "cpu": lambda x: x.cpu(),
    "to": lambda x: x.to("cpu"),
    "format": lambda x: f"{x.sum():.3f}",
    "nonzero": lambda x: x.nonzero(),
    "where": lambda x: torch.where(x > 0),
    "masked_select": lambda x: x.masked_select(x > 0),
    "mask": lambda x: x[x > 0],
    "mask, written": lambda x: written(x, x > 0),
    "unique": lambda x: x.unique(),
    "equal": lambda x: torch.equal(x, x),
    "repeat": lambda x: x.repeat_interleave(x.long()),
    "coalesce": lambda x: torch.sparse_coo_tensor(x.long()[None], x, x.shape, check_invariants=False).coalesce(),
    "host tensor": lambda x: x + torch.ones(len(x)),
    "host index": lambda x: x[torch.arange(len(x))],
    "list": lambda x: torch.tensor([1.0] * len(x)).to(x.device),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_would_be_noticed(device, tmp_path, monkeypatch, question):
    asked = []

    def wish(q_halt, *rest):
        asked.append(question)
        QUESTIONS[question](q_halt)
        return original(q_halt, *rest)

    original = trainer.should_halt
    monkeypatch.setattr(trainer, "should_halt", wish)
    run = trained(tmp_path, "hrm, Muon")
    with device, pytest.raises((WaitedError, NotImplementedError, RuntimeError, TypeError)):
        run.train_segment()
    assert asked == [question]
