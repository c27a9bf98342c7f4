"""What more thought buys: accuracy against the segments of a puzzle, for each way to spend them.

There are three classes of numbers, which are never compared as if they were one: one answer a puzzle; an answer
selected among several without the rules; and answers that the rules of the puzzle have checked.
Axes: M segments, n puzzles, C cells.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8

from hrm.data.store import Split
from hrm.errors import UsageError
from hrm.evaluation.metrics import compare, wilson_interval
from hrm.evaluation.provenance import provenance
from hrm.evaluation.request import ScaleRequest
from hrm.evaluation.rollout import Progress, no_progress
from hrm.evaluation.run import choose_puzzles, rows_to_score
from hrm.evaluation.usual import SCALE_SEGMENTS
from hrm.inference.answer import SURE, Answer
from hrm.inference.load import load
from hrm.inference.search import can_pin
from hrm.inference.slots import pad_batch
from hrm.inference.solver import Solver
from hrm.inference.vote import vote
from hrm.model.halting import prefers_halt
from hrm.model.network import Latents
from hrm.puzzles.base import Symmetries
from hrm.randomness import Stream, uniforms

Kind = Literal["one answer", "selection without rules", "rule checker"]
"""The class of a number: whether something chose among answers, and whether it knew the rules."""
RULES = "it keeps the givens and every rule"
ROWS = 16
"""Puzzles at once, the same for all methods, so that their seconds can be compared."""


@dataclass(frozen=True)
class Point:
    """What a method reaches at one cost."""

    budget: int
    """Segments that a puzzle may take."""
    segments: float
    """Segments that a puzzle took, on average."""
    most: int
    """Segments that a puzzle took, at most."""
    seconds: float
    """Seconds that a puzzle took, on average, as one of a batch."""
    exact: float
    """Share of puzzles whose answer is right."""
    exact_ci95: list[float]
    accepted: float
    """Share of puzzles whose answer the method itself calls right."""
    false_accepts: int
    """Puzzles among these whose answer is wrong."""
    false_accept_rate: float | None
    """The same as a share of those accepted; None where none is."""


@dataclass(frozen=True)
class Curve:
    """A method at growing cost."""

    method: str
    kind: Kind
    accepts: str
    """When the method calls an answer right."""
    points: list[Point]


@dataclass(frozen=True)
class Scale:
    """Every method on the same puzzles."""

    puzzles: int
    segments: int
    """Of one run of those that begin several."""
    copies: int
    """Runs of a puzzle, at most."""
    budget: int
    """Segments that pin-and-check may spend on a puzzle."""
    right: str
    """What counts as right."""
    curves: list[Curve]


@dataclass(frozen=True)
class _Run:
    """All puzzles run from one kind of beginning; answers are to the puzzles as they are."""

    right: Bool[np.ndarray, "M n"]
    valid: Bool[np.ndarray, "M n"]
    q_halt: Float[np.ndarray, "M n"]
    prefers_halt: Bool[np.ndarray, "M n"]
    is_sure: Bool[np.ndarray, "M n"]
    """Whether no cell's token is less probable than ``SURE``."""
    answers: UInt8[np.ndarray, "n C"]
    """After the segment that was asked for."""
    movement: Float[np.ndarray, " n"]
    """How far that segment moved z_H, as a share of its length: the residual."""
    seconds: float
    """Of one segment of one puzzle."""


def scale_model(request: ScaleRequest, progress: Progress = no_progress) -> dict[str, Any]:
    """Return what more thought buys a model, as plain values, with its ``protocol``.

    Raises:
        UsageError, DataError: a name, value, file or checkpoint that is not what it should be, or a model whose
            puzzles are parts of tasks.
    """
    request.require_counts(puzzles=request.puzzles, copies=request.copies, budget=request.budget)
    model = request.model
    solver = model if isinstance(model, Solver) else load(model, request.device, request.precision or "auto", ROWS)
    if solver.table is not None:
        raise UsageError(f"{request.model} answers tasks, whose variants vote: use `hrm eval {request.model}`")
    chosen = choose_puzzles(solver, request, request.puzzles)
    rows = chosen.rows.take(slice(request.puzzles))
    if chosen.store is not None:
        rows = rows_to_score(solver, chosen.store, chosen.split, request.puzzles, request.data)
    found = scale(
        solver, rows, request.segments or SCALE_SEGMENTS, request.copies, request.budget, request.seed, progress
    )
    protocol = {
        "model": solver.origin.name if solver.origin else type(solver.model).__name__,
        "data": str(request.data or request.puzzles_from),
        "data_digest": chosen.store.digest if chosen.store else None,
        "split": chosen.split,
        "seed": request.seed,
        "batch_size": solver.batch_size,
    }
    return asdict(found) | {
        "model": protocol["model"],
        "task": solver.puzzle.spec.name,
        "data": f"{len(rows)} {request.puzzles_from}",
        "protocol": provenance(solver, protocol, request.now),
    }


