"""Sizes of the networks and the published presets; free of torch."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

LevelName = Literal["L", "H"]
"""A level whose calls write a state of their own; a network of one state has the high level, which is decoded."""


def heads_of(width: int) -> int:
    """Return the number of heads that goes with a width: at most 8, each of an even width of at least 32."""
    return next((heads for heads in range(8, 1, -1) if width % (2 * heads) == 0 and width >= 32 * heads), 1)


class CellConfig(BaseModel, frozen=True):
    """What networks of one state a cell have in common: the same block, the same input and output."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    kind: str
    """Which network this section describes."""
    vocab_size: int = Field(gt=0)
    """Number of token ids V, padding included."""
    cells: int = Field(gt=0)
    """Number of cells C of a puzzle."""
    width: int = Field(default=512, gt=0)
    """Width D of the states, in numbers per position."""
    heads: int = Field(default_factory=lambda given: heads_of(given["width"]), gt=0)
    """Attention heads A; must divide the width. Not given: as many as are at least 32 wide, at most 8."""
    expansion: float = Field(default=4.0, gt=0)
    """Inner width of the feed-forward maps, as a multiple of the width before the SwiGLU's factor 2/3."""
    mixer: Literal["attention", "messages", "mlp"] = "attention"
    """How positions are mixed: attention, messages along the relations, or a SwiGLU across positions."""
    positions: Literal["rope", "learned", "none"] = "rope"
    """Position encoding: rotary, learned, or none."""
    rope_theta: float = Field(default=10000.0, gt=0)
    """Base of the rotary frequencies."""
    norm_eps: float = Field(default=1e-5, gt=0)
    """Epsilon of the RMS norm, added to the mean square."""
    relation_kinds: tuple[int, ...] = ()
    """Kinds of each relation between cells that the puzzle declares and that bias the attention; empty = off."""
    prefix: int = Field(default=1, ge=0)
    """Number of positions P before the cells, which hold the puzzle embedding. 0: it is added to every cell."""
    puzzle_width: int = Field(default_factory=lambda given: given["width"], ge=0)
    """Width of the puzzle embedding in numbers, zero-padded to P·D; 0 = no puzzle embedding. Not given: the width."""
    puzzles: int = Field(default=1, gt=0)
    """Rows of the puzzle embedding: puzzle ids are 0 … puzzles − 1."""

    @model_validator(mode="after")
    def _consistent(self) -> "CellConfig":
        if self.width % self.heads:
            raise ValueError(f"heads must divide width (got {self.heads} heads, width {self.width})")
        if self.positions == "rope" and self.mixer == "attention" and (self.width // self.heads) % 2:
            raise ValueError(f"rope needs an even head width (got {self.width}/{self.heads})")
        if self.puzzle_width > (room := max(self.prefix, 1) * self.width):
            raise ValueError(f"puzzle_width {self.puzzle_width} does not fit into prefix·width = {room}")
        if self.mixer == "messages" and not self.relation_kinds and self.cells > 1:
            raise ValueError("mixer = 'messages' needs relation_kinds: messages travel along relations")
        if self.mixer == "mlp" and self.relation_kinds:
            raise ValueError("relation_kinds needs mixer = 'attention': the mlp mixer has no attention to bias")
        return self

    @property
    def length(self) -> int:
        """Number of positions S = P + C."""
        return self.prefix + self.cells


class HRMConfig(CellConfig, frozen=True):
    """The hierarchical recurrent network: HRM and TRM are this loop with different settings."""

    title: ClassVar[str] = "a Hierarchical Reasoning Model"
    levels: ClassVar[tuple[LevelName, ...]] = ("L", "H")
    """Which levels a segment calls; the first of them is called once a timestep."""
    unit: ClassVar[str] = "timestep"
    """What a timestep of a segment is."""

    kind: Literal["hrm"] = "hrm"
    """Which network this section describes."""
    h_layers: int = Field(default=4, gt=0)
    """Blocks of the high level f_H; unused where ``tied``."""
    l_layers: int = Field(default=4, gt=0)
    """Blocks of the low level f_L."""
    cycles: int = Field(default=2, gt=0)
    """High-level cycles N per segment."""
    timesteps: int = Field(default=2, gt=0)
    """Low-level timesteps T per cycle."""
    grad_calls: int = Field(default=2, gt=0)
    """How many of a segment's last module calls carry gradient: 2 = one-step gradient, T+1 = the last cycle."""
    tied: bool = False
    """Share the weights of f_H and f_L."""
    q_continue: bool = True
    """Let the Q-head also estimate the value of continuing."""

    @model_validator(mode="after")
    def _within_a_segment(self) -> "HRMConfig":
        _check_grad_calls(self)
        return self

    @property
    def calls(self) -> int:
        """Module calls of a segment: N·(T + 1)."""
        return self.cycles * (self.timesteps + 1)

    @property
    def blocks(self) -> int:
        """Blocks with weights of their own."""
        return self.l_layers + (0 if self.tied else self.h_layers)

    @property
    def depth(self) -> int:
        """Blocks that a segment runs one after the other."""
        return self.cycles * (self.timesteps * self.l_layers + (self.l_layers if self.tied else self.h_layers))

    @property
    def loop(self) -> str:
        """What a segment does, in words."""
        return _in_words(self)


class RecurrentConfig(CellConfig, frozen=True):
    """One state and one stack of blocks, called again and again, with the input added at each call."""

    title: ClassVar[str] = "a recurrent Transformer"
    levels: ClassVar[tuple[LevelName, ...]] = ("H",)
    unit: ClassVar[str] = "timestep"

    kind: Literal["recurrent"]
    """Which network this section describes."""
    layers: int = Field(default=8, gt=0)
    """Blocks of the stack."""
    cycles: int = Field(default=1, gt=0)
    """Cycles N per segment; only their product with the timesteps counts, but in shallow updates."""
    timesteps: int = Field(default=3, gt=0)
    """Calls T of the stack per cycle."""
    grad_calls: int = Field(default=3, gt=0)
    """How many of a segment's last calls carry gradient: N·T = backpropagation through all of them."""
    q_continue: bool = False
    """Let the Q-head also estimate the value of continuing."""

    @model_validator(mode="after")
    def _within_a_segment(self) -> "RecurrentConfig":
        _check_grad_calls(self)
        return self

    @property
    def calls(self) -> int:
        """Calls of a segment: N·T."""
        return self.cycles * self.timesteps

    @property
    def depth(self) -> int:
        """Blocks that a segment runs one after the other."""
        return self.calls * self.layers

    @property
    def loop(self) -> str:
        """What a segment does, in words."""
        return _in_words(self)


class DirectConfig(CellConfig, frozen=True):
    """A Transformer that answers in one pass: blocks with weights of their own, nothing carried on."""

    title: ClassVar[str] = "a Transformer"
    levels: ClassVar[tuple[LevelName, ...]] = ("H",)
    unit: ClassVar[str] = "block"

    kind: Literal["direct"]
    """Which network this section describes."""
    layers: int = Field(default=8, gt=0)
    """Blocks, each run once."""
    q_continue: Literal[False] = False
    """There is no value of going on: a second segment would repeat the first."""

    @property
    def cycles(self) -> int:
        """One pass."""
        return 1

    @property
    def timesteps(self) -> int:
        """Each block is a timestep of the pass."""
        return self.layers

    @property
    def grad_calls(self) -> int:
        """All blocks carry gradient."""
        return self.layers

    @property
    def depth(self) -> int:
        """Blocks that a segment runs one after the other."""
        return self.layers

    @property
    def loop(self) -> str:
        """What a segment does, in words."""
        return f"one pass through {self.layers} blocks a segment, gradient through all of them"


class EquivariantConfig(BaseModel):
    """A network with one state for each cell and symbol, so that renaming the symbols renames the answer."""

    title: ClassVar[str] = "a Hierarchical Reasoning Model"
    levels: ClassVar[tuple[LevelName, ...]] = ("L", "H")
    unit: ClassVar[str] = "timestep"

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    kind: Literal["equivariant"]
    """Which network this section describes."""
    vocab_size: int = Field(gt=0)
    """Number of token ids V, padding included."""
    cells: int = Field(gt=0)
    """Number of cells C of a puzzle."""
    symbols: int = Field(gt=1)
    """The last N token ids are symbols that may be renamed; those before them are padding and blanks."""
    width: int = Field(default=48, gt=0)
    """Width D of the states, in numbers per cell and symbol."""
    message: int = Field(default=32, gt=0)
    """Width of what a state tells the others, for each relation and for the other symbols of its cell."""
    inner: int = Field(default=96, gt=0)
    """Inner width of the gated map."""
    layers: int = Field(default=2, gt=0)
    """Blocks of each level."""
    cycles: int = Field(default=2, gt=0)
    """High-level cycles N per segment."""
    timesteps: int = Field(default=2, gt=0)
    """Low-level timesteps T per cycle."""
    grad_calls: int = Field(default=3, gt=0)
    """How many of a segment's last module calls carry gradient: 2 = one-step gradient, T+1 = the last cycle."""
    tied: bool = True
    """Share the weights of f_H and f_L."""
    norm_eps: float = Field(default=1e-5, gt=0)
    """Epsilon of the RMS norm, added to the mean square."""
    relation_kinds: tuple[int, ...] = Field(default=(1, 1, 1), min_length=1)
    """Kinds of each relation between cells that the puzzle declares; messages travel along each."""
    q_continue: Literal[False] = False
    """There is no value of going on."""

    @model_validator(mode="after")
    def _consistent(self) -> "EquivariantConfig":
        if self.symbols >= self.vocab_size:
            raise ValueError(f"symbols must be less than vocab_size ({self.vocab_size}), which counts padding")
        _check_grad_calls(self)
        return self

    @property
    def length(self) -> int:
        """Number of positions S = C · N: one for each cell and symbol."""
        return self.cells * self.symbols

    @property
    def calls(self) -> int:
        """Module calls of a segment: N·(T + 1)."""
        return self.cycles * (self.timesteps + 1)

    @property
    def depth(self) -> int:
        """Blocks that a segment runs one after the other."""
        return self.calls * self.layers

    @property
    def loop(self) -> str:
        """What a segment does, in words."""
        return _in_words(self)


LoopConfig = HRMConfig | EquivariantConfig | RecurrentConfig
"""The networks that run modules again and again."""

NetworkConfig = LoopConfig | DirectConfig
"""Any network that ``hrm.model.build`` can build; ``kind`` tells which."""


def _check_grad_calls(config: LoopConfig) -> None:
    if config.grad_calls > config.calls:
        raise ValueError(f"grad_calls must be at most {config.calls}, all module calls of a segment")


def _in_words(config: LoopConfig) -> str:
    return (
        f"N = {config.cycles} cycles of T = {config.timesteps} timesteps a segment, "
        f"gradient through the last {config.grad_calls} of {config.calls} module calls"
    )


def hrm(vocab_size: int, cells: int, **changes: object) -> HRMConfig:
    """Return the paper's network: two levels of four blocks, width 512, N = T = 2, one-step gradient."""
    return _with(HRMConfig(vocab_size=vocab_size, cells=cells), changes)


def trm_attention(vocab_size: int, cells: int, **changes: object) -> HRMConfig:
    """Return TRM with attention: one net of two blocks in both roles, 3 × 6 timesteps, last cycle with gradient.

    Source: TRM paper (arXiv 2510.04871) and its Sudoku recipe; differs: the Q-head has one output.
    """
    trm = HRMConfig(
        vocab_size=vocab_size, cells=cells, tied=True, l_layers=2, cycles=3, timesteps=6, grad_calls=7,
        prefix=16, q_continue=False,
    )  # fmt: skip
    return _with(trm, changes)


def trm_mlp(vocab_size: int, cells: int, **changes: object) -> HRMConfig:
    """Return TRM with a SwiGLU across positions in place of attention."""
    return _with(trm_attention(vocab_size, cells, mixer="mlp", positions="none"), changes)


def small(vocab_size: int, cells: int, **changes: object) -> HRMConfig:
    """Return a network for a CPU: width 128, related cells in place of positions, last cycle with gradient."""
    config = HRMConfig(
        vocab_size=vocab_size, cells=cells, width=128, heads=4, h_layers=2, l_layers=2, grad_calls=3,
        expansion=2.0, positions="none", relation_kinds=(1, 1, 1), puzzle_width=128, q_continue=False,
    )  # fmt: skip
    return _with(config, changes)


def _with(config: HRMConfig, changes: dict[str, object]) -> HRMConfig:
    """Change a preset; a puzzle embedding as wide as the states stays so."""
    if config.puzzle_width == config.width and "width" in changes:
        changes = {"puzzle_width": changes["width"], **changes}
    return HRMConfig.model_validate({**config.model_dump(), **changes})
