"""How fast the package is here: our updates and segments, the machine's ceilings, and a reference implementation.

Machines drift, and CPUs with matrix units threefold, so nothing is compared across runs: all cases are timed in turn,
round after round, medians are reported, ratios are taken within a round, and a matrix product just before and after
each sample says how fast the machine was at that moment. A step that does not count precedes each sample.

Operations are counted as in ``model.flops``: the matrix products of f_L, f_H and the heads.
"""

import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from hrm.bench.cases import DTYPE_NAMES, SEGMENTS, Case, products, same_network, workload
from hrm.bench.official_code import Checkout
from hrm.errors import UsageError
from hrm.model.flops import UpdateFlops, flops_per_segment, update_flops
from hrm.runtime.allocator import keep_freed_memory, return_freed_memory
from hrm.runtime.compiling import can_compile
from hrm.runtime.device import choose_device, machine, peak_mib
from hrm.runtime.speed import Product, copy_rate, product_rate, seconds_per_call

COUNT = (
    "GFLOP as executed: two operations a weight and position of every matrix product of f_L, f_H and the heads, and "
    "attention's two products; an update is every forward call once, and again where the target of Q_continue takes "
    "a second forward, and twice the forward of each call that carries gradient. Useful GFLOP leave the second "
    "forward out. Norms, activations, rotations, softmax and the optimizer count as nothing"
)
REFERENCE = (
    "the published algorithm restated from the paper in plain eager operations, as unfused as the official code: "
    "weights cast at every call, rotation and norm in separate fp32 operations, loss in fp64, a second whole forward "
    "for the target of Q_continue, AdamATan2 one parameter after the other; the same function as preset hrm"
)
SPEEDUP = (
    "useful segments per second of ours over those of the reference, of the same mode, batch and arithmetic: median, "
    "least and greatest over the rounds. single-forward leaves out the second forward that the published algorithm "
    "makes; same_network is false where only width and number of cells agree"
)

_EXPECTED_SHARE = 0.2
"""Share of the machine's rate that a case is expected to reach where no case of its width has run yet."""


@dataclass(frozen=True)
class Protocol:
    """How long everything is measured. Times in seconds."""

    rounds: int = 5
    seconds: float = 1.0
    """Least length of a sample; one step at least."""
    probe_seconds: float = 0.2
    """Length of each matrix product beside a sample and in the ceilings."""
    budget_s: float | None = None
    """What does not fit into so much time is skipped; rounds are cut short."""
    memory: bool = True
    """Whether each case runs once more in a process of its own, for its peak memory."""


QUICK = Protocol(rounds=3, seconds=0.3, probe_seconds=0.05, budget_s=48.0, memory=False)


def protocol(quick: bool = False, seconds: float | None = None, rounds: int | None = None) -> Protocol:
    """Return the protocol of a full or a quick run, with other values where they are given.

    Raises:
        UsageError: a value out of range.
    """
    chosen = QUICK if quick else Protocol()
    if seconds is not None:
        if not 0 <= seconds <= 3600:
            raise UsageError(f"--seconds must be 0 to 3600 (got {seconds})")
        chosen = replace(chosen, seconds=seconds)
    if rounds is not None:
        if not 1 <= rounds <= 1000:
            raise UsageError(f"--rounds must be 1 to 1000 (got {rounds})")
        chosen = replace(chosen, rounds=rounds)
    return chosen


def step_flops(case: Case) -> UpdateFlops:
    """Return the operations of one step of a case, for the whole batch."""
    if case.mode == "infer":
        executed = flops_per_segment(case.network) * case.segments_per_step
        return UpdateFlops(executed, executed)
    one = update_flops(case.network)
    return UpdateFlops(one.useful * case.batch, one.executed * case.batch)


@dataclass
class Running:
    """A case that is ready to be timed, and what was measured so far."""

    case: Case
    step: Callable[[], object]
    first_step_s: float
    """Duration of the first step, which does not count: memory is fetched and code compiled in it."""
    samples: list[float] = field(default_factory=list)
    """Seconds per step, one a round."""
    probes: list[float] = field(default_factory=list)
    """GFLOP/s of the matrix product around each sample."""


