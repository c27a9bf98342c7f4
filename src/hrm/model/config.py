"""The kinds of networks, what each is made of and what it costs, and the published presets; free of torch."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from hrm.model.network_config import KINDS as KINDS
from hrm.model.network_config import Loop, LoopedConfig, NetworkConfig, Product, network_kind
from hrm.nn.sizes import message_width, swiglu_width

MOST_CALLS = 10_000
"""Cycles of a segment, or timesteps of a cycle: a file that asks for more is no network of anybody's."""


class CellConfig(NetworkConfig, frozen=True):
    """Networks with one state for each cell: the same block, the same input and output."""

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

    @property
    def puzzle_rows(self) -> int:
        """Rows of the puzzle embedding, ``puzzles``; 0 where there is none."""
        return self.puzzles if self.puzzle_width else 0

    @property
    def follow_width(self) -> list[str]:
        """Heads and the puzzle embedding, where they have the value that goes with the width."""
        usual = {"heads": heads_of(self.width), "puzzle_width": self.width}
        return [name for name, value in usual.items() if getattr(self, name) == value]

    @property
    def products(self) -> list[Product]:
        """The products with weights in one block, for one puzzle."""
        s, d, inner = self.length, self.width, swiglu_width(self.width, self.expansion)
        if self.mixer == "attention":
            mixer = [(s, d, 3 * d), (s, d, d)]
        elif self.mixer == "messages":
            each = message_width(d, self._kinds)
            mixer = [(s, d, self._kinds * each), (1, d, each), (s, self._kinds * each, d), (1, each, d)]
        else:
            across = swiglu_width(s, self.expansion)
            mixer = [(d, s, 2 * across), (d, across, s)]
        return [(s, d, 2 * inner), (s, inner, d), *mixer]

    @property
    def mixing_flops(self) -> int:
        """The two products of attention, or those of the messages with the matrices of the relations."""
        widths = {"attention": 2 * self.width, "messages": self._kinds * message_width(self.width, self._kinds)}
        return 2 * self.length**2 * widths.get(self.mixer, 0)

    @property
    def block_weights(self) -> int:
        """Trainable parameters of one block, with the biases of relations."""
        return super().block_weights + (self.heads * self._kinds if self.mixer == "attention" else 0)

    @property
    def parameters(self) -> tuple[int, int]:
        """Trainable parameters without the puzzle embedding, and the numbers of the puzzle embedding."""
        tables = 2 * self.vocab_size + (self.length if self.positions == "learned" else 0)
        q_head = (2 if self.q_continue else 1) * (self.width + 1)
        return tables * self.width + q_head + self.blocks * self.block_weights, self.puzzles * self.puzzle_width

    @property
    def _kinds(self) -> int:
        return sum(self.relation_kinds)


def heads_of(width: int) -> int:
    """Return the number of heads that goes with a width: at most 8, each of an even width of at least 32."""
    return next((heads for heads in range(8, 1, -1) if width % (2 * heads) == 0 and width >= 32 * heads), 1)


@network_kind
class HRMConfig(LoopedConfig, CellConfig, frozen=True):
    """The hierarchical recurrent network: HRM and TRM are this loop with different settings."""

    title: ClassVar[str] = "a Hierarchical Reasoning Model"
    network: ClassVar[str] = "hrm.model.hrm:HRM"

    kind: Literal["hrm"] = "hrm"
    """Which network this section describes."""
    h_layers: int = Field(default=4, gt=0)
    """Blocks of the high level f_H; unused where ``tied``."""
    l_layers: int = Field(default=4, gt=0)
    """Blocks of the low level f_L."""
    cycles: int = Field(default=2, gt=0, le=MOST_CALLS)
    """High-level cycles N per segment."""
    timesteps: int = Field(default=2, gt=0, le=MOST_CALLS)
    """Low-level timesteps T per cycle."""
    grad_calls: int = Field(default=2, gt=0, le=MOST_CALLS)
    """How many of a segment's last module calls carry gradient: 2 = one-step gradient, T+1 = the last cycle."""
    tied: bool = False
    """Share the weights of f_H and f_L."""
    q_continue: bool = True
    """Let the Q-head also estimate the value of continuing."""

    @property
    def loop(self) -> Loop:
        """Two states, N·(T + 1) calls."""
        return Loop(2, self.cycles, self.timesteps, self.grad_calls)

    @property
    def stacks(self) -> tuple[int, ...]:
        """Blocks of f_L, and of f_H where it has weights of its own."""
        return (self.l_layers,) if self.tied else (self.l_layers, self.h_layers)

    def one_pass(self, layers: int, more_heads: int = 0) -> "DirectConfig":
        """Return a Transformer of the same blocks, each run once."""
        heads = self.heads + more_heads
        width = self.width // self.heads * heads
        puzzle_width = width if self.puzzle_width == self.width else self.puzzle_width
        sizes = {"layers": layers, "heads": heads, "width": width, "puzzle_width": puzzle_width}
        return DirectConfig.model_validate(self._of_cells() | sizes | {"kind": "direct"})

    def one_state(self, layers: int, **loop: int) -> "RecurrentConfig":
        """Return the network of one state and one stack of the same blocks."""
        changes = {"kind": "recurrent", "layers": layers, "q_continue": self.q_continue}
        return RecurrentConfig.model_validate(self._of_cells() | loop | changes)

    def _of_cells(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in CellConfig.model_fields}


