"""Pictures of how a puzzle is solved, for the terminal and as files."""
