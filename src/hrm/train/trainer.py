"""The training loop: one segment of every slot, one update, again.

The same command resumes: everything that decides what happens next is in the checkpoint, or is a function of the
seed and a counter that is.
"""

import copy
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, UInt8
from rich.console import Console
from torch import Tensor

from hrm.checkpoint import KIND, latest_checkpoint, load_checkpoint, prune, save_checkpoint
from hrm.config import RunConfig, from_toml
from hrm.data.folders import require_writable
from hrm.data.prepare import prepare
from hrm.data.sampler import Reveal, Sampler
from hrm.errors import DataError, DivergedError, HrmError, UsageError
from hrm.evaluation.evaluate import evaluate
from hrm.inference.load import BEST, CHECKPOINTS, find_checkpoint, load_weights
from hrm.inference.solver import Solver
from hrm.model.build import build
from hrm.model.config import CellConfig, EquivariantConfig
from hrm.model.contract import Latents
from hrm.model.halting import continue_target, draw_min_segments, should_halt
from hrm.nn.device import choose_device, choose_dtype
from hrm.nn.memory import keep_freed_memory
from hrm.optim.ema import ema_decay, update_ema
from hrm.optim.optimizers import Optimizers
from hrm.plot.canvas import has_matplotlib
from hrm.plot.curves import plot_curves
from hrm.puzzles.base import PAD
from hrm.puzzles.randomness import Stream, uniforms
from hrm.train.card import model_card
from hrm.train.log import METRICS, RunLog, read_metrics
from hrm.train.losses import IGNORED, segment_loss
from hrm.train.slots import Slots, admit, advance, empty_slots

KEPT_CHECKPOINTS = 2


class Interrupted(HrmError):
    """The run was told to stop; it has saved its state first."""

    def __init__(self, signal_number: int, update: int):
        super().__init__(f"stopped at update {update}; everything is saved: the same command goes on from here")
        self.exit_code = 128 + signal_number


@dataclass(frozen=True)
class Outcome:
    """What a finished run leaves behind."""

    folder: Path
    updates: int
    best: dict[str, Any]
    """Update, exact and valid of the best checkpoint on the validation split; exact is None without one."""


