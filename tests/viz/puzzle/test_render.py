"""What the pictures say, in a pipe and in files. The traces are made by hand."""

import io
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Bool, Float, Int, UInt8, UInt64
from PIL import Image
from rich.console import Console
from rich.text import Text

from hrm import puzzles
from hrm.errors import HrmError, UsageError
from hrm.inference.answer import Answer, TraceStep
from hrm.puzzles.base import Puzzle, PuzzleSpec, Symmetries
from hrm.puzzles.conflicts import conflicts
from hrm.viz import palette
from hrm.viz.puzzle import files, layout, terminal
from hrm.viz.puzzle.canvas2d import Box, Drawing, Words, to_image
from hrm.viz.puzzle.frame import Frame, View
from hrm.viz.puzzle.legend import SURE

PUZZLE_4, ANSWER_4 = "1...3..12...4..2", "1243342121344312"
PUZZLE_9 = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
ANSWER_9 = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


def answered(name: str, puzzle: str, *answers: str, confidence: float = 0.9) -> tuple[Puzzle, Answer]:
    """Return a family and an answer whose trace holds these grids."""
    family = puzzles.get(name)
    grids = [family.parse(puzzle), *(tokens(family, answer) for answer in answers)]
    trace = tuple(
        TraceStep(
            segment=number,
            tokens=grid,
            confidence=np.full(len(grid), confidence, np.float32),
            changed=grid != grids[number - 1],
            q_halt=number / len(answers),
            answer=answers[number - 1],
        )
        for number, grid in enumerate(grids[1:], start=1)
    )
    return family, Answer(puzzle, answers[-1], grids[-1], True, len(trace), 1.0, True, trace)


def tokens(family: Puzzle, text: str) -> UInt8[np.ndarray, " C"]:
    """Read a grid that may break the rules, which ``parse`` refuses."""
    return np.array([family.spec.tokens.index(symbol) for symbol in text], np.uint8)


def piped(family: Puzzle, answer: Answer, encoding: str = "utf-8", **settings: float) -> str:
    out = io.BytesIO()
    file = io.TextIOWrapper(out, encoding=encoding, newline="")
    terminal.replay(family, answer, Console(file=file, width=20), **settings)
    file.flush()
    return out.getvalue().decode(encoding)


def four(count: int = 2) -> tuple[Puzzle, Answer]:
    """Return a trace whose first segment has a conflict in the last cell of the first row."""
    return answered("sudoku-4x4", PUZZLE_4, *["1244342121344312"] * (count - 1), ANSWER_4)


def nine() -> tuple[Puzzle, Answer]:
    return answered("sudoku-9x9", PUZZLE_9, ANSWER_9)


def frame(view: View, moment: TraceStep) -> Frame:
    return Frame(moment, *view.caption(moment))


def in_terminal(view: View, moment: TraceStep) -> Text:
    return terminal.terminal_grid(view, frame(view, moment))


def picture_of(family: Puzzle, answer: Answer, moment: TraceStep, cell_px: int = 44) -> Drawing:
    view = View(family, answer)
    return layout.draw_frame(view, frame(view, moment), cell_px)


def drawn(family: Puzzle, answer: Answer, moment: TraceStep, cell_px: int = 44) -> Image.Image:
    return to_image(picture_of(family, answer, moment, cell_px))


def rgb(ink: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(ink[1:]))


class Path3(Puzzle):
    """A row of three cells without boxes, of which the last is padding."""

    @property
    def spec(self) -> PuzzleSpec:
        return PuzzleSpec("path", (1, 3), ("_", " ", "#"), 1, ("near",), 0)

    def parse(self, given: object) -> UInt8[np.ndarray, " C"]:
        return np.array(["_ #".index(symbol) for symbol in str(given)], np.uint8)

    def text(self, grid: UInt8[np.ndarray, " C"]) -> str:
        return "".join(self.spec.tokens[token] for token in grid)

    def relations(self) -> Int[np.ndarray, "R C C"]:
        return np.ones((1, 3, 3), np.int8)

    def verify(self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]) -> Bool[np.ndarray, " n"]:
        raise NotImplementedError

    def symmetries(self, draws: Float[np.ndarray, "n D"]) -> Symmetries:
        raise NotImplementedError

    def twin_key(self, puzzle: UInt8[np.ndarray, " C"], answer: UInt8[np.ndarray, " C"]) -> bytes:
        raise NotImplementedError

    def twin_invariants(
        self, inputs: UInt8[np.ndarray, "n C"], answers: UInt8[np.ndarray, "n C"]
    ) -> UInt64[np.ndarray, " n"]:
        raise NotImplementedError

    def solutions(self, puzzle: UInt8[np.ndarray, " C"], limit: int = 2) -> UInt8[np.ndarray, "k C"]:
        raise NotImplementedError

    def generate(self, seed: int, index: int) -> tuple[UInt8[np.ndarray, " C"], UInt8[np.ndarray, " C"]]:
        raise NotImplementedError


