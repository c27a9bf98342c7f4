"""The training loop: one segment of every slot, one update, again.

The same command resumes: everything that decides what happens next is in the checkpoint, or is a function of the
seed and a counter that is.
"""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from hrm.checkpoint import load_checkpoint, newest_until, prune, save_checkpoint
from hrm.config import RunConfig
from hrm.errors import DataError
from hrm.files import replace_file, tidy
from hrm.inference.origin import BEST, CHECKPOINTS
from hrm.inference.weights import find_checkpoint
from hrm.model.halting import continue_target, should_halt
from hrm.model.network import Latents
from hrm.runtime.allocator import keep_freed_memory
from hrm.runtime.environment import present
from hrm.runtime.quoting import Terminal
from hrm.runtime.world import World, join
from hrm.train import saving
from hrm.train.bank import Bank
from hrm.train.callbacks import SEEN, Outcome, tell
from hrm.train.finite import Watch
from hrm.train.guard import LOOK_EVERY, LossGuard
from hrm.train.learner import Learner
from hrm.train.lock import sole_writer
from hrm.train.log import Log, NoLog, RunLog, Window, counting, sums_of
from hrm.train.losses import segment_loss
from hrm.train.pieces import pieces_of
from hrm.train.run_folder import CONFIG, claim, next_commands
from hrm.train.setup import Setup, print_header, set_up
from hrm.train.signals import Interrupted, PoliteSignals
from hrm.train.slots import Slots, slots_state

KEPT_CHECKPOINTS = 2


@dataclass(frozen=True)
class _Piece:
    """What one segment made of some of the slots."""

    latents: Latents
    halted: Tensor
    sums: dict[str, Tensor]

    @classmethod
    def joined(cls, parts: Sequence["_Piece"]) -> "_Piece":
        """Return what it made of all of them."""
        if len(parts) == 1:
            return parts[0]
        sums = {name: torch.stack([part.sums[name] for part in parts]).sum(0) for name in parts[0].sums}
        z_H, z_L = (torch.cat([getattr(part.latents, name) for part in parts]) for name in ("z_H", "z_L"))
        return cls(Latents(z_H, z_L), torch.cat([part.halted for part in parts]), sums)


