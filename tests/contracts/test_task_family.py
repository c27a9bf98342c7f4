"""A second family with tasks needs nothing but its class: two tasks with a rule each, in two variants each."""

import numpy as np
import pytest
import torch
from rich.console import Console

from hrm import puzzles
from hrm.config import EvalConfig, HaltingConfig, RunConfig, TrainConfig
from hrm.data.config import DataConfig
from hrm.data.sampler import Sampler
from hrm.data.store import Split, open_store, write_store
from hrm.data.task_table import TaskTable
from hrm.errors import DataError, UsageError
from hrm.evaluation.request import EvalRequest
from hrm.evaluation.run import evaluate_model
from hrm.inference.load import load
from hrm.inference.weights import PUZZLES
from hrm.model.config import HRMConfig
from hrm.puzzles.base import Puzzle, PuzzleSpec, Symmetries
from hrm.train.trainer import Trainer

NOW = "2026-01-01T00:00:00+00:00"
AS_IS, MIRRORED = np.array([[0], [1]], np.uint8)
"""Variants: the letters as they are, or a and d, b and c exchanged."""
RULES = {"reverse": lambda words: words[:, ::-1], "shift": lambda words: (words - 1) % 4 + 2}
MIRROR = np.array([0, 1, 5, 4, 3, 2], np.uint8)


class Words(Puzzle):
    """Four letters of a to d become four others, by the rule of the word's task."""

    @property
    def spec(self):
        return PuzzleSpec(
            "words", (1, 4), tuple("_?abcd"), 1, (), 0, unique=False, has_rules=False, has_tasks=True, generated=False
        )

    def parse(self, given):
        return np.array([self.spec.tokens.index(letter) for letter in given], np.uint8)

    def text(self, grid):
        return "".join(self.spec.tokens[token] for token in grid)

    def verify(self, inputs, answers):
        return (answers > 1).all(axis=1)

    def relations(self):
        return np.zeros((0, 4, 4), np.int64)

    def symmetries(self, draws):
        return Symmetries.identity(self.spec, len(draws))

    def twin_key(self, puzzle, answer):
        return puzzle.tobytes() + answer.tobytes()

    def twin_invariants(self, inputs, answers):
        return inputs.sum(axis=1).astype(np.uint64)

    def solutions(self, puzzle, limit=2):
        return np.zeros((0, 4), np.uint8)

    def generate(self, seed, index):
        raise UsageError("words come from files")

    def are_variants(self, variants):
        return (variants < 2).all(axis=1)

    def in_variants(self, inputs, labels, variants, seed=None, draws=None):
        mirrored = variants == 1
        return tuple(np.where(mirrored, MIRROR[grids], grids) for grids in (inputs, labels))

    def without_variants(self, answers, variants):
        return list(np.where(variants == 1, MIRROR[answers], answers))


WORDS = Words()


@pytest.fixture(scope="module", autouse=True)
def family():
    puzzles.register(WORDS)
    yield
    puzzles._registered.pop("words")


def table(*names):
    return TaskTable.of({name: np.stack([AS_IS, MIRRORED]) for name in names})


