"""The same rows give the same store, whatever container they come in; what could be misread is refused."""

import csv
import gzip
import io
import json
import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm import puzzles
from hrm.data.prepare import build_store
from hrm.data.sources.files import read_rows
from hrm.data.sources.questions import questions
from hrm.errors import DataError

CHARACTERS = ["a", "b", "c", ".", "#", "0", "7"]
SPACED = [*CHARACTERS[:4], " ", ","]
WORDS = ["red", "green", "b", "10", "-1", "x2"]
NUMBERS = ["0", "1", "2", "10", "-3"]


def store(folder, name, cells=""):
    counts = {"train": 0, "validation": 0, "test": 0}
    out = folder / f"store-{name}-{cells}"
    return build_store(str(folder / name), out, "table", counts, 0, "now", True, False, lambda *_: None, cells)


def text_of(grid, words):
    return "\n".join((" " if words else "").join(row) for row in grid)


def table_of(rows, separator=",", names=("input", "output"), end="\r\n"):
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=separator, lineterminator=end)
    writer.writerow(["id", *names, ""])
    writer.writerows([number, *row, ""] for number, row in enumerate(rows))
    return file.getvalue()


def lines_of(rows, names=("input", "output")):
    return "".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)


@st.composite
def files(draw):
    """Rows of grids, the alphabet of their symbols, and whether text of them is words."""
    alphabet = draw(st.sampled_from([CHARACTERS, SPACED, WORDS, NUMBERS]))
    one_size = draw(st.booleans())
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    rows = []
    for _ in range(draw(st.integers(2, 6))):
        size = (height, width) if one_size else (draw(st.integers(1, 3)), draw(st.integers(1, 4)))
        grid = st.lists(st.lists(st.sampled_from(alphabet), min_size=size[1], max_size=size[1]),
                        min_size=size[0], max_size=size[0])  # fmt: skip
        rows.append((draw(grid), draw(grid)))
    rows.append(([alphabet[:width]] * height, [alphabet[1 : width + 1]] * height))  # at least two symbols
    return rows, alphabet, alphabet in (WORDS, NUMBERS)


@settings(max_examples=25, deadline=None)
@given(files())
@pytest.mark.slow
def test_the_same_rows_give_the_same_store(made):
    rows, alphabet, words = made
    kind = "words" if words else "characters"
    texts = [tuple(text_of(grid, words) for grid in row) for row in rows]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "lists.jsonl").write_text(lines_of(rows))
        wanted = store(folder, "lists.jsonl")
        (folder / "nested.csv").write_text(table_of([tuple(map(json.dumps, row)) for row in rows]))
        (folder / "list.json").write_text(
            json.dumps([dict(zip(("puzzle", "solution"), row, strict=True)) for row in rows])
        )
        assert store(folder, "nested.csv").digest == store(folder, "list.json").digest == wanted.digest
        if alphabet is NUMBERS and len({np.shape(grid) for row in rows for grid in row}) == 1:
            inputs, answers = (np.array(side).astype(int) for side in zip(*rows, strict=True))
            np.savez(folder / "c.npz", inputs=inputs, labels=answers)
            np.savez(folder / "f.npz", x=np.asfortranarray(inputs)[..., None], y=np.asfortranarray(answers)[..., None])
            assert store(folder, "c.npz").digest == store(folder, "f.npz").digest == wanted.digest
        if alphabet is SPACED and any(text.strip(" ,\n") == "" or text[0] in " ,\n" for row in texts for text in row):
            return  # an empty line is no row of a grid
        (folder / "text.csv").write_bytes(table_of(texts).encode("utf-8-sig"))
        (folder / "text.jsonl").write_text(lines_of(texts, ("question", "answer")), encoding="utf-16")
        (folder / "tabs.csv").write_text(table_of(texts, "\t", ("quizzes", "solutions"), "\n"))
        (folder / "half.csv.gz").write_bytes(gzip.compress(table_of(texts, ";", ("Puzzle", "Solution")).encode()))
        for file in ("text.csv", "text.jsonl", "tabs.csv", "half.csv.gz"):
            assert store(folder, file, kind).digest == wanted.digest, file
        try:
            found = store(folder, "text.csv", "")
        except DataError as error:
            assert "--cells" in str(error) or "give both one shape" in str(error)  # never silently something else
        else:
            assert found.manifest.splits == wanted.manifest.splits or alphabet is SPACED or not has_separators(texts)


