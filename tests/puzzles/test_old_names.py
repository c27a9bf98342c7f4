"""Families that users wrote for the places and names before still work, with a warning."""

import importlib
import sys

import pytest

import hrm.randomness
from hrm.puzzles import grids


def test_the_old_place_of_random_numbers_warns(monkeypatch):
    monkeypatch.delitem(sys.modules, "hrm.puzzles.randomness", raising=False)
    with pytest.warns(DeprecationWarning, match="is now hrm.randomness"):
        old = importlib.import_module("hrm.puzzles.randomness")
    assert old.Stream is hrm.randomness.Stream and old.generator is hrm.randomness.generator


def test_the_old_spelling_of_neighbors_warns():
    with pytest.warns(DeprecationWarning, match="called neighbors"):
        old = grids.neighbours
    assert old is grids.neighbors
    with pytest.raises(AttributeError):
        getattr(grids, "nobody")  # noqa: B009
