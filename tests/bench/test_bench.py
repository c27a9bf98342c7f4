"""Timings are of what they say: the reference is our function, operations are counted right, samples interleave."""

import itertools
import json
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from rich.console import Console
from torch import nn

from hrm.bench import cases, official_code
from hrm.bench import run as study
from hrm.bench.cases import Case, Preset, planned, products, same_network
from hrm.bench.reference import PlainAdamATan2, ReferenceHRM, ReferenceTraining, infer, total_loss
from hrm.bench.run import QUICK, Protocol, bench, protocol
from hrm.cli.main import main
from hrm.data.config import DataConfig
from hrm.errors import UsageError
from hrm.interop import official
from hrm.model.config import hrm, small, trm_attention, trm_mlp
from hrm.model.flops import flops_per_segment, training_flops, update_flops
from hrm.model.hrm import HRM
from hrm.optim.adam_atan2 import AdamATan2
from hrm.train.losses import segment_loss

TINY = hrm(6, 16, width=32, heads=2, h_layers=1, l_layers=2, expansion=2.0)
FAST = Protocol(rounds=2, seconds=0.0, probe_seconds=0.0, memory=False)


@pytest.fixture
def tiny_presets(monkeypatch):
    """4×4 puzzles and networks of width 32 in place of the real ones."""
    batches = ((4, (False,)),)
    presets = {
        "hrm": Preset(TINY, "hrm-sudoku", batches, reference="yardstick"),
        "hrm_single_forward": Preset(
            TINY.model_copy(update={"q_continue": False}), "hrm-sudoku", batches, ("train",), "yardstick"
        ),
        "small": Preset(small(6, 16, width=32, heads=2), "sudoku-4x4", batches),
        "yardstick": Preset(TINY, batches=batches),
    }
    monkeypatch.setattr(cases, "PRESETS", presets)
    monkeypatch.setattr(cases, "OFFICIAL", Preset(TINY, batches=batches))
    monkeypatch.setattr(cases, "DATA", DataConfig(puzzle="sudoku-4x4", generate=True, train=8))


def puzzles(batch=3):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randint(1, 6, (batch, 16), generator=generator)
    labels = torch.randint(2, 6, (batch, 16), generator=generator)
    labels[0, :5] = -100
    return inputs, labels


def twins(**changes):
    """Return our network and the reference implementation with the same weights, none of them zero."""
    ours = HRM(TINY.model_copy(update=changes), seed=3)
    with torch.no_grad():
        ours.q_head.weight.normal_(generator=torch.Generator().manual_seed(4))
        ours.f_I.puzzle_embedding.weight.normal_(generator=torch.Generator().manual_seed(5))
    theirs = ReferenceHRM(ours.config)
    theirs.load_state_dict({name: torch.tensor(a) for name, a in official.arrays_from_model(ours).items()})
    return ours, theirs


@pytest.mark.parametrize("changes", [{}, {"cycles": 3, "timesteps": 1}, {"prefix": 2, "puzzle_width": 40}])
def test_the_reference_is_our_function(changes):
    ours, theirs = twins(**changes)
    inputs, labels = puzzles()
    ids = torch.zeros(3, dtype=torch.int64)
    latents, (z_H, z_L) = ours.initial(3), theirs.initial(3)
    for _ in range(2):
        x = ours.embed(inputs, ids)
        segment = ours.segment(latents, x)
        outcome = theirs(z_H, z_L, inputs, ids)
        latents, z_H, z_L = segment.latents, outcome.z_H, outcome.z_L
        close = {"rtol": 1e-5, "atol": 1e-5}
        torch.testing.assert_close(outcome.logits, segment.logits, **close)
        torch.testing.assert_close(outcome.q_halt, segment.q_halt_logit, **close)
        torch.testing.assert_close(outcome.q_continue, segment.q_continue_logit, **close)
        torch.testing.assert_close(z_H, latents.z_H, **close)
    target = torch.tensor([0.2, 0.5, 0.9])
    (segment_loss(segment, labels, target, "stablemax").total(0.5) / 3).backward()
    (total_loss(outcome, labels, target) / 3).backward()
    gradients = {name: p.grad for name, p in ours.named_parameters()}
    names = official.official_names(ours.config)
    compared = 0
    for name, p in theirs.named_parameters():
        mine = gradients[names[name]]
        torch.testing.assert_close(p.grad, mine.to_dense() if mine.is_sparse else mine, rtol=1e-5, atol=1e-5)
        compared += 1
    assert compared == len(gradients)


