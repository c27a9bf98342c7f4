"""How to go on with a puzzle whose answers break a rule: the runs to make, one after the other.

A search is a generator for one puzzle: it yields how to begin the next run, and is sent the answer that the run ended
with. It never says whether an answer is right: the engine asks the rules of the puzzle itself. Axes: C cells.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import UInt8

from hrm.errors import UsageError
from hrm.puzzles.base import Puzzle, PuzzleSpec, Symmetries
from hrm.randomness import Stream, uniforms

Effort = Literal["quick", "normal", "max"]
"""How long to try: one run; up to ``NORMAL_SEGMENTS`` in all (``ATTEMPTS`` runs where no cell can be pinned); up to
``MAX_SEGMENTS`` in all."""
NORMAL_SEGMENTS, MAX_SEGMENTS = 2048, 4096
ATTEMPTS = 8
"""Runs with symmetric images, unless told."""
PIN_SEGMENTS = 8
"""Segments of a run with pinned cells."""
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


def pins(spec: PuzzleSpec, segments: int, rounds: int) -> Plan:
    """Run the puzzle, then run it again and again with one or two open cells given.

    The cell is drawn, every open one as likely as another; it gets the symbol of the last answer. After a run with
    two pinned cells the next begins again with the answer to the puzzle itself. What has been run once is known.

    Args:
        segments: of the run on the puzzle itself.
        rounds: cells drawn, at most.
    """
    draws = uniforms(0, Stream.PIN, np.arange(rounds), 1)[:, 0]

    def search(inputs: UInt8[np.ndarray, " C"]) -> Search:
        pinned: Pins = frozenset()
        answers = {pinned: (yield Start(inputs, segments))}
        for draw in draws:
            # draw a cell that is still open
            open_cells = _open(spec, inputs, pinned)
            if not open_cells or len(pinned) == MOST_PINS:
                pinned, open_cells = frozenset(), _open(spec, inputs, frozenset())
            if not open_cells:
                return
            cell = open_cells[int(draw * len(open_cells))]
            # give it the symbol of the last answer, and run what has not been run before
            pinned |= {(cell, int(answers[pinned][cell]))}
            if pinned not in answers:
                view = inputs.copy()
                for place, symbol in pinned:
                    view[place] = symbol
                answers[pinned] = yield Start(view, PIN_SEGMENTS, pinned=tuple(sorted(dict(pinned))))

    return search


def by_effort(puzzle: Puzzle, effort: Effort, segments: int) -> tuple[Plan, int]:
    """Return how to search with an effort, and the segments that all runs of a puzzle may take together.

    Cells are pinned where an open cell never stays open, so that a pinned one looks like a given: in Sudokus, not in
    mazes. Elsewhere images are tried.

    Args:
        segments: of one run, at most.

    Raises:
        UsageError: there is no such effort.
    """
    if effort not in get_args(Effort):
        raise UsageError(f"effort must be {', '.join(get_args(Effort))} (got {effort!r})")
    spec = puzzle.spec
    if effort == "quick" or not spec.has_rules:
        return one_run(segments), segments
    runs = ATTEMPTS if effort == "normal" else max(1, MAX_SEGMENTS // segments)
    by_images = images(puzzle, segments, runs)
    if spec.answerable[spec.blank]:
        return by_images, runs * segments
    total = max(segments, NORMAL_SEGMENTS if effort == "normal" else MAX_SEGMENTS)
    by_pins = pins(spec, segments, total)
    return lambda inputs: (by_pins if (inputs == spec.blank).any() else by_images)(inputs), total


def _open(spec: PuzzleSpec, inputs: UInt8[np.ndarray, " C"], pinned: Pins) -> list[int]:
    return [cell for cell in np.flatnonzero(inputs == spec.blank).tolist() if cell not in dict(pinned)]
