"""The page says truly what is computed in which arithmetic, on every device that torch may find."""

import re
from pathlib import Path

import pytest
import torch
from rich.console import Console

from hrm import recipes
from hrm.nn.layers import rms_norm
from hrm.runtime.device import choose_dtype
from hrm.train.trainer import Trainer

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## Which arithmetic where")[1].split("\n## ")[0]
ROWS = dict(re.findall(r"^\| (.+) \| (bfloat16|float32) \|$", SECTION, re.M))
FOUND = {
    "CPU with AMX or AVX512-BF16": [("cpu", {"amx_bf16": True}), ("cpu", {"avx512_bf16": True})],
    "other CPUs": [("cpu", {"avx512_f": True, "amx_tile": True}), ("cpu", {})],
    "CUDA, compute capability 8.0 or later": [("cuda", (8, 0)), ("cuda", (8, 9)), ("cuda", (10, 0))],
    "older CUDA": [("cuda", (7, 5)), ("cuda", (6, 1))],
    "MPS": [("mps", None)],
}


@pytest.mark.parametrize("row", FOUND)
def test_the_arithmetic_of_each_device_is_that_of_the_page(monkeypatch, row):
    for kind, found in FOUND[row]:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda found=found: found)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device, found=found: found)
        device = torch.device(kind)
        assert choose_dtype("auto", device) == getattr(torch, ROWS[row])
        assert [choose_dtype(name, device) for name in ("fp32", "bf16")] == [torch.float32, torch.bfloat16]


def test_the_page_has_every_row_and_no_other():
    assert set(ROWS) == set(FOUND)


@pytest.mark.parametrize("precision, dtype", [("bf16", torch.bfloat16), ("fp32", torch.float32)])
@pytest.mark.parametrize("optimizer", ["muon", "adam_atan2", "adamw"])
def test_weights_gradients_and_moments_are_fp32_and_latents_as_the_states(tmp_path, precision, dtype, optimizer):
    changes = {"train.precision": precision, "train.device": "cpu", "optim.kind": optimizer, "optim.ema": 0.9}
    config = recipes.get("smoke", {**changes, "data.train": 20, "data.validation": 5})
    run = Trainer(config, tmp_path / "run", tmp_path, console=Console(quiet=True))
    gradients = []
    for weight in run.model.parameters():
        weight.register_post_accumulate_grad_hook(lambda weight: gradients.append(weight.grad.dtype))
    sums = run.train_segment()
    state = run._learner.state()
    numbers = [*run.average.state_dict().values(), *state["weights"].values(), *state["optim"].values()]
    assert {*gradients, *(tensor.dtype for tensor in numbers)} == {torch.float32} and gradients
    assert run.slots.latents.z_H.dtype == run.slots.latents.z_L.dtype == dtype
    assert sums["loss"].dtype == torch.float32
    segment = run.model(run.slots.inputs, relations=run._bank.relations)
    assert segment.q_halt_logit.dtype == torch.float32 and segment.latents.z_H.dtype == dtype


def test_norms_are_computed_in_fp32_and_rounded():
    x = torch.randn(4, 64, generator=torch.Generator().manual_seed(0)).bfloat16()
    assert torch.equal(rms_norm(x, 1e-5), torch.nn.functional.rms_norm(x.float(), (64,), eps=1e-5).bfloat16())
