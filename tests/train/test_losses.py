"""Stablemax in fp32 against fp64, and what counts as supervised."""

import pytest
import torch

from hrm.nn.probabilities import log_stablemax
from hrm.train.losses import IGNORED, cross_entropy, exact_match


def naive_log_stablemax(x):
    x = x.double()
    s = torch.where(x >= 0, x + 1, 1 / (1 - x))
    return torch.log(s / s.sum(-1, keepdim=True))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e4])
def test_fp32_stablemax_is_within_1e_6_of_fp64(scale):
    logits = scale * torch.randn(2000, 11, generator=torch.Generator().manual_seed(0))
    exact = naive_log_stablemax(logits)
    ours = log_stablemax(logits).double()
    assert (ours - exact).abs().max() <= 1e-6 * exact.abs().clamp(min=1).max()
    assert ((ours - exact).abs() / exact.abs().clamp(min=1)).max() <= 1e-6
    torch.testing.assert_close(ours.exp().sum(-1), torch.ones(2000, dtype=torch.double), atol=1e-6, rtol=0)


def test_its_gradient_is_that_of_the_formula():
    logits = 5 * torch.randn(50, 11, generator=torch.Generator().manual_seed(0))
    ours, exact = logits.clone().requires_grad_(), logits.double().requires_grad_()
    log_stablemax(ours)[:, 3].sum().backward()
    naive_log_stablemax(exact)[:, 3].sum().backward()
    torch.testing.assert_close(ours.grad.double(), exact.grad, rtol=1e-5, atol=1e-6)


def test_its_gradient_at_zero_is_one_sided_and_right():
    """sign(x)·log1p(|x|) has the value of log s, but a gradient of 0 at 0; the sum of two clamps has 2."""
    logits = torch.zeros(1, 4, requires_grad=True)
    log_stablemax(logits)[0, 0].backward()
    torch.testing.assert_close(logits.grad, torch.tensor([[0.75, -0.25, -0.25, -0.25]]))


@pytest.mark.parametrize("kind", ["stablemax", "softmax"])
def test_ignored_cells_do_not_count(kind):
    logits = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([[1, 2, IGNORED, IGNORED], [IGNORED] * 4])
    loss = cross_entropy(logits, labels, kind)
    alone = cross_entropy(logits[:1, :2], labels[:1, :2], kind)
    torch.testing.assert_close(loss[0], alone[0])
    assert loss[1] == 0
    assert exact_match(logits, labels)[1]


def test_softmax_is_torch_s_cross_entropy():
    logits = torch.randn(3, 4, 5)
    labels = torch.randint(0, 5, (3, 4))
    expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(cross_entropy(logits, labels, "softmax").mean(), expected)
