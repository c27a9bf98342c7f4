"""The pages that are written from the code say what the code says."""

import importlib.util
import re
from pathlib import Path

import pytest

import hrm

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def reference():
    spec = importlib.util.spec_from_file_location("reference", DOCS / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", ["cli.md", "python-api.md", "file-formats.md", "schemas.json"])
def test_a_page_is_what_the_code_says(reference, page):
    assert set(reference.PAGES) == {"cli.md", "python-api.md", "file-formats.md", "schemas.json"}
    assert (DOCS / page).read_text(encoding="utf-8") == reference.PAGES[page](), "run `make docs`"


def test_writing_a_page_twice_gives_the_same(reference):
    assert reference.api() == reference.api() and reference.cli() == reference.cli()


def test_every_public_name_has_a_section_that_says_something(reference):
    page = reference.api()
    for name in set(hrm.__all__) - {"__version__"}:
        section = re.search(rf"^## hrm\.{name}\n(.*?)(?=^## |\Z)", page, re.M | re.S)[1]
        assert len(section.split()) > 5, name
    assert "self" not in re.findall(r"\((\w+)", page) and "Args:" not in page and ">>>" not in page


def test_the_example_on_the_first_screen_of_the_python_page_runs(reference, environment, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HRM_CACHE", environment["HRM_CACHE"])
    block = re.search(r"```python\n(.*?)```", reference.API, re.S)[1]
    exec(block, {})
    printed = re.findall(r"# (.+)$", block, re.M)
    assert capsys.readouterr().out.splitlines() == printed and (tmp_path / "solve.gif").stat().st_size > 1000
