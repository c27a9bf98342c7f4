"""What ``hrm bench`` times: presets, cases, and how a case becomes a function that does one step of it.

Cases are 9×9 Sudoku, 81 cells and 11 tokens, or mazes. Axes: B batch, C cells.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch
from rich.console import Console

from hrm import recipes
from hrm.bench import official_code, reference
from hrm.config import RunConfig
from hrm.data.config import DataConfig
from hrm.data.prepare import prepare
from hrm.data.sampler import Batch, Sampler
from hrm.errors import UsageError, did_you_mean
from hrm.inference.solver import Solver
from hrm.model.build import build
from hrm.model.config import HRMConfig, NetworkConfig, hrm, small, trm_attention, trm_mlp
from hrm.runtime.device import choose_device, choose_dtype
from hrm.runtime.environment import present
from hrm.runtime.speed import DTYPES, Product
from hrm.train.trainer import Trainer

Mode = Literal["train", "infer"]
Dtype = Literal["fp32", "bf16"]
DTYPE_NAMES: tuple[Dtype, ...] = ("fp32", "bf16")

SEGMENTS = 2
"""Segments of one step of inference; every segment costs the same."""
DATA = DataConfig(puzzle="sudoku-9x9", generate=True, train=64)
"""Puzzles in the stores, unless a preset has its own; every draw shows one under another symmetry."""
BOTH, EAGER = (False, True), (False,)


@dataclass(frozen=True)
class Preset:
    """A network and how it is timed."""

    network: NetworkConfig
    recipe: str = ""
    """The recipe whose optimizer, loss and halting it is trained with; empty where the code is not ours."""
    batches: tuple[tuple[int, tuple[bool, ...]], ...] = ((64, BOTH),)
    """Puzzles at once, and whether eager (False) and compiled (True)."""
    modes: tuple[Mode, ...] = ("train", "infer")
    reference: str = ""
    """The preset of the reference implementation as wide as this network, where there is one."""
    data: DataConfig | None = None
    """Puzzles of the store; None: ``DATA``."""


_HRM = hrm(11, 81)
_HRM_128 = hrm(11, 81, width=128, heads=2, h_layers=2, l_layers=2)
_BEST = recipes.get("best-sudoku").model
_PUBLISHED = ((64, BOTH), (16, EAGER))


def _mazes(recipe: str) -> Preset:
    """Return the preset of a recipe for mazes: its network, slots and kind of maze."""
    config = recipes.get(recipe)
    data = DataConfig(puzzle=config.data.puzzle, generate=True, train=64, augment=config.data.augment)
    return Preset(config.model, recipe, ((config.train.batch_size, BOTH),), data=data)


PRESETS = {
    "hrm": Preset(_HRM, "hrm-sudoku", _PUBLISHED, reference="yardstick"),
    "hrm_single_forward": Preset(
        hrm(11, 81, q_continue=False), "hrm-sudoku", _PUBLISHED, modes=("train",), reference="yardstick"
    ),
    "trm_attention": Preset(trm_attention(11, 81), "trm-sudoku-attention"),
    "trm_mlp": Preset(trm_mlp(11, 81), "trm-sudoku"),
    "small": Preset(small(11, 81), "sudoku-4x4", ((64, BOTH), (256, BOTH)), reference="yardstick_128"),
    "hrm_128": Preset(_HRM_128, "hrm-sudoku", ((64, BOTH), (256, EAGER)), reference="yardstick_128"),
    "hrm_128_single_forward": Preset(
        _HRM_128.model_copy(update={"q_continue": False}),
        "hrm-sudoku",
        ((64, BOTH), (256, BOTH)),
        modes=("train",),
        reference="yardstick_128",
    ),
    "equivariant": Preset(_BEST, "best-sudoku"),
    "maze_10x10": _mazes("maze-10x10"),
    "maze_30x30": _mazes("maze-30x30"),
    "yardstick": Preset(_HRM, batches=((64, EAGER), (16, EAGER))),
    "yardstick_128": Preset(_HRM_128, batches=((64, EAGER), (256, EAGER))),
}
OFFICIAL = Preset(_HRM, batches=((64, EAGER), (16, EAGER)))
"""The official code, from a checkout."""


@dataclass(frozen=True)
class Case:
    """One thing that is timed."""

    preset: str
    """A name in ``PRESETS``, or ``official``."""
    mode: Mode
    dtype: Dtype
    batch: int
    compiled: bool = False

    @property
    def settings(self) -> Preset:
        """The preset behind the name."""
        return OFFICIAL if self.preset == "official" else PRESETS[self.preset]

    @property
    def network(self) -> NetworkConfig:
        """The sizes."""
        return self.settings.network

    @property
    def single_forward(self) -> bool:
        """Whether an update leaves out the second forward for the target of Q_continue."""
        return not self.network.q_continue

    @property
    def segments_per_step(self) -> int:
        """Segments of one puzzle that one step computes: the batch's."""
        return self.batch * (SEGMENTS if self.mode == "infer" else 1)

    @property
    def label(self) -> str:
        """One word that names the case."""
        return f"{self.preset}-{self.mode}-{self.dtype}-b{self.batch}{'-compiled' if self.compiled else ''}"

    def references(self) -> Iterator["Case"]:
        """Yield the cases that this one of ours is measured against: same mode, batch and dtype, eager."""
        name = self.settings.reference
        if name:
            yield replace(self, preset=name, compiled=False)
        if name == "yardstick":
            yield replace(self, preset="official", compiled=False)


