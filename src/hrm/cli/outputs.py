"""What each command prints with ``--json``, as types; ``docs/schemas.json`` is written from them.

Keys may be added in later versions; none of these goes, and none changes its meaning.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Interval = list[float | None]
"""Least and greatest value, at 95 %."""
Numbers = dict[str, Any]
"""Values by name, which depend on what was asked."""


class _Output(BaseModel):
    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)


class Measured(_Output):
    """What the answers after one segment reach: shares of cells and of puzzles."""

    segment: int
    cell: float
    exact: float
    valid: float | None = None


class Segment(_Output):
    """One segment of a trace."""

    segment: int
    answer: Any
    q_halt: float | None


class Named(_Output):
    """A recipe, and what it is for."""

    name: str
    what: str


class Answered(_Output):
    """A puzzle and its answer; of a list of puzzles, one object a line."""

    puzzle: Any
    answer: Any
    """Text; a grid for ARC; null where it is withheld."""
    verified: bool | None
    """Whether it keeps the rules; null where no rules are known."""
    segments: int
    q_halt: float | None
    trace: list[Segment] | None = None


class AnswersWritten(_Output):
    """Answers to a list of puzzles that went to a file."""

    file: str
    rows: int
    resumed: int
    unsolved: int
    unreadable: int


class Shown(_Output):
    """A puzzle, its answer and every segment on the way."""

    puzzle: Any
    answer: Any
    verified: bool | None
    segments: int
    q_halt: float | None
    trace: list[Segment]
    file: str | None
    """The picture."""


class Evaluated(_Output):
    """Accuracy on puzzles with known answers."""

    examples: int
    exact: float
    cell: float
    exact_ci95: Interval
    per_segment: list[Measured]
    early_exit: Numbers
    """Where each puzzle stops by the Q-head: exact, segments_mean, halted_by_choice."""
    solve_exit: Numbers
    """The same where a run of `hrm solve` stops: by the rules, or by the Q-head where every cell is sure."""
    config: Numbers
    data: Numbers
    protocol: Numbers
    """Everything needed to repeat the measurement."""


class EvaluatedTasks(_Output):
    """Accuracy on ARC tasks, by votes."""

    tests: int
    tasks: int
    pass_at: dict[str, Any]
    protocol: Numbers


class HiddenTasks(_Output):
    """ARC tests whose outputs are not known: answered, not scored."""

    hidden_tests: int
    protocol: Numbers


class Adapted(_Output):
    """An ARC model fine-tuned on new tasks."""

    submission: str
    tests: int


class Serving(_Output):
    """Where the server answers."""

    url: str
    models: list[str]


class Exported(_Output):
    """Files that run without this package."""

    folder: str | None = None
    to: Literal["onnx", "torch", "web"]
    files: Any
    check: Numbers | None = Field(default=None, description="Comparison with the network.")


class Pushed(_Output):
    """A model on its way to the hub."""

    model: str
    repo: str
    folder: str | None
    commit: str | None


class Scaled(_Output):
    """Accuracy against segments and seconds, one curve for each method."""

    model: str
    task: str
    data: str
    puzzles: int
    segments: int
    copies: int
    budget: int
    right: str
    curves: list[Numbers]
    answer: str
    protocol: Numbers
    files: list[str]


class Analyzed(_Output):
    """One question asked of one or several models."""

    what: str
    models: list[Numbers]
    files: list[str]


class Reported(_Output):
    """A page about a model."""

    file: str
    bytes: int
    model: str
    task: str
    puzzles: str
    results: Numbers
    protocol: Numbers
    analyses: Numbers


class Parameters(_Output):
    """Parameters of a network, component by component."""

    trainable: int
    puzzle_table: int
    components: dict[str, int]
    gflops_per_segment: float


class Shipped(_Output):
    """A shipped model."""

    name: str
    puzzle: str
    trainable: int
    reached: str
    card: str


class Models(_Output):
    """The shipped models."""

    models: list[Shipped]


class Imported(_Output):
    """A published checkpoint as a model folder."""

    folder: str
    network: str
    weights: str
    puzzle: str
    parameters: int
    puzzle_rows: int
    tasks: int | None
    update: int | None


class Best(_Output):
    """The checkpoint that validation chose."""

    update: int
    exact: float | None
    valid: float | None


class Trained(_Output):
    """A finished run."""

    folder: str
    updates: int
    best: Best


class Planned(_Output):
    """What would be trained, and how long it would take."""

    recipe: str
    trainable_parameters: int
    puzzle_table: int
    gflops_per_segment_and_puzzle: float
    updates: int
    segments_in_all: int
    device: str
    precision: str
    seconds_per_update: float
    hours: float
    data: str
    config: Numbers


class Demonstrated(_Output):
    """What the demo reached, and the puzzle that it replayed."""

    evaluation: Numbers
    replayed: Numbers
    files: list[str]


class Recipes(_Output):
    """The experiments that run by name."""

    recipes: list[Named]


class Configuration(_Output):
    """A complete configuration; docs/cli.md and ``hrm config`` explain its values."""

    recipe: str
    model: Numbers
    data: Numbers
    optim: Numbers
    halting: Numbers
    train: Numbers
    eval: Numbers


class Compared(_Output):
    """Ablations of a recipe, each trained with several seeds."""

    recipe: str
    equal: Literal["updates", "flops"]
    seeds: list[int]
    date: str
    variants: list[Numbers]
    test: Numbers


class Check(_Output):
    """One thing that the doctor looked at."""

    name: str
    state: Literal["ok", "note", "broken"]
    detail: str
    hint: str


class Examined(_Output):
    """The machine and the installation."""

    ok: bool
    """False where something that is needed is broken; the exit code is then 1."""
    checks: list[Check]


class Benchmarked(_Output):
    """Speeds on this machine."""

    ceilings: Numbers
    cases: list[Numbers]
    speedups: list[Numbers]
    protocol: Numbers


class Store(_Output):
    """A store of puzzles."""

    path: str | None = None
    csv: str | None = None
    puzzle: str
    digest: str
    splits: dict[str, int]
    provenance: Numbers
    created: str


class Sampled(_Output):
    """Rows drawn from files."""

    path: str
    puzzle: str
    drawn: list[int]
    passed_over: list[int]


class Fetched(_Output):
    """A published data set on this machine."""

    path: str
    name: str
    repo: str
    revision: str
    license: str
    sha256: dict[str, str]
    origin: str


class StoreExported(_Output):
    """A store in the layout of the official code."""

    path: str
    splits: dict[str, int]


class Checked(_Output):
    """What is wrong with a file or store; the exit code is 4 where it is not clean."""

    path: str
    puzzle: str
    shape: list[int]
    rows: dict[str, int]
    answered: dict[str, int]
    vocabulary: dict[str, dict[str, int]]
    proven: bool
    separations: list[Any]
    findings: list[Any]
    notes: list[Any]
    clean: bool


OUTPUTS: dict[str, tuple[type[BaseModel], ...]] = {  # command: what it prints, one of these
    "solve": (Answered, AnswersWritten),
    "show": (Shown,),
    "eval": (Evaluated, EvaluatedTasks, HiddenTasks),
    "adapt": (Adapted,),
    "serve": (Serving,),
    "export": (Exported,),
    "push": (Pushed,),
    "scale": (Scaled,),
    "analyze": (Analyzed,),
    "report": (Reported,),
    "params": (Parameters,),
    "models": (Models,),
    "import": (Imported,),
    "demo": (Demonstrated,),
    "train": (Trained, Planned),
    "recipes": (Recipes,),
    "config": (Configuration,),
    "compare": (Compared,),
    "doctor": (Examined,),
    "bench": (Benchmarked,),
    "data sample": (Sampled,),
    "data fetch": (Fetched,),
    "data export": (StoreExported,),
    "data check": (Checked,),
    **{f"data {name}": (Store,) for name in ("build", "arc", "import", "show")},
}
