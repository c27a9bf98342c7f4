"""What ``test_world.py`` starts under torchrun: one training in each process; the first writes down what it saw."""

import json
import sys
from pathlib import Path

from rich.console import Console
from torch import distributed

from hrm.config import from_toml
from hrm.runtime.world import join
from hrm.train.trainer import Trainer


def main(folder: Path, until: int) -> None:
    world = join()
    config = from_toml((folder / "wanted.toml").read_text(), "wanted.toml")
    run = Trainer(config, folder / "run", folder / "cache", console=Console(quiet=True))
    original, seen = run.train_segment, []

    def train_segment():
        sums = original()
        draws = world.joined(run.slots.draws.clone()).tolist()
        seen.append({"loss": float(world.sums(sums["loss"].clone())), "draws": draws})
        return sums

    run.train_segment = train_segment
    run.fit(until=until)
    if world.leads:
        file = folder / "seen.json"
        before = json.loads(file.read_text()) if file.exists() else []
        file.write_text(json.dumps(before + seen))
    if world.size > 1:
        distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
