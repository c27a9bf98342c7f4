"""Follow a network call by call, and exchange states on the way: what ``hrm.watch`` and ``hrm.patch`` are made of.

Axes: B batch, n rows of it, S positions, D width.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hrm.errors import UsageError
from hrm.model.network import Embedded, Latents, Network, Segment, Timesteps
from hrm.model.network_config import LevelName, Loop


class Row(NamedTuple):
    """What a row of a batch is in the middle of."""

    puzzle: int
    """From 0."""
    attempt: int
    """From 1: a solver may try a puzzle again."""
    segment: int
    """From 1 in each attempt."""


@dataclass(frozen=True)
class Call:
    """One call of a level, or of a block: what it found and what it left, for the puzzles that are equally far."""

    puzzles: tuple[int, ...]
    """The number of the puzzle of each row, from 0: in the order of ``solve_many``, or in the split of ``evaluate``."""
    attempt: int
    """From 1: where an answer breaks a rule, a solver tries a symmetric image of the puzzle."""
    segment: int
    """From 1 in each attempt."""
    cycle: int
    """From 1 in each segment."""
    timestep: int
    """From 1 in each cycle. A call of f_H has the timestep of the f_L before it; a block is a timestep."""
    number: int
    """The timestep counted on through all cycles and segments, from 1."""
    level: LevelName
    """Whose state the call has written."""
    before: Latents
    latents: Latents
    """Both states after the call, patched where they are: what the network goes on with."""

    @property
    def old(self) -> Float[Tensor, "n S D"]:
        """Return the state that this call has replaced."""
        return state_of(self.before, self.level)

    @property
    def state(self) -> Float[Tensor, "n S D"]:
        """Return the state that this call has written."""
        return state_of(self.latents, self.level)


def state_of(latents: Latents, level: LevelName) -> Float[Tensor, "n S D"]:
    """Return the state of a level."""
    return latents.z_L if level == "L" else latents.z_H


@dataclass(frozen=True)
class Place:
    """Which calls are meant, by numbers from 1; None: all."""

    level: LevelName | None = None
    segment: int | None = None
    cycle: int | None = None
    timestep: int | None = None

    def check(self, loop: Loop, levels: Sequence[LevelName | None]) -> None:
        """Refuse a place that a network of this loop does not have.

        Raises:
            UsageError: there is none.
        """
        if self.level not in levels:
            raise UsageError(f"there is no level {self.level!r}: choose {' or '.join(map(repr, loop.levels))}")
        for name, what, most in (
            ("segment", "segment", None),
            ("cycle", "cycle", loop.cycles),
            ("timestep", loop.unit, loop.timesteps),
        ):
            value = getattr(self, name)
            if value is None:
                continue
            if type(value) is not int or value < 1 or (most is not None and value > most):
                up_to = "" if most is None else f" to {most}"
                raise UsageError(f"there is no {what} {value!r}: {name} counts from 1{up_to}")

    def meets(self, segment: int, cycle: int, timestep: int, level: LevelName) -> bool:
        """Say whether this call is meant."""
        pairs = ((self.segment, segment), (self.cycle, cycle), (self.timestep, timestep), (self.level, level))
        return all(meant is None or meant == number for meant, number in pairs)


@dataclass(eq=False)
class Record:
    """The calls that were made while ``hrm.watch`` was on, in order. It can be indexed and iterated like a list."""

    place: Place = field(default_factory=Place, repr=False)
    calls: list[Call] = field(default_factory=list, repr=False)

    def __len__(self) -> int:
        return len(self.calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(self.calls)

    def __getitem__(self, index: int) -> Call:
        return self.calls[index]

    def take(self) -> list[Call]:
        """Return the calls so far and forget them, so that a long run needs little memory."""
        taken, self.calls = self.calls, []
        return taken


@dataclass(eq=False)
class Patch:
    """A state that is replaced while ``hrm.patch`` is on."""

    level: LevelName
    """Whose state it is."""
    place: Place
    """Where it is replaced."""
    function: Callable[[Tensor], Tensor] = field(repr=False)
    applied: int = 0
    """How often the function was called."""
    taken: bool = field(default=False, repr=False)
    """Whether the network is known to go on with what it is given."""

    def meets(self, loop: Loop, segment: int, cycle: int, timestep: int, level: LevelName) -> bool:
        """Say whether the state is to be replaced after this call: after those that write it, or at a given timestep.

        z_H can be replaced at a timestep without a call of f_H; where there is one, it is replaced after that.
        """
        if self.level == "H" and self.place.timestep is not None and timestep < loop.timesteps:
            level = "H"  # the end of a timestep without a call of f_H
        return self.place.meets(segment, cycle, timestep, level)

    def __call__(self, state: Float[Tensor, "n S D"]) -> Float[Tensor, "n S D"]:
        """Return what stands in for a state.

        Raises:
            UsageError: the function returns something else than a tensor of the same shape.
        """
        new = self.function(state)
        self.applied += 1
        if not isinstance(new, Tensor) or new.shape != state.shape:
            what = list(new.shape) if isinstance(new, Tensor) else type(new).__name__
            raise UsageError(f"a patch returns a tensor of the shape of the state, {list(state.shape)} (got {what})")
        return new if new is state else new.to(state).contiguous()


Hook = Record | Patch


def follow(
    model: Network,
    latents: Latents,
    x: Embedded,
    rows: Sequence[Row],
    hooks: Sequence[Hook],
    cycles: int | None = None,
) -> Timesteps:
    """Yield what ``model.timesteps`` yields, with states replaced by the patches, and keep what is recorded.

    Args:
        rows: what the rows of the batch are; those beyond only fill it up.
        hooks: patches in the order in which they act; records see what the network goes on with.

    Raises:
        UsageError: the network has no calls to follow, or does not go on with replaced states.
    """
    require_timesteps(model)
    loop, size = model.config.loop, len(x)
    patches = [hook for hook in hooks if isinstance(hook, Patch)]
    records = [hook for hook in hooks if isinstance(hook, Record)]
    for patch in patches:
        if not patch.taken:
            _require_taken(model, latents, x)
            patch.taken = True
    groups = _groups(rows, size)
    before = latents if model.config.recurrent else model.initial(x)
    steps, sent = type(model).timesteps(model, latents, x, cycles), None
    # every call of the network, as it would run by itself
    while True:
        try:
            cycle, timestep, level, found = next(steps) if sent is None else steps.send(sent)
        except StopIteration:
            return
        # what stands in for its result, and what is kept of it
        after = found
        for patch in patches:
            for group in groups:
                if patch.meets(loop, group.segment, cycle + 1, timestep + 1, level):
                    after = _replaced(after, patch, group.rows)
        for record in records:
            for group in groups:
                if record.place.meets(group.segment, cycle + 1, timestep + 1, level):
                    number = ((group.segment - 1) * loop.cycles + cycle) * loop.timesteps + timestep + 1
                    states = _chosen(before, group.rows), _chosen(after, group.rows)
                    where = group.puzzles, group.attempt, group.segment, cycle + 1, timestep + 1, number, level
                    record.calls.append(Call(*where, *states))
        yield cycle, timestep, level, after
        before, sent = after, None if after is found else after


def followed_segment(
    model: Network, latents: Latents, x: Embedded, rows: Sequence[Row], hooks: Sequence[Hook]
) -> Segment:
    """Return what ``model.segment`` returns, run through the hooks.

    Raises:
        UsageError: the segment of the network does not run its timesteps.
    """
    followed = False

    def timesteps(latents: Latents, x: Embedded, cycles: int | None = None) -> Timesteps:
        nonlocal followed
        followed = True
        return follow(model, latents, x, rows, hooks, cycles)

    vars(model)["timesteps"] = timesteps  # of this one network, in place of those of its class
    try:
        segment = model.segment(latents, x)
    finally:
        del vars(model)["timesteps"]
    if not followed:
        raise UsageError(f"the calls of a {type(model).__name__} cannot be followed: its segment runs no timesteps")
    return segment


def require_timesteps(model: Network) -> None:
    """Refuse a network whose calls cannot be followed.

    Raises:
        UsageError: it is a network of somebody's own, which shows none.
    """
    if type(model).timesteps is Network.timesteps:
        raise UsageError(f"the calls of a {type(model).__name__} cannot be followed: it has no timesteps")


class _Group(NamedTuple):
    """Puzzles of a batch that are equally far."""

    attempt: int
    segment: int
    puzzles: tuple[int, ...]
    rows: Tensor | None
    """Which rows they are; None: the whole batch."""


def _groups(rows: Sequence[Row], size: int) -> list[_Group]:
    found: dict[tuple[int, int], list[int]] = {}
    for index, row in enumerate(rows):
        found.setdefault((row.attempt, row.segment), []).append(index)
    return [
        _Group(*key, tuple(rows[i].puzzle for i in chosen), None if len(chosen) == size else torch.tensor(chosen))
        for key, chosen in found.items()
    ]


def _chosen(latents: Latents, rows: Tensor | None) -> Latents:
    """Return some rows of the states."""
    if rows is None:
        return latents
    rows = rows.to(latents.z_H.device)
    return Latents(latents.z_H[rows], latents.z_L[rows])


def _replaced(latents: Latents, patch: Patch, rows: Tensor | None) -> Latents:
    """Return the states with one of them replaced, in some rows."""
    old = state_of(latents, patch.level)
    if rows is None:
        new = patch(old)
    else:
        rows = rows.to(old.device)
        new = old.index_copy(0, rows, patch(old[rows]))
    if new is old:
        return latents
    return replace(latents, z_L=new) if patch.level == "L" else replace(latents, z_H=new)


def _require_taken(model: Network, latents: Latents, x: Embedded) -> None:
    """Refuse a network whose second call does not depend on what stands in for the result of the first."""
    given, alone = (type(model).timesteps(model, latents, x) for _ in range(2))
    taken = hasattr(given, "send")
    if taken and model.config.loop.calls > 1:
        after = next(given)[-1]
        sent = given.send(Latents(torch.zeros_like(after.z_H), torch.zeros_like(after.z_L)))[-1]
        next(alone)
        kept = next(alone)[-1]
        taken = not (torch.equal(sent.z_H, kept.z_H) and torch.equal(sent.z_L, kept.z_L))
    if not taken:
        raise UsageError(
            f"the states of a {type(model).__name__} cannot be patched: its timesteps drop what is sent to them"
        )
