"""``hrm import``."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from hrm.cli.console import print_json, print_line
from hrm.cli.options import Json, output, register_own


def import_(
    path: Annotated[Path, Parameter(help="Folder of the checkpoint, or its file beside all_config.yaml.")],
    /,
    *,
    out: Annotated[Path, output("Folder for the model.")],
    puzzle: Annotated[
        str, Parameter(help="Puzzle family, where the checkpoint fits several. Default: the one that fits.")
    ] = "",
    identifiers: Annotated[
        Path | None, Parameter(help="ARC: identifiers.json of the training data, which names the puzzle rows.")
    ] = None,
    json: Json = False,
) -> None:
    """Turn a published checkpoint of HRM or TRM into a model folder, which every command reads.

    Reads `checkpoint` or `step_N` with `all_config.yaml`, as the official code saves them, without running what is in
    them. Needs PyYAML: pip install "hierarchical-reasoning[official]".

    Example: `hrm import HRM-checkpoint-sudoku-extreme --out hrm-sudoku`.
    """
    register_own(puzzle)
    from hrm.interop.published import import_checkpoint

    imported = import_checkpoint(path, out, puzzle, identifiers)
    if json:
        print_json(imported.as_dict())
        return
    for line in imported.lines():
        print_line(line)
