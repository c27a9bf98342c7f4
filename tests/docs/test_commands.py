"""Every command and every piece of Python of the pages that a newcomer reads works as printed, in a fresh folder."""

import contextlib
import io
import re
import shlex
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["README.md", "docs/quickstart.md"]
PYTHON = [*COMMANDS, "docs/training.md", "docs/inside.md"]
SHORT = ["--train.updates", "2", "--train.compile", "false"]
"""What is added to a long training."""


def fences(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(page):
    lines = "".join(fences(page, "sh")).splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("hrm ")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """What a clone has beside the package, and nothing else."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", COMMANDS)
def test_commands_work_as_printed(page, folder, hrm):
    found = commands(page)
    assert len(found) >= 6
    shortened = {words[words.index("--out") + 1] for words in found if words[0] == "train" and "--out" in words}
    for words in found:
        done = hrm(*words, *(SHORT if words[0] == "train" else []), cwd=folder)
        unsolved = words[0] == "solve" and words[1] in shortened  # after so short a training, and said by the exit code
        assert done.code in (0, int(unsolved)), f"hrm {shlex.join(words)}: exit code {done.code}\n{done.err[-2000:]}"
        assert done.out.strip() or done.err.strip(), f"hrm {shlex.join(words)} says nothing"
        if "--out" in words:
            assert (folder / words[words.index("--out") + 1]).exists()


@pytest.mark.parametrize("page, code", [(page, code) for page in PYTHON for code in fences(page, "python")])
def test_python_prints_what_its_comments_say(page, code, folder):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code, page, "exec"), {"__name__": "__main__"})
    promised = re.findall(r"^print\(.*\)\s+# (.+)$", code, re.MULTILINE)
    assert promised or page not in COMMANDS
    assert [line.rstrip() for line in said.getvalue().splitlines()][: len(promised)] == promised


def test_the_pages_are_not_read_over():
    assert sum(len(fences(page, "python")) for page in COMMANDS) >= 2
    assert {words[0] for words in commands("README.md")} >= {"solve", "eval", "train", "show", "analyze", "report"}
