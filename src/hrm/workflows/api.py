"""``hrm.evaluate``, ``hrm.analyze`` and ``hrm.report``: what the commands do, with the clock and the cache inside."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from hrm.analysis.questions import IN_A_REPORT, What
from hrm.analysis.run import AnalysisOptions, AnalyzeRequest
from hrm.analysis.run import analyze as analyze_model
from hrm.data.store import Store
from hrm.errors import DataError, UsageError
from hrm.evaluation.request import EvalRequest
from hrm.evaluation.run import evaluate_model
from hrm.inference.solver import Solver
from hrm.runtime.environment import cache_folder, present
from hrm.workflows.measure import write_report
from hrm.workflows.report import ReportRequest

Model = str | Path | Solver
"""A shipped model, a run folder or a checkpoint folder by name; or a solver."""
Data = str | Path | Store | Sequence[Sequence[object]] | tuple[np.ndarray, np.ndarray] | None
"""A file or store by path; an open store; pairs of question and answer; arrays of questions and answers (n × cells);
None: held-out puzzles are generated."""


@dataclass(frozen=True)
class Result:
    """How a model does on puzzles with known answers. Shares lie between 0 and 1."""

    model: str
    task: str
    data: str
    examples: int
    """Number of puzzles."""
    segments: int
    """Number of segments that every puzzle ran."""
    exact: float
    """Share of puzzles whose every cell is right."""
    exact_ci95: tuple[float, float]
    """95 % interval of ``exact``."""
    valid: float | None
    """Share of answers that keep every rule; None where the family knows no rules."""
    cell: float
    """Share of cells that are right."""
    per_segment: tuple[dict[str, Any], ...]
    """The metrics after each segment."""
    early_exit: dict[str, float]
    """What stopping by the Q-head would give: ``exact``, ``segments_mean``, ``halted_by_choice``."""
    solve_exit: dict[str, float]
    """The same for one run of `hrm solve`, which stops where the rules hold, or where none are known, where every cell
    is sure as well."""
    protocol: dict[str, Any] = field(repr=False)
    """How the numbers were obtained."""
    found: dict[str, Any] = field(repr=False)
    """Everything that `hrm eval --json` prints."""

    def __repr__(self) -> str:
        """Return the numbers that matter, in one line."""
        valid = "" if self.valid is None else f", valid {self.valid:.1%}"
        low, high = self.exact_ci95
        return (
            f"<Result {self.model} on {self.data} ({self.examples} puzzles), {self.segments} segments: "
            f"exact {self.exact:.1%} (95 % interval {low:.1%} – {high:.1%}){valid}, cells {self.cell:.1%}>"
        )

    def _repr_html_(self) -> str:
        """Return a table of the metrics after each segment."""
        first = ("segment", "exact", "valid", "cell")
        names = [*first, *(name for name in self.per_segment[-1] if name not in first)]
        names = [name for name in names if self.per_segment[-1][name] is not None]
        head = "".join(f"<th>{escape({'cell': 'cells right'}.get(name, name))}</th>" for name in names)
        rows = "".join(
            "<tr>" + "".join(f"<td>{row[n] if n == 'segment' else f'{row[n]:.1%}'}</td>" for n in names) + "</tr>"
            for row in self.per_segment
        )
        return f"<table><caption>{escape(repr(self)[1:-1])}</caption><tr>{head}</tr>{rows}</table>"


def evaluate(
    model: Model,
    data: Data = None,
    segments: int | None = None,
    *,
    limit: int | None = None,
    split: str = "",
    seed: int = 1,
    batch_size: int = 256,
    device: str = "auto",
    precision: str = "auto",
    cache: str | Path | None = None,
) -> Result:
    """Measure a model on puzzles with known answers.

    >>> hrm.evaluate("sudoku-4x4")

    Args:
        model: a shipped model, a run folder or a checkpoint folder by name; or a solver, which keeps its device,
            arithmetic and batch size.
        data: a file or store by path, an open store, pairs of question and answer, or two arrays of token ids; None:
            held-out puzzles are generated.
        segments: number of segments to run; None: the training budget.
        limit: number of puzzles, from the start; None: all, or 200 generated ones.
        split: split of a store; empty: ``test``, or the only one.
        seed: of the generated puzzles.
        batch_size: number of puzzles at a time.
        device: auto, cpu, cuda or mps.
        precision: auto (as in training), fp32 or bf16.
        cache: cache folder; None: ``$HRM_CACHE``, or the user's cache folder.

    Raises:
        UsageError: a name or value that does not exist.
        DataError: a file, store, row or checkpoint that is not what it should be.
    """
    with _file_of(data) as file:
        request = EvalRequest(
            model, file, cache_dir=cache_folder(cache), now=present(), split=split, segments=segments, limit=limit,
            seed=seed, batch_size=batch_size, device=device, precision=precision,
        )  # fmt: skip
        metrics = evaluate_model(request)
    if not metrics["examples"]:
        raise DataError(f"no answer in {data} is known: `hrm eval --submission FILE` writes answers to hidden tests")
    protocol = metrics["protocol"]
    low, high = metrics["exact_ci95"]
    names = ("task", "examples", "exact", "valid", "cell", "early_exit", "solve_exit", "protocol")
    same = {name: metrics[name] for name in names}
    return Result(
        model=protocol["model"], data=metrics["data"]["name"], segments=protocol["segments"], exact_ci95=(low, high),
        per_segment=tuple(metrics["per_segment"]), found=metrics, **same,
    )  # fmt: skip


def analyze(
    model: Model,
    what: What | str,
    data: str | Path | None = None,
    *,
    puzzles: int | None = None,
    segments: int | None = None,
    split: str = "",
    choices: AnalysisOptions | None = None,
    seed: int = 1,
    device: str = "auto",
    precision: str | None = None,
    cache: str | Path | None = None,
) -> dict[str, Any]:
    """Ask one question about what happens inside a model (docs/inside.md), and return its numbers.

    >>> hrm.analyze("sudoku-4x4", "residuals")["summary"]

    Args:
        model: a shipped model, a run folder or a checkpoint folder by name; or a loaded solver.
        what: residuals, trajectories, dimensionality, intermediate, halting, depth, calibration, fixed-points,
            code-length or memory.
        data: a file or store by path; None: held-out puzzles are generated.
        puzzles: number of puzzles; None: depends on the question.
        segments: number of segments; None: depends on the question.
        split: split of a store; empty: ``test``, or the only one.
        choices: of single questions; it replaces ``seed``.
        seed: of the generated puzzles and of every random choice.
        device: auto, cpu, cuda or mps.
        precision: auto (as in training), fp32 or bf16; None: depends on the question.
        cache: cache folder; None: ``$HRM_CACHE``, or the user's cache folder.

    Returns:
        ``summary`` (the headline numbers), ``numbers`` (all of them), ``asks`` (the question) and ``protocol``.

    Raises:
        UsageError: a name or value that does not exist, or a question that does not fit the model.
        DataError: a file, store or checkpoint that is not what it should be.
    """
    options = choices or AnalysisOptions(seed)
    with _name_of(model) as name:
        request = AnalyzeRequest(
            name, Path(data) if data else None, what=what, cache_dir=cache_folder(cache), now=present(), split=split,
            puzzles=puzzles, segments=segments, options=options, seed=options.seed, device=device, precision=precision,
        )  # fmt: skip
        return analyze_model(request)


def report(
    model: Model,
    out: str | Path = "report.html",
    data: str | Path | None = None,
    *,
    puzzles: int = 100,
    segments: int | None = None,
    split: str = "",
    analyses: Sequence[str] = IN_A_REPORT,
    seed: int = 1,
    device: str = "auto",
    precision: str = "auto",
    cache: str | Path | None = None,
) -> Path:
    """Write one HTML page about a model, which works offline, and return its path.

    Args: as those of ``evaluate`` and ``analyze``.

    Raises:
        UsageError: a name or value that does not exist, or a file that does not end in .html.
        DataError: a file, store or checkpoint that is not what it should be.
    """
    file = Path(out)
    with _name_of(model) as name:
        request = ReportRequest(
            name, Path(data) if data else None, cache_dir=cache_folder(cache), now=present(), split=split,
            puzzles=puzzles, segments=segments, analyses=analyses, seed=seed, device=device, precision=precision,
        )  # fmt: skip
        write_report(request, file, "hrm.report(…) in Python")
    return file


@contextmanager
def _name_of(model: Model) -> Iterator[str | Path]:
    """Give a model a name to be read by; a solver is saved for as long as it takes, as it is in memory."""
    if not isinstance(model, Solver):
        yield model
        return
    if model.hooks:
        raise UsageError(
            "hrm.analyze and hrm.report look at a copy of the solver, without hrm.watch and hrm.patch: "
            "call the function in hrm.analysis"
        )
    with TemporaryDirectory() as folder:
        name = Path(model.origin.name).name if model.origin else "model"
        model.save(Path(folder) / name)
        yield Path(folder) / name


@contextmanager
def _file_of(data: Data) -> Iterator[Path | None]:
    """Give data a path to be read by; rows in memory are written to a file, so that they are checked as files are."""
    if data is None or isinstance(data, str | Path):
        yield None if data is None else Path(data)
        return
    if isinstance(data, Store):
        yield data.path
        return
    with TemporaryDirectory() as folder:
        arrays = [part for part in data if isinstance(part, np.ndarray)] if isinstance(data, tuple) else []
        if len(arrays) == len(data) == 2:
            file = Path(folder) / "arrays.npz"
            np.savez(file, inputs=arrays[0], labels=arrays[1])
        else:
            file = Path(folder) / "rows.jsonl"
            file.write_text("".join(map(_line, data)), encoding="utf-8")
        yield file


def _line(row: object) -> str:
    """Return a pair of question and answer as a line of JSON."""
    if not isinstance(row, tuple | list) or len(row) != 2:
        raise UsageError(f"a row is a pair of question and answer, not {str(row)[:80]!r}")
    question, answer = (part.tolist() if isinstance(part, np.ndarray) else part for part in row)
    return json.dumps({"question": question, "answer": answer}) + "\n"
