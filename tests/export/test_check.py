"""An export is held beside its network: what is counted, what is noticed, and that the shipped models agree."""

import json

import numpy as np
import onnx
import pytest
import torch

import hrm as package
from hrm.cli.main import main
from hrm.evaluation.request import Request
from hrm.export.check import TOLERANCE, check, feeds_of, in_fp64, opened
from hrm.export.folder import export
from hrm.export.step import inputs_of


def loaded(name):
    return package.load(name, device="cpu", precision="fp32")


@pytest.fixture
def request_(tmp_path):
    return lambda name, **more: Request(name, cache_dir=tmp_path / "cache", now="2026-01-01T00:00:00+00:00", **more)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small") / "made"
    export(loaded("sudoku-4x4"), folder, "onnx")
    return folder


@pytest.mark.slow
def test_a_graph_that_computes_something_else_is_noticed(small, request_, tmp_path):
    solver, folder = loaded("sudoku-4x4"), tmp_path / "other"
    folder.mkdir()
    for file in small.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    assert check(solver, folder, request_("sudoku-4x4"), 20).holds
    graph = onnx.load(folder / "model.onnx")
    weight = max(graph.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    changed = onnx.numpy_helper.to_array(weight) * np.float32(1.001)
    weight.CopyFrom(onnx.numpy_helper.from_array(changed, weight.name))
    onnx.save(graph, folder / "model.onnx")
    found = check(solver, folder, request_("sudoku-4x4"), 20)
    assert not found.holds and found.same_latents.beyond == 20 and found.same_latents.exported > 1e-2
    assert found.same_latents.network_fp64 < 3e-4 < found.same_latents.exported_fp64


@pytest.mark.slow
def test_the_network_in_fp64_is_the_network():
    solver = loaded("sudoku-4x4")
    rows = np.stack([solver.puzzle.generate(7, index)[0] for index in range(4)])
    made = in_fp64(solver)(feeds_of(solver, inputs_of(solver), rows))
    with torch.inference_mode():
        segment = solver.model.segment(solver.model.initial(4), solver.embed(rows))
    assert made["logits"].dtype == np.float64
    difference = np.abs(made["logits"] - segment.logits.numpy()).max()
    assert 0 < difference < 1e-3 and next(solver.model.parameters()).dtype == torch.float32


@pytest.mark.slow
def test_the_command_says_how_far_they_are_apart(hrm, tmp_path, monkeypatch, capsys):
    family = package.puzzles.get("sudoku-4x4")
    puzzle, answer = map(family.text, family.generate(7, 0))
    data = tmp_path / "one.csv"
    data.write_text(f"question,answer\n{puzzle},{answer}\n")
    command = ("export", "sudoku-4x4", tmp_path / "made", "--to", "onnx", "--data", data, "--check")
    assert hrm(*command, "0").code == 2
    monkeypatch.setattr("hrm.export.check.Agreement.holds", False)
    assert main([*map(str, command), "5", "--cache", str(tmp_path / "cache")]) == 1
    said = capsys.readouterr()
    assert "does not compute what the network does" in said.err
    assert "checked on 1 puzzles of one.csv, 16 segments in a row" in said.out
    assert "from the same latents: logits within" in said.out and "solved: 1 as exported, 1 by the network" in said.out


@pytest.mark.slow
def test_int8_is_smaller_and_says_so(hrm, small, request_, tmp_path):
    solver, folder = loaded("sudoku-4x4"), tmp_path / "int8"
    assert hrm("export", "sudoku-4x4", folder, "--to", "torch", "--int8").code == 2
    export(solver, folder, "onnx", int8=True)
    assert json.loads((folder / "manifest.json").read_text())["arithmetic"] == "int8"
    assert (folder / "model.onnx").stat().st_size < 0.35 * (small / "model.onnx").stat().st_size
    found = check(solver, folder, request_("sudoku-4x4"), 48)
    assert found.int8 and found.holds and found.same_latents.exported > TOLERANCE
    assert found.solved_exported >= found.solved_network - 2


@pytest.mark.slow
@pytest.mark.parametrize("to", ["onnx", "torch"])
def test_both_formats_are_checked(to, request_, tmp_path):
    solver = loaded("maze-10x10")
    export(solver, tmp_path / "made", to)
    assert check(solver, tmp_path / "made", request_("maze-10x10"), 16).same_latents.exported <= TOLERANCE
    assert set(opened(tmp_path / "made")(feeds_of(solver, inputs_of(solver), np.ones((2, 100), np.uint8)))) >= {"q"}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("name", "count"), [("sudoku-4x4", 320), ("maze-10x10", 64), ("sudoku-9x9", 48)])
def test_shipped_models_agree_with_their_exports(name, count, request_, tmp_path):
    """Attention, messages, and an equivariant network; docs/export.md has the figures of 1,000 puzzles."""
    solver = loaded(name)
    export(solver, tmp_path / "made", "onnx")
    found = check(solver, tmp_path / "made", request_(name), count)
    assert found.puzzles == count and found.holds and found.same_latents.other_answers == 0
    assert found.solved_exported == found.solved_network
    # In a row, they part by no more than the network parts from itself in fp64.
    assert found.own_latents.exported_fp64 <= max(TOLERANCE, 10 * found.own_latents.network_fp64)
