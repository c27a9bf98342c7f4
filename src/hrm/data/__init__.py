"""Batches from files: numpy only, and has never seen a network."""
