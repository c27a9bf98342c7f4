"""Checkpoints in the layouts of the official code become models that answer as the networks that they came from.

The networks are written down here once more, from the official tensors, in a few lines of plain torch.
"""

import json
import math
import os
import shutil
import sys
import time
import zipfile

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import yaml

import hrm
from hrm.cli.main import main
from hrm.interop import official, published, unpickling
from hrm.interop.published import import_checkpoint

HRM, TRM = (
    "hrm.hrm_act_v1@HierarchicalReasoningModel_ACTV1",
    "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1",
)
PREFIX = "_orig_mod.model.inner."
SMALL = {
    "H_cycles": 2, "L_cycles": 2, "H_layers": 1, "L_layers": 2, "hidden_size": 32, "num_heads": 2, "expansion": 4.0,
    "puzzle_emb_ndim": 32, "pos_encodings": "rope", "halt_max_steps": 16, "halt_exploration_prob": 0.1,
    "forward_dtype": "bfloat16", "loss": {"name": "losses@ACTLossHead", "loss_type": "stablemax_cross_entropy"},
}  # fmt: skip
TINY = SMALL | {"H_cycles": 3, "L_cycles": 4, "puzzle_emb_len": 3, "mlp_t": False, "no_ACT_continue": True, "name": TRM}
TRAINING = {
    "global_batch_size": 384, "lr": 7e-5, "lr_min_ratio": 1.0, "lr_warmup_steps": 2000, "weight_decay": 1.0,
    "puzzle_emb_lr": 7e-5, "puzzle_emb_weight_decay": 1.0, "epochs": 20000, "seed": 0,
}  # fmt: skip
IN_A_PROCESS = published._in_a_process


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Read weights without another process, which costs a second for torch; some tests take the process back."""
    monkeypatch.setattr(
        published, "_in_a_process", lambda file, out: json.dumps(unpickling.convert(str(file), str(out)))
    )


@pytest.fixture
def in_a_process(in_this_process, monkeypatch):
    monkeypatch.setattr(published, "_in_a_process", IN_A_PROCESS)


def tensors_of(arch, vocab, cells, rows):
    """Random tensors of every name and shape that the official code saves for these settings."""
    config = official.config_from_settings(
        {k: v for k, v in arch.items() if k != "loss"}
        | {"vocab_size": vocab, "seq_len": cells, "num_puzzle_identifiers": rows}
    )
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for name, shape in official.official_shapes(config).items():
        tensors[PREFIX + name] = torch.randn(shape, generator=generator) * shape[-1] ** -0.5
        if name.endswith("_init"):
            tensors[PREFIX + name] = tensors[PREFIX + name].bfloat16()
    return tensors


def publish(folder, arch, tensors, file="checkpoint", **more):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "all_config.yaml").write_text(yaml.dump(TRAINING | {"arch": {"name": HRM} | arch} | more))
    torch.save(tensors, folder / file)
    return folder


def norm(x):
    return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt()


def rotated(x):
    """Turn the halves of each head by its position; x is B A S K."""
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[-2])[:, None] * 10000.0 ** (-torch.arange(half) / half)
    a, b = x[..., :half], x[..., half:]
    return torch.cat((a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()), -1)


def swiglu(w, x, name):
    gate, up = (x @ w[f"{name}.gate_up_proj.weight"].T).chunk(2, -1)
    return (F.silu(gate) * up) @ w[f"{name}.down_proj.weight"].T


def level(w, arch, name, x):
    for i in range(arch["L_layers"] if name == "L" else arch["H_layers"]):
        layer = f"{name}_level.layers.{i}"
        if arch.get("mlp_t"):
            turned = x.transpose(1, 2)
            x = norm(turned + swiglu(w, turned, f"{layer}.mlp_t")).transpose(1, 2)
        else:
            qkv = (x @ w[f"{layer}.self_attn.qkv_proj.weight"].T).unflatten(-1, (3 * arch["num_heads"], -1))
            q, k, v = qkv.transpose(1, 2).chunk(3, 1)
            if arch["pos_encodings"] == "rope":
                q, k = rotated(q), rotated(k)
            read = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1) @ v
            x = norm(x + read.transpose(1, 2).flatten(2) @ w[f"{layer}.self_attn.o_proj.weight"].T)
        x = norm(x + swiglu(w, x, f"{layer}.mlp"))
    return x


def reference(tensors, arch, inputs, ids):
    """Logits and Q-values of one segment."""
    w = {name.removeprefix(PREFIX): tensor.float() for name, tensor in tensors.items()}
    width, high = arch["hidden_size"], "H" if arch.get("name", HRM) == HRM else "L"
    prefix = arch.get("puzzle_emb_len") or -(-arch["puzzle_emb_ndim"] // width)
    puzzle = F.pad(w["puzzle_emb.weights"][ids], (0, prefix * width - arch["puzzle_emb_ndim"]))
    x = torch.cat((puzzle.unflatten(-1, (prefix, width)), w["embed_tokens.embedding_weight"][inputs]), 1)
    if arch["pos_encodings"] == "learned":
        x = math.sqrt(0.5) * (x + w["embed_pos.embedding_weight"])
    x = math.sqrt(width) * x
    z_H, z_L = w["H_init"].expand_as(x), w["L_init"].expand_as(x)
    for _ in range(arch["H_cycles"]):
        for _ in range(arch["L_cycles"]):
            z_L = level(w, arch, "L", z_L + z_H + x)
        z_H = level(w, arch, high, z_H + z_L)
    q = z_H[:, 0] @ w["q_head.weight"].T + w["q_head.bias"]
    return (z_H @ w["lm_head.weight"].T)[:, prefix:], q


def agree(folder, tensors, arch, vocab, cells, ids):
    solver = hrm.load(folder, device="cpu", precision="fp32")
    inputs = torch.randint(1, vocab, (len(ids), cells), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        x = solver.model.embed(inputs, torch.tensor(ids))
        segment = solver.model.segment(solver.model.initial(x), x)
        logits, q = reference(tensors, arch, inputs, torch.tensor(ids))
    torch.testing.assert_close(segment.logits, logits, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(segment.q_halt_logit, q[:, 0], rtol=1e-4, atol=1e-4)
    if segment.q_continue_logit is not None:
        torch.testing.assert_close(segment.q_continue_logit, q[:, 1], rtol=1e-4, atol=1e-4)
    return solver


@pytest.mark.parametrize("arch, vocab, cells, file, puzzle", [
    (SMALL, 11, 81, "checkpoint", "sudoku-9x9"),
    (SMALL | {"pos_encodings": "learned", "L_cycles": 3, "puzzle_emb_ndim": "${.hidden_size}"}, 11, 81, "step_7",
     "sudoku-9x9"),
    (TINY, 11, 81, "step_65104", "sudoku-9x9"),
    (TINY | {"mlp_t": True, "pos_encodings": "none"}, 11, 81, "step_9_sudoku", "sudoku-9x9"),
    (TINY | {"no_ACT_continue": False, "pos_encodings": "learned"}, 8, 36, "step_3", "sudoku-6x6"),
    (SMALL | {"num_heads": 1}, 6, 900, "checkpoint", "maze-30x30"),
], ids=["hrm", "hrm-learned", "trm", "trm-mlp", "trm-continue", "maze"])  # fmt: skip
def test_each_layout_answers_as_its_network(tmp_path, capsys, arch, vocab, cells, file, puzzle):
    real = arch | {"puzzle_emb_ndim": 32}
    tensors = tensors_of(real, vocab, cells, 1)
    more = {"data_path": "data/maze-30x30-hard-1k"} if vocab == 6 else {}
    folder = publish(tmp_path / "published", arch, tensors, file, **more)
    assert main(["import", str(folder), "--out", str(tmp_path / "ours")]) == 0
    said = capsys.readouterr().out
    assert f"for {puzzle}, " in said and "weights: raw" in said and "puzzle embedding: 1 puzzle row\n" in said
    solver = agree(tmp_path / "ours", tensors, real, vocab, cells, [0, 0])
    assert solver.puzzle.spec.name == puzzle and solver.max_segments == 64
    config = solver.origin.config
    assert (config.optim.lr, config.train.batch_size, config.halting.max_segments) == (7e-5, 384, 16)
    assert solver.origin.meta["update"] == (int(file.split("_")[1]) if "_" in file else None)


FULL = SMALL | {"hidden_size": 512, "num_heads": 8, "puzzle_emb_ndim": 512}
FULL_TRM = FULL | {"H_cycles": 3, "L_cycles": 6, "puzzle_emb_len": 16, "no_ACT_continue": True, "name": TRM}


@pytest.mark.slow
@pytest.mark.parametrize("arch, vocab, cells, rows, file, parameters", [
    (FULL | {"H_layers": 4, "L_layers": 4}, 11, 81, 1, "checkpoint", 27_275_266),
    (FULL | {"H_layers": 4, "L_layers": 4}, 12, 900, 50_000, "checkpoint", 27_276_290),
    (FULL_TRM | {"mlp_t": False}, 12, 900, 50_000, "step_155718", 6_828_545),
    (FULL_TRM | {"mlp_t": True, "pos_encodings": "none"}, 11, 81, 1, "step_65104", 5_028_353),
], ids=["hrm-sudoku", "hrm-arc", "trm-arc", "trm-mlp"])  # fmt: skip
def test_full_sizes_are_imported_within_seconds(
    tmp_path, capsys, in_a_process, arch, vocab, cells, rows, file, parameters
):
    tensors = tensors_of(arch, vocab, cells, rows)
    folder = publish(tmp_path / "published", arch, tensors, file)
    began = time.monotonic()
    assert main(["import", str(folder), "--out", str(tmp_path / "ours"), "--json"]) == 0
    assert time.monotonic() - began < 60
    said = json.loads(capsys.readouterr().out)
    assert (said["parameters"], said["puzzle_rows"], said["weights"]) == (parameters, rows, "raw")
    agree(tmp_path / "ours", tensors, arch, vocab, cells, [rows - 1])


def test_weights_are_read_in_a_process_of_its_own(tmp_path, capsys, in_a_process, monkeypatch):
    folder = publish(tmp_path / "published", SMALL, tensors_of(SMALL, 11, 81, 1))
    assert main(["import", str(folder), "--out", str(tmp_path / "ours"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "folder": str(tmp_path / "ours"), "network": "HRM", "weights": "raw", "puzzle": "sudoku-9x9",
        "parameters": 86_786, "puzzle_rows": 1, "tasks": None, "update": None,
    }  # fmt: skip
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["ours", "published"]
    monkeypatch.setattr(published, "MOST_SECONDS", 0.01)
    assert main(["import", str(folder), "--out", str(tmp_path / "late")]) == 4
    assert "reading it takes more than 0.01 seconds" in capsys.readouterr().err


def test_averaged_weights_are_called_so(tmp_path):
    folder = publish(tmp_path / "trm", TINY, tensors_of(TINY, 11, 81, 1), "step_5", ema=True, ema_rate=0.999)
    publish(tmp_path / "trm", TINY, tensors_of(TINY, 11, 81, 1), "step_12", ema=True, ema_rate=0.999)
    imported = import_checkpoint(folder, tmp_path / "ours")
    assert (imported.weights, imported.update) == ("averaged (EMA, decay 0.999)", 12)
    assert import_checkpoint(folder / "step_5", tmp_path / "ours").update == 5
    assert "averaged (EMA, decay 0.999)" in (tmp_path / "ours" / "README.md").read_text()


NAMES = ["<blank>", "b_t1_0213456789", "a", "b", "c_t3_0123456798"]


def test_rows_of_arc_keep_their_tasks(tmp_path, capsys):
    arch = SMALL | {"num_heads": 1}
    tensors = tensors_of(arch, 12, 900, len(NAMES))
    folder = publish(tmp_path / "published", arch, tensors)
    assert main(["import", str(folder), "--out", str(tmp_path / "plain")]) == 0
    assert "5 puzzle rows; which task each belongs to is unknown, so that test-time" in capsys.readouterr().out
    agree(tmp_path / "plain", tensors, arch, 12, 900, [3, 1])
    names = folder / "identifiers.json"
    names.write_text(json.dumps(NAMES))
    assert main(["import", str(folder), "--out", str(tmp_path / "ours"), "--identifiers", str(names)]) == 0
    assert "6 puzzle rows of 3 tasks" in capsys.readouterr().out
    solver = hrm.load(tmp_path / "ours", device="cpu")
    rows, ours = tensors[PREFIX + "puzzle_emb.weights"], solver.model.f_I.puzzle_embedding.weight.detach()
    for name in NAMES[1:]:
        task = name.partition("_")[0]
        place = next(n for n in solver.table.puzzle_ids(task) if solver.table.names(solver.puzzle)[n] == name)
        assert torch.equal(ours[place], rows[NAMES.index(name)])
    torch.testing.assert_close(ours[solver.table.puzzle_ids("c").start], rows.mean(0))
    solver.save_pretrained(tmp_path / "hub")
    again = hrm.load(tmp_path / "hub", device="cpu").table
    assert again.task_ids == solver.table.task_ids and np.array_equal(again.variants, solver.table.variants)
    names.write_text(json.dumps(NAMES[:-1]))
    assert main(["import", str(folder), "--out", str(tmp_path / "no"), "--identifiers", str(names)]) == 4
    assert "has 4 names, the puzzle embedding 5 rows" in capsys.readouterr().err


def test_sizes_that_fit_two_families_need_a_choice(tmp_path, capsys):
    folder = publish(tmp_path / "published", SMALL, tensors_of(SMALL, 6, 16, 1))
    assert main(["import", str(folder), "--out", str(tmp_path / "ours")]) == 2
    assert "maze-30x30 or sudoku-4x4: choose with --puzzle" in capsys.readouterr().err
    assert main(["import", str(folder), "--out", str(tmp_path / "ours"), "--puzzle", "sudoku-9x9"]) == 2
    assert "vocabulary of 11 and 81 cells; the checkpoint is for a vocabulary of 6" in capsys.readouterr().err
    assert main(["import", str(folder), "--out", str(tmp_path / "ours"), "--puzzle", "sudoku-4x4"]) == 0
    solved = ["solve", str(tmp_path / "ours"), "..1.4.....2.3...", "--segments", "1", "--json"]
    assert main(solved) in (0, 5)


class Code:
    """What a hostile pickle runs when it is read."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f"touch {self.mark}",)


