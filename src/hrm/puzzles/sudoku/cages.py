"""Cages of Killer Sudoku: what they rule out, how a grid is cut into them, and how they are colored.

Digits are 1 to n here and cells are numbered row by row; tokens are the concern of the family. Axes: C cells.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
from jaxtyping import Int

from hrm.errors import DataError

LARGEST = 5
"""Cells of the largest cage that ``cut`` makes."""
_SHARES = (0.0, 0.0, 0.35, 0.4, 0.17, 0.08)  # of cages that are meant to have so many cells


@dataclass(frozen=True)
class Cage:
    """Cells whose digits differ and have this sum."""

    cells: tuple[int, ...]
    """Rising."""
    total: int


def heads(marks: Int[np.ndarray, "n Y X"]) -> Int[np.ndarray, "n Y*X"]:
    """Return for each cell the first cell of its cage: cells of one mark that hang together; -1 is alone."""
    count, rows, columns = marks.shape
    first_of = np.broadcast_to(np.arange(rows * columns).reshape(rows, columns), marks.shape).copy()
    across = (marks[:, :, 1:] == marks[:, :, :-1]) & (marks[:, :, 1:] >= 0)
    down = (marks[:, 1:] == marks[:, :-1]) & (marks[:, 1:] >= 0)
    while True:  # the smallest number spreads by a cell a time
        before = first_of.copy()
        for joined, first, second in (
            (across, first_of[:, :, :-1], first_of[:, :, 1:]),
            (down, first_of[:, :-1], first_of[:, 1:]),
        ):
            np.minimum(first, second, out=first, where=joined)
            np.minimum(first, second, out=second, where=joined)
        if np.array_equal(first_of, before):
            return first_of.reshape(count, rows * columns)


def bounds(cells: int, size: int) -> tuple[int, int]:
    """Return the least and the largest sum of so many different digits up to ``size``."""
    return cells * (cells + 1) // 2, cells * (2 * size - cells + 1) // 2


def pruner(cages: Sequence[Cage], units: Int[np.ndarray, "3 C"]) -> Callable[[int], int]:
    """Return what cages leave of a board of ``solver``: only candidates that some filling of its cage has.

    Where cages fill a unit, or some neighboring ones, but for a few cells that see each other, these are a cage too:
    their sum is what is missing.

    Args:
        units: number of the row, the column and the box of each cell.
    """
    size = int(units.max()) + 1
    cells = units.shape[1]
    planes = [digit * cells for digit in range(size)]
    # for each cage: its candidates on the board, what is known of them, and the cage
    rules = []
    for cage in dict.fromkeys([*cages, *_remainders(cages, units)]):
        mask = sum(1 << plane + cell for plane in planes for cell in cage.cells)
        rules.append((mask, {0: 0}, cage))

    def left(part: int, cage: Cage) -> int:
        options = tuple(
            sum((part >> plane + cell & 1) << digit for digit, plane in enumerate(planes)) for cell in cage.cells
        )
        kept = 0
        for cell, digits in zip(cage.cells, _fillings(options, cage.total), strict=True):
            for digit, plane in enumerate(planes):
                if digits >> digit & 1:
                    kept |= 1 << plane + cell
        return kept

    def prune(board: int) -> int:
        for mask, known, cage in rules:
            part = board & mask
            kept = known.get(part)
            if kept is None:
                kept = known[part] = left(part, cage)
            if not kept:
                return 0
            board ^= part ^ kept
        return board

    return prune


def cut(
    digits: Int[np.ndarray, " C"],
    columns: int,
    rng: np.random.Generator,
    answers: Callable[[list[Cage]], list[list[int]]],
    tries: int,
) -> list[Cage] | None:
    """Cut an answer into cages of different digits which no other answer fits; None where no try succeeds.

    Args:
        answers: returns answers that cages allow, two if there are so many; raises DataError where that takes too long.
        tries: changes of a cell's cage after which to give up.
    """
    near = neighbor_lists(len(digits), columns)
    owner = _random_cages(digits, near, rng)
    refuted: list[np.ndarray] = []
    for _ in range(tries if owner is not None else 0):
        assert owner is not None
        cages = [_cage(np.flatnonzero(owner == number), digits) for number in np.unique(owner)]
        try:
            others = [other for other in answers(cages) if other != digits.tolist()]
        except DataError:
            return None
        if not others:
            return sorted(cages, key=lambda cage: cage.cells)
        refuted.append(np.array(others[0]))
        owner = _changed(owner, digits, refuted, near, rng)
        if owner is None:
            return None
    return None


def colored(cages: Sequence[Cage], columns: int, colors: int) -> list[int]:
    """Return a color for each cage, such that cages which touch differ; the one with the fewest choices goes first."""
    owner = {cell: number for number, cage in enumerate(cages) for cell in cage.cells}
    neighbors: list[set[int]] = [set() for _ in cages]
    near = neighbor_lists(max(owner, default=0) + columns, columns)
    for cell, number in owner.items():
        neighbors[number] |= {owner[other] for other in near[cell] if other in owner} - {number}
    color_of: dict[int, int] = {}

    def fill() -> bool:
        rest = [number for number in range(len(cages)) if number not in color_of]
        if not rest:
            return True
        taken = {number: {color_of[other] for other in neighbors[number] if other in color_of} for number in rest}
        number = max(rest, key=lambda number: (len(taken[number]), len(neighbors[number]), -number))
        for color in range(colors):
            if color not in taken[number]:
                color_of[number] = color
                if fill():
                    return True
                del color_of[number]
        return False

    if not fill():
        raise AssertionError("a map of countries needs four colors at most")
    return [color_of[number] for number in range(len(cages))]


def _cage(cells: np.ndarray, digits: np.ndarray) -> Cage:
    return Cage(tuple(cells.tolist()), int(digits[cells].sum()))


def neighbor_lists(cells: int, columns: int) -> list[list[int]]:
    """Return the neighbors of each cell, those beyond the last one left out."""
    near = []
    for cell in range(cells):
        sides = [cell - 1] * (cell % columns > 0) + [cell + 1] * (cell % columns < columns - 1)
        near.append([other for other in (*sides, cell - columns, cell + columns) if 0 <= other < cells])
    return near


def _random_cages(digits: np.ndarray, near: list[list[int]], rng: np.random.Generator) -> np.ndarray | None:
    """Return the number of each cell's cage: two to ``LARGEST`` cells, or None where a cell is left alone."""
    owner = np.full(len(digits), -1)
    held: list[set[int]] = []
    size = int(digits.max())
    shares = np.array(_SHARES[: size + 1]) / sum(_SHARES[: size + 1])
    while (owner < 0).any():
        # begin where the fewest neighbors are free
        free = np.flatnonzero(owner < 0)
        ways = [sum(owner[other] < 0 for other in near[cell]) for cell in free.tolist()]
        cell = int(free[np.argmin(np.array(ways) + rng.random(len(free)))])  # cells in corners must not be left over
        owner[cell], wanted = len(held), int(rng.choice(len(shares), p=shares))
        # grow by random neighbors with new digits
        cage, digits_in = [cell], {int(digits[cell])}
        while len(cage) < wanted:
            ends = sorted({o for c in cage for o in near[c] if owner[o] < 0 and int(digits[o]) not in digits_in})
            if not ends:
                break
            cell = int(rng.choice(ends))
            owner[cell] = len(held)
            cage.append(cell)
            digits_in.add(int(digits[cell]))
        held.append(digits_in)
        # a cell that stays alone joins a cage beside it
        if len(cage) == 1:
            hosts = [owner[o] for o in near[cage[0]] if owner[o] not in (-1, len(held) - 1)]
            hosts = [h for h in hosts if len(held[h]) < min(LARGEST, size) and int(digits[cage[0]]) not in held[h]]
            if not hosts:
                return None
            owner[cage[0]] = host = int(rng.choice(hosts))
            held[host].add(int(digits[cage[0]]))
    return owner


