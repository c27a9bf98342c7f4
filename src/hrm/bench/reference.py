"""What timings are measured against: the published algorithm, one plain operation after the other.

Written from the paper and the constants of the published code, and deliberately as unfused as that code runs
without a compiler: weights are fp32 and cast at every call, rotation and norm are separate operations in fp32, the
loss of the answer is in fp64, the target of Q_continue costs a second whole forward, the optimizer goes through
the parameters one by one. It is the same function as ``hrm.model`` (a test copies weights across); tensors have the
official names, so that ``interop.official`` translates.

Axes: B batch, C cells, S positions, D width, A heads, K head width, V vocabulary.

Source: HRM paper (arXiv 2506.21734); Prieto et al. 2025 (arXiv 2501.04697) for stablemax.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hrm.model.config import HRMConfig
from hrm.nn.init import lecun_normal_, truncated_normal_
from hrm.nn.sizes import swiglu_width

MAX_SEGMENTS = 16
EXPLORE = 0.1
IGNORED = -100
"""Label of a cell that is not supervised."""


class CastLinear(nn.Module):
    """A linear map that casts its fp32 weight at every call."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator, bias: bool = False):
        super().__init__()
        self.weight = nn.Parameter(lecun_normal_(torch.empty(outputs, inputs), generator))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, x: Float[Tensor, "*B I"]) -> Float[Tensor, "*B O"]:
        """Return x·Wᵀ (+ b)."""
        return F.linear(x, self.weight.to(x.dtype), None if self.bias is None else self.bias.to(x.dtype))


class CastEmbedding(nn.Module):
    """A table that is cast whole at every call."""

    def __init__(self, rows: int, width: int, generator: torch.Generator):
        super().__init__()
        self.embedding_weight = nn.Parameter(truncated_normal_(torch.empty(rows, width), width**-0.5, generator))

    def forward(self, ids: Int[Tensor, "B C"], dtype: torch.dtype) -> Float[Tensor, "B C D"]:
        """Return the rows."""
        return F.embedding(ids, self.embedding_weight.to(dtype))


class PuzzleVectors(nn.Module):
    """One vector a puzzle."""

    def __init__(self, rows: int, width: int):
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(rows, width))

    def forward(self, ids: Int[Tensor, " B"], dtype: torch.dtype) -> Float[Tensor, "B P"]:
        """Return the rows."""
        return self.weights[ids].to(dtype)


def rotated(
    x: Float[Tensor, "B S A K"], cos: Float[Tensor, "S K"], sin: Float[Tensor, "S K"]
) -> Float[Tensor, "B S A K"]:
    """Rotate each head by its position, in the dtype of the tables."""
    wide = x.to(cos.dtype)
    half = wide.shape[-1] // 2
    across = torch.cat((-wide[..., half:], wide[..., :half]), dim=-1)
    return ((wide * cos.unsqueeze(-2)) + (across * sin.unsqueeze(-2))).to(x.dtype)


def normalized(x: Float[Tensor, "*B D"], eps: float) -> Float[Tensor, "*B D"]:
    """Divide by the root mean square, step by step in fp32."""
    wide = x.to(torch.float32)
    mean_square = wide.square().mean(-1, keepdim=True)
    return (wide * torch.rsqrt(mean_square + eps)).to(x.dtype)


class PlainAttention(nn.Module):
    """Full self-attention."""

    def __init__(self, config: HRMConfig, generator: torch.Generator):
        super().__init__()
        self.heads = config.heads
        self.qkv_proj = CastLinear(config.width, 3 * config.width, generator)
        self.o_proj = CastLinear(config.width, config.width, generator)

    def forward(
        self, x: Float[Tensor, "B S D"], cos: Float[Tensor, "S K"], sin: Float[Tensor, "S K"]
    ) -> Float[Tensor, "B S D"]:
        """Return what each position reads from all others."""
        q, k, v = self.qkv_proj(x).unflatten(-1, (3 * self.heads, -1)).split(self.heads, dim=2)  # 3 x (B S A K)
        q, k = rotated(q, cos, sin), rotated(k, cos, sin)
        read = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2))
        return self.o_proj(read.transpose(1, 2).flatten(2))