def scale(
    solver: Solver,
    split: Split,
    segments: int,
    copies: int,
    budget: int,
    seed: int = 0,
    progress: Progress = no_progress,
) -> Scale:
    """Measure every method on the same puzzles.

    * One answer: as many segments as a budget says; early exit by the Q-head, and where every cell is sure as well.
    * Several runs of ``segments``, which begin at random states or see symmetric images. Without rules, the answer is
      that of the majority, of the highest q_halt, or of the state that moved least in its last segment.
    * With rules: the first answer that keeps them, of one run, of several, or of the search of ``Solver.solve`` within
      ``budget`` segments (pin-and-check, where the family allows it).

    An answer is right if it equals the stored one; where puzzles may have several solutions, if it keeps the rules.

    Args:
        copies: runs of a puzzle, at most.
        seed: of random states and images.
        progress: called with (runs of a puzzle done, runs in all).
    """
    spec, count = solver.puzzle.spec, len(split)
    sources = {"random starts": False} | ({"symmetric images": True} if spec.symmetry_draws else {})
    sources = sources if copies > 1 else {}
    total, done = count * (1 + len(sources) * (copies - 1) + spec.has_rules), 0

    def counted(runs: Iterator[_Run]) -> list[_Run]:
        nonlocal done
        kept = []
        for run in runs:
            kept.append(run)
            progress(done := done + count, total)
        return kept

    # one answer: a single run, as long as all copies together
    [plain] = counted(iter([_run(solver, split, segments * copies, segments)]))
    curves = [_more_segments(plain), *_early_exits(plain)]
    checked = [_first_valid("one run", [plain], 1)] if spec.has_rules else []
    # several runs of each puzzle: chosen without the rules, then with them
    for source, symmetric in sources.items():
        runs = [plain, *counted(_copies(solver, split, segments, copies, symmetric, seed))]
        curves += _selected(source, runs, segments, count)
        if spec.has_rules:
            checked.append(_first_valid(source, runs, copies, segments))
    # the search of the solver
    if spec.has_rules:
        curves += [*checked, _searched(solver, split, budget, lambda done, _: progress(total - count + done, total))]
    right = "the stored answer" if spec.unique else "an answer that keeps every rule"
    return Scale(count, segments, copies, budget, right, curves)


def _copies(solver: Solver, split: Split, segments: int, copies: int, symmetric: bool, seed: int) -> Iterator[_Run]:
    """Yield the second run of all puzzles, the third, and so on."""
    draws = solver.puzzle.spec.symmetry_draws
    for copy in range(1, copies):
        if symmetric:
            numbers = uniforms(seed, Stream.SYMMETRY, np.array([copy]), draws)
            yield _run(solver, split, segments, segments, image=solver.puzzle.symmetries(numbers))
        else:
            drawn = torch.Generator().manual_seed((seed * 1000 + copy) % 2**64)
            yield _run(solver, split, segments, segments, generator=drawn)


