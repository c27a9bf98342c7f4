"""Draw puzzles and answers: in the terminal, and as PNG, SVG and GIF."""