def spoiled(change):
    """Publish tensors of the right names after this change to them."""

    def write(folder):
        tensors = {name.removeprefix(PREFIX): tensor for name, tensor in tensors_of(SMALL, 11, 81, 1).items()}
        change(tensors)
        publish(folder, SMALL, tensors)

    return write


def altered(change):
    """Publish a sound checkpoint, then change the bytes of its file."""

    def write(folder):
        file = publish(folder, SMALL, tensors_of(SMALL, 11, 81, 1)) / "checkpoint"
        change(file)

    return write


def not_finite(tensors):
    tensors["lm_head.weight"][3, 4] = float("nan")


def claims_10_gb(file):
    data = bytearray(file.read_bytes())
    size = np.frombuffer(data, "<u4", 1, data.rindex(b"PK\x01\x02") + 24)[0]
    place = data.index(b"PK\x01\x02")
    assert size < 10**9
    data[place + 20 : place + 28] = np.array([4_000_000_000] * 2, "<u4").tobytes()
    file.write_bytes(data)


def packed(file):
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(file.with_name("new"), "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    shutil.move(file.with_name("new"), file)


HOSTILE = {
    "code": (lambda f: publish(f, SMALL, {"H_init": Code(f / "ran")}), "its pickle asks for posix.system"),
    "shape": (spoiled(lambda t: t.update(H_init=torch.zeros(3))), "'H_init' has shape (3,), expected (32,)"),
    "missing": (spoiled(lambda t: t.pop("lm_head.weight")), "missing tensor 'lm_head.weight'"),
    "no tokens": (spoiled(lambda t: t.pop("embed_tokens.embedding_weight")), "missing tensor 'embed_tokens"),
    "foreign": (spoiled(lambda t: t.update(conv=torch.zeros(3))), "tensor 'conv' is none of HRM's or TRM's"),
    "nan": (spoiled(not_finite), "'lm_head.weight' holds a number that is not finite"),
    "integers": (spoiled(lambda t: t.update(L_init=torch.zeros(32, dtype=torch.int64))), "'L_init' is torch.int64"),
    "grown": (spoiled(lambda t: t.update(L_init=torch.zeros(1).expand(10**12))), "is not stored as a vector"),
    "nested": (spoiled(lambda t: t.update(ema={})), "it holds more than tensors: ema"),
    "cut": (altered(lambda file: os.truncate(file, file.stat().st_size // 2)), "no whole file of torch.save"),
    "claims": (altered(claims_10_gb), "its entries claim more bytes than it has"),
    "packed": (altered(packed), "compressed archive"),
    "header": (altered(lambda file: file.write_bytes((10**10).to_bytes(8, "little") + b"{}")), "no whole file"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused_in_one_line(tmp_path, capsys, kind):
    write, named = HOSTILE[kind]
    write(tmp_path / "bad")
    assert main(["import", str(tmp_path / "bad"), "--out", str(tmp_path / "ours")]) == 4
    [line] = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "bad" / "checkpoint") in line and named in line
    assert not (tmp_path / "ours").exists() and not (tmp_path / "bad" / "ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused_by_the_other_process(tmp_path, capsys, in_a_process, kind):
    test_hostile_files_are_refused_in_one_line(tmp_path, capsys, kind)


@pytest.mark.parametrize("settings, named", [
    ("arch: [", "all_config.yaml is refused"),
    ("arch: !!python/object/apply:os.system ['true']", "all_config.yaml is refused: could not determine"),
    ("a: &a {x: 1}\narch: {<<: [*a, *a]}", "merged keys"),
    ("lr: 1", "has no section arch"),
    (yaml.dump({"arch": SMALL | {"name": HRM, "L_layers": 10**12}}), "arch.L_layers must be 0 to 99"),
    (yaml.dump({"arch": SMALL | {"name": HRM, "hidden_size": 64}}), "has shape (32, 256), expected (64, 256)"),
    (yaml.dump({"arch": SMALL | {"name": HRM, "hidden_size": 64, "num_heads": "many"}}), "num_heads"),
    (yaml.dump({"arch": SMALL | {"name": HRM, "gate": 1}}), "unknown official setting 'gate'"),
    (yaml.dump({"arch": SMALL | {"name": "recursive_reasoning.fprm@FPRM"}}), "of the network FPRM, which"),
    (yaml.dump({"arch": SMALL | {"name": "recursive_reasoning.trm_singlez@Tiny"}}), "'recursive_reasoning.trm_singlez"),
    (None, "has no all_config.yaml"),
])  # fmt: skip
def test_settings_that_are_not_understood_are_refused(tmp_path, capsys, settings, named):
    folder = publish(tmp_path / "bad", SMALL, tensors_of(SMALL, 11, 81, 1))
    if settings is None:
        (folder / "all_config.yaml").unlink()
    else:
        (folder / "all_config.yaml").write_text(settings)
    assert main(["import", str(folder), "--out", str(tmp_path / "ours")]) == 4
    [line] = capsys.readouterr().err.splitlines()
    assert named in line and not (tmp_path / "ours").exists()


@pytest.mark.parametrize("file, settings", [
    ("TRM-MLP-Sudoku.pt", "TRM-MLP-Sudoku.yaml"), ("model.pt", "all_config.yaml"),
    ("pytorch_model.bin", "all_config.yaml"), ("last.pth", "last.yaml"),
])  # fmt: skip
def test_files_of_other_names_are_read_by_their_settings(tmp_path, file, settings):
    folder = publish(tmp_path / "published", TINY, tensors_of(TINY, 11, 81, 1), file, ema=True, ema_rate=0.999)
    (folder / "all_config.yaml").rename(folder / settings)
    imported = import_checkpoint(folder / file, tmp_path / "ours")
    assert (imported.network, imported.update, imported.weights) == ("TRM", None, "averaged (EMA, decay 0.999)")


@pytest.mark.parametrize("file, named", [
    ("maze_unique.pth", "of the network EqR, which this package does not have"),
    ("model.pt", "of the network InfiLoop, which this package does not have"),
    ("pytorch_model.bin", "may be CGAR's, which trains the network TRM: put its all_config.yaml beside it"),
])  # fmt: skip
def test_networks_that_are_not_here_are_refused_by_name(tmp_path, capsys, file, named):
    torch.save({"weights": Code(tmp_path / "ran")}, tmp_path / file)
    for path in (tmp_path, tmp_path / file):
        assert main(["import", str(path), "--out", str(tmp_path / "ours")]) == 4
        assert named in capsys.readouterr().err
    assert not (tmp_path / "ran").exists()


def test_without_pyyaml_the_message_says_what_to_install(tmp_path, capsys, monkeypatch):
    folder = publish(tmp_path / "published", SMALL, {})
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert main(["import", str(folder), "--out", str(tmp_path / "ours")]) == 2
    assert capsys.readouterr().err == (
        "hrm: `hrm import` needs PyYAML: pip install 'hierarchical-reasoning[official]'\n"
    )
