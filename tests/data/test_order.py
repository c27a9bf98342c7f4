"""What is drawn, and in which order, is what was recorded: every trained model and every run to be resumed rests on it.

Each stream is recorded as the SHA-256 of the inputs, labels and puzzle ids of its first draws, several epochs long.
"""

import hashlib
import json

import numpy as np
import pytest

from hrm.data.arc import build_arc
from hrm.data.build import generate_store
from hrm.data.sampler import Reveal, Sampler
from hrm.puzzles import get

NOW = "2026-01-01T00:00:00+00:00"
DRAWS = 200

GENERATED = {
    ("sudoku-4x4", True, False): "bbcebd432ab1a77dc0215bf98d8af101",
    ("sudoku-4x4", False, False): "28df11268feaabd7f32fb217e0b45092",
    ("sudoku-4x4", True, True): "6f0203dad142af71d4450292b564709a",
    ("sudoku-9x9", True, False): "f12e05c9c68a6b029a999c6edb9f4465",
    ("maze-10x10", True, False): "865c3e1630b07c6809bacd613337a84a",  # since 0.2.0, the rule draws the paths of images
    ("killer-4x4", True, True): "7d0a308eeeb092962c2effe3533d01a1",
}
"""By family, augmentation, and whether answers are revealed in part."""
TASKS = {
    (True, False): "dfefc5ed3ec6d327398e516aa7c6381f",
    (False, False): "d19ea6379e9071a40d52fcbd124bbede",
    (True, True): "dfefc5ed3ec6d327398e516aa7c6381f",
}
"""Of a store of ARC; part of an answer is never revealed there, whatever is asked for."""
FILES = {
    "train/inputs.npy": "d3f840a14999bb612d69335ec32aa106",
    "variants/tasks.json": "093496a60f9b8e18c4d5610748e0a3c5",
    "variants/variants.u1": "db074f9986efe5ad5633b62adc1de6f7",
}
DIGEST = "d03cc61a8546737bb6b8dc9d06fdb8f1"


def stream(split, puzzle, augment, revealed, **more):
    """Return the hash of draws that are taken in pieces of unequal length."""
    sampler = Sampler(split, puzzle, 3, augment, Reveal(0.9, 0.1, 150) if revealed else None, **more)
    pieces = [sampler.take(start, min(7 + start % 23, DRAWS - start)) for start in cuts()]
    assert sum(map(len, pieces)) == DRAWS and DRAWS > 4 * len(sampler)
    columns = [np.concatenate([getattr(piece, name) for piece in pieces]) for name in ("inputs", "labels")]
    ids = np.concatenate([piece.puzzle_ids for piece in pieces]).astype("<i8")
    return hashlib.sha256(b"".join(column.tobytes() for column in (*columns, ids))).hexdigest()[:32]


def cuts():
    start = 0
    while start < DRAWS:
        yield start
        start += 7 + start % 23


@pytest.mark.parametrize("case", GENERATED)
def test_draws_of_generated_puzzles(case, tmp_path):
    name, augment, revealed = case
    store = generate_store(tmp_path / "store", get(name), {"train": 31}, 5, NOW, twins=True)
    assert stream(store.splits["train"], store.puzzle, augment, revealed) == GENERATED[case]


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """Seven tasks, two of them with so few colors and shapes that they have few variants."""
    place, rng = tmp_path_factory.mktemp("tasks"), np.random.default_rng(11)
    for number in range(7):
        most = 2 if number > 4 else 8
        pairs = [
            {key: rng.integers(0, most, rng.integers(1, most + 1, 2)).tolist() for key in ("input", "output")}
            for _ in range(5)
        ]
        folder = place / ("evaluation" if number % 3 == 1 else "training")
        folder.mkdir(exist_ok=True)
        (folder / f"t{number}.json").write_text(json.dumps({"train": pairs[:3], "test": pairs[3:]}))
    return build_arc(place / "store", [place / "evaluation", place / "training"], 40, 0, NOW)


@pytest.mark.parametrize("case", TASKS)
def test_draws_of_tasks(case, tasks):
    assert stream(tasks.splits["train"], tasks.puzzle, *case, table=tasks.table) == TASKS[case]


def test_a_store_of_tasks_has_the_recorded_bytes(tasks):
    found = {name: hashlib.sha256((tasks.path / name).read_bytes()).hexdigest()[:32] for name in FILES}
    assert found == FILES and tasks.digest[:32] == DIGEST