def split(names, of, count):
    """Return ``count`` words of each task, with the puzzle id of its original."""
    words = np.random.default_rng(0).integers(2, 6, (count, 4)).astype(np.uint8)
    ids = np.repeat([of.puzzle_ids(name)[0] for name in names], count).astype(np.int32)
    labels = np.concatenate([RULES[name](words) for name in names]).astype(np.uint8)
    return Split(np.concatenate([words] * len(names)), labels, ids, np.full(len(ids), np.nan, np.float32))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A store of both tasks, and a run of two updates on it."""
    place, own = tmp_path_factory.mktemp("words"), table("reverse", "shift")
    splits = {"train": split(["reverse", "shift"], own, 20), "test": split(["reverse", "shift"], own, 3)}
    write_store(place / "store", WORDS, splits, {}, NOW, own)
    config = RunConfig(
        recipe="words",
        model=HRMConfig(
            vocab_size=6, cells=4, width=16, heads=2, h_layers=1, l_layers=1, cycles=1, timesteps=1, puzzle_width=16
        ),
        data=DataConfig(puzzle="words", path=str(place / "store")),
        halting=HaltingConfig(max_segments=2),
        train=TrainConfig(updates=2, batch_size=8, precision="fp32", device="cpu"),
        eval=EvalConfig(batch_size=8),
    )
    Trainer(config, place / "run", console=Console(quiet=True)).fit()
    return place


def test_every_draw_follows_the_rule_of_its_task(place):
    store = open_store(place / "store")
    batch = Sampler(store.splits["train"], store.puzzle, 3, augment=True, table=store.table).take(0, 400)
    looked_up = [store.table.lookup(puzzle_id) for puzzle_id in batch.puzzle_ids.tolist()]
    assert {(task, int(variant[0])) for task, variant in looked_up} == {(n, v) for n in RULES for v in (0, 1)}
    variants = np.stack([variant for _, variant in looked_up])
    words, answers = WORDS.in_variants(batch.inputs, batch.labels, variants)  # a second time undoes the first
    for name, rule in RULES.items():
        rows = np.array([task == name for task, _ in looked_up])
        assert np.array_equal(answers[rows], rule(words[rows]))


def test_a_network_has_a_row_for_each_variant_and_keeps_them_by_name(place, tmp_path):
    solver = load(place / "run", "cpu")
    assert solver.model.state_dict()[PUZZLES].shape == (5, 16) and solver.table.task_ids == ("reverse", "shift")
    assert solver.table.names(WORDS) == ["<blank>", "reverse_00", "reverse_01", "shift_00", "shift_01"]
    solver.save(tmp_path / "copy")
    again = load(tmp_path / "copy", "cpu")
    assert again.table.names(WORDS) == solver.table.names(WORDS)
    assert torch.equal(again.model.state_dict()[PUZZLES], solver.model.state_dict()[PUZZLES])
    with pytest.raises(UsageError, match="which task it belongs to"):
        again.solve("abcd")


def measured(place, store, **more):
    kept = {}
    request = EvalRequest(place / "run", store, cache_dir=place / "cache", now=NOW, device="cpu", batch_size=4, **more)
    found = evaluate_model(request, answers=lambda store, ranked: kept.update(ranked))
    return {name: found[name] for name in ("exact", "examples", "pass_at", "tests", "tasks")}, kept


def test_tests_are_answered_by_a_vote_of_the_variants_and_found_by_name(place, tmp_path):
    found, ranked = measured(place, place / "store")
    assert (found["examples"], found["tests"], found["tasks"]) == (6, 6, 2)
    assert {candidate.votes for each in ranked.values() for candidate in each} <= {1, 2}
    assert all(sum(candidate.votes for candidate in each) == 2 for each in ranked.values())
    own = open_store(place / "store").table
    hidden = split(["reverse", "shift"], own, 3)
    hidden.labels[4] = 0
    write_store(tmp_path / "hidden", WORDS, {"test": hidden}, {}, NOW, own)
    some = measured(place, tmp_path / "hidden")[0]
    assert (some["examples"], some["tests"], some["tasks"]) == (5, 3, 1)  # the task with a hidden test is not scored
    other = table("another", "reverse", "shift")  # every id is another
    write_store(tmp_path / "other", WORDS, {"test": split(["reverse", "shift"], other, 3)}, {}, NOW, other)
    assert measured(place, tmp_path / "other")[0] == found
    write_store(tmp_path / "unknown", WORDS, {"test": split(["reverse"], other, 3)}, {}, NOW, table("x", "y", "z"))
    with pytest.raises(UsageError, match="never seen task 'y'"):
        measured(place, tmp_path / "unknown")


def test_a_table_of_other_variants_is_refused(tmp_path):
    wrong = TaskTable.of({"reverse": np.array([[7]], np.uint8)})
    with pytest.raises(DataError, match="no variant of words"):
        write_store(tmp_path / "store", WORDS, {"train": split(["reverse"], wrong, 2)}, {}, NOW, wrong)
