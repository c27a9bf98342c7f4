"""A change of speed changes no number: weights cast once, compiled calls, attention in fp32."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from hrm import recipes
from hrm.model.casting import Runner
from hrm.model.config import EquivariantConfig
from hrm.nn.layers import Linear
from hrm.recipes.ablations import ablation
from hrm.runtime.compiling import can_compile
from hrm.train.trainer import Trainer

UPDATES = 20


EQUIVARIANT = EquivariantConfig(
    kind="equivariant", vocab_size=6, cells=16, symbols=4, width=16, message=8, inner=32, layers=1
)


def losses(folder, network="base", **train):
    """The loss of each of the first updates."""
    config = recipes.get("smoke", {"train": {"updates": 1000, **train}, "optim.warmup_updates": 0})
    config = config.changed("model", EQUIVARIANT) if network == "equivariant" else ablation(config, network)[1]
    trainer = Trainer(config, folder / "run", folder, console=Console(quiet=True))
    return torch.stack([trainer.train_segment()["loss"] for _ in range(UPDATES)])


def plainly(self, *arguments):
    """Run the module itself, which casts its weights at every call."""
    return self._module(*arguments)


@pytest.mark.parametrize("network, precision", [("base", "fp32"), ("base", "bf16"), ("flat", "bf16")])
def test_weights_cast_once_give_the_same_losses_bit_for_bit(tmp_path, monkeypatch, request, network, precision):
    ours = losses(tmp_path / "a", network, precision=precision)
    request.getfixturevalue("no_shape_checks")  # which the other run would only repeat
    monkeypatch.setattr(Runner, "__call__", plainly)
    plain = losses(tmp_path / "b", network, precision=precision)
    assert torch.equal(ours, plain) and ours[-1] < ours[0]


@pytest.mark.skipif(not can_compile(), reason="needs a C++ compiler")
@pytest.mark.parametrize(
    "network", ["base", *(pytest.param(name, marks=pytest.mark.slow) for name in ("equivariant", "direct"))]
)
def test_compiled_training_gives_the_same_losses(tmp_path, network):
    """fp32, 20 updates at the full learning rate: within 1e-6, relative.

    In a process of its own, because the compiler cannot see through the checks of shapes that tests install.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__, str(tmp_path), network], capture_output=True, text=True, check=True
    )
    eager, compiled = (torch.tensor(line, dtype=torch.float64) for line in json.loads(done.stdout))
    torch.testing.assert_close(compiled, eager, rtol=1e-6, atol=0)
    assert eager[-1] < eager[0] and "compiling" in done.stderr


def test_the_cast_copy_follows_the_weights_and_is_not_part_of_the_network():
    module = torch.nn.Sequential(Linear(4, 4))
    runner, x = Runner(module, torch.bfloat16), torch.randn(2, 4, dtype=torch.bfloat16)
    for change in (lambda w: w.mul_(2), lambda w: w.copy_(torch.eye(4)), lambda w: w.add_(1)):
        with torch.no_grad():
            change(module[0].weight)
        with torch.inference_mode():
            assert torch.equal(runner(x), module(x))
        with torch.no_grad():
            assert torch.equal(runner(x), module(x))
    assert list(module.state_dict()) == ["0.weight"]


def test_the_cast_copy_follows_updates_that_torch_does_not_count():
    """Fused optimizers change weights without a trace in their version counters; on GPUs, foreach functions do too."""
    module = torch.nn.Sequential(Linear(4, 4))
    runner, x = Runner(module, torch.bfloat16), torch.randn(2, 4, dtype=torch.bfloat16)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1, fused=True)
    for _ in range(2):
        with torch.no_grad():
            before = runner(x)
        version = module[0].weight._version
        module(x).sum().backward()
        optimizer.step()
        assert module[0].weight._version == version, "torch counts them now; the rule in Runner can be simpler"
        with torch.no_grad():
            assert torch.equal(runner(x), module(x)) and not torch.equal(runner(x), before)


if __name__ == "__main__":
    place, network = Path(sys.argv[1]), sys.argv[2]
    print(json.dumps([losses(place / str(c), network, compile=c).tolist() for c in (False, True)]))
