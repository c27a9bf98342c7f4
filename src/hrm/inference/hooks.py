"""``hrm.watch`` and ``hrm.patch``: read and replace the states of a solver's network while it solves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from torch import Tensor

from hrm.inference.solver import Solver
from hrm.model.follow import Hook, Patch, Place, Record, require_timesteps
from hrm.model.network_config import LevelName


@contextmanager
def watch(
    solver: Solver,
    level: LevelName | None = None,
    *,
    segment: int | None = None,
    cycle: int | None = None,
    timestep: int | None = None,
) -> Iterator[Record]:
    """Keep the states after every call of the network, for as long as the ``with`` block lasts.

    >>> with hrm.watch(solver) as record:
    >>>     solver.solve("..1.4.....2.3...")
    >>> [(call.segment, call.cycle, call.timestep, call.level, call.state) for call in record]

    ``record`` holds a ``Call`` for each call of f_L and f_H: where it is, which puzzles its rows are, the states before
    and after. The tensors stay where the network is; a watch of few places needs less memory.

    It works for ``solve``, ``solve_many``, ``run``, ``hrm.evaluate`` and the analyses in ``hrm.analysis``. A stream
    of answers (``solve_many``) must be used up within the block. Blocks may be nested.

    Args:
        level: only calls of "L" or "H"; a network of one state has the level "H".
        segment: only in this segment, from 1.
        cycle: only in this cycle of a segment, from 1.
        timestep: only at this timestep of a cycle, from 1; with one pass, the block.

    Raises:
        UsageError: the network has no such place, or shows no calls.
    """
    place = Place(level, segment, cycle, timestep)
    place.check(solver.model.config.loop, (None, *solver.model.config.loop.levels))
    with _hooked(solver, Record(place)) as record:
        yield record


@contextmanager
def patch(
    solver: Solver,
    level: LevelName,
    function: Callable[[Tensor], Tensor],
    *,
    segment: int | None = None,
    cycle: int | None = None,
    timestep: int | None = None,
) -> Iterator[Patch]:
    """Replace a state after a call of the network by a function of it, for as long as the ``with`` block lasts.

    >>> with hrm.patch(solver, "L", torch.zeros_like, segment=1, cycle=2, timestep=1):
    >>>     solver.solve("..1.4.....2.3...")

    From that call on the network goes on with what the function returns. ``as`` gives the patch; its ``applied`` says
    how often the function was called. Blocks may be nested; the outer patch acts first. Where it works, and what to
    mind with streams of answers: see ``hrm.watch``.

    Args:
        level: "L" replaces z_L, "H" replaces z_H, the state that is decoded and the only one where there is one.
        function: from the state (puzzles × positions × width) to a tensor of the same shape. It gets those puzzles
            that are at this place at the same time: of a batch of ``hrm.evaluate`` all.
        segment: the segment, from 1; None: every one. Each puzzle counts its own, anew in each attempt.
        cycle: the cycle of a segment, from 1; None: every one.
        timestep: the timestep of a cycle, from 1; None: after every call that writes the state. z_H can be replaced
            at timesteps without a call of f_H, too.

    Raises:
        UsageError: the network has no such place, or cannot be patched.
    """
    place = Place(level, segment, cycle, timestep)
    place.check(solver.model.config.loop, solver.model.config.loop.levels)
    with _hooked(solver, Patch(level, place, function)) as found:
        yield found


AnyHook = TypeVar("AnyHook", bound=Hook)


@contextmanager
def _hooked(solver: Solver, hook: AnyHook) -> Iterator[AnyHook]:
    """Let a hook act on a solver, and take it away again whatever happens."""
    require_timesteps(solver.model)
    solver.hooks = (*solver.hooks, hook)
    try:
        yield hook
    finally:
        solver.hooks = tuple(each for each in solver.hooks if each is not hook)
