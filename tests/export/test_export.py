"""Exported networks compute what the network itself does, and their runners give the Solver's answers."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

import hrm as package
from hrm.errors import HrmError, UsageError
from hrm.export.folder import KIND, export, require_packages
from hrm.files import kind_of, sha256_of
from hrm.inference.answer import SURE
from hrm.inference.solver import Solver
from hrm.model.build import build
from hrm.model.config import HRMConfig
from hrm.puzzles.sudoku.killer import Killer

ROOT = Path(__file__).parents[2]
RUNNERS = ROOT / "src" / "hrm" / "export" / "runners"
FIXTURES = ROOT / "tests" / "fixtures" / "checkpoints" / "format-1"
SHIPPED = ["sudoku-4x4", "sudoku-9x9", "maze-10x10"]
OTHERS = ["hrm-attention", "direct", "recurrent", "equivariant"]
SEGMENTS = 16


def loaded(name):
    return package.load(FIXTURES / name if name in OTHERS else name, device="cpu", precision="fp32")


@pytest.fixture(scope="module")
def exported(hrm, tmp_path_factory):
    """Return the folder of a model's export, made once."""
    made = {}

    def folder(name):
        if name not in made:
            made[name] = tmp_path_factory.mktemp("exports") / name
            done = hrm("export", FIXTURES / name if name in OTHERS else name, made[name], "--to", "onnx")
            assert done.code == 0, done.err
        return made[name]

    return folder


def feeds(folder, tokens, **given):
    """Return what the first segment is given, as the manifest describes it."""
    made = {"tokens": tokens.astype(np.int32)}
    for entry in json.loads((folder / "manifest.json").read_text())["inputs"][1:]:
        shape = [len(tokens) if size == "batch" else size for size in entry["shape"]]
        value = given[entry["name"]] if entry["name"] in given else np.fromfile(folder / entry["file"], entry["dtype"])
        made[entry["name"]] = np.resize(value, shape).astype(entry["dtype"])
    return made


def compare(solver, folder, inputs, segments=SEGMENTS, chained=True, **given):
    """Return how far logits and Q-values are apart, at most, over segments, and whether the answers were the same.

    Not chained, each segment starts from the network's own latents.
    """
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    names = json.loads((folder / "manifest.json").read_text())["outputs"]
    fed, apart, same = feeds(folder, inputs, **given), 0.0, True
    with torch.inference_mode():
        x = solver.embed(inputs, given.get("puzzle_ids"))
        latents = solver.model.initial(len(inputs))
        for _ in range(segments):
            if not chained:
                fed |= {name: getattr(latents, name).contiguous().numpy() for name in ("z_H", "z_L") if name in fed}
            segment = solver.model.segment(latents, x)
            latents = segment.latents
            out = dict(zip(names, session.run(None, fed), strict=True))
            fed |= {name.removeprefix("next_"): out[name] for name in names if name.startswith("next_")}
            values = [value for value in (segment.q_halt_logit, segment.q_continue_logit) if value is not None]
            apart = max(apart, float(np.abs(segment.logits.numpy() - out["logits"]).max()))
            apart = max(apart, float(np.abs(torch.stack(values, -1).numpy() - out["q"]).max()))
            answers = [
                solver.decide(torch.from_numpy(each), inputs)[0] for each in (segment.logits.numpy(), out["logits"])
            ]
            same = same and np.array_equal(*answers)
    return apart, same


def generated(family, count, seed=2001):
    return np.stack([family.generate(seed, index)[0] for index in range(count)])


@pytest.mark.parametrize("name", ["sudoku-4x4", *(pytest.param(name, marks=pytest.mark.slow) for name in SHIPPED[1:])])
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_a_shipped_model_computes_the_same_in_any_batch(name, batch, exported):
    solver = loaded(name)
    inputs = generated(solver.puzzle, batch, seed=batch)
    assert compare(solver, exported(name), inputs, chained=False)[0] <= 1e-4
    apart, same = compare(solver, exported(name), inputs)
    # Mazes amplify rounding: after 16 segments fp32 is 7e-4 away from the network in fp64, in either program.
    assert apart <= (2e-3 if name == "maze-10x10" else 1e-4) and same


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_networks_of_other_kinds_compute_the_same(name, exported):
    solver = loaded(name)
    ids = {"puzzle_ids": np.array([2, 0, 1])} if name == "hrm-attention" else {}
    inputs = generated(solver.puzzle, 3)
    assert compare(solver, exported(name), inputs, chained=False, **ids)[0] <= 1e-4
    # Hardly trained, they amplify rounding over many segments.
    assert compare(solver, exported(name), inputs, segments=4, **ids)[0] <= 1e-4


