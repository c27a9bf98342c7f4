"""One reading of cells for all rows of a file: words or characters; what could be both is refused."""

import pytest

from hrm.errors import DataError
from hrm.puzzles.cells import Reading, Row, cells_of, choose
from hrm.puzzles.table import Table, infer

WORDS, CHARACTERS = Reading("words"), Reading("characters")


def rows(*pairs):
    return [Row(f"row {number}", *pair) for number, pair in enumerate(pairs, start=1)]


@pytest.mark.parametrize(
    ("pairs", "reading"),
    [
        ([("abc", "cba"), ("ab", "ba")], CHARACTERS),
        ([("a b c", "c b a"), ("a b", "b a")], WORDS),
        ([("red blue", "blue red"), ("red", "red"), ("blue", "blue")], WORDS),
        ([("red,blue", "blue,red"), ("red, blue", "blue, red")], WORDS),
        ([("red blue", "big red"), ("blue", "big")], WORDS),
        ([("10 2 3", "2 3 10"), ("7", "7"), ("12", "12")], WORDS),
        ([(" 1 10  2", " 2  1 10"), ("10  1  2", " 1  2 10")], WORDS),  # columns of numbers
        ([("12  3", "32  1"), ("1  23", "2  13")], None),
        ([("1 2\n3 10", "2 1\n10 3")], WORDS),
        ([("1 2\r\n3 10", "2 1\r\n10 3")], WORDS),
        ([("1  4", "1234"), ("23 1", "2341")], Reading("characters", " ")),  # a space is the blank
        ([("a,c", "abc"), ("ab,", "abc")], Reading("characters", ",")),
        ([(" #  #", "##.##"), ("#   #", "#...#")], Reading("characters", " ")),
        ([("abc ", "cba"), ("ab", "ba ")], CHARACTERS),  # what stands at the ends means nothing
        ([(["ab", "c"], ["c", "ab"]), (["c", "c"], ["c", "c"])], WORDS),
        ([(["ab", "ba"], ["ba", "ab"]), (["ab", "b"], ["ba", "b"]), (["ab", "ab"], ["ba", "ba"])], None),
        ([(["R", "U2", "F'"], ["F'", "U2", "R"]), (["R", "U2"], ["U2", "R"])], WORDS),
        ([(["U1", "R2", "F3"], ["R2", "U1", "F3"])] * 3, WORDS),
        ([(["a.", ".b"], ["ab", "bb"]), (["..", "ba"], ["ab", "ba"])], CHARACTERS),  # with a blank
        ([(["abc", "bca"], ["bca", "abc"]), (["ab", "ba"], ["ba", "ab"])], CHARACTERS),  # words would differ in length
        ([(["ab", "ba"], ["ba", "ab"])] * 5, None),
        ([(["10", "12", "21"], ["21", "12", "10"])] * 9, None),
        ([(["r d", "b r"], ["b r", "r d"])], WORDS),  # lines of words
        ([([["red", "blue"]], [["blue", "red"]]), ("red blue", "blue red")], WORDS),
        ([([["red", "blue"]], [["blue", "red"]]), ("red", "red")], WORDS),
        ([([[1, 2]], [[2, 1]]), ("12", "21")], CHARACTERS),
        ([(" # #", " @ @"), ("#  #", "@  @")], None),
        ([(" ab", " ba"), ("b a", "a b"), ("abb", "bba")], None),
        ([("red blue", "blue red"), ("green", "neerg")], None),
        ([("1 2 3", "3 2 1"), ("123", "321")], None),
    ],
)
def test_one_reading_for_all_rows(pairs, reading):
    if reading is None:
        with pytest.raises(DataError, match=r"row \d+: .*--cells words.*--cells characters.*JSON lists"):
            choose(rows(*pairs))
        assert choose(rows(*pairs), "words") == WORDS and choose(rows(*pairs), "characters").kind == "characters"
    else:
        assert choose(rows(*pairs)) == reading


def test_rows_that_are_read_in_two_ways_are_refused():
    with pytest.raises(DataError, match="row 1: its cells are words, but in row 2 they are characters"):
        choose(rows(([["red", "b"]], [["b", "red"]]), ("a  c", "abbc")))


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([([["a"]], [["b"]]), ([["dark red"]], [["a"]])], "row 2: the symbol 'dark red' has a space or comma"),
        ([([["ab", " "]], [["ab", "c"]])], "row 1: the symbol ' ' has a space or comma, which separate words"),
        ([([["ab", ","]], [["ab", "c"]])], "row 1: the symbol ',' has a space"),
        ([([["a", "\t"]], [["b", "a"]])], r"row 1: '\\t' cannot be a symbol"),
        ([([["a", ""]], [["b", "a"]])], "row 1: '' cannot be a symbol"),
        ([("1..", "12."), ("1..", "123")], "row 1: the blank '.' is in the answer"),
    ],
)
def test_symbols_that_could_not_be_read_back_are_refused_by_row(pairs, said):
    with pytest.raises(DataError, match=said):
        infer(rows(*pairs), blank="." if "blank" in said else "")


@pytest.mark.parametrize(
    "pairs",
    [
        [("1  4", "1234"), ("23 1", "2341")],
        [([["a", " "], [",", "a"]], [["b", " "], [",", "b"]])],
        [("10 2", "2 10"), ("10", "10")],
        [([["[", "]"]], [["]", "["]])],
        [("((", "))"), (")(", "()")],
    ],
)
def test_what_a_file_was_read_as_is_how_its_model_reads_arguments(pairs):
    reading = choose(rows(*pairs))
    table = Table(infer(rows(*pairs)))
    for grid in (each for pair in pairs for each in pair):
        tokens = table.parse(grid)
        assert [s for row in cells_of(grid, reading) for s in row] == [table.spec.tokens[t] for t in tokens if t]
        assert (table.parse(table.text(tokens)) == tokens).all()