def test_the_reference_keeps_to_the_published_algorithm():
    for config in (small(6, 16), trm_attention(6, 16), TINY.model_copy(update={"q_continue": False})):
        with pytest.raises(ValueError, match="the reference implementation"):
            ReferenceHRM(config)


def test_the_reference_s_optimizer_is_ours():
    weights = [torch.randn(4, 3, generator=torch.Generator().manual_seed(s)) for s in (0, 1)]
    mine, theirs = ([nn.Parameter(w.clone()) for w in weights] for _ in range(2))
    ours, plain = AdamATan2(mine, lr=1e-2, weight_decay=0.1), PlainAdamATan2(theirs, lr=1e-2, weight_decay=0.1)
    for step in range(1, 5):
        for params, optimizer in ((mine, ours), (theirs, plain)):
            for p in params:
                p.grad = (p.detach() * step).cos()
            optimizer.step()
    torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)


def test_the_reference_frees_its_slots_at_the_budget_and_learns():
    inputs, labels = puzzles()
    model = ReferenceHRM(TINY)
    training = ReferenceTraining(model, inputs, labels)
    training.optimizer.lr = 0.0  # halting and going on stay equal, so that only the budget ends a puzzle
    for number in range(1, 18):
        first = float(training.step())
        assert training.segments.tolist() == [number if number <= 16 else 1] * 3
        assert training.halted.tolist() == [number == 16] * 3
    training.optimizer.lr = 3e-3
    losses = [float(training.step()) for _ in range(15)]
    assert losses[-1] < 0.9 * first
    assert infer(model, inputs, 2).shape == inputs.shape


def test_operations_of_an_update():
    """One call of four layers on 16 puzzles of 82 positions: 36.65 GF; an update is 10 of them, or 16."""
    call = 16 * 4 * (2 * 3_407_872 * 82 + 4 * 82 * 82 * 512)
    assert call == pytest.approx(36.65e9, rel=1e-3)
    head = 16 * 2 * 82 * 512 * 11
    found = update_flops(hrm(11, 81))
    assert 16 * found.useful == 10 * call + 3 * head
    assert 16 * found.executed == 16 * call + 4 * head
    single = update_flops(hrm(11, 81, q_continue=False))
    assert single.useful == single.executed == found.useful


def test_operations_where_levels_differ_and_more_calls_learn():
    config = hrm(11, 81, h_layers=1, l_layers=3, cycles=3, timesteps=2, grad_calls=4)
    layer = 2 * 3_407_872 * 82 + 4 * 82 * 82 * 512
    head = 2 * 82 * 512 * 11
    forward = 3 * (2 * 3 + 1) * layer
    backward = 2 * ((3 + 3 + 1) + 1) * layer  # the last cycle, and f_H of the one before
    assert update_flops(config).useful == forward + backward + 3 * head
    trm = trm_attention(11, 81)
    net = (flops_per_segment(trm) - 2 * 97 * 512 * 11) // 21
    assert update_flops(trm).useful == 35 * net + 3 * 2 * 97 * 512 * 11


def test_operations_of_a_run_that_begins_shallow():
    config = hrm(11, 81, cycles=2, timesteps=2, grad_calls=6)
    whole, single = (update_flops(config.model_copy(update=c)).executed for c in ({}, {"cycles": 1, "grad_calls": 3}))
    assert training_flops(config, 5) == 5 * whole
    assert training_flops(config, 5, shallow_updates=2) == 2 * single + 3 * whole
    assert training_flops(config, 5, shallow_updates=9) == 5 * single < 5 * whole / 1.5


def test_products_of_a_network():
    assert products(hrm(11, 81), 16) == [(1312, 512, 3072), (1312, 1536, 512), (1312, 512, 1536)]
    assert (512 * 2, 97, 2 * 512) in products(trm_mlp(11, 81), 2)


def test_a_full_plan_has_everything_and_each_reference_once():
    whole = planned(dtype="bf16")
    assert len(whole) == len(set(whole))
    assert {case.preset for case in whole} == set(cases.PRESETS)
    for case in whole:
        if case.compiled:
            assert replace(case, compiled=False) in whole
        for reference in case.references():
            assert reference.preset == "official" or reference in whole
    assert Case("hrm", "train", "bf16", 64, True) in whole
    assert Case("hrm", "train", "bf16", 16, True) not in whole
    assert Case("small", "infer", "bf16", 256, True) in whole
    assert not any(case.compiled for case in whole if case.preset.startswith("yardstick"))