@pytest.mark.slow
def test_the_row_of_the_puzzle_embedding_is_an_input(exported):
    folder, tokens = exported("hrm-attention"), np.ones((3, 16))
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], feeds(folder, tokens, puzzle_ids=np.array([0, 1, 0])))[0]
    assert np.array_equal(logits[0], logits[2]) and not np.allclose(logits[0], logits[1])


@pytest.mark.slow
def test_relations_of_each_puzzle_are_an_input(tmp_path):
    family = Killer(4)
    config = HRMConfig(
        vocab_size=family.spec.vocab_size, cells=16, width=16, heads=2, mixer="messages", positions="none",
        relation_kinds=(1, 1, 1, 1), cycles=1, timesteps=1, h_layers=1, l_layers=1, grad_calls=2,
    )  # fmt: skip
    solver, folder = Solver(build(config), family, 8), tmp_path / "killer"
    assert not export(solver, folder, "onnx").rules
    inputs = generated(family, 3)
    relations = family.relations_of(inputs)
    assert compare(solver, folder, inputs, relations=relations)[0] <= 1e-4
    assert compare(solver, folder, inputs, relations=relations[::-1])[0] > 1e-3
    done = python_runner(folder, "." * 16)
    assert done.returncode == 1 and "relations" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_graph_for_torch_computes_the_same(hrm, tmp_path):
    assert hrm("export", "maze-10x10", tmp_path / "made", "--to", "torch", "--json").json["rules"] is False
    solver = loaded("maze-10x10")
    inputs = generated(solver.puzzle, 5)
    program = torch.export.load(tmp_path / "made" / "model.pt2").module()
    out = program(*map(torch.from_numpy, feeds(tmp_path / "made", inputs).values()))
    with torch.inference_mode():
        segment = solver.model(torch.from_numpy(inputs.astype(np.int64)), relations=solver._relations)
    assert torch.allclose(out[2], segment.logits, atol=1e-4, rtol=0)


def python_runner(folder, *puzzles):
    return subprocess.run([sys.executable, folder / "run.py", *puzzles], capture_output=True, text=True, timeout=200)


@pytest.mark.parametrize("name", ["sudoku-4x4", pytest.param("sudoku-9x9", marks=pytest.mark.slow)])
def test_the_python_runner_gives_the_answers_of_the_solver(name, exported):
    solver = loaded(name)
    puzzles = [solver.puzzle.text(grid) for grid in generated(solver.puzzle, 6)]
    done = python_runner(exported(name), *puzzles)
    answers = list(solver.solve_many(puzzles, attempts=1))
    assert done.stdout.splitlines() == [answer.answer for answer in answers], done.stderr
    assert done.returncode == 0 and all(answer.verified for answer in answers)


def by_its_own_judgment(solver, inputs):
    """Return where each puzzle ends in ``hrm solve``, with its answer, and where the Q-head alone would end it."""
    ends, by_q_head = {}, {}
    for segment, output in enumerate(solver.run(inputs, solver.max_segments), start=1):
        for row in range(len(inputs)):
            if segment == solver.max_segments or output.stops[row]:
                ends.setdefault(row, (output.tokens[row], segment, bool(output.stops[row])))
            if output.prefers_halt[row]:
                by_q_head.setdefault(row, segment)
    return [ends[row] for row in range(len(inputs))], by_q_head