@torch.inference_mode()
def _run(
    solver: Solver,
    split: Split,
    segments: int,
    keep: int,
    image: Symmetries | None = None,
    generator: torch.Generator | None = None,
) -> _Run:
    """Run all puzzles, batch by batch.

    Args:
        keep: the segment after which answers and movements are kept.
        image: what the network sees in place of the puzzle; a batch of one.
        generator: draws the states to begin with; None: the network's own.
    """
    parts: list[tuple[np.ndarray, ...]] = []
    count, size = len(split), min(solver.batch_size, len(split))
    began = time.perf_counter()
    for start in range(0, count, size):
        # a batch as the network sees it
        inputs, labels = (np.asarray(part[start : start + size]) for part in (split.inputs, split.labels))
        rows, own = (
            len(inputs),
            None if image is None else Symmetries(image.cells.repeat(size, 0), image.tokens.repeat(size, 0)),
        )
        full = pad_batch(inputs, size)
        view = full if own is None else own.apply(full)
        x = solver.embed(view, pad_batch(np.asarray(split.puzzle_ids[start : start + size]), size))
        latents = solver.model.initial(x, generator)
        # its answers after every segment, mapped back
        columns: list[tuple[np.ndarray, ...]] = []
        kept: tuple[np.ndarray, ...] = ()
        for number in range(1, segments + 1):
            before, segment = latents, solver.model.segment(latents, x)
            latents = segment.latents
            tokens, confidence = solver.decide(segment.logits, view)
            tokens = (tokens if own is None else own.inverse().apply(tokens))[:rows]
            exact, _ = compare(tokens, labels)
            valid = solver.puzzle.verify(inputs, tokens) if solver.puzzle.spec.has_rules else np.zeros(rows, bool)
            wishes = prefers_halt(segment.q_halt_logit, segment.q_continue_logit)
            halts = (segment.q_halt_logit.sigmoid().float().cpu().numpy(), wishes.cpu().numpy())
            right = exact if solver.puzzle.spec.unique else valid
            is_sure = np.asarray((confidence >= SURE).all(axis=1))[:rows]
            columns.append((right, valid, halts[0][:rows].astype(np.float64), halts[1][:rows], is_sure))
            if number == keep:
                kept = (tokens, _movement(before, latents)[:rows])
        parts.append((*map(np.stack, zip(*columns, strict=True)), *kept))
    seconds = (time.perf_counter() - began) / (count * segments)
    right, valid, q_halt, prefers, is_sure = (np.concatenate([part[k] for part in parts], axis=1) for k in range(5))
    answers, movement = (np.concatenate([part[k] for part in parts]) for k in (5, 6))
    return _Run(right, valid, q_halt, prefers, is_sure, answers, movement, seconds)


def _movement(before: Latents, after: Latents) -> Float[np.ndarray, " n"]:
    """Return how far z_H moved, as a share of its length."""
    old, new = (state.z_H.flatten(1).float() for state in (before, after))
    return ((new - old).norm(dim=1) / new.norm(dim=1).clamp(min=1e-9)).cpu().numpy()


def _point(
    budget: int,
    spent: Int[np.ndarray, " n"],
    seconds: float,
    right: Bool[np.ndarray, " n"],
    accepted: Bool[np.ndarray, " n"],
) -> Point:
    count, segments = len(right), float(spent.mean())
    false, calls = int((accepted & ~right).sum()), int(accepted.sum())
    return Point(
        budget, segments, int(spent.max()), segments * seconds,
        float(right.mean()), list(wilson_interval(int(right.sum()), count)),
        calls / count, false, false / calls if calls else None,
    )  # fmt: skip


def _doubling(most: int) -> list[int]:
    """Return 1, 2, 4 … and the most."""
    return sorted({*(1 << power for power in range(most.bit_length())), most})


def _more_segments(run: _Run) -> Curve:
    points = [
        _point(m, np.full(run.right.shape[1], m), run.seconds, run.right[m - 1], run.prefers_halt[m - 1])
        for m in _doubling(len(run.right))
    ]
    return Curve("more segments", "one answer", "the Q-head would stop", points)


def _early_exits(run: _Run) -> list[Curve]:
    """Stop where the Q-head would; and where every cell is sure as well."""
    rules = {
        "early exit by the Q-head": (run.prefers_halt, "the Q-head stops"),
        "early exit where every cell is sure": (
            run.prefers_halt & run.is_sure,
            "the Q-head stops and every cell is sure",
        ),
    }
    curves = []
    for method, (stops, accepts) in rules.items():
        points = []
        for budget in _doubling(len(run.right)):
            halts = stops[:budget]
            used = np.where(halts.any(0), halts.argmax(0) + 1, budget)
            right = run.right[used - 1, np.arange(len(used))]
            points.append(_point(budget, used, run.seconds, right, np.asarray(halts.any(0))))
        curves.append(Curve(method, "one answer", accepts, points))
    return curves