def bench(
    cases: Sequence[Case],
    protocol: Protocol,
    *,
    device: str = "auto",
    official: Path | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Time all cases, interleaved, and return plain values: ceilings, cases, speedups, protocol.

    Args:
        device: auto, cpu, cuda or mps.
        official: the checkout of the official code, where one of the cases is it.
        console: where progress goes; None: nowhere.

    Raises:
        UsageError: the device or the checkout cannot be used.
    """
    if official is not None:
        Checkout(official)  # refuse a wrong folder before anything is measured
    clock = _Clock(protocol.budget_s)
    place, console = choose_device(device), console or Console(quiet=True)
    ceilings = _Ceilings(cases, protocol.probe_seconds, place)
    with tempfile.TemporaryDirectory(prefix="hrm-bench-") as folder, _no_silent_fallback(cases):
        ceilings.measure()
        running, skipped = _prepared(cases, Path(folder), place, official, ceilings, clock, console)
        rounds = _timed(running, protocol, place, ceilings, clock, console)
        for one in running:
            one.step = _gone
    peaks = {one.case: _peak_apart(one.case, place, official, console) for one in running if protocol.memory}
    return {
        "ceilings": ceilings.result(),
        "cases": [_result(one, peaks.get(one.case)) for one in running],
        "speedups": [speedup for one in running for speedup in _speedups(one, running)],
        "protocol": {
            **machine(place), **asdict(protocol), "rounds": rounds, "segments_per_inference": SEGMENTS,
            "count": COUNT, "yardstick": REFERENCE, "speedup": SPEEDUP, "skipped": skipped,
            "elapsed_s": round(clock.elapsed, 1),
        },
    }  # fmt: skip


def peak_of(case: Case, device: str, official: Path | None) -> float | None:
    """Return the most memory in MiB that this process has held after two steps of a case; for a fresh process."""
    place = choose_device(device)
    with tempfile.TemporaryDirectory(prefix="hrm-bench-") as folder:
        step = workload(case, Path(folder), place, official)
        step()
        step()
    return peak_mib(place)


class _Clock:
    """The time since the start, and what is left of a budget, in seconds."""

    def __init__(self, budget_s: float | None):
        self._began = time.monotonic()
        self._budget = math.inf if budget_s is None else budget_s

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._began

    @property
    def left(self) -> float:
        return self._budget - self.elapsed


class _Ceilings:
    """The fastest that the machine does what the cases are made of."""

    def __init__(self, cases: Sequence[Case], seconds: float, device: torch.device):
        self._seconds, self._device = seconds, device
        self._users: dict[Product, list[str]] = {}
        for case in cases:
            for product in products(case.network, case.batch):
                users = self._users.setdefault(product, [])
                if case.preset not in users:
                    users.append(case.preset)
        self._rates = {(product, dtype): [] for product in self._users for dtype in DTYPE_NAMES}
        self._copies: list[float] = []

    def measure(self) -> None:
        """Take one more sample of everything."""
        self._copies.append(copy_rate(self._seconds, self._device))
        for (product, dtype), rates in self._rates.items():
            rates.append(product_rate(product, dtype, self._seconds, self._device))

    def rate(self, case: Case) -> float:
        """Return the median GFLOP/s of the product with most operations in a case."""
        return statistics.median(self._rates[products(case.network, case.batch)[0], case.dtype])

    def result(self) -> dict[str, Any]:
        """Return the medians as plain values."""
        matmul = [
            {
                "shape": list(product), "dtype": dtype, "used_by": self._users[product],
                "gflops_per_s": round(statistics.median(rates), 1), "samples": [round(rate, 1) for rate in rates],
            }
            for (product, dtype), rates in self._rates.items()
        ]  # fmt: skip
        return {"matmul": matmul, "copy_gb_per_s": round(statistics.median(self._copies), 2)}


def _prepared(
    cases: Sequence[Case],
    folder: Path,
    device: torch.device,
    official: Path | None,
    ceilings: _Ceilings,
    clock: _Clock,
    console: Console,
) -> tuple[list[Running], list[dict[str, str]]]:
    """Make each case ready by one step that does not count; skip what this machine or the budget has no room for."""
    running: list[Running] = []
    skipped: list[dict[str, str]] = []
    for number, case in enumerate(cases, start=1):
        # Is there time for it, beside one sample of each case so far?
        expected = _expected_seconds(case, running, ceilings)
        promised = sum(one.first_step_s for one in running)
        why = None
        if case.compiled and not can_compile():
            why = "this machine has no C++ compiler"
        elif promised + expected > clock.left:
            why = f"might take {expected:.0f} s; the budget has {max(0.0, clock.left - promised):.0f} s left"
        if why is not None:
            skipped.append({"case": case.label, "why": why})
            continue
        # Build it and take the first step, in which memory is fetched and code compiled.
        console.print(f"getting ready {number}/{len(cases)}: {case.label}", highlight=False)
        step = workload(case, folder, device, official)
        _set_allocator(case)
        first_step_s = seconds_per_call(step, 0.0, device)
        if case.compiled:
            step()  # compiles what only a later step meets
        running.append(Running(case, step, first_step_s))
    return running, skipped


def _expected_seconds(case: Case, running: Sequence[Running], ceilings: _Ceilings) -> float:
    """Return what the first step and one sample of a case may take, judged by cases of its width."""
    shares = [
        step_flops(one.case).executed / 1e9 / one.first_step_s / ceilings.rate(one.case)
        for one in running
        if one.case.network.width == case.network.width
    ]
    share = min(shares, default=_EXPECTED_SHARE)
    return 2 * step_flops(case).executed / 1e9 / (share * ceilings.rate(case))


def _timed(
    running: Sequence[Running],
    protocol: Protocol,
    device: torch.device,
    ceilings: _Ceilings,
    clock: _Clock,
    console: Console,
) -> int:
    """Take one sample of every case in turn, round after round; return the number of rounds."""
    longest = 0.0
    for number in range(protocol.rounds):
        if number and longest > clock.left:
            return number
        began = clock.elapsed
        if number:  # the ceilings of the first round are measured already
            ceilings.measure()
        for one in running:
            _sample(one, protocol, device)
        longest = max(longest, 1.2 * (clock.elapsed - began))
        console.print(f"round {number + 1}/{protocol.rounds}: {clock.elapsed - began:.0f} s", highlight=False)
    return protocol.rounds


def _sample(one: Running, protocol: Protocol, device: torch.device) -> None:
    _set_allocator(one.case)
    one.step()  # fetches again the memory that the case before it gave back
    product = products(one.case.network, one.case.batch)[0]
    before = product_rate(product, one.case.dtype, protocol.probe_seconds, device)
    one.samples.append(seconds_per_call(one.step, protocol.seconds, device))
    after = product_rate(product, one.case.dtype, protocol.probe_seconds, device)
    one.probes.append((before + after) / 2)


def _set_allocator(case: Case) -> None:
    """Let memory be handled as where the case's code runs alone: ours keeps it, other code takes it as it comes."""
    if case.settings.recipe:
        keep_freed_memory()
    else:
        return_freed_memory()


def _result(one: Running, peak: float | None) -> dict[str, Any]:
    """Return what was measured of a case as plain values."""
    case, flops, seconds = one.case, step_flops(one.case), statistics.median(one.samples)
    shares = [flops.executed / 1e9 / s / rate for s, rate in zip(one.samples, one.probes, strict=True)]
    return _described(case) | {
        "segments_per_s": _digits(case.segments_per_step / seconds),
        "gflops_per_s": _digits(flops.executed / 1e9 / seconds),
        "useful_gflops_per_s": _digits(flops.useful / 1e9 / seconds),
        "share_of_ceiling": _digits(statistics.median(shares)),
        "peak_mib": None if peak is None else round(peak),
        "seconds_per_step": _digits(seconds),
        "gflop_per_step": _digits(flops.executed / 1e9),
        "first_step_s": _digits(one.first_step_s),
        "probe_gflops_per_s": _digits(statistics.median(one.probes)),
        "samples": [_digits(sample) for sample in one.samples],
        "probes": [_digits(rate) for rate in one.probes],
    }


def _speedups(ours: Running, running: Sequence[Running]) -> Iterator[dict[str, Any]]:
    """Yield the ratios of one case of ours to each of its references that was measured."""
    for reference in ours.case.references():
        for other in running:
            if other.case != reference:
                continue
            ratios = [theirs / mine for mine, theirs in zip(ours.samples, other.samples, strict=True)]
            yield _described(ours.case) | {
                "versus": reference.preset,
                "same_network": same_network(ours.case, reference),
                "ratio": _digits(statistics.median(ratios)),
                "least": _digits(min(ratios)),
                "greatest": _digits(max(ratios)),
            }


def _described(case: Case) -> dict[str, Any]:
    """Return a case as plain values, with how an update gets the target of Q_continue; inference needs none."""
    algorithm = "single-forward" if case.single_forward else "faithful"
    fields = {key: getattr(case, key) for key in ("preset", "mode", "dtype", "batch", "compiled")}
    return fields | {"algorithm": None if case.mode == "infer" else algorithm}


def _peak_apart(case: Case, device: torch.device, official: Path | None, console: Console) -> float | None:
    """Return the peak memory of a case in a process of its own, in MiB; None where that process died."""
    console.print(f"peak memory of {case.label}", highlight=False)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(peak_of, case, device.type, official).result()
        except BrokenProcessPool:
            return None


@contextmanager
def _no_silent_fallback(cases: Sequence[Case]) -> Iterator[None]:
    """Fail loudly where a compiled network would silently run eagerly."""
    if not any(case.compiled for case in cases):
        yield
        return
    from torch._dynamo import config as dynamo

    with dynamo.patch(fail_on_recompile_limit_hit=True):
        yield


def _gone() -> None:
    """Take the place of a step, so that what it held is freed."""


def _digits(value: float) -> float:
    """Return a number to four significant digits."""
    return float(f"{value:.4g}")
