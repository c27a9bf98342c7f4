"""What ``test_kills.py`` starts: kills runs at random times, lets each go on to its end, and counts what was met.

Each run is a fork of this process, which has imported everything, and is the only one that does not train: torch
cannot fork a process that has.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from runs import UPDATES, begun, differing, left, tiny

from hrm.checkpoint import latest_checkpoint
from hrm.config import RunConfig
from hrm.train import log
from hrm.train.trainer import Trainer

RANDOM_S, SAVES = 0.3, 5
"""Every other kill comes at most so long after training began; the others wait for one of so many saves."""
POLL_S = 0.0005


class Tells:
    """Writes to a pipe when training begins."""

    def __init__(self, pipe: int):
        self._pipe = pipe

    def on_start(self, trainer: Trainer) -> None:
        os.write(self._pipe, b".")


def training(folder: Path, config: RunConfig) -> int:
    """Return a process that trains, once it has begun to."""
    told, tell = os.pipe()
    if pid := os.fork():
        os.close(tell)
        os.read(told, 1)
        os.close(told)
        return pid
    try:
        begun(folder, config, callbacks=[Tells(tell)]).fit()
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def ended(pid: int) -> bool:
    """Say whether a process has ended; it stays until it is waited for."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def half_saved(folder: Path) -> list[Path]:
    """Return what a save that is not complete, or was cut short, has in a run folder."""
    return [*folder.glob("checkpoints/.update-*.tmp-*"), *folder.glob(".best.*-*")]


def lost(folder: Path) -> int:
    """Return how many updates of the log are in no checkpoint; every checkpoint must be whole."""
    newest, damaged = latest_checkpoint(folder / "checkpoints")
    assert damaged == []
    lines = (folder / "metrics.jsonl").read_text().splitlines() if (folder / "metrics.jsonl").exists() else []
    made = max((json.loads(line)["update"] for line in lines if line.endswith("}")), default=0)
    return made - (int(newest.name.removeprefix("update-")) if newest else 0)


def time_inside_a_save(pid: int, folder: Path) -> float:
    """Wait until a run has ended; return the seconds that one of its saves took."""
    began, saving = time.monotonic(), []
    while not ended(pid):
        saving.append(bool(half_saved(folder)))
        time.sleep(POLL_S)
    assert os.waitpid(pid, 0)[1] == 0
    return (time.monotonic() - began) * sum(saving) / len(saving) / UPDATES


def main(place: Path, kills: int, inside_a_save: int, width: int) -> None:
    torch.set_num_threads(1)
    log.has_matplotlib = lambda: False
    sizes = {"model.width": width, "model.puzzle_width": width}
    config = tiny(**sizes, **{"train.checkpoint_every": 1, "train.log_every": 1})
    begun(place / "warm", config)  # generates the puzzles, too
    save_s = time_inside_a_save(training(place / "whole", config), place / "whole")
    expected, rng = left(place / "whole"), random.Random(0)
    came = inside = runs = 0
    while came < kills or inside < inside_a_save:
        folder, code = place / str(runs), None
        while code != 0:
            pid = training(folder, config)
            if came < kills or inside < inside_a_save:
                # wait for a moment, and kill
                if aimed := came % 2 == 1 or came >= kills:
                    begun_saves, wanted = set(), rng.randint(1, SAVES)
                    while len(begun_saves) < wanted and not ended(pid):
                        begun_saves.update(half_saved(folder))
                        time.sleep(POLL_S)
                time.sleep(rng.random() * (save_s if aimed else RANDOM_S))
                os.kill(pid, signal.SIGKILL)  # where it has ended, it stays until it is waited for
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            assert code in (0, -signal.SIGKILL), code
            if code:
                came += 1
                inside += bool(half_saved(folder))
                assert lost(folder) <= 1, folder
        assert differing(expected, left(folder)) == [], folder
        runs += 1
    state_mb = sum(file.stat().st_size for file in (place / "whole").glob(f"checkpoints/*{UPDATES}/*")) / 1e6
    print(json.dumps({"kills": came, "inside_a_save": inside, "runs": runs, "state_mb": state_mb, "save_s": save_s}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
