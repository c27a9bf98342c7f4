"""Every fault of a file or store is counted and its rows are named; a clean one is proven clean."""

import json
import time

import numpy as np
import pytest

from hrm import puzzles
from hrm.data.audit.audit import audit
from hrm.data.store import Split, write_store
from hrm.errors import DataError

FAMILY = puzzles.get("sudoku-6x6")
N = 12


@pytest.fixture(scope="module")
def grids():
    """Puzzles of which no two are twins."""
    kept = {}
    for index in range(100):
        puzzle, answer = FAMILY.generate(3, index)
        kept.setdefault(FAMILY.twin_key(puzzle, answer), (puzzle, answer))
    inputs, answers = (np.stack(column) for column in zip(*kept.values(), strict=True))
    return inputs[: 2 * N], answers[: 2 * N]


def moved(inputs, answers, seed=1):
    symmetries = FAMILY.symmetries(np.random.default_rng(seed).random((len(inputs), FAMILY.spec.symmetry_draws)))
    return symmetries.apply(inputs), symmetries.apply(answers)


def line(question, answer):
    texts = (g if isinstance(g, str) else FAMILY.text(g) for g in (question, answer))
    return ",".join(texts)


def written(path, lines):
    path.write_text("\n".join(["question,answer", *lines]) + "\n", encoding="utf-8")
    return path


def lines(inputs, answers):
    return [line(q, a) for q, a in zip(inputs, answers, strict=True)]


def split(inputs, answers):
    n = len(inputs)
    return Split(inputs, answers, np.zeros(n, np.int32), np.full(n, np.nan, np.float32))


def found(result):
    return {(f.kind, f.part): (f.count, f.rows) for f in result.findings}


def test_a_clean_file_is_clean_and_said_to_be_proven(tmp_path, grids):
    searched = []
    path = written(tmp_path / "a.csv", lines(*grids))
    result = audit(path, progress=lambda done, total: searched.append((done, total)))
    assert result.clean and result.proven and result.puzzle == "sudoku-6x6" and result.shape == (6, 6)
    assert result.rows == result.answered == {"a.csv": 2 * N} and searched[-1] == (2 * N, 2 * N)
    assert sum(result.vocabulary["a.csv"].values()) == 2 * N * 36 and set(result.vocabulary["a.csv"]) <= set(".123456")
    assert not audit(path, unique=False).proven


def test_every_kind_of_fault_is_counted_with_its_rows(tmp_path, grids):
    inputs, answers = grids[0][:N], grids[1][:N]
    twin, twin_answer = moved(inputs[2:3], answers[2:3])
    contradiction = "11" + FAMILY.text(inputs[0])[2:]
    wrong = FAMILY.text(answers[4])[1:] + FAMILY.text(answers[4])[0]
    loose = FAMILY.text(answers[5])[:6] + "." * 30
    rows = lines(inputs, answers)
    rows += [rows[1], line(twin[0], twin_answer[0]), line(grids[0][N], wrong), line(loose, answers[5])]
    rows += [line(inputs[6], "123"), "..1..," + FAMILY.text(answers[7]), line(contradiction, answers[0])]
    path = written(tmp_path / "bad.csv", rows)
    result = audit(path, puzzle=FAMILY)
    assert found(result) == {
        ("unreadable question", "bad.csv"): (1, [N + 6]),
        ("unreadable answer", "bad.csv"): (1, [N + 5]),
        ("wrong answer", "bad.csv"): (2, [N + 3, N + 7]),
        ("several solutions", "bad.csv"): (1, [N + 4]),
        ("no solution", "bad.csv"): (1, [N + 7]),
        ("duplicate", "bad.csv"): (2, [N + 1, N + 5]),
        ("twin", "bad.csv"): (1, [N + 2]),
    }
    words = {f.kind: f.others for f in result.findings}
    assert words["duplicate"] == ["row 2", "row 7"] and words["twin"] == ["row 3"]
    assert "row 18 (line 19), question" in words["unreadable question"][0]
    assert "contradict" in words["no solution"][0]


def test_no_solution_is_told_from_several(tmp_path):
    family = puzzles.get("sudoku-4x4")
    rows = ["..1.4.....2.3...,2314413214233241", "123........4....,", ".,"[:0] + "." * 16 + ","]
    result = audit(written(tmp_path / "x.csv", rows), puzzle=family)
    assert found(result) == {("no solution", "x.csv"): (1, [2]), ("several solutions", "x.csv"): (1, [3])}
    assert result.answered == {"x.csv": 1}


def test_more_than_ten_rows_are_counted_and_ten_shown(tmp_path, grids):
    rows = lines(grids[0][:1], grids[1][:1]) * 40
    finding = audit(written(tmp_path / "x.csv", rows)).findings[0]
    assert (finding.kind, finding.count, finding.rows) == ("duplicate", 39, list(range(2, 12)))
    assert finding.others == ["row 1"] * 10


