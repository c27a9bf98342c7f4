"""ARC: the canvas gives back what was put on it, variants are stable, and a hostile file is refused by name."""

import json
import os
import re
import subprocess
import sys
import time
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from hrm.data.arc import task_table
from hrm.data.task_table import BLANK_NAME
from hrm.errors import DataError, UsageError
from hrm.puzzles import get
from hrm.puzzles.arc.canvas import CELLS, EOS, PAD, decode, encode, encode_pairs, random_offsets
from hrm.puzzles.arc.files import Notes, read_tasks
from hrm.puzzles.arc.split import Reference, canonical, leaks, resolve, split
from hrm.puzzles.arc.tasks import Pair, Task, parse_task, task_id_of
from hrm.puzzles.arc.variants import ORIGINAL, Variant, variants

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"
RNG = np.random.default_rng(0)
real_data = pytest.mark.skipif(not (SHARED / "arc1").is_dir(), reason="needs the real ARC tasks")


def grid(height, width, rng=RNG):
    return rng.integers(0, 10, (height, width)).astype(np.uint8)


def made(task_id="a", demonstrations=3, tests=1, seed=0, folder="training"):
    rng = np.random.default_rng(seed)
    pairs = [Pair(grid(*rng.integers(1, 9, 2), rng), grid(*rng.integers(1, 9, 2), rng)) for _ in range(9)]
    return Task(task_id, tuple(pairs[:demonstrations]), tuple(pairs[9 - tests :]), folder)


def as_json(task, outputs=True):
    def listed(pair, known):
        return {"input": pair.input.tolist()} | ({"output": pair.output.tolist()} if known else {})

    return {
        "train": [listed(pair, True) for pair in task.demonstrations],
        "test": [listed(pair, outputs) for pair in task.tests],
    }


def parsed(name):
    """Return the task and the variant that the name of a puzzle id stands for."""
    if found := re.fullmatch(r"(.+)_t([0-7])_(0[1-9]{9})", name, re.ASCII):
        return found[1], Variant(int(found[2]), tuple(map(int, found[3])))
    return name, ORIGINAL


def written(folder, *tasks):
    folder.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        (folder / f"{task.id}.json").write_text(json.dumps(as_json(task)))
    return folder


class TestCanvas:
    def test_every_size_at_every_offset(self):
        """Every height with every row, every width with every column; the other axis is drawn."""
        grids, offsets = [], []
        for size in range(1, 31):
            for offset in range(31 - size):
                other = int(RNG.integers(1, 31))
                at = int(RNG.integers(31 - other))
                grids += [grid(size, other), grid(other, size)]
                offsets += [(offset, at), (at, offset)]
        found = decode(encode(grids, np.array(offsets)), np.array(offsets))
        assert all(np.array_equal(a, b) for a, b in zip(grids, found, strict=True))

    def test_every_size_in_the_corner(self):
        grids = [grid(height, width) for height, width in product(range(1, 31), repeat=2)]
        assert all(np.array_equal(a, b) for a, b in zip(grids, decode(encode(grids)), strict=True))

    def test_against_a_canvas_written_cell_by_cell(self):
        for height, width, y, x in [(2, 3, 0, 0), (2, 3, 28, 27), (30, 30, 0, 0), (1, 30, 4, 0), (5, 4, 25, 3)]:
            given = grid(height, width)
            plain = np.zeros((30, 30), int)
            for r, c in product(range(30), repeat=2):
                inside_y, inside_x = y <= r < y + height, x <= c < x + width
                if inside_y and inside_x:
                    plain[r, c] = given[r - y, c - x] + 2
                elif (r == y + height and inside_x) or (c == x + width and inside_y):
                    plain[r, c] = EOS
            assert np.array_equal(encode([given], np.array([[y, x]]))[0].reshape(30, 30), plain)

    def test_no_eos_in_the_corner(self):
        canvas = encode([grid(2, 3)])[0].reshape(30, 30)
        assert canvas[2, 3] == PAD and (canvas[2, :3] == EOS).all() and (canvas[:2, 3] == EOS).all()

    def test_the_largest_rectangle_is_cropped(self):
        canvas = np.zeros((3, 30, 30), np.uint8)
        canvas[0, :4, :2] = canvas[0, :2, :5] = 7  # 2 x 5 against 4 x 2
        canvas[1, :4, :2] = canvas[1, :2, :4] = 7  # as large: the fewer rows
        canvas[2, 0, 1:] = canvas[2, 1:] = 7  # nothing in the corner
        assert [found.shape for found in decode(canvas.reshape(3, CELLS))] == [(2, 4 + 1), (2, 4), (0, 0)]

    @pytest.mark.parametrize("side", [2, 5, 29])
    def test_a_smaller_canvas_gives_back_every_grid_that_fits(self, side):
        shapes = [(side, side), (1, 1), (side, 1), (side - 1, side)]
        grids = [grid(*shape) for shape in shapes]
        pairs = [Pair(each, other) for each, other in zip(grids, grids[::-1], strict=True)]
        drawn = [random_offsets(pairs, 0, np.arange(4) + 4 * turn, side) for turn in range(50)]
        assert np.concatenate(drawn).max() == side - 1 and not np.stack(drawn)[:, 0].any()
        for offsets in (None, *drawn[:5]):
            canvas = encode_pairs(pairs, offsets, side)
            assert [array.shape for array in canvas] == [(4, side * side)] * 2
            for array, wanted in zip(canvas, (grids, grids[::-1]), strict=True):
                found = decode(array, offsets)
                assert all(np.array_equal(one, other) for one, other in zip(found, wanted, strict=True))
        assert encode(grids[:1], side=side).min() >= 2  # a grid as large as the canvas leaves no room for its end
        with pytest.raises(ValueError, match=f"{side}x{side}"):
            encode([grid(1, side + 1)], side=side)

    def test_nothing_to_encode(self):
        assert encode([]).shape == (0, CELLS) and decode(encode([])) == []

    def test_a_grid_off_the_canvas(self):
        for offset in ([29, 0], [0, 28], [-1, 0]):
            with pytest.raises(ValueError, match="does not fit"):
                encode([grid(2, 3)], np.array([offset]))

    def test_a_pair_has_one_offset(self):
        pairs, offsets = [Pair(grid(3, 4), grid(5, 2)), Pair(grid(1, 1), None)], np.array([[7, 9], [29, 0]])
        for at in (None, offsets):
            inputs, labels = encode_pairs(pairs, at)
            found = decode(inputs, at)
            assert all(np.array_equal(pair.input, each) for pair, each in zip(pairs, found, strict=True))
            assert np.array_equal(decode(labels, at)[0], pairs[0].output) and not labels[1].any()
        assert encode_pairs([])[1].shape == (0, CELLS)

    def test_offsets_fit_both_grids_and_reach_every_place(self):
        pairs = [Pair(grid(3, 28), grid(27, 5)), Pair(grid(30, 30), grid(1, 1)), Pair(grid(2, 2), None)]
        drawn = np.stack([random_offsets(pairs, 1, np.arange(3) + 3 * turn) for turn in range(400)])
        assert [set(drawn[:, i, axis]) for i in range(2) for axis in range(2)] == [{0, 1, 2, 3}, {0, 1, 2}, {0}, {0}]
        assert set(drawn[:, 2, 0]) == set(range(29))
        assert np.array_equal(
            random_offsets(pairs[1:], 1, np.array([1, 2])), random_offsets(pairs, 1, np.arange(3))[1:]
        )


