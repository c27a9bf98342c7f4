"""Other people's checkpoints, translated at the border."""

from hrm.interop import official as official
