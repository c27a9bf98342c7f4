"""The README's map is true: every room has a line, and every line is a room."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_map_names_every_room_and_nothing_else():
    named = set(re.findall(r"^\| `([^`]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.M))
    for path in named:
        assert (ROOT / path).exists(), f"the map names {path}"
    package = ROOT / "src" / "hrm"
    rooms = {f"src/hrm/{p.name}" for p in package.iterdir() if (p / "__init__.py").exists() or p.suffix == ".py"}
    assert rooms - {"src/hrm/__init__.py", "src/hrm/__main__.py"} <= named
    assert {f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md")} <= named


def test_the_targets_that_the_readme_makes_exist():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", text, re.M):
        assert f"{target}:" in (ROOT / "Makefile").read_text(), target


def test_the_front_of_the_package():
    import hrm

    assert sorted(hrm.__all__) == sorted(set(hrm.__all__)) and all(getattr(hrm, name) for name in hrm.__all__)
    assert hrm.load("sudoku-4x4").solve("..1.4.....2.3...").answer == "2314413214233241"
