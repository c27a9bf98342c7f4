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
FEWER = "limit=200", "limit=20"
"""What is replaced in Python where the page prints no numbers of so many puzzles as a comment."""
BRIEFLY = ["--max-segments", "2"]
"""What is added where the model of so short a training would try for long."""


def fences(page, language):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(page):
    lines = "".join(fences(page, "sh")).splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("hrm ")]


@pytest.fixture
def folder(tmp_path, environment, monkeypatch):
    """What a clone has beside the package, and nothing else."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HRM_CACHE", environment["HRM_CACHE"])
    return tmp_path


@pytest.fixture(scope="module")
def before():
    """Commands that an earlier page printed, too: what they did, and what they wrote."""
    return {}


@pytest.mark.parametrize("page", COMMANDS)
def test_commands_work_as_printed(page, folder, hrm, before):
    found = commands(page)
    assert len(found) >= 6
    shortened = {words[words.index("--out") + 1] for words in found if words[0] == "train" and "--out" in words}
    for words in found:
        line, untaught = shlex.join(words), words[1:2] and words[1] in shortened
        out = folder / words[words.index("--out") + 1] if "--out" in words else None
        if line in before:
            done, written = before[line]
            if written is not None:
                out.parent.mkdir(exist_ok=True)
                (shutil.copytree if written.is_dir() else shutil.copy)(written, out)
        else:
            briefly = BRIEFLY if untaught and words[0] in ("solve", "show") else []
            done = hrm(*words, *(SHORT if words[0] == "train" else briefly), cwd=folder)
            if not untaught:
                before[line] = done, out
        unsolved = words[0] in ("solve", "show") and untaught  # after so short a training, and said by the exit code
        assert done.code in (0, 5 if unsolved else 0), f"hrm {line}: exit code {done.code}\n{done.err[-2000:]}"
        assert done.out.strip() or done.err.strip(), f"hrm {line} says nothing"
        assert out is None or out.exists()


@pytest.mark.parametrize("page, code", [(page, code) for page in PYTHON for code in fences(page, "python")])
def test_python_prints_what_its_comments_say(page, code, folder):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(code.replace(*FEWER), page, "exec"), {"__name__": "__main__"})
    promised = re.findall(r"^print\(.*\)\s+# (.+)$", code, re.MULTILINE)
    assert promised or page not in COMMANDS
    assert [line.rstrip() for line in said.getvalue().splitlines()][: len(promised)] == promised


def test_the_pages_are_not_read_over():
    assert sum(len(fences(page, "python")) for page in COMMANDS) >= 2
    assert {words[0] for words in commands("README.md")} >= {"solve", "eval", "train", "show", "analyze", "report"}