def _changed(
    owner: np.ndarray, digits: np.ndarray, refuted: list[np.ndarray], near: list[list[int]], rng: np.random.Generator
) -> np.ndarray | None:
    """Move a random cell to a cage that it touches, so that no answer of ``refuted`` fits any more; None if none can.

    Where no single move is enough, one that refutes the last of them is.
    """
    moves = [(cell, int(owner[other])) for cell in range(len(digits)) for other in near[cell]]
    moves = [(cell, to) for cell, to in dict.fromkeys(moves) if owner[cell] != to]
    second = None
    for place in rng.permutation(len(moves)).tolist():
        cell, to = moves[place]
        home, host = (np.flatnonzero(owner == number) for number in (owner[cell], to))
        if len(home) < 3 or len(host) >= min(LARGEST, digits.max()) or digits[cell] in digits[host]:
            continue
        differs = refuted[-1] != digits
        if not differs[home].any() and not differs[host].any():
            continue
        home = home[home != cell]
        if not are_connected(home.tolist(), near):
            continue
        changed = owner.copy()
        changed[cell] = to
        if not _fits(changed, digits, refuted[-1]):
            if not any(_fits(changed, digits, other) for other in refuted[:-1]):
                return changed
            second = changed if second is None else second
    return second


def _fits(owner: np.ndarray, digits: np.ndarray, other: np.ndarray) -> bool:
    """Say whether another answer has the same sums, and different digits in each cage."""
    if (np.bincount(owner, digits) != np.bincount(owner, other)).any():
        return False
    return len(np.unique(owner * 16 + other)) == len(other)


