"""What ``hrm train`` says: at once, while it works, and at the end; and what it says of flags it does not have."""

import shlex
import sys
import time
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from hrm import recipes

TINY = ["--model.width", 32, "--data.train", 40, "--data.validation", 8, "--train.batch_size", 8]


def test_the_header_comes_before_torch(environment, tmp_path):
    began = time.monotonic()
    with Popen(
        [Path(sys.executable).parent / "hrm", "train", "smoke", "--updates", "2", "--out", "run"],
        cwd=tmp_path, stdout=PIPE, stderr=PIPE, text=True, env=environment,
    ) as process:  # fmt: skip
        lines = [process.stderr.readline() for _ in range(5)]
        took = time.monotonic() - began
        process.communicate()
    assert [line.split()[0] for line in lines] == ["model", "device", "data", "length", "folder"]
    assert "131,917 parameters" in lines[0] and "200 to train on" in lines[2] and "2 updates" in lines[3]
    assert took < 4  # half a second on an idle machine; torch alone takes three


def test_short_flags_and_an_early_line(hrm, tmp_path):
    done = hrm("train", "smoke", *TINY, "--seed", 3, "--updates", 5, "--lr", 1e-3, "--device", "cpu", "--out", "run",
               cwd=tmp_path)  # fmt: skip
    assert done.code == 0, done.err
    assert "update 3/5" in done.err and "s an update, about" in done.err and "training on cpu" in done.err
    written = (tmp_path / "run" / "config.toml").read_text()
    assert "updates = 5" in written and "lr = 0.001" in written
    assert "seed = 3" in written and 'device = "cpu"' in written and "seed = 0" in written  # that of the data


def test_the_next_commands_work_as_printed(hrm, tmp_path):
    done = hrm("train", "smoke", *TINY, "--updates", 2, "--out", "sudoku-4x4", cwd=tmp_path)
    commands = [line.removeprefix("next: ") for line in done.out.splitlines() if line.startswith("next: ")]
    assert len(commands) == 2 and all("./sudoku-4x4" in command for command in commands)
    for command in commands:
        again = hrm(*shlex.split(command)[1:], cwd=tmp_path)
        assert again.code in (0, 5), (command, again.err)  # 5: an answer that breaks the rules
        assert not again.err.startswith("hrm:"), again.err


@pytest.mark.parametrize("flag, said", [
    ("--epochs", "--train.updates"), ("--resume", "same command again"), ("--batch-size", "--train.batch_size or"),
    ("--precision", "--train.precision"), ("--seeds", "--data.seed or --train.seed"), ("--data", "--data.path FILE"),
    ("--model", "it is a section"), ("--wandb", "--log wandb"), ("--optim.lrr", "optim.lr"),
])  # fmt: skip
def test_unknown_flags_name_what_to_give(hrm, tmp_path, flag, said):
    done = hrm("train", "smoke", flag, 3, cwd=tmp_path)
    assert done.code == 2 and said in done.err and done.err.startswith(f"hrm: unknown option {flag}")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize("name", [name for name in recipes.RECIPES if not recipes.get(name).data.generate])
def test_a_dry_run_fails_where_the_command_fails(hrm, tmp_path, name):
    found = [hrm("train", name, *more, cwd=tmp_path) for more in ((), ("--dry-run",))]
    assert found[0].code == found[1].code == 2 and found[0].err == found[1].err
    assert "give --data.path FILE" in found[0].err and not list(tmp_path.iterdir())


@pytest.mark.parametrize("content, flags", [
    ("question,answer\n..1.4.....2.3...,2314413214233241\n", ["--data.validation", 5]),
    ("question,answer\n..1.4.....2.3...,1111413214233241\n", []),
    ("question,answer\n..1.4.....2.3...\n", []),
])  # fmt: skip
def test_a_dry_run_reads_the_file(hrm, tmp_path, content, flags):
    (tmp_path / "rows.csv").write_text(content)
    command = ["train", "smoke", "--data.path", "rows.csv", "--data.train", 0, "--data.validation", 0, *flags]
    found = [hrm(*command, *more, cwd=tmp_path) for more in ((), ("--dry-run",))]
    assert found[0].code == found[1].code != 0
    assert found[0].err.splitlines()[-1] == found[1].err.splitlines()[-1]


def test_a_model_to_start_from_that_does_not_exist_is_refused_before_anything_else(hrm, tmp_path):
    for more in ((), ("--dry-run",)):
        done = hrm("train", "smoke", "--init", "sudoku-4x5", *more, cwd=tmp_path)
        assert done.code == 2 and done.err.startswith("hrm: ") and "sudoku-4x4" in done.err
    assert not list(tmp_path.iterdir())
