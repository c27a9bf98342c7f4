"""A process that is told of others, but not how to meet them, says so in one line."""

import pytest

from hrm.cli.main import main
from hrm.errors import UsageError
from hrm.runtime.environment import rank
from hrm.runtime.world import ALONE, join

WHOLE = {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "node", "MASTER_PORT": "29500"}


@pytest.fixture
def told(monkeypatch):
    def tell(variables):
        for name in WHOLE:
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return tell


PARTS = [
    *(({k: v for k, v in WHOLE.items() if k != name}, name) for name in list(WHOLE)[1:]),
    *((WHOLE | {"RANK": value}, "RANK") for value in ("x", "-1", "2")),
    (WHOLE | {"LOCAL_RANK": ""}, "LOCAL_RANK"), (WHOLE | {"WORLD_SIZE": "two"}, "WORLD_SIZE"),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "wrong"), PARTS)
def test_a_job_that_is_told_in_part_is_refused(told, capsys, variables, wrong):
    told(variables)
    assert main(["models"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and f"but {wrong} is missing or wrong: start them with torchrun, or unset" in said[0]
    with pytest.raises(UsageError, match=wrong):
        join()


@pytest.mark.parametrize("size", [None, "", "0", "1"])
def test_one_process_is_alone_whatever_else_is_told(told, size):
    told({"RANK": "0"} | ({} if size is None else {"WORLD_SIZE": size}))
    assert rank() is None and join() == ALONE and main(["models"]) == 0


def test_a_whole_job_is_taken(told, capsys):
    told(WHOLE)
    assert rank() == 1
    assert main(["models"]) == 2 and capsys.readouterr().err.startswith("hrm (process 1): torchrun is for: ")
