"""Shortest paths in mazes."""
