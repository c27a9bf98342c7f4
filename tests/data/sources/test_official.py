"""The official layout: what we write the official code can read, and what it writes we check before we trust it."""

import json
import time

import numpy as np
import pydantic
import pytest

from hrm import puzzles
from hrm.data.arc import build_arc
from hrm.data.sources.official import import_official, read_official, write_official
from hrm.data.store import Split, open_store, write_store
from hrm.errors import DataError, UsageError
from hrm.puzzles.arc.canvas import encode_pairs, random_offsets
from hrm.puzzles.arc.tasks import Pair
from hrm.puzzles.arc.variants import ORIGINAL, Variant

FAMILY = puzzles.get("sudoku-4x4")


class TheirMetadata(pydantic.BaseModel):
    """The keys that the official readers want, by name and type; that of TRM needs the last one."""

    model_config = {"extra": "forbid", "strict": True}

    pad_id: int
    ignore_label_id: int | None
    blank_identifier_id: int
    vocab_size: int
    seq_len: int
    num_puzzle_identifiers: int
    total_groups: int
    mean_puzzle_examples: float
    sets: list[str]
    total_puzzles: int


def generated(family, n, seed=0, ids=None):
    inputs, labels = (np.stack(c) for c in zip(*(family.generate(seed, i) for i in range(n)), strict=True))
    ids = np.zeros(n, np.int32) if ids is None else np.array(ids, np.int32)
    return Split(inputs, labels, ids, np.full(n, np.nan, np.float32))


def theirs(folder, inputs, labels, puzzle_indices=None, group_indices=None, identifiers=None, **metadata):
    """Write as the official builders do."""
    n = len(inputs)
    puzzle_indices = list(range(n + 1)) if puzzle_indices is None else puzzle_indices
    count = len(puzzle_indices) - 1
    group_indices = list(range(count + 1)) if group_indices is None else group_indices
    identifiers = [0] * count if identifiers is None else identifiers
    folder.mkdir(parents=True, exist_ok=True)
    said = {
        "pad_id": 0, "ignore_label_id": 0, "blank_identifier_id": 0, "vocab_size": 6, "seq_len": 16,
        "num_puzzle_identifiers": 1, "total_groups": len(group_indices) - 1, "mean_puzzle_examples": n / count,
        "sets": ["all"],
    }  # fmt: skip
    (folder / "dataset.json").write_text(json.dumps(said | metadata))
    arrays = {
        "inputs": inputs, "labels": labels, "puzzle_indices": np.array(puzzle_indices, np.int32),
        "group_indices": np.array(group_indices, np.int32), "puzzle_identifiers": np.array(identifiers, np.int32),
    }  # fmt: skip
    for name, array in arrays.items():
        np.save(folder / f"all__{name}.npy", array)
    names = ["<blank>"] + [f"p{i}" for i in range(1, (said | metadata)["num_puzzle_identifiers"])]
    (folder.parent / "identifiers.json").write_text(json.dumps(names))


@pytest.fixture
def split():
    return generated(FAMILY, 6)


def test_sudoku_has_the_official_tokens():
    """PAD 0, the blank 1, digits 2 to 10: the digit of the CSV plus one."""
    spec = puzzles.get("sudoku-9x9").spec
    text = ".123456789" + "." * 71
    assert spec.vocab_size == 11 and spec.cells == 81
    official = np.array([0 if c == "." else int(c) for c in text]) + 1
    grid = np.array([spec.tokens.index(c) for c in text])
    assert grid.tolist() == official.tolist() and set(official) == set(range(1, 11))


def test_mazes_have_the_official_tokens():
    """PAD 0, then the characters ``# SGo`` in this order."""
    family = puzzles.get("maze-30x30")
    assert family.spec.vocab_size == 6 and family.spec.cells == 900
    assert [family.spec.tokens[i] for i in range(1, 6)] == list("# SGo")
    assert family.parse("SG#" + " " * 896 + "o")[[0, 1, 2, 3, -1]].tolist() == [3, 4, 1, 2, 5]