def test_a_plan_can_be_narrowed():
    assert [case.label for case in planned(quick=True, dtype="bf16")] == [
        "small-train-bf16-b64",
        "small-infer-bf16-b64",
        "hrm-train-bf16-b16",
        "yardstick-train-bf16-b16",
    ]
    compiled = planned(["trm_mlp"], batch_size=8, dtype="fp32", compiled=True)
    assert compiled == [Case("trm_mlp", mode, "fp32", 8, True) for mode in ("train", "infer")]
    eager = planned(["hrm"], batch_size=8, dtype="fp32", compiled=False, official=True)
    assert {case.preset for case in eager} == {"hrm", "yardstick", "official"} and len(eager) == 6
    assert planned(["yardstick_128"], batch_size=1, dtype="fp32") == [
        Case("yardstick_128", mode, "fp32", 1) for mode in ("train", "infer")
    ]


@pytest.mark.parametrize("arguments, said", [
    ({"presets": ["smal"]}, "Did you mean 'small'"),
    ({"batch_size": 0}, "--batch-size"),
    ({"dtype": "fp8"}, "fp8"),
    ({"device": "tpu"}, "tpu"),
    ({"quick": True, "compiled": True}, "--quick"),
    ({"presets": ["yardstick"], "compiled": True}, "never compiled"),
])  # fmt: skip
def test_impossible_plans_are_refused(arguments, said):
    with pytest.raises(UsageError, match=said):
        planned(**arguments)


def test_a_protocol_in_range():
    assert protocol(quick=True) == QUICK and protocol() == Protocol()
    assert protocol(seconds=3.0, rounds=2) == Protocol(seconds=3.0, rounds=2)
    for wrong in ({"seconds": -1.0}, {"seconds": float("nan")}, {"rounds": 0}):
        with pytest.raises(UsageError, match="must be"):
            protocol(**wrong)


def test_only_the_second_forward_may_differ_in_the_same_network():
    train = Case("hrm_single_forward", "train", "bf16", 64)
    assert same_network(train, Case("yardstick", "train", "bf16", 64))
    assert not same_network(Case("small", "train", "bf16", 64), Case("yardstick_128", "train", "bf16", 64))


def test_cases_are_timed_in_turn_and_compared_within_a_round(tiny_presets, monkeypatch):
    order = []

    def timed(call, seconds, device):
        call()
        order.append(call)
        return float(len(order))

    monkeypatch.setattr(study, "seconds_per_call", timed)
    cases = planned(["hrm", "hrm_single_forward"], dtype="fp32")
    assert len(cases) == 5
    found = bench(cases, FAST)
    assert len(order) == 15 and order[:5] == order[5:10] == order[10:]
    json.dumps(found, allow_nan=False)
    assert [case["samples"] for case in found["cases"]] == [[6 + i, 11 + i] for i in range(5)]
    by_name = {(case["preset"], case["mode"]): case for case in found["cases"]}
    first = by_name["hrm", "train"]
    assert first["seconds_per_step"] == 8.5 and first["segments_per_s"] == pytest.approx(4 / 8.5, rel=1e-3)
    executed = 4 * update_flops(TINY).executed / 1e9
    assert first["gflops_per_s"] == pytest.approx(executed / 8.5, rel=1e-3)
    probes = first["probes"]
    shares = sum(executed / s / p for s, p in zip(first["samples"], probes, strict=True)) / 2
    assert first["share_of_ceiling"] == pytest.approx(shares, rel=1e-2)
    assert by_name["hrm", "infer"]["segments_per_s"] == pytest.approx(2 * 4 / (2 + 8.5), rel=1e-3)
    speedups = {(entry["preset"], entry["mode"]): entry for entry in found["speedups"]}
    assert speedups.keys() == {("hrm", "train"), ("hrm", "infer"), ("hrm_single_forward", "train")}
    ratio = speedups["hrm", "train"]
    assert (ratio["least"], ratio["greatest"]) == pytest.approx((12 / 11, 7 / 6), rel=1e-3)
    assert ratio["ratio"] == pytest.approx((12 / 11 + 7 / 6) / 2, rel=1e-3)
    assert speedups["hrm_single_forward", "train"]["algorithm"] == "single-forward"
    shapes = {tuple(entry["shape"]) for entry in found["ceilings"]["matmul"]}
    assert {entry["dtype"] for entry in found["ceilings"]["matmul"]} == {"fp32", "bf16"}
    assert set(products(TINY, 4)) == shapes and found["ceilings"]["copy_gb_per_s"] > 0


