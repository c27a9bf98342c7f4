"""The training loop: one segment of every slot, one update, again.

The same command resumes: everything that decides what happens next is in the checkpoint, or is a function of the
seed and a counter that is.
"""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int, UInt8
from rich.console import Console
from torch import Tensor

from hrm.checkpoint import latest_checkpoint, load_checkpoint, prune, save_checkpoint
from hrm.config import RunConfig
from hrm.data.prepare import prepare
from hrm.data.sampler import Reveal, Sampler
from hrm.errors import DataError, HrmError
from hrm.evaluation.evaluate import evaluate
from hrm.inference.load import find_checkpoint, load_weights
from hrm.inference.names import BEST, CHECKPOINTS
from hrm.inference.solver import Solver
from hrm.model.build import build
from hrm.model.halting import continue_target, draw_min_segments, should_halt
from hrm.optim.ema import ema_decay, update_ema
from hrm.optim.optimizers import Optimizers
from hrm.puzzles.base import PAD
from hrm.randomness import Stream, uniforms
from hrm.runtime.allocator import keep_freed_memory
from hrm.runtime.device import choose_device, choose_dtype, described
from hrm.train.callbacks import tell
from hrm.train.card import model_card
from hrm.train.fit import require_puzzle_rows
from hrm.train.log import METRICS, RunLog, counting, read_metrics, summarize
from hrm.train.losses import IGNORED, require_finite, segment_loss
from hrm.train.next_steps import next_commands
from hrm.train.plan import announce as announce_plan
from hrm.train.plan import planned
from hrm.train.run_folder import CONFIG
from hrm.train.signals import Interrupted, PoliteSignals
from hrm.train.slots import Slots, admit, advance, empty_slots, part, slots_from, slots_state
from hrm.viz.figures.curves import plot_curves
from hrm.viz.figures.style import has_matplotlib

KEPT_CHECKPOINTS = 2


@dataclass(frozen=True)
class Outcome:
    """What a finished run leaves behind."""

    folder: Path
    updates: int
    best: dict[str, Any]
    """Update, exact and valid of the best checkpoint on the validation split; exact is None without one."""


