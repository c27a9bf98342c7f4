"""A sample of files: no twin of another row, none of a puzzle or an answer to stay apart from, the same every time."""

import csv
from pathlib import Path

import numpy as np
import pytest

from hrm import puzzles
from hrm.data.sample import Draw, sample_file
from hrm.data.sources.files import read_rows
from hrm.errors import DataError, HrmError, UsageError

FAMILY = puzzles.get("sudoku-6x6")
N = 12


def written(path, inputs, answers, source="here", rating="3"):
    lines = [f"{source},{FAMILY.text(q)},{FAMILY.text(a)},{rating}" for q, a in zip(inputs, answers, strict=True)]
    path.write_text("\n".join(["source,question,answer,rating", *lines]) + "\n", encoding="utf-8")
    return path


def moved(inputs, answers, seed):
    draws = np.random.default_rng(seed).random((len(inputs), FAMILY.spec.symmetry_draws))
    symmetries = FAMILY.symmetries(draws)
    return symmetries.apply(inputs), symmetries.apply(answers)


def questions(path):
    return {row["question"] for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines())}


@pytest.fixture(scope="module")
def grids():
    """Puzzles of which no two have twin answers."""
    kept = {}
    for index in range(200):
        puzzle, answer = FAMILY.generate(5, index)
        kept.setdefault(FAMILY.twin_key(answer, answer), (puzzle, answer))
    inputs, answers = (np.stack(column) for column in zip(*kept.values(), strict=True))
    assert len(inputs) > N
    return inputs[:N], answers[:N]


@pytest.fixture
def file(tmp_path, grids):
    return written(tmp_path / "all.csv", *grids)


def test_twins_of_puzzles_and_of_answers_are_left_out(tmp_path, grids, file):
    inputs, answers = grids
    same, same_answers = moved(inputs[:3], answers[:3], 1)
    fuller = inputs[3:6].copy()
    for grid, answer in zip(fuller, answers[3:6], strict=True):  # other givens of the same grid
        blank = np.flatnonzero(grid == FAMILY.spec.blank)[0]
        grid[blank] = answer[blank]
    other, other_answers = moved(fuller, answers[3:6], 2)
    both = np.concatenate([same, other]), np.concatenate([same_answers, other_answers])
    apart = written(tmp_path / "apart.csv", *both)
    out = tmp_path / "out.csv"
    sample = sample_file(out, [Draw(file, N - 6)], [apart], FAMILY, seed=0)
    assert questions(out) == {FAMILY.text(grid) for grid in inputs[6:]}
    assert sample.drawn == [N - 6] and sample.puzzle == "sudoku-6x6" and 0 <= sample.passed_over[0] <= 6
    with pytest.raises(DataError, match=f"{N - 5} rows of all.csv .* of its {N} there are {N - 6} "):
        sample_file(tmp_path / "more.csv", [Draw(file, N - 5)], [apart], FAMILY, seed=0)
    assert not (tmp_path / "more.csv").exists()


def test_no_two_rows_are_twins_within_a_file_or_across_files(tmp_path, grids, file):
    twice = written(tmp_path / "twice.csv", *(np.concatenate(p) for p in zip(grids, moved(*grids, 3), strict=True)))
    sample_file(tmp_path / "one.csv", [Draw(twice, N)], [], FAMILY, seed=0)
    rows = read_rows(tmp_path / "one.csv", FAMILY)
    assert len({FAMILY.twin_key(*pair) for pair in zip(rows.inputs, rows.labels, strict=True)}) == N
    with pytest.raises(DataError, match=f"there are {N} that"):
        sample_file(tmp_path / "two.csv", [Draw(twice, N + 1)], [], FAMILY, seed=0)
    with pytest.raises(DataError, match=f"of its {2 * N} there are {N - 4} that"):
        sample_file(tmp_path / "two.csv", [Draw(file, 4), Draw(twice, N)], [], FAMILY, seed=0)


def test_the_same_seed_writes_the_same_file(tmp_path, file, grids):
    other = written(tmp_path / "other.csv", *(g[:3] for g in moved(*grids, 4)), source="there", rating="")

    def contents(name, seed):
        sample_file(tmp_path / name, [Draw(other, 2), Draw(file, 5)], [], FAMILY, seed)
        return (tmp_path / name).read_bytes()

    first = contents("a.csv", 0)
    assert first == contents("b.csv", 0) != contents("c.csv", 1)
    rows = list(csv.DictReader(first.decode().splitlines()))
    assert sorted(row["source"] for row in rows) == ["here"] * 5 + ["there"] * 2
    assert {(row["source"], row["rating"]) for row in rows} == {("here", "3"), ("there", "")}
    assert len(read_rows(tmp_path / "a.csv")) == 7


def test_files_without_ratings_and_sources(tmp_path, grids):
    bare = tmp_path / "bare.csv"
    lines = [f"{FAMILY.text(q)},{FAMILY.text(a)}\n" for q, a in zip(*grids, strict=True)]
    bare.write_text("question,answer\n" + "".join(lines))
    sample_file(tmp_path / "out.csv", [Draw(bare, 2)], [], None, seed=0)
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "source,question,answer" and lines[1].startswith("bare,") and len(lines) == 3


def test_what_cannot_be_sampled(tmp_path, file):
    for draws, out, said in (
        ([], "out.csv", "at least 1 row"),
        ([Draw(file, 0)], "out.csv", "at least 1 row"),
        ([Draw(file, 1)], "all.csv", "exists"),
        ([Draw(file, 1)], "out.txt", "no .csv"),
    ):
        with pytest.raises(UsageError, match=said):
            sample_file(tmp_path / out, draws, [], FAMILY, seed=0)
    with pytest.raises(DataError, match="no such file"):
        sample_file(tmp_path / "out.csv", [Draw(Path("nowhere.csv"), 1)], [], FAMILY, seed=0)
    with pytest.raises(HrmError, match="cannot write"):
        sample_file(file / "out.csv", [Draw(file, 1)], [], FAMILY, seed=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.csv"]
