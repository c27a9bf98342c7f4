"""What every configuration of a network says, and the register of its kinds; free of torch.

A new kind is a subclass of ``NetworkConfig`` under ``@network_kind`` that names the class of its network: with that it
can be trained, saved, loaded, evaluated and analyzed. The module that defines it must be imported first.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

LevelName = Literal["L", "H"]
"""A level whose calls write a state of their own; a network of one state has the high level, which is decoded."""

Product = tuple[int, int, int]
"""A product of M rows with a K×N matrix of weights, as (M, K, N)."""


@dataclass(frozen=True)
class Loop:
    """What a segment does: N cycles of T timesteps; with two states each cycle ends with a call of f_H."""

    states: Literal[1, 2]
    """Two: z_L and z_H. One: z_H alone, which every call replaces."""
    cycles: int
    timesteps: int
    grad_calls: int
    """How many of the last calls carry gradient."""
    unit: Literal["timestep", "block"] = "timestep"
    """What a timestep is."""

    @property
    def levels(self) -> tuple[LevelName, ...]:
        """Which levels a segment calls; the first of them is called once a timestep."""
        return ("L", "H") if self.states == 2 else ("H",)

    @property
    def calls(self) -> int:
        """Calls of a segment: N·(T + 1) with two states, N·T with one."""
        return self.cycles * (self.timesteps + self.states - 1)

    def __str__(self) -> str:
        """Return the loop in words."""
        if self.unit == "block":
            return f"one pass through {self.calls} blocks a segment, gradient through all of them"
        return (
            f"N = {self.cycles} cycles of T = {self.timesteps} timesteps a segment, "
            f"gradient through the last {self.grad_calls} of {self.calls} module calls"
        )


class NetworkConfig(BaseModel, ABC, frozen=True):
    """What trainer, solver and analyses ask of the configuration of any network."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    title: ClassVar[str]
    """What the network is, in words."""
    network: ClassVar[str]
    """Where its class is: ``module:class``, made from (config, seed, dtype)."""
    recurrent: ClassVar[bool] = True
    """Whether a segment goes on from the latents of the one before."""

    kind: str
    """Which network this section describes."""
    vocab_size: int = Field(gt=0)
    """Number of token ids V, padding included."""
    cells: int = Field(gt=0)
    """Number of cells C of a puzzle."""
    if TYPE_CHECKING:  # each kind declares these fields itself, with its own defaults and its own order in TOML
        width: int
        relation_kinds: tuple[int, ...]
        q_continue: bool

    @property
    @abstractmethod
    def loop(self) -> Loop:
        """What a segment does."""

    @property
    @abstractmethod
    def stacks(self) -> tuple[int, ...]:
        """Blocks of each stack with weights of its own, in the order f_L, f_H."""

    @property
    @abstractmethod
    def products(self) -> list[Product]:
        """The products with weights in one block, for one puzzle."""

    @property
    @abstractmethod
    def parameters(self) -> tuple[int, int]:
        """Trainable parameters without the puzzle embedding, and the numbers of the puzzle embedding."""

    @property
    def calls(self) -> int:
        """Module calls of a segment."""
        return self.loop.calls

    @property
    def blocks(self) -> int:
        """Blocks with weights of their own."""
        return sum(self.stacks)

    @property
    def call_blocks(self) -> list[int]:
        """Blocks that each call of a segment runs, in order."""
        low, high = self.stacks[0], self.stacks[-1]
        return ([low] * self.loop.timesteps + [high] * (self.loop.states - 1)) * self.loop.cycles

    @property
    def depth(self) -> int:
        """Blocks that a segment runs one after the other."""
        return sum(self.call_blocks)

    @property
    def block_weights(self) -> int:
        """Trainable parameters of one block."""
        return sum(inputs * outputs for _, inputs, outputs in self.products)

    @property
    def mixing_flops(self) -> int:
        """Operations of one block besides ``products``: of states with states, or with matrices of the relations."""
        return 0

    @property
    def call_flops(self) -> list[int]:
        """Operations of every call of a segment, in order, forward, of one puzzle (see ``model.flops``)."""
        block = 2 * sum(rows * inputs * outputs for rows, inputs, outputs in self.products) + self.mixing_flops
        return [blocks * block for blocks in self.call_blocks]

    @property
    def head_flops(self) -> int:
        """Operations of f_O, forward, of one puzzle."""
        return 2 * self.length * self.width * self.vocab_size

    @property
    def length(self) -> int:
        """Number of positions S."""
        return self.cells

    @property
    def puzzle_rows(self) -> int:
        """Rows of the puzzle embedding, ``puzzles``; 0 where there is none."""
        return 0

    @property
    def follow_width(self) -> list[str]:
        """Fields that have the value that goes with the width, and change with it."""
        return []

    def one_pass(self, layers: int, more_heads: int = 0) -> "NetworkConfig | None":
        """Return a Transformer of the same blocks, each run once, or None where there is none.

        Args:
            layers: how many blocks.
            more_heads: heads of the same width to add, which widens it.
        """
        return None

    def one_state(self, layers: int, **loop: int) -> "NetworkConfig | None":
        """Return the network of one state and one stack of the same blocks, or None where there is none.

        Args:
            layers: blocks of the stack.
            loop: its ``cycles``, ``timesteps`` and ``grad_calls``.
        """
        return None


KINDS: dict[str, type[NetworkConfig]] = {}
"""Every kind of network by its name, as ``[model] kind`` gives it."""

Kind = TypeVar("Kind", bound=type[NetworkConfig])


def network_kind(config: Kind) -> Kind:
    """Register a kind of network under the one value of its field ``kind``."""
    [name] = get_args(config.model_fields["kind"].annotation)
    KINDS[name] = config
    return config


class LoopedConfig(NetworkConfig, frozen=True):
    """Networks that call f_L, and f_H where there are two states, again and again."""

    if TYPE_CHECKING:  # declared by each kind
        cycles: int
        timesteps: int
        grad_calls: int

    @model_validator(mode="after")
    def _within_a_segment(self) -> "LoopedConfig":
        if self.grad_calls > self.loop.calls:
            raise ValueError(f"grad_calls must be at most {self.loop.calls}, all module calls of a segment")
        return self
