"""What a replay of an ARC test shows: the best grid after each segment, equal ones once."""

import io

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from hrm.errors import UsageError
from hrm.inference.vote import Candidate
from hrm.puzzles.arc.tasks import Pair, Task
from hrm.viz.puzzle.arc_replay import print_replay, replays, save_replays
from hrm.viz.puzzle.arc_sheet import sheet_html

GRID = np.arange(10, dtype=np.uint8).reshape(2, 5)
RIGHT, WRONG = Candidate(GRID, 3, 0.75), Candidate(GRID[:, ::-1].copy(), 2, 0.25)
TASK = Task("a", (Pair(GRID, GRID),), (Pair(GRID.T.copy(), GRID), Pair(GRID, None)))
STAGES = {("a", 0): ((), (WRONG,), (WRONG, RIGHT), (RIGHT,)), ("a", 1): ((RIGHT,),) * 4}


def test_equal_grids_in_a_row_are_one_stage():
    known, hidden = replays([TASK], STAGES)
    assert [caption for caption, _, _ in known.row.panels] == [
        "input",
        "segment 1: no grid",
        "segments 2 to 3, wrong: 2 votes, q_halt 0.25",
        "segment 4, right: 3 votes, q_halt 0.75",
        "true output",
    ]
    assert known.row.solved and [frame.solved for frame in known.frames] == [False, False, True]
    assert [caption for caption, _, _ in hidden.row.panels] == ["input", "segments 1 to 4: 3 votes, q_halt 0.75"]
    assert "1 of 1 tests with a known output are solved" in sheet_html([known.row, hidden.row])
    undone = replays([TASK], STAGES | {("a", 0): ((RIGHT,), (WRONG,))})[0]
    assert not undone.row.solved and "0 of 1 tests" in sheet_html([undone.row])


def test_the_terminal_shows_colors_and_digits():
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=80, highlight=False)
    print_replay(console, replays([TASK], STAGES)[0])
    said = console.file.getvalue()
    assert "segment 4, right" in said and "48;2;255;65;54" in said  # red as background
    plain = Console(file=io.StringIO(), width=80)
    print_replay(plain, replays([TASK], STAGES)[1])
    assert "    0 1 2 3 4" in plain.file.getvalue()


def test_files_by_suffix(tmp_path):
    shown = replays([TASK], STAGES)
    for name in ("a.gif", "a.png", "a.html"):
        save_replays(shown, tmp_path / name, "a task")
    with Image.open(tmp_path / "a.gif") as moving:
        assert moving.n_frames == 3 + 1
    assert "segments 2 to 3" in (tmp_path / "a.html").read_text(encoding="utf-8")
    with pytest.raises(UsageError, match=r"\.gif, \.png or \.html"):
        save_replays(shown, tmp_path / "a.svg", "a task")
