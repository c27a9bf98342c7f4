"""Fast ways through a layer give what the plain way gives."""

import ctypes
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from hrm import puzzles
from hrm.nn import layers
from hrm.nn.layers import Context, Linear, Messages, links_of, relation_planes
from hrm.runtime.allocator import keep_freed_memory, return_freed_memory


def near(ours, exact, tolerance):
    """As close to the exact result as bf16 allows, on average."""
    return (ours.double() - exact.double()).abs().mean() < tolerance * exact.double().abs().mean()


def test_wide_maps_in_bf16_have_the_gradients_of_the_plain_product():
    generator = torch.Generator().manual_seed(0)
    wide = Linear(16, 64, generator=generator)
    x = torch.randn(3, 40, 16, generator=generator)
    weights = torch.randn(3, 40, 64, generator=generator)
    results = []
    for dtype in (torch.float64, torch.bfloat16):
        held = x.to(dtype).requires_grad_()
        wide.weight.grad = None
        y = wide(held) if dtype == torch.bfloat16 else F.linear(held, wide.weight.double())
        (y * weights.to(dtype)).sum().backward()
        assert held.grad is not None and wide.weight.grad is not None
        results.append((y.detach(), held.grad, wide.weight.grad.clone()))
    assert results[1][2].dtype == torch.float32 and results[1][2].is_contiguous()
    assert all(near(ours, exact, 0.02) for exact, ours in zip(*results, strict=True))


@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("compiling", [False, True])
def test_attention_in_bf16_is_attention(monkeypatch, compiling, biased):
    generator = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 12, 8, generator=generator)
    bias = torch.randn(4, 12, 12, generator=generator) if biased else None
    if biased:
        assert bias is not None
        bias[:, :, 3] = float("-inf")
    parts = [t.double().requires_grad_() for t in (q, k, v)]
    exact = F.scaled_dot_product_attention(*parts, attn_mask=None if bias is None else bias.double())
    exact.square().sum().backward()
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: compiling)
    halves = [t.bfloat16().requires_grad_() for t in (q, k, v)]
    ours = layers._attend(*halves, None if bias is None else bias.bfloat16())
    ours.float().square().sum().backward()
    assert ours.dtype == torch.bfloat16 and near(ours, exact, 0.02)
    for half, part in zip(halves, parts, strict=True):
        assert half.grad is not None and part.grad is not None and near(half.grad, part.grad, 0.05)


def test_keeping_memory_can_be_taken_back():
    keep_freed_memory()
    assert torch.ones(1 << 20).sum() == 1 << 20
    return_freed_memory()
    assert torch.ones(1 << 20).sum() == 1 << 20


@pytest.mark.skipif(sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")
def test_large_arrays_are_kept_where_huge_pages_are_asked_for():
    """In a process of its own, whose heap has no holes."""
    program = """
import ctypes, re
from hrm.runtime.allocator import keep_freed_memory
keep_freed_memory()
array = (ctypes.c_char * (300 << 20))()
at = ctypes.addressof(array) + (150 << 20)
for area in re.split(r"(?m)^(?=[0-9a-f]+-[0-9a-f]+ )", open("/proc/self/smaps").read())[1:]:
    first, last = (int(end, 16) for end in area.split()[0].split("-"))
    if first <= at < last:
        print("hg" in re.search("VmFlags: (.*)", area)[1].split())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr


def test_messages_are_sums_over_the_related_and_a_mean_over_all():
    generator = torch.Generator().manual_seed(0)
    layer = Messages(24, relation_kinds=2, generator=generator)
    x = torch.randn(2, 5, 24, generator=generator)
    planes = (torch.rand(2, 2, 5, 5, generator=generator) < 0.5).float()
    mask = torch.tensor([[True] * 5, [True, True, True, False, False]])
    messages = (x @ layer.project.weight.T) * mask[..., None]
    aggregated = torch.zeros(2, 5, 24)
    for b in range(2):
        for here in range(5):
            for kind in range(2):
                related = [there for there in range(5) if planes[b, kind, here, there] and mask[b, there]]
                total = sum((messages[b, there, 8 * kind : 8 * kind + 8] for there in related), torch.zeros(8))
                aggregated[b, here, 8 * kind : 8 * kind + 8] = total / max(len(related), 1) ** 0.5
            aggregated[b, here, 16:] = messages[b, :, 16:].sum(0) / mask[b].sum()
    answer = layer(x, Context(mask, planes))
    torch.testing.assert_close(answer, aggregated @ layer.out.weight.T, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="messages travel along relations"):
        layer(x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("masked", [False, True])
def test_moved_messages_are_those_that_products_add_up(dtype, masked):
    """The same numbers, and the same gradients, for the directions of a grid."""
    steps = torch.from_numpy(puzzles.get("maze-4x5").relation_matrices)
    planes = relation_planes(steps, (0, 4))
    links = links_of(planes)
    assert links is not None and links.shape == (2, 80) and (links == -1).sum() == 2 * (2 * 4 + 2 * 5)
    mask = torch.rand(3, 20, generator=torch.Generator().manual_seed(1)) < 0.7 if masked else None
    found = []
    for context in (Context(mask, planes), Context(mask, planes, links=links)):
        generator = torch.Generator().manual_seed(0)
        layer = Messages(24, relation_kinds=4, generator=generator)
        x = torch.randn(3, 20, 24, generator=generator).to(dtype).requires_grad_()
        answer = layer(x, context)
        answer.backward(torch.randn(answer.shape, generator=generator).to(dtype))
        found.append((answer, x.grad, layer.project.weight.grad, layer.out.weight.grad))
    assert all(torch.equal(*pair) for pair in zip(*found, strict=True))


def test_messages_are_added_up_where_a_position_gets_or_sends_two_of_a_kind():
    one = torch.eye(4)[None].repeat(2, 1, 1)
    assert links_of(one) is not None
    for row, column in ((0, 1), (2, 3)):
        several = one.clone()
        several[1, row, column] = 1
        assert links_of(several) is None
    several = one.clone()
    several[0] = several[0].roll(1, 0)  # still one each
    assert links_of(several) is not None
    assert links_of(one[None]) is None  # of each puzzle its own
    assert links_of(one.to("meta")) is None  # nobody is asked on another device


def test_a_hidden_position_sends_no_message():
    layer = Messages(16, relation_kinds=1, generator=torch.Generator().manual_seed(0))
    x, planes = torch.randn(1, 4, 16), torch.ones(1, 4, 4)
    context = Context(torch.tensor([[True, True, False, True]]), planes)
    other = x.clone()
    other[:, 2] += 5
    assert torch.equal(layer(x, context)[:, [0, 1, 3]], layer(other, context)[:, [0, 1, 3]])