def test_a_store_goes_there_and_back(tmp_path, split):
    ids = Split(split.inputs, split.labels, np.array([0, 0, 3, 3, 1, 0], np.int32), split.ratings)
    store = write_store(tmp_path / "store", FAMILY, {"train": ids, "test": split}, {}, "now")
    official = write_official(store, tmp_path / "official")
    train = official.splits["train"]
    assert train.puzzle_indices.tolist() == [0, 1, 2, 4, 5, 6] and train.group_indices.tolist() == [0, 1, 2, 3, 4, 5]
    assert train.puzzle_identifiers.tolist() == [0, 0, 3, 1, 0] and official.identifiers[0] == "<blank>"
    assert train.identifiers.tolist() == ids.puzzle_ids.tolist() and len(official.identifiers) == 4
    back = import_official(tmp_path / "official", tmp_path / "back", FAMILY, "now")
    for name, part in (("train", ids), ("test", split)):
        for field in ("inputs", "labels", "puzzle_ids"):
            assert np.array_equal(getattr(back.split(name), field), getattr(part, field))
    again = write_official(back, tmp_path / "again")
    for file in sorted(p.relative_to(official.path) for p in official.path.rglob("*.*")):
        assert (official.path / file).read_bytes() == (again.path / file).read_bytes()


def test_the_official_reader_finds_what_it_wants(tmp_path, split):
    """Its own steps: the metadata by pydantic, five arrays by ``np.load``, two of them mapped."""
    store = write_store(tmp_path / "store", FAMILY, {"train": split, "test": split}, {}, "now")
    write_official(store, tmp_path / "o")
    for name in ("train", "test"):
        metadata = TheirMetadata(**json.loads((tmp_path / "o" / name / "dataset.json").read_text()))
        assert (metadata.pad_id, metadata.ignore_label_id, metadata.blank_identifier_id) == (0, 0, 0)
        assert (metadata.vocab_size, metadata.seq_len, metadata.num_puzzle_identifiers) == (6, 16, 1)
        assert (metadata.total_groups, metadata.mean_puzzle_examples, metadata.sets) == (6, 1.0, ["all"])
        assert metadata.total_puzzles == 6
        for field, dtype in (("inputs", "uint8"), ("labels", "uint8")):
            array = np.load(tmp_path / "o" / name / f"all__{field}.npy", mmap_mode="r")
            assert array.dtype == dtype and np.array_equal(array, getattr(split, field))
        for field in ("puzzle_identifiers", "puzzle_indices", "group_indices"):
            assert np.load(tmp_path / "o" / name / f"all__{field}.npy").dtype == "int32"
    assert json.loads((tmp_path / "o" / "identifiers.json").read_text()) == ["<blank>"]


def test_a_group_gives_its_original_or_all_of_its_variants(tmp_path, split):
    """Two groups of three variants, int64 as the official Sudoku builder leaves them when it augments."""
    theirs(
        tmp_path / "o" / "train", split.inputs.astype(np.int64), split.labels.astype(np.int64), group_indices=[0, 3, 6]
    )
    originals = import_official(tmp_path / "o", tmp_path / "a", FAMILY, "now").split("train")
    assert np.array_equal(originals.inputs, split.inputs[[0, 3]])
    everything = import_official(tmp_path / "o", tmp_path / "b", FAMILY, "now", augmented=True).split("train")
    assert np.array_equal(everything.labels, split.labels)
    assert isinstance(read_official(tmp_path / "o").splits["train"].inputs, np.memmap)


def test_a_puzzle_of_several_examples_keeps_its_identifier(tmp_path, split):
    theirs(
        tmp_path / "o" / "train",
        split.inputs,
        split.labels,
        [0, 2, 3, 6],
        [0, 2, 3],
        [1, 2, 3],
        num_puzzle_identifiers=4,
    )
    part = import_official(tmp_path / "o", tmp_path / "s", FAMILY, "now").split("train")
    assert np.array_equal(part.inputs, split.inputs[[0, 1, 3, 4, 5]]) and part.puzzle_ids.tolist() == [1, 1, 3, 3, 3]


