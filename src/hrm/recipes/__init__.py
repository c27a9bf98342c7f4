"""Experiments that can be run by name: one function each, which returns a complete configuration."""

from hrm.recipes.catalog import RECIPES as RECIPES
from hrm.recipes.catalog import function as function
from hrm.recipes.catalog import get as get
from hrm.recipes.catalog import names as names
from hrm.recipes.resolve import resolve as resolve
