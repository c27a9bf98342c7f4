"""Text files of puzzles: every family, one a line, on several lines, in blocks; notes; and faults that end no list."""

import gzip
import io
import json
from dataclasses import replace

import pytest

from hrm.data.audit.audit import audit
from hrm.data.sources.blocks import text_questions
from hrm.data.sources.files import read_rows, read_with_faults
from hrm.data.sources.questions import plain_questions, questions
from hrm.errors import DataError
from hrm.puzzles import get
from hrm.puzzles.table import Declaration, Table

SUDOKU, MAZE, KILLER, SAMURAI, GRAPH = map(
    get, ("sudoku-9x9", "maze-10x10", "killer-4x4", "samurai-4x4", "coloring-8x3")
)
TABLE = Table(Declaration((3, 4), ("a", "b", "c", "d"), "."))
WORDS = Table(Declaration((2, 3), ("red", "green", "blue")))


def cut(text, width):
    return "\n".join(text[i : i + width] for i in range(0, len(text), width))


def over_lines(family, grid):
    """Return a puzzle on several lines."""
    text = family.text(grid)
    if family is KILLER:
        cells, _, sums = text.partition(";")
        return f"{cut(cells, 4)}\n;{sums}"
    if family is GRAPH:
        return text.replace(";", ";\n")
    return cut(text, family.spec.shape[1])


def read(family, text):
    """Return what a text file of this content holds."""
    return list(plain_questions(io.BufferedReader(io.BytesIO(text.encode())), "f", family))


def texts(family, text):
    found = read(family, text)
    assert not [each.error for each in found if each.error]
    return [each.text for each in found]


FAMILIES = (SUDOKU, get("sudoku-4x4"), get("sudoku-16x16"), MAZE, get("maze-5x7"), KILLER, SAMURAI, GRAPH)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.spec.name)
def test_each_family_is_read_in_each_arrangement(family):
    grids = [family.generate(4, i)[0] for i in range(3)]
    lines, blocks = [family.text(grid) for grid in grids], [over_lines(family, grid) for grid in grids]
    assert texts(family, "\n".join(lines)) == lines
    assert texts(family, "\r\n\r\n".join(lines) + "\r\n") == lines
    assert texts(family, blocks[0]) == lines[:1]
    assert texts(family, "\n\n".join(blocks)) == lines
    assert texts(family, "\n\n\n" + blocks[0].replace("\n", "\r\n") + "\r\n\r\n" + lines[1] + "\n" + blocks[2]) == lines


@pytest.mark.parametrize("family", [SUDOKU, MAZE, SAMURAI], ids=lambda family: family.spec.name)
def test_grids_without_an_empty_line_between_them_are_told_apart_by_their_size(family):
    grids = [family.generate(4, i)[0] for i in range(3)]
    together = "\n".join(over_lines(family, grid) for grid in grids)
    assert texts(family, together) == [family.text(grid) for grid in grids]
    broken = read(family, together.rsplit("\n", 1)[0])  # one row is missing: nobody can say of which
    assert len(broken) == 1 and "lines 1 to" in broken[0].error


@pytest.mark.parametrize("rows, columns", [(3, 4), (2, 3), (2, 2)])
def test_a_block_is_one_grid_of_a_table(rows, columns):
    cells = ["abcd"[i % 4] for i in range(rows * columns)]
    grid = cut("".join(cells), columns)
    line = TABLE.text(TABLE.parse(grid))
    assert texts(TABLE, f"{grid}\n\n{grid}\n\n{line}\n{line}\n") == [line] * 4
    assert texts(WORDS, "red green\nblue red\n\nred\n") == ['[["red", "green"], ["blue", "red"]]', '[["red"]]']


def test_a_symbol_of_a_table_is_no_title_and_no_note():
    table = Table(Declaration((1, 3), ("no", "yes", "#1")))
    assert texts(table, "no\n#1 yes no\nyes\n") == ['[["no"]]', "#1 yes no", '[["yes"]]']


def test_lines_of_a_table_without_rows_are_puzzles():
    line = Table(Declaration((1, 4), ("a", "b"), "."))
    assert texts(line, "ab.b\nb..a\n") == ["ab.b", "b..a"]


def test_notes_titles_and_sections_are_passed_over():
    [puzzle] = [SUDOKU.text(SUDOKU.generate(4, i)[0]) for i in range(1)]
    grid = cut(puzzle, 9)
    rulers = "\n".join([*grid.splitlines()[:3], "---+---+---", *grid.splitlines()[3:6], "---+---+---",
                        *grid.splitlines()[6:]])  # fmt: skip
    for text in (
        f"# hardest list\n; by hand\n// and so on\n{puzzle}",
        f"#AMe\n#DSome puzzle\n{grid}\n#LEasy",
        f"[Puzzle]\n{grid}\n[State]\n{grid}\n",
        f"Grid 01\n{grid}",
        rulers,
        "\n\n".join(cut(puzzle[i : i + 27], 9) for i in (0, 27, 54)),
        *(f"{puzzle}{note}" for note in ("\t7.2", " 7.2 hard", ";1.5", ",9.0,name", "  # note", "; " + puzzle)),
        f"0000183b305c {puzzle.replace('.', '0')}  1.2",
    ):
        assert texts(SUDOKU, text) == [puzzle], text
    assert len(texts(SUDOKU, f"Grid 01\n{grid}\nGrid 02\n{grid}\n")) == 2