def test_a_canvas_has_a_family_of_its_own():
    family = get("arc-5x5")
    assert family is get("arc-5x5") and family.spec.shape == (5, 5) and family.relations().shape == (1, 25, 25)
    assert family.text(family.parse([[1, 2], [3, 4]])) == "[[1,2],[3,4]]" and family.sketch(
        family.parse("1")
    ).fixed.shape == (25,)
    with pytest.raises(DataError, match="1x6 cells; arc-5x5 allows 5x5"):
        family.parse([[1, 2, 3, 4, 5, 6]])
    for name in ("arc-30x30", "arc-31x31", "arc-1x1", "arc-5x6", "arc-05x05", "arc-0x0"):
        with pytest.raises(UsageError, match="no puzzle family"):
            get(name)


def test_relations_tell_in_which_direction_a_neighbor_lies():
    matrix = get("arc").relations()[0].reshape(30, 30, 30, 30)
    assert matrix[5, 7, 4:7, 6:9].tolist() == [[1, 2, 3], [4, 0, 5], [6, 7, 8]]
    assert np.count_nonzero(matrix[5, 7]) == 8 and np.count_nonzero(matrix[0, 29]) == 3


class TestVariants:
    def test_a_variant_and_its_inverse_are_the_identity(self):
        for transform in range(8):
            variant = Variant(transform, (0, *(RNG.permutation(9) + 1).tolist()))
            given = grid(5, 7)
            assert np.array_equal(variant.inverse().apply(variant.apply(given)), given)
            assert np.array_equal(variant.apply(variant.inverse().apply(given)), given)
            assert variant.inverse().inverse() == variant
            assert parsed(variant.name("x_t1")) == ("x_t1", variant)

    def test_the_transforms_by_sight(self):
        seen = ["12|34", "24|13", "43|21", "31|42", "21|43", "34|12", "13|24", "42|31"]
        given = np.array([[1, 2], [3, 4]], np.uint8)
        found = [Variant(k, ORIGINAL.colors).apply(given) for k in range(8)]
        assert ["|".join("".join(map(str, row)) for row in each.tolist()) for each in found] == seen

    def test_what_is_no_variant(self):
        for transform, colors in [(8, ORIGINAL.colors), (0, (1, 0, *range(2, 10))), (0, (0,) * 10), (0, ())]:
            with pytest.raises(UsageError, match="a variant has"):
                Variant(transform, colors)

    @pytest.mark.parametrize("few", [False, True])
    def test_distinct_by_content(self, few):
        """With one color in a corner there are 9 x 8; each must be found once, the original first."""
        task = made(seed=3)
        if few:
            square = np.array([[0, 1], [0, 0]], np.uint8)
            task = Task("b", (Pair(square, square.T.copy()), Pair(square[::-1].copy(), square)), (Pair(square, None),))
        drawn = variants(task, 200, seed=5)
        assert Variant.of(drawn[0]) == ORIGINAL
        contents = set()
        for apply in (Variant.of(row).apply_pair for row in drawn):
            demonstrations, tests = map(apply, task.demonstrations), map(apply, task.tests)
            contents.add(
                (frozenset(tuple(map(key, pair)) for pair in demonstrations), frozenset(key(p.input) for p in tests))
            )
        assert len(contents) == len(drawn) == (72 if few else 201)

    def test_the_order_of_pairs_makes_no_other_content(self):
        """Turning it by half exchanges the demonstrations, and that is the same task."""
        line = np.array([[1, 0, 0]], np.uint8)
        task = Task("c", (Pair(line, line), Pair(line[:, ::-1].copy(), line[:, ::-1].copy())), (Pair(line * 0, None),))
        drawn = variants(task, 1000, seed=0)
        assert len(drawn) == 9 * 2  # nine colors; lying or standing

    def test_alike_in_any_company_and_a_beginning_of_more(self):
        tasks = [made(name, seed=i) for i, name in enumerate("dbca")]
        table, other = task_table(tasks, 50, seed=1), task_table(tasks[2:0:-1], 50, seed=1)
        assert list(table.task_ids) == ["a", "b", "c", "d"] and len(table) == 4 * 51 + 1
        for task in tasks[1:3]:
            names = [get("arc").variant_name(*table.lookup(i)) for i in table.puzzle_ids(task.id)]
            assert names == [get("arc").variant_name(*other.lookup(i)) for i in other.puzzle_ids(task.id)]
            assert names[:11] == [Variant.of(row).name(task.id) for row in variants(task, 10, 1)]
            assert names[1:] != [Variant.of(row).name(task.id) for row in variants(task, 50, 2)[1:]]

    def test_the_outputs_of_tests_change_no_id(self):
        task = made(seed=4, tests=2)
        bare = Task(task.id, task.demonstrations, tuple(Pair(pair.input, None) for pair in task.tests))
        assert task_table([task], 300, 0).names(get("arc")) == task_table([bare], 300, 0).names(get("arc"))

    def test_the_table_is_sorted_and_small(self):
        tasks = [made(f"t{i}", seed=i) for i in range(4)]
        table = task_table(tasks, 100, seed=0)
        names = table.names(get("arc"))
        assert names[0] == BLANK_NAME and names[1] == "t0" and len(set(names)) == len(names) == len(table)
        assert [parsed(name)[0] for name in names[1:]] == sorted(parsed(name)[0] for name in names[1:])
        assert table.variants.nbytes < 12 * len(table)
        looked_up = [table.lookup(i) for i in range(1, len(table))]
        assert [(task_id, Variant.of(row)) for task_id, row in looked_up] == list(map(parsed, names[1:]))
        for bad in (0, len(table), -1):
            with pytest.raises(DataError, match="puzzle ids go from 1"):
                table.lookup(bad)
        with pytest.raises(DataError, match="no task 'x'"):
            table.puzzle_ids("x")
        with pytest.raises(DataError, match="one id"):
            task_table([tasks[0], tasks[0]], 1, 0)
        assert len(task_table([], 10, 0)) == 1

    @pytest.mark.parametrize("count", [-1, 100_001])
    def test_counts_out_of_range(self, count):
        with pytest.raises(UsageError, match=f"got {count}"):
            variants(made(), count, 0)

    def test_the_hash_seed_changes_nothing(self, tmp_path):
        """The official builder gave other ids in every process, so that no checkpoint fitted a rebuilt data set."""
        written(tmp_path / "x", *(made(f"t{i}", seed=i) for i in range(5)))
        code = (
            "import sys; from pathlib import Path; from hrm.puzzles.arc.files import read_tasks;"
            "from hrm.puzzles import get; from hrm.data.arc import task_table;"
            "print(task_table(read_tasks(Path(sys.argv[1])), 20, 7).names(get('arc')))"
        )
        said = {
            subprocess.run(
                [sys.executable, "-c", code, str(tmp_path)],
                env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
                capture_output=True,
                check=True,
            ).stdout
            for seed in ("0", "1", "12345")
        }
        assert said == {f"{task_table(read_tasks(tmp_path), 20, 7).names(get('arc'))}\n".encode()}

    def test_the_first_drawn_variants_stay_what_they_are(self):
        """Recorded: a change here makes every trained table of puzzles worthless."""
        drawn = variants(made("007bbfb7"), 3, seed=0)
        assert [Variant.of(row).name("t") for row in drawn] == [
            "t", "t_t2_0869412735", "t_t1_0619258437", "t_t4_0895624713",
        ]  # fmt: skip


