"""What ``test_world.py`` starts under torchrun: one training in each process; the first writes down what it saw."""

import json
import os
import signal
import sys
from pathlib import Path

from rich.console import Console

from hrm.config import from_toml
from hrm.errors import DivergedError
from hrm.runtime.environment import end
from hrm.runtime.world import join
from hrm.train.trainer import Trainer


def break_at(update: int, run: Trainer) -> None:
    """Let this process meet a NaN in the answers of one update."""
    original = run.model.segment

    def segment(*arguments):
        made = original(*arguments)
        if run.update == update - 1:
            made.logits.data[0, 0, 0] = float("nan")
        return made

    run.model.segment = segment


def main(folder: Path, until: int, killed_at: int = 0, broken_at: int = 0) -> None:
    world = join()
    config = from_toml((folder / "wanted.toml").read_text(), "wanted.toml")
    run = Trainer(config, folder / "run", folder / "cache", console=Console(quiet=True))
    original, seen = run.train_segment, []

    def train_segment():
        sums = original()
        draws = world.joined(run.slots.draws.clone()).tolist()
        if run.update == killed_at and world.rank == 1 and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append({"update": run.update, "loss": float(world.sums(sums["loss"].clone())), "draws": draws})
        return sums

    run.train_segment = train_segment
    if world.rank == 1:
        break_at(broken_at, run)
    diverged = None
    try:
        run.fit(until=until)
    except DivergedError as error:
        diverged = error
        (folder / f"diverged-{world.rank}").write_text(str(error))
    if world.leads:
        file = folder / "seen.json"
        before = json.loads(file.read_text()) if file.exists() else []
        file.write_text(json.dumps(before + seen))
    if diverged is not None:
        end(diverged.exit_code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
    end(0)
