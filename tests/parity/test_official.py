"""Numbers recorded from the official code: logits, Q-values, losses, gradients, carries, halting."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm.errors import DataError, UsageError
from hrm.interop import official
from hrm.model.halting import continue_target, should_halt
from hrm.train.losses import segment_loss
from hrm.train.slots import admit, advance, empty_slots

HERE = Path(__file__).parent
RECORDED = sorted((HERE / "recorded").glob("*.npz")) + sorted((HERE.parents[2] / "shared" / "parity").glob("*.npz"))
TOLERANCE = 1e-5


@pytest.fixture(params=RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def recording(request):
    return dict(np.load(request.param))


def weights_of(recording):
    return {name.removeprefix("state/"): a for name, a in recording.items() if name.startswith("state/")}


def close(ours, theirs, what):
    if isinstance(ours, torch.Tensor):
        ours = ours.detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, err_msg=what)


def test_four_segments_agree(recording):
    settings = json.loads(str(recording["config"]))
    max_segments = settings["halt_max_steps"]
    loss_kind = settings["loss"].removesuffix("_cross_entropy")
    model = official.model_from_arrays(settings, weights_of(recording))
    names = official.official_names(model.config)
    batch = settings["batch_size"]
    slots = empty_slots(model.initial(batch), settings["seq_len"])
    segments = len([name for name in recording if name.endswith("/inputs") and name.startswith("segment")])
    assert segments == 4
    for k in range(segments):
        offered = {
            name: torch.from_numpy(recording[f"segment{k}/{name}"]) for name in ("inputs", "labels", "puzzle_ids")
        }
        free = slots.halted
        slots = admit(slots, *(a[free] for a in offered.values()), torch.arange(int(free.sum())), model.initial(batch))
        np.testing.assert_array_equal(slots.inputs, recording[f"segment{k}/slot_inputs"])
        x = model.embed(slots.inputs, slots.puzzle_ids)
        segment = model.segment(slots.latents, x)
        assert segment.q_continue_logit is not None
        used = slots.segments + 1
        halt = should_halt(segment.q_halt_logit, segment.q_continue_logit, used, torch.zeros_like(used), max_segments)
        with torch.no_grad():
            after = model.segment(segment.latents, x)
            assert after.q_continue_logit is not None
            target = continue_target(after.q_halt_logit, after.q_continue_logit, used >= max_segments)
        loss = segment_loss(segment, slots.labels, target, loss_kind)
        total = loss.total(q_weight=0.5)
        model.zero_grad()
        (total / batch).backward()

        def recorded(name, k=k):
            return recording[f"segment{k}/{name}"]

        close(segment.logits, recorded("logits"), "logits")
        close(segment.q_halt_logit, recorded("q_halt_logits"), "q_halt")
        close(segment.q_continue_logit, recorded("q_continue_logits"), "q_continue")
        close(target, recorded("target_q_continue"), "target")
        close(loss.answer, recorded("lm_loss_sum"), "answer loss")
        close(loss.q_halt, recorded("q_halt_loss_sum"), "q_halt loss")
        close(loss.q_continue, recorded("q_continue_loss_sum"), "q_continue loss")
        close(total, recorded("loss_sum_over_batch"), "total loss")
        close(segment.latents.z_H, recorded("z_H"), "z_H")
        close(segment.latents.z_L, recorded("z_L"), "z_L")
        ours = {name: p.grad for name, p in model.named_parameters()}
        compared = 0
        for theirs, mine in names.items():
            if f"segment{k}/grad/{theirs}" in recording:
                rows = recorded(f"grad/{theirs}")  # our fixtures keep the first 8 rows of each gradient
                close(ours[mine][: len(rows)], rows, f"gradient of {theirs}")
                compared += 1
        assert compared == len(names) - 2 - (model.puzzle_embedding is not None)  # all but the start states
        if model.puzzle_embedding is not None:
            table = np.zeros_like(model.puzzle_embedding.weight.detach().numpy())
            np.add.at(table, slots.puzzle_ids.numpy(), recorded("grad_puzzle_rows"))
            close(ours["puzzle_embedding.weight"].to_dense(), table, "gradient of the puzzle rows")
        slots = advance(slots, segment.latents, halt)
        np.testing.assert_array_equal(slots.segments, recorded("segments_used"))
        np.testing.assert_array_equal(slots.halted, recorded("halted"))


def test_names_go_both_ways(recording):
    weights = weights_of(recording)
    model = official.model_from_arrays(json.loads(str(recording["config"])), weights)
    back = official.arrays_from_model(model)
    assert back.keys() == weights.keys()
    assert all(np.array_equal(back[name], weights[name]) for name in weights)


@pytest.mark.parametrize("break_it, named", [
    (lambda w: w.pop("lm_head.weight"), "missing tensor 'lm_head.weight'"),
    (lambda w: w.update(odd=np.zeros(1)), "extra tensor 'odd'"),
    (lambda w: w.update(H_init=np.zeros(3)), "'H_init' has shape \\(3,\\), expected \\(32,\\)"),
])  # fmt: skip
def test_wrong_tensors_are_named(recording, break_it, named):
    weights = weights_of(recording)
    break_it(weights)
    with pytest.raises(DataError, match=named):
        official.model_from_arrays(json.loads(str(recording["config"])), weights)


def test_unknown_settings_are_refused(recording):
    settings = json.loads(str(recording["config"])) | {"L_cycle": 2}
    with pytest.raises(UsageError, match="Did you mean 'L_cycles'"):
        official.model_from_arrays(settings, weights_of(recording))


def test_prefixes_of_a_saved_official_model_are_stripped():
    assert list(official.strip_prefix({"_orig_mod.model.inner.H_init": np.zeros(1)})) == ["H_init"]
