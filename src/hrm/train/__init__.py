"""Training: puzzles in flight, losses, the loop and its log."""
