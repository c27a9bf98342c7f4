"""The batch of the engine: a row for each puzzle in work, which keeps its latents while other rows come and go.

The batch holds 4, 8 or 16 … rows, as few as its puzzles need: rows close up when a puzzle leaves. The bank of training
(``train/slots.py``) does another job: its slots are a fixed number and never move, so that an update has one shape and
a checkpoint can hold them, and they carry labels. Both share ``Latents.where``.

Axes: B batch, C cells.
"""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
import torch
from jaxtyping import Int, Shaped, UInt8

from hrm.model.network import Embedded, Latents, Network

Embed = Callable[[UInt8[np.ndarray, "B C"], Int[np.ndarray, " B"] | None], Embedded]
"""Returns a batch of parsed puzzles as the network sees it, told their puzzle ids where the model knows tasks."""
LEAST_ROWS = 4
"""Rows of the smallest batch; those that no puzzle needs repeat the last one.

With fewer, CPUs round matrix products in bf16 differently, and an answer would depend on how many puzzles came along.
"""


class KeyedSlots:
    """The rows of the batch by the keys of what is in work.

    Args:
        capacity: rows of the largest batch.
    """

    inputs: UInt8[np.ndarray, "B C"]
    x: Embedded
    latents: Latents

    def __init__(self, model: Network, embed: Embed, capacity: int):
        """Begin without rows."""
        self._model, self._embed, self._capacity = model, embed, capacity
        self._keys: Sequence[Hashable] = ()

    def fill(
        self,
        keys: Sequence[Hashable],
        puzzle: Callable[[int], UInt8[np.ndarray, " C"]],
        puzzle_id: Callable[[int], int | None] = lambda row: None,
    ) -> None:
        """Give each key a row, in order: a known one keeps its latents, a new one begins with initial latents.

        Args:
            puzzle: returns the parsed puzzle of a row; called only where the keys are not those of before.
            puzzle_id: likewise, its row of the puzzle embedding; None for all where the model knows no tasks.
        """
        if keys == self._keys:
            return
        size = min(max(LEAST_ROWS, 1 << (len(keys) - 1).bit_length()), self._capacity)
        self.inputs = pad_batch(np.stack([puzzle(row) for row in range(len(keys))]), size)
        ids = [puzzle_id(row) for row in range(len(keys))]
        known = [each for each in ids if each is not None]
        self.x = self._embed(self.inputs, pad_batch(np.array(known), size) if known else None)
        fresh = self._model.initial(self.x)
        if self._keys:
            old_rows = {key: row for row, key in enumerate(self._keys)}
            rows = pad_batch(np.array([old_rows.get(key, -1) for key in keys]), size)
            source = torch.from_numpy(rows).to(fresh.z_H.device)
            kept = Latents(*(part[source.clamp(min=0)] for part in (self.latents.z_H, self.latents.z_L)))
            fresh = kept.where(source >= 0, fresh)
        self.latents, self._keys = fresh, keys


def pad_batch(rows: Shaped[np.ndarray, "n ..."], batch_size: int) -> Shaped[np.ndarray, "B ..."]:
    """Repeat the last row, a puzzle or its id, until the batch is full."""
    return np.pad(rows, ((0, batch_size - len(rows)), *[(0, 0)] * (rows.ndim - 1)), mode="edge")