def test_twins_across_the_splits_of_a_store_are_found_and_their_absence_is_proven(tmp_path, grids):
    inputs, answers = grids
    train, test = split(inputs[:N], answers[:N]), split(inputs[N:], answers[N:])
    clean = audit(write_store(tmp_path / "clean", FAMILY, {"train": train, "test": test}, {}, "now").path)
    assert clean.clean and [(s.part, s.of, s.twins) for s in clean.separations] == [("test", "train", 0)]
    twins = moved(inputs[3:5], answers[3:5])
    leaky = split(np.concatenate([inputs[N:], twins[0]]), np.concatenate([answers[N:], twins[1]]))
    result = audit(write_store(tmp_path / "leaky", FAMILY, {"train": train, "test": leaky}, {}, "now").path)
    assert found(result) == {("twin of a row of train", "test"): (2, [N + 1, N + 2])}
    assert result.findings[0].others == ["row 4 of train", "row 5 of train"] and result.separations[0].twins == 2


def test_files_are_held_apart_from_files_and_stores(tmp_path, grids):
    inputs, answers = grids
    (tmp_path / "sub").mkdir()
    path = written(tmp_path / "a.csv", lines(inputs[:N], answers[:N]))
    other = written(tmp_path / "sub" / "a.csv", lines(*moved(inputs[5:7], answers[5:7])))  # of the same name
    store = write_store(tmp_path / "s", FAMILY, {"test": split(inputs[N:], answers[N:])}, {}, "now").path
    result = audit(path, [other, store])
    assert found(result) == {(f"twin of a row of {other}", "a.csv"): (2, [6, 7])}
    assert [(s.of, s.twins) for s in result.separations] == [(str(other), 2), (f"{store}:test", 0)]


def test_rows_without_an_answer_have_twins_all_the_same(tmp_path, grids):
    """Their answer is worked out; where that is not asked for, rows are compared as they stand."""
    inputs, answers = grids
    bare = written(
        tmp_path / "bare.csv", [line(q, "") for q in np.concatenate([moved(inputs[:1], answers[:1])[0], inputs[1:3]])]
    )
    full = written(tmp_path / "full.csv", lines(inputs[:N], answers[:N]))
    assert found(audit(bare, [full])) == {(f"twin of a row of {full}", "bare.csv"): (3, [1, 2, 3])}
    assert found(audit(bare, [full], unique=False)) == {
        (f"twin of a row of {full}", "bare.csv"): (2, [2, 3]), ("compared as it stands", "bare.csv"): (3, [1, 2, 3]),
    }  # fmt: skip


def test_a_file_to_stay_apart_from_is_solved_where_it_has_no_answers_and_nothing_is_proven_beside_what_is_lost(
    tmp_path, grids
):
    inputs, answers = grids
    full = written(tmp_path / "full.csv", lines(inputs[:N], answers[:N]))
    moved_inputs = moved(inputs[:2], answers[:2])[0]
    bare = written(tmp_path / "bare.csv", [line(q, "") for q in moved_inputs] + ["..1..,", "!" * 36 + ","])
    result = found(audit(full, [bare]))
    assert result == {
        ("unreadable question", str(bare)): (2, [3, 4]), (f"twin of a row of {bare}", "full.csv"): (2, [1, 2]),
    }  # fmt: skip
    assert found(audit(full, [bare], unique=False)) == {
        ("unreadable question", str(bare)): (2, [3, 4]), ("compared as it stands", str(bare)): (2, [1, 2]),
    }  # fmt: skip


def test_a_rating_that_is_no_number_is_found(tmp_path, grids):
    rows = [f"{line(q, a)},{rating}" for q, a, rating in zip(*grids, ["", "3", "hard", *[""] * 50], strict=False)]
    (tmp_path / "x.csv").write_text("\n".join(["question,answer,rating", *rows]) + "\n")
    assert found(audit(tmp_path / "x.csv", unique=False)) == {("unreadable rating", "x.csv"): (1, [3])}


def test_an_archive_of_arrays_is_checked_too(tmp_path, grids):
    wrong = grids[1].copy()
    wrong[4] = wrong[4][::-1]
    np.savez(tmp_path / "x.npz", inputs=grids[0].astype(int) - 1, labels=wrong.astype(int) - 1)
    assert found(audit(tmp_path / "x.npz", puzzle=FAMILY)) == {("wrong answer", "x.npz"): (1, [5])}