@cache
def path3() -> tuple[Puzzle, Answer]:
    family = Path3()
    grid = family.parse("##_")
    moment = TraceStep(1, grid, np.full(3, 0.1, np.float32), np.array([False, True, False]), 0.5, "##_")
    return family, Answer("# _", "##_", grid, True, 1, 0.5, False, (moment,))


@pytest.mark.parametrize(
    ("grid", "wrong"),
    [
        ("................", []),
        (ANSWER_4, []),
        ("1..1............", [0, 3]),  # a row
        ("1...........1...", [0, 12]),  # a column
        ("1....1..........", [0, 5]),  # a box
        ("1.....1.........", []),  # related in no way
        ("2..22...........", [0, 3, 4]),
        ("__..............", []),  # padding is no symbol
    ],
)
def test_conflicts_are_equal_symbols_of_related_cells(grid: str, wrong: list[int]):
    family = puzzles.get("sudoku-4x4")
    assert conflicts(family, tokens(family, grid)).nonzero()[0].tolist() == wrong


def test_families_that_declare_none_have_no_conflicts():
    family, answer = path3()
    assert not conflicts(family, answer.tokens).any()


def test_a_pipe_gets_plain_text_with_marks():
    family, answer = four()
    printed = piped(family, answer)
    assert "\x1b" not in printed
    assert printed == (
        "┌──────┬──────┐\n"
        "│ 1  . │ .  . │\n"
        "│ 3  . │ .  1 │\n"
        "├──────┼──────┤\n"
        "│ 2  . │ .  . │\n"
        "│ 4  . │ .  2 │\n"
        "└──────┴──────┘\n"
        "puzzle  6 cells given   (* changed  ! clashes)\n"
        "┌──────┬──────┐\n"
        "│ 1 *2 │*4!*4!│\n"
        "│ 3 *4 │*2  1 │\n"
        "├──────┼──────┤\n"
        "│ 2 *1 │*3 *4!│\n"
        "│ 4 *3 │*1  2 │\n"
        "└──────┴──────┘\n"
        "segment 1  sure 50 %  10 cells changed\n"
        "┌──────┬──────┐\n"
        "│ 1  2 │ 4 *3 │\n"
        "│ 3  4 │ 2  1 │\n"
        "├──────┼──────┤\n"
        "│ 2  1 │ 3  4 │\n"
        "│ 4  3 │ 1  2 │\n"
        "└──────┴──────┘\n"
        "segment 2  sure 100 %  1 cell changed\n"
    )


def test_the_digits_come_in_order():
    family, answer = nine()
    view = View(family, answer)
    last = in_terminal(view, answer.trace[-1]).plain.rpartition("segment")[0]
    assert "".join(re.findall(r"\d", last)) == ANSWER_9


def test_a_given_that_was_overwritten_is_wrong_even_without_a_conflict():
    family, answer = answered("sudoku-4x4", PUZZLE_4, "2...............")
    assert "│*2!" in in_terminal(View(family, answer), answer.trace[0]).plain


def test_unsure_cells_are_marked_but_never_givens():
    family, answer = answered("sudoku-4x4", PUZZLE_4, ANSWER_4, confidence=0.3)
    assert "│ 1 *2?│*4?*3?│" in in_terminal(View(family, answer), answer.trace[0]).plain


def test_a_family_without_boxes_is_drawn_too(tmp_path: Path):
    family, answer = path3()
    assert piped(family, answer).splitlines() == [
        *("┌────┐", "│ #  │", "└────┘", "puzzle  1 cell given   (* changed)"),
        *("┌────┐", "│ #*#│", "└────┘", "segment 1  sure 50 %  1 cell changed"),
    ]
    files.save(family, answer, tmp_path / "path.gif")


def test_an_ascii_pipe_gets_ascii():
    assert piped(*four(), encoding="ascii").startswith("+------+------+\n| 1  . | .  . |\n")


