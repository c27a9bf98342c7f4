"""A whole experiment as one frozen record, to and from TOML.

A recipe returns a complete ``RunConfig``; a file or flags change single values; everything is validated once and
an unknown key is refused with the nearest right one. Free of torch.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import tomli_w
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidationError
from pydantic_core import PydanticCustomError

from hrm.data.config import DataConfig
from hrm.data.sources.lines import whole_text
from hrm.errors import DataError, UsageError, did_you_mean
from hrm.model.config import KINDS, NetworkConfig
from hrm.optim.config import OptimConfig
from hrm.randomness import LARGEST_SEED

CONFIG_BYTES = 1 << 20
"""A longer file is refused unread."""
MOST = 1_000_000
"""Slots and segments: far more than any memory holds."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class HaltingConfig(_Section):
    """When a puzzle stops."""

    max_segments: int = Field(default=16, ge=1, le=MOST)
    """Largest number of segments of a puzzle in training (M_max)."""
    explore: float = Field(default=0.1, ge=0, le=1)
    """Probability ε that a puzzle must run at least M_min segments, drawn uniformly from 2 … M_max."""
    adaptive: bool = True
    """Let the Q-head stop a puzzle in training; otherwise every puzzle runs ``max_segments``."""
    redraw: bool = False
    """Redraw M_min at every segment (official code) instead of once per puzzle (paper)."""


class TrainConfig(_Section):
    """The loop."""

    updates: int = Field(gt=0)
    """Number of updates (optimizer steps); each trains one segment of every slot."""
    batch_size: int = Field(gt=0, le=MOST)
    """Number of slots: puzzles trained at the same time."""
    loss: Literal["stablemax", "softmax"] = "stablemax"
    """How logits become probabilities in the loss of the answer."""
    q_weight: float = Field(default=0.5, ge=0)
    """Weight of the Q-head's loss relative to the answer's."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """Seed of the initial weights, the order, the augmentation and the exploration."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """Where to compute; auto: CUDA, else MPS, else the CPU."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """Arithmetic of the states; auto: bf16 where the hardware supports it. Parameters are always fp32."""
    compile: bool = False
    """Compile the network: a wait of minutes at first, then faster updates."""
    micro_batch: Literal["auto"] | Annotated[int, Field(ge=0)] = 0
    """Number of slots in one forward and backward; 0: all at once; auto: as many as fit into memory. Smaller pieces
    need less memory for the same update; results are equal up to rounding."""
    shallow_updates: int = Field(default=0, ge=0)
    """Number of first updates whose segments run one high-level cycle instead of N. Evaluation always runs N."""
    checkpoint_every: int = Field(default=1000, gt=0)
    """Updates between two checkpoints."""
    log_every: int = Field(default=20, gt=0)
    """Updates between two lines of metrics."""


class EvalConfig(_Section):
    """Evaluation during training, on the validation split."""

    every: int = Field(default=1000, gt=0)
    """Updates between two evaluations."""
    segments: int = Field(default=16, ge=1, le=MOST)
    """Number of segments of each evaluation."""
    batch_size: int = Field(default=256, gt=0)
    """Number of puzzles evaluated at a time."""
    training: int = Field(default=0, ge=0)
    """Number of training puzzles, the first ones as they are, that each evaluation solves too: what was memorized."""


def _network(section: object) -> object:
    """Validate a section as the kind of network that it names, HRM by default."""
    if not isinstance(section, Mapping):
        return section
    kind = section.get("kind", "hrm")
    if kind not in tuple(KINDS):
        facts = {"known": ", ".join(map(repr, KINDS)), "kind": repr(kind), "given": str(kind)}
        raise PydanticCustomError("unknown_kind", "choose one of {known} (got {kind})", facts)
    return KINDS[kind].model_validate(section)


class RunConfig(_Section):
    """Everything that determines the result of a run."""

    recipe: str = "custom"
    """Recipe that this configuration started from."""
    model: Annotated[SerializeAsAny[NetworkConfig], BeforeValidator(_network)]
    """The network."""
    data: DataConfig
    """The puzzles."""
    optim: OptimConfig = OptimConfig()
    """The optimizers."""
    halting: HaltingConfig = HaltingConfig()
    """Adaptive computation time."""
    train: TrainConfig
    """The loop."""
    eval: EvalConfig = EvalConfig()
    """Evaluation while training."""

    def to_toml(self) -> str:
        """Return the configuration as TOML that ``from_toml`` reads back to an equal record."""
        return tomli_w.dumps(self.model_dump(mode="json"))

    def changed(
        self, changes: str | Mapping[str, object], value: object = None, source: str = "configuration"
    ) -> "RunConfig":
        """Return the configuration with other values: ``config.changed("train.seed", 3)``.

        Which of its values were given, and which are defaults, is kept. Heads and the puzzle embedding follow a new
        width, where the old ones went with the old width.

        Args:
            changes: the dotted path of one value, or several values: ``{"train.seed": 3, "optim.lr": 1e-3}``.
            value: of the one path.
            source: what to call the changes in messages.

        Raises:
            UsageError: an unknown key, or a value out of range.
        """
        new = flat({changes: value} if isinstance(changes, str) else changes)
        given = flat(self.model_dump(exclude_unset=True))
        if "model.width" in new:
            for name in self.model.follow_width:
                given.pop(f"model.{name}", None)
        return validated(nested(given | new), source)

    def digest(self) -> str:
        """Return 8 hex digits that identify this configuration."""
        values = self.model_dump(mode="json")
        if not values["data"]["cells"]:  # keys that came later: without them, configurations keep their names
            del values["data"]["cells"]
        if not values["eval"]["training"]:
            del values["eval"]["training"]
        if values["model"].get("states") == 2:
            del values["model"]["states"]
        del values["train"]["micro_batch"]  # a matter of the machine
        canonical = json.dumps(values, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def from_toml(text: str, source: str) -> RunConfig:
    """Read a configuration.

    Args:
        source: what to call the text in messages, such as its path.

    Raises:
        UsageError: not TOML, an unknown key, or a value out of range.
    """
    return validated(read_toml(text, source), source)


def read_toml(text: str, source: str) -> dict[str, Any]:
    """Parse TOML.

    Raises:
        UsageError: it is not TOML; line and column are named.
    """
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 10,000 digits is no TOMLDecodeError
        raise UsageError(f"{source} is not TOML: {str(error)[:200]}") from None


def read_config(path: str | Path) -> dict[str, Any]:
    """Read a TOML file as nested dictionaries, not validated yet.

    Raises:
        UsageError: no such file, or not TOML.
    """
    path = Path(path)
    try:
        return read_toml(whole_text(path, CONFIG_BYTES), str(path))
    except DataError as error:
        raise UsageError(f"cannot read the configuration {path}: {error}") from None


def flat(tree: Mapping[str, object], prefix: str = "") -> dict[str, Any]:
    """Return nested dictionaries as one: dotted path -> value."""
    values: dict[str, Any] = {}
    for key, value in tree.items():
        values |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return values


def nested(values: Mapping[str, object]) -> dict[str, Any]:
    """Return values by dotted path as nested dictionaries; a later one replaces an earlier one in its way."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *sections, key = path.split(".")
        node = tree
        for section in sections:
            if not isinstance(node.get(section), dict):
                node[section] = {}
            node = node[section]
        node[key] = value
    return tree