class PlainSwiGLU(nn.Module):
    """Gated feed-forward map."""

    def __init__(self, config: HRMConfig, generator: torch.Generator):
        super().__init__()
        inner = swiglu_width(config.width, config.expansion)
        self.gate_up_proj = CastLinear(config.width, 2 * inner, generator)
        self.down_proj = CastLinear(inner, config.width, generator)

    def forward(self, x: Float[Tensor, "B S D"]) -> Float[Tensor, "B S D"]:
        """Return the mapped vectors."""
        gate, up = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(F.silu(gate) * up)


class PlainBlock(nn.Module):
    """Post-norm block."""

    def __init__(self, config: HRMConfig, generator: torch.Generator):
        super().__init__()
        self.eps = config.norm_eps
        self.self_attn = PlainAttention(config, generator)
        self.mlp = PlainSwiGLU(config, generator)

    def forward(
        self, x: Float[Tensor, "B S D"], cos: Float[Tensor, "S K"], sin: Float[Tensor, "S K"]
    ) -> Float[Tensor, "B S D"]:
        """Return the next states."""
        x = normalized(x + self.self_attn(x, cos, sin), self.eps)
        return normalized(x + self.mlp(x), self.eps)


class PlainLevel(nn.Module):
    """f_L or f_H."""

    def __init__(self, config: HRMConfig, layers: int, generator: torch.Generator):
        super().__init__()
        self.layers = nn.ModuleList(PlainBlock(config, generator) for _ in range(layers))

    def forward(
        self,
        state: Float[Tensor, "B S D"],
        injection: Float[Tensor, "B S D"],
        cos: Float[Tensor, "S K"],
        sin: Float[Tensor, "S K"],
    ) -> Float[Tensor, "B S D"]:
        """Return the next state."""
        state = state + injection
        for layer in self.layers:
            state = layer(state, cos, sin)
        return state


@dataclass(frozen=True)
class SegmentResult:
    """What one forward gives; the states carry no gradient."""

    z_H: Float[Tensor, "B S D"]
    z_L: Float[Tensor, "B S D"]
    logits: Float[Tensor, "B C V"]
    q_halt: Float[Tensor, " B"]
    q_continue: Float[Tensor, " B"]


class ReferenceHRM(nn.Module):
    """The published network.

    Args:
        config: sizes; must describe the published algorithm.
        dtype: arithmetic of the states.
        seed: names the initial weights.

    Raises:
        ValueError: the sizes are those of another algorithm.
    """

    cos: Tensor
    sin: Tensor
    H_init: Tensor
    L_init: Tensor

    def __init__(self, config: HRMConfig, dtype: torch.dtype = torch.float32, seed: int = 0):
        super().__init__()
        if config.tied or config.mixer != "attention" or config.positions != "rope" or config.relation_kinds:
            raise ValueError(
                "the reference implementation is the published HRM: untied levels, attention, rotary positions"
            )
        if config.grad_calls != 2 or not config.q_continue or not config.puzzle_width:
            raise ValueError("the reference implementation has the one-step gradient, Q_continue and a puzzle vector")
        self.config, self.dtype = config, dtype
        generator = torch.Generator().manual_seed(seed)
        width = config.width
        self.embed_tokens = CastEmbedding(config.vocab_size, width, generator)
        self.puzzle_emb = PuzzleVectors(config.puzzles, config.puzzle_width)
        self.L_level = PlainLevel(config, config.l_layers, generator)
        self.H_level = PlainLevel(config, config.h_layers, generator)
        self.lm_head = CastLinear(width, config.vocab_size, generator)
        self.q_head = CastLinear(width, 2, generator, bias=True)
        with torch.no_grad():
            self.q_head.weight.zero_()
            assert self.q_head.bias is not None
            self.q_head.bias.fill_(-5.0)
        self.register_buffer("H_init", truncated_normal_(torch.empty(width), 1.0, generator))
        self.register_buffer("L_init", truncated_normal_(torch.empty(width), 1.0, generator))
        head_width = width // config.heads
        frequencies = config.rope_theta ** (-torch.arange(0, head_width, 2, dtype=torch.float32) / head_width)
        angles = torch.outer(torch.arange(config.length, dtype=torch.float32), frequencies).repeat(1, 2)
        self.register_buffer("cos", angles.cos(), persistent=False)
        self.register_buffer("sin", angles.sin(), persistent=False)

    def initial(self, batch: int) -> tuple[Float[Tensor, "B S D"], Float[Tensor, "B S D"]]:
        """Return z_H and z_L of fresh puzzles."""
        shape = (batch, self.config.length, self.config.width)
        return self.H_init.to(self.dtype).expand(shape), self.L_init.to(self.dtype).expand(shape)

    def forward(
        self,
        z_H: Float[Tensor, "B S D"],
        z_L: Float[Tensor, "B S D"],
        inputs: Int[Tensor, "B C"],
        puzzle_ids: Int[Tensor, " B"],
    ) -> SegmentResult:
        """Run one segment, embedding included; the last call of each level carries gradient."""
        config, tables = self.config, (self.cos, self.sin)
        x = self._embedded(inputs, puzzle_ids)
        with torch.no_grad():
            for cycle in range(config.cycles):
                last_cycle = cycle == config.cycles - 1
                for _ in range(config.timesteps - last_cycle):
                    z_L = self.L_level(z_L, z_H + x, *tables)
                if not last_cycle:
                    z_H = self.H_level(z_H, z_L, *tables)
        z_L = self.L_level(z_L, z_H + x, *tables)
        z_H = self.H_level(z_H, z_L, *tables)
        logits = self.lm_head(z_H)[:, config.prefix :]
        q = self.q_head(z_H[:, 0]).to(torch.float32)
        return SegmentResult(z_H.detach(), z_L.detach(), logits, q[..., 0], q[..., 1])

    def _embedded(self, inputs: Int[Tensor, "B C"], puzzle_ids: Int[Tensor, " B"]) -> Float[Tensor, "B S D"]:
        config = self.config
        vector = self.puzzle_emb(puzzle_ids, self.dtype)
        missing = config.prefix * config.width - config.puzzle_width
        if missing:
            vector = F.pad(vector, (0, missing))
        prefix = vector.view(-1, config.prefix, config.width)
        return math.sqrt(config.width) * torch.cat((prefix, self.embed_tokens(inputs, self.dtype)), dim=1)