class TestReading:
    def test_a_folder_sorted_whatever_the_order(self, tmp_path):
        written(tmp_path / "training", made("b"), made("a10", seed=1))
        written(tmp_path / "evaluation", made("a2", seed=2))
        (tmp_path / "training" / "._b.json").write_text("left by another system")
        tasks = read_tasks(tmp_path)
        assert [(task.id, task.held_back) for task in tasks] == [("a10", False), ("a2", True), ("b", False)]
        assert tasks[2].same_content(made("b")) and not tasks[2].same_content(tasks[0])
        turned = read_tasks([tmp_path / "training", tmp_path / "evaluation"])
        assert [task.id for task in turned] == [task.id for task in tasks]

    def test_a_name_is_dropped_and_text_is_read(self):
        task = parse_task(json.dumps(as_json(made()) | {"name": "b190f7f5"}).encode(), "training/given.json")
        assert task.id == "given" and task.same_content(made()) and task.tests[0].input.dtype == np.uint8

    @pytest.mark.parametrize(
        ("name", "held_back"),
        [("arc-agi_training_challenges", False), ("arc-agi_evaluation_challenges", True), ("latest", False),
         ("arc-agi_test_challenges", True), ("Test", True)],
    )  # fmt: skip
    def test_one_file_with_solutions(self, tmp_path, name, held_back):
        tasks = [made("b", tests=2), made("a", seed=1)]
        challenges, solutions = tmp_path / f"{name}.json", tmp_path / "solutions.json"
        challenges.write_text(json.dumps({task.id: as_json(task, outputs=False) for task in tasks}))
        solutions.write_text(json.dumps({task.id: [pair.output.tolist() for pair in task.tests] for task in tasks}))
        bare, solved = read_tasks(challenges), read_tasks([challenges, solutions])
        assert [task.id for task in bare] == ["a", "b"] and {task.held_back for task in solved} == {held_back}
        assert all(pair.output is None for task in bare for pair in task.tests)
        assert solved[1].same_content(tasks[0]) and solved[0].same_content(tasks[1])
        assert read_tasks([challenges, solutions])[0].same_content(read_tasks(written(tmp_path / "x", *tasks))[0])

    @pytest.mark.parametrize(
        ("solutions", "said"),
        [
            ({"a": [[[1]], [[1]]]}, "c_solutions.json: task 'a' needs a list of 1 outputs"),
            ({}, "c_solutions.json has no key 'train'"),
            ({"a": [[[1]]], "z": []}, "solves task 'z'"),
            ({"a": [[[10]]]}, "c_solutions.json, task 'a', output 1, row 1, column 1 holds 10"),
        ],
    )
    def test_solutions_that_do_not_fit(self, tmp_path, solutions, said):
        (tmp_path / "c_challenges.json").write_text(json.dumps({"a": as_json(made(), outputs=False)}))
        (tmp_path / "c_solutions.json").write_text(json.dumps(solutions))
        with pytest.raises(DataError, match=said):
            read_tasks([tmp_path / "c_challenges.json", tmp_path / "c_solutions.json"])

    def test_solutions_that_contradict(self, tmp_path):
        folder = written(tmp_path / "x", made())
        (tmp_path / "s.json").write_text(json.dumps({"a": [[[1]]]}))
        with pytest.raises(DataError, match="output 1 is not the one"):
            read_tasks([folder, tmp_path / "s.json"])

    def test_one_id_in_two_folders(self, tmp_path):
        written(tmp_path / "one", made("a", seed=1))
        written(tmp_path / "two", made("a", seed=1))
        assert len(read_tasks(tmp_path)) == 1
        written(tmp_path / "two", made("a", seed=2))
        with pytest.raises(DataError, match=r"one/a.json and .*two/a.json hold different tasks 'a'"):
            read_tasks(tmp_path)
        with pytest.raises(DataError, match="hold different"):
            read_tasks([tmp_path / "two", tmp_path / "one"])

    def test_the_same_task_trained_on_and_held_back(self, tmp_path):
        """ARC-2's training tasks hold most of ARC-1's evaluation tasks: read together they would be given away."""
        written(tmp_path / "training", made("a"))
        written(tmp_path / "evaluation", made("a"))
        with pytest.raises(DataError, match="its tests would be trained on"):
            read_tasks(tmp_path)

    @pytest.mark.parametrize(("change", "said"), [
        ({"train": []}, "bad.json: train must be a list of 1 to 1024 pairs, not a list of 0"),
        ({"test": {}}, "bad.json: test must be a list .* not an object of 0"),
        ({"train": [{"input": [[1]]}]}, "bad.json, train pair 1 has no key 'output'"),
        ({"test": [{"output": [[1]]}]}, "bad.json, test pair 1 has no key 'input'"),
        ({"train": [[1]]}, "train pair 1 must be an object .*not a list of 1"),
        ({"train": [{"input": [[1]], "ouput": [[1]]}]}, "has no key 'output'; .* Is 'ouput' meant"),
        ({"test": [{"input": [[1]], "ouput": [[1]]}]}, "unknown key 'ouput'. Did you mean 'output'"),
        ({"test": [{"input": []}]}, "test pair 1, input must be a list of 1 to 30 rows, not a list of 0"),
        ({"test": [{"input": [[]]}]}, "test pair 1, input, row 1 must be a list of 1 to 30 colors, not a list of 0"),
        ({"test": [{"input": [[0]] * 31}]}, "input must be a list of 1 to 30 rows, not a list of 31"),
        ({"test": [{"input": [[0] * 31]}]}, "row 1 must be a list of 1 to 30 colors, not a list of 31"),
        ({"test": [{"input": [[1, 2], [3]]}]}, "input, row 2 has 1 cells, row 1 has 2"),
        ({"test": [{"input": [[1, 10]]}]}, "row 1, column 2 holds 10; allowed are the colors 0 to 9"),
        ({"test": [{"input": [[1, -1]]}]}, "holds -1"),
        ({"test": [{"input": [[True]]}]}, "holds True"),
        ({"test": [{"input": [[1.0]]}]}, "holds 1.0"),
        ({"test": [{"input": [["1"]]}]}, "holds '1'"),
        ({"test": [{"input": [[None]]}]}, "holds None"),
        ({"test": [{"input": [[10**400]]}]}, "holds a huge number"),
        ({"test": [{"input": ["11"]}]}, "row 1 must be a list of 1 to 30 colors, not '11'"),
        ({"train": [{"input": [[1]], "output": None}]}, "train pair 1, output must be a list"),
        ({"test": [{"input": [[1]], "output": []}]}, "test pair 1, output must be a list"),
        ({"test": [{"input": [[1]]}] * 1025}, "not a list of 1025"),
    ])  # fmt: skip
    def test_what_is_no_task(self, tmp_path, change, said):
        (tmp_path / "bad.json").write_text(json.dumps(as_json(made()) | change))
        with pytest.raises(DataError, match=said):
            read_tasks(tmp_path)

    @pytest.mark.parametrize(("content", "said"), [
        (b"", "bad.json is not JSON"),
        (b"[" * 900_000, "bad.json is not JSON: nested too deeply"),
        (b'{"train":' * 90_000, "bad.json is not JSON: nested too deeply"),
        (b'{"train": [{"input": [[' + b"9" * 1_000_000 + b"]]}]}", "bad.json is not JSON"),
        (b" " * (8 << 20) + b"{}", "bad.json has 8388610 bytes; a file of one task has 8 MiB"),
        (b"[" + b"[]," * 900_000 + b"[]]", "bad.json: a task must be a list of 1 to 1024 pairs, not a list of 900001"),
        (b'{"train": [' + b"{}," * 1_300_000 + b'{}], "test": []}', "bad.json holds 1300002 times '{'; at most 100000"),
        (b'{"train": [' + b"{}," * 90_000 + b'{}], "test": []}', "train must be a list of 1 to 1024 pairs"),
        (b'{"train": [], "train": []}', "the key 'train' occurs twice"),
        (b"\xff\xfe{", "bad.json is not UTF-8"),
        (b"NaN", "must be an object with the keys train and test"),
        (b"\0\0\0", "bad.json is not JSON"),
        (b'{"train": "' + b"x" * 4_000_000 + b'", "test": 1}', "train must be a list"),
        (b'{"' + b"x" * 4_000_000 + b'": 1}', "bad.json has no key 'train'"),
    ])  # fmt: skip
    def test_a_hostile_file_is_refused_quickly(self, tmp_path, content, said):
        (tmp_path / "bad.json").write_bytes(content)
        began = time.process_time()
        with pytest.raises(DataError, match=said) as raised:
            read_tasks(tmp_path)
        assert time.process_time() - began < 2 and len(str(raised.value)) < 400

    def test_a_hostile_collection_is_refused_quickly(self, tmp_path):
        path = tmp_path / "many.json"
        for content, said in [
            (b'{"a":[' + b"[]," * 5_500_000 + b"[]]}", r"many.json holds 5500002 times '\['"),
            (b'{"a":[' + b"[]," * 900_000 + b"[]]}", "many.json holds answers without their tasks"),
            (b'{"a":[' + b"1," * 8_000_000 + b"1]}", "many.json holds answers without"),
            (b"{" + b",".join(b'"k%d":{}' % i for i in range(90_000)) + b"}", "many.json, task 'k0' has no key"),
            (b"{" + b'"a":1,' * 400_000 + b'"a":1}', "'a' occurs twice"),
            (b"{" + b"".join(b'"%d":1,' % i for i in range(400_000)) + b'"7":1}', "'7' occurs twice"),
            (b" " * (1 << 24) + b"{}", "larger than 16 MiB"),
            (b'{"../../etc/passwd": {}}', "many.json, task '../../etc/passwd' has no key 'train'"),
        ]:
            path.write_bytes(content)
            began = time.process_time()
            with pytest.raises(DataError, match=said):
                read_tasks(path)
            assert time.process_time() - began < 2

    @pytest.mark.parametrize(
        ("name", "wanted"),
        [("a b", "a-b"), ("a/b", "a-b"), ("../a", "a"), ("/etc/passwd", "etc-passwd"), ("a\\b", "a-b"), ("-a", "a"),
         ("a\n", "a"), ("é'tude", "e-tude"), ("Let's meet (edit)", "Let-s-meet-edit"), ("007bbfb7", "007bbfb7"),
         ("..", "task-"), ("", "task-"), ("회전", "task-"), ("x회전", "x-"), ("a" * 65, "a" * 55 + "-"),
         ("a_t3_0123456789", "a_t3_0123456789-")],
    )  # fmt: skip
    def test_any_name_gives_an_id(self, tmp_path, name, wanted):
        """Where letters are lost, a hash of the name keeps different names apart."""
        path = tmp_path / "x.json"
        path.write_text(json.dumps({name: as_json(made()), "other": as_json(made(seed=1))}))
        notes = Notes()
        first = {task.id for task in read_tasks(path, notes=notes)} - {"other"}
        assert first == {task_id_of(name)} and len(task_id_of(name)) <= 64
        found = task_id_of(name)
        assert found == wanted or (wanted.endswith("-") and len(found) == len(wanted) + 8 and found.startswith(wanted))
        assert notes.renamed == ({} if found == name else {found: name}) and task_id_of(found) == found
        assert parsed(found) == (found, ORIGINAL)

    def test_names_that_clean_to_one_id_are_refused(self, tmp_path):
        for number, name in enumerate(("a b", "a'b")):
            (tmp_path / f"{name}.json").write_text(json.dumps(as_json(made(seed=number))))
        with pytest.raises(DataError, match="hold different tasks 'a-b'; leave one of them out, or rename it"):
            read_tasks(tmp_path, notes=Notes())
        assert task_id_of("회전") != task_id_of("반사") != task_id_of("")

    def test_keys_beside_the_grids_are_passed_over(self, tmp_path):
        task = as_json(made()) | {"uuid": "1", "name": 3, "tests": [], "meta": {"train": []}}
        task["train"][0]["id"] = task["test"][0]["note"] = "x"
        (tmp_path / "a.json").write_text(json.dumps(task))
        assert read_tasks(tmp_path)[0].same_content(made())

    def test_a_list_of_pairs_is_a_task_of_demonstrations(self, tmp_path):
        (tmp_path / "tasks").mkdir()
        (tmp_path / "tasks" / "re.json").write_text(json.dumps(as_json(made())["train"]))
        (tmp_path / "metadata.json").write_text(json.dumps({"re": {"n_examples": 3}}))
        notes = Notes()
        (task,) = read_tasks(tmp_path, notes=notes)
        assert task.id == "re" and len(task.demonstrations) == 3 and not task.tests
        assert len(notes.skipped) == 1 and "metadata.json, task 're' has no key 'train'" in notes.skipped[0]

    def test_one_broken_task_among_many_is_skipped_and_named(self, tmp_path):
        written(tmp_path, made("a"), made("b", seed=1))
        (tmp_path / "wide.json").write_text(json.dumps(as_json(made()) | {"test": [{"input": [[0] * 31]}]}))
        (tmp_path / "cut.json").write_text('{"train": [')
        (tmp_path / "many.json").write_text(json.dumps({"c": as_json(made("c", seed=2)), "d": {"train": 1}}))
        notes = Notes()
        assert [task.id for task in read_tasks(tmp_path, notes=notes)] == ["a", "b", "c"]
        assert sorted(reason.split(",")[0].split(" ")[0] for reason in notes.skipped) == [
            "cut.json", "many.json", "wide.json",
        ]  # fmt: skip
        assert "skipped 3" in notes.lines()[0]
        with pytest.raises(DataError, match="cut.json"):
            read_tasks(tmp_path)
        for name in "ab":
            (tmp_path / f"{name}.json").unlink()
        (tmp_path / "many.json").unlink()
        with pytest.raises(DataError, match="cut.json is not JSON"):
            read_tasks(tmp_path, notes=Notes())
        with pytest.raises(DataError, match="absent.json cannot be read"):
            read_tasks([written(tmp_path / "x", made("a")), tmp_path / "absent.json"], notes=Notes())

    def test_halves_in_one_file(self, tmp_path):
        (tmp_path / "arc1.json").write_text(
            json.dumps({"train": {"a": as_json(made())}, "eval": {"b": as_json(made(seed=1))}})
        )
        assert [(t.id, t.held_back) for t in read_tasks(tmp_path / "arc1.json")] == [("a", False), ("b", True)]

    def test_a_list_of_tasks(self, tmp_path):
        listed = [as_json(made(seed=n)) | said for n, said in enumerate([{"id": "x"}, {"task_id": "y"}, {"id": 3}])]
        (tmp_path / "all_test.json").write_text(json.dumps([*listed, {"train": []}]))
        notes = Notes()
        found = read_tasks(tmp_path, notes=notes)
        assert [(task.id, task.held_back) for task in found] == [("all_test-3", True), ("x", True), ("y", True)]
        assert found[1].same_content(made(seed=0)) and "'all_test-4' has no key 'test'" in notes.skipped[0]


