"""``hrm export``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from hrm.cli.console import print_json, print_line, print_note, progress_line, stderr, tell_weights
from hrm.cli.options import Cache, Json, Model, UserPuzzle, register_own
from hrm.errors import HrmError
from hrm.inference.origin import locate
from hrm.runtime.environment import cache_folder, present

if TYPE_CHECKING:
    from hrm.export.check import Agreement, Apart


def export(
    model: Model,
    out: Annotated[Path, Parameter(help="Folder to write. An older export of that name is replaced.")],
    /,
    *,
    to: Annotated[
        Literal["onnx", "torch"],
        Parameter(help="onnx: for ONNX Runtime, in Python, Node or a browser. torch: for torch.export.load."),
    ],
    int8: Annotated[
        bool,
        Parameter(
            negative="", help="Round weights and what they multiply to int8: a smaller file, a little less sure."
        ),
    ] = False,
    check: Annotated[
        int | None,
        Parameter(
            help="Also run this many puzzles through the network and its export, and say how far they are apart."
        ),
    ] = None,
    data: Annotated[
        Path | None, Parameter(help="With --check: store or file of puzzles. Default: generate held-out ones.")
    ] = None,
    puzzle: UserPuzzle = "",
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Write a model as files that run without this package: one segment, a manifest, and short programs with the loop.

    Example: `hrm export sudoku-9x9 exported --to onnx`.
    """
    located = locate(model)
    from hrm.evaluation.request import Request
    from hrm.export.check import check as compare
    from hrm.export.folder import export as write
    from hrm.export.folder import require_packages
    from hrm.inference.load import load

    require_packages(to)
    register_own(puzzle, model)
    request = Request(model, data, cache_dir=cache_folder(cache), now=present())
    request.require_counts(check=check)
    # Write, and compare if asked.
    solver = load(model, device="cpu", precision="fp32")
    written = write(solver, out, to, int8)
    tell_weights(located)
    found = compare(solver, out, request, check, progress_line(stderr(), "checked")) if check else None
    if json:
        plain = {"folder": str(out), "to": to, "files": written.files, "rules": written.rules}
        print_json(plain if found is None else plain | {"check": found.as_dict()})
    else:
        print_line(f"written: {out} ({', '.join(f'{name} {size:,} bytes' for name, size in written.files.items())})")
        if to == "onnx" and not written.rules:
            print_note("note: the runners do not know the rules of this puzzle, and stop when the Q-head says so")
        for line in [] if found is None else agreement_lines(found):
            print_line(line)
    if found is not None and not found.holds:
        raise HrmError(f"the export in {out} does not compute what the network does: do not use it")


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