@pytest.mark.slow
def test_where_the_rules_are_not_known_the_runner_stops_as_the_solver_does(exported):
    solver = loaded("maze-10x10")
    inputs = generated(solver.puzzle, 12)
    manifest = json.loads((exported("maze-10x10") / "manifest.json").read_text())
    assert (manifest["halting"], manifest["sure"]) == ("q_halt and every cell sure", SURE)
    ends, by_q_head = by_its_own_judgment(solver, inputs)
    assert any(by_q_head[row] < segment for row, (_, segment, _) in enumerate(ends))  # the Q-head alone is another rule
    done = python_runner(exported("maze-10x10"), *map(solver.puzzle.text, inputs))
    assert done.stdout.splitlines() == [solver.puzzle.text(tokens) for tokens, _, _ in ends], done.stderr
    assert done.returncode == int(not all(stopped for _, _, stopped in ends))


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("node"), reason="needs Node")
@pytest.mark.parametrize("name", ["sudoku-9x9", "maze-10x10"])
def test_the_runner_in_javascript_runs_the_same_loop(name, exported, tmp_path):
    solver, folder = loaded(name), exported(name)
    inputs = generated(solver.puzzle, 12)
    if name == "maze-10x10":  # one at which the Q-head alone would stop too early
        ends, by_q_head = by_its_own_judgment(solver, inputs)
        row = max(range(12), key=lambda row: ends[row][1] - by_q_head[row])
        puzzle, (cells, segments, done) = inputs[row], ends[row]
        assert done and segments > by_q_head[row]
    else:
        puzzle = max(inputs, key=lambda grid: solver.solve(solver.puzzle.text(grid), attempts=1).segments)
        answer = solver.solve(solver.puzzle.text(puzzle), attempts=1)
        cells, segments, done = answer.tokens, answer.segments, answer.verified
    # Stand in for ONNX Runtime: hand out the recorded outputs, and look at what is fed.
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    names = json.loads((folder / "manifest.json").read_text())["outputs"]
    fed, recorded = feeds(folder, puzzle[None]), []
    for _ in range(segments + 2):
        out = dict(zip(names, session.run(None, fed), strict=True))
        fed |= {name.removeprefix("next_"): out[name] for name in names if name.startswith("next_")}
        recorded.append(
            {name: {"dims": out[name].shape, "data": out[name].ravel().tolist()} for name in ("logits", "q")}
        )
    (tmp_path / "recorded.json").write_text(json.dumps(recorded))
    (tmp_path / "test.mjs").write_text(JAVASCRIPT)
    shape = json.dumps({name: value.shape for name, value in feeds(folder, puzzle[None]).items()})
    ran = subprocess.run(
        ["node", tmp_path / "test.mjs", folder, solver.puzzle.text(puzzle), shape],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    *_, output = solver.run(puzzle[None], segments)
    assert np.allclose(found.pop("confidence"), output.confidence[0], atol=1e-3)
    told = {"answer": "".join(solver.puzzle.spec.tokens[token] for token in cells), "cells": cells.tolist()}
    told |= {"segment": segments, "done": done, "checked": name == "sudoku-9x9", "told": segments}
    assert found == told


JAVASCRIPT = """
import { readFile } from "node:fs/promises";
const [folder, puzzle, shapes] = process.argv.slice(2);
const recorded = JSON.parse(await readFile(new URL("recorded.json", import.meta.url)));
class Tensor { constructor(type, data, dims) { Object.assign(this, { type, data, dims }); } }
let segment = 0;
const run = async (feeds) => {
  for (const [name, dims] of Object.entries(JSON.parse(shapes))) {
    if (segment && name.startsWith("z_")) { if (feeds[name] !== `${name} ${segment}`) throw new Error(name); continue; }
    const size = dims.reduce((a, b) => a * b, 1);
    if (String(feeds[name].dims) !== String(dims) || feeds[name].data.length !== size) throw new Error(name);
  }
  const out = recorded[segment++];
  return { ...out, next_z_H: `z_H ${segment}`, next_z_L: `z_L ${segment}` };
};
const ort = { Tensor, InferenceSession: { create: async () => ({ run }) } };
const { load } = await import(`${folder}/run.mjs`);
const solve = await load(ort, async (name) => new Uint8Array(await readFile(`${folder}/${name}`)).buffer);
let told = 0;
console.log(JSON.stringify({ ...(await solve(puzzle, { onSegment: () => told++ })), told }));
"""


def test_the_rules_of_a_runner_are_those_of_the_family():
    for family in (package.puzzles.get(name) for name in package.puzzles.names()):
        if not family.spec.differ_is_all:
            continue
        chosen = [family.spec.relations.index(name) for name in family.spec.differ]
        related = np.triu((family.relation_matrices[chosen] != 0).any(axis=0), k=1)
        puzzle, answer = family.generate(5, 0)
        rng = np.random.default_rng(5)
        grids = np.repeat(answer[None], 60, axis=0)
        for row, grid in enumerate(grids[1:], start=1):  # exchange two cells, or change one
            a, b = rng.choice(np.flatnonzero(answer), 2, replace=False)
            grid[a], grid[b] = (grid[b], grid[a]) if row % 2 else (rng.choice(family.spec.vocab_size - 2) + 2, grid[b])
        inputs = np.repeat(puzzle[None], 60, axis=0)
        clash = ((grids[:, :, None] == grids[:, None, :]) & related).any(axis=(1, 2))
        kept = ((inputs == family.spec.blank) | (inputs == grids)).all(axis=1)
        assert np.array_equal(~clash & kept, family.verify(inputs, grids)) and not clash[0] and clash.any()


class TestFolder:
    def test_it_says_what_it_holds(self, exported):
        folder = exported("sudoku-4x4")
        manifest = json.loads((folder / "manifest.json").read_text())
        assert kind_of(folder) == KIND and manifest["max_segments"] == 64 and manifest["puzzle"] == "sudoku-4x4"
        listed = {name: entry["sha256"] for name, entry in manifest["files"].items()}
        assert listed == {file.name: sha256_of(file) for file in folder.iterdir() if file.name != "manifest.json"}
        weights = ROOT / "src" / "hrm" / "pretrained" / "sudoku-4x4" / "model.safetensors"
        assert (folder / "model.onnx").stat().st_size < 1.1 * weights.stat().st_size  # once, not once for every call
        for file in folder.iterdir():
            assert str(ROOT).encode() not in file.read_bytes()

    def test_runners_are_short_and_know_nothing_of_the_package(self):
        for runner in RUNNERS.iterdir():
            text = runner.read_text(encoding="utf-8")
            assert len([line for line in text.splitlines() if line.strip()]) <= 40
            assert not re.search(r"\b(hrm|torch)\b", text)

    def test_damage_is_one_line(self, exported, tmp_path):
        folder = tmp_path / "copy"
        shutil.copytree(exported("sudoku-4x4"), folder)
        content = bytearray((folder / "model.onnx").read_bytes())
        content[1000] ^= 1
        (folder / "model.onnx").write_bytes(content)
        for word in ("model.onnx", "z_H.bin"):
            done = python_runner(folder, "." * 16)
            assert done.returncode == 1 and word in done.stderr and len(done.stderr.splitlines()) == 1
            shutil.copy(exported("sudoku-4x4") / "model.onnx", folder)
            (folder / "z_H.bin").unlink(missing_ok=True)

    def test_a_puzzle_of_another_shape_is_one_line(self, exported):
        for puzzles in ([], ["123"], ["x" * 16]):
            done = python_runner(exported("sudoku-4x4"), *puzzles)
            assert done.returncode == 1 and "16 characters" in done.stderr and len(done.stderr.splitlines()) == 1


class TestMistakes:
    def test_an_unknown_model(self, hrm, tmp_path):
        done = hrm("export", "sudoku-99", tmp_path / "out", "--to", "onnx")
        assert done.code == 2 and "sudoku-99" in done.err and len(done.err.splitlines()) == 1

    def test_no_folder_and_no_format(self, hrm, tmp_path):
        assert hrm("export", "sudoku-4x4", "--to", "onnx").code == 2
        assert hrm("export", "sudoku-4x4", tmp_path / "out").code == 2
        assert hrm("export", "sudoku-4x4", tmp_path / "out", "--to", "tflite").code == 2

    def test_a_folder_of_something_else_is_left_alone(self, hrm, tmp_path):
        (tmp_path / "mine.txt").write_text("mine")
        done = hrm("export", "sudoku-4x4", tmp_path, "--to", "onnx")
        assert done.code == 2 and "nothing was changed" in done.err and len(done.err.splitlines()) == 1
        done = hrm("export", "sudoku-4x4", tmp_path / "mine.txt" / "below", "--to", "onnx")
        assert done.code == 1 and "cannot write" in done.err and (tmp_path / "mine.txt").read_text() == "mine"

    def test_missing_packages_are_named(self, monkeypatch):
        monkeypatch.setattr("hrm.export.folder.find_spec", lambda name: None)
        with pytest.raises(UsageError, match=r"needs onnx, onnxscript, onnxruntime: pip install .*\[export\]"):
            require_packages("onnx")
        require_packages("torch")

    def test_a_network_that_cannot_be_traced_is_named(self, tmp_path, monkeypatch):
        solver = loaded("sudoku-4x4")
        monkeypatch.setattr(solver.model, "segment", lambda latents, x: print(latents.z_H[0, 0, 0].item() > 0))
        with pytest.raises(HrmError, match="a HRM cannot be exported to torch"):
            export(solver, tmp_path / "out", "torch")
        assert not (tmp_path / "out").exists()