@network_kind
class EquivariantConfig(LoopedConfig, frozen=True):
    """A network with one state for each cell and symbol, so that renaming the symbols renames the answer."""

    title: ClassVar[str] = "a Hierarchical Reasoning Model"
    network: ClassVar[str] = "hrm.model.equivariant:EquivariantHRM"

    kind: Literal["equivariant"]
    """Which network this section describes."""
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
    cycles: int = Field(default=2, gt=0, le=MOST_CALLS)
    """High-level cycles N per segment."""
    timesteps: int = Field(default=2, gt=0, le=MOST_CALLS)
    """Low-level timesteps T per cycle."""
    grad_calls: int = Field(default=3, gt=0, le=MOST_CALLS)
    """How many of a segment's last module calls carry gradient: 2 = one-step gradient, T+1 = the last cycle."""
    states: Literal[1, 2] = 2
    """States: z_L and z_H, or z_H alone, replaced at every one of N·T calls of one stack."""
    tied: bool = True
    """Share the weights of f_H and f_L; with one state there is one stack anyway."""
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
        return self

    @property
    def loop(self) -> Loop:
        """One state or two."""
        return Loop(self.states, self.cycles, self.timesteps, self.grad_calls)

    @property
    def stacks(self) -> tuple[int, ...]:
        """Blocks of f_L, and of f_H where it has weights of its own."""
        return (self.layers,) if self.tied or self.states == 1 else (self.layers, self.layers)

    @property
    def length(self) -> int:
        """Number of positions S = C · N: one for each cell and symbol."""
        return self.cells * self.symbols

    @property
    def products(self) -> list[Product]:
        """The products with weights in one block, for one puzzle."""
        s, d, messages = self.length, self.width, (sum(self.relation_kinds) + 1) * self.message
        return [(s, d + messages, 2 * self.inner), (s, d, messages), (s, self.inner, d)]

    @property
    def mixing_flops(self) -> int:
        """The products of the messages with the matrices of the relations."""
        return 2 * self.cells * self.length * sum(self.relation_kinds) * self.message

    @property
    def head_flops(self) -> int:
        """Operations of f_O, forward, of one puzzle."""
        return 2 * self.length * self.width

    @property
    def parameters(self) -> tuple[int, int]:
        """Trainable parameters; there is no puzzle embedding."""
        tokens = (self.vocab_size - self.symbols + 2) * self.width
        return tokens + self.blocks * self.block_weights + self.width + (self.width + 1), 0

    def one_state(self, layers: int, **loop: int) -> "EquivariantConfig":
        """Return the network of one state and one stack of the same blocks."""
        return EquivariantConfig.model_validate(self.model_dump() | loop | {"states": 1, "layers": layers})


@network_kind
class RecurrentConfig(LoopedConfig, CellConfig, frozen=True):
    """One state and one stack of blocks, called again and again, with the input added at each call."""

    title: ClassVar[str] = "a recurrent Transformer"
    network: ClassVar[str] = "hrm.model.hrm:HRM"

    kind: Literal["recurrent"]
    """Which network this section describes."""
    layers: int = Field(default=8, gt=0)
    """Blocks of the stack."""
    cycles: int = Field(default=1, gt=0, le=MOST_CALLS)
    """Cycles N per segment; only their product with the timesteps counts, but in shallow updates."""
    timesteps: int = Field(default=3, gt=0, le=MOST_CALLS)
    """Calls T of the stack per cycle."""
    grad_calls: int = Field(default=3, gt=0, le=MOST_CALLS)
    """How many of a segment's last calls carry gradient: N·T = backpropagation through all of them."""
    q_continue: bool = False
    """Let the Q-head also estimate the value of continuing."""

    @property
    def loop(self) -> Loop:
        """One state, N·T calls."""
        return Loop(1, self.cycles, self.timesteps, self.grad_calls)

    @property
    def stacks(self) -> tuple[int, ...]:
        """Blocks of the one stack."""
        return (self.layers,)


@network_kind
class DirectConfig(CellConfig, frozen=True):
    """A Transformer that answers in one pass: blocks with weights of their own, nothing carried on."""

    title: ClassVar[str] = "a Transformer"
    network: ClassVar[str] = "hrm.model.direct:Direct"
    recurrent: ClassVar[bool] = False

    kind: Literal["direct"]
    """Which network this section describes."""
    layers: int = Field(default=8, gt=0)
    """Blocks, each run once."""
    q_continue: Literal[False] = False
    """There is no value of going on: a second segment would repeat the first."""

    @property
    def loop(self) -> Loop:
        """One pass, of which every block is a timestep that carries gradient."""
        return Loop(1, 1, self.layers, self.layers, "block")

    @property
    def stacks(self) -> tuple[int, ...]:
        """All blocks."""
        return (self.layers,)

    @property
    def call_blocks(self) -> list[int]:
        """Each call is one block."""
        return [1] * self.layers


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