def planned(
    presets: Sequence[str] = (),
    *,
    quick: bool = False,
    batch_size: int | None = None,
    dtype: str = "auto",
    compiled: bool | None = None,
    official: bool = False,
    device: str = "auto",
) -> list[Case]:
    """Return the cases to time, each followed by what it is measured against.

    Args:
        presets: which; empty: all, or the two that a quick run has time for.
        quick: few small cases, eager only.
        batch_size: puzzles at once in place of the presets' own numbers.
        dtype: fp32, bf16, or auto: bf16 where the hardware has it.
        compiled: only compiled cases of ours, or only eager ones; None: both.
        official: measure the official code beside the reference.
        device: where it will run, which decides auto.

    Raises:
        UsageError: a preset, number, dtype or device that does not exist.
    """
    for name in presets:
        if name not in PRESETS:
            known = list(PRESETS)
            raise UsageError(f"there is no preset {name!r}.{did_you_mean(name, known)} Presets: {', '.join(known)}")
    if batch_size is not None and not 1 <= batch_size <= 65536:
        raise UsageError(f"--batch-size must be 1 to 65536 (got {batch_size})")
    if quick and compiled:
        raise UsageError("--quick times eager cases only: leave out --compiled, or --quick")
    if compiled and presets and all(not PRESETS[name].recipe for name in presets):
        raise UsageError("the reference implementation is never compiled: leave out --compiled, or name another preset")
    bf16 = choose_dtype(dtype, choose_device(device)) == torch.bfloat16
    chosen = "bf16" if bf16 else "fp32"
    ours = list(_quick_cases(presets, chosen, batch_size) if quick else _cases(presets, chosen, batch_size, compiled))
    cases: dict[Case, None] = {}
    for case in ours:
        cases[case] = None
        for baseline in case.references():
            wanted = official if baseline.preset == "official" else not quick or same_network(case, baseline)
            if wanted:
                cases[baseline] = None
    return list(cases)


def _cases(presets: Sequence[str], dtype: Dtype, batch_size: int | None, compiled: bool | None) -> Iterator[Case]:
    for name in presets or [name for name, preset in PRESETS.items() if preset.recipe]:
        preset = PRESETS[name]
        batches = preset.batches if batch_size is None else ((batch_size, BOTH if preset.recipe else EAGER),)
        for batch, kinds in batches:
            for mode in preset.modes:
                for kind in kinds:
                    if compiled in (None, kind) or not preset.recipe:
                        yield Case(name, mode, dtype, batch, kind)


