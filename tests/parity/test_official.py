"""Numbers recorded from the official code: logits, Q-values, losses, gradients, carries, halting.

They are met in every mode: eager fp32 to 1e-5 in every element; compiled fp32, too, for one segment, and in norm where
later segments carry its rounding on; bf16 in norm, as near as its 8 bits of mantissa allow.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm.errors import DataError, UsageError
from hrm.interop import official
from hrm.model.halting import continue_target, should_halt
from hrm.runtime.compiling import can_compile
from hrm.train.losses import segment_loss
from hrm.train.slots import admit, advance, empty_slots

HERE = Path(__file__).parent
RECORDED = sorted((HERE / "recorded").glob("*.npz")) + sorted((HERE.parents[2] / "shared" / "parity").glob("*.npz"))
TOLERANCE = 1e-5
CARRIED = 5e-5
"""Tolerance of compiled fp32 over four segments."""
ROUGH = 0.1
"""Tolerance of bf16."""


@pytest.fixture(params=RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def recording(request):
    return dict(np.load(request.param))


def weights_of(recording):
    return {name.removeprefix("state/"): a for name, a in recording.items() if name.startswith("state/")}


def close(ours, theirs, what):
    if isinstance(ours, torch.Tensor):
        ours = ours.detach().numpy()
    np.testing.assert_allclose(ours, theirs, rtol=TOLERANCE, atol=TOLERANCE, err_msg=what)


def near(tolerance):
    """Compare the norm of the difference with the norm of what was recorded."""

    def agree(ours, theirs, what):
        difference = np.linalg.norm(ours.detach().double().numpy() - np.asarray(theirs, dtype=np.float64))
        assert difference <= tolerance * (np.linalg.norm(theirs) + TOLERANCE), f"{what}: off by {difference}"

    return agree


def follow(recording, segments, agree, dtype=torch.float32, compiled=False):
    """Take the slots through the recorded segments; every number must ``agree`` with its recorded one."""
    settings = json.loads(str(recording["config"]))
    max_segments = settings["halt_max_steps"]
    loss_kind = settings["loss"].removesuffix("_cross_entropy")
    model = official.model_from_arrays(settings, weights_of(recording), dtype)
    if compiled:
        model.compile_levels()
    assert all(p.dtype == torch.float32 for p in model.parameters())
    names = official.official_names(model.config)
    batch = settings["batch_size"]
    slots = empty_slots(model.initial(batch), settings["seq_len"])
    for k in range(segments):
        offered = {
            name: torch.from_numpy(recording[f"segment{k}/{name}"]) for name in ("inputs", "labels", "puzzle_ids")
        }
        slots = admit(slots, *offered.values(), torch.arange(batch), model.initial(batch))
        np.testing.assert_array_equal(slots.inputs, recording[f"segment{k}/slot_inputs"])
        x = model.embed(slots.inputs, slots.puzzle_ids)
        segment = model.segment(slots.latents, x)
        assert segment.logits.dtype == segment.latents.z_H.dtype == dtype
        assert segment.q_continue_logit is not None and segment.q_halt_logit.dtype == torch.float32
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

        agree(segment.logits, recorded("logits"), "logits")
        agree(segment.q_halt_logit, recorded("q_halt_logits"), "q_halt")
        agree(segment.q_continue_logit, recorded("q_continue_logits"), "q_continue")
        agree(target, recorded("target_q_continue"), "target")
        agree(loss.answer, recorded("lm_loss_sum"), "answer loss")
        agree(loss.q_halt, recorded("q_halt_loss_sum"), "q_halt loss")
        agree(loss.q_continue, recorded("q_continue_loss_sum"), "q_continue loss")
        agree(total, recorded("loss_sum_over_batch"), "total loss")
        agree(segment.latents.z_H, recorded("z_H"), "z_H")
        agree(segment.latents.z_L, recorded("z_L"), "z_L")
        ours = {name: p.grad for name, p in model.named_parameters()}
        compared = 0
        for theirs, mine in names.items():
            if f"segment{k}/grad/{theirs}" in recording:
                rows = recorded(f"grad/{theirs}")  # our fixtures keep the first 8 rows of each gradient
                agree(ours[mine][: len(rows)], rows, f"gradient of {theirs}")
                compared += 1
        assert compared == len(names) - 2 - (model.f_I.puzzle_embedding is not None)  # all but the start states
        if model.f_I.puzzle_embedding is not None:
            table = np.zeros_like(model.f_I.puzzle_embedding.weight.detach().numpy())
            np.add.at(table, slots.puzzle_ids.numpy(), recorded("grad_puzzle_rows"))
            agree(ours["f_I.puzzle_embedding.weight"].to_dense(), table, "gradient of the puzzle rows")
        slots = advance(slots, segment.latents, halt.halted)
        np.testing.assert_array_equal(slots.segments, recorded("segments_used"))
        np.testing.assert_array_equal(slots.halted, recorded("halted"))


def test_four_segments_agree(recording):
    assert "segment3/inputs" in recording and "segment4/inputs" not in recording
    follow(recording, 4, close)


def test_bf16_agrees_roughly(recording):
    """One segment: later ones may halt others."""
    follow(recording, 1, near(ROUGH), torch.bfloat16)


@pytest.mark.slow
@pytest.mark.skipif(not can_compile(), reason="needs a C++ compiler")
def test_compiled_segments_agree():
    """In a process of its own, because the compiler cannot see through the checks of shapes that tests install."""
    done = subprocess.run([sys.executable, "-W", "ignore", __file__], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [file.stem for file in RECORDED] and "compiling" in done.stderr


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


if __name__ == "__main__":
    for file in RECORDED:
        arrays = dict(np.load(file))
        follow(arrays, 1, close, compiled=True)
        follow(arrays, 4, near(CARRIED), compiled=True)
        follow(arrays, 1, near(ROUGH), torch.bfloat16, compiled=True)
        print(file.stem)