HODOKU = "\n{}\n".join([".-------.-------.-------.", *[":-------+-------+-------:"] * 2, "'-------'-------'-------'"])
DRAWN = "┌───┬───┬───┐\n{}\n├───┼───┼───┤\n{}\n├───┼───┼───┤\n{}\n└───┴───┴───┘"
WIDE = "+" + "=" * 40 + "+\n{}\n" + "-" * 42 + "\n{}\n" + "-" * 42 + "\n{}"


@pytest.mark.parametrize("frame, bar, between", [(HODOKU, " | ", " "), (DRAWN, "│", ""), (WIDE, " || ", "   ")])
def test_drawn_frames_are_passed_over(frame, bar, between):
    puzzle = SUDOKU.text(SUDOKU.generate(4, 0)[0])
    rows = [bar + bar.join(between.join(puzzle[y + x : y + x + 3]) for x in (0, 3, 6)) + bar for y in range(0, 81, 9)]
    drawn = frame.format(*("\n".join(rows[i : i + 3]) for i in (0, 3, 6)))
    assert texts(SUDOKU, drawn) == [puzzle]
    assert texts(SUDOKU, f"{drawn}\n\n{drawn}\n") == [puzzle] * 2


def test_names_of_columns_are_a_title():
    puzzle = SUDOKU.text(SUDOKU.generate(4, 0)[0])
    assert texts(SUDOKU, f"puzzle,rating\n{puzzle},1.0\n") == [puzzle]


def test_two_marks_of_a_blank_in_a_graph_are_refused():
    [found] = read(GRAPH, ".0......;1-2\n")
    assert "'.' and '0'" in found.error
    assert texts(GRAPH, "--------;1-2\n") == ["........;1-2"]


def test_a_wall_is_no_note():
    maze = MAZE.generate(4, 0)[0]
    line, walls = MAZE.text(maze), "#" * 10
    top = MAZE.parse(walls + line[10:]) if "S" not in line[:10] and "G" not in line[:10] else maze
    assert texts(MAZE, f"# my maze\n{cut(MAZE.text(top), 10)}\n// the end") == [MAZE.text(top)]
    assert texts(MAZE, f"{line}\t7.2\n{line};easy\n") == [line] * 2
    walled = walls + MAZE.text(top)[10:]
    if walled == MAZE.text(top):
        assert texts(MAZE, f"{walled}\thard to solve\n{walled}; very easy\n") == [walled] * 2
    typo = read(MAZE, "#x" + line[2:] + "\n" + line)
    assert "row 1, column 2 holds 'x'" in typo[0].error and typo[1].text == line


def test_a_row_of_spaces_is_open_ground():
    rows = ["S  ", "   ", "  G"]
    grid = [row + " " for row in rows] + ["    "]
    family = get("maze-4x4")
    assert texts(family, "\n".join(grid)) == ["S         G     "]


@pytest.mark.parametrize("suffix", [".txt", ".sdm", ".csv", ".jsonl", ".txt.gz"])
def test_one_bad_puzzle_ends_no_list(tmp_path, suffix):
    good = [SUDOKU.text(SUDOKU.generate(4, i)[0]) for i in range(2)]
    bad = ["11" + "." * 79, "." * 80, "x" * 40 + "y" + "." * 40]
    lines = [good[0], *bad, good[1]]
    if suffix == ".csv":
        lines = ["question", *lines]
    if suffix == ".jsonl":
        lines = [f'{{"question": "{line}"}}' for line in lines]
    file = tmp_path / f"puzzles{suffix}"
    data = "\n".join(lines).encode()
    file.write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
    found = list(questions(file, SUDOKU))
    assert [each.text for each in found if each.tokens is not None] == good
    assert [i for i, each in enumerate(found) if each.error] == [1, 2, 3]
    for each, said in zip(found[1:4], ("same row", "80 cells", "'y'"), strict=True):
        assert said in each.error and file.name in each.error
    assert [each.where.split()[-1] for each in found] == list("12345")


def test_one_bad_grid_ends_no_file():
    grids = [over_lines(SUDOKU, SUDOKU.generate(4, i)[0]) for i in range(2)]
    found = read(SUDOKU, f"{grids[0]}\n\n{grids[0][:-3]}\n\n{grids[1]}\n\nnonsense\n")
    assert [bool(each.error) for each in found] == [False, True, False, True]
    assert "lines 11 to 19" in found[1].error and "row 9" in found[1].error


def test_what_may_be_one_puzzle_or_several_is_refused():
    class Any(Table):
        @property
        def spec(self):
            return replace(super().spec, has_rules=True, padded=False)

    [found] = read(Any(Declaration((3, 4), ("a", "b"), ".")), "ab\nba\n")
    assert "lines 1 to 2" in found.error and "empty line" in found.error