def test_the_command_shows_tables_and_refuses_mistakes(tiny_presets, capsys):
    assert main(["bench", "--quick", "--preset", "hrm", "--batch-size", "2", "--rounds", "1", "--seconds", "0"]) == 0
    shown = capsys.readouterr().out
    for words in ("ceilings", "hrm train", "s/step", "faithful", "yardstick: the published", "count: GFLOP"):
        assert words in shown, words
    for arguments in (["--preset", "hmr"], ["--official", "nowhere"], ["--rounds", "0"], ["--dtype", "fp8"]):
        assert main(["bench", *arguments]) == 2
        said = capsys.readouterr()
        assert not said.out and said.err.startswith("hrm: ") and said.err.count("\n") == 1


def test_what_does_not_fit_the_budget_is_skipped_and_said(tiny_presets, monkeypatch):
    ticks = itertools.count()  # a clock of the test's own: time passes as it is asked for
    monkeypatch.setattr(study._Clock, "elapsed", property(lambda self: 0.05 * next(ticks)))
    cases = planned(["small"], dtype="fp32")
    found = bench(cases, replace(FAST, budget_s=0.0))
    assert found["cases"] == [] and len(found["protocol"]["skipped"]) == 2
    assert "budget" in found["protocol"]["skipped"][0]["why"]
    found = bench(cases, replace(FAST, rounds=1000, budget_s=2.0))
    assert len(found["cases"]) == 2 and found["protocol"]["rounds"] < 1000
    assert found["protocol"]["elapsed_s"] < 4


def test_a_machine_without_a_compiler_skips_compiled_cases(tiny_presets, monkeypatch):
    monkeypatch.setattr(study, "can_compile", lambda: False)
    found = bench(planned(["small"], dtype="fp32", compiled=True, batch_size=2), FAST)
    assert found["cases"] == [] and "compiler" in found["protocol"]["skipped"][0]["why"]


def test_peak_memory_is_that_of_the_case_s_own_process():
    ballast = torch.ones(2**28)  # 1 GiB that a child must not inherit
    peak = study._peak_apart(Case("small", "infer", "fp32", 1), torch.device("cpu"), None, Console(quiet=True))
    assert peak is not None and 100 < peak < 900 and len(ballast)


OFFICIAL = {
    "models/layers.py": """
        import torch
        from torch import nn
        try:
            from flash_attn_interface import flash_attn_func
        except ImportError:
            from flash_attn import flash_attn_func

        class Attention(nn.Module):
            def __init__(self, width, heads):
                super().__init__()
                self.heads, self.qkv = heads, nn.Linear(width, 3 * width, bias=False)

            def forward(self, x):
                b, s, d = x.shape
                q, k, v = self.qkv(x).view(b, s, 3 * self.heads, d // self.heads).chunk(3, dim=2)
                return flash_attn_func(q=q, k=k, v=v, causal=False).view(b, s, d)
    """,
    "models/losses.py": """
        from torch import nn
        import torch.nn.functional as F

        class ACTLossHead(nn.Module):
            def __init__(self, model, loss_type):
                super().__init__()
                assert loss_type == "stablemax_cross_entropy"
                self.model = model

            def initial_carry(self, *args, **kwargs):
                return self.model.initial_carry(*args, **kwargs)

            def forward(self, return_keys, **model_kwargs):
                carry, outputs = self.model(**model_kwargs)
                labels = model_kwargs["batch"]["labels"].long()
                loss = F.cross_entropy(outputs["logits"].float().flatten(0, 1), labels.flatten(), reduction="sum")
                return carry, loss, {}, None, False
    """,
    "models/hrm/hrm_act_v1.py": """
        from dataclasses import dataclass
        import torch
        from torch import nn
        from pydantic import BaseModel
        from models.layers import Attention

        class Config(BaseModel):
            batch_size: int
            seq_len: int
            puzzle_emb_ndim: int = 0
            num_puzzle_identifiers: int
            vocab_size: int
            H_cycles: int
            L_cycles: int
            H_layers: int
            L_layers: int
            hidden_size: int
            expansion: float
            num_heads: int
            pos_encodings: str
            rms_norm_eps: float = 1e-5
            rope_theta: float = 10000.0
            halt_max_steps: int
            halt_exploration_prob: float
            forward_dtype: str = "bfloat16"

        class HierarchicalReasoningModel_ACTV1(nn.Module):
            def __init__(self, config_dict):
                super().__init__()
                self.config = c = Config(**config_dict)
                self.embed = nn.Embedding(c.vocab_size, c.hidden_size)
                self.attention = Attention(c.hidden_size, c.num_heads)
                self.head = nn.Linear(c.hidden_size, c.vocab_size)
                self.calls = 0

            def initial_carry(self, batch):
                return torch.zeros(len(batch["inputs"]), self.config.seq_len, self.config.hidden_size)

            def forward(self, carry, batch):
                assert set(batch) == {"inputs", "labels", "puzzle_identifiers"}
                self.calls += 1
                z = carry + self.attention(carry + self.embed(batch["inputs"]))
                return z.detach(), {"logits": self.head(z)}
    """,
}