def _selected(source: str, runs: Sequence[_Run], segments: int, count: int) -> list[Curve]:
    """Choose among 2, 4 … runs: the majority, the highest q_halt, and the state that moved least."""
    at = segments - 1
    right = np.stack([run.right[at] for run in runs])
    q_halt = np.stack([run.q_halt[at] for run in runs])
    stops = np.stack([run.prefers_halt[at] for run in runs])
    movement, answers = (np.stack([getattr(run, name) for run in runs]) for name in ("movement", "answers"))
    seconds = float(np.mean([run.seconds for run in runs]))
    puzzles = np.arange(count)
    curves: dict[str, list[Point]] = {"majority": [], "highest q_halt": [], "smallest residual": []}
    for size in _doubling(len(runs))[1:]:
        spent = np.full(count, size * segments)
        # the majority: the run whose answer most others share
        ranked = vote((n, answers[k, n], float(q_halt[k, n])) for k in range(size) for n in range(count))
        best = [ranked[n][0] for n in range(count)]
        chosen = np.array([next(k for k in range(size) if (answers[k, n] == best[n].grid).all()) for n in puzzles])
        agreed = np.array([2 * candidate.votes > size for candidate in best])
        curves["majority"].append(_point(size * segments, spent, seconds, right[chosen, puzzles], agreed))
        # one number of each run decides
        for name, score in (("highest q_halt", q_halt), ("smallest residual", -movement)):
            chosen = score[:size].argmax(0)
            accepted = stops[chosen, puzzles]
            curves[name].append(_point(size * segments, spent, seconds, right[chosen, puzzles], accepted))
    accepts = {"majority": "more than half of the runs agree"}
    return [
        Curve(f"{source}, {name}", "selection without rules", accepts.get(name, "the Q-head would stop"), points)
        for name, points in curves.items()
    ]


def _first_valid(method: str, runs: Sequence[_Run], copies: int, segments: int | None = None) -> Curve:
    """Return what stopping at the first answer that keeps the rules gives, one run after the other."""
    valid = np.concatenate([run.valid[:segments] for run in runs[:copies]])
    right = np.concatenate([run.right[:segments] for run in runs[:copies]])
    cost = np.where(valid.any(0), valid.argmax(0) + 1, len(valid) + 1)
    at_end = right[np.minimum(cost, len(valid)) - 1, np.arange(len(cost))]
    seconds = float(np.mean([run.seconds for run in runs[:copies]]))
    return Curve(method, "rule checker", RULES, _by_cost(cost, at_end, len(valid), seconds))


def _by_cost(cost: Int[np.ndarray, " n"], right: Bool[np.ndarray, " n"], most: int, seconds: float) -> list[Point]:
    """Return a point for each budget, where each puzzle is accepted at a cost.

    Args:
        cost: segments until the answer was accepted; above ``most`` where none was.
    """
    return [
        _point(budget, np.minimum(cost, budget), seconds, right & (cost <= budget), cost <= budget)
        for budget in _doubling(most)
    ]


def _searched(solver: Solver, split: Split, budget: int, progress: Progress) -> Curve:
    """Run the search of the solver within a budget."""
    began = time.perf_counter()
    answers: list[Answer] = []
    for answer in solver.solve_many(split.inputs, budget=budget, parsed=True):
        answers.append(answer)
        progress(len(answers), len(split))
    wall_s = time.perf_counter() - began
    spent = np.array([answer.total_segments for answer in answers])
    verified = np.array([bool(answer.verified) for answer in answers])
    exact, _ = compare(np.stack([answer.tokens for answer in answers]), split.labels)
    points = _by_cost(
        np.where(verified, spent, budget + 1), exact if solver.puzzle.spec.unique else verified, budget,
        wall_s / int(spent.sum()),
    )  # fmt: skip
    return Curve("pin-and-check" if can_pin(solver.puzzle.spec) else "search by images", "rule checker", RULES, points)
