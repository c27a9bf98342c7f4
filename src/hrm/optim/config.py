"""Settings of the optimizers; free of torch."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

LARGEST = 1e30
"""Of rates and decays: far beyond sense, and with room to what numbers of 32 bits can hold."""
Beta = Annotated[float, Field(ge=0, lt=1)]


class OptimConfig(BaseModel):
    """The optimizer."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    kind: Literal["adam_atan2", "adamw", "muon"] = "adam_atan2"
    """Optimizer of the dense weights; ``muon`` is used for the hidden matrices, AdamW for the rest."""
    lr: float = Field(default=1e-4, ge=0, le=LARGEST)
    """Peak learning rate of the dense weights. 0: they do not change."""
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    """Decay of the first and second moment per update."""
    weight_decay: float = Field(default=0.1, ge=0, le=LARGEST)
    """Decoupled weight decay: each update shrinks a weight by lr · weight_decay."""
    muon_lr: float = Field(default=0.02, gt=0, le=LARGEST)
    """Peak learning rate of Muon's matrices, in units of a spectral norm (scaled by √max(1, out/in))."""
    muon_weight_decay: float = Field(default=0.005, ge=0, le=LARGEST)
    """Weight decay of Muon's matrices."""
    puzzle_lr: float = Field(default=1e-4, gt=0, le=LARGEST)
    """Peak learning rate of the puzzle embedding (sign-SGD)."""
    puzzle_weight_decay: float = Field(default=0.1, ge=0, le=LARGEST)
    """Weight decay of the rows of the puzzle embedding that a batch touches."""
    warmup_updates: int = Field(default=2000, ge=0)
    """Number of updates over which the learning rate rises linearly from zero."""
    min_lr_ratio: float = Field(default=1.0, ge=0, le=1)
    """Learning rate at the end of the cosine schedule, relative to the peak. 1: constant after the warm-up."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay per update of the moving average of the weights, which is evaluated and saved. 0: no average."""
