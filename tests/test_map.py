"""The map of the package is true: every module has a line, every line is a module, and the README leads everywhere."""

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_map_names_every_room_and_nothing_else():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([^`]+)` \|", page, re.M))
    for path in named:
        assert (ROOT / path).exists(), f"the map names {path}"
    package = ROOT / "src" / "hrm"
    rooms = {f"src/hrm/{p.name}" for p in package.iterdir() if (p / "__init__.py").exists() or p.suffix == ".py"}
    assert rooms - {"src/hrm/__init__.py", "src/hrm/__main__.py"} <= named


def test_the_readme_leads_to_every_page():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([^)#\s]+)\)", text))
    assert {f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")} <= linked
    assert len(text.splitlines()) <= 130


def test_the_page_of_the_architecture_is_short():
    assert len((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split()) <= 1200


def test_the_targets_that_the_readme_makes_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", text, re.M):
        assert f"{target}:" in (ROOT / "Makefile").read_text(), target


def test_the_front_of_the_package():
    import hrm

    assert sorted(hrm.__all__) == sorted(set(hrm.__all__)) and all(getattr(hrm, name) for name in hrm.__all__)
    assert hrm.load("sudoku-4x4").solve("..1.4.....2.3...").answer == "2314413214233241"


LONGEST_FILE, LONG_FUNCTION, LINES_PER_SIGNPOST = 400, 30, 20
MODULES = sorted((ROOT / "src" / "hrm").rglob("*.py"))
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_files_are_short_and_long_functions_have_signposts(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    assert len(lines) <= LONGEST_FILE
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type not in LAYOUT]
    code = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
            body = range(first.lineno, (node.end_lineno or 0) + 1)
            count = len(code & set(body))
            above = range(node.body[0].end_lineno or 0, first.lineno)  # a comment between docstring and first statement
            signposts = sum(lines[line - 1].lstrip().startswith("# ") for line in {*above, *body})
            enough = count <= LONG_FUNCTION or signposts >= count // LINES_PER_SIGNPOST
            assert enough, f"{node.name} has {count} lines and {signposts} signposts: name its blocks, or shorten it"
