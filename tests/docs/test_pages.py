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
from hrm.config import schema_paths

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


def is_a_part(span, sources):
    """Whether what a page calls a part of the code is one: a path, a module, `module.name`, `Class.name`, a setting."""
    if "/" in span:
        return any((base / span).exists() for base in (ROOT, ROOT / "src" / "hrm"))
    if span.endswith(".py"):
        return any(path.name == span for path in sources)
    first, _, name = span.rpartition(".")
    first = first.rpartition(".")[2]
    of = [text for path, text in sources.items() if first in (path.stem, path.parent.name) or f"class {first}" in text]
    word = re.compile(rf"\b{name}\b")
    named = any(word.search(text) for text in of) or any(name == path.stem for path in sources if of)
    return named or span in schema_paths() or any(span in text for text in sources.values())


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/design-notes.md", "CONTRIBUTING.md"])
def test_parts_of_the_code_are_where_a_page_says(page):
    sources = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src" / "hrm").rglob("*.py")}
    text = re.sub(r"^```.*?^```", "", read(ROOT / page), flags=re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([\w/]+(?:\.\w+)+|[\w/]+/[\w.]+)`", text)
    files = ("md", "json", "toml", "safetensors")  # that are written, or lie beside the code
    named = [span for span in spans if span.rpartition(".")[2] not in files and not re.search(PLACEHOLDER, span)]
    assert len(named) >= 5 and not is_a_part("folders.open_file", sources)
    assert [span for span in named if not is_a_part(span, sources)] == []


def test_headings_are_named_as_github_names_them(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# What's `new`, 9×9?\n\n## A [b](c.md)\n\n## A b\n\n```sh\n# no heading\n```\n", encoding="utf-8")
    assert anchors(page) == ["whats-new-99", "a-b", "a-b-1"]
