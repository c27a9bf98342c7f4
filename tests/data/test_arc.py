"""ARC from files to votes: a store holds each example once, a draw shows a variant of it, an oracle scores 100 %."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm.data.arc import build_arc
from hrm.data.audit.audit import audit
from hrm.data.sampler import Sampler
from hrm.data.store import Split, open_store, write_store
from hrm.errors import DataError, UsageError
from hrm.evaluation.arc import write_submission
from hrm.evaluation.tasks import scored, solve_tests, truth_of
from hrm.inference.solver import Solver
from hrm.model.network import Embedded, Latents, Network, Segment
from hrm.nn.layers import NO_CONTEXT
from hrm.puzzles import get
from hrm.puzzles.arc.canvas import FIRST_COLOR, decode
from hrm.puzzles.arc.variants import Variant

NOW = "2026-01-01T00:00:00+00:00"
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def grid(rng, most=5):
    height, width = rng.integers(1, most, 2)
    return rng.integers(0, 4, (height, width)).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    rng, place = np.random.default_rng(0), tmp_path_factory.mktemp("tasks")
    for name, count in (("training", 3), ("evaluation", 4)):
        (place / name).mkdir()
        for number in range(count):
            pairs = [{"input": grid(rng), "output": grid(rng)} for _ in range(5)]
            task = {"train": pairs[:3], "test": pairs[3 : 4 + (number == 1)]}
            (place / name / f"{name[0]}{number}.json").write_text(json.dumps(task))
    return place


@pytest.fixture(scope="module")
def store(folder, tmp_path_factory):
    return build_arc(tmp_path_factory.mktemp("store") / "arc", [folder], 20, 0, NOW)


def test_the_split_of_the_paper(store):
    assert {name: len(split) for name, split in store.splits.items()} == {"train": 7 * 3 + 4, "test": 5}
    assert store.manifest.provenance["held_back"] == 4
    assert store.held_out_tests() == [("e0", 0), ("e1", 0), ("e1", 1), ("e2", 0), ("e3", 0)]
    assert len(store.table) == store.manifest.provenance["puzzle_ids"] == 7 * 21 + 1


def test_no_test_output_can_reach_what_is_trained_on(folder, store, tmp_path):
    """Whatever the outputs of held-back tests are, training examples, puzzle ids and draws are the same to the bit."""
    shutil.copytree(folder, tmp_path / "tasks")
    for file in (tmp_path / "tasks" / "evaluation").iterdir():
        task = json.loads(file.read_text())
        for number, pair in enumerate(task["test"]):
            pair["output"] = [[number, 9], [9, 9], [8, 7]]
        file.write_text(json.dumps(task))
    other = build_arc(tmp_path / "other", [tmp_path / "tasks"], 20, 0, NOW)
    assert other.manifest.splits["train"] == store.manifest.splits["train"]  # sizes and sha256 of all files
    assert other.manifest.variants == store.manifest.variants
    assert other.manifest.splits["test"].files["labels.npy"] != store.manifest.splits["test"].files["labels.npy"]
    assert other.manifest.splits["test"].files["inputs.npy"] == store.manifest.splits["test"].files["inputs.npy"]


def planted(store, place, output_only=False):
    """Write the store again with a turned and recolored test among the training examples."""
    tests, train = store.splits["test"], store.splits["train"]
    variant = Variant(3, (0, *range(2, 10), 1)).row[None]
    pair = store.puzzle.in_variants(np.asarray(tests.inputs[2:3]), np.asarray(tests.labels[2:3]), variant)
    if output_only:
        pair = np.asarray(train.inputs[:1]), pair[1]
    columns = zip((train.inputs, train.labels), pair, strict=True)
    leaky = Split(
        *(np.concatenate([grids, more]) for grids, more in columns),
        np.append(train.puzzle_ids, 1).astype(np.int32), np.append(train.ratings, np.nan).astype(np.float32),
    )  # fmt: skip
    return write_store(place, store.puzzle, {"train": leaky, "test": tests}, {}, NOW, store.table)


def test_a_planted_test_is_named_and_its_absence_proven(store, tmp_path):
    clean = audit(store.path)
    assert clean.clean and [(s.part, s.of, s.twins) for s in clean.separations] == [("test", "train", 0)]
    found = audit(planted(store, tmp_path / "pair").path)
    assert [(f.kind, f.part, f.count, f.rows) for f in found.findings] == [("given away by train", "test", 1, [3])]
    assert found.findings[0].others == ["e1 test 2, by row 26 of train, task e0"] and found.separations[0].twins == 1
    chance = audit(planted(store, tmp_path / "output", output_only=True).path)
    assert chance.clean and any("e1 test 2" in says for note in chance.notes for says in note.others)
    apart = audit(store.path, [tmp_path / "pair"])  # what is trained on may lie in another store
    assert {f.kind.split(":")[-1] for f in apart.findings} == {"train", "test"} and len(apart.separations) == 3


def test_a_store_is_read_back_and_an_altered_table_refused(store, tmp_path):
    again = open_store(store.path)
    assert again.table.names(again.puzzle) == store.table.names(store.puzzle)
    file = store.path / "variants" / "variants.u1"
    content = file.read_bytes()
    try:
        file.write_bytes(bytes([content[0] ^ 1]) + content[1:])
        with pytest.raises(DataError, match="variants.u1 is damaged"):
            open_store(store.path, verify=False)
    finally:
        file.write_bytes(content)


def test_equal_tasks_give_equal_bytes(folder, store, tmp_path):
    code = (
        "import sys; from pathlib import Path; from hrm.data.arc import build_arc\n"
        "sources = [Path(p) for p in sys.argv[2:]]\n"
        f"print(build_arc(Path(sys.argv[1]), sources, 20, 0, {NOW!r}).digest)"
    )
    for seed, sources in (("1", ["evaluation", "training"]), ("2", ["training", "evaluation"])):
        out = tmp_path / seed
        command = [sys.executable, "-c", code, str(out), *(str(folder / name) for name in sources)]
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert done.stdout.strip() == store.digest, done.stderr


def test_every_draw_is_the_variant_that_its_id_names(store):
    split, table = store.splits["train"], store.table
    sampler = Sampler(split, store.puzzle, 3, augment=True, table=table)
    batch = sampler.take(0, 4 * len(sampler))
    rows = sampler.rows(batch.draws)
    chosen = {}
    for i, row in enumerate(rows.tolist()):
        task, row_of_bytes = table.lookup(int(batch.puzzle_ids[i]))
        variant = Variant.of(row_of_bytes)
        assert task == table.lookup(int(split.puzzle_ids[row]))[0]
        for drawn, base in ((batch.inputs, split.inputs), (batch.labels, split.labels)):
            canvas = drawn[i].reshape(30, 30)
            top, left = (int(axis.min()) for axis in np.nonzero(canvas > 1))
            found = decode(drawn[i : i + 1], np.array([[top, left]]))[0]
            assert np.array_equal(variant.inverse().apply(found), decode(np.asarray(base[row : row + 1]))[0])
        epoch = int(batch.draws[i]) // len(sampler)
        assert chosen.setdefault((epoch, task), variant) == variant  # a task has one variant an epoch
    assert len({id_ for id_ in batch.puzzle_ids.tolist()}) > 20
    again = sampler.take(5, 7)
    assert np.array_equal(again.inputs, batch.inputs[5:12]) and np.array_equal(again.puzzle_ids, batch.puzzle_ids[5:12])


def test_without_augmentation_every_draw_is_the_original(store):
    batch = Sampler(store.splits["train"], store.puzzle, 3, augment=False, table=store.table).take(0, 25)
    assert set(batch.puzzle_ids.tolist()) <= set(store.splits["train"].puzzle_ids.tolist())


class Oracle(Network):
    """Knows every answer in every variant, and lies about the puzzle ids that it is told to."""

    def __init__(self, store, lies):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.store, self.lies = store, lies

    def embed(self, inputs, puzzle_ids=None, mask=None, relations=None):
        self.asked = [(grid.astype(np.uint8), int(i)) for grid, i in zip(inputs.numpy(), puzzle_ids, strict=True)]
        return Embedded(inputs.float().unsqueeze(-1), NO_CONTEXT)

    def initial(self, x, generator=None):
        return Latents(x.x, x.x)

    def segment(self, latents, x, cycles=None):
        tokens = torch.from_numpy(np.stack([self.answer(*asked) for asked in self.asked]).astype(np.int64))
        return Segment(latents, torch.nn.functional.one_hot(tokens, 12).float(), torch.zeros(len(tokens)), None)

    def hidden_matrices(self):
        return []

    def answer(self, given, puzzle_id):
        task, variant = self.store.table.lookup(puzzle_id)
        tests = self.store.splits["test"]
        for row, (other, _) in enumerate(self.store.held_out_tests()):
            pair = np.asarray(tests.inputs[row : row + 1]), np.asarray(tests.labels[row : row + 1])
            start, answer = self.store.puzzle.in_variants(*pair, variant[None])
            if other == task and np.array_equal(start[0], given):
                lie = np.where(answer[0] > 1, 11, answer[0]).astype(np.uint8)  # the same shape, all of color 9
                return lie if self.lies(puzzle_id) else answer[0]
        raise AssertionError(f"{task} was not asked about like this")


def oracle(store, lies=lambda puzzle_id: False):
    return Solver(Oracle(store, lies), store.puzzle, max_segments=1, batch_size=8)


def test_an_oracle_scores_everything(store, tmp_path):
    ranked = solve_tests(oracle(store), store, 1)
    found = scored(ranked, truth_of(store))
    assert found["tests"] == 5 and found["tasks"] == 4
    assert set(found["pass_at"].values()) == set(found["pass_at_task"].values()) == {1.0}
    assert all(candidates[0].votes == 21 for candidates in ranked.values())
    write_submission(tmp_path / "submission.json", ranked)
    submitted = json.loads((tmp_path / "submission.json").read_text())
    assert sorted(submitted) == ["e0", "e1", "e2", "e3"] and len(submitted["e1"]) == 2
    assert submitted["e1"][1]["attempt_1"] == truth_of(store)["e1"][1].tolist()


def test_a_liar_about_known_variants_loses_what_they_decide(store):
    def told(lies):
        return scored(solve_tests(oracle(store, lies), store, 1), truth_of(store))

    truth = truth_of(store)
    assert told(lambda puzzle_id: puzzle_id % 7 == 0)["pass_at"]["1"] == 1.0  # three of 21 variants are outvoted
    assert told(lambda puzzle_id: True)["pass_at"]["1000"] == 0.0
    first = store.table.puzzle_ids("e1")
    found = told(lambda puzzle_id: puzzle_id in first)  # both tests of one task of four
    assert found["pass_at"]["1"] == 3 / 5 and found["pass_at_task"]["1"] == 3 / 4
    assert len(truth["e1"]) == 2


def test_fewer_variants_and_tests_can_be_asked_for(store):
    ranked = solve_tests(oracle(store), store, 1, variants=4, limit=3)
    assert [sum(candidate.votes for candidate in each) for each in ranked.values()] == [4, 4, 4]
    assert scored(solve_tests(oracle(store), store, 1, variants=1, limit=1), truth_of(store, 1))["tests"] == 1


def test_a_submission_without_answers_is_refused(tmp_path):
    with pytest.raises(UsageError, match="hrm data arc"):
        write_submission(tmp_path / "s.json", {})


def test_grids_of_the_family():
    family = get("arc")
    canvas = family.parse([[1, 2, 3], [4, 5, 6]])
    assert family.text(canvas) == "[[1,2,3],[4,5,6]]" and np.array_equal(family.parse(family.text(canvas)), canvas)
    assert family.text(family.parse("12\n34")) == "[[1,2],[3,4]]"
    for given, said in (("1a", "row 1, column 2 holds 'a'"), ("1" * 31, "1x31"), ([[11]], "'11'")):
        with pytest.raises(DataError, match=said):
            family.parse(given)
    moved, _ = family.in_variants(canvas[None], canvas[None], Variant(1, (0, 2, 1, *range(3, 10))).row[None])
    assert family.twin_key(canvas, canvas) == family.twin_key(moved[0], moved[0])
    assert np.array_equal(family.twin_invariants(canvas[None], canvas[None]), family.twin_invariants(moved, moved))


def test_what_gives_a_test_away_is_left_out_where_all_tests_are_held_back(tmp_path):
    rng = np.random.default_rng(1)
    pairs = [
        {"input": rng.integers(0, 4, (3, 4)).tolist(), "output": rng.integers(0, 4, (4, 5)).tolist()} for _ in "abcd"
    ]
    turned = {name: np.rot90(np.array(cells)).tolist() for name, cells in pairs[3].items()}
    task = {"train": [pairs[0], turned, pairs[1]], "test": [pairs[2], pairs[3]]}
    (tmp_path / "t.json").write_text(json.dumps(task))
    store = build_arc(tmp_path / "arc", [tmp_path / "t.json"], 3, 0, NOW, hold_back=True)
    assert {name: len(split) for name, split in store.splits.items()} == {"train": 2, "test": 2}
    origin = store.manifest.provenance
    assert origin["examples_left_out"] == 1 and origin["tests_given_away"] == origin["outputs_given_away"] == 0
    assert audit(store.path).clean


def test_a_smaller_canvas_is_a_property_of_the_store(folder, store, tmp_path):
    """The same examples, variants and ids as on the large canvas; a grid that does not fit is refused by name."""
    small = build_arc(tmp_path / "small", [folder], 20, 0, NOW, canvas=5)
    assert open_store(small.path).puzzle is get("arc-5x5") and small.puzzle.spec == get("arc-5x5").spec
    assert np.array_equal(small.table.variants, store.table.variants)
    for name, split in small.splits.items():
        other = store.splits[name]
        assert split.inputs.shape == (len(other), 25) and np.array_equal(split.puzzle_ids, other.puzzle_ids)
        for array in ("inputs", "labels"):
            grids = zip(decode(getattr(split, array)), decode(getattr(other, array)), strict=True)
            assert all(np.array_equal(one, two) for one, two in grids)
    split, sampler = small.splits["train"], Sampler(small.splits["train"], small.puzzle, 0, True, table=small.table)
    drawn, rows = sampler.take(0, 100), sampler.rows(np.arange(100))  # moved on the canvas, and nothing is cut off
    for shown, plain in ((drawn.inputs, split.inputs), (drawn.labels, split.labels)):
        assert np.array_equal((shown >= FIRST_COLOR).sum(axis=1), (plain[rows] >= FIRST_COLOR).sum(axis=1))
        assert (shown != plain[rows]).any()
    assert audit(small.path).clean
    tall = {"train": [{"input": [[1]] * 6, "output": [[1]]}], "test": [{"input": [[1]], "output": [[1]]}]}
    (tmp_path / "tall.json").write_text(json.dumps(tall))
    with pytest.raises(DataError, match=r"task 'tall' has a grid of 6x1 cells; arc-5x5 takes 5x5 at most.*--canvas"):
        build_arc(tmp_path / "refused", [folder, tmp_path / "tall.json"], 3, 0, NOW, canvas=5)
    for canvas in (1, 31):
        with pytest.raises(UsageError, match=f"2 to 30 rows and columns .got {canvas}"):
            build_arc(tmp_path / "refused", [folder], 3, 0, NOW, canvas=canvas)


def test_settings_can_be_chosen_without_the_tests(folder, tmp_path):
    """The last demonstration of each task is the test; no true test is in the store, in training or elsewhere."""
    tasks = {file.stem: json.loads(file.read_text()) for file in folder.glob("*/*.json")}
    alone = {"train": tasks["t0"]["test"], "test": tasks["t0"]["train"]}
    (tmp_path / "alone.json").write_text(json.dumps(alone))
    store = build_arc(tmp_path / "s", [folder, tmp_path / "alone.json"], 3, 0, NOW, rehearse=True)
    found = {name: [] for name in (*tasks, "alone")}
    for number, split in ((0, store.splits["train"]), (1, store.splits["test"])):
        grids = zip(decode(split.inputs), decode(split.labels), split.puzzle_ids.tolist(), strict=True)
        for given, answer, puzzle_id in grids:
            pair = {"input": given.tolist(), "output": answer.tolist()}
            found[store.table.lookup(puzzle_id)[0]].append((number, pair))
    for name, task in tasks.items():
        first, second, last = task["train"]
        assert found[name] == [(0, first), (0, second), (1, last)]
    assert found["alone"] == [(0, alone["train"][0])]  # one demonstration: trained on, and nothing is asked
    assert store.manifest.provenance["tests_are"] == "the last demonstrations"


@pytest.mark.skipif(not (SHARED / "arc1").is_dir(), reason="ARC-1 is not beside this checkout")
def test_an_audit_counts_what_the_published_sets_give_away(tmp_path):
    found = audit(
        build_arc(
            tmp_path / "arc", [SHARED / "arc1" / "data" / part for part in ("training", "evaluation")], 2, 0, NOW
        ).path
    )
    assert found.clean and {note.kind: note.count for note in found.notes}["given away by train, as published"] == 4


@pytest.mark.skipif(not (SHARED / "arc1").is_dir(), reason="the ARC tasks are not beside this checkout")
class TestRealSets:
    """The official sets without what is kept apart from this checkout: its counts are those of the READMEs there."""

    SETS = {"arc-1": ["arc1/data", "conceptarc/corpus"], "arc-2": ["arc2/data"], "minimal": ["conceptarc/MinimalTasks"]}

    @pytest.mark.parametrize(("name", "tasks", "held_back", "train", "test", "given_away"), [
        ("arc-1", 400 + 200 + 112, 200, 1302 + 416 + 674 + 299 + 336, 214, 4),
        pytest.param("arc-2", 812 + 60, 60, 2584 + 883 + 180, 85, 0, marks=pytest.mark.slow),
        ("minimal", 16, 0, 46 + 48, 0, 0),
    ])  # fmt: skip
    def test_counts(self, tmp_path, name, tasks, held_back, train, test, given_away):
        store = build_arc(tmp_path / "arc", [SHARED / folder for folder in self.SETS[name]], 2, 0, NOW)
        found = store.manifest.provenance
        assert (found["tasks"], found["held_back"], found["tests_given_away"]) == (tasks, held_back, given_away)
        assert {part: len(split) for part, split in store.splits.items()} == (
            {"train": train, "test": test} if test else {"train": train}
        )

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("name", "official_tasks", "official_ids", "official_few", "few"),
        [("arc-1", 960, 876_399, 164, 131), ("arc-2", 1120, 1_045_837, 151, 124)],
    )
    def test_puzzle_ids_beside_those_of_the_official_builder(
        self, tmp_path, name, official_tasks, official_ids, official_few, few
    ):
        """Tasks of less than 1,000 variants have up to 576 of them, and what is missing here accounts for the rest."""
        table = build_arc(tmp_path / "arc", [SHARED / folder for folder in self.SETS[name]], 1000, 0, NOW).table
        counts = np.diff(table.starts)
        assert (counts < 1001).sum() == few and counts.min() == 9
        assert set(counts[counts < 1001]) <= {9, 18, 36, 72, 288, 575, 576}  # the last one is not always drawn
        missing, missing_few = official_tasks - len(counts), official_few - few
        rest = official_ids - len(table) - 1001 * (missing - missing_few)
        assert 400 < rest / missing_few < 576
