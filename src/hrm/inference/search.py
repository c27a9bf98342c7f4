"""How to go on with a puzzle whose answers break a rule: the runs to make, one after the other.

A search is a generator for one puzzle: it yields how to begin the next run, and is sent the answer that the run ended
with. It never says whether an answer is right: the engine asks the rules of the puzzle itself. Axes: C cells.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, UInt8

from hrm.errors import UsageError
from hrm.puzzles.base import Puzzle, PuzzleSpec, Symmetries
from hrm.puzzles.conflicts import conflicts
from hrm.randomness import Stream, uniforms

Effort = Literal["quick", "normal", "max"]
"""How long to try: one run; up to ``NORMAL_SEGMENTS`` in all (``ATTEMPTS`` runs where no cell can be pinned); up to
``MAX_SEGMENTS`` in all."""
NORMAL_SEGMENTS, MAX_SEGMENTS = 2048, 4096
ATTEMPTS = 8
"""Runs with symmetric images, unless told."""
FIRST_SEGMENTS, PIN_SEGMENTS = 32, 5
"""Segments of the run on the puzzle itself and of a run with pinned cells, at most."""
MOST_PINS = 2
"""Cells pinned at once: with more, too many of them are wrong."""


@dataclass(frozen=True, eq=False)
class Start:
    """How a run begins."""

    view: UInt8[np.ndarray, " C"]
    """The puzzle as the network sees it."""
    segments: int
    """Segments to run, at most."""
    image: Symmetries | None = None
    """The symmetry that made the view; answers are mapped back."""
    pinned: tuple[int, ...] = ()
    """Open cells that the view gives."""


Search = Generator[Start, UInt8[np.ndarray, " C"], None]
"""Yields how runs begin, and is sent the answer, to the puzzle as it is, that each ended with."""
Pins = frozenset[tuple[int, int]]
"""Cells, each with the token id that it is given."""
Plan = Callable[[UInt8[np.ndarray, " C"]], Search]
"""Returns the search for a parsed puzzle."""


def one_run(segments: int) -> Plan:
    """Run the puzzle once."""

    def search(inputs: UInt8[np.ndarray, " C"]) -> Search:
        yield Start(inputs, segments)

    return search


def images(puzzle: Puzzle, segments: int, attempts: int) -> Plan:
    """Run the puzzle, then images of it under random symmetries, the same ones for every puzzle."""
    spec = puzzle.spec
    if not spec.has_rules or not spec.symmetry_draws:
        return one_run(segments)

    def search(inputs: UInt8[np.ndarray, " C"]) -> Search:
        yield Start(inputs, segments)
        for number in range(attempts - 1):
            draws = uniforms(0, Stream.SYMMETRY, np.arange(number, number + 1), spec.symmetry_draws)
            image = puzzle.symmetries(draws)
            yield Start(image.apply(inputs[None])[0], segments, image)

    return search


def pins(puzzle: Puzzle, segments: int, rounds: int) -> Plan:
    """Run the puzzle, then run it again and again with one or two open cells given.

    A cell is drawn among the open ones that clash in the last answer, and gets its symbol there: where an answer breaks
    a rule, a new given tells most. After a run with two pinned cells the next begins again with the answer to the
    puzzle itself. What has been run once is known; if the draw comes to that, any open cell is drawn.

    Args:
        segments: of one run, at most.
        rounds: cells drawn, at most.
    """
    spec, draws = puzzle.spec, uniforms(0, Stream.PIN, np.arange(rounds), 2)
    first, later = min(segments, FIRST_SEGMENTS), min(segments, PIN_SEGMENTS)

    def search(inputs: UInt8[np.ndarray, " C"]) -> Search:
        blank = inputs == spec.blank
        pinned: Pins = frozenset()
        answers = {pinned: (yield Start(inputs, first))}
        for clash_draw, any_draw in draws.tolist():
            # draw a cell that is still open, and give it the symbol of the last answer
            if len(pinned) == MOST_PINS or len(pinned) == blank.sum():
                pinned = frozenset()
            is_open, answer = blank.copy(), answers[pinned]
            is_open[list(dict(pinned))] = False
            clashing = is_open & conflicts(puzzle, answer, inputs)
            more = pinned | _drawn(clashing if clashing.any() else is_open, answer, clash_draw)
            if more in answers:
                more = pinned | _drawn(is_open, answer, any_draw)
            # run what has not been run before
            pinned = more
            if pinned not in answers:
                view = inputs.copy()
                for cell, symbol in pinned:
                    view[cell] = symbol
                answers[pinned] = yield Start(view, later, pinned=tuple(sorted(dict(pinned))))

    return search


def by_effort(puzzle: Puzzle, effort: Effort, segments: int) -> tuple[Plan, int]:
    """Return how to search with an effort, and the segments that all runs of a puzzle may take together.

    Args:
        segments: of one run, at most.

    Raises:
        UsageError: there is no such effort.
    """
    if effort not in get_args(Effort):
        raise UsageError(f"effort must be {', '.join(get_args(Effort))} (got {effort!r})")
    if effort == "quick" or not puzzle.spec.has_rules:
        return one_run(segments), segments
    normal = NORMAL_SEGMENTS if can_pin(puzzle.spec) else ATTEMPTS * segments
    return by_budget(puzzle, max(segments, normal if effort == "normal" else MAX_SEGMENTS), segments)


def by_budget(puzzle: Puzzle, total: int, segments: int) -> tuple[Plan, int]:
    """Return how to search within a number of segments that all runs of a puzzle may take together, and that number.

    Args:
        segments: of one run on the puzzle itself, at most.
    """
    segments = min(segments, total)
    by_images = images(puzzle, segments, -(-total // segments))
    if not can_pin(puzzle.spec):
        return by_images, total
    by_pins, blank = pins(puzzle, segments, total), puzzle.spec.blank
    return lambda inputs: (by_pins if (inputs == blank).any() else by_images)(inputs), total


def can_pin(spec: PuzzleSpec) -> bool:
    """Say whether open cells are pinned in this family: where none stays open, so that a pinned one looks like a given.

    So it is in Sudokus, and not in mazes. Elsewhere images are tried.
    """
    return spec.has_rules and not bool(spec.answerable[spec.blank])


def _drawn(cells: Bool[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"], draw: float) -> Pins:
    """Return one of these cells, every one as likely as another, with its symbol; none where there is none."""
    numbers = np.flatnonzero(cells)
    if not len(numbers):
        return frozenset()
    cell = int(numbers[int(draw * len(numbers))])
    return frozenset({(cell, int(answer[cell]))})
