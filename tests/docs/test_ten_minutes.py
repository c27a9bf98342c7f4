"""The page that teaches shows the code as it is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "ten-minutes.md").read_text(encoding="utf-8")
EXCERPTS = re.findall(r"\]\(\.\./([\w/]+\.py)\)[^\n]*\n\n```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
LEFT_OUT = "# …"


def lines_of(text):
    """The lines that say something, whatever their indentation."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def is_excerpt(excerpt, source):
    """Whether a source has these lines in this order, with nothing between them but where a line says so."""
    lines, at = lines_of(source), 0
    for part in "\n".join(lines_of(excerpt)).split(LEFT_OUT):
        wanted = lines_of(part)
        starts = (i for i in range(at, len(lines) - len(wanted) + 1) if lines[i : i + len(wanted)] == wanted)
        start = next(starts, None)
        if start is None or not wanted:
            return False
        at = start + len(wanted)
    return True


def test_every_piece_of_python_names_its_file():
    assert len(EXCERPTS) == PAGE.count("```python") >= 10


@pytest.mark.parametrize("file, excerpt", EXCERPTS)
def test_an_excerpt_stands_in_its_file(file, excerpt):
    assert is_excerpt(excerpt, (ROOT / file).read_text(encoding="utf-8"))


@pytest.mark.parametrize("excerpt, is_one", [
    ("a = 1\nb = 2", True),
    ("    a  = 1\n    b = 2", True),
    ("a = 1\n# …\nc = 3  # three", True),
    ("a = 1\nc = 3  # three", False),       # a gap that is not marked
    ("b = 2\n# …\na = 1", False),           # another order
    ("a = 2", False),
    ("c = 3", False),                        # its comment belongs to the line
])  # fmt: skip
def test_what_counts_as_an_excerpt(excerpt, is_one):
    assert is_excerpt(excerpt, "a = 1\n\n  b = 2\nc = 3  # three\n") is is_one


def test_markdown_leaves_the_equations_as_they_are():
    equations = re.findall(r"\$\$?([^$]+)\$\$?", PAGE)
    assert len(equations) > 20
    for equation in equations:  # Markdown takes a backslash before punctuation away
        assert not re.search(r"\\[^A-Za-z\s]", equation), equation
