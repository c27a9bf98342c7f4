"""How long an update takes on an accelerator at best, from counted operations and bytes; free of torch.

Every kernel takes the longer of the time for its operations and the time for its bytes, both at the published peaks
(the roofline), and every launch of one takes a fixed time on top. Nothing reaches its peaks, so this is a lower bound,
and which of the parts is the largest says what would make a run faster.

Counted are the kernels of a compiled network: each matrix product, one fused kernel between a product and the next,
and the same for the gradient; the optimizer and the average of the weights; where several accelerators share the
slots, the exchange of the gradients, as if nothing were computed meanwhile. Left out are the host (drawing puzzles,
the log), evaluations and checkpoints, and the matrices of relations.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from hrm.errors import UsageError, did_you_mean
from hrm.model.network_config import NetworkConfig

LAUNCH_S = 5e-6
"""Seconds on the host to launch a kernel from Python."""
SMALL_KERNELS = 150
"""Kernels an update whose work is too small to count: embedding, loss, halting, new puzzles, sums for the log."""
MUON_KERNELS = 30
"""Kernels that Muon launches for one matrix: five rounds of products and sums."""


@dataclass(frozen=True)
class Accelerator:
    """Published peaks of one device, dense, without sparsity."""

    title: str
    bf16: float
    """FLOP/s of matrix products in bf16."""
    fp32: float
    """FLOP/s in fp32, without TF32."""
    memory: float
    """Bytes a second to and from its memory."""
    link: float = 0.0
    """Bytes a second to the other ones of its machine, in one direction."""
    launch: float = LAUNCH_S


# Source: data sheets, nvidia.com/en-us/data-center/{a100,h100,h200}; SXM, half of what they give "with sparsity".
ACCELERATORS = {
    "a100": Accelerator("NVIDIA A100 SXM 80 GB", 312e12, 19.5e12, 2.039e12, 300e9),
    "h100": Accelerator("NVIDIA H100 SXM", 989e12, 67e12, 3.35e12, 450e9),
    "h200": Accelerator("NVIDIA H200 SXM", 989e12, 67e12, 4.8e12, 450e9),
}


def several(text: str) -> tuple[int, str]:
    """Return how many of which accelerator ``8xh100`` means.

    Raises:
        UsageError: none is known by this name.
    """
    count, times, name = text.lower().rpartition("x")
    number = int(count) if times and count.isdecimal() and len(count) <= 6 else 0 if times else 1
    if number < 1 or name not in ACCELERATORS:
        known = ", ".join(ACCELERATORS)
        raise UsageError(
            f"unknown accelerator {text!r}.{did_you_mean(name, ACCELERATORS)} Known: {known}, 8xh100 for 8"
        )
    return number, name


@dataclass(frozen=True)
class Prediction:
    """Seconds of one update at best, and what they are made of."""

    computing_s: float
    """Kernels that are limited by their operations."""
    moving_s: float
    """Kernels that are limited by the bytes they read and write."""
    launching_s: float
    exchanging_s: float
    slots: int
    flops: int
    """Of one accelerator."""
    bytes: int
    kernels: int

    @property
    def seconds(self) -> float:
        """Seconds of one update."""
        return self.computing_s + self.moving_s + self.launching_s + self.exchanging_s

    @property
    def segments_per_s(self) -> float:
        """Segments of all slots of all accelerators in a second."""
        return self.slots / self.seconds

    @property
    def bound_by(self) -> str:
        """The largest part."""
        parts = {
            "operations": self.computing_s, "memory": self.moving_s, "launches": self.launching_s,
            "exchange": self.exchanging_s,
        }  # fmt: skip
        return max(parts, key=lambda name: parts[name])


def predict(
    config: NetworkConfig,
    slots: int,
    accelerator: Accelerator,
    *,
    count: int = 1,
    precision: Literal["bf16", "fp32"] = "bf16",
    muon: bool = False,
) -> Prediction:
    """Return what an update of the slots takes at best.

    Args:
        slots: puzzles of all accelerators together.
        count: how many accelerators share them.
        precision: of the arithmetic; weights and moments are fp32.
        muon: whether Muon moves the matrices.

    Raises:
        UsageError: the slots cannot be shared equally.
    """
    if slots % count:
        raise UsageError(f"{slots} slots cannot be shared by {count} accelerators equally")
    kernels = list(_kernels(config, slots // count, 2 if precision == "bf16" else 4))
    peak = accelerator.bf16 if precision == "bf16" else accelerator.fp32
    # each kernel at its own limit
    computing = moving = 0.0
    for kernel in kernels:
        compute, move = kernel.flops / peak, kernel.bytes / accelerator.memory
        if compute > move:
            computing += kernel.times * compute
        else:
            moving += kernel.times * move
    matrices = config.blocks * sum(not _is_part(config, rows) for rows, _, _ in config.products)
    launches = sum(kernel.times for kernel in kernels) + SMALL_KERNELS + muon * MUON_KERNELS * matrices
    # a ring sends and receives all gradients nearly twice
    dense = 4 * config.parameters[0]
    exchange = 2 * (count - 1) / count * dense / accelerator.link if count > 1 else 0.0
    return Prediction(
        computing, moving, launches * accelerator.launch, exchange, slots,
        sum(kernel.times * kernel.flops for kernel in kernels),
        sum(kernel.times * kernel.bytes for kernel in kernels), launches,
    )  # fmt: skip


@dataclass(frozen=True)
class _Kernel:
    flops: int
    bytes: int
    times: int = 1


def _kernels(config: NetworkConfig, slots: int, size: int) -> Iterator[_Kernel]:
    """Yield the kernels of an update; ``size`` is the number of bytes of a number of the states."""
    calls = config.call_blocks
    trained = sum(calls[-config.loop.grad_calls :])
    passes = 2 if config.q_continue else 1  # the target of Q_continue takes a second forward
    states = slots * config.length * config.width * size
    # forward and backward of all blocks
    yield from _block(config, slots, size, passes * sum(calls), trained)
    # what is added to a state at each call, in two sums
    yield _Kernel(0, 3 * states, 2 * (passes * len(calls) + config.loop.grad_calls))
    # logits and loss, forward and backward
    logits = slots * config.head_flops // (2 * config.width) * 4
    yield _Kernel(slots * config.head_flops, states + logits, passes + 2)
    yield _Kernel(0, 2 * logits, 2 + passes)
    # gradient, weight, two moments, average: read; all but the gradient written
    yield _Kernel(0, 9 * 4 * config.parameters[0])


def _is_part(config: NetworkConfig, rows: int) -> bool:
    """Say whether a product is of the mean over the positions, with a part of a matrix that the others count."""
    return rows == 1 < config.length


def _block(config: NetworkConfig, slots: int, size: int, forward: int, backward: int) -> Iterator[_Kernel]:
    """Yield the kernels of so many runs of a block forward and backward."""
    for rows, inputs, outputs in config.products:
        flops, weights = 2 * slots * rows * inputs * outputs, inputs * outputs
        read, written = slots * rows * inputs * size, slots * rows * outputs * size
        product = _Kernel(flops, read + written + weights * size)
        yield replace(product, times=forward)
        yield replace(product, times=2 * backward)  # the gradients of x and of W
        if _is_part(config, rows):
            continue
        # what is between this product and the next: it reads this output, and writes an input as large as this
        yield _Kernel(0, read + written, forward)
        yield _Kernel(0, read + 2 * written, backward)
        yield _Kernel(0, weights * (4 + size), forward)  # the fp32 weight is cast
        yield _Kernel(0, weights * (8 + size), backward)  # and its gradient added to the fp32 gradient
    mixing = slots * config.mixing_flops
    if mixing:  # its bytes are those of the kernel between two products
        yield _Kernel(mixing, 0, forward + 2 * backward)
