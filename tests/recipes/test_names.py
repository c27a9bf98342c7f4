"""Recipes are found by their names and by other names that people try."""

import pytest

from hrm import recipes
from hrm.errors import UsageError


def test_each_recipe_names_itself():
    assert {name: recipes.get(name).recipe for name in recipes.RECIPES} == {name: name for name in recipes.RECIPES}


def test_other_names_are_found_and_not_listed():
    assert recipes.get("sudoku-9x9") == recipes.get("best-sudoku")
    assert set(recipes.names()) - set(recipes.RECIPES) == {"sudoku-9x9", "colouring"}


def test_the_old_spelling_of_coloring_keeps_the_configuration_of_old_runs():
    old, new = recipes.get("colouring"), recipes.get("coloring")
    assert old.digest() == "07e2c3e0"  # in the names of run folders before the recipe was renamed
    assert old.model_copy(update={"recipe": "coloring", "data": new.data}) == new
    assert old.data.model_copy(update={"puzzle": "coloring-10x3"}) == new.data


@pytest.mark.parametrize(
    ("wrong", "meant"), [("sudoku9x9", "sudoku-9x9"), ("colourng", "colouring"), ("colorin", "coloring")]
)
def test_a_wrong_name_is_told_the_nearest(wrong, meant):
    with pytest.raises(UsageError, match=f"there is no recipe '{wrong}'. Did you mean '{meant}'"):
        recipes.get(wrong)