def kaggle(folder, name, *tasks, solutions=True):
    folder.mkdir(parents=True, exist_ok=True)
    bare = {task.id: as_json(task, outputs=False) for task in tasks}
    (folder / f"{name}_challenges.json").write_text(json.dumps(bare))
    if solutions:
        outputs = {task.id: [pair.output.tolist() for pair in task.tests] for task in tasks}
        (folder / f"{name}_solutions.json").write_text(json.dumps(outputs))


class TestKaggle:
    def test_a_folder_of_sets_is_paired_by_name(self, tmp_path):
        kaggle(tmp_path, "arc-agi_training", made("a", tests=2), made("b", seed=1))
        kaggle(tmp_path, "arc-agi_evaluation", made("c", seed=2))
        kaggle(tmp_path, "arc-agi_test", made("d", seed=3), solutions=False)
        (tmp_path / "sample_submission.json").write_text(json.dumps({"d": [{"attempt_1": [[0]], "attempt_2": [[0]]}]}))
        notes = Notes()
        tasks = read_tasks(tmp_path, notes=notes)
        assert [(task.id, task.held_back) for task in tasks] == [("a", False), ("b", False), ("c", True), ("d", True)]
        assert all(task.same_content(made(task.id, len(task.demonstrations), len(task.tests), seed))
                   for seed, task in enumerate(tasks[:3]))  # fmt: skip
        assert tasks[3].tests[0].output is None and "it is a submission" in notes.skipped[0]

    def test_files_are_joined_when_named_together_and_only_then(self, tmp_path):
        kaggle(tmp_path / "one", "x", made("a"))
        challenges, solutions = (tmp_path / "one" / f"x_{part}.json" for part in ("challenges", "solutions"))
        assert read_tasks([solutions, challenges])[0].same_content(made("a"))
        assert read_tasks(challenges)[0].tests[0].output is None
        with pytest.raises(DataError, match="x_solutions.json holds answers without .* x_challenges.json, too"):
            read_tasks(solutions, notes=Notes())
        elsewhere = tmp_path / "two" / "x_solutions.json"
        elsewhere.parent.mkdir()
        solutions.rename(elsewhere)
        assert read_tasks([challenges, elsewhere])[0].same_content(made("a"))
        renamed = elsewhere.rename(tmp_path / "answers.json")
        assert read_tasks([challenges, renamed])[0].same_content(made("a"))

    def test_two_sets_of_one_task_keep_their_own_answers(self, tmp_path):
        """The same challenge in a second place without answers is the same task; another answer is another task."""
        kaggle(tmp_path / "evaluation", "x_evaluation", made("a"))
        kaggle(tmp_path / "again", "y_evaluation", made("a"), solutions=False)
        assert read_tasks(tmp_path)[0].same_content(made("a"))
        (tmp_path / "again" / "y_evaluation_solutions.json").write_text(json.dumps({"a": [[[1]]]}))
        with pytest.raises(DataError, match="hold different tasks 'a'"):
            read_tasks(tmp_path)

    def test_training_tasks_that_the_placeholder_of_the_tests_repeats_are_held_back(self, tmp_path):
        """Kaggle's file of tests holds known tasks until the code runs there; none of them may be trained on."""
        for order in (("a_training", "z_test"), ("z_training", "a_test")):
            folder = tmp_path / order[0]
            kaggle(folder, order[0], made("a"), made("b", seed=1))
            kaggle(folder, order[1], made("b", seed=1), solutions=False)
            notes = Notes()
            tasks = read_tasks(folder, notes=notes)
            assert [(task.id, task.held_back) for task in tasks] == [("a", False), ("b", True)]
            assert tasks[1].same_content(made("b", seed=1)) and notes.held_back == ["b"]
            kaggle(folder, "zz_training", made("b", seed=1))
            assert read_tasks(folder)[1].held_back
            kaggle(folder, order[1], made("b", seed=1))  # with answers they are two sets that contradict each other
            with pytest.raises(DataError, match="its tests would be trained on"):
                read_tasks(folder)

    def test_a_solution_of_a_skipped_task_is_no_fault(self, tmp_path):
        kaggle(tmp_path, "x", made("a"), made("b", seed=1))
        challenges = json.loads((tmp_path / "x_challenges.json").read_text())
        challenges["b"]["train"][0]["input"] = [[0] * 40]
        (tmp_path / "x_challenges.json").write_text(json.dumps(challenges))
        notes = Notes()
        assert [task.id for task in read_tasks(tmp_path, notes=notes)] == ["a"] and len(notes.skipped) == 1

    def test_a_set_that_is_cut_short_is_never_skipped(self, tmp_path):
        kaggle(tmp_path, "x", made("a"))
        (tmp_path / "y_challenges.json").write_text('{"b": {"train"')
        with pytest.raises(DataError, match="y_challenges.json is not JSON"):
            read_tasks(tmp_path, notes=Notes())