class Trainer:
    """Trains the network of a configuration, from scratch or from the newest checkpoint in its folder.

    Several processes train one network together, each with an equal share of the slots: see ``Bank.refill`` for the
    order of the puzzles, ``Learner.backward`` for the gradients. The first one writes and reports.

    Args:
        config: the experiment; or a run that is set up already, with its ``folder`` and ``init``.
        folder: the run folder; None: ``runs/<recipe>-<digest of the configuration>``.
        cache_dir: where data stores are kept; None: ``.cache`` beside the run folder.
        init: a model whose weights to start from, in place of random ones.
        console: where progress goes; None: stderr.
        callbacks: objects to notify of progress, with some of the methods of ``hrm.train.callbacks.Callback``.
        announce: whether to print first what will be trained.
        world: the processes that train together; None: those that torchrun has started, or this one alone.

    Raises:
        UsageError: a configuration that cannot be trained, or a folder that holds something else.
        DataError: puzzles that are not what they should be.
    """

    def __init__(
        self,
        config: RunConfig | Setup,
        folder: str | Path | None = None,
        cache_dir: str | Path | None = None,
        init: str | Path | None = None,
        console: Console | None = None,
        callbacks: Sequence[object] = (),
        announce: bool = True,
        world: World | None = None,
    ):
        # what to train, and with whom
        self._world = world = join() if world is None else world
        setup = config if isinstance(config, Setup) else set_up(config, folder, init)
        self.config, self.folder, self._init = setup.config, setup.folder, setup.init
        self._console, self._callbacks = console or Terminal(stderr=True), callbacks
        if not world.leads:
            self._console, self._callbacks = Console(quiet=True), ()
        if announce:
            print_header(setup, self._console)
        keep_freed_memory()
        cache = Path(cache_dir) if cache_dir is not None else self.folder.parent / ".cache"
        with counting(self._console, "generating puzzles") as progress:
            self.store, self.splits = world.first_on_each_machine(
                lambda: setup.experiment.puzzles(cache, present(), progress)
            )
        if len(set(world.all_of(self.store.digest))) > 1:
            raise DataError(f"the machines of this job hold different puzzles in {self.store.path}: copy one to all")
        # the network that learns, and the puzzles in flight
        self._learner = Learner(self.config, world)
        self.device, self.model, self.average = self._learner.device, self._learner.model, self._learner.average
        self._bank = Bank(self.config, self.store, self.splits["train"], self.model, self.device, world)
        self._pieces: list[slice] | None = None
        # how far training is
        self._update, self._evaluated, self._resumed, self._trained_s = 0, 0, False, 0.0
        self._window, self._watch, self._guard = Window(), Watch(), LossGuard()
        self._best: dict[str, Any] = {"update": 0, "exact": None, "valid": None}
        self._start: dict[str, str] | None = None

    @property
    def update(self) -> int:
        """Number of updates made."""
        return self._update

    @property
    def slots(self) -> Slots:
        """The puzzles that are being trained on."""
        return self._bank.slots

    def fit(self, until: int | None = None) -> Outcome:
        """Train to the last update, from the newest checkpoint of the folder where there is one.

        Args:
            until: stop early, after this many updates in total; another call continues as if uninterrupted.

        Raises:
            DivergedError: something that would be saved is not finite; the checkpoints are from before that.
            Interrupted: SIGINT or SIGTERM came; the state is saved.
            HrmError: the folder cannot be written.
        """
        updates = self.config.train.updates
        outcome = None
        with sole_writer(self.folder) if self._world.leads else nullcontext():
            self._open_folder()
            try:
                tell(self._callbacks, "on_start", self)
                self._run_until(updates if until is None else min(until, updates))
                outcome = Outcome(self.folder, self._update, self._best)
                return outcome
            finally:
                tell(self._callbacks, "on_end", outcome)

    def _run_until(self, last_update: int) -> None:
        train, window = self.config.train, self._window
        log: Log = NoLog()
        if self._world.leads:
            log = RunLog(self.folder, train.updates, self._update, self._evaluated, self._console)
        with log, PoliteSignals() as signals:
            if self._resumed:
                log.say(f"resuming {self.folder} at update {self._update} {self._learner.place}")
            elif not self._update:
                log.say(f"training {self._learner.place}")
            if self._owes_evaluation():  # a signal came before it, or while it ran
                self._settle(log, signals, ending=True)
            while self._update < last_update:
                window.updates.append(self.train_segment())
                ends_line = self._update == train.updates or self._update % train.log_every == 0
                if ends_line or self._update - self._guard.looked_at >= LOOK_EVERY or self._owes_evaluation():
                    self._look_at_loss(log)
                if ends_line:
                    self._report(log)
                else:
                    log.tick(self._update)
                self._settle(log, signals, ending=self._update == last_update)
            log.write_table()
            if self._update == train.updates and self._world.leads:
                log.draw_curves()
                saving.copy_card(self.folder)

    def _settle(self, log: Log, signals: PoliteSignals, ending: bool) -> None:
        """After an update: evaluate and save where it is time for that, and stop where a signal asked for it.

        A signal stops an evaluation, too: what is saved then says which one was the last, so the run that goes on from
        there makes it first.
        """
        if self._owes_evaluation():
            with self._window.paused():
                self._validate(log, signals)
        # once an update, for all processes: a signal from here on ends the next one
        stopped_by = max(self._world.counts(signals.asked or 0)) or None
        if stopped_by is not None or ending or self._update % self.config.train.checkpoint_every == 0:
            self._checkpoint()
        if stopped_by is not None:
            raise Interrupted(stopped_by, self._update)

    def _owes_evaluation(self) -> bool:
        due = self._update == self.config.train.updates or self._update % self.config.eval.every == 0
        return due and self._evaluated < self._update

    def next_commands(self) -> list[list[str]]:
        """Return commands that show what the run has reached, as lists of arguments."""
        return next_commands(self.config, self.folder, self.store, self.splits)

    def train_segment(self) -> dict[str, Tensor]:
        """Make one update: fill free slots, run one segment of all, take an optimizer step, keep the latents.

        Returns:
            Sums over the slots of this process, on the device, for the log.
        """
        bank, learner = self._bank, self._learner
        if self._pieces is None:
            self._pieces = pieces_of(self.config.train.micro_batch, len(bank.slots.inputs), self._rehearse, self._world)
            learner.connect(len(self._pieces))
        slots, min_segments = bank.refill(), bank.min_segments()
        done: list[_Piece] = []
        for rows in self._pieces:
            learner.backward(lambda rows=rows: self._run(slots, min_segments, rows, done), rows is self._pieces[-1])
        self._update += 1
        norm = learner.step(self._update)
        whole = _Piece.joined(done)
        bank.advance(whole.latents, whole.halted)
        self._watch.note(self._update, slots.draws, whole.sums["loss"], norm)
        return whole.sums

    def _run(self, slots: Slots, min_segments: Tensor, rows: slice, done: list["_Piece"]) -> Tensor:
        """Run one segment of some slots, note what came of it, and return its part of the loss."""
        config, model, bank = self.config, self.model, self._bank
        # one segment of each
        exists, relations = bank.exists, bank.relations
        exists = None if exists is None else exists[rows]
        relations = relations[rows] if relations.dim() == 4 else relations  # of each puzzle, or of all alike
        x = model.embed(slots.inputs[rows], slots.puzzle_ids[rows], exists, relations)
        cycles = 1 if self._update < config.train.shallow_updates else None
        segment = model.segment(slots.latents[rows], x, cycles)
        # which puzzles halt, and what going on would be worth
        q_halt, q_continue = segment.q_halt_logit, segment.q_continue_logit
        used, budget = slots.segments[rows] + 1, config.halting.max_segments
        value_of_more = None if q_continue is None else q_continue.detach()
        halt = should_halt(q_halt.detach(), value_of_more, used, min_segments[rows], budget)
        target = None
        if q_continue is not None:
            with torch.no_grad():  # the published algorithm looks a whole segment ahead for this target
                ahead = model.segment(segment.latents, x, cycles)
            assert ahead.q_continue_logit is not None
            target = continue_target(ahead.q_halt_logit, ahead.q_continue_logit, used >= budget)
        loss = segment_loss(segment, slots.labels[rows], target, config.train.loss)
        sums = sums_of(segment, loss, halt, used, config.train.q_weight)
        done.append(_Piece(segment.latents.detach(), halt.halted, sums))
        return loss.total(config.train.q_weight) / len(slots.inputs)

    def _rehearse(self, rows: slice) -> None:
        """Run forward and backward of some slots, and keep nothing: it fits into memory, or it does not."""
        bank = self._bank
        try:
            self._run(bank.slots, bank.min_segments(), rows, []).backward()
        finally:
            self._learner.forget_gradients()

    def save(self, folder: str | Path, *, with_state: bool, choice: str = "this update") -> None:
        """Write a checkpoint: the averaged weights, and everything that training needs to go on.

        Raises:
            DivergedError: something that would be saved is not finite.
            HrmError: the folder cannot be written; what was there before is untouched.
        """
        self._refuse_divergence()
        meta = {"update": self._update, "cursor": self._bank.cursor, "best": self._best, "trained_s": self._trained_s}
        meta |= {"evaluated": self._evaluated, "window_s": self._window.seconds, "choice": choice} | saving.training_of(
            self.store, self.splits, self.device, self._world.size
        )
        meta |= ({"guard": self._guard.state()} if with_state else {}) | ({"init": self._start} if self._start else {})
        shared = {"slots": self._bank.state(), "window": self._window.state(self._world)} if with_state else {}
        if not self._world.leads:
            return
        state = saving.packed(self._learner.state() | shared) if with_state else None
        card = saving.model_card(self.config, self.model, meta)
        save_checkpoint(
            Path(folder), config=self.config.to_toml(), weights=self.average.state_dict(), state=state, meta=meta,
            card=card, table=self.store.table,
        )  # fmt: skip

    def restore(self, folder: str | Path) -> None:
        """Restore everything that ``save`` wrote with its state.

        Raises:
            DataError: the checkpoint is damaged, has no state, or is of other puzzles.
            DivergedError: it holds a number that is not finite.
        """
        checkpoint, state = self._world.from_leader(lambda: saving.load_to_resume(Path(folder), self.store))
        meta = checkpoint.meta
        slots, weights, moments, window = (saving.unpacked(state, p) for p in ("slots", "weights", "optim", "window"))
        if not self._world.leads:  # the sums of all processes are in it
            window = {name: torch.zeros_like(sums) for name, sums in window.items()}
        with saving.fitting(checkpoint.path):
            saving.require_slots(slots, self._bank.state(), self.store)
            self._learner.load(checkpoint.weights, weights, moments)
            self._bank.load(slots, meta["cursor"])
            self._window = Window.of(window, meta.get("window_s", 0.0), self.device)
        self._update, self._best, self._trained_s = meta["update"], meta["best"], meta["trained_s"]
        self._watch, self._start = Watch(self._update), meta.get("init")
        # older versions kept neither: they saved after the evaluation, or left it out for good
        self._evaluated = meta.get("evaluated", self._update)
        self._guard = LossGuard()
        if guard := meta.get("guard"):  # which older versions did not keep
            self._guard.load(guard)

    def _open_folder(self) -> None:
        before, init = self._update, self._init
        self._window.restart_clock()  # the trainer may have been made long ago
        if self._world.leads:
            for place in (self.folder, self.folder / CHECKPOINTS):
                tidy(place)
            claim(self.folder, self.config, writes=False)  # now that no other run can change what is there
        newest = self._world.from_leader(lambda: saving.newest_checkpoint(self.folder, self._console))
        if newest is not None:
            self.restore(newest)
        elif init is not None:
            start = self._world.from_leader(lambda: load_checkpoint(find_checkpoint(init)))
            self._learner.start_from(start, self.store.table)
            self._start = saving.start_of(init, start)
        self._resumed = self._update != before  # not where a second call of ``fit`` goes on from the first
        if not self._world.leads:
            return
        replace_file(self.folder / CONFIG, self.config.to_toml().encode())

    def _look_at_loss(self, log: Log) -> None:
        """Say where the loss jumps; until it falls again, what was good before stays: ``best``, and a checkpoint.

        Raises:
            DivergedError: the loss, or something else that would be saved, is not finite.
        """
        count = min(self._update - self._guard.looked_at, len(self._window.updates))
        loss = self._window.mean_loss(count, self.config.train.batch_size, self._world)
        if not math.isfinite(loss):
            self._refuse_divergence()
        if self._guard.look(self._update, loss):
            kept = newest_until(self.folder / CHECKPOINTS, self._guard.usual_until)
            log.say(self._guard.said(self._update, loss, kept))

    def _report(self, log: Log) -> None:
        self._refuse_divergence()
        means, seconds = self._window.close(self.config.train.batch_size, self._world)
        self._trained_s += seconds
        metrics = means | {"puzzles_started": self._bank.cursor, "trained_s": self._trained_s}
        log.window(self._update, metrics)
        tell(self._callbacks, "on_log", {"update": self._update, **metrics})
        self._window.restart_clock()

    def _validate(self, log: Log, signals: PoliteSignals) -> None:
        """Evaluate on the validation split and keep the best weights; without a split the newest are the best.

        Where a signal comes first, nothing is kept.
        """
        reached: dict[str, Any] = {"exact": None, "valid": None}
        choice = "last update (no validation split)"
        if "validation" in self.splits:
            results = self._learner.evaluate(self.store.puzzle, self.splits["validation"], signals.came)
            seen = self._solve_training_puzzles(signals)
            if results is None or seen is None:
                return
            log.evaluation(self._update, results, seen)
            tell(self._callbacks, "on_evaluation", {"update": self._update, **results, **seen})
            reached = {name: results[name] for name in reached}
            choice = f"best exact on {results['examples']} validation puzzles"
        self._evaluated = self._update
        best, now = self._best["exact"], reached["exact"]
        if best is not None and now is not None and now < best:
            return
        if self._guard.risen and self._best["update"] and (now is None or now == best):
            return
        self._best = {"update": self._update, **reached}
        self.save(self.folder / BEST, with_state=False, choice=choice)

    def _solve_training_puzzles(self, signals: PoliteSignals) -> dict[str, Any] | None:
        """Return ``training_exact`` and so on where the configuration asks for it; None where a signal comes first."""
        puzzles = self.splits["train"].take(slice(self.config.eval.training))
        if not len(puzzles):
            return {}
        results = self._learner.evaluate(self.store.puzzle, puzzles, signals.came)
        return results and {f"{SEEN}{name}": value for name, value in results.items()}

    def _checkpoint(self) -> None:
        checkpoint = self.folder / CHECKPOINTS / f"update-{self._update:06d}"
        self.save(checkpoint, with_state=True)
        if self._world.leads:
            prune(self.folder / CHECKPOINTS, KEPT_CHECKPOINTS, until=self._guard.usual_until)
        tell(self._callbacks, "on_checkpoint", str(checkpoint))

    def _refuse_divergence(self) -> None:
        own = {"slots": slots_state(self.slots), "window": self._window.state()}
        tensors = saving.packed({"average": self.average.state_dict()} | self._learner.state() | own)
        self._watch.refuse(tensors, self._update, self.folder, self._bank.rows, self._world)
