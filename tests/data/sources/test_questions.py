"""Files of puzzles to be solved: one a line or over several lines, with notes, and bad ones that end nothing."""

import gzip
import itertools

import numpy as np
import pytest

from hrm.data.sources.questions import puzzle_file, question_at, questions
from hrm.errors import DataError, UsageError
from hrm.puzzles import get

FAMILIES = ["sudoku-4x4", "sudoku-9x9", "maze-10x10", "killer-4x4", "coloring-8x3", "samurai-4x4"]


def generated(name, count=3):
    family = get(name)
    return family, [family.generate(7, index)[0] for index in range(count)]


def rows_of(text, n):
    return [text[i : i + n] for i in range(0, len(text), n)]


def read(folder, text, family, name="puzzles.txt"):
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return list(questions(folder / name, family))


def same(found, puzzles):
    assert [each.error for each in found] == [""] * len(puzzles)
    return all(np.array_equal(each.tokens, tokens) for each, tokens in zip(found, puzzles, strict=True))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("file", ["puzzles.txt", "puzzles.txt.gz", "puzzles.sdm"])
def test_a_puzzle_a_line(name, file, tmp_path):
    family, puzzles = generated(name)
    assert same(read(tmp_path, "".join(family.text(p) + "\n" for p in puzzles), family, file), puzzles)


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-9x9", "maze-10x10"])
@pytest.mark.parametrize("between, count", [("\n", 1), ("\n\n", 3), ("\n\n\n", 2), ("\n# a note\n", 2)])
def test_grids_over_several_lines(name, between, count, tmp_path):
    family, puzzles = generated(name, count)
    grids = ["\n".join(rows_of(family.text(p), family.spec.shape[1])) for p in puzzles]
    assert same(read(tmp_path, between.join(grids) + "\n", family), puzzles)


@pytest.mark.parametrize("note", ["# a note", "; a note", "// a note", "#A somebody", "#D 2020-01-01"])
def test_notes_are_passed_over(note, tmp_path):
    family, puzzles = generated("sudoku-9x9")
    lines = [line for p in puzzles for line in (note, family.text(p))]
    assert same(read(tmp_path, "\n".join(lines), family), puzzles)


@pytest.mark.parametrize("rating", ["\t1.2", " 9.3", ";ER=10.4", ",11.9,a name", "\t# hard", "  diabolical"])
def test_what_follows_a_whole_sudoku_is_a_note(rating, tmp_path):
    family, puzzles = generated("sudoku-9x9")
    assert same(read(tmp_path, "".join(family.text(p) + rating + "\n" for p in puzzles), family), puzzles)


def test_files_of_sudoku_programs(tmp_path):
    family, [puzzle] = generated("sudoku-9x9", 1)
    rows = rows_of(family.text(puzzle), 9)
    sdk = "#A somebody\n#D a description\n[Puzzle]\n" + "\n".join(rows) + "\n[State]\n" + "\n".join(rows[::-1]) + "\n"
    boxed = [row[:3] + "|" + row[3:6] + "|" + row[6:] for row in rows]
    ss = "\n-----------\n".join("\n".join(boxed[i : i + 3]) for i in (0, 3, 6)) + "\n"
    assert same(read(tmp_path, sdk, family, "one.sdk"), [puzzle])
    assert same(read(tmp_path, ss, family, "one.ss"), [puzzle])


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("bad", ["11" + "." * 79, "hello", "." * 80, "5" * 81])
def test_one_bad_puzzle_does_not_end_a_list(bad, place, tmp_path):
    family, puzzles = generated("sudoku-9x9", 2)
    lines = [family.text(p) for p in puzzles]
    lines.insert(place, bad)
    found = read(tmp_path, "\n".join(lines) + "\n", family)
    assert [each.tokens is None for each in found] == [i == place for i in range(3)]
    assert f"puzzles.txt, line {place + 1}" in found[place].error
    assert same([each for each in found if each.tokens is not None], puzzles)


def test_a_bad_row_of_csv_does_not_end_a_list(tmp_path):
    family, puzzles = generated("sudoku-4x4", 2)
    text = "puzzle\n" + family.text(puzzles[0]) + "\n11" + "." * 14 + "\n" + family.text(puzzles[1]) + "\n"
    found = read(tmp_path, text, family, "list.csv")
    assert [each.tokens is None for each in found] == [False, True, False] and "row 2" in found[1].error


TRIANGLES = ["e 1 2\ne 2 3\ne 1 3\n", "e 2 1\ne 3 2\ne 3 1\n", "c a note\ne 1 2\ne 2 3\ne 1 3\n"]


@pytest.mark.parametrize("edges", TRIANGLES)
def test_a_dimacs_graph(edges, tmp_path):
    family = get("coloring-5x3")
    [found] = read(tmp_path, "c made here\np edge 5 3\n" + edges, family, "graph.col")
    assert not found.error
    answers = family.solutions(found.tokens, limit=1000)
    assert len(answers) == 6 * 9  # three colors of the triangle in any order, any color of the two other nodes
    assert np.array_equal(family.parse(found.text), found.tokens)


@pytest.mark.parametrize("text, said", [
    ("p edge 90 1\ne 1 2\n", "90 nodes"), ("p edge 5 7\ne 1 2\n", "says 7"), ("p edge 5 1\ne 1 9\n", "9"),
    ("p edge 8 0\n", "coloring-8x3 would fit"), ("p edge 5 1\np edge 5 1\ne 1 2\n", "second 'p' line"),
])  # fmt: skip
def test_a_dimacs_graph_that_does_not_fit_is_refused(text, said, tmp_path):
    [found] = read(tmp_path, text, get("coloring-5x3"), "graph.col")
    assert found.tokens is None and said in found.error, found.error


def test_no_puzzle_at_all_is_refused(tmp_path):
    for text in ("", "\n\n", "# notes only\n"):
        with pytest.raises(DataError, match="no puzzles"):
            read(tmp_path, text, get("sudoku-4x4"))


def test_rows_that_lost_one_another_are_not_puzzles_of_their_own(tmp_path):
    family, [puzzle] = generated("sudoku-4x4", 1)
    rows = rows_of(family.text(puzzle), 4)
    for kept in itertools.combinations(rows, 3):
        assert all(each.tokens is None for each in read(tmp_path, "\n".join(kept) + "\n", family))


LINES = "..1.4.....2.3...\n11..............\n.1.....3...4.4..\n"


def test_text_is_a_puzzle_unless_it_names_a_file(tmp_path):
    (tmp_path / "rows.txt").write_text(LINES)
    assert puzzle_file(str(tmp_path / "rows.txt")) == tmp_path / "rows.txt"
    for text in ("..1.4.....2.3...", "", "1\n2", "[[1]]", "1" * 5000):
        assert puzzle_file(text) is None
    for name in ("nothing.csv", "nothing.sdk", "nothing.CSV.gz"):
        with pytest.raises(UsageError, match="there is no file"):
            puzzle_file(name)
    with pytest.raises(UsageError, match="is a folder, but not a store"):
        puzzle_file(str(tmp_path))


def test_one_puzzle_of_a_file_by_its_row(tmp_path):
    file, family = tmp_path / "rows.txt", get("sudoku-4x4")
    file.write_text(LINES)
    assert question_at(questions(file, family), 3, "rows").text == ".1.....3...4.4.."
    with pytest.raises(DataError, match="line 2"):
        question_at(questions(file, family), 2, "rows")
    for row in (0, 4):
        with pytest.raises(UsageError, match=f"rows has no puzzle {row}"):
            question_at(questions(file, family), row, "rows")