class TestNothing:
    def test_paths_that_hold_nothing(self, tmp_path):
        with pytest.raises(DataError, match="no .json files"):
            read_tasks(tmp_path)
        with pytest.raises(DataError, match="cannot be read"):
            read_tasks(tmp_path / "absent.json")
        if hasattr(os, "mkfifo"):
            os.mkfifo(tmp_path / "pipe.json")
            with pytest.raises(DataError, match="pipe.json cannot be read"):
                read_tasks(tmp_path)


class TestSplit:
    def test_by_the_name_of_the_folder(self):
        tasks = [made("b", 2, 2, folder="evaluation"), made("a", 1, 1, folder="AboveBelow")]
        training, testing = split(tasks)
        assert [str(reference) for reference in training] == [
            "a demonstration 1", "a test 1", "b demonstration 1", "b demonstration 2",
        ]  # fmt: skip
        assert testing == (Reference("b", "test", 0), Reference("b", "test", 1))
        assert resolve({task.id: task for task in tasks}, testing[1]) is tasks[0].tests[1]

    def test_an_unknown_output_is_never_trained_on(self):
        task = made("a")
        bare = Task("a", task.demonstrations, (Pair(task.tests[0].input, None),))
        training, testing = split([bare])
        assert testing == (Reference("a", "test", 0),) and not set(training) & set(testing)
        assert leaks([bare], training, testing) == ()

    @pytest.mark.parametrize("transform", range(8))
    def test_no_variant_hides_a_leak(self, transform):
        secret = made("secret", folder="evaluation", seed=1)
        variant = Variant(transform, (0, 4, 1, 2, 3, 9, 8, 7, 6, 5))
        hidden = variant.apply_pair(secret.tests[0])
        other = made("other", seed=2)
        tasks = [secret, Task("other", (*other.demonstrations, hidden), other.tests)]
        (found,) = leaks(tasks, *split(tasks))
        assert found.test == Reference("secret", "test", 0)
        assert found.same_pair == found.same_output == (Reference("other", "demonstration", 3),)
        assert leaks([secret, other], *split([secret, other])) == ()

    def test_a_pair_leaks_only_as_a_whole(self):
        """Here input and output are each a variant of the held-back ones, but not by one and the same."""
        secret = made("secret", folder="evaluation", seed=1)
        pair = secret.tests[0]
        split_up = Pair(Variant(1, ORIGINAL.colors).apply(pair.input), pair.output)
        tasks = [secret, Task("other", (split_up,), made(seed=2).tests)]
        (found,) = leaks(tasks, *split(tasks))
        assert len(found.same_output) == 1 and found.same_pair == ()

    def test_the_canonical_form(self):
        given = grid(4, 6)
        twins = [Variant(k, (0, *(RNG.permutation(9) + 1).tolist())).apply(given) for k in range(8)]
        assert {canonical(twin) for twin in twins} == {canonical(given)}
        assert canonical(np.array([[0, 1]], np.uint8)) != canonical(np.array([[2, 1]], np.uint8))  # 0 is fixed
        assert canonical(np.array([[1, 1]], np.uint8)) != canonical(np.array([[1, 1, 1]], np.uint8))


