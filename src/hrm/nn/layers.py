"""Layers in the style of the paper: post-norm, no biases, parameters in fp32, arithmetic in the input's dtype.

Axes: B batch, S positions, D width, A attention heads, K head width, Q kinds of relation.
"""

from dataclasses import dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm.nn.init import lecun_normal_
from hrm.nn.sizes import message_width, swiglu_width


class Linear(nn.Module):
    """A linear map whose fp32 weight is cast to the dtype of its input at each call.

    Autograd casts each call's gradient back before it is added, so that gradients of several calls of one
    module are summed in fp32.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        bias: bool = False,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.weight = nn.Parameter(lecun_normal_(torch.empty(outputs, inputs), generator))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Float[Tensor, "*B I"]) -> Float[Tensor, "*B O"]:
        """Return x·Wᵀ (+ b)."""
        weight = self.weight.to(x.dtype)
        if self.bias is not None:
            return F.linear(x, weight, self.bias.to(x.dtype))
        outputs, inputs = weight.shape
        if weight.requires_grad and x.device.type == "cpu" and x.dtype == torch.bfloat16 and outputs >= 3 * inputs:
            return _WideProduct.apply(x, weight)  # pyright: ignore[reportReturnType]
        return F.linear(x, weight)


class _WideProduct(torch.autograd.Function):
    """x·Wᵀ for a W with many more rows than columns, on CPUs in bf16.

    The gradient of W is gᵀ·x. With its left side transposed in memory that product runs at half speed, and g is wide;
    so the narrow x is turned around and the product taken the other way: (xᵀ·g)ᵀ.
    """

    @staticmethod
    def forward(ctx: Any, x: Float[Tensor, "*B I"], weight: Float[Tensor, "O I"]) -> Float[Tensor, "*B O"]:
        ctx.save_for_backward(x, weight)
        return F.linear(x, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        [grad] = grads
        turned = x.flatten(0, -2).t().contiguous()
        return grad @ weight, (turned @ grad.flatten(0, -2)).t().contiguous()


def rms_norm(x: Float[Tensor, "*B D"], eps: float) -> Float[Tensor, "*B D"]:
    """Divide by the root mean square of the last axis, in fp32; there is no learned scale."""
    return F.rms_norm(x.float(), x.shape[-1:], eps=eps).to(x.dtype)


class SwiGLU(nn.Module):
    """Gated feed-forward map: down(SiLU(gate(x)) · up(x)), gate and up fused into one product."""

    def __init__(self, width: int, expansion: float, generator: torch.Generator | None = None):
        super().__init__()
        inner = swiglu_width(width, expansion)
        self.gate_up = Linear(width, 2 * inner, generator=generator)
        self.down = Linear(inner, width, generator=generator)

    def forward(self, x: Float[Tensor, "*B D"]) -> Float[Tensor, "*B D"]:
        """Return the mapped vectors."""
        gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)


class Rotary(nn.Module):
    """Rotary position embedding: pairs (i, i + K/2) of a head are turned by position · θ^(−2i/K)."""

    cos: Tensor
    sin: Tensor

    def __init__(self, positions: int, head_width: int, theta: float):
        super().__init__()
        frequencies = theta ** (-torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
        angles = torch.outer(torch.arange(positions, dtype=torch.float32), frequencies)
        cos, sin = angles.cos(), angles.sin()  # S K/2
        self.register_buffer("cos", torch.stack((cos, cos), dim=1), persistent=False)  # S 2 K/2
        self.register_buffer("sin", torch.stack((-sin, sin), dim=1), persistent=False)

    def forward(self, x: Float[Tensor, "B A S K"]) -> Float[Tensor, "B A S K"]:
        """Turn every head by its position, in fp32."""
        pairs = x.float().unflatten(-1, (2, -1))  # B A S 2 K/2
        swapped = pairs.flip(-2) if torch.compiler.is_compiling() else pairs.roll(1, -2)  # whichever is quicker
        return (pairs * self.cos + swapped * self.sin).flatten(-2).to(x.dtype)


@dataclass(frozen=True)
class Context:
    """What a block knows besides the states: which positions exist, how they are related, and where they are."""

    mask: Bool[Tensor, "B S"] | None = None
    """Positions that may be attended to; None where all may."""
    relations: Float[Tensor, "*B Q S S"] | None = None
    """1 where two positions are related in way q, else 0; with or without a batch axis."""
    rotary: Rotary | None = None
    """Turns queries and keys by their positions; None where the network has no rotary positions."""
    links: Int[Tensor, "2 L"] | None = None
    """The relations once more, where each position has one related position of each kind at most: L = S·Q places; see
    ``links_of``."""


NO_CONTEXT = Context()
"""Every position exists, none is related, and none has a place."""


def relation_planes(
    relations: Int[Tensor, "*R C C"] | None, kinds: tuple[int, ...]
) -> Float[Tensor, "*B Q C C"] | None:
    """Turn matrices of kinds (0: unrelated) into one 0/1 plane a kind; None where the network knows no relations.

    A network may use the first relations of a puzzle only, and 0 kinds of a relation leaves it out.
    """
    if not kinds:
        return None
    if relations is None:
        raise ValueError("this network was built for related cells: embed needs the puzzle's relations")
    if relations.shape[-3] < len(kinds):
        raise ValueError(f"the puzzle has {relations.shape[-3]} relations, the network was built for {len(kinds)}")
    planes = [relations[..., r, :, :] == kind for r, count in enumerate(kinds) for kind in range(1, count + 1)]
    return torch.stack(planes, dim=-3).to(torch.float32)


def links_of(planes: Float[Tensor, "*B Q S S"]) -> Int[Tensor, "2 L"] | None:
    """Return from where each message comes, and to where it goes, if no position gets or sends two of one kind.

    So it is with the directions of a grid. A message is then moved, not added up by a product with a matrix, to the
    same numbers: on CPUs in a fifth to a seventh of the time for 30×30 cells and four directions.

    Returns:
        For each position s and kind q, at s·Q + q, the place in the same order of the message that s gets, and of the
        one that goes out from s; -1: none. None: some position has several, or relations differ between puzzles, or
        a product is as quick (other devices), or its graph is being exported.
    """
    if planes.dim() != 3 or planes.device.type != "cpu" or torch.compiler.is_compiling():
        return None
    numbers = {axis: planes.sum(axis) for axis in (-1, -2)}  # of messages that a position gets, and sends
    if any(number.max() > 1 for number in numbers.values()):
        return None
    ways, kinds = [], len(planes)
    for axis, number in numbers.items():  # Q S S -> S·Q
        there = planes.argmax(axis) * kinds + torch.arange(kinds).unsqueeze(-1)
        ways.append(torch.where(number > 0, there, -1).T.flatten())
    return torch.stack(ways)


class _Move(torch.autograd.Function):
    """Move messages along links; their gradient goes the way back."""

    @staticmethod
    def forward(messages: Float[Tensor, "B L M"], links: Int[Tensor, "2 L"]) -> Float[Tensor, "B L M"]:
        return _moved(messages, links[0])

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _moved(gradients[0], ctx.saved_tensors[0][1]), None


def _moved(messages: Float[Tensor, "B L M"], sources: Int[Tensor, " L"]) -> Float[Tensor, "B L M"]:
    arrives = (sources >= 0).unsqueeze(-1).to(messages.dtype)
    return messages.index_select(1, sources.clamp(min=0)) * arrives


class Attention(nn.Module):
    """Full multi-head self-attention, with a learned bias for each head and kind of relation."""

    def __init__(
        self,
        width: int,
        heads: int,
        relation_kinds: int = 0,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.heads = heads
        self.qkv = Linear(width, 3 * width, generator=generator)
        self.out = Linear(width, width, generator=generator)
        self.relation_bias = nn.Parameter(torch.zeros(heads, relation_kinds)) if relation_kinds else None
        if self.relation_bias is not None:  # each head starts with one kind of relation in view
            with torch.no_grad():
                for head in range(heads):
                    self.relation_bias[head, head % relation_kinds] = 2.0

    def forward(self, x: Float[Tensor, "B S D"], context: Context = NO_CONTEXT) -> Float[Tensor, "B S D"]:
        """Return what each position reads from all others."""
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # 3 × (B A S K)
        if context.rotary is not None:
            q, k = context.rotary(q), context.rotary(k)
        read = _attend(q, k, v, self._bias(context, x.dtype))
        return self.out(read.transpose(1, 2).flatten(2))

    def _bias(self, context: Context, dtype: torch.dtype) -> Float[Tensor, "..."] | None:
        """Return what is added to the scores, of a shape that broadcasts to (B, A, S, S)."""
        bias = None
        if self.relation_bias is not None and context.relations is not None:
            bias = torch.einsum("aq,...qst->...ast", self.relation_bias, context.relations).to(dtype)
        if context.mask is not None:
            hidden = torch.zeros_like(context.mask, dtype=dtype).masked_fill_(~context.mask, float("-inf"))
            hidden = hidden[:, None, None, :]
            bias = hidden if bias is None else bias + hidden
        return bias


_SHORT, _FEW = 256, 1 << 25
"""Positions, and scores of a batch in all, up to which the scores are cheap to keep."""


def _attend(
    q: Float[Tensor, "B A S K"], k: Float[Tensor, "B A S K"], v: Float[Tensor, "B A S K"], bias: Tensor | None
) -> Float[Tensor, "B A S K"]:
    """Return softmax(q·kᵀ/√K + bias)·v, by whichever way is fastest on the device.

    torch's fused attention is, except for bf16 on CPUs: there two plain products are faster, compiled or not, as long
    as the scores are few; where they are many it still pays to have the gradient computed in fp32.
    """
    if q.device.type != "cpu" or q.dtype != torch.bfloat16:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
    scores_kept = q.shape[0] * q.shape[1] * q.shape[2] ** 2
    if q.shape[-2] <= _SHORT and scores_kept <= _FEW:
        scores = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
        if bias is not None:
            scores = scores + bias.float()
        return scores.softmax(-1).to(q.dtype) @ v
    if torch.is_grad_enabled():
        bias = None if bias is None else bias.float()
        return F.scaled_dot_product_attention(q.float(), k.float(), v.float(), attn_mask=bias).to(q.dtype)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


class Messages(nn.Module):
    """Message passing: each position adds up messages of its related positions, per relation kind, and a global mean.

    A message is a sum over the related positions, divided by the root of their number; no position is weighed
    against another, so that a step along the relations costs a product with a fixed matrix.
    """

    def __init__(self, width: int, relation_kinds: int, generator: torch.Generator | None = None):
        super().__init__()
        self.kinds = relation_kinds
        each = message_width(width, relation_kinds)
        self.along = relation_kinds * each  # features of the messages along relations; those after them go to all
        messages = self.along + each
        self.project = Linear(width, messages, generator=generator)
        self.out = Linear(messages, width, generator=generator)

    def forward(self, x: Float[Tensor, "B S D"], context: Context = NO_CONTEXT) -> Float[Tensor, "B S D"]:
        """Return what each position makes of the messages to it."""
        planes = context.relations
        if planes is None:
            raise ValueError("messages travel along relations: embed needs the puzzle's")
        (along_in, mean_in), (along_out, mean_out) = (
            weight.to(x.dtype).tensor_split([self.along], dim=dim)
            for dim, weight in enumerate((self.project.weight, self.out.weight))
        )
        messages = F.linear(x, along_in)  # B S Q·M
        if context.mask is None:
            mean = x.mean(1)  # B D
        else:
            exists = context.mask.unsqueeze(-1).to(x.dtype)
            messages, mean = messages * exists, (x * exists).sum(1) / exists.sum(1)
        along = messages.unflatten(-1, (self.kinds, -1))  # B S Q M
        if context.links is None:
            aggregated = self._added_up(along, planes.to(x.dtype), context.mask)
        else:
            aggregated = _Move.apply(along.flatten(1, 2), context.links).view_as(along)
        # the mean of all messages is the message of the mean
        everywhere = F.linear(F.linear(mean, mean_in), mean_out)
        return F.linear(aggregated.flatten(2), along_out) + everywhere.unsqueeze(1)

    def _added_up(
        self, along: Float[Tensor, "B S Q M"], planes: Float[Tensor, "*B Q S S"], mask: Bool[Tensor, "B S"] | None
    ) -> Float[Tensor, "B S Q M"]:
        """Return the sum of the messages to each position, over the root of their number."""
        if mask is not None:
            planes = planes * mask[:, None, None, :]
        subscripts = "qst,btqm->bsqm" if planes.dim() == 3 else "bqst,btqm->bsqm"  # shared planes are not copied
        numbers = planes.sum(-1, dtype=torch.float32).clamp(min=1).rsqrt().transpose(-1, -2).unsqueeze(-1)  # S Q 1
        return torch.einsum(subscripts, planes, along) * numbers.to(along.dtype)


class Block(nn.Module):
    """Mix positions, add, normalize; map each position, add, normalize.

    The mixer is attention, messages along relations, or a SwiGLU across the positions; the norm of the last runs over
    positions too.

    Source: HRM paper, section on the architecture (post-norm); TRM paper for the "mlp" mixer.
    """

    def __init__(
        self,
        *,
        width: int,
        heads: int,
        positions: int,
        expansion: float,
        mixer: Literal["attention", "messages", "mlp"],
        relation_kinds: int,
        norm_eps: float,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.norm_eps = norm_eps
        self.attention = None
        self.messages = None
        self.mixer = None
        if mixer == "attention":
            self.attention = Attention(width, heads, relation_kinds, generator)
        elif mixer == "messages":
            self.messages = Messages(width, relation_kinds, generator)
        else:
            self.mixer = SwiGLU(positions, expansion, generator)
        self.mlp = SwiGLU(width, expansion, generator)

    def forward(self, x: Float[Tensor, "B S D"], context: Context = NO_CONTEXT) -> Float[Tensor, "B S D"]:
        """Return the next states."""
        if self.attention is not None:
            x = rms_norm(x + self.attention(x, context), self.norm_eps)
        elif self.messages is not None:
            x = rms_norm(x + self.messages(x, context), self.norm_eps)
        elif self.mixer is not None:
            x = x.transpose(1, 2)  # B D S
            x = rms_norm(x + self.mixer(x), self.norm_eps).transpose(1, 2)
        return rms_norm(x + self.mlp(x), self.norm_eps)
