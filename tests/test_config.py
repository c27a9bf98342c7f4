"""Configurations: recipes are complete, TOML round-trips, mistakes are named."""

import pytest

from hrm import puzzles, recipes
from hrm.config import RunConfig, annotated_toml, flat, from_toml, schema_paths
from hrm.errors import UsageError
from hrm.experiment import OWN
from hrm.recipes import resolve
from hrm.recipes.resolve import parse_value


@pytest.mark.parametrize("name", recipes.RECIPES)
def test_every_recipe_is_complete_and_fits_its_puzzle(name):
    config = recipes.get(name)
    assert config.recipe == name
    if name != OWN:  # its sizes follow from the user's puzzles
        spec = puzzles.get(config.data.puzzle).spec
        assert (config.model.vocab_size, config.model.cells) == (spec.vocab_size, spec.cells)
        assert len(config.model.relation_kinds) in (0, len(spec.relations))
    assert from_toml(config.to_toml(), "test") == config
    assert from_toml(annotated_toml(config, {}), "test") == config
    assert "Command" in (recipes.function(name).__doc__ or "")


def test_every_field_says_what_it_means():
    def fields(section):
        for name, field in section.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, RunConfig.__mro__[2]):
                yield from fields(field.annotation)
            yield name, field.description

    undocumented = [name for name, description in fields(RunConfig) if not description]
    assert not undocumented


def test_flags_beat_the_file_which_beats_the_recipe(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[optim]\nlr = 0.5\nema = 0.5\n")
    config, sources = resolve("smoke", file, ["--optim.lr", "0.25"])
    assert (config.optim.lr, config.optim.ema) == (0.25, 0.5)
    assert sources["optim.lr"] == "flag" and sources["optim.ema"] == str(file)
    assert sources["model.width"] == "recipe smoke"


@pytest.mark.parametrize("path, text, value", [
    ("optim.lr", "7e-5", 7e-5),
    ("optim.betas", "[0.8, 0.9]", (0.8, 0.9)),
    ("data.augment", "false", False),
    ("data.path", "a b.csv", "a b.csv"),
    ("model.positions", "learned", "learned"),
])  # fmt: skip
def test_values_of_flags(path, text, value):
    config = recipes.get("smoke").changed(path, parse_value(text))
    section, key = path.split(".")
    assert getattr(getattr(config, section), key) == value


@pytest.mark.parametrize("recipe, path, text, said", [
    ("smoke", "optim.lrr", "1", "Did you mean 'optim.lr'"),
    ("smoke", "modle.width", "1", "Did you mean 'model"),
    ("smoke", "model.states", "1", "states is a key of networks of kind 'equivariant'; this one is of kind 'hrm'"),
    ("best-sudoku", "model.h_layers", "2", "of networks of kind 'hrm'; this one is of kind 'equivariant'"),
    ("smoke", "data.lr", "1", "unknown key 'data.lr'"),
    ("smoke", "model.width", "-3", "model.width: input should be greater than 0 (got -3)"),
    ("smoke", "train.loss", "hinge", "'stablemax' or 'softmax'"),
    ("smoke", "model.kind", "mamba", "choose one of 'hrm', 'equivariant', 'recurrent', 'direct' (got 'mamba')"),
    ("best-sudoku", "model.width", "-3", "model.width: input should be greater than 0 (got -3)"),
    ("best-sudoku", "model.relation_kinds", "[]", "model.relation_kinds: tuple should have at least 1 item"),
    ("best-sudoku", "model.grad_calls", "99", "grad_calls must be at most"),
])  # fmt: skip
def test_mistakes_are_named(recipe, path, text, said):
    with pytest.raises(UsageError) as error:
        recipes.get(recipe).changed(path, parse_value(text))
    assert said in str(error.value) and "\n" not in str(error.value)


def test_paths_of_the_schema_are_those_of_a_configuration():
    assert flat(recipes.get("smoke").model_dump()).keys() <= set(schema_paths())


def test_the_digest_names_the_configuration():
    one, two = recipes.get("smoke"), recipes.get("smoke")
    assert one.digest() == two.digest() != recipes.get("hrm-sudoku").digest()
    assert len(one.digest()) == 8
