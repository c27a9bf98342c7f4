"""Sudoku and its kin: classic, Killer, Samurai."""
