"""The same numbers on a GPU; run with ``pytest -m gpu`` where there is one."""

from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

import hrm
from hrm import recipes
from hrm.evaluation.evaluate import evaluate
from hrm.interop import official
from hrm.train.trainer import Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.npz"))


@pytest.mark.parametrize("file", RECORDED, ids=lambda f: f.stem)
def test_first_segment_equals_the_official_code(file):
    import json

    recording = dict(np.load(file))
    weights = {name.removeprefix("state/"): a for name, a in recording.items() if name.startswith("state/")}
    model = official.model_from_arrays(json.loads(str(recording["config"])), weights).cuda()
    inputs, ids = (torch.from_numpy(recording[f"segment0/{name}"]).cuda() for name in ("inputs", "puzzle_ids"))
    x = model.embed(inputs, ids)
    segment = model.segment(model.initial(x), x)
    np.testing.assert_allclose(
        segment.logits.detach().cpu().numpy(), recording["segment0/logits"], rtol=1e-4, atol=1e-4
    )


def test_the_shipped_model_answers_alike():
    answers = [hrm.load("sudoku-4x4", device=place).solve("..1.4.....2.3...").answer for place in ("cpu", "cuda")]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_trains(tmp_path, precision):
    changes = {"train": {"device": "cuda", "precision": precision, "updates": 20}, "eval": {"every": 20}}
    config = recipes.get("smoke", changes)
    assert Trainer(config, tmp_path / "run", tmp_path, console=Console(quiet=True)).fit().updates == 20


def test_training_measures_the_weights_that_it_saves(tmp_path):
    changes = {"train": {"device": "cuda", "precision": "bf16", "updates": 30}, "eval": {"every": 10}}
    trainer = Trainer(recipes.get("smoke", changes), tmp_path / "run", tmp_path, console=Console(quiet=True))
    trainer.fit()
    said = trainer._learner.evaluate(trainer.store.puzzle, trainer.splits["validation"], lambda: False)
    trainer.save(tmp_path / "saved", with_state=False)
    saved = hrm.load(tmp_path / "saved", device="cuda", precision="bf16")
    found = evaluate(saved, trainer.splits["validation"], trainer.config.eval.segments)
    assert {name: found[name] for name in said} == said
