"""What ``hrm export`` does: load models, write a folder or a site, and compare if asked."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Literal

from hrm.errors import UsageError
from hrm.evaluation.request import Request
from hrm.export.check import Agreement, check
from hrm.export.folder import Exported, export, require_packages
from hrm.export.web import export_site, runtime_files
from hrm.inference.load import load, load_named


@dataclass(frozen=True)
class ExportRequest:
    """What to write, and where."""

    models: Sequence[str]
    """Shipped models, run folders or checkpoint folders; several for a site."""
    folder: Path
    to: Literal["onnx", "torch", "web"]
    _: KW_ONLY
    cache_dir: Path
    """Where the stores of files and of generated training puzzles are kept."""
    now: str
    """The present time as ISO 8601."""
    int8: bool = False
    check: int | None = None
    """Puzzles to compare the export on."""
    data: Path | None = None
    """A store or a file of such puzzles; None: held-out puzzles are generated."""
    runtime: Path = Path("node_modules", "onnxruntime-web")
    """Of a site: the folder of that npm package."""


def run(
    request: ExportRequest, progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[Exported, Agreement | None]:
    """Write what was asked for; return it, and how well it agrees with the network.

    Args:
        progress: told how many puzzles were compared, of how many.

    Raises:
        UsageError: the request makes no sense, a package is missing, or the folder belongs to something else.
        HrmError: the place cannot be written, or torch cannot trace a network.
    """
    if not request.models or (len(request.models) > 1 and request.to != "web"):
        raise UsageError("give a model and a folder to write, in this order; several models go with --to web only")
    if request.to == "web":
        if request.check is not None:
            raise UsageError("--check goes with --to onnx and torch; the networks of a site are those of --to onnx")
        require_packages("onnx")
        runtime_files(request.runtime)
        solvers = load_named(request.models, "cpu", "fp32")
        made = export_site(solvers, request.folder, request.runtime, request.cache_dir, request.now, request.int8)
        return made, None
    require_packages(request.to)
    [model] = request.models
    measured = Request(model, request.data, cache_dir=request.cache_dir, now=request.now)
    measured.require_counts(check=request.check)
    solver = load(model, device="cpu", precision="fp32")
    written = export(solver, request.folder, request.to, request.int8)
    return written, check(solver, request.folder, measured, request.check, progress) if request.check else None