def test_labels_that_are_not_supervised_become_padding(tmp_path, split):
    labels = split.labels.astype(np.int32)
    labels[2] = -100
    theirs(tmp_path / "o" / "train", split.inputs, labels, ignore_label_id=-100)
    part = import_official(tmp_path / "o", tmp_path / "s", FAMILY, "now").split("train")
    assert not part.labels[2].any() and np.array_equal(part.labels[3], split.labels[3])
    theirs(tmp_path / "p" / "train", split.inputs, labels)  # the reader would index its vocabulary with -100
    with pytest.raises(DataError, match="all__labels.npy: row 2 holds -100; .*ignore_label_id 0"):
        read_official(tmp_path / "p")


def broken(tmp_path, split, change):
    theirs(tmp_path / "o" / "train", split.inputs, split.labels)
    change(tmp_path / "o" / "train")
    began = time.process_time()
    with pytest.raises(DataError) as caught:
        import_official(tmp_path / "o", tmp_path / "s", FAMILY, "now")
    assert time.process_time() - began < 2 and not (tmp_path / "s").exists()
    return str(caught.value)


def saying(**changes):
    def change(folder):
        said = json.loads((folder / "dataset.json").read_text())
        (folder / "dataset.json").write_text(json.dumps(said | changes))

    return change


def saving(field, array):
    return lambda folder: np.save(folder / f"all__{field}.npy", array, allow_pickle=True)


def writing(name, content):
    return lambda folder: (folder / name).write_bytes(content)


def header(text):
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize("change, said", [
    (writing("all__inputs.npy", header("{'descr': '|u1', 'fortran_order': False, 'shape': (8796093022208, 16)}\n")),
     "all__inputs.npy claims |u1 of (8796093022208, 16), 140737488355328 bytes, and holds 0"),
    (writing("all__inputs.npy", header("{'descr': '|O', 'fortran_order': False, 'shape': (6, 16)}\n")), "'|O'"),
    (writing("all__inputs.npy", header("{'descr': '<f4', 'fortran_order': False, 'shape': (6, 16)}\n")), "'<f4'"),
    (writing("all__inputs.npy", header("{'descr': '|u1', 'fortran_order': True, 'shape': (6, 16)}\n")), "holds 0"),
    (writing("all__inputs.npy", header("{'descr': '|u1', 'fortran_order': False, 'shape': (-6, 16)}\n")), "(-6, 16)"),
    (writing("all__inputs.npy", header("__import__('os').system('true')")), "damaged npy header"),
    (writing("all__inputs.npy", header("(" * 900)), "damaged npy header"),
    (writing("all__inputs.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff"), "expected 4294967295 bytes"),
    (writing("all__inputs.npy", b"PK\x03\x04"), "not an npy file"),
    (lambda folder: (folder / "all__labels.npy").unlink(), "all__labels.npy cannot be read"),
    (saving("labels", np.full((6, 16), None)), "all__labels.npy"),
    (saving("labels", np.full((5, 16), 2, np.uint8)), "all__labels.npy has the shape (5, 16); (6, 16)"),
    (saving("inputs", np.full((6, 16), 6, np.uint8)), "all__inputs.npy: row 0 holds 6; allowed are 0 to 5"),
    (saving("inputs", np.full((6, 16), -1, np.int8)), "row 0 holds -1"),
    (saving("puzzle_indices", np.array([0, 1, 2, 3, 4, 5, 7])), "all__puzzle_indices.npy goes from 0 to 7"),
    (saving("puzzle_indices", np.array([1, 1, 2, 3, 4, 5, 6])), "goes from 1"),
    (saving("puzzle_indices", np.array([0, 3, 2, 3, 4, 5, 6])), "entry 2 is 2 after 3"),
    (saving("puzzle_indices", np.array([0, 6])), "has 2 offsets; 7 are needed"),
    (saving("group_indices", np.array([0, 1, 1, 3, 4, 5, 6])), "all__group_indices.npy: entry 2 is 1 after 1"),
    (saving("group_indices", np.array([0, 2 ** 40, 2, 3, 4, 5, 6])), "all__group_indices.npy: entry 2"),
    (saving("puzzle_identifiers", np.array([0, 0, 1, 0, 0, 0])), "all__puzzle_identifiers.npy: row 2 holds 1"),
    (saving("puzzle_identifiers", np.zeros((6, 1), int)), "1 axis is needed"),
    (saying(mean_puzzle_examples=2.0), "mean_puzzle_examples is 2.0"),
    (saying(total_groups=5), "7 offsets; 6 are needed"),
    (saying(vocab_size=0), "vocab_size"),
    (saying(sets=["../x"]), "sets is ['../x']"),
    (saying(sets=[]), "sets is []"), (saying(sets=["all", "all"]), "sets is"), (saying(sets=["b"]), "b__inputs.npy"),
    (saying(seq_len="many"), "seq_len"), (saying(num_puzzle_identifiers=2), "identifiers.json has 1 names"),
    (saying(vocab_size=11), "vocab_size 11"), (saying(pad_id=3), "pad_id 3"),
    (saying(ignore_label_id=None), None),
    (writing("dataset.json", b"[" * 60_000), "dataset.json is not valid JSON"),
    (writing("dataset.json", b" " * 70_000), "dataset.json cannot be read: it is longer"),
    (writing("../identifiers.json", b"{}"), "identifiers.json must be a list"),
])  # fmt: skip
def test_what_is_damaged_is_refused_with_the_file_named(tmp_path, split, change, said):
    if said is None:  # every label is supervised, and none is padding: nothing is wrong
        theirs(tmp_path / "o" / "train", split.inputs, split.labels)
        change(tmp_path / "o" / "train")
        assert len(import_official(tmp_path / "o", tmp_path / "s", FAMILY, "now").split("train")) == 6
        return
    assert said in broken(tmp_path, split, change)