def test_an_empty_text_is_refused():
    for text in ("", "\n\n", "# only a note\n"):
        with pytest.raises(DataError, match="holds no puzzles"):
            read(SUDOKU, text)


def test_json_on_several_lines_is_one_puzzle():
    grid = SUDOKU.generate(4, 0)[0]
    rows = [[int(token) - 1 for token in row] for row in grid.reshape(9, 9)]
    assert texts(SUDOKU, json.dumps(rows, indent=1) + "\n" + json.dumps(rows)) == [SUDOKU.text(grid)] * 2


def test_zero_beside_a_dot_is_never_dropped_from_a_column(tmp_path):
    """Rows in blocks are read by characters that were met before; a row with two marks is not."""
    good = SUDOKU.text(SUDOKU.generate(4, 0)[0])
    rows = [good, good.replace(".", "0"), good.replace(".", "0", 1)]
    file = tmp_path / "mixed.csv"
    file.write_text("question\n" + "\n".join(rows))
    with pytest.raises(DataError, match="row 3"):
        read_rows(file, SUDOKU, answers_required=False)
    _, numbers, faults = read_with_faults(file, SUDOKU)
    assert numbers.tolist() == [1, 2] and [fault.row for fault in faults] == [3]


def test_hexadecimal_and_plain_rows_of_one_file_are_each_read_right(tmp_path):
    family = get("sudoku-16x16")
    puzzle, answer = family.generate(4, 0)
    hexadecimal = str.maketrans("G", "0")
    plain = family.text(puzzle)
    rows = [(plain, answer), (plain.replace(".", "0"), answer), (plain.translate(hexadecimal), answer)]
    lines = [f"{question},{family.text(grid)}" for question, grid in rows]
    lines += [f"{plain.translate(hexadecimal)},{family.text(answer).translate(hexadecimal)}"]
    for order in (lines, lines[::-1]):
        file = tmp_path / "hex.csv"
        file.write_text("question,answer\n" + "\n".join(order))
        found = read_rows(file, family)
        assert (found.inputs == puzzle).all() and (found.labels == answer).all()


@pytest.mark.parametrize("unique", [True, False])
@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("maze-4x4", "S # # ########G ", "no solution"),
        ("sudoku-4x4", "123........4....", "no solution"),
        ("killer-4x4", "aabb" + "." * 12 + ";3,3", "no solution"),
        ("coloring-4x2", "....;1-2,2-3,1-3", "no solution"),
        ("coloring-4x2", "...;1-2", "unreadable question"),
    ],
)
def test_a_puzzle_without_a_solution_is_never_clean(tmp_path, name, text, kind, unique):
    file = tmp_path / "puzzle.txt"
    file.write_text(text + "\n")
    found = audit(file, puzzle=get(name), unique=unique)
    assert kind in [each.kind for each in found.findings] and not found.clean


def test_a_path_that_is_not_shortest_is_a_fault(tmp_path):
    file = tmp_path / "mazes.csv"
    file.write_text("question,answer\nS         G     ,Soo   o   G     \nS         G     ,Sooo   o  Go    \n")
    found = audit(file, puzzle=get("maze-4x4"))
    assert [(each.kind, each.rows) for each in found.findings if each.kind != "duplicate"] == [("wrong answer", [2])]


def test_a_file_of_text_tells_its_family(tmp_path):
    file = tmp_path / "puzzle.sdk"
    file.write_text(over_lines(SUDOKU, SUDOKU.generate(4, 0)[0]))
    assert audit(file).puzzle == "sudoku-9x9"
    file.write_text("nonsense\n")
    with pytest.raises(DataError, match="--puzzle"):
        audit(file)


def test_dimacs():
    text = "c made by hand\nc\np edge 8 3\ne 1 2\ne 2 3\ne 8 1\n"
    assert texts(GRAPH, text) == ["........;1-2,1-8,2-3"]
    assert texts(GRAPH, text.replace("edge 8 3", "col 8 6") + "e 2 1\ne 3 2\ne 1 8\n") == ["........;1-2,1-8,2-3"]
    for broken, said in (
        (text.replace("8 3", "11 3"), "coloring-11x3 would fit"),
        (text.replace("8 3", "8 9"), "3 edges, but its line 'p' says 9"),
        (text.replace("e 8 1", "e 9 1"), "nodes have the numbers 1 to 8"),
        (text.replace("e 8 1", "e 8 8"), "joins a node with itself"),
        (text + "p edge 8 3\n", "second 'p' line"),
        (text.replace("e 8 1", "edge 8 1"), "line 6 of the graph"),
    ):
        [found] = read(GRAPH, broken)
        assert said in found.error, found.error


def test_the_order_is_that_of_the_file_and_nothing_is_held_back():
    """A list is answered while it is still being written: a whole line is a puzzle at once."""
    line = SUDOKU.text(SUDOKU.generate(4, 0)[0])
    given = iter([line + "\n", line + "\n"])

    def lines():
        yield next(given)
        yield next(given)
        raise AssertionError("read on before the second puzzle was taken")

    found = text_questions(lines(), "f", SUDOKU)
    assert [next(found).where for _ in range(2)] == ["f, line 1", "f, line 2"]