def has_separators(texts):
    return any(mark in text for row in texts for text in row for mark in " ,")


@pytest.mark.parametrize("family", ["sudoku-4x4", "sudoku-9x9", "maze-10x10"])
def test_a_known_family_is_the_same_in_every_container(tmp_path, family):
    puzzle = puzzles.get(family)
    inputs, answers = (np.stack(side) for side in zip(*(puzzle.generate(3, i) for i in range(4)), strict=True))
    texts = [(puzzle.text(a), puzzle.text(b)) for a, b in zip(inputs, answers, strict=True)]
    (tmp_path / "a.csv").write_text(table_of(texts, ";", ("quizzes", "solutions")))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines_of(texts).encode()))
    (tmp_path / "a.json").write_text(json.dumps([{"puzzle": a, "solution": b} for a, b in texts]))
    for name in ("a.csv", "a.jsonl.gz", "a.json"):
        rows = read_rows(tmp_path / name, puzzle)
        assert np.array_equal(rows.inputs, inputs) and np.array_equal(rows.labels, answers)
        assert [question.tokens.tolist() for question in questions(tmp_path / name, puzzle)] == inputs.tolist()
    (tmp_path / "a.txt").write_text("\n".join(text for text, _ in texts) + "\n")
    assert [question.tokens.tolist() for question in questions(tmp_path / "a.txt", puzzle)] == inputs.tolist()


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("blank", ["0", ""])
def test_a_file_may_be_one_grid(tmp_path, separator, blank):
    family = puzzles.get("sudoku-9x9")
    grid, _ = family.generate(0, 0)
    cells = [
        [blank if mark == "." else mark for mark in line] for line in np.array(list(family.text(grid))).reshape(9, 9)
    ]
    (tmp_path / "grid.csv").write_text("\n".join(separator.join(row) for row in cells) + "\n")
    (tmp_path / "grid.json").write_text(json.dumps([[int(cell or 0) for cell in row] for row in cells], indent=1))
    for name in ("grid.csv", "grid.json"):
        [question] = questions(tmp_path / name, family)
        assert question.tokens.tolist() == grid.tolist()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("question,input\n1,2\n", "'question' and 'input' both mean the question"),
        ("puzzle,solution,answers\n1,2,3\n", "'solution' and 'answers' both mean the answer"),
        ("question;a,question\n", "may be separated by"),
        ("riddle,solution\nabc,cba\n", "the header is 'riddle,solution'"),
        ('question,answer\n"abc,cba\nab,ba\n', "line 2 is not CSV.*is a quote never closed"),
        ('question,answer\nabc,cba\n"' + "ab\n" * 500_000, "line 3.* is not CSV"),
    ],
)
def test_columns_that_could_be_misread_are_refused(tmp_path, content, said):
    (tmp_path / "a.csv").write_text(content)
    with pytest.raises(DataError, match=f"a.csv.*{said}"):
        read_rows(tmp_path / "a.csv", puzzles.get("sudoku-4x4"))


def test_a_difficulty_is_a_rating_where_it_is_a_number(tmp_path):
    question, answer = "..1.4.....2.3...", "2314413214233241"
    for value, rating in (("2.5", 2.5), ("easy", None), ("", None)):
        (tmp_path / "a.csv").write_text(f"id,puzzle,solution,difficulty\n1,{question},{answer},{value}\n")
        [found] = read_rows(tmp_path / "a.csv", puzzles.get("sudoku-4x4")).ratings
        assert np.isnan(found) if rating is None else found == rating


def test_a_line_that_names_the_separator_is_passed_over(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\nquestion;answer\n..1.4.....2.3...;2314413214233241\n")
    assert len(read_rows(tmp_path / "a.csv", puzzles.get("sudoku-4x4"))) == 1


def test_the_order_of_rows_does_not_change_how_they_are_read(tmp_path):
    rng = random.Random(0)
    rows = [("red blue", "blue red"), ("red", "red"), ("blue", "blue"), ("blue blue red", "red blue blue")]
    for number in range(5):
        rng.shuffle(rows)
        (tmp_path / f"{number}.csv").write_text(table_of(rows))
        assert store(tmp_path, f"{number}.csv").puzzle.spec.tokens[2:] == ("blue", "red")
