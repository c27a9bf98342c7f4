"""Shortest paths on a grid: breadth-first search that moves a whole front at once, as the bits of one number."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int


class BitGrid:
    """A grid whose cells touch along edges; a set of its cells is a whole number, one bit a cell."""

    def __init__(self, rows: int, columns: int):
        self._shape = rows, columns
        self._stride = columns + 1  # one wall beside each row keeps a front from running round the edge
        y, x = np.divmod(np.arange(rows * columns), columns)
        self._bit_of = (y * self._stride + x).tolist()
        self._cell_of = {bit: cell for cell, bit in enumerate(self._bit_of)}

    def pack(self, mask: Bool[np.ndarray, " C"]) -> int:
        """Return the set of the marked cells."""
        padded = np.zeros((self._shape[0], self._stride), bool)
        padded[:, :-1] = mask.reshape(self._shape)
        return int.from_bytes(np.packbits(padded, bitorder="little").tobytes(), "little")

    def cells(self, members: int) -> Int[np.ndarray, " k"]:
        """Return the cells of a set, in ascending order."""
        whole = members.to_bytes((self._shape[0] * self._stride + 7) // 8, "little")
        bits = np.flatnonzero(np.unpackbits(np.frombuffer(whole, np.uint8), bitorder="little"))
        return bits - bits // self._stride

    def bit(self, cell: int) -> int:
        """Return the set of one cell."""
        return 1 << self._bit_of[cell]

    def fronts(self, floor: int, start: int) -> list[int]:
        """Return the sets of cells at distance 0, 1, 2 … from a start, as far as the floor leads."""
        front, left, stride = start, floor & ~start, self._stride
        fronts = [front]
        while True:
            front = (front << 1 | front >> 1 | front << stride | front >> stride) & left
            if not front:
                return fronts
            left ^= front
            fronts.append(front)

    def distance(self, floor: int, start: int, goal: int) -> int | None:
        """Return the number of moves from start to goal, or None where the floor does not join them."""
        front, left, moves, stride = start, floor & ~start, 0, self._stride
        while front:
            if front & goal:
                return moves
            front = (front << 1 | front >> 1 | front << stride | front >> stride) & left
            left ^= front
            moves += 1
        return None

    def shortest_paths(self, floor: int, start: int, goal: int) -> Iterator[list[int]]:
        """Yield every shortest path as its cells, both ends included.

        From each cell up is tried first, then down, left and right, so that the first path is always the same.
        """
        fronts = self.fronts(floor, goal)
        length = next((moves for moves, front in enumerate(fronts) if front & start), None)
        if length is None:
            return
        path = [start]
        ways = [self._steps(start, fronts[length - 1] if length else 0)]
        while ways:
            if len(path) == length + 1:
                yield [self._cell_of[member.bit_length() - 1] for member in path]
            step = next(ways[-1], 0)
            if step:
                path.append(step)
                ways.append(self._steps(step, fronts[length - len(path)] if len(path) <= length else 0))
            else:
                path.pop()
                ways.pop()

    def on_shortest_paths(self, floor: int, start: int, goal: int) -> list[int]:
        """Return, for 0, 1, 2 … moves, the cells that some shortest path has there; empty where there is none."""
        away = self.fronts(floor, start)
        length = next((moves for moves, front in enumerate(away) if front & goal), None)
        if length is None:
            return []
        back = self.fronts(floor, goal)
        return [away[moves] & back[length - moves] for moves in range(length + 1)]

    def _steps(self, member: int, nearer: int) -> Iterator[int]:
        for neighbor in (member >> self._stride, member << self._stride, member >> 1, member << 1):
            if neighbor & nearer:
                yield neighbor
