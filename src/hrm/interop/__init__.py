"""Other people's checkpoints, translated at the border."""