def test_padding_that_would_be_supervised_is_refused(tmp_path, split):
    def change(folder):
        saying(ignore_label_id=None)(folder)
        labels = split.labels.copy()
        labels[1, 3] = 0
        np.save(folder / "all__labels.npy", labels)

    assert "labels hold 0, padding, and ignore_label_id is None" in broken(tmp_path, split, change)


def test_an_answer_that_breaks_the_rules_is_refused_with_its_example(tmp_path, split):
    labels = split.labels.copy()
    labels[4] = labels[4][::-1] if not np.array_equal(labels[4], labels[4][::-1]) else labels[3]
    assert "example 4 of labels is not a legal" in broken(tmp_path, split, saving("labels", labels))


def test_places_that_do_not_fit(tmp_path, split):
    with pytest.raises(DataError, match="neither train nor test"):
        read_official(tmp_path)
    store = write_store(tmp_path / "store", FAMILY, {"validation": split}, {}, "now")
    with pytest.raises(UsageError, match="has the splits validation"):
        write_official(store, tmp_path / "o")
    store = write_store(tmp_path / "store", FAMILY, {"test": split}, {}, "now")
    (tmp_path / "o").mkdir()
    with pytest.raises(UsageError, match="nothing was changed"):
        write_official(store, tmp_path / "o")
    write_official(store, tmp_path / "p")
    with pytest.raises(UsageError, match="is a store already"):
        import_official(tmp_path / "p", store.path, FAMILY, "now")


def test_keys_that_other_builders_write_are_passed_over(tmp_path, split):
    """TRM's Sudoku builder counts groups as ``total_puzzles`` and writes its mean as an integer."""
    theirs(tmp_path / "o" / "train", split.inputs, split.labels, group_indices=[0, 3, 6], total_puzzles=2,
           mean_puzzle_examples=1, note={"by": "someone"})  # fmt: skip
    assert len(import_official(tmp_path / "o", tmp_path / "s", FAMILY, "now", augmented=True).split("train")) == 6