def _quick_cases(presets: Sequence[str], dtype: Dtype, batch_size: int | None) -> Iterator[Case]:
    for name in presets or ("small", "hrm"):
        small_one = PRESETS[name].network.width < 512
        modes = PRESETS[name].modes if small_one else PRESETS[name].modes[:1]
        for mode in modes:
            yield Case(name, mode, dtype, batch_size or (64 if small_one else 16))


def same_network(case: Case, reference: Case) -> bool:
    """Say whether two cases run networks of the same sizes, whatever they do for the target of Q_continue."""
    return case.network.model_copy(update={"q_continue": True}) == reference.network


def products(network: NetworkConfig, batch: int) -> list[Product]:
    """Return the shapes (M, K, N) of a network's three largest matrix products, the largest first."""
    shapes = [(batch * rows, inputs, outputs) for rows, inputs, outputs in network.products]
    return sorted(shapes, key=math.prod, reverse=True)[:3]


def workload(case: Case, folder: Path, device: torch.device, official: Path | None = None) -> Callable[[], object]:
    """Return a function that does one step of a case: one update, or ``SEGMENTS`` segments of inference.

    Args:
        folder: where stores and run folders go.
        official: the checkout, for cases of the official code.

    Raises:
        UsageError: the checkout cannot be used.
    """
    if case.settings.recipe:
        return _ours(case, folder, device)
    batch, network, dtype = _puzzles(case, folder), cast(HRMConfig, case.network), DTYPES[case.dtype]
    inputs, labels = (torch.from_numpy(grids.astype(np.int64)).to(device) for grids in (batch.inputs, batch.labels))
    if case.preset == "official":
        assert official is not None
        head = official_code.Checkout(official).build(network, case.dtype, case.batch, device)
        if case.mode == "train":
            return official_code.training(head, inputs, labels)
        return official_code.inference(head, inputs, labels, SEGMENTS)
    model = reference.ReferenceHRM(network, dtype).to(device)
    if case.mode == "train":
        return reference.ReferenceTraining(model, inputs, labels).step
    return lambda: reference.infer(model, inputs, SEGMENTS)


def _ours(case: Case, folder: Path, device: torch.device) -> Callable[[], object]:
    if case.mode == "train":
        config = _run_config(case, device)
        trainer = Trainer(config, folder / case.label, folder / "data", console=Console(quiet=True))
        return trainer.train_segment
    store, _ = prepare(_data(case), folder / "data", present())
    model = build(case.network, dtype=DTYPES[case.dtype]).to(device).eval()
    if case.compiled:
        model.compile_levels()
    solver = Solver(model, store.puzzle, SEGMENTS, case.batch)
    inputs = _puzzles(case, folder).inputs

    def step() -> None:
        for _ in solver.run(inputs, SEGMENTS):
            pass

    return step


def _run_config(case: Case, device: torch.device) -> RunConfig:
    """Return the preset's recipe with this case's network, data and arithmetic."""
    recipe = recipes.get(case.settings.recipe)
    changes = {
        "batch_size": case.batch, "device": device.type, "precision": case.dtype, "compile": case.compiled,
    }  # fmt: skip
    train = recipe.train.model_copy(update=changes)
    return recipe.model_copy(update={"model": case.network, "data": _data(case), "train": train})


def _data(case: Case) -> DataConfig:
    return case.settings.data or DATA


def _puzzles(case: Case, folder: Path) -> Batch:
    data = _data(case)
    store, splits = prepare(data, folder / "data", present())
    return Sampler(splits["train"], store.puzzle, seed=0, augment=data.augment).take(0, case.batch)