def key(grid):
    return None if grid is None else (grid.shape, grid.tobytes())


@cache
def real(name):
    folders = {"arc1": ["arc1/data"], "arc2": ["arc2/data"], "official": ["arc1/data", "conceptarc/corpus"]}
    return read_tasks([SHARED / folder for folder in folders[name]])


def counts(tasks, held_back=None):
    chosen = [task for task in tasks if held_back in (None, task.held_back)]
    return len(chosen), sum(len(t.demonstrations) for t in chosen), sum(len(t.tests) for t in chosen)


@real_data
class TestRealTasks:
    def test_counts(self):
        arc1, arc2 = real("arc1"), real("arc2")
        assert (counts(arc1, False), counts(arc1, True)) == ((400, 1302, 416), (200, 674, 214))
        assert (counts(arc2, False), counts(arc2, True)) == ((812, 2584, 883), (60, 180, 85))
        assert counts(read_tasks(SHARED / "conceptarc" / "corpus")) == (112, 299, 336)
        assert counts(read_tasks(SHARED / "conceptarc" / "MinimalTasks")) == (16, 46, 48)

    def test_arc_1_and_2_are_not_mixed(self):
        with pytest.raises(DataError, match="leave one of them out"):
            read_tasks([SHARED / name / "data" / "evaluation" for name in ("arc1", "arc2")])

    def test_every_grid_survives_the_canvas(self):
        grids = [grid for task in real("arc1") for pair in task.pairs for grid in pair]
        assert all(np.array_equal(a, b) for a, b in zip(grids, decode(encode(grids)), strict=True))

    def test_the_table_is_a_twentieth_of_the_official_files(self):
        """3.3 GB hold a thousand variants each of 960 tasks there; the share of these tasks is compared."""
        tasks = real("official")[::8]
        table = task_table(tasks, 1000, seed=0)
        official = 3.3e9 * len(tasks) / 960
        assert len(table) > 800 * len(tasks) and 200 * table.variants.nbytes < official

    def test_the_split_and_what_it_is_known_to_leak(self):
        tasks = real("official")
        training, testing = split(tasks)
        assert (len(training), len(testing)) == (1302 + 416 + 674 + 299 + 336, 214)
        found = leaks(tasks, training, testing)
        whole = {str(leak.test): {str(reference) for reference in leak.same_pair} for leak in found if leak.same_pair}
        assert whole == {
            "070dd51e test 1": {"40853293 test 1"},  # the same task twice in ARC-1
            "50a16a69 test 1": {"caa06a1f demonstration 3"},
            "992798f6 test 1": {"992798f6 demonstration 4"},
            "ca8de6ea test 1": {f"ca8de6ea demonstration {number}" for number in (1, 2, 3)},
        }
        assert len(found) == 17
        arc2 = real("arc2")
        assert [str(leak.test) for leak in leaks(arc2, *split(arc2))] == ["269e22fb test 1", "269e22fb test 2"]
