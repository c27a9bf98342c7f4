"""A folder that a plain file server turns into the page of ``hrm serve``, with the networks computed in the browser.

The page is ``hrm.page``; only the file by which it reaches a model is another one, beside a worker that holds ONNX
Runtime for the web. That runtime comes from the npm package ``onnxruntime-web`` and is copied in: the page loads
nothing from elsewhere.
"""

import json
import re
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from hrm.errors import UsageError
from hrm.export.folder import FORMAT, Exported, as_json, contents, require_packages, write_files
from hrm.files import MANIFEST, require_writable
from hrm.inference.solver import Solver
from hrm.manifest import record
from hrm.model.network import parameter_counts
from hrm.page.describe import grid_of
from hrm.page.examples import examples_of
from hrm.page.site import BACKEND, ENTRY, without_server

KIND = "hrm-site"
OWN = (BACKEND, "worker.js", "search.js")
"""Files in ``site``, by which the page reaches its models."""
RUNNER, EXAMPLES = "run.mjs", "examples.json"
PACKAGE = "onnxruntime-web"
RUNTIME = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""Files of the package that compute on the CPU."""
MADE, KEPT = 64, 16
"""Puzzles to try: made for each model, and kept of these."""


def export_site(
    solvers: Mapping[str, Solver], folder: Path, runtime: Path, cache_dir: Path, now: str, int8: bool = False
) -> Exported:
    """Write a site with some models; an older site of that name is replaced.

    Args:
        solvers: models on the CPU, in fp32, by the names to show; the first is the default.
        folder: which folder to write.
        runtime: the folder of the npm package onnxruntime-web.
        cache_dir: where generated training puzzles are kept, with which puzzles to try are compared.
        now: the present time as ISO 8601.
        int8: as ``export``.

    Raises:
        UsageError: a model that the page cannot show, the runtime is not there, or the name belongs to something else.
        HrmError: the place cannot be written, or torch cannot trace a network.
    """
    require_packages("onnx")
    for name, solver in solvers.items():
        _require_shown(name, solver)
    code = runtime_files(runtime)
    require_writable(folder, KIND)
    # the page, with its own way to reach a model, and the runtime
    own = {name: (files("hrm.export") / "site" / name).read_bytes() for name in OWN}
    content = without_server(own, worker_src="'self'")
    content |= {f"runtime/{name}": data for name, data in code.items() if name in RUNTIME}
    # the models, each with puzzles to try
    models = []
    for name, solver in solvers.items():
        place = f"models/{re.sub(r'[^A-Za-z0-9._-]', '-', name)}/"
        for file, data in contents(solver, "onnx", int8).items():
            if file == RUNNER:
                content[file] = data
            elif not file.endswith(".py"):
                content[place + file] = data
        examples = examples_of(solver, MADE, KEPT, cache_dir, now)
        content[place + EXAMPLES] = as_json(examples.model_dump(mode="json"))
        models.append(_described(name, solver, place))
    # what lies there, for readers and for the page
    package = json.loads(code["package.json"])
    content["README.md"] = _card(list(solvers), f"{PACKAGE} {package['version']}").encode()
    manifest = {
        "kind": KIND,
        "format": FORMAT,
        "hrm": version("hierarchical-reasoning"),
        "runtime": {PACKAGE: package["version"]},
        "models": models,
        "files": {name: record(data).model_dump() for name, data in content.items()},
    }
    write_files(folder, content | {MANIFEST: as_json(manifest)}, KIND)
    rules = all(solver.puzzle.spec.differ_is_all for solver in solvers.values())
    return Exported(folder, {name: len(data) for name, data in content.items()}, rules)


def runtime_files(package: Path) -> dict[str, bytes]:
    """Return what a site needs of the npm package onnxruntime-web, by name.

    Raises:
        UsageError: it is not there, and how to get it.
    """
    paths = [package / "package.json", *(package / "dist" / name for name in RUNTIME)]
    try:
        return {path.name: path.read_bytes() for path in paths}
    except OSError as error:
        raise UsageError(
            f"--to web needs {error.filename}: run `npm install {PACKAGE}` in this folder, or give the folder of the "
            "package (--runtime)"
        ) from None


def _require_shown(name: str, solver: Solver) -> None:
    """Refuse a model that needs more than the cells of a puzzle."""
    if solver.table is not None:
        raise UsageError(
            f"{name} cannot run in a page without a server: its grids belong to tasks, whose demonstrations lie in the "
            f"store of its training; use `hrm serve {name}`"
        )
    if grid_of(solver.puzzle).drawn:
        raise UsageError(f"{name} cannot run in a page: a grid of symbols alone does not make its puzzles")


def _described(name: str, solver: Solver, place: str) -> dict[str, Any]:
    """Return what the page shows of a model, as a server says it, and the folder where its files are."""
    spec = solver.puzzle.spec
    return {
        "name": name, "folder": place, "puzzle": spec.name, "rows": spec.shape[0], "columns": spec.shape[1],
        "parameters": sum(parameter_counts(solver.model)[0].values()), "max_segments": solver.max_segments,
        "checked": spec.differ_is_all, "grid": grid_of(solver.puzzle).model_dump(mode="json"), "tasks": [],
    }  # fmt: skip


def _card(names: list[str], runtime: str) -> str:
    """Return the README: what a hub needs to show the folder as a static Space, and what it is for people."""
    return f"""---
title: Watch it think
emoji: 🧩
colorFrom: blue
colorTo: green
sdk: static
app_file: {ENTRY}
short_description: A small network solves your puzzle in the browser
---

# Watch it think

Hierarchical Reasoning Models ({", ".join(names)}) that run in the browser: give a puzzle and watch the answer improve,
segment by segment. Nothing is sent anywhere. Any file server will do:

```sh
python -m http.server --bind 127.0.0.1 --directory . 8000
```

Then open http://127.0.0.1:8000. The page is part of `hierarchical-reasoning` (Apache-2.0). The files in `runtime` are
those of the npm package {runtime} (MIT License, Copyright Microsoft Corporation).
"""