def schema_paths(section: type[BaseModel] = RunConfig, prefix: str = "") -> list[str]:
    """Return the dotted path of every section and field of the configuration."""
    paths = []
    for name, field in section.model_fields.items():
        paths.append(f"{prefix}{name}")
        kinds = KINDS.values() if field.annotation is NetworkConfig else [field.annotation]
        for kind in kinds:
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                paths += schema_paths(kind, f"{prefix}{name}.")
    return list(dict.fromkeys(paths))


def validated(tree: Mapping[str, Any], source: str) -> RunConfig:
    """Validate nested dictionaries, once.

    Raises:
        UsageError: every problem in one line: the dotted key, what is wrong, what was given.
    """
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        problems = []
        for detail in error.errors():
            path = ".".join(map(str, detail["loc"]))
            if detail["type"] == "extra_forbidden":
                problems.append(_unknown_key(path, tree))
            elif detail["type"] == "unknown_kind":
                problems.append(f"{path}.kind: {detail['msg']}.{did_you_mean(detail.get('ctx', {})['given'], KINDS)}")
            elif detail["type"] == "missing":
                problems.append(f"missing key {path!r}")
            else:
                message = detail["msg"].removeprefix("Value error, ")
                given = "" if isinstance(detail["input"], dict) else f" (got {detail['input']!r})"
                problems.append(f"{path}: {message[:1].lower()}{message[1:]}{given}{_choice_meant(detail)}")
        raise UsageError(f"{source}: " + "; ".join(problems)) from None


def _unknown_key(path: str, tree: Mapping[str, Any]) -> str:
    """Say that a key does not exist, or that it is one of another kind of network."""
    section, _, key = path.rpartition(".")
    kinds = [name for name, kind in KINDS.items() if key in kind.model_fields] if section == "model" else []
    if kinds:
        given = tree.get("model", {}).get("kind", "hrm")
        return f"{path} is a key of networks of kind {' or '.join(map(repr, kinds))}; this one is of kind {given!r}"
    return f"unknown key {path!r}.{did_you_mean(path, schema_paths())}"


def _choice_meant(detail: Any) -> str:
    """Return the hint for a value that is none of a few words, such as a misspelled ``softmax`` or ``true``."""
    choices = re.findall(r"'([^']*)'", detail.get("ctx", {}).get("expected", ""))
    if detail["type"] == "bool_parsing":
        choices = ["true", "false"]
    hint = did_you_mean(str(detail["input"]), choices)
    return f".{hint}" if hint else ""


def annotated_toml(config: RunConfig, sources: Mapping[str, str]) -> str:
    """Return the configuration as TOML with the meaning and the source of each value as comments.

    Args:
        sources: dotted path -> where the value comes from; a path that is absent is a default.
    """
    lines = [f"recipe = {_toml(config.recipe)}"]
    for name in RunConfig.model_fields:
        section = getattr(config, name)
        if not isinstance(section, BaseModel):
            continue
        lines += ["", f"# {RunConfig.model_fields[name].description}", f"[{name}]"]
        for key, field in type(section).model_fields.items():
            meaning = " ".join((field.description or "").split()).replace("``", "")
            lines.append(f"# {meaning}")
            origin = sources.get(f"{name}.{key}", "default")
            lines.append(f"{key} = {_toml(getattr(section, key))}  # {origin}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    return " ".join(tomli_w.dumps({"x": value}).removeprefix("x = ").split())
