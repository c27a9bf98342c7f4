"""Every optimizer against a reference written out in float64."""

import math

import numpy as np
import pytest
import torch

from hrm.optim.adam_atan2 import AdamATan2
from hrm.optim.config import OptimConfig
from hrm.optim.ema import ema_decay, update_ema
from hrm.optim.optimizers import Optimizers
from hrm.optim.schedule import lr_factor
from hrm.optim.sign_sgd import SparseSignSGD, _summed


@pytest.mark.parametrize("shape", [(), (5,), (4, 3), (2, 3, 4)])
def test_adam_atan2_equals_the_formula(shape):
    rng = np.random.default_rng(0)
    lr, beta1, beta2, decay = 1e-2, 0.9, 0.95, 0.5
    theta = rng.normal(size=shape)
    p = torch.nn.Parameter(torch.tensor(theta, dtype=torch.float32))
    optimizer = AdamATan2([p], lr=lr, betas=(beta1, beta2), weight_decay=decay)
    m, v = np.zeros(shape), np.zeros(shape)
    for t in range(1, 101):
        grad = rng.normal(size=shape) * 10.0 ** rng.integers(-6, 4)
        p.grad = torch.tensor(grad, dtype=torch.float32)
        optimizer.step()
        m = beta1 * m + (1 - beta1) * grad
        v = beta2 * v + (1 - beta2) * grad**2
        theta = theta * (1 - lr * decay)
        theta = theta - lr / (1 - beta1**t) * np.arctan2(m, np.sqrt(v) / math.sqrt(1 - beta2**t))
        np.testing.assert_allclose(p.detach().numpy(), theta, rtol=2e-6, atol=2e-7)


def test_a_parameter_without_gradient_stays_and_joins_with_its_own_correction():
    p, q = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    optimizer = AdamATan2([p, q], lr=0.1)
    p.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(q, torch.ones(2))
    q.grad = torch.ones(2)
    optimizer.step()
    torch.testing.assert_close(q.detach(), torch.full((2,), 1 - 0.1 / (1 - 0.9) * math.atan2(0.1, 1)))


def test_sign_sgd_moves_only_the_rows_of_the_batch():
    table = torch.nn.Embedding(5, 3, sparse=True)
    torch.nn.init.constant_(table.weight, 2.0)
    optimizer = SparseSignSGD([table.weight], lr=0.1, weight_decay=0.5)
    rows = table(torch.tensor([1, 3, 1]))  # row 1 twice: its gradients are summed, 1 - 3 < 0
    (rows * torch.tensor([[1.0], [2.0], [-3.0]])).sum().backward()
    optimizer.step()
    kept = 2 * (1 - 0.1 * 0.5)
    expected = torch.full((5, 3), 2.0)
    expected[1], expected[3] = kept + 0.1, kept - 0.1
    torch.testing.assert_close(table.weight.detach(), expected)


def test_sign_sgd_moves_a_table_of_one_row_in_the_same_way():
    tables = [torch.nn.Embedding(1, 3, sparse=sparse) for sparse in (True, False)]
    for table in tables:
        torch.nn.init.constant_(table.weight, 2.0)
        (table(torch.tensor([0, 0])) * torch.tensor([[1.0, 0.0, 2.0], [-3.0, 0.0, 1.0]])).sum().backward()
        SparseSignSGD([table.weight], lr=0.1, weight_decay=0.5).step()
    assert torch.equal(tables[0].weight, tables[1].weight) and len(set(tables[0].weight[0].tolist())) == 3


def test_warm_up_and_cosine():
    factor = lambda update, **k: lr_factor(update, **{"warmup_updates": 10, "updates": 110, "min_lr_ratio": 0.1} | k)  # noqa: E731
    assert factor(1) == pytest.approx(0.1)
    assert factor(10) == 1.0
    assert factor(60) == pytest.approx(0.55)
    assert factor(110) == pytest.approx(0.1)
    assert factor(5000) == pytest.approx(0.1)
    assert factor(77, min_lr_ratio=1.0) == 1.0
    assert factor(1, warmup_updates=0) == pytest.approx(1.0, rel=1e-3)


def test_ema_covers_everything_and_forgets_the_start():
    average, weights = {"a": torch.zeros(2), "b": torch.zeros(1)}, {"a": torch.ones(2), "b": torch.ones(1)}
    update_ema(average, weights, 0.75)
    torch.testing.assert_close(average["a"], torch.full((2,), 0.25))
    torch.testing.assert_close(average["b"], torch.full((1,), 0.25))
    assert ema_decay(0, 0.999) == 0.1 and ema_decay(10**6, 0.999) == 0.999


@pytest.mark.parametrize("kind", ["adam_atan2", "adamw", "muon"])
def test_every_parameter_moves_and_state_round_trips(kind):
    def build():
        torch.manual_seed(0)
        matrix, bias = torch.nn.Parameter(torch.randn(6, 4)), torch.nn.Parameter(torch.randn(6))
        table = torch.nn.Embedding(3, 2, sparse=True)
        named = {"matrix": matrix, "bias": bias, "table": table.weight}
        config = OptimConfig(kind=kind, lr=0.1, warmup_updates=0)
        return named, table, Optimizers(config, 10, named, [matrix], [table.weight])

    def move(named, table, optimizers, update):
        gen = torch.Generator().manual_seed(update)
        loss = (named["matrix"] * torch.randn(6, 4, generator=gen)).sum()
        loss = loss + (named["bias"] * torch.randn(6, generator=gen)).sum() + table(torch.tensor([1])).sum()
        loss.backward()
        optimizers.step(update)

    one, two = build(), build()
    before = {name: p.detach().clone() for name, p in one[0].items()}
    for update in (1, 2):
        move(*one, update)
    assert all(not torch.equal(p, before[name]) for name, p in one[0].items())
    for name, p in two[0].items():
        p.data.copy_(one[0][name].data)
    two[2].load({name: tensor.clone() for name, tensor in one[2].state().items()})
    for update in (3, 4):
        move(*one, update)
        move(*two, update)
    assert all(torch.equal(one[0][name], two[0][name]) for name in one[0])


def test_gradients_of_one_row_are_added_up_as_torch_does():
    rows = torch.randint(0, 9, (1, 40), generator=torch.Generator().manual_seed(0))
    values = torch.randn(40, 8, generator=torch.Generator().manual_seed(1))
    grad = torch.sparse_coo_tensor(rows, values, (9, 8), check_invariants=True)
    torch.testing.assert_close(_summed(grad), grad.coalesce().to_dense()[rows[0]])