def test_mazes_may_have_several_shortest_paths(tmp_path):
    family = puzzles.get("maze-10x10")
    inputs, answers = (np.stack(c) for c in zip(*(family.generate(0, i) for i in range(6)), strict=True))
    turned = (
        family.symmetries(np.array([[0.4]])).apply(inputs[:1]),
        family.symmetries(np.array([[0.4]])).apply(answers[:1]),
    )
    wrong = answers.copy()
    wrong[2] = inputs[2]
    rows = [
        f"{family.text(q)},{family.text(a)}" for q, a in zip((*inputs, *turned[0]), (*wrong, *turned[1]), strict=True)
    ]
    result = audit(written(tmp_path / "m.csv", rows))
    assert found(result) == {("wrong answer", "m.csv"): (1, [3]), ("twin", "m.csv"): (1, [7])} and not result.proven


def test_a_maze_without_a_way_is_found_with_or_without_an_answer(tmp_path):
    family = puzzles.get("maze-10x10")
    (good, answer), (shut, _) = (family.generate(0, i) for i in range(2))
    goal = int(np.flatnonzero(shut == 4)[0])
    beside = [cell for cell in np.flatnonzero(family.relation_matrices[0][goal]).tolist() if shut[cell] != 3]
    shut[beside] = 1
    rows = [f"{family.text(good)},{family.text(answer)}", f"{family.text(shut)},", f"{family.text(shut)},"]
    result = audit(written(tmp_path / "m.csv", rows))
    assert found(result)["no solution", "m.csv"] == (2, [2, 3])
    text = tmp_path / "m.txt"
    text.write_text("".join(f"{family.text(grid)}\n" for grid in (shut, good)))
    assert found(audit(text, puzzle=family)) == {("no solution", "m.txt"): (1, [1])}


@pytest.mark.parametrize("before", [[], ["..1.4.....2.3...,"]])
def test_a_question_that_breaks_a_rule_is_found_wherever_it_stands_and_without_a_search(tmp_path, before):
    path = written(tmp_path / "x.csv", [*before, "11..............,", "....,"])
    family, row = puzzles.get("sudoku-4x4"), len(before) + 1
    expected = {("unreadable question", "x.csv"): (1, [row + 1])}
    assert found(audit(path, puzzle=family)) == expected | {("no solution", "x.csv"): (1, [row])}
    result = audit(path, puzzle=family, unique=False)
    assert found(result) == expected | {("no puzzle", "x.csv"): (1, [row])}
    assert "contradict" in result.findings[-1].others[0]


def test_a_search_that_gives_up_is_a_finding(tmp_path, toy, toy_split, monkeypatch):
    store = write_store(tmp_path / "s", toy, {"train": toy_split}, {}, "now")

    def gives_up(self, puzzle, limit=2):
        raise DataError("too many guesses")

    monkeypatch.setattr(type(toy), "solutions", gives_up)
    result = audit(store.path, puzzle=toy)
    assert found(result)["unproven", "train"] == (23, list(range(1, 11)))


@pytest.mark.parametrize("name, content, said", [
    ("x.csv", b"question,answer\n" + b"1" * (1 << 21) + b",1\n", "longer than"),
    ("x.jsonl", b'{"question": ' + b"[" * 100_000 + b"\n", "row 1"),
    ("x.csv", b"", "x.csv"), ("x.csv", b"a,b\n1,2\n", "question"), ("x.dat", b"1", "x.dat"),
    ("x.csv", b"question,answer\n\xff,1\n", "not UTF-8"),
])  # fmt: skip
def test_what_is_no_file_of_puzzles_is_refused_at_once(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    began = time.process_time()
    with pytest.raises(DataError, match=said):
        audit(tmp_path / name, puzzle=FAMILY)
    assert time.process_time() - began < 2


def test_a_line_that_claims_a_gigabyte_is_not_read(tmp_path):
    """A sparse file: its first line has a gigabyte, of which nothing lies on the disk."""
    with open(tmp_path / "x.csv", "wb") as f:
        f.write(b"question,answer\n")
        f.truncate(1 << 30)
    began = time.process_time()
    with pytest.raises(DataError, match="x.csv: (a line after line|line 2)"):
        audit(tmp_path / "x.csv", puzzle=FAMILY)
    assert time.process_time() - began < 2


def test_nothing_that_can_be_read_is_still_counted(tmp_path):
    result = audit(written(tmp_path / "x.csv", ["1,1", "2,2"]), puzzle=FAMILY)
    assert found(result) == {("unreadable question", "x.csv"): (2, [1, 2])} and result.rows == {"x.csv": 0}


def test_an_altered_store_is_refused(tmp_path, grids):
    store = write_store(tmp_path / "s", FAMILY, {"train": split(*grids)}, {}, "now")
    manifest = json.loads((store.path / "manifest.json").read_text())
    manifest["splits"]["train"]["files"]["inputs.npy"]["sha256"] = "0" * 64
    (store.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="inputs.npy is damaged"):
        audit(store.path)
