"""Pictures: puzzles, figures and the report page, in one palette."""
