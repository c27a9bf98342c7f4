"""``hrm data``: stores of puzzles."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from hrm.cli.common import Json, present, print_json, progress_line, stderr, stdout

if TYPE_CHECKING:
    from hrm.data.store import Store

app = App(name="data", help="Build and look at stores of puzzles.")


@app.command
def build(
    source: Annotated[str, Parameter(help="A family to generate (sudoku-4x4 …), or a CSV/JSONL file to split.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder of the store.")],
    train: Annotated[int, Parameter(help="Training puzzles; of a file, 0 = all that are left.")] = 0,
    validation: Annotated[int, Parameter(help="Held-out puzzles.")] = 0,
    test: Annotated[int, Parameter(help="Test puzzles.")] = 0,
    seed: Annotated[int, Parameter(help="Names the puzzles drawn and the split.")] = 0,
    share_twins: Annotated[
        bool, Parameter(negative="", help="Allow symmetric twins in different splits (needed for 4×4).")
    ] = False,
    check: Annotated[bool, Parameter(help="Prove that every puzzle of a file has exactly one solution.")] = True,
    json: Json = False,
) -> None:
    """Generate puzzles, or split a file, into a store whose splits share no symmetric twins.

    Example: `hrm data build sudoku-6x6 --out six --train 1000 --test 500`.
    """
    from hrm.data.prepare import build_store

    counts = {"train": train, "validation": validation, "test": test}
    store = build_store(source, out, counts, seed, present(), share_twins, check, progress_line(stderr(), "puzzles"))
    _describe(store, json)


@app.command
def show(store: Annotated[Path, Parameter(help="Folder of a store.")], /, *, json: Json = False) -> None:
    """Say what a store holds and where it comes from, after verifying every byte."""
    from hrm.data.store import open_store

    _describe(open_store(store), json)


def _describe(store: "Store", json: bool) -> None:
    described = {
        "path": str(store.path),
        "puzzle": store.manifest.puzzle,
        "digest": store.digest,
        "splits": {name: len(split) for name, split in store.splits.items()},
        "provenance": dict(store.manifest.provenance),
        "created": store.manifest.created,
    }
    if json:
        print_json(described)
        return
    for key, value in described.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        stdout().print(f"{key}: {shown}", soft_wrap=True)
    name, split = next(iter(store.splits.items()))
    for row in range(min(3, len(split))):
        question, answer = (store.puzzle.text(grids[row]) for grids in (split.inputs, split.labels))
        stdout().print(f"{name}[{row}]: {question} -> {answer}", soft_wrap=True)