def stablemax_cross_entropy(logits: Float[Tensor, "B C V"], labels: Int[Tensor, "B C"]) -> Float[Tensor, "B C"]:
    """Return −log p(label) of every cell in fp64; 0 where the cell is not supervised."""
    wide = logits.to(torch.float64)
    s = torch.where(wide < 0, 1 / (1 - wide + 1e-30), wide + 1)
    log_p = torch.log(s / s.sum(dim=-1, keepdim=True))
    supervised = labels != IGNORED
    picked = torch.gather(log_p, -1, torch.where(supervised, labels, 0).unsqueeze(-1)).squeeze(-1)
    return -torch.where(supervised, picked, 0)


def total_loss(outcome: SegmentResult, labels: Int[Tensor, "B C"], target: Float[Tensor, " B"]) -> Float[Tensor, ""]:
    """Return answer + ½ (q_halt + q_continue), summed over the batch.

    Args:
        target: of q_continue, a probability.
    """
    supervised = labels != IGNORED
    counts = supervised.sum(-1)
    with torch.no_grad():
        right = (supervised & (outcome.logits.argmax(-1) == labels)).sum(-1) == counts
    answer = (stablemax_cross_entropy(outcome.logits, labels) / counts.clamp(min=1).unsqueeze(-1)).sum()
    q_halt = F.binary_cross_entropy_with_logits(outcome.q_halt, right.to(outcome.q_halt.dtype), reduction="sum")
    q_continue = F.binary_cross_entropy_with_logits(outcome.q_continue, target, reduction="sum")
    return answer + 0.5 * (q_halt + q_continue)


class PlainAdamATan2:
    """AdamATan2, one parameter and one operation at a time.

    Args:
        params: what it moves.
        lr: learning rate.
        weight_decay: share of a weight that lr · decay takes away per step.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float = 1e-4, weight_decay: float = 1.0):
        self.params = list(params)
        self.lr, self.weight_decay, self.steps = lr, weight_decay, 0
        self.moments = [torch.zeros_like(p) for p in self.params]
        self.squares = [torch.zeros_like(p) for p in self.params]

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient and clear it."""
        self.steps += 1
        beta1, beta2 = 0.9, 0.95
        first, second = 1 - beta1**self.steps, 1 - beta2**self.steps
        for p, m, v in zip(self.params, self.moments, self.squares, strict=True):
            if p.grad is None:
                continue
            p.mul_(1 - self.lr * self.weight_decay)
            m.lerp_(p.grad, 1 - beta1)
            v.lerp_(p.grad * p.grad, 1 - beta2)
            p.sub_(self.lr / first * torch.atan2(m, v.sqrt() / math.sqrt(second)))
            p.grad = None


