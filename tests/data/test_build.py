"""From files and generators to stores: nothing wrong gets in, and no twin crosses over."""

import csv
import json
import time

import numpy as np
import pytest

from hrm import puzzles
from hrm.data.build import cached_store, generate_store, store_from_rows
from hrm.data.sources.files import Rows, family_of, read_rows
from hrm.data.store import Split, open_store
from hrm.errors import DataError, UsageError


def toy_rows(toy, n, seed=0):
    inputs, labels = (np.stack(c) for c in zip(*(toy.generate(seed, i) for i in range(n)), strict=True))
    return Rows(toy, inputs, labels, np.arange(n, dtype=np.float32), "toy.csv", "0" * 64)


def write_csv(path, rows, header="source,question,answer,rating"):
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


GOOD = "here,?bccba,abccba,3"


@pytest.fixture
def good(tmp_path):
    return write_csv(tmp_path / "good.csv", [GOOD, "there,.b?ddb,bbdddb,", "x,?bccba,abccba,0.5"][::2])


class TestReading:
    def test_the_sudoku_extreme_layout(self, toy, good):
        rows = read_rows(good, toy)
        assert [toy.text(g) for g in rows.inputs] == ["?bccba"] * 2
        assert [toy.text(g) for g in rows.labels] == ["abccba"] * 2
        assert rows.ratings.tolist() == [3, 0.5] and rows.duplicates == 1 and rows.answered

    @pytest.mark.parametrize("ending", ["\n", "\r\n", "\n\n"])
    @pytest.mark.parametrize("last", [True, False])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    def test_spellings_of_the_same_file(self, toy, tmp_path, ending, last, mark):
        text = mark + ending.join(["rating,question,Answer", '"3","?bccba",abccba', ",.bccba,abccba"])
        (tmp_path / "a.csv").write_bytes((text + ending * last).encode())
        rows = read_rows(tmp_path / "a.csv", toy)
        assert [toy.text(g) for g in rows.inputs] == ["?bccba", "?bccba"]  # '.' is known to parse alone
        assert rows.ratings[0] == 3 and np.isnan(rows.ratings[1])

    def test_jsonl(self, toy, tmp_path):
        lines = [
            {"question": "?bccba", "answer": "abccba", "rating": 2},
            {"question": "a?ddba", "answer": "abddba"},
        ]
        (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, lines)))
        rows = read_rows(tmp_path / "a.jsonl", toy)
        assert len(rows) == 2 and rows.ratings[0] == 2 and np.isnan(rows.ratings[1])

    def test_answers_may_be_left_out_where_the_caller_allows_it(self, toy, tmp_path):
        file = write_csv(tmp_path / "a.csv", ["?bccba,abccba", "?bccba,"], "question,answer")
        with pytest.raises(DataError, match=r"row 2 \(line 3\) has no answer"):
            read_rows(file, toy)
        rows = read_rows(file, toy, answers_required=False)
        assert not rows.answered and not rows.labels[1].any() and rows.labels[0].all()
        file = write_csv(tmp_path / "b.csv", ["?bccba"], "question")
        with pytest.raises(DataError, match="has no answer"):
            read_rows(file, toy)
        assert len(read_rows(file, toy, answers_required=False)) == 1

    @pytest.mark.parametrize(
        ("row", "told"),
        [
            ("x,?bccbz,abccba,1", r"row 2 \(line 3\), question: '\?bccbz' is not"),
            ("x,?bccb,abccba,1", r"row 2 \(line 3\), question:"),
            ("x,?bccba,?bccba,1", r"row 2 \(line 3\): the answer is not a legal palindromes"),
            ("x,?bccba,abccbb,1", r"row 2 \(line 3\): the answer"),
            ("x,?bccba,abccbé,1", r"row 2 \(line 3\), answer:"),
            ("x,_bccba,abccba,1", r"row 2 \(line 3\), question:"),
            ("x,?bccba,abccba", r"row 2 \(line 3\) has 3 fields, the header 4"),
            ("x,?bccba,abccba,fast", r"row 2 \(line 3\): rating 'fast' is not a number"),
            ("x,?bccba,abccba,1e40", "is not a number"),
            ('x,"?bccba,abccba,1', "is not CSV"),
            ("x,?bccba\0,abccba,1", "line 3 holds a NUL"),
        ],
    )
    def test_a_bad_row_is_named(self, toy, tmp_path, row, told):
        with pytest.raises(DataError, match=told) as caught:
            read_rows(write_csv(tmp_path / "bad.csv", [GOOD, row, GOOD]), toy)
        assert str(caught.value).startswith("bad.csv") and "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        "line", ["{", "[]", "{}", '{"question": [[1]]}', "[" * 100_000, '{"question": ' + "9" * 9999, "nan"]
    )  # fmt: skip
    def test_a_bad_json_line_is_named(self, toy, tmp_path, line):
        (tmp_path / "bad.jsonl").write_text('{"question": "?bccba", "answer": "abccba"}\n' + line + "\n")
        with pytest.raises(DataError, match=r"row 2 \(line 2\)"):
            read_rows(tmp_path / "bad.jsonl", toy)

    @pytest.mark.parametrize(
        ("content", "told"),
        [
            (b"", "header"),
            (b"question,answer\n", "no puzzles"),
            (b"riddle,solution\n?bccba,abccba\n", "the header is 'riddle,solution'"),
            (b"question,question\na,b\n", "each column once"),
            (b"question,answer\n\xff\xfe,abccba\n", "line 2 is not UTF-8"),
            (b"question,answer\n" + b"a" * (1 << 21), "longer than"),
            (b"question,answer\n" + b"a" * (1 << 21) + b"\n", "longer than"),
            (b"\0" * 5000, "NUL"),
        ],
    )
    def test_a_file_that_is_no_table_is_refused(self, toy, tmp_path, content, told):
        (tmp_path / "bad.csv").write_bytes(content)
        with pytest.raises(DataError, match=told):
            read_rows(tmp_path / "bad.csv", toy)

    def test_a_line_without_end_is_refused_at_once(self, toy, tmp_path):
        with open(tmp_path / "huge.csv", "wb") as f:
            f.truncate(1 << 30)  # a sparse GiB of NUL bytes without a line end
        start = time.process_time()
        with pytest.raises(DataError, match="longer than"):
            read_rows(tmp_path / "huge.csv", toy)
        assert time.process_time() - start < 2

    def test_what_is_no_file_is_refused(self, toy, tmp_path):
        (tmp_path / "a.parquet").write_text("x")
        (tmp_path / "folder.csv").mkdir()
        for name, told in (
            ("none.csv", "no such"),
            ("a.parquet", "rename or convert"),
            ("folder.csv", "no such"),
        ):
            with pytest.raises(DataError, match=told):
                read_rows(tmp_path / name, toy)

    def test_the_family_is_read_off_the_first_question(self, tmp_path):
        sudoku = puzzles.get("sudoku-4x4")
        question, answer = (sudoku.text(g) for g in sudoku.generate(0, 0))
        file = write_csv(tmp_path / "a.csv", [f"{question},{answer}"], "question,answer")
        assert family_of(file).spec.name == "sudoku-4x4" == read_rows(file).puzzle.spec.name
        file = write_csv(tmp_path / "b.csv", ["123,123"], "question,answer")
        with pytest.raises(DataError, match="of 3 characters fits none of .*sudoku-4x4"):
            read_rows(file)

    def test_ten_thousand_real_puzzles_in_a_second(self, sudoku_files):
        start = time.process_time()
        rows = read_rows(sudoku_files / "mix_test_10k.csv")
        assert time.process_time() - start < 1.5
        assert len(rows) == 10_000 and rows.puzzle.spec.name == "sudoku-9x9" and not rows.duplicates
        assert abs(rows.ratings.mean() - 26) < 1


class TestGenerating:
    def test_splits_are_full_distinct_and_free_of_twins(self, toy, tmp_path, overlaps):
        told = []
        store = generate_store(
            tmp_path / "s", toy, {"train": 20, "test": 10}, 0, "now", progress=lambda *p: told.append(p)
        )
        train, test = store.splits["train"], store.splits["test"]
        assert (len(train), len(test)) == (20, 10) and told[-1] == (30, 30)
        assert len(np.unique(np.concatenate([train.inputs, test.inputs]), axis=0)) == 30
        assert overlaps(train, test, toy) == 0
        assert toy.verify(test.inputs, test.labels).all() and np.isnan(test.ratings).all()

    def test_the_same_seed_gives_the_same_store(self, toy, tmp_path):
        a, b, c = (
            generate_store(tmp_path / f"s{i}", toy, {"train": 9, "test": 3}, seed, f"time {i}")
            for i, seed in enumerate((4, 4, 5))
        )
        assert a.digest == b.digest != c.digest

    @pytest.mark.parametrize("name", ["sudoku-4x4", "maze-5x6", "maze-5x6-unique"])
    def test_the_provenance_names_what_generates_the_same_store(self, tmp_path, name):
        first = generate_store(tmp_path / "1", puzzles.get(name), {"train": 5}, 3, "now", twins=True)
        origin = first.manifest.provenance
        again = generate_store(
            tmp_path / "2", puzzles.get(str(origin["generator"])), {"train": 5}, 3, "then", twins=True
        )
        assert origin["generator"] == name and again.digest == first.digest

    def test_with_twins_allowed_only_identical_puzzles_are_dropped(self, toy, tmp_path, overlaps):
        store = generate_store(tmp_path / "s", toy, {"train": 300, "test": 100}, 0, "now", twins=True)
        both = np.concatenate([s.inputs for s in store.splits.values()])
        assert len(np.unique(both, axis=0)) == 400 and overlaps(*store.splits.values(), toy) > 50

    def test_a_family_that_runs_dry_says_so(self, toy, tmp_path, monkeypatch):
        monkeypatch.setattr("hrm.data.build.PATIENCE", 300)
        with pytest.raises(DataError, match=r"no new puzzle in 300 tries: split 'test' has \d+ of 900"):
            generate_store(tmp_path / "s", toy, {"train": 30, "test": 900}, 0, "now")
        with pytest.raises(UsageError, match="at least 1"):
            generate_store(tmp_path / "s", toy, {"train": 0}, 0, "now")
        assert not list(tmp_path.iterdir())

    def test_real_sudoku(self, tmp_path, overlaps):
        puzzle = puzzles.get("sudoku-6x6")
        store = generate_store(tmp_path / "s", puzzle, {"train": 30, "test": 10}, 0, "now")
        assert overlaps(store.splits["train"], store.splits["test"], puzzle) == 0
        assert open_store(tmp_path / "s").digest == store.digest  # found by name


class TestSplitting:
    def test_twins_never_straddle_and_repeats_are_dropped(self, toy, tmp_path, overlaps):
        rows = toy_rows(toy, 200)
        store = store_from_rows(tmp_path / "s", rows, {"train": 0.7, "validation": 0.3}, 0, "now")
        train, validation = store.splits["train"], store.splits["validation"]
        different = len(rows) - rows.duplicates
        assert len(train) + len(validation) == different == len(np.unique(rows.inputs, axis=0))
        assert overlaps(train, validation, toy) == 0 and abs(len(train) / different - 0.7) < 0.1
        assert store.manifest.provenance["duplicates_dropped"] == rows.duplicates

    def test_counts_are_met_exactly_and_a_share_of_one_takes_the_rest(self, toy, tmp_path, overlaps):
        store = store_from_rows(tmp_path / "s", toy_rows(toy, 200), {"train": 1.0, "validation": 40}, 0, "now")
        assert list(store.splits) == ["train", "validation"] and len(store.splits["validation"]) == 40
        assert overlaps(store.splits["train"], store.splits["validation"], toy) == 0

    def test_a_subsample_is_seeded(self, toy, tmp_path):
        rows = toy_rows(toy, 100)
        a, b, c = (
            store_from_rows(tmp_path / f"{i}", rows, {"train": 1.0}, seed, "now", subsample=20)
            for i, seed in enumerate((1, 1, 2))
        )
        assert a.digest == b.digest != c.digest and len(a.splits["train"]) == 20

    @pytest.mark.parametrize(
        ("splits", "subsample", "error"),
        [
            ({}, None, UsageError),
            ({"a": 0}, None, UsageError),
            ({"a": 0.6, "b": 0.6}, None, UsageError),
            ({"a": 1.0}, 1000, DataError),
            ({"a": 101}, None, DataError),
            ({"a": 1.0, "b": 1.0e-9}, None, DataError),
        ],
    )
    def test_what_cannot_be_met_is_refused(self, toy, tmp_path, splits, subsample, error):
        with pytest.raises(error):
            store_from_rows(tmp_path / "s", toy_rows(toy, 100), splits, 0, "now", subsample=subsample)

    def test_a_twin_is_counted_whatever_its_disguise(self, toy, overlaps):
        rows = toy_rows(toy, 12)
        split = rows.split(np.arange(12))
        images = toy.symmetries(np.random.default_rng(0).random((12, 5)))
        disguised = Split(images.apply(rows.inputs), images.apply(rows.labels), split.puzzle_ids, split.ratings)
        assert overlaps(split, disguised, toy) == overlaps(disguised, split, toy) == 12

    def test_real_puzzles_of_train_and_test_share_no_twin(self, sudoku_files, overlaps):
        train, test = (read_rows(sudoku_files / f"mix_{part}.csv") for part in ("train_1k", "test_10k"))
        whole = [rows.split(np.arange(len(rows))) for rows in (train, test)]
        assert overlaps(*whole, train.puzzle) == 0
        images = train.puzzle.symmetries(np.random.default_rng(0).random((50, train.puzzle.spec.symmetry_draws)))
        some = train.split(np.arange(50))
        moved = Split(images.apply(some.inputs), images.apply(some.labels), some.puzzle_ids, some.ratings)
        assert overlaps(whole[0], moved, train.puzzle) == 50


class TestCache:
    def test_a_file_becomes_a_store_once(self, toy, good, tmp_path):
        cache = tmp_path / "cache"
        first = cached_store(good, cache, toy, "then")
        assert list(first.splits) == ["all"] and first.splits["all"].ratings.tolist() == [3, 0.5]
        assert first.manifest.provenance["duplicates"] == 1
        assert cached_store(good, cache, toy, "now").manifest.created == "then"
        assert cached_store(first.path, cache, toy, "now").digest == first.digest  # a store is opened as it is
        write_csv(good, [GOOD])
        assert len(cached_store(good, cache, toy, "now").splits["all"]) == 1
        assert len(list(cache.iterdir())) == 2

    def test_a_damaged_cache_is_made_anew(self, toy, good, tmp_path):
        store = cached_store(good, tmp_path / "cache", toy, "then")
        for file, content in (("all/labels.npy", b"x"), ("manifest.json", b"")):
            (store.path / file).write_bytes(content)
            again = cached_store(good, tmp_path / "cache", toy, "now")
            assert again.digest == store.digest and again.manifest.created == "now"

    def test_missing_answers_are_refused_from_the_cache_too(self, toy, tmp_path):
        file = write_csv(tmp_path / "a.csv", ["?bccba"], "question")
        cached_store(file, tmp_path / "cache", toy, "then", answers_required=False)
        with pytest.raises(DataError, match=r"row 1 \(line 2\) has no answer"):
            cached_store(file, tmp_path / "cache", toy, "then")

    def test_what_is_not_there_is_refused(self, toy, tmp_path):
        with pytest.raises(DataError, match="no such file"):
            cached_store(tmp_path / "none.csv", tmp_path, toy, "now")
        with pytest.raises(DataError, match="not a store"):
            cached_store(tmp_path, tmp_path, toy, "now")


@pytest.mark.parametrize("name", ["killer-4x4", "killer-6x6", "samurai-4x4", "coloring-8x3"])
def test_harder_families_are_told_by_their_puzzles_and_read_back(tmp_path, name):
    family = puzzles.get(name)
    pairs = [family.generate(0, index) for index in range(5)]
    file = tmp_path / "rows.csv"
    with file.open("w", newline="") as f:
        csv.writer(f).writerows([("question", "answer"), *((family.text(q), family.text(a)) for q, a in pairs)])
    rows = read_rows(file)
    assert rows.puzzle is family
    for column, grids in zip((rows.inputs, rows.labels), zip(*pairs, strict=True), strict=True):
        assert np.array_equal(column, np.stack(grids))


def test_a_sudoku_is_no_killer_sudoku_without_cages(tmp_path):
    family = puzzles.get("sudoku-9x9")
    question, answer = (family.text(grid) for grid in family.generate(0, 0))
    file = tmp_path / "rows.csv"
    file.write_text(f"question,answer\n{question},{answer}\n")
    assert family_of(file) is family
