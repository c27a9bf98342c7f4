"""``hrm data``: stores and files of puzzles."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from hrm.cli.common import Json, admit_own, present, print_json, progress_line, stderr, stdout
from hrm.errors import UsageError

if TYPE_CHECKING:
    from hrm.data.sample import Draw
    from hrm.data.store import Store

app = App(name="data", help="Build and look at stores of puzzles; draw samples of files.")


@app.command
def build(
    source: Annotated[str, Parameter(help="A family to generate (sudoku-4x4 …), or a CSV, JSONL or NPZ file.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder of the store.")],
    train: Annotated[int, Parameter(help="Training puzzles; of a file, 0 = all that are left.")] = 0,
    validation: Annotated[int, Parameter(help="Held-out puzzles.")] = 0,
    test: Annotated[int, Parameter(help="Test puzzles.")] = 0,
    puzzle: Annotated[str, Parameter(help="Family of a file's puzzles; table: rows of your own; default: told.")] = "",
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
    admit_own(source)
    admit_own(puzzle)
    progress = progress_line(stderr(), "puzzles")
    store = build_store(source, out, puzzle, counts, seed, present(), share_twins, check, progress)
    _describe(store, json)


@app.command
def sample(
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"], help="A new CSV file.")],
    draws: Annotated[list[str], Parameter(name="--from", negative="", help="FILE:COUNT; may be given several times.")],
    apart_from: Annotated[
        list[Path], Parameter(negative="", help="File with whose puzzles and answers no row may share a twin.")
    ] = [],  # noqa: B006  never changed
    puzzle: Annotated[str, Parameter(help="Family; default: that of the first question.")] = "",
    seed: Annotated[int, Parameter(help="Names the rows drawn and their order.")] = 0,
    json: Json = False,
) -> None:
    """Draw rows of files at random into a CSV file, one of each class of twins, apart from other files.

    Example: `hrm data sample -o val.csv --from a.csv:400 --from b.csv:100 --apart-from train.csv`.
    """
    from hrm import puzzles
    from hrm.data.sample import sample_file

    parsed = [_draw(text) for text in draws]
    written = sample_file(out, parsed, apart_from, puzzles.get(puzzle) if puzzle else None, seed)
    if json:
        print_json(asdict(written) | {"path": str(out)})
        return
    stdout().print(f"{out}: {sum(written.drawn)} {written.puzzle} puzzles", markup=False, soft_wrap=True)
    for draw, count, passed_over in zip(parsed, written.drawn, written.passed_over, strict=True):
        stdout().print(f"  {count} of {draw.path}; {passed_over} twins passed over", markup=False, soft_wrap=True)


@app.command
def show(store: Annotated[Path, Parameter(help="Folder of a store.")], /, *, json: Json = False) -> None:
    """Say what a store holds and where it comes from, after verifying every byte."""
    from hrm.data.store import open_store

    _describe(open_store(store), json)


def _draw(text: str) -> "Draw":
    from hrm.data.sample import Draw

    file, _, count = text.rpartition(":")
    if not file or not count.isdecimal():
        raise UsageError(f"--from {text!r} is not FILE:COUNT, such as puzzles.csv:100")
    return Draw(Path(file), int(count))


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