def test_sets_of_any_name_follow_each_other(tmp_path, split):
    folder = tmp_path / "o" / "test"
    for name, rows in (("easy", slice(0, 2)), ("hard", slice(2, 6))):
        theirs(folder, split.inputs[rows], split.labels[rows], identifiers=[1] * (rows.stop - rows.start),
               num_puzzle_identifiers=2)  # fmt: skip
        for file in folder.glob("all__*"):
            file.rename(file.with_name(file.name.replace("all", name)))
    saying(sets=["easy", "hard"], total_groups=6, mean_puzzle_examples=1.0)(folder)
    found = import_official(tmp_path / "o", tmp_path / "s", FAMILY, "now")
    assert np.array_equal(found.split("test").inputs, split.inputs) and found.puzzle_rows == 2
    saying(total_groups=7)(folder)
    with pytest.raises(DataError, match="has 7 offsets; 8 are needed"):
        read_official(tmp_path / "o")


def test_names_of_puzzle_ids_and_all_splits_survive(tmp_path, split):
    ids = Split(split.inputs, split.labels, np.array([0, 1, 2, 2, 1, 0], np.int32), split.ratings)
    store = write_store(
        tmp_path / "s", FAMILY, {"train": ids, "validation": ids}, {}, "now", names=("<blank>", "a", "é")
    )
    write_official(store, tmp_path / "o")
    assert json.loads((tmp_path / "o" / "identifiers.json").read_text()) == list(store.names)
    back = import_official(tmp_path / "o", tmp_path / "back", FAMILY, "now")
    assert back.names == store.names and back.digest == store.digest and set(back.splits) == {"train", "validation"}
    file = tmp_path / "back" / "identifiers.json"
    file.write_bytes(file.read_bytes().replace(b"a", b"b"))
    with pytest.raises(DataError, match="identifiers.json"):
        open_store(tmp_path / "back")


# ARC: the official builder moves the examples of training and names the variants of a task

ARC = puzzles.get("arc")
TURNED = Variant(3, (0, 1, 2, 3, 4, 5, 6, 7, 9, 8))
SPELLINGS = {"hrm": "{}_t3_0123456798", "trm": "{}|||t3|||0123456798"}


def arc_pairs(n, seed):
    rng = np.random.default_rng(seed)
    return [Pair(*(rng.integers(0, 10, rng.integers(1, 9, 2)).astype(np.uint8) for _ in range(2))) for _ in range(n)]


def their_arc(folder, spelling, ids=(1, 2, 3, 4)):
    """Write two tasks, the first one held back, each with a turned and recolored variant, moved as in training."""
    tasks = [arc_pairs(4, seed) for seed in (1, 2)]
    shown = [[*pairs[:3], *map(TURNED.apply_pair, pairs[:3])] for pairs in tasks]
    train = [pair for pairs in shown for pair in pairs]
    offsets = random_offsets(train, 5, np.arange(len(train)))
    assert offsets.any(axis=1).sum() > 6
    sizes = {"vocab_size": 12, "seq_len": 900, "num_puzzle_identifiers": max(ids) + 1}
    theirs(folder / "train", *encode_pairs(train, offsets), [0, 3, 6, 9, 12], [0, 2, 4], ids, **sizes)
    held_back = [tasks[0][3], TURNED.apply_pair(tasks[0][3])]
    theirs(folder / "test", *encode_pairs(held_back), [0, 1, 2], [0, 2], ids[:2], **sizes)
    names = ["<blank>"] * (max(ids) + 1)
    for number, name in zip(
        ids, ("a1", SPELLINGS[spelling].format("a1"), "b2", SPELLINGS[spelling].format("b2")), strict=True
    ):
        names[number] = name
    (folder / "identifiers.json").write_text(json.dumps(names))
    return tasks, names


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_arc_is_imported_from_wherever_its_grids_were_moved_to(tmp_path, spelling):
    tasks, names = their_arc(tmp_path / "o", spelling)
    store = import_official(tmp_path / "o", tmp_path / "s", ARC, "now")
    inputs, labels = encode_pairs([*tasks[0][:3], *tasks[1][:3]])
    train, test = store.split("train"), store.split("test")
    assert np.array_equal(train.inputs, inputs) and np.array_equal(train.labels, labels)
    assert train.puzzle_ids.tolist() == [1, 1, 1, 3, 3, 3] and test.puzzle_ids.tolist() == [1]
    assert np.array_equal(test.inputs, encode_pairs(tasks[0][3:])[0]) and store.held_out_tests() == [("a1", 0)]
    looked_up = [store.table.lookup(n) for n in range(1, 5)]
    assert [(task, Variant.of(row)) for task, row in looked_up] == [
        ("a1", ORIGINAL), ("a1", TURNED), ("b2", ORIGINAL), ("b2", TURNED),
    ]  # fmt: skip
    write_official(store, tmp_path / "again")
    assert json.loads((tmp_path / "again" / "identifiers.json").read_text()) == names
    back = import_official(tmp_path / "again", tmp_path / "back", ARC, "now")
    assert back.digest == store.digest