class Trainer:
    """Trains the network of a configuration, from scratch or from where its folder stands.

    Args:
        config: the experiment.
        folder: the run folder; None: ``runs/<recipe>-<digest of the configuration>``.
        cache_dir: where data stores are kept; None: ``.cache`` beside the run folder.
        init: a model whose weights to start from, in place of random ones.
        console: where progress goes; None: stderr.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: Path | None = None,
        cache_dir: Path | None = None,
        init: str | None = None,
        console: Console | None = None,
    ):
        self.config = config
        self.folder = folder or Path("runs") / f"{config.recipe}-{config.digest()}"
        self._init = init
        self._console = console or Console(stderr=True)
        self._stopped_by: int | None = None
        self._refuse_folder()
        keep_freed_memory()
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.store, self.splits = prepare(config.data, cache_dir or self.folder.parent / ".cache", now)
        self._check_fit()
        train = config.train
        self.device = choose_device(train.device)
        dtype = choose_dtype(train.precision, self.device)
        self.model = build(config.model, seed=train.seed, dtype=dtype).to(self.device)
        self.average = self.model
        if config.optim.ema:
            self.average = copy.deepcopy(self.model)
        self._weights = dict(self.model.named_parameters())
        self._average_weights = dict(self.average.named_parameters())
        self._optimizers = Optimizers(
            config.optim,
            train.updates,
            self._weights,
            self.model.hidden_matrices(),
            self.model.puzzle_tables(),
        )
        if train.compile:
            self.model.compile_levels()
            self._optimizers.compile()
        data = config.data
        reveal = Reveal(data.reveal, data.reveal_end, data.reveal_draws) if data.reveal or data.reveal_end else None
        self._sampler = Sampler(
            self.splits["train"], self.store.puzzle, train.seed, data.augment, reveal, self.store.table
        )
        self._relations = self._relations_for(np.zeros((train.batch_size, config.model.cells), np.uint8))
        self._slots = empty_slots(self.model.initial(train.batch_size), config.model.cells)
        self._update, self._resumed = 0, False
        self._cursor = 0
        self._best: dict[str, Any] = {"update": 0, "exact": None, "valid": None}
        self._trained_s = 0.0

    @property
    def update(self) -> int:
        """Number of updates made."""
        return self._update

    @property
    def slots(self) -> Slots:
        """The puzzles in flight."""
        return self._slots

    def fit(self, until: int | None = None) -> Outcome:
        """Train to the last update, from the newest checkpoint of the folder where there is one.

        Args:
            until: end before that, after so many updates in all; another call goes on as if nothing had been.

        Raises:
            DivergedError: a loss or a weight is not finite; the checkpoints are from before that.
            Interrupted: SIGINT or SIGTERM came; the state is saved.
            HrmError: the folder cannot be written.
        """
        config, train = self.config, self.config.train
        last_update = train.updates if until is None else min(until, train.updates)
        self._open_folder()
        with (
            RunLog(self.folder, train.updates, self._update, self._console) as log,
            self._polite_signals(),
        ):
            if self._resumed:
                log.say(f"resuming {self.folder} at update {self._update}")
            window, began, last = [], time.monotonic(), self._update
            while self._update < last_update:
                window.append(self.train_segment())
                at_end = self._update == train.updates
                pausing = self._update == last_update
                stopped_by = self._stopped_by  # asked once an update: a signal from here on ends the next one
                stopping = stopped_by is not None
                if pausing or stopping or self._update % train.log_every == 0:
                    took = max(time.monotonic() - began, 1e-9)
                    self._trained_s += took
                    self._refuse_divergence(window)
                    log.window(self._update, self._summary(window, (self._update - last) / took))
                    window, last = [], self._update
                    began = time.monotonic()
                if not stopping and (at_end or self._update % config.eval.every == 0):
                    self._validate(log)
                    began = time.monotonic()
                if pausing or stopping or self._update % train.checkpoint_every == 0:
                    self._refuse_divergence(window)
                    self.save(self.folder / CHECKPOINTS / f"update-{self._update:06d}", with_state=True)
                    prune(self.folder / CHECKPOINTS, KEPT_CHECKPOINTS)
                if stopped_by is not None:
                    raise Interrupted(stopped_by, self._update)
            log.write_table()
        if self._update == train.updates:
            self._finish()
        return Outcome(self.folder, self._update, self._best)

    def train_segment(self) -> dict[str, Tensor]:
        """Make one update: fill the free slots, run a segment of all, learn from it, carry the latents on.

        Returns:
            Sums over the slots, on the device, for the log.
        """
        config, model, slots = self.config, self.model, self._admit()
        exists = slots.inputs != PAD if self.store.puzzle.spec.padded else None
        x = model.embed(slots.inputs, slots.puzzle_ids, exists, self._relations)
        cycles = 1 if self._update < config.train.shallow_updates else None
        segment = model.segment(slots.latents, x, cycles)
        used = slots.segments + 1
        budget = config.halting.max_segments
        halt = should_halt(
            segment.q_halt_logit.detach(),
            None if segment.q_continue_logit is None else segment.q_continue_logit.detach(),
            used,
            self._min_segments(slots),
            budget,
        )
        target = None
        if segment.q_continue_logit is not None:
            with torch.no_grad():  # the published algorithm looks a whole segment ahead for this target
                ahead = model.segment(segment.latents, x, cycles)
            assert ahead.q_continue_logit is not None
            target = continue_target(ahead.q_halt_logit, ahead.q_continue_logit, used >= budget)
        loss = segment_loss(segment, slots.labels, target, config.train.loss)
        (loss.total(config.train.q_weight) / len(slots.inputs)).backward()
        self._update += 1
        self._optimizers.move(self._update)
        if self.average is not self.model:
            update_ema(self._average_weights, self._weights, ema_decay(self._update, config.optim.ema))
        self._slots = advance(slots, segment.latents, halt)
        return {
            "loss": loss.total(config.train.q_weight).detach(),
            "answer_loss": loss.answer.detach(),
            "q_halt_loss": loss.q_halt.detach(),
            "q_continue_loss": loss.q_continue.detach(),
            "exact_rate": loss.right.sum(),
            "q_halt_accuracy": ((segment.q_halt_logit >= 0) == loss.right).sum(),
            "halted_by_choice": halt.by_choice.sum(),
            "halted_by_budget": halt.by_budget.sum(),
            "segments_at_halt": (used * halt.halted).sum(),
        }

    def save(self, folder: Path, *, with_state: bool, choice: str = "this update") -> None:
        """Write a checkpoint: the averaged weights, and everything that training needs to go on.

        Raises:
            HrmError: the folder cannot be written; what was there before is untouched.
        """
        state = None
        if with_state:
            slots = self._slots
            state = {f"weights/{name}": tensor for name, tensor in self.model.state_dict().items()}
            state |= {f"optim/{name}": tensor for name, tensor in self._optimizers.state().items()}
            state |= {f"slots/{name}": getattr(slots, name) for name in _SLOT_ARRAYS}
            state |= {"slots/z_H": slots.latents.z_H, "slots/z_L": slots.latents.z_L}
        meta = {
            "update": self._update,
            "cursor": self._cursor,
            "best": self._best,
            "trained_s": self._trained_s,
            "choice": choice,
            "data": {
                "digest": self.store.digest,
                "train_rows": len(self.splits["train"]),
                "provenance": dict(self.store.manifest.provenance),
            },
            "hardware": f"{torch.get_num_threads()} threads, {self.device.type}",
        }
        save_checkpoint(
            folder,
            config=self.config.to_toml(),
            weights=self.average.state_dict(),
            state=state,
            meta=meta,
            card=model_card(self.config, self.model, meta),
            table=self.store.table,
        )

    def restore(self, folder: Path) -> None:
        """Take back everything that ``save`` wrote with its state.

        Raises:
            DataError: the checkpoint is damaged, has no state, or is of other puzzles.
        """
        checkpoint = load_checkpoint(folder, with_state=True)
        state = checkpoint.state
        if state is None:
            raise HrmError(f"{folder} holds weights only; training cannot go on from it, but --init can use it")
        if checkpoint.meta["data"]["digest"] != self.store.digest:
            raise DataError(
                f"{folder} was trained on other puzzles than {self.store.path} holds now: choose another --out, or "
                "bring the puzzles of its training back"
            )
        self.model.load_state_dict(_part(state, "weights/"))
        self.average.load_state_dict(checkpoint.weights)
        self._optimizers.load(_part(state, "optim/"))
        held = {name: tensor.to(self.device) for name, tensor in _part(state, "slots/").items()}
        self._slots = Slots(**{name: held[name] for name in _SLOT_ARRAYS}, latents=Latents(held["z_H"], held["z_L"]))
        self._update, self._cursor = checkpoint.meta["update"], checkpoint.meta["cursor"]
        self._best, self._trained_s = checkpoint.meta["best"], checkpoint.meta["trained_s"]
        self._relations = self._relations_for(held["inputs"].cpu().numpy().astype(np.uint8))

    def _admit(self) -> Slots:
        free = int(self._slots.halted.sum())
        if not free:
            return self._slots
        batch = self._sampler.take(self._cursor, free)
        self._cursor += free
        relations = self.store.puzzle.relations_of(batch.inputs)
        if relations is not None:  # kept for each slot as long as its puzzle is there
            rows = self._slots.halted.reshape(-1, 1, 1, 1).expand_as(self._relations)
            self._relations = self._relations.masked_scatter(rows, torch.from_numpy(relations).to(self.device))
        labels = batch.labels.astype(np.int64)
        labels[labels == PAD] = IGNORED
        arrays = (batch.inputs.astype(np.int64), labels, batch.puzzle_ids, batch.draws)
        inputs, labels, ids, draws = (torch.from_numpy(array).to(self.device) for array in arrays)
        return admit(self._slots, inputs, labels, ids, draws, self.model.initial(len(self._slots.inputs)))

    def _relations_for(self, inputs: UInt8[np.ndarray, "n C"]) -> Int[Tensor, "*R C C"]:
        return torch.from_numpy(self.store.puzzle.relations_for(inputs)).to(self.device)

    def _min_segments(self, slots: Slots) -> Tensor:
        halting, draws = self.config.halting, slots.draws.cpu().numpy()
        if not halting.adaptive:
            return torch.full_like(slots.segments, halting.max_segments)
        counters = draws * (halting.max_segments + 1)
        if halting.redraw:
            counters = counters + 1 + slots.segments.cpu().numpy()
        numbers = uniforms(self.config.train.seed, Stream.EXPLORE, counters, 2).astype(np.float32)
        return draw_min_segments(torch.from_numpy(numbers).to(self.device), halting.explore, halting.max_segments)

    def _summary(self, window: list[dict[str, Tensor]], updates_per_s: float) -> dict[str, float]:
        sums = {name: float(torch.stack([line[name].float() for line in window]).sum()) for name in window[0]}
        slots = len(window) * self.config.train.batch_size
        halted = sums["halted_by_choice"] + sums["halted_by_budget"]
        ended = sums.pop("segments_at_halt")
        return {name: value / slots for name, value in sums.items()} | {
            "segments_at_halt": ended / halted if halted else float("nan"),
            "puzzles_started": self._cursor,
            "updates_per_s": updates_per_s,
            "segments_per_s": updates_per_s * self.config.train.batch_size,
            "trained_s": self._trained_s,
        }

    def _validate(self, log: RunLog) -> None:
        """Evaluate on the validation split and keep the best weights; without a split the newest are the best."""
        scores: dict[str, Any] = {"exact": None, "valid": None}
        choice = "last update (no validation split)"
        if "validation" in self.splits:
            solver = Solver(
                self.average.eval(),
                self.store.puzzle,
                self.config.halting.max_segments,
                self.config.eval.batch_size,
            )
            found = dict(evaluate(solver, self.splits["validation"], self.config.eval.segments))
            scores = {name: found[name] for name in ("exact", "valid")}
            log.evaluation(self._update, {**scores, "cell": found["cell"], "examples": found["examples"]})
            choice = f"best exact on {found['examples']} validation puzzles"
            if self._best["exact"] is not None and scores["exact"] < self._best["exact"]:
                return
        self._best = {"update": self._update, **scores}
        self._refuse_divergence([])
        self.save(self.folder / BEST, with_state=False, choice=choice)

    def _refuse_divergence(self, window: list[dict[str, Tensor]]) -> None:
        finite = all(bool(torch.isfinite(line["loss"])) for line in window)
        if finite and all(bool(torch.isfinite(p).all()) for p in self.model.parameters()):
            return
        raise DivergedError(
            f"training diverged before update {self._update}: the {'weights' if finite else 'loss'} became NaN "
            f"or infinite; try a lower --optim.lr. What {self.folder} has saved is from before that"
        )

    def _refuse_folder(self) -> None:
        """Refuse a run folder that cannot be written or is not this run's, before any work is done."""
        config_file = self.folder / "config.toml"
        if not config_file.is_file():
            if self.folder.exists() and not (self.folder.is_dir() and not any(self.folder.iterdir())):
                raise UsageError(
                    f"{self.folder} exists and is not a run folder: it is left alone; choose another --out"
                )
            require_writable(self.folder, KIND)
            return
        require_writable(self.folder / "config", KIND)
        begun = any((self.folder / name).exists() for name in (BEST, CHECKPOINTS))
        if begun and from_toml(config_file.read_text(encoding="utf-8"), str(config_file)) != self.config:
            raise UsageError(
                f"{self.folder} holds a run with another configuration: choose another --out, "
                "or repeat the command that began it"
            )

    def _open_folder(self) -> None:
        newest, damaged = latest_checkpoint(self.folder / CHECKPOINTS)
        for problem in damaged:
            self._console.print(f"warning: {problem}", soft_wrap=True, highlight=False)
        before = self._update
        if newest is not None:
            self.restore(newest)
        elif damaged:
            raise DataError(f"no checkpoint of {self.folder} can be used: delete the folder, or choose another --out")
        elif self._init is not None:
            checkpoint = load_checkpoint(find_checkpoint(self._init))
            for network in (self.model, self.average):
                load_weights(network, checkpoint, self.store.table)
        self._resumed = self._update != before  # not where a second call of ``fit`` goes on from the first
        self.folder.mkdir(exist_ok=True)
        (self.folder / "config.toml").write_text(self.config.to_toml(), encoding="utf-8")

    def _finish(self) -> None:
        best = self.folder / BEST / "README.md"
        if best.exists():
            (self.folder / "README.md").write_text(best.read_text(encoding="utf-8"), encoding="utf-8")
        if has_matplotlib():
            plot_curves(read_metrics(self.folder / METRICS), self.folder / "curves.png")

    def _check_fit(self) -> None:
        spec, model = self.store.puzzle.spec, self.config.model
        wanted = {"vocab_size": spec.vocab_size, "cells": spec.cells}
        for name, value in wanted.items():
            if getattr(model, name) != value:
                raise UsageError(f"model.{name} is {getattr(model, name)}; {spec.name} needs {value}")
        if isinstance(model, EquivariantConfig) and model.symbols != (names := spec.vocab_size - spec.blank - 1):
            raise UsageError(f"model.symbols is {model.symbols}; {spec.name} has {names} tokens after the blank")
        if isinstance(model, CellConfig) and model.puzzle_width:
            self._check_puzzle_ids(model.puzzles)
        if len(model.relation_kinds) > len(spec.relations):
            raise UsageError(
                f"model.relation_kinds names {len(model.relation_kinds)} relations; {spec.name} declares "
                f"{len(spec.relations)}: {', '.join(spec.relations)}"
            )

    def _check_puzzle_ids(self, rows: int) -> None:
        """Refuse a puzzle embedding without a row for each puzzle id, or of ARC with rows that belong to none."""
        needed = max(int(split.puzzle_ids.max()) + 1 for split in self.splits.values())
        if self.store.table is not None:
            needed = self.store.puzzle_rows
        if rows < needed or (rows > needed and self.store.table is not None):
            raise UsageError(
                f"model.puzzles is {rows}; the puzzle ids of {self.store.path} need {needed}: give --model.puzzles "
                f"{needed}"
            )

    @contextmanager
    def _polite_signals(self) -> Iterator[None]:
        """Let the first SIGINT or SIGTERM end the run after the current update; a second one ends it at once."""

        def stop(number: int, frame: FrameType | None) -> None:
            self._stopped_by = number
            signal.signal(number, signal.SIG_DFL)

        try:
            old = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not in the main thread: the host program handles signals
            yield
            return
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)


_SLOT_ARRAYS = ("inputs", "labels", "puzzle_ids", "draws", "segments", "halted")


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)}
