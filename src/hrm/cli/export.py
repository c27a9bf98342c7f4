"""``hrm export``."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from hrm.cli.console import print_json, print_line, print_note, tell_weights
from hrm.cli.options import Json, Model, UserPuzzle, register_own
from hrm.inference.origin import locate


def export(
    model: Model,
    out: Annotated[Path, Parameter(help="Folder to write. An older export of that name is replaced.")],
    /,
    *,
    to: Annotated[
        Literal["onnx", "torch"],
        Parameter(help="onnx: for ONNX Runtime, in Python, Node or a browser. torch: for torch.export.load."),
    ],
    puzzle: UserPuzzle = "",
    json: Json = False,
) -> None:
    """Write a model as files that run without this package: one segment, a manifest, and short programs with the loop.

    Example: `hrm export sudoku-9x9 exported --to onnx`.
    """
    located = locate(model)
    from hrm.export.folder import export as write
    from hrm.export.folder import require_packages
    from hrm.inference.load import load

    require_packages(to)
    register_own(puzzle, model)
    written = write(load(model, device="cpu", precision="fp32"), out, to)
    tell_weights(located)
    if json:
        print_json({"folder": str(out), "to": to, "files": written.files, "rules": written.rules})
        return
    print_line(f"written: {out} ({', '.join(f'{name} {size:,} bytes' for name, size in written.files.items())})")
    if to == "onnx" and not written.rules:
        print_note("note: the runners do not know the rules of this puzzle, and stop when the Q-head says so")