def test_a_delay_is_ignored_in_a_pipe():
    assert piped(*four(), delay_s=1e6) == piped(*four())


@pytest.mark.parametrize("height", [8, 40])  # too low to draw over, and high enough
def test_a_terminal_gets_styles_and_the_last_segment(height: int):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, force_interactive=True, width=60, height=height)
    terminal.replay(*four(), console, delay_s=0.001)
    assert "\x1b[1m 1 " in out.getvalue()
    assert ("\x1b[1A" in out.getvalue()) == (height == 40)
    assert re.search(r"segment 2 .*1 cell changed", out.getvalue())


@pytest.mark.parametrize(("count", "frames"), [(1, 2), (2, 3), (64, 3)])
def test_the_gif_has_a_frame_for_the_puzzle_and_one_for_each_change(count: int, frames: int, tmp_path: Path):
    """The first of several segments breaks a rule, and only the last one mends it: the idle ones are left out."""
    family, answer = four(count)
    files.save(family, answer, tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == frames
        assert gif.info["loop"] == 0
        sizes, durations = set(), []
        for number in range(gif.n_frames):
            gif.seek(number)
            sizes.add(gif.convert("RGB").size)
            durations.append(gif.info["duration"])
    assert len(sizes) == 1
    assert durations == [900] * (frames - 1) + [3600]


def test_changed_cells_lie_on_their_own_color():
    family, answer = four()
    first, second = (picture_of(family, answer, moment) for moment in answer.trace)
    boxes = [(box.x, box.y) for box in first.shapes if isinstance(box, Box) and box.ink == palette.CHANGED]
    assert len(boxes) == 10 + 1  # the bar, too
    assert len([box for box in second.shapes if isinstance(box, Box) and box.ink == palette.CHANGED]) == 1 + 1


def test_clashing_cells_are_red_and_others_are_not():
    family, answer = four()
    inks = [{shape.ink for shape in picture_of(family, answer, moment).shapes} for moment in answer.trace]
    assert palette.CLASH in inks[0] and palette.CLASH not in inks[1]


def test_the_less_sure_the_grayer():
    inks = []
    for confidence in (0.0, 0.5, 1.0):
        family, answer = answered("sudoku-4x4", PUZZLE_4, ANSWER_4, confidence=confidence)
        shapes = picture_of(family, answer, answer.trace[0]).shapes
        inks.append({shape.ink for shape in shapes if isinstance(shape, Words) and shape.anchor == "middle"})
    assert palette.UNSURE in inks[0] and palette.ANSWER in inks[2] and len(set.union(*inks)) == 4


@pytest.mark.parametrize("name", [name for name in puzzles.names() if not name.endswith("-unique")])
def test_nothing_is_cut_off_at_the_edges(name: str):
    family = puzzles.get(name)
    start = family.generate(0, 0)[0]
    full = np.full(family.spec.cells, family.spec.vocab_size - 1, np.uint8)
    everywhere, sure = np.ones(len(full), bool), np.ones(len(full), np.float32)
    moment = TraceStep(65536, full, sure, everywhere, 1.0, family.text(full))
    answer = Answer(family.text(start), family.text(full), full, False, 65536, 1.0, False, (moment,))
    for cell_px in (8, 32, 44):
        image = np.asarray(drawn(family, answer, moment, cell_px))
        edges = (image[:4], image[-4:], image[:, :4], image[:, -4:])
        assert all((edge == 255).all() for edge in edges)


def test_the_sheet_holds_every_change_and_stays_narrow(tmp_path: Path):
    other = "1244342121344312"
    family, answer = answered("sudoku-4x4", PUZZLE_4, *[ANSWER_4 if n % 2 else other for n in range(64)])
    view = View(family, answer)
    drawing = files.draw_sheet(view)
    names = [shape.text for shape in drawing.shapes if isinstance(shape, Words) and shape.text.startswith("segment ")]
    assert names == [f"segment {n}" for n in range(1, 65)]
    assert drawing.width <= files.MOST_WIDTH
    files.save(family, answer, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as sheet:
        assert sheet.size == (drawing.width, drawing.height)


def test_traces_too_long_for_a_file_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match=r"at most 256 segments, not 257; solve with segments=256"):
        grids = [ANSWER_4 if n % 2 else "1244342121344312" for n in range(257)]
        files.save(*answered("sudoku-4x4", PUZZLE_4, *grids), tmp_path / "a.gif")


@pytest.mark.parametrize("name", ["a.jpg", "a", ".gif"])
def test_other_suffixes_are_refused(name: str, tmp_path: Path):
    with pytest.raises(UsageError, match=r"must end in \.gif, \.png or \.svg"):
        files.save(*four(), tmp_path / name)


def test_an_answer_without_trace_is_refused(tmp_path: Path):
    family, answer = four()
    bare = Answer(answer.puzzle, answer.answer, answer.tokens, True, 2, 1.0, True)
    for draw in (
        lambda: files.save(family, bare, tmp_path / "a.gif"),
        lambda: files.save(family, bare, tmp_path / "a.png"),
        lambda: piped(family, bare),
    ):
        with pytest.raises(UsageError, match="trace=True"):
            draw()


@pytest.mark.parametrize("name", ["file/a.gif", "file/a.png"])
def test_a_file_that_cannot_be_written_is_one_clear_line(name: str, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(HrmError, match=r"^cannot write .*: (Not a directory|File exists) [^\n]*$"):
        files.save(*four(), tmp_path / name)


def test_clues_are_empty_cells_and_cages_tell_conflicts(tmp_path):
    """A clue is no given: its cell is the answer's; a digit that is twice in a cage is wrong there."""
    family = puzzles.get("killer-4x4")
    puzzle, _ = family.generate(0, 0)
    start = family.text(puzzle)
    grid = np.full(16, 2, np.uint8)
    grid[:4] = (2, 3, 4, 5)
    moment = TraceStep(1, grid, np.ones(16, np.float32), grid != puzzle, 0.5, family.text(grid))
    answer = Answer(start, family.text(grid), grid, False, 1, 0.5, True, (moment,))
    shown = piped(family, answer, encoding="ascii")
    assert "given" not in shown and "16 cells changed" in shown
    for suffix in ("gif", "png"):
        files.save(family, answer, tmp_path / f"killer.{suffix}")
    apart = np.full(16, 1, np.uint8)
    cage = family.cages(puzzle)[0].cells
    apart[list(cage)] = 3
    assert conflicts(family, apart, puzzle)[list(cage)].all()


def moment(family: Puzzle, start: UInt8[np.ndarray, " C"], grid: UInt8[np.ndarray, " C"]) -> tuple[View, TraceStep]:
    """Return a view of one sure segment, and that segment."""
    told = TraceStep(1, grid, np.ones(len(grid), np.float32), grid != start, 0.5, family.text(grid))
    answer = Answer(family.text(start), told.answer, grid, False, 1, 0.5, True, (told,))
    return View(family, answer), told


def test_cages_are_drawn_with_their_sums():
    family = puzzles.get("killer-4x4")
    start = family.generate(0, 0)[0]
    answer = family.solutions(start)[0]
    view, told = moment(family, start, answer)
    sums = [str(cage.total) for cage in family.cages(start)]
    svg = files.to_svg(layout.draw_frame(view, frame(view, told), 36), "killer")
    assert re.findall(r'font-size="10">(\d+)<', svg) == sums
    lines = in_terminal(view, told).plain.splitlines()
    assert [number for line in lines[:-1:2] for number in re.findall(r"\d+", line)] == sums
    above = {cell: (y, x) for cell, (y, x) in enumerate(np.ndindex(4, 4))}
    for cage in family.cages(start):
        for first in cage.cells:
            if first + 4 < 16:
                y, x = above[first]
                middle = lines[2 * y + 2][4 * x + 3]  # the last sign of the line below the cell
                assert (middle in "━─") == (first + 4 not in cage.cells), f"below cell {first}: {middle}"


def test_outside_the_grids_of_a_samurai_nothing_is_drawn():
    family = puzzles.get("samurai")
    start, answer = family.generate(0, 0)
    view, told = moment(family, start, answer)
    lines = in_terminal(view, told).plain.splitlines()
    assert lines[0] == "┌─────────┬─────────┬─────────┐" + " " * 9 + "┌─────────┬─────────┬─────────┐"
    image = np.asarray(to_image(layout.draw_frame(view, frame(view, told), 20)))
    x, y, side = 8 + 10 * 20, 8 + 3 * 20, 20  # a cell between the two upper grids
    assert (image[y : y + side, x : x + side] == 255).all()
    assert not (image[y : y + side, x - 40 : x] == 255).all()


def test_nodes_of_one_color_and_their_edge_are_red():
    family = puzzles.get("coloring-8x3")
    start, answer = family.generate(0, 0)
    square = answer.reshape(8, 8).copy()
    a, b = np.argwhere(np.triu(square == 3))[0].tolist()
    view, right = moment(family, start, answer)
    assert palette.CLASH not in {shape.ink for shape in layout.draw_frame(view, frame(view, right), 36).shapes}
    free = b if start[9 * b] == 1 else a
    square[free, free] = square[a + b - free, a + b - free]
    view, wrong = moment(family, start, square.reshape(-1))
    drawing = layout.draw_frame(view, frame(view, wrong), 36)
    assert [shape.ink for shape in drawing.shapes if type(shape).__name__ == "Line"].count(palette.CLASH) >= 1
    assert len([shape for shape in drawing.shapes if type(shape).__name__ == "Line"]) == len(view.sketch.edges)


def test_a_maze_has_dark_walls_a_blue_path_and_marked_ends():
    family = puzzles.get("maze-10x10")
    start, answer = family.generate(0, 0)
    view, told = moment(family, start, answer)
    boxes = [shape for shape in layout.draw_frame(view, frame(view, told), 20).shapes if isinstance(shape, Box)]
    fills = dict(family.spec.fills)
    for symbol, side in (("#", 20), ("o", 14), ("S", 20), ("G", 20)):  # a cell that changed keeps a rim
        token = family.spec.tokens.index(symbol)
        of_kind = [box for box in boxes if box.ink == fills[token]]
        assert len(of_kind) == (answer == token).sum() and {box.width for box in of_kind} == {side}


def test_an_answer_of_another_size_has_its_own_outline():
    family = puzzles.get("arc")
    view, told = moment(family, family.parse([[1, 2], [3, 4]]), family.parse([[5, 5, 5]]))
    assert view.shape == (2, 3)
    assert [(cell.y, cell.x) for cell in view.cells(told)] == [(0, 0), (0, 1), (0, 2)]
    assert in_terminal(view, told).plain.splitlines()[:3] == [
        "┌──────┐",
        "│*5*5*5│",
        "└──────┘",
    ]


def test_svg_says_what_the_picture_says(tmp_path: Path):
    from xml.etree import ElementTree

    family, answer = nine()
    files.save(family, answer, tmp_path / "a.svg")
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert words[:2] == ["sudoku-9x9", "solved in 1 segment"]
    assert words[2:32] == [digit for digit in PUZZLE_9 if digit != "."]
    bold = [element for element in root.iter() if element.get("font-weight") == "bold"]
    assert len(bold) == 2 * 30 + 1  # and the sample of the legend
    assert "sure: 100 %" in words and "51 cells changed" in words
    assert not re.search(r"(href|src|url)", (tmp_path / "a.svg").read_text().replace("http://www.w3.org/2000/svg", ""))


def test_a_trace_at_rest_ends_in_one_frame_that_says_so():
    family, answer = answered("sudoku-4x4", PUZZLE_4, *["1244342121344312"] * 5, *[ANSWER_4] * 58)
    view = View(family, answer)
    assert [frame.name for frame in view.frames()] == ["puzzle", "segment 1", "segment 6", "unchanged to segment 63"]
    assert view.verdict == "solved, right from segment 6 of 63"
    assert piped(family, answer).count("segment ") == 3
    for drawing in (*files.draw_frames(view), files.draw_sheet(view)):
        said = " ".join(shape.text for shape in drawing.shapes if isinstance(shape, Words))
        assert said.startswith("sudoku-4x4 solved, right from segment 6 of 63") and SURE in said


def test_titles_say_model_family_and_verdict():
    family, answer = four()
    named = replace(answer, model="runs/x/mine")
    assert View(family, named).title == "mine, sudoku-4x4"
    assert View(family, replace(named, model="sudoku-4x4")).title == "sudoku-4x4"
    assert View(family, named).verdict == "solved in 2 segments"
    unchecked = replace(named, verified=None)
    assert View(family, unchecked).verdict == "answer after 2 segments, not checked: no rules known"
    failed = replace(named, verified=False, trace=named.trace[:1], segments=1)
    assert View(family, failed).verdict == "not solved in 1 segment: 3 cells clash"


def test_nothing_that_stands_out_in_red_is_dim():
    family, answer = answered("sudoku-4x4", PUZZLE_4, "1244342121344312", confidence=0.1)
    grid = in_terminal(View(family, answer), answer.trace[0])
    assert not any(span.style.dim for span in grid.spans if span.style.color and "red" in span.style.color.name)
    assert not any(span.style.dim for span in grid.spans if span.style.bgcolor)