def are_connected(cells: Sequence[int], near: list[list[int]]) -> bool:
    """Say whether one can walk between any two of the cells, by neighbors among them."""
    reached, front = {cells[0]}, [cells[0]]
    while front:
        front = [other for cell in front for other in near[cell] if other in cells and other not in reached]
        reached |= set(front)
    return len(reached) == len(cells)


def _remainders(cages: Sequence[Cage], units: np.ndarray) -> list[Cage]:
    """Return the cells that cages leave over of one, two or three neighboring units, where they share a unit."""
    size = int(units.max()) + 1
    regions = []
    for kind in units:
        for count in (1, 2, 3):
            starts = range(size - count + 1)
            regions += [(count, set(np.flatnonzero((kind >= s) & (kind < s + count)).tolist())) for s in starts]
    remainders = []
    for count, region in regions:
        inside = [cage for cage in cages if region.issuperset(cage.cells)]
        rest = region.difference(*(cage.cells for cage in inside))
        if (
            inside
            and 0 < len(rest) <= LARGEST
            and all((units[:, a] == units[:, b]).any() for a, b in combinations(rest, 2))
        ):
            missing = count * size * (size + 1) // 2 - sum(cage.total for cage in inside)
            remainders.append(Cage(tuple(sorted(rest)), missing))
    return remainders


@lru_cache(maxsize=1 << 16)
def _fillings(options: tuple[int, ...], total: int) -> tuple[int, ...]:
    """Return the digits that each cell has in some filling: digits differ and have this sum (bit d is digit d + 1)."""
    # forwards: sets of digits that the first cells can use, with their sum
    reached: list[dict[int, int]] = [{0: 0}]
    for option in options:
        step: dict[int, int] = {}
        for used, so_far in reached[-1].items():
            free = option & ~used
            while free:
                bit = free & -free
                free ^= bit
                now = so_far + bit.bit_length()
                if now <= total:
                    step[used | bit] = now
        reached.append(step)
    # backwards: the sets that lead to the sum, and the digits on the way
    alive = {used for used, now in reached[-1].items() if now == total}
    kept = []
    for option, before in zip(reversed(options), reversed(reached[:-1]), strict=True):
        digits, sources = 0, set[int]()
        for used in before:
            free = option & ~used
            while free:
                bit = free & -free
                free ^= bit
                if used | bit in alive:
                    digits |= bit
                    sources.add(used)
        kept.append(digits)
        alive = sources
    return tuple(reversed(kept))
