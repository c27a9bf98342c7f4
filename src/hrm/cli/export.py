"""``hrm export``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from hrm import pretrained
from hrm.cli.console import print_json, print_line, print_note, progress_line, stderr, tell_weights
from hrm.cli.options import Cache, Json, UserPuzzle, register_own
from hrm.errors import HrmError
from hrm.runtime.environment import cache_folder, present

if TYPE_CHECKING:
    from hrm.export.check import Agreement, Apart
    from hrm.export.folder import Exported


def export(
    models: Annotated[
        list[str],
        Parameter(
            name="MODEL",
            help="Shipped model, run folder or checkpoint folder; several for --to web. Last comes the folder to "
            "write, in place of an older export of that name.",
            completer=lambda context: pretrained.names(),
        ),
    ],
    /,
    *,
    to: Annotated[
        Literal["onnx", "torch", "web"],
        Parameter(
            help="onnx: for ONNX Runtime, in Python, Node or a browser. torch: for torch.export.load. "
            "web: a page that solves puzzles in the browser."
        ),
    ],
    int8: Annotated[
        bool, Parameter(negative="", help="Round weights to int8: a smaller file, which answers a little worse.")
    ] = False,
    check: Annotated[
        int | None, Parameter(help="Also compare the export with the network on this many puzzles.")
    ] = None,
    data: Annotated[
        Path | None, Parameter(help="With --check: store or file of puzzles. Default: generate held-out ones.")
    ] = None,
    runtime: Annotated[Path, Parameter(help="With --to web: folder of the npm package onnxruntime-web.")] = Path(
        "node_modules", "onnxruntime-web"
    ),
    puzzle: UserPuzzle = "",
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Write a model as files that run without this package: one segment, a manifest, and short programs with the loop.

    Example: `hrm export sudoku-9x9 exported --to onnx`, or `hrm export sudoku-4x4 sudoku-9x9 site --to web`.
    """
    from hrm.inference.origin import locate

    *names, folder = models
    located = [locate(name) for name in names]
    from hrm.export.run import ExportRequest, run

    # Write, and compare if asked.
    register_own(puzzle, *names)
    request = ExportRequest(
        names, Path(folder), to, cache_dir=cache_folder(cache), now=present(),
        int8=int8, check=check, data=data, runtime=runtime,
    )  # fmt: skip
    written, found = run(request, progress_line(stderr(), "checked"))
    tell_weights(*located)
    # Say what was written, and how well it agrees.
    if json:
        plain = {"folder": folder, "to": to, "files": written.files, "rules": written.rules}
        print_json(plain if found is None else plain | {"check": found.as_dict()})
    else:
        for line in [*written_lines(written, to), *([] if found is None else agreement_lines(found))]:
            print_line(line)
        if to != "torch" and not written.rules:
            print_note("note: the rules of this puzzle are not exported: it stops when the Q-head says so")
    if found is not None and not found.holds:
        raise HrmError(f"the export in {folder} does not compute what the network does: do not use it")


def written_lines(written: "Exported", to: str) -> list[str]:
    """Say what was written; of a site, how to look at it."""
    if to == "web":
        size = sum(written.files.values()) / 1e6
        serve = f"python -m http.server --bind 127.0.0.1 --directory {written.folder} 8000"
        return [f"written: {written.folder} ({len(written.files)} files, {size:.1f} MB)", f"look at it: {serve}"]
    sizes = ", ".join(f"{name} {size:,} bytes" for name, size in written.files.items())
    return [f"written: {written.folder} ({sizes})"]


def agreement_lines(found: "Agreement") -> list[str]:
    """Say how far an export is from its network."""
    return [
        f"checked on {found.puzzles:,} {found.source}, {found.segments} segments in a row",
        f"  from the same latents: {_apart(found.same_latents)}",
        f"  from its own latents: {_apart(found.own_latents)}",
        f"  solved: {found.solved_exported:,} as exported, {found.solved_network:,} by the network",
    ]


def _apart(found: "Apart") -> str:
    parts = [f"logits within {found.exported:.1e}"]
    if found.network_fp64:
        parts.append(
            f"{found.beyond:,} puzzles beyond 1e-04, where fp32 rounds: the network is {found.network_fp64:.1e} from "
            f"itself in fp64, the export {found.exported_fp64:.1e}"
        )
    return "; ".join([*parts, f"answers differ on {found.other_answers:,} puzzles"])
