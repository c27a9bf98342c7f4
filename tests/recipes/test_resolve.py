"""A recipe, a file and changes make one configuration, in Python as on the command line."""

import pytest

import hrm
from hrm.errors import UsageError
from hrm.recipes import get, resolve


def test_python_and_the_command_line_make_the_same_configuration(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text("[optim]\nema = 0.5\n")
    said = resolve("smoke", file, ["--optim.lr", "0.25", "--train.seed=3"])
    made = hrm.recipes.resolve("smoke", file, {"optim.lr": 0.25, "train": {"seed": 3}})
    assert said == made and said.config == get("smoke", {"optim.ema": 0.5, "optim.lr": 0.25, "train.seed": 3})
    assert {path: made.sources[path] for path in ("optim.lr", "optim.ema", "train.seed", "model.width")} == {
        "optim.lr": "flag", "optim.ema": str(file), "train.seed": "flag", "model.width": "recipe smoke",
    }  # fmt: skip


def test_a_file_may_name_its_recipe_or_be_complete(tmp_path):
    part, whole = tmp_path / "part.toml", tmp_path / "whole.toml"
    part.write_text('recipe = "smoke"\n[train]\nseed = 3\n')
    assert resolve(file=part).config == get("smoke", {"train.seed": 3})
    whole.write_text(get("smoke", {"train.seed": 4}).to_toml())
    config, sources = resolve(file=whole)
    assert config == get("smoke", {"train.seed": 4}) and sources["model.width"] == str(whole)


def test_a_flag_may_come_before_the_recipe():
    assert resolve("--train.seed=3", None, ["smoke"]).config == get("smoke", {"train.seed": 3})


@pytest.mark.parametrize("words, said", [
    (["smoke", "other"], "unexpected argument 'other'"), (["smoke", "--optim.lr"], "--optim.lr needs a value"),
    (["smok"], "Did you mean 'smoke'"), ([], "name a recipe or give --config FILE"),
])  # fmt: skip
def test_what_cannot_be_resolved_is_refused(words, said):
    with pytest.raises(UsageError, match=said):
        resolve(changes=words)


@pytest.mark.parametrize("width, heads, puzzle_width", [(64, 2, 64), (256, 8, 256)])
def test_heads_and_the_puzzle_embedding_follow_the_width(width, heads, puzzle_width):
    model = get("hrm-6x6").changed("model.width", width).model
    assert (model.heads, model.puzzle_width) == (heads, puzzle_width)
    assert get("hrm-6x6").changed({"model.width": 64, "model.heads": 4}).model.heads == 4
