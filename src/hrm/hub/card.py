"""The model card of a model on the hub: what was trained on what, what it reached, and how to use it. Free of torch.

The hub reads the block of metadata at its beginning: license, tags, and ``model-index``, the measured results.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hrm.config import RunConfig
from hrm.errors import DataError, UsageError, printable
from hrm.files import read_bounded
from hrm.hub.fetch import PREFIX, library
from hrm.runtime.quoting import markdown

RECORD_BYTES = 1 << 26
TASK = "puzzle-solving"
LIBRARY = "hierarchical-reasoning"
_LICENSE = re.compile(r"\bLicense: ([A-Za-z][\w.+-]*\w)")
_OWN_END = "\nLoad it with `hrm.load("
"""Where the card of a training run begins to say how to use the folder of the run."""


def hub_card(
    config: RunConfig,
    meta: Mapping[str, Any],
    card: str | None,
    weights_sha256: str,
    repo_id: str | None = None,
    license: str | None = None,
    records: Iterable[str | Path] = (),
    tags: Iterable[str] = (),
) -> str:
    """Return the card as Markdown with metadata.

    Args:
        meta: facts that the checkpoint keeps: its score on validation puzzles becomes a result.
        card: the card that the model had.
        weights_sha256: of the weights that the records must be of.
        repo_id: ``ORG/NAME`` on the hub; None: not known yet.
        license: as the hub names it; None: what the old card says, else ``unknown``.
        records: JSON files of ``hrm eval --record``: each becomes a result.
        tags: beside those of the package and the puzzle.

    Raises:
        UsageError: huggingface_hub is missing, or a record is of other weights.
        DataError: a file is no record.
    """
    hub, puzzle = library(), config.data.puzzle
    title = f"{markdown(config.recipe)}: {config.model.title} for {markdown(puzzle)}"
    old = printable(card) if card is not None else f"# {title}\n"
    stated = _LICENSE.search(old)
    measured = [_read(Path(record), weights_sha256) for record in records]
    results = [*_validated(hub, config, meta), *(_result(hub, record) for record in measured)]
    data = hub.ModelCardData(
        license=license or (stated[1].lower() if stated else "unknown"), library_name=LIBRARY,
        tags=["hierarchical-reasoning-model", puzzle.partition(":")[0], *tags], model_name=config.recipe,
        eval_results=results or None,
    )  # fmt: skip
    name = PREFIX + (repo_id or "ORG/NAME")
    parts = [f"---\n{data.to_yaml()}\n---\n", old.split(_OWN_END)[0].rstrip() + "\n"]
    if measured:
        parts.append("## Results\n\n" + _table(measured) + "\n")
    parts.append(_USE.format(name=name, license=data.license))
    return "\n".join(parts)


_USE = """## Use it

With the package `hierarchical-reasoning` and its extra `hub`:

```sh
hrm eval {name} --data PUZZLES.csv
```

```python
import hrm

solver = hrm.load("{name}")
```

`config.json` is the complete configuration, `model.safetensors` the weights, and `manifest.json` says what the files
must be, to the byte. License: {license}.
"""


def _read(file: Path, weights_sha256: str) -> dict[str, Any]:
    """Return a record of ``hrm eval`` about these weights."""
    try:
        record = json.loads(read_bounded(file, RECORD_BYTES))
        of, _ = record["protocol"]["weights_sha256"], float(record["exact"]) + int(record["examples"])
        _ = str(record["task"]) + str(record["data"]["name"]), int(record["protocol"]["segments"]), record["exact_ci95"]
    except FileNotFoundError:
        raise UsageError(f"there is no record {file}: `hrm eval MODEL --data DATA --record {file}` writes it") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise DataError(f"{file} is not a record of `hrm eval --record`") from None
    if of != weights_sha256:
        raise UsageError(f"{file} is of other weights ({str(of)[:8]}, these are {weights_sha256[:8]}): measure these")
    return record


def _result(hub: Any, record: Mapping[str, Any]) -> Any:
    protocol, data = record["protocol"], record["data"]
    return hub.EvalResult(
        task_type=TASK, task_name=record["task"], dataset_type=_slug(data["name"]), dataset_name=data["name"],
        metric_type="accuracy", metric_name=f"solved, {protocol['segments']} segments, one answer a puzzle",
        metric_value=record["exact"],
    )  # fmt: skip


def _validated(hub: Any, config: RunConfig, meta: Mapping[str, Any]) -> list[Any]:
    """Return the score by which training chose the weights, as a result."""
    best, data = meta.get("best") or {}, meta.get("data") or {}
    if best.get("exact") is None:
        return []
    source = str(data.get("provenance", {}).get("source") or config.data.puzzle)
    return [
        hub.EvalResult(
            task_type=TASK, task_name=config.data.puzzle, dataset_type=_slug(source), dataset_name=source,
            dataset_split="validation", metric_type="accuracy",
            metric_name=f"solved, {config.eval.segments} segments, chosen on these puzzles", metric_value=best["exact"],
        )
    ]  # fmt: skip


def _table(records: Iterable[Mapping[str, Any]]) -> str:
    rows = ["| puzzles | number | segments | solved | 95 % interval |", "|---|---|---|---|---|"]
    for record in records:
        low, high = record["exact_ci95"]
        rows.append(
            f"| {markdown(record['data']['name'])} | {record['examples']:,} | {record['protocol']['segments']} "
            f"| {record['exact']:.1%} | {low:.1%} – {high:.1%} |"
        )
    return "\n".join(rows)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.-]+", "-", name.lower()).strip("-") or "puzzles"
