"""What a sheet of ARC attempts shows, and that nothing given can get out of its page."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from hrm.errors import HrmError, UsageError
from hrm.inference.vote import Candidate
from hrm.puzzles.arc.family import PALETTE
from hrm.puzzles.arc.tasks import Pair, Task
from hrm.viz.puzzle.arc_sheet import MOST_DRAWN, Panel, Row, rows, save, sheet_html, sheet_image

GRID = np.arange(10, dtype=np.uint8).reshape(2, 5)
RIGHT, WRONG = Candidate(GRID, 1, 0.75), Candidate(GRID[:, ::-1].copy(), 12, 0.25)
TASK = Task("a", (Pair(GRID, GRID),), (Pair(GRID.T.copy(), GRID), Pair(GRID, GRID)), "evaluation")
BARE = Task("b", (Pair(GRID, GRID),), (Pair(GRID, None),), "evaluation")
BLANK = Row("x", (), (Panel("input", GRID),), None)
RANKED = {("a", 0): (WRONG, RIGHT, WRONG), ("b", 0): (RIGHT,)}


def test_captions_say_what_is_right():
    shown = rows([BARE, TASK], RANKED)
    assert [row.title for row in shown] == ["a, test 1", "a, test 2", "b, test 1"]
    assert [[caption for caption, _, _ in row.panels] for row in shown] == [
        ["input", "attempt 1, wrong: 12 votes, q_halt 0.25", "attempt 2, right: 1 vote, q_halt 0.75", "true output"],
        ["input", "no attempt", "true output"],
        ["input", "attempt 1: 1 vote, q_halt 0.75"],
    ]
    assert len(rows([TASK], RANKED, attempts=1)[0].panels) == 2 + 1 and len(rows([TASK], RANKED, limit=1)) == 1


def test_the_page_is_whole_and_loads_nothing():
    page = sheet_html(rows([TASK, BARE], RANKED), title='<script>alert("x")</script>')
    assert "1 of 2 tests with a known output are solved." in page
    assert "<script" not in page and not re.search(r"(src|href)=|url\(|http", page)
    svgs = re.findall(r"<svg.*?</svg>", page)
    assert len(svgs) == 2 + 4 + 2 + 2 + 2 + 2 and page.count("example 1</figcaption>") == 3
    drawn = ElementTree.fromstring(svgs[0])
    assert [path.get("fill") for path in drawn.iter("path")] == list(PALETTE)
    assert "No output is known." in sheet_html(rows([BARE], RANKED))


def test_the_picture_shows_every_color_and_both_verdicts():
    image = sheet_image(rows([TASK, BARE], RANKED))
    assert image.width > 4 * 180 and image.height > 3 * 180
    colors = {f"{red:02x}{green:02x}{blue:02x}" for _, (red, green, blue) in image.getcolors(1 << 20)}
    assert colors >= {*(color[1:] for color in PALETTE), "1a7f37", "c1121f"}


def test_files_by_suffix(tmp_path):
    shown = rows([TASK], RANKED)
    for name in ("sheet.html", "sheet.PNG"):
        save(shown, tmp_path / name)
    assert (tmp_path / "sheet.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with Image.open(tmp_path / "sheet.PNG") as image:
        assert image.format == "PNG"
    with pytest.raises(UsageError, match=".html or .png"):
        save(shown, tmp_path / "sheet.svg")
    save(shown, tmp_path / "absent" / "sheet.html")
    with pytest.raises(HrmError, match="cannot write"):
        save(shown, tmp_path / "sheet.PNG" / "sheet.html")


def test_too_much_or_nothing_to_show():
    with pytest.raises(UsageError, match="got 11"):
        rows([TASK], RANKED, attempts=11)
    for shown in ([], rows([TASK], RANKED) * MOST_DRAWN):
        with pytest.raises(UsageError, match=f"got {len(shown)}"):
            sheet_image(shown)
    assert "No output is known." in sheet_html([])


def test_demonstrations_stand_before_the_attempts():
    """A thousand examples of one task do not make the sheet a thousand pictures wide."""
    many = Task("c", (Pair(GRID, GRID),) * 20, TASK.tests[:1])
    page = sheet_html(rows([many], RANKED))
    assert page.index("example 1") < page.index("no attempt") and page.count("<figure><span>") == 6
    assert "and 14 more examples" in page and '<div class="examples">' not in sheet_html([BLANK])
    wide, bare = (sheet_image([row]) for row in (rows([many], RANKED)[0], BLANK))
    assert wide.height > bare.height + 90 and wide.width > 6 * 2 * 90
