"""Measure how fast training and inference are on this machine."""
