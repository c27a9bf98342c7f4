"""ARC: tasks, their variants and their canvas."""