class Trainer:
    """Trains the network of a configuration, from scratch or from the newest checkpoint in its folder.

    Args:
        config: the experiment.
        folder: the run folder; None: ``runs/<recipe>-<digest of the configuration>``.
        cache_dir: where data stores are kept; None: ``.cache`` beside the run folder.
        init: a model whose weights to start from, in place of random ones.
        console: where progress goes; None: stderr.
        callbacks: objects to notify of progress, with some of the methods of ``hrm.train.callbacks.Callback``.
        announce: whether to print first what will be trained.

    Raises:
        UsageError: a configuration that cannot be trained, or a folder that holds something else.
        DataError: puzzles that are not what they should be.
    """

    def __init__(
        self,
        config: RunConfig,
        folder: str | Path | None = None,
        cache_dir: str | Path | None = None,
        init: str | Path | None = None,
        console: Console | None = None,
        callbacks: Sequence[object] = (),
        announce: bool = True,
    ):
        plan = planned(config, folder, init)
        self.config, self.folder = plan.config, plan.folder
        config, train = plan.config, plan.config.train
        self._init = init
        self._console = console or Console(stderr=True)
        self._callbacks = callbacks
        if announce:
            announce_plan(plan, self._console)
        keep_freed_memory()
        cache = Path(cache_dir) if cache_dir is not None else self.folder.parent / ".cache"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with counting(self._console, "generating puzzles") as progress:
            self.store, self.splits = prepare(config.data, cache, now, progress)
        require_puzzle_rows(config.model, self.store, self.splits)
        self.device = choose_device(train.device)
        dtype = choose_dtype(train.precision, self.device)
        self._place = described(self.device, dtype)
        self.model = build(config.model, seed=train.seed, dtype=dtype).to(self.device)
        self.average = copy.deepcopy(self.model) if config.optim.ema else self.model
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
        self._update, self._cursor, self._resumed = 0, 0, False
        self._best: dict[str, Any] = {"update": 0, "exact": None, "valid": None}
        self._trained_s = 0.0

    @property
    def update(self) -> int:
        """Number of updates made."""
        return self._update

    @property
    def slots(self) -> Slots:
        """The puzzles that are being trained on."""
        return self._slots

    def fit(self, until: int | None = None) -> Outcome:
        """Train to the last update, from the newest checkpoint of the folder where there is one.

        Args:
            until: stop early, after this many updates in total; another call continues as if uninterrupted.

        Raises:
            DivergedError: a loss or a weight is not finite; the checkpoints are from before that.
            Interrupted: SIGINT or SIGTERM came; the state is saved.
            HrmError: the folder cannot be written.
        """
        train = self.config.train
        last_update = train.updates if until is None else min(until, train.updates)
        self._open_folder()
        outcome = None
        try:
            tell(self._callbacks, "on_start", self)
            self._run_until(last_update)
            if self._update == train.updates:
                self._finish()
            outcome = Outcome(self.folder, self._update, self._best)
            return outcome
        finally:
            tell(self._callbacks, "on_end", outcome)

    def _run_until(self, last_update: int) -> None:
        config, train = self.config, self.config.train
        with (
            RunLog(self.folder, train.updates, self._update, self._console) as log,
            PoliteSignals() as signals,
        ):
            if self._resumed:
                log.say(f"resuming {self.folder} at update {self._update} {self._place}")
            elif not self._update:
                log.say(f"training {self._place}")
            window, began, last = [], time.monotonic(), self._update
            while self._update < last_update:
                window.append(self.train_segment())
                at_end = self._update == train.updates
                pausing = self._update == last_update
                stopped_by = signals.asked  # once an update: a signal from here on ends the next one
                stopping = stopped_by is not None
                if pausing or stopping or self._update % train.log_every == 0:
                    took = max(time.monotonic() - began, 1e-9)
                    self._trained_s += took
                    self._refuse_divergence(window)
                    summary = summarize(window, (self._update - last) / took, train.batch_size)
                    summary |= {"puzzles_started": self._cursor, "trained_s": self._trained_s}
                    log.window(self._update, summary)
                    tell(self._callbacks, "on_log", {"update": self._update, **summary})
                    window, last = [], self._update
                    began = time.monotonic()
                else:
                    log.tick(self._update)
                if not stopping and (at_end or self._update % config.eval.every == 0):
                    self._validate(log)
                    began = time.monotonic()
                if pausing or stopping or self._update % train.checkpoint_every == 0:
                    self._refuse_divergence(window)
                    checkpoint = self.folder / CHECKPOINTS / f"update-{self._update:06d}"
                    self.save(checkpoint, with_state=True)
                    prune(self.folder / CHECKPOINTS, KEPT_CHECKPOINTS)
                    tell(self._callbacks, "on_checkpoint", str(checkpoint))
                if stopped_by is not None:
                    raise Interrupted(stopped_by, self._update)
            log.write_table()

    def next_commands(self) -> list[list[str]]:
        """Return commands that show what the run has reached, as lists of arguments."""
        return next_commands(self.config, self.folder, self.store, self.splits)

    def train_segment(self) -> dict[str, Tensor]:
        """Make one update: fill free slots, run one segment of all, take an optimizer step, keep the latents.

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
        self._optimizers.step(self._update)
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

    def save(self, folder: str | Path, *, with_state: bool, choice: str = "this update") -> None:
        """Write a checkpoint: the averaged weights, and everything that training needs to go on.

        Raises:
            HrmError: the folder cannot be written; what was there before is untouched.
        """
        folder = Path(folder)
        state = None
        if with_state:
            state = {f"weights/{name}": tensor for name, tensor in self.model.state_dict().items()}
            state |= {f"optim/{name}": tensor for name, tensor in self._optimizers.state().items()}
            state |= {f"slots/{name}": tensor for name, tensor in slots_state(self._slots).items()}
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

    def restore(self, folder: str | Path) -> None:
        """Restore everything that ``save`` wrote with its state.

        Raises:
            DataError: the checkpoint is damaged, has no state, or is of other puzzles.
        """
        folder = Path(folder)
        checkpoint = load_checkpoint(folder, with_state=True)
        state = checkpoint.state
        if state is None:
            raise HrmError(f"{folder} holds weights only: training cannot resume, but --init can start from them")
        if checkpoint.meta["data"]["digest"] != self.store.digest:
            raise DataError(
                f"{folder} was trained on other puzzles than {self.store.path} holds now: choose another --out, or "
                "bring the puzzles of its training back"
            )
        self.model.load_state_dict(part(state, "weights/"))
        self.average.load_state_dict(checkpoint.weights)
        self._optimizers.load(part(state, "optim/"))
        held = {name: tensor.to(self.device) for name, tensor in part(state, "slots/").items()}
        self._slots = slots_from(held)
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
            found = evaluate(solver, self.splits["validation"], self.config.eval.segments)
            scores = {name: found[name] for name in ("exact", "valid")}
            results = {**scores, "cell": found["cell"], "examples": found["examples"]}
            log.evaluation(self._update, results)
            tell(self._callbacks, "on_evaluation", {"update": self._update, **results})
            choice = f"best exact on {found['examples']} validation puzzles"
            if self._best["exact"] is not None and scores["exact"] < self._best["exact"]:
                return
        self._best = {"update": self._update, **scores}
        self._refuse_divergence([])
        self.save(self.folder / BEST, with_state=False, choice=choice)

    def _refuse_divergence(self, window: list[dict[str, Tensor]]) -> None:
        require_finite([line["loss"] for line in window], self.model, self._update, self.folder)

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
        (self.folder / CONFIG).write_text(self.config.to_toml(), encoding="utf-8")

    def _finish(self) -> None:
        best = self.folder / BEST / "README.md"
        if best.exists():
            (self.folder / "README.md").write_text(best.read_text(encoding="utf-8"), encoding="utf-8")
        if has_matplotlib():
            plot_curves(read_metrics(self.folder / METRICS), self.folder / "curves.png")