def test_ids_of_arc_in_any_order_are_sorted_by_task(tmp_path):
    """A builder that begins at a later id leaves blanks in between."""
    their_arc(tmp_path / "o", "hrm", ids=(5, 3, 7, 4))
    store = import_official(tmp_path / "o", tmp_path / "s", ARC, "now")
    assert (
        store.names
        == ("<blank>", "a1", SPELLINGS["hrm"].format("a1"), "b2", SPELLINGS["hrm"].format("b2"))[: len(store.names)]
    )
    assert store.split("test").puzzle_ids.tolist() == [store.table.puzzle_ids("a1")[0]]
    assert store.table.names(store.puzzle) == list(store.names)


@pytest.mark.parametrize("change, said", [
    (lambda o: writing("../identifiers.json", b'["<blank>", "a1", "a1", "b2", "c"]')(o), None),
    (lambda o: writing("../identifiers.json", b'["<blank>", "a1", "a1_t3_1123456798", "b2", "c"]')(o), "no variant"),
    (lambda o: writing("../identifiers.json", b'["<blank>", "a", "a", "<blank>", "c"]')(o), "example 6 belongs to no"),
    (lambda o: moved_label(o), "example 1 is no pair of ARC grids .* `hrm data arc`"),
])  # fmt: skip
def test_what_is_no_arc_is_refused(tmp_path, change, said):
    their_arc(tmp_path / "o", "hrm")
    change(tmp_path / "o" / "train")
    if said is None:
        import_official(tmp_path / "o", tmp_path / "s", ARC, "now")
        return
    with pytest.raises(DataError, match=said):
        import_official(tmp_path / "o", tmp_path / "s", ARC, "now")


def moved_label(folder):
    labels = np.load(folder / "all__labels.npy")
    labels[1] = np.roll(labels[1], 31)
    np.save(folder / "all__labels.npy", labels)


def test_a_store_of_arc_goes_there_and_back(tmp_path):
    task = {"train": [{"input": p.input.tolist(), "output": p.output.tolist()} for p in arc_pairs(3, 0)],
            "test": [{"input": [[1, 2]]}]}  # fmt: skip
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "x.json").write_text(json.dumps(task))
    store = build_arc(tmp_path / "s", [tmp_path / "evaluation"], 4, 0, "now")
    write_official(store, tmp_path / "o")
    tests = json.loads((tmp_path / "o" / "test_puzzles.json").read_text())
    assert tests == {"x": {"train": [], "test": [{"input": [[1, 2]], "output": [[0]]}]}}
    back = import_official(tmp_path / "o", tmp_path / "back", ARC, "now")
    assert back.table.names(back.puzzle) == store.table.names(store.puzzle) and set(back.splits) == {"train", "test"}
    for name, part in store.splits.items():
        for field in ("inputs", "labels", "puzzle_ids"):
            assert np.array_equal(getattr(back.split(name), field), getattr(part, field))
