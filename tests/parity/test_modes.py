"""What must agree within this package: traces and segments, bf16 and fp32, batch and single."""

import torch

from hrm.model.config import hrm
from hrm.model.hrm import HRM


def test_bf16_stays_near_fp32_after_one_segment():
    """Stated tolerance of bf16: 8 bits of mantissa through 12 blocks leave the logits within 5 % of their spread."""
    config = hrm(11, 20, width=64, heads=2, h_layers=2, l_layers=2)
    inputs = torch.randint(0, 11, (4, 20), generator=torch.Generator().manual_seed(0))
    logits = []
    for dtype in (torch.float32, torch.bfloat16):
        model = HRM(config, dtype=dtype)
        assert all(p.dtype == torch.float32 for p in model.parameters())
        x = model.embed(inputs)
        segment = model.segment(model.initial(x), x)
        assert segment.logits.dtype == segment.latents.z_H.dtype == dtype
        assert segment.q_halt_logit.dtype == torch.float32
        logits.append(segment.logits.float())
    assert (logits[0] - logits[1]).abs().mean() < 0.05 * logits[0].std()