class ReferenceTraining:
    """Slots of puzzles in flight, and one update after the other.

    Args:
        model: the network to train.
        inputs, labels: the puzzles offered to free slots, the same ones again and again. Axes: B C.
    """

    def __init__(self, model: ReferenceHRM, inputs: Int[Tensor, "B C"], labels: Int[Tensor, "B C"]):
        self.model = model
        self.fresh = (inputs, labels)
        batch, device = len(inputs), inputs.device
        self.held = (torch.zeros_like(inputs), torch.zeros_like(labels))
        self.puzzle_ids = torch.zeros(batch, dtype=torch.int64, device=device)
        self.z_H, self.z_L = model.initial(batch)
        self.segments = torch.zeros(batch, dtype=torch.int64, device=device)
        self.halted = torch.ones(batch, dtype=torch.bool, device=device)
        self.table = model.puzzle_emb.weights
        self.optimizer = PlainAdamATan2(p for p in model.parameters() if p is not self.table)
        self.generator = torch.Generator(device).manual_seed(0)

    def step(self) -> Tensor:
        """Make one update and return its loss, summed over the batch."""
        halted, model = self.halted, self.model
        fresh_H, fresh_L = model.initial(len(halted))
        z_H = torch.where(halted[:, None, None], fresh_H, self.z_H)
        z_L = torch.where(halted[:, None, None], fresh_L, self.z_L)
        inputs, labels = (
            torch.where(halted[:, None], new, old) for new, old in zip(self.fresh, self.held, strict=True)
        )
        outcome = model(z_H, z_L, inputs, self.puzzle_ids)
        with torch.no_grad():
            self.segments = torch.where(halted, 0, self.segments) + 1
            last = self.segments >= MAX_SEGMENTS
            self.halted = self._halts(outcome, last)
            ahead = model(outcome.z_H, outcome.z_L, inputs, self.puzzle_ids)
            best = torch.where(last, ahead.q_halt, torch.maximum(ahead.q_halt, ahead.q_continue))
            target = torch.sigmoid(best)
        loss = total_loss(outcome, labels, target)
        (loss / len(halted)).backward()
        self._move_table()
        self.optimizer.step()
        self.z_H, self.z_L, self.held = outcome.z_H, outcome.z_L, (inputs, labels)
        return loss.detach()

    def _halts(self, outcome: SegmentResult, last: Bool[Tensor, " B"]) -> Bool[Tensor, " B"]:
        shape, place = last.shape, {"generator": self.generator, "device": last.device}
        explores = torch.rand(shape, **place) < EXPLORE
        least = torch.where(explores, torch.randint(2, MAX_SEGMENTS + 1, shape, **place), 0)
        return (last | (outcome.q_halt > outcome.q_continue)) & (self.segments >= least)

    def _move_table(self) -> None:
        """Move the puzzle vectors by the sign of their gradient."""
        assert self.table.grad is not None
        with torch.no_grad():
            rows = self.puzzle_ids.unique()
            step = 1e-4 * self.table.grad[rows].sign()
            self.table[rows] = self.table[rows] * (1 - 1e-4) - step
            self.table.grad = None


@torch.inference_mode()
def infer(model: ReferenceHRM, inputs: Int[Tensor, "B C"], segments: int) -> Int[Tensor, "B C"]:
    """Return the answers after so many segments."""
    puzzle_ids = torch.zeros(len(inputs), dtype=torch.int64, device=inputs.device)
    z_H, z_L = model.initial(len(inputs))
    answers = inputs
    for _ in range(segments):
        outcome = model(z_H, z_L, inputs, puzzle_ids)
        z_H, z_L, answers = outcome.z_H, outcome.z_L, outcome.logits.argmax(-1)
    return answers
