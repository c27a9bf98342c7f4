"""The table of file formats is what the readers do: each example is read, and the page's first commands run."""

import re
from pathlib import Path

import pytest

from hrm.data.prepare import family_of_file
from hrm.data.sources.files import read_rows
from hrm.data.sources.formats import FORMATS, ROWS
from hrm.data.sources.questions import questions
from hrm.puzzles.arc.files import read_tasks

PAGE = Path(__file__).resolve().parents[3] / "docs" / "file-formats.md"


@pytest.mark.parametrize("each", [each for each in FORMATS if each.example], ids=lambda each: each.name)
def test_every_example_is_read(tmp_path, each):
    for suffix in each.suffixes:
        file = tmp_path / f"example{suffix}"
        file.write_text(each.example)
        if each.family == "arc":
            assert len(list(read_tasks(file))) == 1
            continue
        family = family_of_file(each.family, file)
        found = list(questions(file, family))
        assert found and not any(question.error for question in found)
        if "solution" in each.example or "answer" in each.example or "output" in each.example:
            assert len(read_rows(file, family)) == len(found)


def test_the_readers_know_each_suffix_of_rows_once():
    assert len(set(ROWS)) == len(ROWS)


def test_the_first_commands_of_the_page_run(tmp_path, monkeypatch, capsys):
    from hrm.cli.main import main

    [block] = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    first, *commands = block.splitlines()
    text, name = re.fullmatch(r"printf '(.*)' > (\S+)", first).groups()
    Path(name).write_text(text.replace("\\n", "\n"))
    for command in commands:
        assert main(command.split()[1:]) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert "1 rows and 5 columns" in out and "4 symbols, single characters: a b c d" in out
