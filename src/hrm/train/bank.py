"""The puzzles in flight with all that belongs to them: their order, their relations, how long each must run.

Axes: B slots of this process, C cells.
"""

from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Bool, Int, Shaped
from torch import Tensor

from hrm.config import RunConfig
from hrm.data.sampler import Reveal, Sampler
from hrm.data.store import Split, Store
from hrm.model.halting import draw_min_segments
from hrm.model.network import Latents, Network
from hrm.puzzles.base import PAD
from hrm.randomness import Stream, uniforms
from hrm.runtime.transfer import HostCopy, to_device
from hrm.runtime.world import ALONE, World
from hrm.train.losses import IGNORED
from hrm.train.slots import Slots, admit, advance, empty_slots, slots_from, slots_state


class Bank:
    """Keeps every slot filled: a halted puzzle makes room for the next one of the sampler.

    Of several processes each has an equal share of the slots. The free slots of all together take the next puzzles in
    the order of the ranks, so which puzzle comes when, and into which slot, does not depend on how many they are.

    The host knows what it put into the slots; it asks the device once an update, for the slots that have halted.

    Args:
        split: the training puzzles.
        model: the network that the latents are for.
        device: where to compute.
        world: the processes that share the slots.

    Raises:
        UsageError: the slots cannot be shared equally.
    """

    def __init__(
        self, config: RunConfig, store: Store, split: Split, model: Network, device: torch.device, world: World = ALONE
    ):
        data, train = config.data, config.train
        reveal = Reveal(data.reveal, data.reveal_end, data.reveal_draws) if data.reveal or data.reveal_end else None
        self._sampler = Sampler(split, store.puzzle, train.seed, data.augment, reveal, store.table)
        self._config, self._puzzle, self._model, self._device = config, store.puzzle, model, device
        self._world, self._share = world, world.share(train.batch_size)
        self.cursor = 0
        """Number of puzzles drawn so far."""
        count = self._share.stop - self._share.start
        self._take(empty_slots(model.initial(count), config.model.cells))

    def _take(self, slots: Slots) -> None:
        self.slots: Slots = slots
        self._halted = HostCopy(slots.halted)
        draws, segments, inputs = map(HostCopy, (slots.draws, slots.segments, slots.inputs))
        self._draws, self._segments = draws.wait().copy(), segments.wait().copy()
        self.relations: Int[Tensor, "*R C C"] = to_device(
            self._puzzle.relations_for(inputs.wait().astype(np.uint8)), self._device
        )
        """Relations between the cells of each puzzle, or of all puzzles alike."""

    @property
    def exists(self) -> Bool[Tensor, "B C"] | None:
        """Which cells are part of the puzzle; None: all."""
        return self.slots.inputs != PAD if self._puzzle.spec.padded else None

    def refill(self) -> Slots:
        """Put the next puzzles into the free slots."""
        # which puzzles come next, of those that all processes need
        free = np.flatnonzero(self._halted.wait())
        counts = self._world.counts(len(free))
        first = self.cursor + sum(counts[: self._world.rank])
        self.cursor += sum(counts)
        if not len(free):
            return self.slots
        batch = self._sampler.take(first, len(free))
        self._draws[free], self._segments[free] = batch.draws, 0
        # relations stay beside their puzzle for as long as it is in its slot
        relations = self._puzzle.relations_of(batch.inputs)
        if relations is not None:
            self.relations = self.relations.index_copy(
                0, to_device(free, self._device), to_device(relations, self._device)
            )

        # the puzzles themselves, with fresh latents
        def spread(rows: Shaped[np.ndarray, "F ..."]) -> Tensor:
            everywhere = np.zeros((len(self._draws), *rows.shape[1:]), rows.dtype)
            everywhere[free] = rows
            return to_device(everywhere, self._device)

        labels = spread(batch.labels).long()
        labels = torch.where(labels == PAD, IGNORED, labels)
        initial = self._model.initial(len(self._draws))
        ids, draws = spread(batch.puzzle_ids), spread(batch.draws)
        self.slots = admit(self.slots, spread(batch.inputs).long(), labels, ids, draws, initial)
        return self.slots

    def rows(self, draws: Int[Tensor, " B"]) -> list[int]:
        """Return the rows of the training split that draws show."""
        return self._sampler.rows(draws.cpu().numpy()).tolist()

    def min_segments(self) -> Int[Tensor, " B"]:
        """Return how many segments each puzzle must run before it may halt by choice."""
        halting = self._config.halting
        if not halting.adaptive:
            return torch.full_like(self.slots.segments, halting.max_segments)
        counters = self._draws * (halting.max_segments + 1)
        if halting.redraw:
            counters = counters + 1 + self._segments
        numbers = uniforms(self._config.train.seed, Stream.EXPLORE, counters, 2).astype(np.float32)
        return draw_min_segments(to_device(numbers, self._device), halting.explore, halting.max_segments)

    def advance(self, latents: Latents, halted: Bool[Tensor, " B"]) -> None:
        """Carry the latents on and free the slots that halted."""
        self.slots = advance(self.slots, latents, halted)
        self._segments += 1
        self._halted = HostCopy(halted)

    def state(self) -> dict[str, Tensor]:
        """Return the tensors of all slots of all processes, on the CPU, as checkpoints keep them."""
        return {name: self._world.joined(tensor.cpu()) for name, tensor in slots_state(self.slots).items()}

    def load(self, state: Mapping[str, Tensor], cursor: int) -> None:
        """Take back this process's share of what ``state`` returned, after ``cursor`` puzzles."""
        self.cursor = cursor
        own = slots_state(self.slots)  # of the device and the arithmetic of this run, which may be on another machine
        self._take(slots_from({name: state[name][self._share].to(tensor) for name, tensor in own.items()}))
