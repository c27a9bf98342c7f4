"""The puzzles in flight with all that belongs to them: their order, their relations, how long each must run.

Axes: B slots, C cells.
"""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from hrm.config import RunConfig
from hrm.data.sampler import Reveal, Sampler
from hrm.data.store import Split, Store
from hrm.model.halting import draw_min_segments
from hrm.model.network import Network
from hrm.puzzles.base import PAD
from hrm.randomness import Stream, uniforms
from hrm.train.losses import IGNORED
from hrm.train.slots import Slots, admit, empty_slots, slots_from


class Bank:
    """Keeps every slot filled: a halted puzzle makes room for the next one of the sampler.

    Args:
        split: the training puzzles.
        model: the network that the latents are for.
        device: where to compute.
    """

    def __init__(self, config: RunConfig, store: Store, split: Split, model: Network, device: torch.device):
        data, train = config.data, config.train
        reveal = Reveal(data.reveal, data.reveal_end, data.reveal_draws) if data.reveal or data.reveal_end else None
        self._sampler = Sampler(split, store.puzzle, train.seed, data.augment, reveal, store.table)
        self._config, self._puzzle, self._model, self._device = config, store.puzzle, model, device
        self.slots: Slots = empty_slots(model.initial(train.batch_size), config.model.cells)
        self.relations: Int[Tensor, "*R C C"] = self._relations_of_all()
        """Relations between the cells of each puzzle, or of all puzzles alike."""
        self.cursor = 0
        """Number of puzzles drawn so far."""

    @property
    def exists(self) -> Bool[Tensor, "B C"] | None:
        """Which cells are part of the puzzle; None: all."""
        return self.slots.inputs != PAD if self._puzzle.spec.padded else None

    def refill(self) -> Slots:
        """Put the next puzzles into the free slots."""
        free = int(self.slots.halted.sum())
        if not free:
            return self.slots
        batch = self._sampler.take(self.cursor, free)
        self.cursor += free
        # relations stay beside their puzzle for as long as it is in its slot
        relations = self._puzzle.relations_of(batch.inputs)
        if relations is not None:
            rows = self.slots.halted.reshape(-1, 1, 1, 1).expand_as(self.relations)
            self.relations = self.relations.masked_scatter(rows, torch.from_numpy(relations).to(self._device))
        # the puzzles themselves, with fresh latents
        labels = batch.labels.astype(np.int64)
        labels[labels == PAD] = IGNORED
        arrays = (batch.inputs.astype(np.int64), labels, batch.puzzle_ids, batch.draws)
        inputs, labels, ids, draws = (torch.from_numpy(array).to(self._device) for array in arrays)
        initial = self._model.initial(len(self.slots.inputs))
        self.slots = admit(self.slots, inputs, labels, ids, draws, initial)
        return self.slots

    def min_segments(self) -> Int[Tensor, " B"]:
        """Return how many segments each puzzle must run before it may halt by choice."""
        halting, slots = self._config.halting, self.slots
        if not halting.adaptive:
            return torch.full_like(slots.segments, halting.max_segments)
        counters = slots.draws.cpu().numpy() * (halting.max_segments + 1)
        if halting.redraw:
            counters = counters + 1 + slots.segments.cpu().numpy()
        numbers = uniforms(self._config.train.seed, Stream.EXPLORE, counters, 2).astype(np.float32)
        return draw_min_segments(torch.from_numpy(numbers).to(self._device), halting.explore, halting.max_segments)

    def load(self, state: Mapping[str, Tensor], cursor: int) -> None:
        """Take back the tensors of the slots, after ``cursor`` puzzles."""
        self.slots = slots_from({name: tensor.to(self._device) for name, tensor in state.items()})
        self.cursor = cursor
        self.relations = self._relations_of_all()

    def _relations_of_all(self) -> Int[Tensor, "*R C C"]:
        inputs = self.slots.inputs.cpu().numpy().astype(np.uint8)
        return torch.from_numpy(self._puzzle.relations_for(inputs)).to(self._device)
