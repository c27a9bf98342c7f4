"""What happens inside a network: each question is a function from a solver and puzzles to plain numbers."""
