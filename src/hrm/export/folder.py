"""The exported folder: the network, its fixed inputs as raw numbers, two runners, and a manifest that describes them.

``run.py`` and ``run.mjs`` hold the loop over segments. They know nothing of this package: whatever they need is in the
manifest.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch

from hrm.errors import HrmError, UsageError
from hrm.export.step import Input, inputs_of, outputs_of, quiet, traced
from hrm.files import MANIFEST, fill, replacing, require_writable
from hrm.inference.answer import SURE
from hrm.inference.solver import Solver
from hrm.manifest import record
from hrm.puzzles.conflicts import pairs_that_differ

KIND, FORMAT = "hrm-export", 1
To = Literal["onnx", "torch"]
NETWORK = {"onnx": "model.onnx", "torch": "model.pt2"}
RUNNERS = {"onnx": ("run.py", "run.mjs"), "torch": ()}
NEEDED = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "torch": ()}
DIFFER = "differ.bin"
"""The pairs of cells that must differ, as int32."""
BATCH = "batch"
"""Stands in a shape for the number of puzzles."""


@dataclass(frozen=True)
class Exported:
    """What was written."""

    folder: Path
    files: dict[str, int]
    """Sizes in bytes by name."""
    rules: bool
    """Whether the runners know when an answer keeps every rule; else the network tells them when to stop."""


def require_packages(to: To) -> None:
    """Refuse a format that needs packages which are not installed.

    Raises:
        UsageError: which of them, and how to get them.
    """
    missing = [name for name in NEEDED[to] if find_spec(name) is None]
    if missing:
        raise UsageError(f"--to {to} needs {', '.join(missing)}: pip install 'hierarchical-reasoning[export]'")


def export(solver: Solver, folder: Path, to: To, int8: bool = False) -> Exported:
    """Write a solver's network into a folder of its own; an older export of that name is replaced.

    Args:
        solver: a loaded model on the CPU, in fp32.
        folder: which folder to write.
        to: ``onnx`` for ONNX Runtime, or ``torch`` for ``torch.export.load``.
        int8: keep weights as int8, and round what they multiply to int8 too; else all is fp32.

    Raises:
        UsageError: a package is missing, int8 is asked of torch, or the name belongs to something else.
        HrmError: the place cannot be written, or torch cannot trace this network.
    """
    require_packages(to)
    require_writable(folder, KIND)
    content = contents(solver, to, int8)
    write_files(folder, content, KIND)
    sizes = {name: len(data) for name, data in content.items() if name != MANIFEST}
    return Exported(folder, sizes, solver.puzzle.spec.differ_is_all)


def contents(solver: Solver, to: To, int8: bool = False) -> dict[str, bytes]:
    """Return all files of an exported folder by their names, the manifest last.

    Args and errors: as those of ``export``.
    """
    if int8 and to != "onnx":
        raise UsageError("int8 goes with --to onnx or web only")
    if solver.device.type != "cpu" or solver.model.dtype != torch.float32:
        raise UsageError("export takes a model on the CPU in fp32: hrm.load(name, device='cpu', precision='fp32')")
    inputs = inputs_of(solver)
    try:
        with quiet():
            program = traced(solver, inputs)
            network = _onnx(program, inputs, int8) if to == "onnx" else _torch(program)
    except Exception as error:  # whatever torch's tracer raises, for a network of the user's own
        fault = " ".join(str(error).split())[:200]
        raise HrmError(f"a {type(solver.model).__name__} cannot be exported to {to}: {fault}") from error
    content = {NETWORK[to]: network}
    content |= {_file(each): each.value.tobytes() for each in inputs if each.value is not None}
    if solver.puzzle.spec.differ_is_all:
        pairs = pairs_that_differ(solver.puzzle.spec, solver.puzzle.relation_matrices)
        content[DIFFER] = pairs.astype(np.int32).tobytes()
    content |= {name: (files("hrm.export") / "runners" / name).read_bytes() for name in RUNNERS[to]}
    return content | {MANIFEST: as_json(_manifest(solver, inputs, to, int8, content))}


def write_files(folder: Path, content: Mapping[str, bytes], kind: str) -> None:
    """Write a folder of files whole or not at all; names may have a folder before them.

    Raises:
        HrmError: the place cannot be written.
        UsageError: the name belongs to something else.
    """
    with replacing(folder, sum(map(len, content.values())) + 2**20, kind) as work:
        fill(work, content)


def as_json(value: object) -> bytes:
    """Return plain values as the text of a JSON file."""
    return (json.dumps(value, indent=1) + "\n").encode()


def _manifest(solver: Solver, inputs: list[Input], to: To, int8: bool, content: dict[str, bytes]) -> dict[str, Any]:
    """Return all that a runner needs to know, as plain values."""
    spec, origin = solver.puzzle.spec, solver.origin
    names = [each.name for each in inputs]
    return {
        # what this is, and where it comes from
        "kind": KIND,
        "format": FORMAT,
        "hrm": version("hierarchical-reasoning"),
        "to": to,
        "arithmetic": "int8" if int8 else "fp32",
        "model": "" if origin is None else origin.name,
        "weights_sha256": "" if origin is None else origin.weights_sha256,
        # how puzzles are written and checked
        "puzzle": spec.name,
        "shape": spec.shape,
        "tokens": spec.tokens,
        "blank": spec.blank,
        "answers": np.flatnonzero(spec.answerable).tolist(),
        "padded": spec.padded,
        "differ": DIFFER if spec.differ_is_all else None,
        # when an answer is done: by the rules, else where the Q-head says so and no cell's token is less probable
        "halting": "rules" if spec.differ_is_all else "q_halt and every cell sure",
        "sure": SURE,
        # the graph, what goes in and what comes out
        "max_segments": solver.max_segments,
        "network": NETWORK[to],
        "inputs": [
            {
                "name": each.name,
                "dtype": str(each.example.dtype).removeprefix("torch."),
                "shape": [BATCH, *each.example.shape[1:]] if each.batched else list(each.example.shape),
                "file": None if each.value is None else _file(each),
            }
            for each in inputs
        ],
        "outputs": outputs_of(names),
        "files": {name: record(data).model_dump() for name, data in content.items()},
    }


def _file(each: Input) -> str:
    return f"{each.name}.bin"


def _onnx(program: torch.export.ExportedProgram, inputs: list[Input], int8: bool) -> bytes:
    """Return the graph as the bytes of one ONNX file."""
    names = [each.name for each in inputs]
    made = torch.onnx.export(program, dynamo=True, verbose=False, input_names=names, output_names=outputs_of(names))
    assert made is not None
    proto = made.model_proto
    _share_weights(proto.graph)
    if int8:
        proto = _quantized(proto)
    del proto.metadata_props[:]
    for part in (*proto.graph.node, *proto.graph.initializer, *proto.graph.value_info, *proto.graph.input):
        del part.metadata_props[:]  # places in the code that was traced
    return proto.SerializeToString()


def _share_weights(graph: Any) -> None:
    """Keep one copy of each constant: the exporter gives every call of a level weights of its own."""
    kept: dict[bytes, str] = {}
    shared: dict[str, str] = {}
    for tensor in graph.initializer:
        nameless = type(tensor)()
        nameless.CopyFrom(tensor)
        nameless.ClearField("name")
        content = hashlib.sha256(nameless.SerializeToString(deterministic=True)).digest()
        shared[tensor.name] = kept.setdefault(content, tensor.name)
    for node in graph.node:
        node.input[:] = [shared.get(name, name) for name in node.input]
    unique = [tensor for tensor in graph.initializer if shared[tensor.name] == tensor.name]
    del graph.initializer[:]
    graph.initializer.extend(unique)


def _quantized(proto: Any) -> Any:
    """Return the graph with int8 weights, one scale for each of their columns."""
    import onnx
    from onnxruntime.quantization import quantize_dynamic
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory() as work:
        whole, folded, small = (Path(work) / f"{name}.onnx" for name in ("whole", "folded", "small"))
        onnx.save(proto, whole)
        quant_pre_process(whole, folded, skip_symbolic_shape=True)  # else a transposed weight is not seen as one
        quantize_dynamic(folded, small, per_channel=True)
        return onnx.load(small)


def _torch(program: torch.export.ExportedProgram) -> bytes:
    """Return the graph as the bytes of one file of ``torch.export``."""
    buffer = io.BytesIO()
    torch.export.save(program, buffer)
    return buffer.getvalue()