@pytest.fixture
def fake_checkout(tmp_path):
    for name, text in OFFICIAL.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    return tmp_path


def test_an_official_checkout_is_timed_beside_ours(fake_checkout, tiny_presets):
    before = set(sys.modules)
    found = bench(planned(["hrm"], dtype="fp32", official=True), FAST, official=fake_checkout)
    assert [case["preset"] for case in found["cases"]].count("official") == 2
    versus = {(entry["mode"], entry["versus"]) for entry in found["speedups"]}
    assert versus == {(mode, name) for mode in ("train", "infer") for name in ("yardstick", "official")}
    left = {name for name in set(sys.modules) - before if name.split(".")[0] in ("models", "flash_attn")}
    assert not left and str(fake_checkout) not in sys.path


def test_an_official_step_moves_the_weights_and_carries_the_state_on(fake_checkout):
    head = official_code.Checkout(fake_checkout).build(TINY, "fp32", 3, torch.device("cpu"))
    before = head.model.head.weight.clone()
    inputs, labels = puzzles()
    step = official_code.training(head, inputs, labels)
    first, second = float(step()), float(step())
    assert first != second and not torch.equal(before, head.model.head.weight)
    official_code.inference(head, inputs, labels, segments=3)()
    assert head.model.calls == 5


def test_attention_in_place_of_flash_attention_is_over_positions():
    q, k, v = torch.randn(3, 2, 5, 4, 8, generator=torch.Generator().manual_seed(0))
    read = official_code.flash_attn_func(q=q, k=k, v=v, causal=False)
    scores = torch.einsum("bsak,btak->bast", q, k) / 8**0.5
    torch.testing.assert_close(read, torch.einsum("bast,btak->bsak", F.softmax(scores, -1), v))
    assert read.is_contiguous()


@pytest.mark.parametrize("file, text, said", [
    ("models/losses.py", None, "no models/losses.py"),
    ("models/losses.py", "class Other: pass", "cannot be imported: AttributeError"),
    ("models/layers.py", "import a_module_that_is_nowhere", "a_module_that_is_nowhere"),
    ("models/losses.py", "class ACTLossHead:\n    def __init__(self, model): pass", "cannot be built: TypeError"),
])  # fmt: skip
def test_what_is_no_official_checkout_is_refused(fake_checkout: Path, file, text, said):
    (fake_checkout / file).unlink() if text is None else (fake_checkout / file).write_text(text)
    with pytest.raises(UsageError, match=said):
        official_code.Checkout(fake_checkout).build(TINY, "fp32", 3, torch.device("cpu"))


def test_mazes_are_timed_as_their_recipe_trains_them(monkeypatch, tmp_path):
    preset = cases.PRESETS["maze_10x10"]
    tiny = preset.network.model_copy(update={"width": 32, "heads": 1})
    monkeypatch.setitem(cases.PRESETS, "maze_10x10", replace(preset, network=tiny))
    case = Case("maze_10x10", "train", "fp32", 4)
    config = cases._run_config(case, torch.device("cpu"))
    assert config.data.puzzle == "maze-10x10" and not config.data.augment and config.optim.kind == "muon"
    for mode in ("train", "infer"):
        cases.workload(replace(case, mode=mode), tmp_path, torch.device("cpu"))()
    assert [c.batch for c in planned(["maze_30x30"], dtype="fp32", compiled=False)] == [32, 32]
