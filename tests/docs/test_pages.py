"""Whatever a page names is there: files, headings, commands."""

import json
import re
import shlex
from contextlib import suppress
from pathlib import Path

import pytest
from cyclopts.exceptions import MissingArgumentError

from hrm import recipes
from hrm.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), ROOT / "results" / "README.md", *(ROOT / "docs").glob("*.md")],
)
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))
PLACEHOLDER = r"\b[A-Z]{3,}\b| [A-Z]\b|…|\["


def name_of(page):
    return str(page.relative_to(ROOT))


def read(page):
    """The text of a page, or what a notebook says beside its code."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return text


def without_code(text):
    return re.sub(r"`[^`\n]+`", "", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def anchors(page):
    """The names that GitHub gives to the headings of a page."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    found = []
    for heading in re.findall(r"^#{1,6} (.+)$", text, re.MULTILINE):
        shown = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        slug = re.sub(r"[^\w\- ]", "", shown).replace(" ", "-")
        times = sum(re.fullmatch(rf"{re.escape(slug)}(-\d+)?", name) is not None for name in found)
        found.append(f"{slug}-{times}" if times else slug)
    return found


@pytest.mark.parametrize("page", PAGES + NOTEBOOKS, ids=name_of)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", without_code(read(page))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: there is no such file"
        assert not anchor or anchor in anchors(target), f"{link}: {target.name} has no such heading"


def parsed(command):
    """Read a command as the command line would."""
    words = shlex.split(command, comments=True)[1:]
    app.parse_args(words, exit_on_error=False, print_error=False)
    if words[0] == "train" and words[1:] and not words[1].startswith("--"):
        recipes.get(words[1])


@pytest.mark.parametrize("page", [page for page in PAGES + NOTEBOOKS if page.stem != "lab-book"], ids=name_of)
def test_commands_are_commands(page):  # those of the lab book are history
    text = read(page)
    fences = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    for line in "".join(fences).splitlines():
        if re.match(r"(\.venv/bin/)?hrm \w", line):
            parsed(line)
    for command in re.findall(r"`(hrm \w[^`]+)`", text):
        if not re.search(PLACEHOLDER, command):
            with suppress(MissingArgumentError):  # in running text a command may be named without what it needs
                parsed(command)


def test_headings_are_named_as_github_names_them(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# What's `new`, 9×9?\n\n## A [b](c.md)\n\n## A b\n\n```sh\n# no heading\n```\n", encoding="utf-8")
    assert anchors(page) == ["whats-new-99", "a-b", "a-b-1"]
