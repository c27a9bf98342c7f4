"""Which Sudokus are twins: the canonical form that stands for all twins, and a quick invariant of them.

Grids come as digits 0..n-1 with a mask of givens; tokens are the concern of the family.
"""

from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int, UInt8, UInt64

from hrm.puzzles.grids import block_permutations, least_rows
from hrm.randomness import mix


class Twins:
    """Tell twins of one size of Sudoku."""

    def __init__(self, box: tuple[int, int], units: Int[np.ndarray, "3 C"]):
        """Know the symmetries of a size.

        Args:
            box: rows and columns of a box; their product is the number of digits n.
            units: number of the row, the column and the box of each cell.
        """
        self._box = box
        self._size = box[0] * box[1]
        self._units = units
        self._unit_cells = np.argsort(units, axis=1, kind="stable").reshape(3 * self._size, self._size)

    def invariants(self, answers: Int[np.ndarray, "n C"], given: Bool[np.ndarray, "n C"]) -> UInt64[np.ndarray, " n"]:
        """Return for each puzzle a number that all of its twins share, much quicker than the canonical form.

        Every cell starts with a color (given or not; lengths of the cycles that lead through it from each
        other row of its band, and column of its stack, to its own). Then each cell mixes into its color what
        its row, column, box and digit hold, three times. The number is made of all colors.

        Args:
            answers: legal answers, digits 0..n-1; for others the number means nothing.
            given: whether each cell is given.
        """
        parts = [slice(i, i + 1024) for i in range(0, len(answers), 1024)]  # so that memory stays small
        numbers = [self._invariants(answers[part].astype(np.int64), given[part]) for part in parts]
        return np.concatenate(numbers or [np.zeros(0, np.uint64)])

    def canonical(
        self, answer: Int[np.ndarray, " C"], given: Bool[np.ndarray, " C"]
    ) -> tuple[UInt8[np.ndarray, " C"], Bool[np.ndarray, " C"]]:
        """Return the least answer among all twins, and the least mask of givens that comes with it.

        With the top row relabeled to 0..n-1, what a grid becomes is settled by the choice of (transposition,
        top row, order of the columns): all other rows are sorted. The second row alone, a permutation of the
        columns seen through the order of the columns, rules out nearly all of these candidates.

        Args:
            answer: a legal answer, digits 0..n-1; n is at most 9, for larger grids have too many orders of
                the columns.
            given: whether each cell is given.
        """
        n, (height, width) = self._size, self._box
        # all candidates: transposition, first two rows, order of the columns
        flips = (False, True) if height == width else (False,)
        views = [grid.reshape(n, n) for grid in (answer, given)]
        grids, masks = (np.stack([view.T if flip else view for flip in flips]) for view in views)
        orders, ranks = self._column_orders
        pairs = [(i, j) for i in range(n) for j in range(n) if i // height == j // height and i != j]
        top, second = np.array(pairs).T
        where = np.argsort(grids, axis=2)
        links = np.take_along_axis(where[:, top], grids[:, second], axis=2).reshape(-1, n)
        link, order = (part.ravel() for part in np.indices((len(links), len(orders))))
        # keep those whose second row comes first, column by column
        for columns in (slice(0, 1), slice(1, width), slice(width, n)):
            seen = ranks[order[:, None], links[link[:, None], orders[order, columns]]]
            code = seen @ n ** np.arange(seen.shape[1])[::-1]
            least = code == code.min()
            link, order = link[least], order[least]

        # carry them out: relabel by the top row, sort the rows in bands and the bands
        flip, pair = np.divmod(link, len(pairs))
        moved = np.take_along_axis(grids[flip], orders[order][:, None, :], axis=2)
        relabel = np.argsort(moved[np.arange(len(moved)), top[pair]], axis=1)
        moved = np.take_along_axis(relabel, moved.reshape(-1, n * n), axis=1).reshape(-1, n, n)
        leads = moved[:, :, 0]
        bands = np.repeat(leads.reshape(-1, n // height, height).min(axis=2), height, axis=1)
        rows = np.argsort(bands * n + leads, axis=1)[:, :, None]
        moved = np.take_along_axis(moved, rows, axis=1).reshape(-1, n * n).astype(np.uint8)
        masks = np.take_along_axis(masks[flip], orders[order][:, None, :], axis=2)
        masks = np.take_along_axis(masks, rows, axis=1).reshape(-1, n * n)
        # of the least answers, the least mask
        least = least_rows(moved)
        masks = masks[least]
        return moved[least][0], masks[least_rows(masks.astype(np.uint8))][0]

    def _invariants(self, answers: Int[np.ndarray, "n C"], given: Bool[np.ndarray, "n C"]) -> UInt64[np.ndarray, " n"]:
        n, (height, width) = self._size, self._box
        count, across = len(answers), np.uint64(height != width)  # rows and columns differ only where boxes do
        digits = answers.reshape(count, n, n)
        lengths = mix(np.arange(n + 1, dtype=np.uint64) + np.uint64(2))
        by_rows = lengths[_cycle_lengths(digits, height)].sum(axis=0)
        by_columns = lengths[_cycle_lengths(digits.swapaxes(1, 2), width)].sum(axis=0).swapaxes(1, 2)
        cycles = mix((mix(by_rows) + mix(by_columns + across)).reshape(count, n * n))
        colors = mix(given.astype(np.uint64)) + cycles
        by_digit = np.argsort(answers, axis=1, kind="stable")
        from_digit = np.argsort(by_digit, axis=1)
        for _ in range(3):
            sums = mix(colors)[:, self._unit_cells].sum(axis=2).reshape(count, 3, n)
            tags = np.array([0, across, 2], np.uint64)[:, None]
            shared = mix(np.take_along_axis(sums, self._units[None], axis=2) + tags)
            same_digit = np.take_along_axis(mix(colors), by_digit, axis=1).reshape(count, n, n).sum(axis=2)
            digit = np.take_along_axis(np.repeat(same_digit, n, axis=1), from_digit, axis=1)
            colors = mix(colors + shared.sum(axis=1) + mix(digit + np.uint64(3)))
        return mix(mix(colors).sum(axis=1))

    @cached_property
    def _column_orders(self) -> tuple[Int[np.ndarray, "k n"], Int[np.ndarray, "k n"]]:
        """Every order of the columns that keeps the stacks, and its inverse."""
        width = self._box[1]
        orders = block_permutations(self._size // width, width)
        return orders, np.argsort(orders, axis=1)


def _cycle_lengths(digits: Int[np.ndarray, "N n n"], height: int) -> Int[np.ndarray, "k N n n"]:
    """Follow equal digits between two rows of a band until the way closes; say how long each way is.

    From a cell of a row, go to the other row of the pair in the same column, take the digit there, and go to
    where the first row has it. Which lengths occur does not change when rows, columns or digits are permuted.
    """
    n = digits.shape[1]
    rows, columns = np.arange(n), np.arange(n)
    where = np.argsort(digits, axis=2)
    lengths = np.zeros((height - 1, *digits.shape), np.int64)
    for offset in range(1, height):
        partner = rows - rows % height + (rows + offset) % height
        link = np.take_along_axis(where, digits[:, partner], axis=2)
        reached = link
        for length in range(1, n + 1):
            closed = (reached == columns) & (lengths[offset - 1] == 0)
            lengths[offset - 1][closed] = length
            reached = np.take_along_axis(link, reached, axis=2)
    return lengths
