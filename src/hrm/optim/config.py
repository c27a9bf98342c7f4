"""Settings of the optimisers; free of torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class OptimConfig(BaseModel):
    """How weights move."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    kind: Literal["adam_atan2", "adamw", "muon"] = "adam_atan2"
    """Optimiser of the dense weights; ``muon`` takes the hidden matrices and leaves the rest to AdamW."""
    lr: float = Field(default=1e-4, ge=0)
    """Peak learning rate of the dense weights; 0 leaves them as they are."""
    betas: tuple[float, float] = (0.9, 0.95)
    """Decay of the first and second moment per update."""
    weight_decay: float = Field(default=0.1, ge=0)
    """Share of a weight that lr · decay takes away per update, decoupled from the gradient."""
    muon_lr: float = Field(default=0.02, gt=0)
    """Peak learning rate of Muon's matrices, in units of a spectral norm (scaled by √max(1, out/in))."""
    muon_weight_decay: float = Field(default=0.005, ge=0)
    """Weight decay of Muon's matrices."""
    puzzle_lr: float = Field(default=1e-4, gt=0)
    """Peak learning rate of the puzzle embedding (sign-SGD)."""
    puzzle_weight_decay: float = Field(default=0.1, ge=0)
    """Weight decay of the rows of the puzzle embedding that a batch touches."""
    warmup_updates: int = Field(default=2000, ge=0)
    """Updates over which the learning rate rises linearly from zero."""
    min_lr_ratio: float = Field(default=1.0, ge=0, le=1)
    """Where the cosine ends, as a share of the peak; 1 = constant after the warm-up."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Decay per update of the average of all weights that is evaluated and shipped; 0 = no average."""
