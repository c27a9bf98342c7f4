"""Classical search algorithms, used as baselines for trained models.

None of them learns. Some always find an answer, some fail on purpose: following a wall never leaves an island, and
search without propagation drowns in a hard Sudoku.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np
from jaxtyping import Bool

MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
"""Up, right, down, left, clockwise; a direction is a place in this list."""
MOST_TRIED = 200_000
"""Depth-first search gives up after so many digits tried."""

Cell = tuple[int, int]


@dataclass(frozen=True)
class Walk:
    """What a search of a maze found."""

    path: list[Cell] | None
    """From start to goal, no cell twice; None where it found no way."""
    visited: int
    """Cells that it took a look at, or stood on, each as often as it came."""


@dataclass(frozen=True)
class Floor:
    """A maze without its looks: what can be walked on, and between which cells."""

    is_open: Bool[np.ndarray, "Y X"]
    start: Cell
    goal: Cell

    def leads(self, cell: Cell, direction: int) -> Cell | None:
        """Return the cell next to this one in a direction, None where there is a wall or the edge."""
        y, x = cell[0] + MOVES[direction][0], cell[1] + MOVES[direction][1]
        inside = 0 <= y < self.is_open.shape[0] and 0 <= x < self.is_open.shape[1]
        return (y, x) if inside and self.is_open[y, x] else None


def breadth_first(floor: Floor) -> Walk:
    """Search in rings around the start; the path is a shortest one."""
    came_from: dict[Cell, Cell | None] = {floor.start: None}
    queue, visited = deque([floor.start]), 0
    while queue:
        cell = queue.popleft()
        visited += 1
        if cell == floor.goal:
            return Walk(_back(came_from, cell), visited)
        for direction in range(4):
            neighbor = floor.leads(cell, direction)
            if neighbor is not None and neighbor not in came_from:
                came_from[neighbor] = cell
                queue.append(neighbor)
    return Walk(None, visited)


def a_star(floor: Floor) -> Walk:
    """Search first where moves so far and moves left at the least are fewest; the path is a shortest one."""

    def left(cell: Cell) -> int:
        return abs(cell[0] - floor.goal[0]) + abs(cell[1] - floor.goal[1])

    came_from: dict[Cell, Cell | None] = {floor.start: None}
    moves, visited = {floor.start: 0}, 0
    heap = [(left(floor.start), 0, floor.start)]
    while heap:
        _, behind, cell = heappop(heap)
        if -behind > moves[cell]:
            continue  # it was reached by a shorter way in the meantime
        visited += 1
        if cell == floor.goal:
            return Walk(_back(came_from, cell), visited)
        for direction in range(4):
            neighbor = floor.leads(cell, direction)
            if neighbor is not None and moves[cell] + 1 < moves.get(neighbor, floor.is_open.size):
                came_from[neighbor], moves[neighbor] = cell, moves[cell] + 1
                heappush(heap, (moves[neighbor] + left(neighbor), -moves[neighbor], neighbor))
    return Walk(None, visited)


def wall_following(floor: Floor) -> Walk:
    """Walk with the right hand on the wall until the goal, or until the same step comes again.

    It fails where the wall beside the start is not joined to one beside the goal: round an island, or from a start in
    the open.
    """
    cell, trail = floor.start, [floor.start]
    while cell != floor.goal and (neighbor := floor.leads(cell, 0)) is not None:  # up to the first wall
        cell = neighbor
        trail.append(cell)
    facing, seen = 3, set[tuple[Cell, int]]()  # that wall is on the right hand of one who faces left
    while cell != floor.goal:
        if (cell, facing) in seen:
            return Walk(None, len(trail))
        seen.add((cell, facing))
        for turn in (1, 0, 3, 2):  # right, ahead, left, back
            neighbor = floor.leads(cell, (facing + turn) % 4)
            if neighbor is not None:
                cell, facing = neighbor, (facing + turn) % 4
                trail.append(cell)
                break
    return Walk(_without_loops(trail), len(trail))


def tremaux(floor: Floor) -> Walk:
    """Walk and mark every passage: never a third time through one, back where all else is marked.

    It always finds a way if there is one: that of the passages marked once; seldom a shortest one.

    Source: the rule of Trémaux, in Lucas, Récréations mathématiques, 1882.
    """
    # walk until the goal, and count how often each passage is taken
    marks: dict[frozenset[Cell], int] = {}
    cell, before, trail = floor.start, floor.start, [floor.start]
    while cell != floor.goal:
        ways = [neighbor for d in range(4) if (neighbor := floor.leads(cell, d)) is not None]
        count = {neighbor: marks.get(frozenset((cell, neighbor)), 0) for neighbor in ways}
        others = [neighbor for neighbor in ways if neighbor != before]
        if before != cell and count[before] == 1 and any(count[neighbor] for neighbor in others):
            cell, before = before, cell  # a place that was met before: turn round
        else:
            fresh = [neighbor for neighbor in ways if count[neighbor] == 0]
            again = [neighbor for neighbor in ways if count[neighbor] == 1]
            if not fresh and not again:
                return Walk(None, len(trail))
            cell, before = (fresh or again)[0], cell
        passage = frozenset((cell, before))
        marks[passage] = marks.get(passage, 0) + 1
        trail.append(cell)
    # the way is made of the passages marked once
    once: dict[Cell, list[Cell]] = {}
    for passage, times in marks.items():
        if times == 1:
            a, b = passage
            once.setdefault(a, []).append(b)
            once.setdefault(b, []).append(a)
    path, before = [floor.start], floor.start
    while path[-1] != floor.goal:
        path.append(next(neighbor for neighbor in once[path[-1]] if neighbor != before))
        before = path[-2]
    return Walk(path, len(trail))


def depth_first(
    digits: Sequence[int],
    peers: Sequence[Sequence[int]],
    count: int,
    fits: Callable[[Sequence[int], int, int], bool] | None = None,
) -> tuple[list[int] | None, int]:
    """Fill the first empty cell with the first digit that no peer holds, and go back where none is left.

    Args:
        digits: 1 to ``count`` for each cell, 0 where it is empty.
        peers: for each cell, the cells that must hold another digit.
        fits: further rules: whether a cell of a grid may hold a digit, whatever it holds now.

    Returns:
        The filled cells, or None where there is no answer or ``MOST_TRIED`` digits were tried; how many were tried.
    """
    grid, empty, tried = list(digits), [cell for cell, digit in enumerate(digits) if not digit], 0
    place = 0
    while 0 <= place < len(empty):
        cell = empty[place]
        taken = {grid[peer] for peer in peers[cell]}
        free = (digit for digit in range(grid[cell] + 1, count + 1) if digit not in taken)
        digit = next((digit for digit in free if fits is None or fits(grid, cell, digit)), 0)
        tried += digit > 0
        if tried > MOST_TRIED:
            return None, tried
        grid[cell] = digit
        place += 1 if digit else -1
    return (grid if place >= 0 else None), tried


def _back(came_from: dict[Cell, Cell | None], goal: Cell) -> list[Cell]:
    path: list[Cell] = []
    cell: Cell | None = goal
    while cell is not None:
        path.append(cell)
        cell = came_from[cell]
    return path[::-1]


def _without_loops(trail: list[Cell]) -> list[Cell]:
    """Return the same walk without what lies between two visits to a cell."""
    path: list[Cell] = []
    places: dict[Cell, int] = {}
    for cell in trail:
        if cell in places:
            for gone in path[places[cell] + 1 :]:
                del places[gone]
            path = path[: places[cell] + 1]
        else:
            places[cell] = len(path)
            path.append(cell)
    return path
